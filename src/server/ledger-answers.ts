/** The ledgers as they lie there, and their raw lines from the first on, for whoever verifies. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerDetail, LedgersAnswer } from '../core/dashboard.js';
import { listFullParts, namePart } from '../store/ledger-parts.js';
import { LEDGER_FILE } from '../store/paths.js';
import { readNewestCheckpoint } from './checkpoint-text.js';
import type { LedgerSource } from './ledger-source.js';
import { type LineFiles, openLineFiles } from './line-files.js';
import type { LiveIndex } from './live-index.js';
import { RequestError } from './parameters.js';

export const MAX_LINES = 20_000;
/** A part of an answer: more than one line of the longest kind. */
const MAX_RUN_BYTES = 4 * 1_048_576;
const MAX_LONG_LINE_BYTES = 64 * 1_048_576;
const LINE_FEED = 0x0a;

export async function describeLedgers(index: LiveIndex, home: string): Promise<LedgersAnswer> {
  const briefs = index.describeLedgers();
  const ledgers = await Promise.all(
    briefs.map(async (brief): Promise<LedgerDetail> => {
      const source = index.reading.sources.get(brief.scope);
      const closed = index.reading.closed.find(({ paths }) => paths.scope === brief.scope);
      const folder = (source ?? closed)?.paths.folder ?? home;
      return {
        ...brief,
        folder,
        files: await listFiles(folder),
        signers: source?.facts.listSigners() ?? [],
        headHash: source?.facts.headHash ?? null,
        firstTimestampMs: source?.facts.firstMs ?? null,
        checkpoint: await readNewestCheckpoint(folder),
      };
    }),
  );
  return { ledgers };
}

async function listFiles(folder: string): Promise<LedgerDetail['files']> {
  const names = [...listParts(folder), LEDGER_FILE];
  const files = await Promise.all(
    names.map(async (name) => {
      const stats = await fs.lstat(join(folder, name)).catch(() => undefined);
      return stats?.isFile() ? [{ name, bytes: stats.size }] : [];
    }),
  );
  return files.flat();
}

function listParts(folder: string): readonly string[] {
  try {
    return listFullParts(folder).map(namePart);
  } catch {
    return [];
  }
}

/** Where rows begin, remembered from one request to the next: whoever verifies asks for run after run. */
export interface LineCursor {
  readonly part: number;
  readonly offset: number;
}

export interface LineRun {
  /** Complete lines, each with its line feed. */
  readonly bytes: Buffer;
  /** `undefined` at the end of what is there. */
  readonly nextRow: number | undefined;
}

export interface LineReader {
  /** @throws RequestError */
  read(source: LedgerSource, fromRow: number, limit: number): Promise<LineRun>;
}

/** Remembers so many places. */
const MAX_CURSORS = 1_000;

export function createLineReader(): LineReader {
  const places = new WeakMap<LedgerSource, Map<number, LineCursor>>();
  return {
    async read(source, fromRow, limit) {
      const cursors = places.get(source) ?? new Map<number, LineCursor>();
      places.set(source, cursors);
      const start = fromRow === 0 ? { part: source.firstPart, offset: 0 } : cursors.get(fromRow);
      if (!start) return skipTo(source, fromRow, limit);
      const run = await readRun(source, start, limit);
      const nextRow = run.rows === 0 ? undefined : fromRow + run.rows;
      if (nextRow !== undefined) cursors.set(nextRow, run.next);
      const [oldest] = cursors.size > MAX_CURSORS ? cursors.keys() : [];
      if (oldest !== undefined) cursors.delete(oldest);
      return { bytes: run.bytes, nextRow };
    },
  };

  /** Reads over the rows before: only for whoever does not begin at the beginning. */
  async function skipTo(source: LedgerSource, fromRow: number, limit: number): Promise<LineRun> {
    let at: LineCursor = { part: source.firstPart, offset: 0 };
    for (let row = 0; row < fromRow; ) {
      const run = await readRun(source, at, Math.min(MAX_LINES, fromRow - row));
      if (run.rows === 0) return { bytes: Buffer.alloc(0), nextRow: undefined };
      row += run.rows;
      at = run.next;
    }
    const run = await readRun(source, at, limit);
    return { bytes: run.bytes, nextRow: run.rows === 0 ? undefined : fromRow + run.rows };
  }
}

async function readRun(source: LedgerSource, start: LineCursor, limit: number) {
  const files = openLineFiles();
  try {
    let { part, offset } = start;
    for (; part <= source.part; part++, offset = 0) {
      const bytes = await readFrom(files, source, { part, offset });
      const { rows, end } = countLines(bytes, limit);
      if (rows > 0) return { bytes: bytes.subarray(0, end), rows, next: { part, offset: offset + end } };
    }
    return { bytes: Buffer.alloc(0), rows: 0, next: start };
  } catch {
    throw new RequestError(410, 'ledger_gone', 'The files of this ledger cannot be read any more.');
  } finally {
    await files.close();
  }
}

/** So much that a whole line is in it, also of those that are longer than any row may be. */
async function readFrom(
  files: LineFiles,
  source: LedgerSource,
  { part, offset }: LineCursor,
): Promise<Buffer> {
  for (let size = MAX_RUN_BYTES; ; size *= 4) {
    const bytes = await files.read(source, part, offset, size);
    if (bytes.length < size || bytes.includes(LINE_FEED) || size > MAX_LONG_LINE_BYTES) return bytes;
  }
}

function countLines(bytes: Buffer, limit: number): { readonly rows: number; readonly end: number } {
  let rows = 0;
  let end = 0;
  for (let feed = bytes.indexOf(LINE_FEED); feed >= 0 && rows < limit; feed = bytes.indexOf(LINE_FEED, end)) {
    rows++;
    end = feed + 1;
  }
  return { rows, end };
}
