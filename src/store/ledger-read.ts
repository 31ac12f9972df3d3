/** Catching up with the rows of others, and mending the end that a crash left (design 3.3). */
import * as fs from 'node:fs';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt } from '../core/receipt.js';
import { writeWhole } from './ledger-append.js';
import {
  type LedgerFile,
  measureAhead,
  type RowListener,
  renewDescriptor,
  rewritten,
  unwritable,
} from './ledger-file.js';
import { addRow, createLedgerState, findBreak, readRow } from './ledger-state.js';
import { createLineSplitter, type Line } from './lines.js';
import { findUnnamed, isTorn, setAside } from './torn.js';

const CHUNK_BYTES = 65_536;

/**
 * Reads the complete rows of others without the lock, in chunks. Says false when it came upon what is no row, or upon no
 * complete line: only with the lock can damage be told from a write under way.
 */
export async function readAhead(file: LedgerFile): Promise<boolean> {
  const start = file.offset;
  for await (const line of readFileLines(file.fd, start, start + measureAhead(file))) {
    const next = readNext(file, line.bytes);
    if (typeof next === 'string') return false;
    take(file, next, line.endOffset);
  }
  return file.offset > start;
}

/**
 * With the lock: reads what is left and mends the end. Says false, having done nothing, when more than `maxBytes` are
 * left.
 *
 * @throws AgentGuardError LEDGER_REWRITTEN, LEDGER_CORRUPT, LEDGER_UNWRITABLE
 */
export function catchUp(file: LedgerFile, maxBytes: number): boolean {
  const ahead = measureAhead(file);
  if (ahead > maxBytes) return false;
  if (ahead > 0) readRest(file, ahead);
  file.torn ??= findUnnamed(file.folder, file.state.tornFiles);
  return true;
}

/** Gives all known rows to a listener again. @throws AgentGuardError LEDGER_REWRITTEN when they are not the same */
export async function replayRows(file: LedgerFile, onRow: RowListener): Promise<void> {
  const again = createLedgerState(file.state.ledgerId);
  for await (const line of readFileLines(file.fd, 0, file.offset)) {
    const reading = readRow(line.bytes, file.backend);
    if (!reading.ok) throw rewritten(file.path, `has no row any more where it had row ${again.rows + 1}`);
    onRow(reading.value, addRow(again, reading.value));
  }
  if (again.rows !== file.state.rows || again.headHash !== file.state.headHash) {
    throw rewritten(file.path, 'has other rows now');
  }
}

/** Leaves a poisoned descriptor behind and reads all again. @throws AgentGuardError LEDGER_REWRITTEN */
export async function reopenLedgerFile(file: LedgerFile): Promise<void> {
  await renewDescriptor(file);
  await replayRows(file, () => {});
  file.poisoned = false;
}

/** Whether a line can be the next row: the row, or what is wrong with the line. */
function readNext(file: LedgerFile, line: Uint8Array): Receipt | string {
  const reading = readRow(line, file.backend);
  if (!reading.ok) return reading.message;
  const problem = findBreak(file.state, reading.value);
  return problem ? `Row ${file.state.rows + 1} does not follow: ${problem}.` : reading.value;
}

function take(file: LedgerFile, receipt: Receipt, endOffset: number): void {
  file.offset = endOffset;
  file.onRow(receipt, addRow(file.state, receipt));
}

function readRest(file: LedgerFile, ahead: number): void {
  const start = file.offset;
  const bytes = readRange(file.fd, start, ahead);
  const splitter = createLineSplitter(start);
  for (const line of splitter.push(bytes)) {
    const next = readNext(file, line.bytes);
    if (typeof next === 'string') {
      mendEnd(file, bytes.subarray(file.offset - start), next);
      return;
    }
    take(file, next, line.endOffset);
  }
  const rest = splitter.rest();
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
  if (!isTorn(tail)) {
    throw new AgentGuardError('LEDGER_CORRUPT', `${path} is damaged after row ${state.rows}: ${problem}`, {
      hint: 'Nothing is written to it until it is restored. Run: agentguard verify',
    });
  }
  try {
    file.torn = [...(file.torn ?? findUnnamed(folder, state.tornFiles)), setAside(folder, tail, file.now())];
    file.io.ftruncateSync(file.fd, file.offset);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

async function* readFileLines(fd: number, from: number, to: number): AsyncGenerator<Line> {
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
  for (let more = 1; more > 0 && got < size; got += more) {
    more = fs.readSync(fd, bytes, got, size - got, from + got);
  }
  return bytes.subarray(0, got);
}
