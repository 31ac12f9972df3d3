/** Finds rows in ledgers without proving anything: for selectors and for `explain`. */
import * as fs from 'node:fs/promises';
import { type Receipt, readReceipt } from '../core/receipt.js';
import { readTimestamp } from '../store/ledger-state.js';
import { readLines } from '../store/tail.js';

/** A row and where it stands. */
export interface FoundRow {
  /** From 1. */
  readonly line: number;
  readonly receipt: Receipt;
  /** Milliseconds since 1970, `NaN` when the row has no time. */
  readonly timestampMs: number;
}

/** Enough for the longest row that is read, and more. */
const TAIL_BYTES = 2_097_152;

/** Every readable row that contains all of `needles` somewhere, in order. */
export async function* scanRows(
  path: string,
  needles: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<FoundRow> {
  const wanted = needles.map((needle) => Buffer.from(JSON.stringify(needle).slice(1, -1)));
  let line = 0;
  for await (const run of readLines(path)) {
    signal.throwIfAborted();
    const tail = run.tornTail ? [{ bytes: run.tornTail }] : [];
    for (const { bytes } of [...run.lines, ...tail]) {
      line++;
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!wanted.every((needle) => view.includes(needle))) continue;
      const reading = readReceipt(bytes);
      if (reading.ok) yield { line, receipt: reading.value, timestampMs: readTimestamp(reading.value) };
    }
  }
}

/**
 * The newest row, by its own signed time, among those that `accepts` takes. Looks at the end of the file first, since
 * rows are in order there, and at all of it when the end has none.
 */
export async function findNewestRow(
  path: string,
  signal: AbortSignal,
  accepts: (receipt: Receipt) => boolean = () => true,
): Promise<FoundRow | undefined> {
  const { size } = await fs.stat(path);
  const tail = size > TAIL_BYTES ? pickNewest(await readTail(path, size), accepts) : undefined;
  if (tail) return tail;
  let newest: FoundRow | undefined;
  for await (const row of scanRows(path, [], signal))
    if (accepts(row.receipt) && isNewer(row, newest)) newest = row;
  return newest;
}

/** Later time wins; of equal ones the later row. A row without a time is older than any that has one. */
export function isNewer(row: FoundRow, than: FoundRow | undefined): boolean {
  return than === undefined || !(orderOf(row) < orderOf(than));
}

function orderOf({ timestampMs }: FoundRow): number {
  return Number.isNaN(timestampMs) ? Number.NEGATIVE_INFINITY : timestampMs;
}

function pickNewest(rows: readonly FoundRow[], accepts: (receipt: Receipt) => boolean): FoundRow | undefined {
  let newest: FoundRow | undefined;
  for (const row of rows) if (accepts(row.receipt) && isNewer(row, newest)) newest = row;
  return newest;
}

/** The rows in the last part of a file. Their line numbers are not known: 0. */
async function readTail(path: string, size: number): Promise<readonly FoundRow[]> {
  const file = await fs.open(path, 'r');
  try {
    const bytes = Buffer.alloc(TAIL_BYTES);
    const { bytesRead } = await file.read(bytes, 0, TAIL_BYTES, size - TAIL_BYTES);
    const lines = splitLines(bytes.subarray(0, bytesRead)).slice(1);
    return lines.flatMap((line) => {
      const reading = readReceipt(line);
      return reading.ok
        ? [{ line: 0, receipt: reading.value, timestampMs: readTimestamp(reading.value) }]
        : [];
    });
  } finally {
    await file.close();
  }
}

function splitLines(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...lines, bytes.subarray(start)];
}
