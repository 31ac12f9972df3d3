/** Pages of the filtered list, and where a row stands in it. */
import { basename } from 'node:path';
import type { PlaceAnswer, RowsAnswer } from '../core/dashboard.js';
import { createPacer } from './pacer.js';
import type { Reading } from './reading.js';
import { parseRef, printRow } from './row-summary.js';
import type { Selection } from './selection.js';

export const MAX_PAGE = 500;

export function listRows(
  reading: Reading,
  selection: Selection,
  { asOf, offset, limit }: { readonly asOf: number; readonly offset: number; readonly limit: number },
): RowsAnswer {
  const rows = selection
    .list(asOf, offset, limit)
    .map((position) => printRow(reading.table.record(position), reading.refOf(position)));
  return { asOf, total: selection.count(asOf), offset, rows };
}

export function findPlace(
  reading: Reading,
  selection: Selection,
  asOf: number,
  position: number | undefined,
): PlaceAnswer {
  if (position === undefined) return { offset: null, ref: null };
  return { offset: selection.offsetOf(asOf, position) ?? null, ref: reading.refOf(position) };
}

/** The call whose decision lies where a name says. A row about a call leads to the call. */
export async function findByRef(reading: Reading, ref: string): Promise<number | undefined> {
  const wanted = parseRef(ref);
  const source =
    wanted && [...reading.sources.values()].find(({ paths }) => basename(paths.folder) === wanted.folder);
  if (!wanted || !source) return undefined;
  const code = reading.table.dictionaries.scope.find(source.paths.scope);
  const pace = createPacer();
  for (const { chunk, base, from, to } of reading.table.spans()) {
    for (let at = from; at < to; at++)
      if (
        chunk.offsets[at] === wanted.offset &&
        chunk.parts[at] === wanted.part &&
        chunk.codes.scope[at] === code
      )
        return base + at;
    await pace();
  }
  return findByRelated(reading, source.paths.scope, wanted.part, wanted.offset);
}

/** The call at a row of a ledger, or the last one before it. */
export async function findByRow(reading: Reading, scope: string, row: number): Promise<number | undefined> {
  const { table, sources } = reading;
  const wanted = sources.get(scope)?.facts.placeOf(row);
  const code = table.dictionaries.scope.find(scope);
  if (wanted === undefined || code === undefined) return undefined;
  const pace = createPacer();
  let best: number | undefined;
  let bestPlace = Number.NEGATIVE_INFINITY;
  for (const { chunk, base, from, to } of table.spans()) {
    for (let at = from; at < to; at++) {
      const place = chunk.places[at] ?? 0;
      if (place > wanted || place <= bestPlace || chunk.codes.scope[at] !== code) continue;
      [best, bestPlace] = [base + at, place];
    }
    await pace();
  }
  return best;
}

async function findByRelated(
  { table, related }: Reading,
  scope: string,
  part: number,
  offset: number,
): Promise<number | undefined> {
  const pace = createPacer();
  const code = table.dictionaries.scope.find(scope);
  for (const { chunk, base, from, to } of table.spans()) {
    for (let at = from; at < to; at++) {
      if ((chunk.related[at] ?? -1) < 0 || chunk.codes.scope[at] !== code) continue;
      const rows = related.list(chunk.related[at] ?? -1);
      if (rows.some((one) => one.offset === offset && one.part === part)) return base + at;
    }
    await pace();
  }
  return undefined;
}
