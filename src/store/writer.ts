/** The queue of one process before a ledger's lock, and what is done under the lock: catch up, decide, sign, append. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt } from '../core/receipt.js';
import type { Draft, LedgerFold, LedgerView } from '../core/spend-store.js';
import { type CheckpointKeeper, countOwnRows, takeCheckpoint } from './checkpoint-keeper.js';
import { adoptSuccessor } from './key-successor.js';
import { appendRows, listUnnamed } from './ledger-append.js';
import { type LedgerFile, measureAhead, rotate } from './ledger-file.js';
import { catchUp, readAhead, reopenLedgerFile } from './ledger-read.js';
import { sealDrafts, viewState } from './ledger-state.js';
import type { Lock } from './lock.js';
import {
  introduceFold,
  isSnapshotDue,
  keepFold,
  type SnapshotKeeper,
  takeSnapshot,
} from './snapshot-keeper.js';

export type Step<T> = (view: LedgerView) => { result: T; drafts: readonly Draft[] };

/** What a step brought: its result, its rows, and how to have them flushed. */
export interface Appended<T> {
  readonly result: T;
  readonly receipts: readonly Receipt[];
  readonly flush: () => Promise<void>;
}

export interface Writer {
  readonly file: LedgerFile;
  readonly lock: Lock;
  /** The ledger's own key; another one after a rotation. */
  signer: Signer;
  readonly keyPath: string;
  /** Milliseconds that a step waits for the lock of another living process. */
  readonly lockWaitMs: number | undefined;
  /** Called after each run of steps. */
  readonly notify: () => void;
  /** Fed every row; shared with whoever made the file's `onRow`. */
  readonly folds: Set<LedgerFold>;
  /** Attached, history not yet read to them. */
  readonly freshFolds: Set<LedgerFold>;
  readonly snapshots: SnapshotKeeper;
  readonly checkpoints: CheckpointKeeper;
  readonly queue: Job[];
  draining: boolean;
  /** Set for good when the file is not the one that was written to. */
  broken: AgentGuardError | undefined;
}

interface Job {
  readonly run: () => void;
  readonly reject: (error: unknown) => void;
}

/** Longest run of steps under one lock: others wait for it, and so does the event loop. */
const BATCH_STEPS = 64;
const BATCH_MS = 4;
/** More than this is read before the lock is taken, not under it. */
const LOCKED_READ_BYTES = 65_536;

/** Queues a step. @throws AgentGuardError LEDGER_*, and whatever the step throws */
export function runInTurn<T>(writer: Writer, step: Step<T>): Promise<Appended<T>> {
  return new Promise((resolve, reject) => {
    writer.queue.push({ run: () => resolve(runStep(writer, step)), reject });
    wake(writer);
  });
}

/** Feeds a fold everything before the next step. */
export function attachFold(writer: Writer, fold: LedgerFold): void {
  if (!writer.folds.has(fold)) writer.freshFolds.add(fold);
}

/** What it has goes into the next snapshot. */
export function detachFold(writer: Writer, fold: LedgerFold): void {
  if (writer.folds.delete(fold)) keepFold(writer.file, writer.snapshots, fold);
  writer.freshFolds.delete(fold);
}

function wake(writer: Writer): void {
  if (writer.draining) return;
  writer.draining = true;
  // In a microtask: calls made in one go share one hold of the lock.
  void Promise.resolve().then(() => work(writer));
}

async function work(writer: Writer): Promise<void> {
  await drain(writer);
  writer.draining = false;
  if (writer.queue.length > 0) wake(writer);
}

