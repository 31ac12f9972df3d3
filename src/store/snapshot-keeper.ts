/** When a ledger's snapshot is used and written (design: docs/receipt-format.md "Snapshot"). */
import * as fs from 'node:fs';
import type { LedgerFold } from '../core/spend-store.js';
import { rewritten } from './ledger-errors.js';
import { enterPart, type LedgerFile, placeOf } from './ledger-file.js';
import { openPart } from './ledger-parts.js';
import { replayRows } from './ledger-read.js';
import { readRange } from './lines.js';
import { isSamePlace, ORIGIN, type Place } from './place.js';
import { readSnapshot, type SavedFold, type Snapshot, writeSnapshot } from './snapshot.js';
import { compareWithLedger } from './snapshot-check.js';

/** A snapshot is due after so many rows, unless told otherwise. */
const SNAPSHOT_ROWS = 10_000;
/** Fewer new rows than this are not worth a flush that nobody asked for. */
const WORTH_FLUSHING_ROWS = 1_000;

export interface SnapshotKeeper {
  /** States of folds at places of this ledger, by name: read from the snapshot, or of folds that were detached. */
  readonly saved: Map<string, SavedFold>;
  readonly rowsBetween: number;
  /** Rows that were read to folds only because no snapshot had their state. */
  replayed: number;
  /** Rows at the time of the last attempt to write. */
  triedAt: number;
  writing: Promise<void> | undefined;
  /** Whether the snapshot in the folder is worth nothing: it is replaced, not merged with. */
  replaces: boolean;
  /** Whether the snapshot in the folder is the only witness of a rewriting that no row acknowledges yet. */
  isWitness: boolean;
}

export function createSnapshotKeeper(rowsBetween = SNAPSHOT_ROWS): SnapshotKeeper {
  return {
    saved: new Map(),
    rowsBetween,
    replayed: 0,
    triedAt: 0,
    writing: undefined,
    replaces: false,
    isWitness: false,
  };
}

/** Lets a file whose rows are all unread begin where its snapshot ends. @throws AgentGuardError LEDGER_REWRITTEN */
export function restoreSnapshot(file: LedgerFile, keeper: SnapshotKeeper, snapshot: Snapshot): void {
  const difference = compareWithLedger(file.folder, snapshot, file.backend);
  if (difference !== undefined) throw rewritten(file.path, difference);
  if (snapshot.part > 0) {
    const opened = openPart(file.folder, snapshot.part, 'append');
    if (!opened) throw rewritten(file.path, 'has lost a part');
    enterPart(file, opened, snapshot);
  } else Object.assign(file, { offset: snapshot.offset, headBytes: snapshot.headBytes });
  const { ledgerId, named, rows, headHash, lastTimestampMs } = snapshot;
  Object.assign(file.state, { ledgerId, named, rows, headHash, lastTimestampMs });
  for (const [key, head] of snapshot.chains) file.state.chains.set(key, head);
  for (const name of snapshot.tornFiles) file.state.tornFiles.add(name);
  for (const [retired, successor] of snapshot.retiredKeys) file.state.retiredKeys.set(retired, successor);
  file.anchor = placeOf(file);
  keeper.triedAt = rows;
  for (const [name, fold] of snapshot.folds) keeper.saved.set(name, fold);
}

/** Brings a new fold to where the file's known rows end: from its saved state, or from the first row. */
export async function introduceFold(
  file: LedgerFile,
  keeper: SnapshotKeeper,
  fold: LedgerFold,
): Promise<void> {
  const saved = fold.name === undefined ? undefined : keeper.saved.get(fold.name);
  const from = saved && isHistory(file, saved.place) && fold.load?.(saved.state) ? saved.place : ORIGIN;
  keeper.replayed += await replayRows(file, from, (receipt, timestampMs) => fold.apply(receipt, timestampMs));
}

/** Keeps what a fold has, at the place where the known rows end. Synchronous: between two steps. */
export function keepFold(file: LedgerFile, keeper: SnapshotKeeper, fold: LedgerFold): void {
  if (fold.name === undefined || !fold.save) return;
  keeper.saved.set(fold.name, { place: placeOf(file), state: fold.save() });
}

