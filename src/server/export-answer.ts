/** A download of exactly what a filter selects, newest first: written as fast as it is read, whatever its size. */
import { flattenRecord, printRecordHead, printRecordLine } from '../core/csv.js';
import { type LineFiles, openLineFiles } from './line-files.js';
import type { Reading } from './reading.js';
import type { Selection } from './selection.js';

export const EXPORT_FORMATS = ['csv', 'json', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
};

/** Calls of one piece of the stream. */
const PIECE = 500;

/** `ndjson` are the raw rows of the calls, each decision followed by the rows about it. */
export function streamExport(
  reading: Reading,
  selection: Selection,
  asOf: number,
  format: ExportFormat,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pieces = printPieces(reading, selection, asOf, format);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}

async function* printPieces(
  reading: Reading,
  selection: Selection,
  asOf: number,
  format: ExportFormat,
): AsyncGenerator<string, undefined> {
  const files = openLineFiles();
  try {
    yield format === 'csv' ? printRecordHead() : format === 'json' ? '[' : '';
    // By position, not by offset: calls that change meanwhile move no others.
    for (let below = asOf, isFirst = true; ; isFirst = false) {
      const positions = selection.list(below, 0, PIECE);
      const last = positions.at(-1);
      if (last === undefined) break;
      yield await printPiece(files, reading, positions, format, isFirst);
      below = last;
    }
    if (format === 'json') yield '\n]\n';
  } finally {
    await files.close();
  }
}

async function printPiece(
  files: LineFiles,
  reading: Reading,
  positions: readonly number[],
  format: ExportFormat,
  isFirst: boolean,
): Promise<string> {
  const { table } = reading;
  switch (format) {
    case 'csv':
      return positions.map((position) => printRecordLine(table.record(position))).join('');
    case 'json': {
      const objects = positions.map((position) => JSON.stringify(flattenRecord(table.record(position))));
      return `${isFirst ? '' : ','}\n${objects.join(',\n')}`;
    }
    case 'ndjson': {
      const lines: string[] = [];
      for (const position of positions) lines.push(...(await readRows(files, reading, position)));
      return lines.map((line) => `${line}\n`).join('');
    }
  }
}

async function readRows(files: LineFiles, reading: Reading, position: number): Promise<string[]> {
  const { table, related, sources } = reading;
  const source = sources.get(table.scopeOf(position));
  const lines: string[] = [];
  if (!source) return lines;
  for (const { part, offset, length } of [
    table.origin(position),
    ...related.list(table.related(position)).reverse(),
  ]) {
    const line = await files.readLine(source, part, offset, length).catch(() => undefined);
    if (line !== undefined) lines.push(line);
  }
  return lines;
}
