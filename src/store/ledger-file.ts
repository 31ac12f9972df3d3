/**
 * The ledger file as its writer holds it: one descriptor, the offset up to which every row is known, and the state
 * those rows add up to (design 3.3). Changed only by ledger-read.ts and ledger-append.ts.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { CryptoBackend } from '../core/crypto.js';
import type { Receipt } from '../core/receipt.js';
import { createFlusher, type Flusher } from './flush.js';
import { rewritten } from './ledger-errors.js';
import {
  finishRenaming,
  isSameFile,
  namePart,
  type OpenPart,
  openPart,
  renameParts,
} from './ledger-parts.js';
import { createLedgerState, type LedgerState } from './ledger-state.js';
import { LEDGER_FILE } from './paths.js';
import { ORIGIN, type Place } from './place.js';
import { syncFolderNow, type TornTail } from './torn.js';

/** The system calls whose failures matter most, as an argument, so that tests can make them fail. */
export interface LedgerIo {
  writeSync(fd: number, bytes: Uint8Array): number;
  ftruncateSync(fd: number, size: number): void;
  fdatasync(fd: number): Promise<void>;
  fdatasyncSync(fd: number): void;
}

/** Hears of each row that is now known, in order. */
export type RowListener = (receipt: Receipt, timestampMs: number) => void;

export interface LedgerFileOptions {
  readonly folder: string;
  /** The id of the ledger, should it turn out to be new. */
  readonly ledgerId: string;
  readonly backend: CryptoBackend;
  readonly onRow: RowListener;
  /** Milliseconds since 1970, for the names of torn files. */
  readonly now: () => number;
  /** A part that has as many bytes is full. */
  readonly partBytes: number;
  readonly io?: Partial<LedgerIo> | undefined;
  /** Whether something says that there is a ledger: one that is gone is then not a new one. */
  readonly mustExist: boolean;
  /** Whether an operator knows that the newest part may be gone: it is made anew. */
  readonly mayLackNewest: boolean;
}

export interface LedgerFile {
  /** Of the newest part. */
  readonly path: string;
  readonly folder: string;
  readonly backend: CryptoBackend;
  readonly onRow: RowListener;
  readonly now: () => number;
  readonly partBytes: number;
  readonly io: LedgerIo;
  readonly state: LedgerState;
  readonly mayLackNewest: boolean;
  /** The part that is being read or written. */
  part: number;
  fd: number;
  identity: { readonly ino: number; readonly dev: number };
  /** Bytes of the part's rows that are known. */
  offset: number;
  /** Length of the last of them with its line feed; 0 when there is none. */
  headBytes: number;
  /** The last place known to be on disk for good: what a reopened file is read again from. */
  anchor: Place;
  /** Torn files beside the ledger; `undefined` before the folder was looked through. */
  torn: readonly TornTail[] | undefined;
  /** Whether a failed flush or cut made the descriptor worthless. */
  poisoned: boolean;
  /** Of this descriptor: after a reopening a new one knows nothing of what was lost before. */
  flusher: Flusher;
}

/** What others have added to the part, and whether it is full, so that there is a next one. */
export interface Ahead {
  readonly bytes: number;
  readonly isFull: boolean;
}

const NODE_IO: LedgerIo = {
  writeSync: (fd, bytes) => fs.writeSync(fd, bytes),
  ftruncateSync: (fd, size) => fs.ftruncateSync(fd, size),
  fdatasync: (fd) =>
    new Promise((resolve, reject) => fs.fdatasync(fd, (cause) => (cause ? reject(cause) : resolve()))),
  fdatasyncSync: (fd) => fs.fdatasyncSync(fd),
};

/**
 * Opens a ledger's oldest part, or makes the first. Nothing is read yet.
 *
 * @throws AgentGuardError HOME_UNSAFE for a link, another user's file or one that others may write to; LEDGER_REWRITTEN
 *   when it must exist and does not; LEDGER_CORRUPT when a part is missing; LEDGER_UNWRITABLE.
 */
export function openLedgerFile(options: LedgerFileOptions): LedgerFile {
  const { folder, backend, onRow, now, partBytes, mayLackNewest } = options;
  const path = join(folder, LEDGER_FILE);
  const opened = openPart(folder, 0, options.mustExist ? 'append' : 'create');
  if (!opened) throw rewritten(path, 'is gone');
  const io = { ...NODE_IO, ...options.io };
  const state = createLedgerState(options.ledgerId);
  const known = { part: 0, offset: 0, headBytes: 0, anchor: ORIGIN, torn: undefined, poisoned: false };
  const own = { fd: opened.fd, identity: opened.stats, flusher: createIdleFlusher() };
  const file = { path, folder, backend, onRow, now, partBytes, mayLackNewest, io, state, ...known, ...own };
  file.flusher = createFileFlusher(file);
  return file;
}

