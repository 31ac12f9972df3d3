/**
 * All calls of all ledgers in one order, newest first: a position per call, rising with time. New calls get the next
 * position above, older ones, read from the file's end backwards, the next below: positions never change.
 */
import type { CallRecord } from '../core/call-record.js';
import {
  CHUNK_ROWS,
  createChunk,
  createDictionaries,
  type Dictionaries,
  type LineSpot,
  measureChunk,
  putRecord,
  type RowChunk,
  takeRecord,
} from './row-chunk.js';

/** Where a call comes from. */
export interface RowOrigin extends LineSpot {
  /** Place in its ledger, counted from where reading began. */
  readonly place: number;
}

export interface RowTable {
  readonly dictionaries: Dictionaries;
  /** Lowest position there is; `end` when there is none. */
  readonly first: number;
  /** One above the highest position. */
  readonly end: number;
  /** Changes with everything that is put in. */
  readonly version: number;
  /** Puts a call above all others, or below them. Returns its position. */
  add(record: CallRecord, origin: RowOrigin, where: 'above' | 'below'): number;
  /** Replaces a call by what is known about it now. */
  replace(position: number, record: CallRecord): void;
  /** @throws RangeError where there is no call */
  record(position: number): CallRecord;
  origin(position: number): RowOrigin;
  scopeOf(position: number): string;
  /** The chunk that holds a call. @throws RangeError where there is no call */
  chunkAt(position: number): RowChunk;
  /** The newest entry about the call in the list of related rows, or -1. */
  related(position: number): number;
  setRelated(position: number, entry: number): void;
  /** The chunks from the newest to the oldest, each with the part of it that is filled. */
  spans(): Iterable<Span>;
  /** Called with the position of each call that is replaced. */
  onReplace(listener: (position: number) => void): void;
  readonly sizeBytes: number;
}

/** Rows `from` to `to`, not included, of a chunk. The position of row 0 is `base`. */
export interface Span {
  readonly chunk: RowChunk;
  readonly base: number;
  readonly from: number;
  readonly to: number;
}

/** @param rowOf the place in its ledger of a call, from 0, by its scope and where reading began. */
export function createRowTable(rowOf: (scope: string, place: number) => number): RowTable {
  const dictionaries = createDictionaries();
  const above: RowChunk[] = [];
  const below: RowChunk[] = [];
  const listeners: ((position: number) => void)[] = [];
  let first = 0;
  let end = 0;
  let version = 0;

  function openChunk(position: number): RowChunk {
    const [list, index] = place(position);
    list[index] ??= createChunk();
    return list[index];
  }
  function place(position: number): [RowChunk[], number] {
    const index = Math.floor(position / CHUNK_ROWS);
    return index >= 0 ? [above, index] : [below, -index - 1];
  }
  function chunkAt(position: number): RowChunk {
    const [list, index] = place(position);
    const chunk = list[index];
    if (!chunk || position < first || position >= end) throw new RangeError(`no call at ${position}`);
    return chunk;
  }
  function scopeOf(position: number): string {
    return dictionaries.scope.decode(chunkAt(position).codes.scope[slotOf(position)] ?? 0);
  }
  return {
    dictionaries,
    get first() {
      return first;
    },
    get end() {
      return end;
    },
    get version() {
      return version;
    },
    add(record, { place: placeInLedger, part, offset, length }, where) {
      const position = where === 'above' ? end++ : --first;
      const chunk = openChunk(position);
      const at = slotOf(position);
      putRecord(chunk, at, record, dictionaries);
      chunk.places[at] = placeInLedger;
      chunk.parts[at] = part;
      chunk.offsets[at] = offset;
      chunk.lengths[at] = length;
      version++;
      return position;
    },
    replace(position, record) {
      putRecord(chunkAt(position), slotOf(position), record, dictionaries);
      version++;
      for (const listener of listeners) listener(position);
    },
    record(position) {
      const chunk = chunkAt(position);
      const at = slotOf(position);
      return takeRecord(chunk, at, rowOf(scopeOf(position), chunk.places[at] ?? 0), dictionaries);
    },
    scopeOf,
    origin(position) {
      const { places, parts, offsets, lengths } = chunkAt(position);
      const at = slotOf(position);
      return {
        place: places[at] ?? 0,
        part: parts[at] ?? 0,
        offset: offsets[at] ?? 0,
        length: lengths[at] ?? 0,
      };
    },
    chunkAt,
    related: (position) => chunkAt(position).related[slotOf(position)] ?? -1,
    setRelated(position, entry) {
      chunkAt(position).related[slotOf(position)] = entry;
    },
    *spans() {
      const [start, stop] = [first, end];
      for (
        let base = Math.floor((stop - 1) / CHUNK_ROWS) * CHUNK_ROWS;
        base + CHUNK_ROWS > start;
        base -= CHUNK_ROWS
      ) {
        const [list, index] = place(base);
        const chunk = list[index];
        if (chunk && stop > start)
          yield { chunk, base, from: Math.max(0, start - base), to: Math.min(CHUNK_ROWS, stop - base) };
      }
    },
    onReplace(listener) {
      listeners.push(listener);
    },
    get sizeBytes() {
      return [...above, ...below].reduce((sum, chunk) => sum + measureChunk(chunk), 0);
    },
  };
}

function slotOf(position: number): number {
  return ((position % CHUNK_ROWS) + CHUNK_ROWS) % CHUNK_ROWS;
}
