/** Verifies a receipt that comes inside its inclusion proof: the row itself, and that the proof's checkpoint counts it. */
import { equalBytes } from './bytes.js';
import { createCheckpointKey, readOrigin } from './checkpoint.js';
import type { BroughtCheckpoint } from './checkpoint-step.js';
import { nobleBackend } from './ed25519.js';
import { createLedgerVerifier, type VerifyOptions } from './ledger-verifier.js';
import type { ChainReport, FileReport, Problem, ProblemCode, Verdict } from './report.js';
import { verifyNote } from './signed-note.js';
import { isIncluded, parseTlogProof, type TlogProof } from './tlog-proof.js';
import { count } from './verdicts.js';
import { verifyEntry } from './verify.js';

/**
 * The report on a proof and the receipt in it. `complete` is never "yes": the other rows were not seen. Never rejects
 * because of the bytes.
 */
export async function verifyProof(
  bytes: Uint8Array,
  path: string,
  options: VerifyOptions,
): Promise<FileReport> {
  const reading = parseTlogProof(bytes);
  if (!reading.ok) return refuseProof(path, reading.message);
  const { extra } = reading.value;
  if (!extra)
    return refuseProof(path, 'The proof carries no receipt, so there is nothing that it could prove.');
  const { checkpoints: _, ...others } = options;
  const verifier = createLedgerVerifier({ ...others, path });
  await verifier.push(extra);
  await verifier.settle();
  const alone = verifier.finish();
  const { verdicts, problems } = await verifyEntry(extra, options);
  const found = holdToProof(reading.value, extra, alone, options);
  const all = [...problems, ...(found.problem ? [found.problem] : [])];
  return {
    ...alone,
    verdicts: { ...verdicts, complete: found.verdict },
    problems: all,
    problemCount: all.length,
  };
}

interface Finding {
  readonly verdict: Verdict;
  readonly problem?: Problem;
}

function holdToProof(
  proof: TlogProof,
  row: Uint8Array,
  { ledgerId, chains }: FileReport,
  { checkpoints = [], pinnedKeys = [], backend = nobleBackend }: VerifyOptions,
): Finding {
  const { index, checkpoint } = proof;
  const { origin, size, root, note } = checkpoint;
  if (readOrigin(origin) !== ledgerId)
    return fail('BAD_CHECKPOINT', 'The proof is of another ledger than the one that the receipt names.');
  if (!isIncluded(proof, row, backend.sha256))
    return fail(
      'BAD_CHECKPOINT',
      `The proof does not lead from this receipt to the checkpoint of ${count(size, 'row')}.`,
    );
  const keys = listKeys(chains, pinnedKeys).map((key) => createCheckpointKey(ledgerId ?? '', key));
  const signature = verifyNote(note, keys);
  if (signature === 'bad')
    return fail('BAD_CHECKPOINT', 'The signature of the checkpoint in the proof does not fit it.');
  const twin = checkpoints.find((one) => one.checkpoint.origin === origin && one.checkpoint.size === size);
  if (twin && !equalBytes(twin.checkpoint.root, root))
    return fail(
      'REWRITTEN',
      `The checkpoint ${twin.name} counts other rows than that of the proof: the ledger was told in two ways.`,
    );
  return { verdict: { answer: 'unknown', because: printPlace(index, size, signature === 'valid', twin) } };
}

function printPlace(
  index: number,
  size: number,
  isSigned: boolean,
  twin: BroughtCheckpoint | undefined,
): string {
  const place = `The receipt is row ${index} of the ${count(size, 'row')} that the checkpoint in the proof counts`;
  const whose = isSigned ? ', and its key signed it' : ', whose key signed no row here';
  const kept = twin ? `; it is the checkpoint ${twin.name} that was brought` : '';
  return `${place}${whose}${kept}. The other rows were not seen.`;
}

function listKeys(chains: readonly ChainReport[], pinned: VerifyOptions['pinnedKeys']): readonly string[] {
  const named = chains.map((chain) => chain.signer).filter((signer) => /^[0-9a-f]{64}$/.test(signer));
  return [...named, ...(pinned ?? []).map((key) => key.publicKeyHex)];
}

function fail(code: ProblemCode, message: string): Finding {
  const problem: Problem = { code, severity: 'error', line: 0, sequence: null, message };
  return { verdict: { answer: 'no', because: message }, problem };
}

function refuseProof(path: string, message: string): FileReport {
  const { verdict, problem } = fail('BAD_CHECKPOINT', message);
  const unseen: Verdict = { answer: 'unknown', because: 'The receipt was not seen.' };
  return {
    path,
    rows: 0,
    ledgerId: null,
    chains: [],
    problems: problem ? [problem] : [],
    problemCount: 1,
    caps: [],
    verdicts: { authentic: unseen, contiguous: unseen, complete: verdict, lawful: unseen },
  };
}
