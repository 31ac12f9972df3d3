/** Catching up with the rows of others, and mending the end that a crash left (design 3.3). */
import * as fs from 'node:fs';
import type { Receipt } from '../core/receipt.js';
import { writeWhole } from './ledger-append.js';
import { corrupt, rewritten, unwritable } from './ledger-errors.js';
import {
  beginPart,
  enterPart,
  type LedgerFile,
  measureAhead,
  type RowListener,
  renewDescriptor,
} from './ledger-file.js';
import { namePart, openPart } from './ledger-parts.js';
import { addRow, createLedgerState, findBreak, readRow } from './ledger-state.js';
import { createLineSplitter, type Line, readRange } from './lines.js';
import type { Place } from './place.js';
import { readSnapshotNow } from './snapshot.js';
import { compareWithLedger } from './snapshot-check.js';
import { findUnnamed, isTorn, setAside } from './torn.js';

const CHUNK_BYTES = 65_536;

/**
 * Reads the complete rows of others without the lock, in chunks. Says false when it came upon what is no row, or upon no
 * complete line: only with the lock can damage be told from a write under way.
 */
export async function readAhead(file: LedgerFile): Promise<boolean> {
  const { bytes, isFull } = measureAhead(file);
  if (bytes === 0) return isFull && enterNextPart(file);
  const start = file.offset;
  for await (const line of readFileLines(file.fd, start, start + bytes)) {
    const next = readNext(file, line.bytes);
    if (typeof next === 'string') return false;
    take(file, next, line.endOffset);
  }
  return file.offset > start;
}

/**
 * With the lock: reads what is left and mends the end. Says false, having done as much as it could, when more than
 * `maxBytes` are left.
 *
 * @throws AgentGuardError LEDGER_REWRITTEN, LEDGER_CORRUPT, LEDGER_UNWRITABLE
 */
export function catchUp(file: LedgerFile, maxBytes: number): boolean {
  for (let ahead = measureAhead(file); ahead.bytes > 0 || ahead.isFull; ahead = measureAhead(file)) {
    if (ahead.bytes > maxBytes) return false;
    if (ahead.bytes > 0) readRest(file, ahead.bytes, ahead.isFull);
    if (!ahead.isFull) break;
    requireSnapshotHolds(file);
    beginPart(file);
  }
  file.torn ??= findUnnamed(file.folder, file.state.tornFiles);
  return true;
}

/**
 * Gives the known rows after a place to a listener again; returns how many.
 * @throws AgentGuardError LEDGER_REWRITTEN when they are not the same
 */
export async function replayRows(file: LedgerFile, from: Place, onRow: RowListener): Promise<number> {
  const again = { ...createLedgerState(file.state.ledgerId), rows: from.rows, headHash: from.headHash };
  for await (const line of readKnownLines(file, from)) {
    const reading = readRow(line.bytes, file.backend);
    if (!reading.ok) throw rewritten(file.path, `has no row any more where it had row ${again.rows + 1}`);
    onRow(reading.value, addRow(again, reading.value));
  }
  if (again.rows !== file.state.rows || again.headHash !== file.state.headHash) {
    throw rewritten(file.path, 'has other rows now');
  }
  return again.rows - from.rows;
}

/** Leaves a poisoned descriptor behind and reads again what may be lost. @throws AgentGuardError LEDGER_REWRITTEN */
export async function reopenLedgerFile(file: LedgerFile): Promise<void> {
  await renewDescriptor(file);
  await replayRows(file, file.anchor, () => {});
  file.poisoned = false;
}

/**
 * Whoever comes late to a part has seen none of its rows, but the snapshot may have: an older state of the part, put in
 * its place, is not to be gone on with.
 *
 * @throws AgentGuardError LEDGER_REWRITTEN
 */
