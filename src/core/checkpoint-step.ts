/**
 * Holds a ledger to the checkpoints that its verifier brought: whether its first rows are still those that each one
 * counts (docs/receipt-format.md "Checkpoints").
 */
import { equalBytes } from './bytes.js';
import { createCheckpointKey, readOrigin, type SignedCheckpoint } from './checkpoint.js';
import type { LedgerState } from './ledger-state.js';
import { appendLeaf, computeRoot, createFrontier, type Frontier, hashLeaf, type Sha256 } from './merkle.js';
import { addProblem } from './problem-list.js';
import type { FileReport, Verdict } from './report.js';
import { verifyNote } from './signed-note.js';
import { count } from './verdicts.js';

/** A checkpoint kept elsewhere than the ledger. */
export interface BroughtCheckpoint {
  /** Names it in sentences: its file. */
  readonly name: string;
  readonly checkpoint: SignedCheckpoint;
}

/** The tree of the lines so far, and its root at the sizes that matter. */
export interface CheckpointStep {
  readonly brought: readonly BroughtCheckpoint[];
  readonly frontier: Frontier;
  readonly roots: Map<number, Uint8Array>;
}

/** Nothing to do, and `undefined`, where no checkpoint was brought. */
export function createCheckpointStep(brought: readonly BroughtCheckpoint[] = []): CheckpointStep | undefined {
  if (brought.length === 0) return undefined;
  return { brought, frontier: createFrontier(), roots: new Map() };
}

/** Counts a line into the tree, as long as a checkpoint counts it too. */
export function countLine(step: CheckpointStep, line: Uint8Array, sha256: Sha256): void {
  const { brought, frontier, roots } = step;
  if (!brought.some(({ checkpoint }) => checkpoint.size > frontier.size)) return;
  appendLeaf(frontier, hashLeaf(sha256, line), sha256);
  const { size } = frontier;
  if (brought.some(({ checkpoint }) => checkpoint.size === size))
    roots.set(size, computeRoot(frontier, sha256));
}

/** The verdict, with a problem for each checkpoint that does not fit; `undefined` where none was brought. */
export function judgeComplete(state: LedgerState): Verdict | undefined {
  const { checkpoints: step, order, problems, line } = state;
  if (!step) return undefined;
  const own = step.brought.filter(({ checkpoint }) => readOrigin(checkpoint.origin) === order.ledgerId);
  if (order.ledgerId === null || own.length === 0)
    return unknown('No checkpoint of this ledger was brought, so rows cut from the end would not show.');
  if (order.startsLate)
    return unknown('The first rows of the ledger were not seen, so no checkpoint can be compared.');
  for (const each of own) holdToCheckpoint(state, step, each, own);
  if (problems.faults.complete !== undefined) return { answer: 'no', because: problems.faults.complete };
  const covered = Math.max(...own.map(({ checkpoint }) => checkpoint.size));
  if (covered === 0) return unknown('The checkpoint counts no rows, so it shows nothing about them.');
  const signed = own.some(
    (each) => each.checkpoint.size === covered && checkSignature(state, each) === 'valid',
  );
  return { answer: 'yes', because: printCover(covered, line - covered, signed) };
}

/** A report for each ledger that a checkpoint counts rows of and that is none of the files verified. */
export function reportMissingLedgers(
  files: readonly FileReport[],
  brought: readonly BroughtCheckpoint[],
): readonly FileReport[] {
  const present = new Set(files.map((file) => file.ledgerId));
  return brought
    .filter(({ checkpoint }) => checkpoint.size > 0 && !present.has(readOrigin(checkpoint.origin) ?? ''))
    .map(reportMissingLedger);
}

function holdToCheckpoint(
  state: LedgerState,
  step: CheckpointStep,
  each: BroughtCheckpoint,
  own: readonly BroughtCheckpoint[],
): void {
  const { name, checkpoint } = each;
  const { size } = checkpoint;
  const at = { line: 0, sequence: null };
  if (checkSignature(state, each) === 'bad') {
    const message = `The signature of the checkpoint ${name} does not fit it: it was changed, or is no checkpoint of this ledger.`;
    addProblem(state.problems, 'BAD_CHECKPOINT', at, message);
  } else if (state.line < size) {
    const message = `The checkpoint ${name} counts ${count(size, 'row')}, and ${state.line} are there: at least ${size - state.line} were cut off.`;
    addProblem(state.problems, 'TRUNCATED', at, message);
  } else if (!fits(step, each)) {
    addProblem(state.problems, 'REWRITTEN', at, printRewriting(step, each, own));
  }
}

function printRewriting(
  step: CheckpointStep,
  { name, checkpoint: { size } }: BroughtCheckpoint,
  own: readonly BroughtCheckpoint[],
): string {
  const fitting = own.filter((other) => fits(step, other)).map((other) => other.checkpoint.size);
  if (fitting.includes(size))
    return `The checkpoints of ${count(size, 'row')} contradict each other, and ${name} is of another history: the ledger was told in two ways.`;
  const same = Math.max(0, ...fitting.filter((other) => other < size));
  const where = same === 0 ? 'Of' : `The first ${same} are as they were; of`;
  return `${where} the first ${count(size, 'row')}, not all are those that the checkpoint ${name} counts: rows were changed, removed or put in.`;
}

function fits(step: CheckpointStep, { checkpoint }: BroughtCheckpoint): boolean {
  const { size, root } = checkpoint;
  const there = size === 0 ? undefined : step.roots.get(size);
  return size === 0 || (there !== undefined && equalBytes(there, root));
}

function checkSignature(state: LedgerState, { checkpoint }: BroughtCheckpoint) {
  const { list, successors } = state.signers;
  const signers = list.map((signer) => signer.publicKeyHex);
  // A key that was named may sign checkpoints before any row.
  const all = [...signers, ...successors.keys(), ...state.ring.pinned.keys()];
  const known = new Set(all.filter((key) => key !== undefined));
  const ledgerId = readOrigin(checkpoint.origin) ?? '';
  const keys = [...known].map((key) => createCheckpointKey(ledgerId, key));
  return verifyNote(checkpoint.note, keys);
}

function printCover(covered: number, after: number, isSigned: boolean): string {
  const rest = after === 0 ? 'those are all.' : `${count(after, 'row')} after it are covered by none.`;
  const whose = isSigned
    ? ''
    : ' Its key signed no row here: it is worth what the place where it was kept is worth.';
  return `The ledger extends the checkpoint that was brought: up to row ${covered} nothing was cut off or changed; ${rest}${whose}`;
}

function reportMissingLedger({ name, checkpoint: { origin, size } }: BroughtCheckpoint): FileReport {
  const message = `The checkpoint ${name} counts ${count(size, 'row')} of ${origin}, and no file here is that ledger: it is gone, or was not brought.`;
  const verdict: Verdict = { answer: 'unknown', because: 'The ledger was not seen.' };
  return {
    path: name,
    rows: 0,
    ledgerId: readOrigin(origin) ?? null,
    chains: [],
    problems: [{ code: 'LEDGER_MISSING', severity: 'error', line: 0, sequence: null, message }],
    problemCount: 1,
    caps: [],
    verdicts: {
      authentic: verdict,
      contiguous: verdict,
      complete: { answer: 'no', because: message },
      lawful: verdict,
    },
  };
}

function unknown(because: string): Verdict {
  return { answer: 'unknown', because };
}
