/** One receipt with its neighbours, as raw lines: the page verifies them itself. */
import { basename } from 'node:path';
import type { ReceiptAnswer } from '../core/dashboard.js';
import { MAX_LINE_BYTES } from '../core/row-reader.js';
import { nameOfPart } from './ledger-files.js';
import type { LedgerSource } from './ledger-source.js';
import { type LineFiles, openLineFiles } from './line-files.js';
import { findByRef } from './list-answers.js';
import { RequestError } from './parameters.js';
import type { Reading } from './reading.js';
import { readRowLine } from './row-line.js';
import { parseRef, printRef } from './row-summary.js';

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 65_536;
/** How far away a row of the same signer is looked for, in lines and bytes. */
const MAX_LINES_AWAY = 2_000;
const MAX_BYTES_AWAY = 8 * 1_048_576;

/** A line, and where the one before and after it lie. */
interface FoundLine {
  readonly text: string;
  readonly part: number;
  readonly offset: number;
  /** Just after its line feed. */
  readonly endOffset: number;
}

/** @throws RequestError when there is no such row any more. */
export async function readReceiptAnswer(reading: Reading, ref: string): Promise<ReceiptAnswer> {
  const wanted = parseRef(ref);
  const source = [...reading.sources.values()].find(({ paths }) => basename(paths.folder) === wanted?.folder);
  if (!wanted || !source) throw new RequestError(404, 'row_unknown', 'No ledger here has this row.');
  const files = openLineFiles();
  try {
    const line = await readWhole(files, source, wanted.part, wanted.offset);
    if (!line)
      throw new RequestError(410, 'row_gone', 'The row is no longer where it was; its ledger changed.');
    return { ref, ...(await describe(files, reading, source, line)) };
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw new RequestError(410, 'row_gone', 'The file of this row cannot be read any more.');
  } finally {
    await files.close();
  }
}

async function describe(
  files: LineFiles,
  reading: Reading,
  source: LedgerSource,
  line: FoundLine,
): Promise<Omit<ReceiptAnswer, 'ref'>> {
  const before = await findAway(files, source, line, stepBack, () => true);
  const after = await findAway(files, source, line, stepOn, () => true);
  const isSibling = sameSigner(line.text);
  const chainBefore = isSibling && (await findAway(files, source, line, stepBack, isSibling));
  const chainAfter = isSibling && (await findAway(files, source, line, stepOn, isSibling));
  const { row, related } = await listAbout(files, reading, source, line);
  return {
    scope: source.paths.scope,
    row,
    file: nameOfPart(line.part, source.part),
    line: line.text,
    before: before?.text ?? null,
    after: after?.text ?? null,
    chainBefore: (chainBefore || undefined)?.text ?? null,
    chainAfter: (chainAfter || undefined)?.text ?? null,
    related,
  };
}

/** Its place in the ledger, and the other rows about the same call. */
async function listAbout(
  files: LineFiles,
  reading: Reading,
  source: LedgerSource,
  line: FoundLine,
): Promise<Pick<ReceiptAnswer, 'row' | 'related'>> {
  const { table, related } = reading;
  const { folder } = source.paths;
  const self = printRef(folder, line.part, line.offset);
  const position = await findByRef(reading, self);
  if (position === undefined) return { row: -1, related: [] };
  const rows = [table.origin(position), ...related.list(table.related(position)).reverse()];
  const about: { readonly ref: string; readonly row: number; readonly line: string }[] = [];
  for (const { part, offset, length, place } of rows) {
    const text = await files.readLine(source, part, offset, length).catch(() => undefined);
    if (text !== undefined)
      about.push({ ref: printRef(folder, part, offset), row: source.facts.rowOf(place), line: text });
  }
  const row = about.find(({ ref }) => ref === self)?.row ?? table.record(position).row;
  return { row, related: about.filter(({ ref }) => ref !== self) };
}

/** Whether another line is of the signer of this one; `undefined` when this one is no row. */
function sameSigner(text: string): ((other: string) => boolean) | undefined {
  const row = readRowLine(Buffer.from(text));
  if (!row) return undefined;
  return (other) => readRowLine(Buffer.from(other))?.signerFingerprint === row.signerFingerprint;
}

type Step = (files: LineFiles, source: LedgerSource, line: FoundLine) => Promise<FoundLine | undefined>;

async function findAway(
  files: LineFiles,
  source: LedgerSource,
  start: FoundLine,
  step: Step,
  isWanted: (text: string) => boolean,
): Promise<FoundLine | undefined> {
  let bytes = 0;
  let line = await step(files, source, start);
  for (let away = 0; line && away < MAX_LINES_AWAY && bytes < MAX_BYTES_AWAY; away++) {
    if (isWanted(line.text)) return line;
    bytes += line.text.length;
    line = await step(files, source, line);
  }
  return undefined;
}

async function stepOn(
  files: LineFiles,
  source: LedgerSource,
  line: FoundLine,
): Promise<FoundLine | undefined> {
  const next = await readWhole(files, source, line.part, line.endOffset);
  if (next || line.part >= source.part) return next;
  return readWhole(files, source, line.part + 1, 0).catch(() => undefined);
}

async function stepBack(
  files: LineFiles,
  source: LedgerSource,
  line: FoundLine,
): Promise<FoundLine | undefined> {
  if (line.offset > 0) return readBefore(files, source, line.part, line.offset);
  if (line.part === 0) return undefined;
  const size = await files.sizeOf(source, line.part - 1).catch(() => 0);
  return size > 0 ? readBefore(files, source, line.part - 1, size) : undefined;
}

/** The line that ends at an offset. */
async function readBefore(
  files: LineFiles,
  source: LedgerSource,
  part: number,
  endOffset: number,
): Promise<FoundLine | undefined> {
  for (let size = BLOCK_BYTES; ; size *= 2) {
    const start = Math.max(0, endOffset - size);
    const bytes = await files.read(source, part, start, endOffset - start);
    if (bytes.at(-1) !== LINE_FEED) return undefined;
    const feed = bytes.length < 2 ? -1 : bytes.lastIndexOf(LINE_FEED, bytes.length - 2);
    if (feed < 0 && start > 0 && size <= MAX_LINE_BYTES) continue;
    if (feed < 0 && start > 0) return undefined;
    const text = bytes.subarray(feed + 1, -1).toString('utf8');
    return { text, part, offset: start + feed + 1, endOffset };
  }
}

/** The line that begins at an offset; `undefined` when none does. */
async function readWhole(
  files: LineFiles,
  source: LedgerSource,
  part: number,
  offset: number,
): Promise<FoundLine | undefined> {
  if (offset > 0 && (await files.read(source, part, offset - 1, 1))[0] !== LINE_FEED) return undefined;
  for (let size = BLOCK_BYTES; ; size *= 2) {
    const bytes = await files.read(source, part, offset, size);
    const feed = bytes.indexOf(LINE_FEED);
    if (feed >= 0) {
      const text = bytes.subarray(0, feed).toString('utf8');
      return { text, part, offset, endOffset: offset + feed + 1 };
    }
    if (bytes.length < size || size > MAX_LINE_BYTES) return undefined;
  }
}