function requireSnapshotHolds({ folder, path, part, backend, mayLackNewest }: LedgerFile): void {
  const reading = readSnapshotNow(folder);
  if (mayLackNewest || reading.kind !== 'good' || reading.snapshot.part <= part) return;
  const difference = compareWithLedger(folder, reading.snapshot, backend);
  if (difference !== undefined) throw rewritten(path, difference);
}

function enterNextPart(file: LedgerFile): boolean {
  requireSnapshotHolds(file);
  const opened = openPart(file.folder, file.part + 1, 'append');
  if (opened) enterPart(file, opened, { part: file.part + 1, offset: 0, headBytes: 0 });
  return opened !== undefined;
}

async function* readKnownLines(file: LedgerFile, from: Place): AsyncGenerator<Line> {
  const { part, fd, offset } = file;
  for (let at = from.part; at < part; at++) {
    const opened = openPart(file.folder, at, 'read');
    if (!opened) throw rewritten(file.path, 'has lost a part');
    try {
      yield* readFileLines(opened.fd, at === from.part ? from.offset : 0, opened.stats.size);
    } finally {
      fs.closeSync(opened.fd);
    }
  }
  yield* readFileLines(fd, from.part === part ? from.offset : 0, offset);
}

/** Whether a line can be the next row: the row, or what is wrong with the line. */
function readNext(file: LedgerFile, line: Uint8Array): Receipt | string {
  const reading = readRow(line, file.backend);
  if (!reading.ok) return reading.message;
  const problem = findBreak(file.state, reading.value);
  return problem ? `Row ${file.state.rows + 1} does not follow: ${problem}.` : reading.value;
}

function take(file: LedgerFile, receipt: Receipt, endOffset: number): void {
  file.headBytes = endOffset - file.offset;
  file.offset = endOffset;
  file.onRow(receipt, addRow(file.state, receipt));
}

function readRest(file: LedgerFile, ahead: number, isFull: boolean): void {
  const start = file.offset;
  const bytes = readRange(file.fd, start, ahead);
  const splitter = createLineSplitter(start);
  for (const line of splitter.push(bytes)) {
    const next = readNext(file, line.bytes);
    if (typeof next === 'string') {
      if (isFull) throw damaged(file, next);
      mendEnd(file, bytes.subarray(file.offset - start), next);
      return;
    }
    take(file, next, line.endOffset);
  }
  const rest = splitter.rest();
  // Full parts end with a whole row: whoever filled one had mended it before.
  if (rest.length > 0 && isFull) throw damaged(file, 'its last line is not complete.');
  if (rest.length > 0) finishEnd(file, rest, bytes.subarray(file.offset - start));
}

/** Of a whole row that lacks only its line feed, adds it; sets anything else aside. */
function finishEnd(file: LedgerFile, line: Uint8Array, tail: Uint8Array): void {
  const next = readNext(file, line);
  if (typeof next === 'string') {
    mendEnd(file, tail, next);
    return;
  }
  const end = file.offset + tail.length;
  writeWhole(file, Uint8Array.of(0x0a), end);
  take(file, next, end + 1);
}

function mendEnd(file: LedgerFile, tail: Uint8Array, problem: string): void {
  const { path, folder, state } = file;
  if (!isTorn(tail)) throw damaged(file, problem);
  try {
    file.torn = [...(file.torn ?? findUnnamed(folder, state.tornFiles)), setAside(folder, tail, file.now())];
    file.io.ftruncateSync(file.fd, file.offset);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function damaged({ path, state, part, offset }: LedgerFile, problem: string): Error {
  // The newest part has no number: one that does not go on where the last full one ended may be a later one.
  const gap = part > 0 && offset === 0 ? ` ${namePart(part)} may be missing.` : '';
  return corrupt(path, `is damaged after row ${state.rows}: ${problem}${gap}`);
}

/** The complete lines between two offsets of an open file. */
export async function* readFileLines(fd: number, from: number, to: number): AsyncGenerator<Line> {
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
