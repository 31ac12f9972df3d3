/**
 * The ledger file as its writer holds it: one descriptor, the offset up to which every row is known, and the state
 * those rows add up to. All changes to the file are here: append, cut back, recovery (design 3.3).
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { CryptoBackend } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt, SealedReceipt } from '../core/receipt.js';
import { createFlusher, type Flusher } from './flush.js';
import { addRow, createLedgerState, findBreak, type LedgerState, readRow } from './ledger-state.js';
import { createLineSplitter } from './lines.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';
import { findUnnamed, isTorn, setAside, syncFolderNow, type TornTail } from './torn.js';

/** The system calls whose failures matter most, as an argument, so that tests can make them fail. */
export interface LedgerIo {
  writeSync(fd: number, bytes: Uint8Array): number;
  ftruncateSync(fd: number, size: number): void;
  fdatasync(fd: number): Promise<void>;
}

/** Hears of each row that is now known, in order. */
export type RowListener = (receipt: Receipt, timestampMs: number) => void;

export interface LedgerFile {
  readonly state: LedgerState;
  /** Bytes of the rows that are known. */
  readonly offset: number;
  readonly flusher: Flusher;
  /** How many bytes others have added. @throws AgentGuardError LEDGER_REWRITTEN */
  measureAhead(): number;
  /** Reads the complete rows of others, without the lock, in chunks. Says false when it came upon no row or none was there. */
  readAhead(onRow: RowListener): Promise<boolean>;
  /**
   * With the lock: reads what is left and mends the end. Says false, having done nothing, when more than `maxBytes` are
   * left. @throws AgentGuardError LEDGER_REWRITTEN, LEDGER_CORRUPT, LEDGER_UNWRITABLE
   */
  catchUp(onRow: RowListener, nowMs: number, maxBytes: number): boolean;
  /** Torn tails that the next rows have to name. */
  readonly unnamed: readonly TornTail[];
  /** With the lock, caught up: appends rows as one write, or nothing. @throws AgentGuardError LEDGER_UNWRITABLE */
  append(rows: readonly SealedReceipt[], onRow: RowListener): void;
  /** Gives all known rows to a listener. */
  replay(onRow: RowListener): Promise<void>;
  /** Whether a failed flush or cut made this descriptor worthless. */
  readonly poisoned: boolean;
  /** Opens the file anew and reads it from the start. @throws AgentGuardError LEDGER_REWRITTEN when it is not the same */
  reopen(): Promise<void>;
  /** Whether others have written, or something is wrong; never throws. */
  changedBehind(): boolean;
  close(): Promise<void>;
}

