/**
 * Reads whatever somebody calls a ledger: lines, one receipt printed over several lines, a JSON array of receipts, a
 * bundle, or a receipt inside its proof.
 * Rows come out as the bytes that were there, so that the strict reader sees what everybody else would.
 */
import { BUNDLE_START, countAttachments } from './bundle.js';
import { concatBytes } from './bytes.js';
import { createArraySplitter } from './json-array.js';
import { createLineSplitter } from './line-splitter.js';
import { readReceipt } from './receipt.js';
import { MAX_LINE_BYTES } from './row-reader.js';
import { isTlogProof, MAX_PROOF_BYTES } from './tlog-proof.js';

export type SourceKind = 'ledger' | 'receipt' | 'array' | 'bundle' | 'proof';

/** Rows that were read together, and how far the source was read. */
export interface RowRun {
  readonly kind: SourceKind;
  readonly rows: readonly Uint8Array[];
  /** What follows the last line feed of a ledger. */
  readonly tornTail: Uint8Array | undefined;
  readonly bytesRead: number;
  /** Of a bundle, before its first row: the lines that are no rows. */
  readonly attachments?: readonly Uint8Array[];
}

/** A receipt printed over several lines starts with a brace alone. */
const PRINTED_RECEIPT = /^\s*\{[ \t\r]*\n/;

/** All rows of a stream, in flat memory. A proof comes out as one row, whole. @throws what the stream throws */
export async function* readRowRuns(stream: AsyncIterable<Uint8Array>): AsyncGenerator<RowRun> {
  const counter = { bytes: 0 };
  const chunks = countBytes(stream, counter)[Symbol.asyncIterator]();
  const { head, rest } = await peek(chunks);
  const kind = detectKind(head);
  if (kind === 'bundle') {
    yield* readBundle(rest, counter);
  } else if (kind === 'ledger') {
    for await (const { lines, tornTail } of readLines(rest))
      yield { kind, rows: lines.map((line) => line.bytes), tornTail, bytesRead: counter.bytes };
  } else if (kind === 'array') {
    const splitter = createArraySplitter();
    for await (const chunk of rest)
      yield { kind, rows: splitter.push(chunk), tornTail: undefined, bytesRead: counter.bytes };
    yield { kind, rows: splitter.end(), tornTail: undefined, bytesRead: counter.bytes };
  } else {
    const document = await collect(rest, kind === 'proof' ? MAX_PROOF_BYTES : MAX_LINE_BYTES);
    yield { kind, rows: [document], tornTail: undefined, bytesRead: counter.bytes };
  }
}

function detectKind(head: Uint8Array): SourceKind {
  if (isTlogProof(head)) return 'proof';
  const text = String.fromCharCode(...head.subarray(0, 1024));
  if (text.startsWith(BUNDLE_START)) return 'bundle';
  if (/^\s*\[/.test(text)) return 'array';
  return PRINTED_RECEIPT.test(text) ? 'receipt' : 'ledger';
}

/** A head that is none is a row, for its reader to refuse; so are attachments that are missing. */
async function* readBundle(
  rest: AsyncIterable<Uint8Array>,
  counter: { readonly bytes: number },
): AsyncGenerator<RowRun> {
  let left: number | undefined;
  for await (const { lines, tornTail } of readLines(rest)) {
    const bytes = lines.map((line) => line.bytes);
    let from = 0;
    if (left === undefined && bytes[0]) {
      const count = countAttachments(bytes[0]);
      left = count ?? 0;
      from = count === undefined ? 0 : 1;
    }
    const end = from + Math.min(left ?? 0, bytes.length - from);
    // A head that counts too many must not hide the first rows.
    const row = bytes.slice(from, end).findIndex((line) => readReceipt(line).ok);
    const to = row < 0 ? end : from + row;
    if (row >= 0) left = to - from;
    left = left === undefined ? undefined : left - (to - from);
    const [attachments, rows] = [bytes.slice(from, to), bytes.slice(to)];
    yield { kind: 'bundle', attachments, rows, tornTail, bytesRead: counter.bytes };
  }
}

/** The lines of a stream; the last run also has what follows the last line feed. */
async function* readLines(stream: AsyncIterable<Uint8Array>) {
  const splitter = createLineSplitter();
  for await (const chunk of stream) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield { lines, tornTail: undefined };
  }
  const rest = splitter.rest();
  yield { lines: [], tornTail: rest.length > 0 ? rest : undefined };
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
  return { head: concatBytes(...held).subarray(0, 1024), rest: rest() };
}

/** One document; what is longer than any is cut, and then refused as too long. */
async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    if (size <= maxBytes) parts.push(chunk);
    size += chunk.length;
  }
  return concatBytes(...parts).subarray(0, maxBytes + 1);
}