/** Where the known rows end. */
export function placeOf({ part, offset, headBytes, state }: LedgerFile): Place {
  return { part, offset, rows: state.rows, headHash: state.headHash, headBytes };
}

/** How much others have added. @throws AgentGuardError LEDGER_REWRITTEN */
export function measureAhead(file: LedgerFile): Ahead {
  const newest = fs.lstatSync(file.path, { throwIfNoEntry: false });
  const isFull = !newest || !isSameFile(newest, file.identity);
  const stats = isFull
    ? fs.lstatSync(join(file.folder, namePart(file.part)), { throwIfNoEntry: false })
    : newest;
  if (!stats || !isSameFile(stats, file.identity))
    throw rewritten(file.path, newest ? 'was replaced by another file' : 'is gone');
  if (stats.size < file.offset)
    throw rewritten(file.path, `has ${stats.size} bytes where it had ${file.offset}`);
  return { bytes: stats.size - file.offset, isFull };
}

/** Whether others have written, or something is wrong. Never throws. */
export function hasChanged(file: LedgerFile): boolean {
  try {
    const { bytes, isFull } = measureAhead(file);
    return bytes !== 0 || isFull;
  } catch {
    return true;
  }
}

/** Trades a poisoned descriptor for a new one. What it reads must be compared before anything is written. */
export async function renewDescriptor(file: LedgerFile): Promise<void> {
  await file.flusher.settle();
  const opened = openPart(file.folder, file.part, 'append');
  if (!opened) throw rewritten(file.path, 'is gone');
  fs.closeSync(file.fd);
  const { identity } = file;
  adoptDescriptor(file, opened);
  if (!isSameFile(identity, opened.stats)) throw rewritten(file.path, 'was replaced by another file');
  measureAhead(file);
}

/** Goes to another part, at its start or at a place in it. Rows of the part left behind are on disk. */
export function enterPart(
  file: LedgerFile,
  opened: OpenPart,
  at: Pick<Place, 'part' | 'offset' | 'headBytes'>,
): void {
  const { fd, flusher } = file;
  flusher.finish();
  // Not before: its number may be given to another file at once.
  void flusher.settle().then(() => fs.closeSync(fd));
  file.part = at.part;
  file.offset = at.offset;
  file.headBytes = at.headBytes;
  adoptDescriptor(file, opened);
}

/**
 * With the lock, caught up: makes the part a full one and begins the next. All its rows are on disk first, so that no
 * row of the next part is there without them. A failure changes nothing, or leaves a full part without a next one, which
 * the next to hold the lock makes.
 */
export function rotate(file: LedgerFile): void {
  const full = join(file.folder, namePart(file.part));
  if (fs.existsSync(full)) return;
  try {
    file.io.fdatasyncSync(file.fd);
  } catch {
    file.poisoned = true;
    return;
  }
  renameParts(file.folder, file.part);
  beginPart(file);
}

/**
 * With the lock: goes to the part after a full one, which gets its name when whoever filled this one died before.
 *
 * @throws AgentGuardError LEDGER_REWRITTEN when nobody was about to give it its name: it was taken away.
 */
export function beginPart(file: LedgerFile): void {
  const { folder, mayLackNewest } = file;
  let opened = openPart(folder, file.part + 1, 'append');
  if (!opened && (finishRenaming(folder) || mayLackNewest))
    opened = openPart(folder, file.part + 1, 'create');
  if (!opened) throw rewritten(file.path, 'has lost its newest part');
  syncFolderNow(file.folder);
  enterPart(file, opened, { part: file.part + 1, offset: 0, headBytes: 0 });
}

/** Waits for flushes under way and lets go of the file. */
export async function closeLedgerFile(file: LedgerFile): Promise<void> {
  await file.flusher.settle();
  fs.closeSync(file.fd);
}

function adoptDescriptor(file: LedgerFile, { fd, stats }: OpenPart): void {
  file.fd = fd;
  file.identity = stats;
  file.flusher = createFileFlusher(file);
}

function createFileFlusher(file: LedgerFile): Flusher {
  const { fd } = file;
  const sync = (): Promise<void> =>
    file.io.fdatasync(fd).catch((cause: unknown) => {
      if (file.fd === fd) file.poisoned = true;
      throw cause;
    });
  return createFlusher(sync, () => file.offset);
}

function createIdleFlusher(): Flusher {
  return createFlusher(
    async () => {},
    () => 0,
  );
}
