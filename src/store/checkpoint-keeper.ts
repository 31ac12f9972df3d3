/** When a ledger's checkpoints are written: every so many rows and at a clean close, never while anybody waits. */
import { encodeUtf8 } from '../core/bytes.js';
import {
  hasCheckpoints,
  parseCheckpoint,
  type SignedCheckpoint,
  signCheckpoint,
} from '../core/checkpoint.js';
import type { Signer } from '../core/crypto.js';
import { computeRoot } from '../core/merkle.js';
import { appendCheckpoint } from './checkpoint-file.js';
import { type LedgerFile, placeOf } from './ledger-file.js';
import { growTree, readTree, writeTree } from './tree.js';

/** A checkpoint is due after so many rows, unless told otherwise. */
const CHECKPOINT_ROWS = 1_024;
/** Fewer new rows than this are not worth a flush that nobody asked for. */
const WORTH_FLUSHING_ROWS = 1_000;
/** More rows than this are not counted while somebody waits for a close. */
const CLOSE_ROWS = 20_000;

export interface CheckpointKeeper {
  readonly rowsBetween: number;
  /** Rows that this process wrote since the last checkpoint that it wanted. */
  ownRows: number;
  writing: Promise<void> | undefined;
  /** Ends the counting of a long history when the ledger is closed. */
  readonly stop: AbortController;
}

export function createCheckpointKeeper(rowsBetween = CHECKPOINT_ROWS): CheckpointKeeper {
  return { rowsBetween, ownRows: 0, writing: undefined, stop: new AbortController() };
}

/**
 * Takes note of rows that this process wrote, and whether a checkpoint is due with them. Of several processes only the
 * one whose row makes the number full writes it.
 */
export function countOwnRows(keeper: CheckpointKeeper, rowsBefore: number, rows: number): boolean {
  keeper.ownRows += rows - rowsBefore;
  return Math.floor(rowsBefore / keeper.rowsBetween) < Math.floor(rows / keeper.rowsBetween);
}

/** Writes a checkpoint in passing. Never rejects: the next one counts these rows too. */
export function takeCheckpoint(file: LedgerFile, keeper: CheckpointKeeper, signer: Signer): Promise<void> {
  if (keeper.writing || file.poisoned) return keeper.writing ?? Promise.resolve();
  keeper.writing = writeCheckpoint(file, signer, keeper.stop.signal)
    .then(
      () => {},
      () => {},
    )
    .finally(() => {
      keeper.writing = undefined;
    });
  keeper.ownRows = 0;
  return keeper.writing;
}

/** The last checkpoint of a handle that closes. @param flushed all rows are on disk anyway */
export async function finishCheckpoint(
  file: LedgerFile,
  keeper: CheckpointKeeper,
  signer: Signer,
  flushed: boolean,
): Promise<void> {
  if (keeper.ownRows < (flushed ? 1 : WORTH_FLUSHING_ROWS)) return;
  const { place } = await readTree(file.folder, file.backend);
  if (file.state.rows - place.rows > CLOSE_ROWS) keeper.stop.abort();
  await keeper.writing;
  if (!keeper.stop.signal.aborted) await takeCheckpoint(file, keeper, signer);
}

/**
 * A checkpoint of the rows that are known now, once they are on disk.
 *
 * @returns `undefined` when there are no rows, another process has counted more, or the ledger's id fits into no note
 * @throws AgentGuardError, and the system's error
 */
export async function writeCheckpoint(
  file: LedgerFile,
  signer: Signer,
  signal?: AbortSignal,
): Promise<SignedCheckpoint | undefined> {
  const place = placeOf(file);
  const { ledgerId } = file.state;
  const { folder, backend } = file;
  if (!hasCheckpoints(ledgerId) || place.rows === 0) return undefined;
  await file.flusher.flush(place.offset);
  const before = await readTree(folder, backend);
  const tree = await growTree(folder, before, place, backend, signal);
  if (!tree) return undefined;
  const root = computeRoot(tree.frontier, backend.sha256);
  const text = signCheckpoint(ledgerId, place.rows, root, signer);
  const checkpoint = parseCheckpoint(encodeUtf8(text));
  if (!checkpoint.ok) throw new TypeError(checkpoint.message);
  // A tree that ends here was left by whoever wrote the checkpoint of these rows.
  if (before.place.rows !== place.rows) await appendCheckpoint(folder, checkpoint.value);
  // At the start of a part there is no row to know the place by.
  if (place.headBytes > 0) await writeTree(folder, tree);
  return checkpoint.value;
}
