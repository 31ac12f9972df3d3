/**
 * Reads whatever somebody calls a ledger: lines, one receipt printed over several lines, or a JSON array of receipts.
 * Rows come out as the bytes that were there, so that the strict reader sees what everybody else would.
 */
import { MAX_LINE_BYTES } from '../core/row-reader.js';
import { readLedgerBytes } from '../store/part-reader.js';
import { readLines } from '../store/tail.js';
import { createArraySplitter } from './json-array.js';

export type SourceKind = 'ledger' | 'receipt' | 'array';

/** Rows that were read together, and how far the source was read. */
export interface RowRun {
  readonly kind: SourceKind;
  readonly rows: readonly Uint8Array[];
  /** What follows the last line feed of a ledger. */
  readonly tornTail: Uint8Array | undefined;
  readonly bytesRead: number;
}

/** A receipt printed over several lines starts with a brace alone. */
const PRINTED_RECEIPT = /^\s*\{[ \t\r]*\n/;

/** All rows of a file or stream, in flat memory. @throws the system's error when it cannot be read. */
export async function* readRowRuns(source: string | AsyncIterable<Uint8Array>): AsyncGenerator<RowRun> {
  const stream = typeof source === 'string' ? readLedgerBytes(source) : source;
  const counter = { bytes: 0 };
  const chunks = countBytes(stream, counter)[Symbol.asyncIterator]();
  const { head, rest } = await peek(chunks);
  const kind = detectKind(head);
  if (kind === 'ledger') {
    for await (const { lines, tornTail } of readLines(rest))
      yield { kind, rows: lines.map((line) => line.bytes), tornTail, bytesRead: counter.bytes };
  } else if (kind === 'array') {
    const splitter = createArraySplitter();
    for await (const chunk of rest)
      yield { kind, rows: splitter.push(chunk), tornTail: undefined, bytesRead: counter.bytes };
    yield { kind, rows: splitter.end(), tornTail: undefined, bytesRead: counter.bytes };
  } else {
    const document = await collect(rest);
    yield { kind, rows: [document], tornTail: undefined, bytesRead: counter.bytes };
  }
}

function detectKind(head: Uint8Array): SourceKind {
  const text = Buffer.from(head.subarray(0, 1024)).toString('latin1');
  if (/^\s*\[/.test(text)) return 'array';
  return PRINTED_RECEIPT.test(text) ? 'receipt' : 'ledger';
}

async function* countBytes(stream: AsyncIterable<Uint8Array>, counter: { bytes: number }) {
  for await (const chunk of stream) {
    counter.bytes += chunk.length;
    yield chunk;
  }
}

/** The first bytes, and a stream that has them again. Pipes may bring them one by one. */
async function peek(chunks: AsyncIterator<Uint8Array>) {
  const held: Uint8Array[] = [];
  let size = 0;
  while (size < 1024) {
    const { value, done } = await chunks.next();
    if (done) break;
    held.push(value);
    size += value.length;
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      yield* held;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  return { head: Buffer.concat(held).subarray(0, 1024), rest: rest() };
}

/** One document; what is longer than any row is cut, and then refused as too long. */
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    if (size <= MAX_LINE_BYTES) parts.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(parts).subarray(0, MAX_LINE_BYTES + 1);
}