/** Whether enough has happened since the last snapshot to write one in passing. */
export function isSnapshotDue({ state }: LedgerFile, keeper: SnapshotKeeper): boolean {
  return !keeper.writing && state.rows - keeper.triedAt + keeper.replayed >= keeper.rowsBetween;
}

/** Whether a last snapshot is worth its flush. @param flushed all rows are on disk anyway. */
export function isLastSnapshotDue(file: LedgerFile, keeper: SnapshotKeeper, flushed: boolean): boolean {
  const news = file.state.rows - file.anchor.rows + keeper.replayed;
  return keeper.replaces || news >= (flushed ? 1 : WORTH_FLUSHING_ROWS);
}

/**
 * Writes a snapshot of this moment once its rows are on disk. Never rejects: without one the next start only takes
 * longer. One at a time.
 */
export function takeSnapshot(
  file: LedgerFile,
  keeper: SnapshotKeeper,
  folds: Iterable<LedgerFold>,
): Promise<void> {
  const place = placeOf(file);
  keeper.triedAt = place.rows;
  // At the start of a part there is no row to know the place by.
  if (keeper.writing || keeper.isWitness || place.headBytes === 0 || file.poisoned)
    return keeper.writing ?? Promise.resolve();
  keeper.replayed = 0;
  for (const fold of folds) keepFold(file, keeper, fold);
  const { ledgerId, named, lastTimestampMs, chains, tornFiles, retiredKeys } = file.state;
  const lists = {
    chains: [...chains],
    tornFiles: [...tornFiles],
    retiredKeys: [...retiredKeys],
    folds: new Map(keeper.saved),
  };
  const snapshot: Snapshot = { ...place, ledgerId, named, lastTimestampMs, ...lists };
  const flushed = file.flusher.flush(place.offset);
  keeper.writing = write(file, keeper, snapshot, flushed)
    .catch(() => {})
    .finally(() => {
      keeper.writing = undefined;
    });
  return keeper.writing;
}

async function write(
  file: LedgerFile,
  keeper: SnapshotKeeper,
  snapshot: Snapshot,
  flushed: Promise<void>,
): Promise<void> {
  await flushed;
  if (snapshot.rows > file.anchor.rows) file.anchor = pickPlace(snapshot);
  // Rewritten meanwhile, and perhaps acknowledged: what this process knows is of another ledger.
  if (compareWithLedger(file.folder, snapshot, file.backend) !== undefined) return;
  const reading = await readSnapshot(file.folder);
  const there = reading.kind === 'good' && !keeper.replaces ? reading.snapshot : undefined;
  if (there && compareWithLedger(file.folder, there, file.backend) !== undefined) return;
  await writeSnapshot(file.folder, there ? mergeSnapshots(there, snapshot) : snapshot);
  keeper.replaces = false;
}

/** Another process may be further, and may know of other folds. */
function mergeSnapshots(there: Snapshot, own: Snapshot): Snapshot {
  if (there.ledgerId !== own.ledgerId) return own;
  const [base, other] = there.rows > own.rows ? [there, own] : [own, there];
  const folds = new Map(base.folds);
  for (const [name, fold] of other.folds) {
    const known = folds.get(name);
    if (!known || known.place.rows < fold.place.rows) folds.set(name, fold);
  }
  return { ...base, folds };
}

/** Whether a place lies among the known rows. Which rows come after it is checked while they are read. */
function isHistory(file: LedgerFile, place: Place): boolean {
  if (place.rows > file.state.rows || place.part > file.part) return false;
  const opened = openPart(file.folder, place.part, 'read');
  if (!opened) return false;
  try {
    return isSamePlace(place, file.backend, (from, length) => readRange(opened.fd, from, length));
  } finally {
    fs.closeSync(opened.fd);
  }
}

function pickPlace({ part, offset, rows, headHash, headBytes }: Place): Place {
  return { part, offset, rows, headHash, headBytes };
}
