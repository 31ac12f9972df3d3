/**
 * The ledger file as its writer holds it: one descriptor, the offset up to which every row is known, and the state
 * those rows add up to (design 3.3). Changed only by ledger-read.ts and ledger-append.ts.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { CryptoBackend } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt } from '../core/receipt.js';
import { createFlusher, type Flusher } from './flush.js';
import { createLedgerState, type LedgerState } from './ledger-state.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';
import { syncFolderNow, type TornTail } from './torn.js';

/** The system calls whose failures matter most, as an argument, so that tests can make them fail. */
export interface LedgerIo {
  writeSync(fd: number, bytes: Uint8Array): number;
  ftruncateSync(fd: number, size: number): void;
  fdatasync(fd: number): Promise<void>;
}

/** Hears of each row that is now known, in order. */
export type RowListener = (receipt: Receipt, timestampMs: number) => void;

export interface LedgerFileOptions {
  readonly path: string;
  /** The id of the ledger, should it turn out to be new. */
  readonly ledgerId: string;
  readonly backend: CryptoBackend;
  readonly onRow: RowListener;
  /** Milliseconds since 1970, for the names of torn files. */
  readonly now: () => number;
  readonly io?: Partial<LedgerIo> | undefined;
}

export interface LedgerFile {
  readonly path: string;
  readonly folder: string;
  readonly backend: CryptoBackend;
  readonly onRow: RowListener;
  readonly now: () => number;
  readonly io: LedgerIo;
  readonly state: LedgerState;
  readonly identity: { readonly ino: number; readonly dev: number };
  fd: number;
  /** Bytes of the rows that are known. */
  offset: number;
  /** Torn files beside the ledger; `undefined` before the folder was looked through. */
  torn: readonly TornTail[] | undefined;
  /** Whether a failed flush or cut made the descriptor worthless. */
  poisoned: boolean;
  /** Of this descriptor: after a reopening a new one knows nothing of what was lost before. */
  flusher: Flusher;
}

const NODE_IO: LedgerIo = {
  writeSync: (fd, bytes) => fs.writeSync(fd, bytes),
  ftruncateSync: (fd, size) => fs.ftruncateSync(fd, size),
  fdatasync: (fd) =>
    new Promise((resolve, reject) => fs.fdatasync(fd, (cause) => (cause ? reject(cause) : resolve()))),
};

/**
 * Opens or creates a ledger file. Nothing is read yet.
 *
 * @throws AgentGuardError HOME_UNSAFE for a link, another user's file or one that others may write to;
 *   LEDGER_UNWRITABLE.
 */
export function openLedgerFile(options: LedgerFileOptions): LedgerFile {
  const { path, backend, onRow, now } = options;
  const { fd, stats } = openForAppend(path, true);
  const io = { ...NODE_IO, ...options.io };
  const state = createLedgerState(options.ledgerId);
  const identity = { ino: stats.ino, dev: stats.dev };
  const known = {
    offset: 0,
    torn: undefined,
    poisoned: false,
    flusher: createFlusher(
      async () => {},
      () => 0,
    ),
  };
  const file = { path, folder: dirname(path), backend, onRow, now, io, state, identity, fd, ...known };
  file.flusher = createFileFlusher(file);
  return file;
}

/** How many bytes others have added. @throws AgentGuardError LEDGER_REWRITTEN */
export function measureAhead(file: LedgerFile): number {
  const stats = fs.lstatSync(file.path, { throwIfNoEntry: false });
  if (!stats) throw rewritten(file.path, 'is gone');
  if (stats.ino !== file.identity.ino || stats.dev !== file.identity.dev) {
    throw rewritten(file.path, 'was replaced by another file');
  }
  if (stats.size < file.offset)
    throw rewritten(file.path, `has ${stats.size} bytes where it had ${file.offset}`);
  return stats.size - file.offset;
}

/** Whether others have written, or something is wrong. Never throws. */
export function hasChanged(file: LedgerFile): boolean {
  try {
    return measureAhead(file) !== 0;
  } catch {
    return true;
  }
}

/** Trades a poisoned descriptor for a new one. What it reads must be compared before anything is written. */
export async function renewDescriptor(file: LedgerFile): Promise<void> {
  await file.flusher.settle();
  const { fd, stats } = openForAppend(file.path, false);
  fs.closeSync(file.fd);
  file.fd = fd;
  if (stats.ino !== file.identity.ino) throw rewritten(file.path, 'was replaced by another file');
  measureAhead(file);
  file.flusher = createFileFlusher(file);
}

/** Waits for flushes under way and lets go of the file. */
export async function closeLedgerFile(file: LedgerFile): Promise<void> {
  await file.flusher.settle();
  fs.closeSync(file.fd);
}

/** @param what such as "is gone". */
export function rewritten(path: string, what: string): AgentGuardError {
  return new AgentGuardError(
    'LEDGER_REWRITTEN',
    `The ledger ${path} ${what}: it was changed behind the guard’s back.`,
    {
      hint: 'Restore the file and run agentguard verify; then start the process again.',
    },
  );
}

/** For a write, cut or recovery that failed with `cause`. */
export function unwritable(path: string, cause: unknown): AgentGuardError {
  const why = codeOf(cause) === 'unknown' && cause instanceof Error ? cause.message : codeOf(cause);
  return new AgentGuardError(
    'LEDGER_UNWRITABLE',
    `Nothing could be written to the ledger ${path} (${why}).`,
    {
      cause,
      hint: 'Check that the disk is not full and that this user may write there.',
    },
  );
}

function createFileFlusher(file: LedgerFile): Flusher {
  const { fd } = file;
  const sync = (): Promise<void> =>
    file.io.fdatasync(fd).catch((cause: unknown) => {
      file.poisoned = true;
      throw cause;
    });
  return createFlusher(sync, () => file.offset);
}

function openForAppend(path: string, create: boolean): { fd: number; stats: fs.Stats } {
  const { O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDWR | O_APPEND | O_NONBLOCK | NO_FOLLOW | (create ? O_CREAT : 0), 0o600);
  } catch (cause) {
    if (codeOf(cause) === 'ELOOP') throw unsafe(path, 'is a symbolic link');
    if (!create && codeOf(cause) === 'ENOENT') throw rewritten(path, 'is gone');
    throw unwritable(path, cause);
  }
  try {
    const stats = fs.fstatSync(fd);
    checkFile(path, stats);
    if (stats.size === 0) syncFolderNow(dirname(path));
    return { fd, stats };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function checkFile(path: string, stats: fs.Stats): void {
  if (!stats.isFile()) throw unsafe(path, 'is not a plain file');
  if (stats.mode & 0o022) throw unsafe(path, 'may be written to by other users', `Run: chmod 600 ${path}`);
  if (isForeign(stats.uid)) throw unsafe(path, 'belongs to another user');
}

function unsafe(path: string, what: string, hint = 'Move it away or restore it.'): AgentGuardError {
  return new AgentGuardError('HOME_UNSAFE', `The ledger ${path} ${what}.`, { hint });
}