const CHUNK_BYTES = 65_536;

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
export function openLedgerFile(
  path: string,
  ledgerId: string,
  backend: CryptoBackend,
  overrides: Partial<LedgerIo> = {},
): LedgerFile {
  const io = { ...NODE_IO, ...overrides };
  const folder = dirname(path);
  const state = createLedgerState(ledgerId);
  let { fd, identity } = openForAppend(path, true);
  let offset = 0;
  let poisoned = false;
  let unnamed: TornTail[] | undefined;
  let flusher = newFlusher();

  function newFlusher(): Flusher {
    const sync = (): Promise<void> =>
      io.fdatasync(fd).catch((cause: unknown) => {
        poisoned = true;
        throw cause;
      });
    return createFlusher(sync, () => offset);
  }

  function measureAhead(): number {
    const stats = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stats) throw rewritten(path, 'is gone');
    if (stats.ino !== identity.ino || stats.dev !== identity.dev)
      throw rewritten(path, 'was replaced by another file');
    if (stats.size < offset) throw rewritten(path, `has ${stats.size} bytes where it had ${offset}`);
    return stats.size - offset;
  }

  function changedBehind(): boolean {
    try {
      return measureAhead() !== 0;
    } catch {
      return true;
    }
  }

  /** Whether a line can be the next row: the row, or what is wrong with the line. */
  function readNext(line: Uint8Array): Receipt | string {
    const reading = readRow(line, backend);
    if (!reading.ok) return reading.message;
    const problem = findBreak(state, reading.value);
    return problem ? `Row ${state.rows + 1} does not follow: ${problem}.` : reading.value;
  }
  function take(receipt: Receipt, endOffset: number, onRow: RowListener): void {
    offset = endOffset;
    onRow(receipt, addRow(state, receipt));
  }

  async function readAhead(onRow: RowListener): Promise<boolean> {
    const start = offset;
    for await (const line of readFileLines(fd, offset, offset + measureAhead())) {
      const next = readNext(line.bytes);
      if (typeof next === 'string') return false;
      take(next, line.endOffset, onRow);
    }
    return offset > start;
  }

  function catchUp(onRow: RowListener, nowMs: number, maxBytes: number): boolean {
    const ahead = measureAhead();
    if (ahead > maxBytes) return false;
    if (ahead > 0) readRest(ahead, onRow, nowMs);
    unnamed ??= findUnnamed(folder, state.tornFiles);
    return true;
  }

  function readRest(ahead: number, onRow: RowListener, nowMs: number): void {
    const bytes = readRange(fd, offset, ahead);
    const splitter = createLineSplitter(offset);
    const start = offset;
    for (const line of splitter.push(bytes)) {
      const next = readNext(line.bytes);
      if (typeof next === 'string') {
        mendEnd(bytes.subarray(offset - start), next, nowMs);
        return;
      }
      take(next, line.endOffset, onRow);
    }
    const rest = splitter.rest();
    if (rest.length > 0) finishEnd(rest, bytes.subarray(offset - start), onRow, nowMs);
  }

  /** Of a whole row that lacks only its line feed, adds it; sets anything else aside. */
  function finishEnd(line: Uint8Array, tail: Uint8Array, onRow: RowListener, nowMs: number): void {
    const next = readNext(line);
    if (typeof next === 'string') {
      mendEnd(tail, next, nowMs);
      return;
    }
    const end = offset + tail.length;
    writeWhole(Uint8Array.of(0x0a), end);
    take(next, end + 1, onRow);
  }

  function mendEnd(tail: Uint8Array, problem: string, nowMs: number): void {
    if (!isTorn(tail)) {
      throw new AgentGuardError('LEDGER_CORRUPT', `${path} is damaged after row ${state.rows}: ${problem}`, {
        hint: 'Nothing is written to it until it is restored. Run: agentguard verify',
      });
    }
    try {
      unnamed = [...(unnamed ?? findUnnamed(folder, state.tornFiles)), setAside(folder, tail, nowMs)];
      io.ftruncateSync(fd, offset);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** One write at the end of the file, which is at `size`; what a failed one left is cut off again. */
  function writeWhole(bytes: Uint8Array, size: number): void {
    let cause: unknown;
    try {
      const written = io.writeSync(fd, bytes);
      if (written === bytes.length) return;
      cause = new Error(`only ${written} of ${bytes.length} bytes were written`);
    } catch (error) {
      cause = error;
    }
    try {
      io.ftruncateSync(fd, size);
    } catch {
      // The next one to hold the lock finds a torn tail there and sets it aside.
      poisoned = true;
    }
    throw unwritable(path, cause);
  }

  function append(rows: readonly SealedReceipt[], onRow: RowListener): void {
    const bytes = Buffer.from(rows.map((row) => `${row.line}\n`).join(''));
    writeWhole(bytes, offset);
    offset += bytes.length;
    for (const { receipt } of rows) onRow(receipt, addRow(state, receipt));
  }

  async function replay(onRow: RowListener): Promise<void> {
    const again = createLedgerState(state.ledgerId);
    for await (const line of readFileLines(fd, 0, offset)) {
      const reading = readRow(line.bytes, backend);
      if (!reading.ok) throw rewritten(path, `has no row any more where it had row ${again.rows + 1}`);
      onRow(reading.value, addRow(again, reading.value));
    }
    if (again.rows !== state.rows || again.headHash !== state.headHash)
      throw rewritten(path, 'has other rows now');
  }

  async function reopen(): Promise<void> {
    await flusher.settle();
    const fresh = openForAppend(path, false);
    fs.closeSync(fd);
    ({ fd } = fresh);
    if (fresh.identity.ino !== identity.ino) throw rewritten(path, 'was replaced by another file');
    measureAhead();
    await replay(() => {});
    flusher = newFlusher();
    poisoned = false;
  }

  return {
    state,
    get offset() {
      return offset;
    },
    get flusher() {
      return flusher;
    },
    get unnamed() {
      return (unnamed ?? []).filter((torn) => !state.tornFiles.has(torn.file));
    },
    get poisoned() {
      return poisoned;
    },
    measureAhead,
    readAhead,
    catchUp,
    append,
    replay,
    reopen,
    changedBehind,
    async close() {
      await flusher.settle();
      fs.closeSync(fd);
    },
  };
}

function openForAppend(path: string, create: boolean): { fd: number; identity: fs.Stats } {
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
    const identity = fs.fstatSync(fd);
    if (!identity.isFile()) throw unsafe(path, 'is not a plain file');
    if (identity.mode & 0o022)
      throw unsafe(path, 'may be written to by other users', `Run: chmod 600 ${path}`);
    if (isForeign(identity.uid)) throw unsafe(path, 'belongs to another user');
    if (identity.size === 0) syncFolderNow(dirname(path));
    return { fd, identity };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

async function* readFileLines(fd: number, from: number, to: number) {
  const splitter = createLineSplitter(from);
  for (let at = from; at < to; ) {
    const chunk = await readChunk(fd, at, Math.min(CHUNK_BYTES, to - at));
    if (chunk.length === 0) return;
    yield* splitter.push(chunk);
    at += chunk.length;
  }
}

function readChunk(fd: number, at: number, size: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    fs.read(fd, Buffer.allocUnsafe(size), 0, size, at, (cause, got, buffer) =>
      cause ? reject(cause) : resolve(buffer.subarray(0, got)),
    );
  });
}

function readRange(fd: number, from: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size);
  let got = 0;
  for (let more = 1; more > 0 && got < size; got += more)
    more = fs.readSync(fd, bytes, got, size - got, from + got);
  return bytes.subarray(0, got);
}

function rewritten(path: string, what: string): AgentGuardError {
  return new AgentGuardError(
    'LEDGER_REWRITTEN',
    `The ledger ${path} ${what}: it was changed behind the guard’s back.`,
    {
      hint: 'Restore the file and run agentguard verify; then start the process again.',
    },
  );
}

function unwritable(path: string, cause: unknown): AgentGuardError {
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

function unsafe(path: string, what: string, hint = 'Move it away or restore it.'): AgentGuardError {
  return new AgentGuardError('HOME_UNSAFE', `The ledger ${path} ${what}.`, { hint });
}
