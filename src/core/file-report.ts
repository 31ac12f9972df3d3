/** The report of one verified file: chains, problems and verdicts from what the verifier saw. */
import { judgeComplete } from './checkpoint-step.js';
import type { LedgerState } from './ledger-state.js';
import { addProblem, listProblems, type ProblemList } from './problem-list.js';
import type { ChainReport, FileReport } from './report.js';
import { isTrusted } from './rotation-step.js';
import { nameSigner, type SignerChain } from './signers.js';
import { count, type Evidence, judge } from './verdicts.js';

/** From this many keys in one ledger, its owner is told about the habit that makes so many. */
const MANY_KEYS = 3;

const OTHER_CHAINS_UNSEEN = 'The chain is unbroken from its row 0.';

/** Adds what only the whole file shows, and sums up. */
export function printFileReport(state: LedgerState): FileReport {
  const { path, rows, problems, order } = state;
  const lawful = state.lawful?.lawfulness;
  noteKeys(state);
  const complete = judgeComplete(state);
  const chains = state.signers.list
    .filter((signer) => signer.rows > 0)
    .map((signer) => printChain(signer, state.isQuick));
  return {
    path,
    rows,
    ledgerId: order.ledgerId,
    chains,
    problems: listProblems(problems),
    problemCount: problems.count,
    verdicts: judge({ ...gatherEvidence(state), complete, lawful: lawful?.conclude() }),
    caps: lawful?.listCaps() ?? [],
  };
}

function noteKeys({ signers, problems }: LedgerState): void {
  for (const signer of signers.list) {
    if (signer.publicKeyHex === undefined) noteUnknownKey(problems, signer);
  }
  const unpinned = signers.list.filter((signer) => signer.publicKeyHex !== undefined && !isTrusted(signer));
  const [only] = unpinned;
  if (only) noteUnpinnedKeys(problems, unpinned, only);
  // A successor that its owner named is no fresh key.
  const fresh = signers.list.filter((signer) => !signer.vouchedBy).length;
  if (fresh >= MANY_KEYS) {
    addProblem(
      problems,
      'FRESH_KEYS',
      { line: 0, sequence: null },
      `${fresh} keys signed this ledger. If the program makes a new key on each start, nobody can tell its rows from a stranger's: keep one key, and pin it.`,
    );
  }
}

function noteUnknownKey(problems: ProblemList, signer: SignerChain): void {
  signer.unchecked += signer.waiting.length;
  signer.waiting = [];
  const rows = signer.unchecked === 1 ? 'A row' : `${signer.unchecked} rows`;
  const message = `${rows} of ${nameSigner(signer)} from here on name no key; bring it to check the signatures.`;
  addProblem(problems, 'UNKNOWN_KEY', { line: signer.firstLine, sequence: signer.chain.first }, message);
}

function noteUnpinnedKeys(problems: ProblemList, unpinned: readonly SignerChain[], first: SignerChain): void {
  if (unpinned.length >= MANY_KEYS) {
    const message = `${unpinned.length} keys are not pinned: the rows are consistent with them, and nobody here knows whose they are.`;
    addProblem(problems, 'UNPINNED_KEY', { line: first.firstLine, sequence: null }, message);
    return;
  }
  for (const signer of unpinned) {
    const message = `The key ${nameSigner(signer)} is not pinned: nobody here knows whose it is.`;
    addProblem(problems, 'UNPINNED_KEY', { line: signer.firstLine, sequence: null }, message);
  }
}

function printChain(signer: SignerChain, isQuick: boolean): ChainReport {
  const { fingerprint, rows, last, head, chain } = signer;
  const evidence: Evidence = {
    faults: signer.faults,
    rows,
    keys: 1,
    unpinnedKeys: isTrusted(signer) ? 0 : 1,
    uncheckedRows: signer.unchecked,
    skippedRows: signer.skipped,
    isQuick,
    unseen: signer.startsLate ? `Before row ${chain.first}, nothing was seen.` : undefined,
    unbroken: OTHER_CHAINS_UNSEEN,
  };
  return {
    signer: nameSigner(signer),
    fingerprint,
    rows,
    first: chain.first,
    last,
    head,
    verdicts: judge(evidence),
  };
}

function gatherEvidence({ problems, rows, signers, order, isQuick }: LedgerState): Evidence {
  const chains = signers.list;
  return {
    faults: problems.faults,
    rows,
    keys: chains.length,
    unpinnedKeys: chains.filter((signer) => !isTrusted(signer)).length,
    uncheckedRows: chains.reduce((sum, signer) => sum + signer.unchecked, 0),
    skippedRows: chains.reduce((sum, signer) => sum + signer.skipped, 0),
    isQuick,
    unseen: findUnseen(chains, order),
    unbroken: `${count(chains.length, 'chain')} and the ledger's own order, unbroken from row 0 through ${count(rows, 'row')}.`,
  };
}

function findUnseen(chains: readonly SignerChain[], order: LedgerState['order']): string | undefined {
  const late = chains.find((signer) => signer.startsLate);
  if (late) return `Before row ${late.chain.first} of ${nameSigner(late)}, nothing was seen.`;
  if (order.startsLate) return 'Before the first row of the file, the ledger has rows that were not seen.';
  if (order.foreignRows > 0) {
    const rows = count(order.foreignRows, 'row');
    return `Each chain is unbroken from row 0, but ${rows} of other writers sign no ledger order: a whole signer's rows could be gone.`;
  }
  return undefined;
}