async function drain(writer: Writer): Promise<void> {
  while (writer.queue.length > 0) {
    try {
      if (!isReadyNow(writer)) await getReady(writer);
    } catch (error) {
      if (error instanceof AgentGuardError && error.code === 'LEDGER_REWRITTEN') writer.broken = error;
      for (const job of writer.queue.splice(0)) job.reject(error);
      return;
    }
    const rowsBefore = writer.file.state.rows;
    try {
      if (writer.file.offset >= writer.file.partBytes) tryRotate(writer.file);
      if (isSettled(writer)) runBatch(writer);
    } finally {
      writer.lock.release();
    }
    writer.notify();
    if (countOwnRows(writer.checkpoints, rowsBefore, writer.file.state.rows)) {
      void takeCheckpoint(writer.file, writer.checkpoints, writer.signer);
    }
    if (isSnapshotDue(writer.file, writer.snapshots)) {
      void takeSnapshot(writer.file, writer.snapshots, writer.folds);
    }
    if (writer.queue.length > 0) await nextTurn();
  }
}

/** Takes the lock and catches up, if all that is possible at once; else `getReady` does it step by step. */
function isReadyNow(writer: Writer): boolean {
  if (writer.broken) throw writer.broken;
  return isSettled(writer) && writer.lock.tryAcquire() && catchUpLocked(writer, LOCKED_READ_BYTES);
}

async function getReady(writer: Writer): Promise<void> {
  const { file } = writer;
  let maxBytes = LOCKED_READ_BYTES;
  do {
    if (writer.broken) throw writer.broken;
    if (file.poisoned) await reopenLedgerFile(file);
    for (const fold of writer.freshFolds) await introduce(writer, fold);
    while (maxBytes === LOCKED_READ_BYTES && isFarBehind(file)) {
      if (!(await readAhead(file))) maxBytes = Infinity;
    }
    await writer.lock.acquire(writer.lockWaitMs);
  } while (!catchUpLocked(writer, maxBytes));
}

/** With the lock, which is let go of again when catching up fails or has to be done outside it. */
function catchUpLocked(writer: Writer, maxBytes: number): boolean {
  let done = false;
  try {
    done = isSettled(writer) && catchUp(writer.file, maxBytes);
    return done;
  } finally {
    if (!done) writer.lock.release();
  }
}

function isSettled(writer: Writer): boolean {
  return writer.freshFolds.size === 0 && !writer.file.poisoned;
}

async function introduce(writer: Writer, fold: LedgerFold): Promise<void> {
  await introduceFold(writer.file, writer.snapshots, fold);
  // Unless it was detached meanwhile.
  if (writer.freshFolds.delete(fold)) writer.folds.add(fold);
}

function isFarBehind(file: LedgerFile): boolean {
  const { bytes, isFull } = measureAhead(file);
  return bytes > LOCKED_READ_BYTES || isFull;
}

/** A part may grow beyond its size, so a rotation that fails stops nobody. */
function tryRotate(file: LedgerFile): void {
  try {
    rotate(file);
  } catch {
    // The next step finds what there is: the old part still the newest, or full and without a next one.
  }
}

function runBatch(writer: Writer): void {
  const until = performance.now() + BATCH_MS;
  for (let n = 0; n < BATCH_STEPS && isSettled(writer); n++) {
    const job = writer.queue.shift();
    if (!job) return;
    try {
      job.run();
    } catch (error) {
      job.reject(error);
    }
    if (performance.now() > until) return;
  }
}

function runStep<T>(writer: Writer, step: Step<T>): Appended<T> {
  const { file, snapshots } = writer;
  const signer = refreshSigner(writer);
  const { result, drafts } = step(viewState(file.state));
  const rows = sealDrafts(file.state, drafts, signer, file.backend, listUnnamed(file));
  if (rows.length > 0) {
    appendRows(file, rows);
    snapshots.isWitness = false;
  }
  const { flusher, offset } = file;
  return { result, receipts: rows.map((row) => row.receipt), flush: () => flusher.flush(offset) };
}

/** A key that named its successor signs nothing more, whichever process rotated it. */
function refreshSigner(writer: Writer): Signer {
  const { file, keyPath, signer } = writer;
  const { retiredKeys } = file.state;
  if (retiredKeys.has(signer.publicKeyHex)) {
    writer.signer = adoptSuccessor(keyPath, signer, retiredKeys, () => file.io.fdatasyncSync(file.fd));
  }
  return writer.signer;
}
