/** The rows about a call besides its decision: settlements and outcomes, as a chain from the newest to the oldest. */
import type { RowOrigin } from './row-table.js';

const START_SIZE = 1_024;

export interface RelatedRows {
  /** Keeps a row in front of a chain; -1 begins one. Returns the chain. */
  add(origin: RowOrigin, next: number): number;
  /** Hangs a chain behind the last row of another. */
  link(chain: number, next: number): number;
  /** The rows of a chain, newest first. */
  list(chain: number): RowOrigin[];
  readonly sizeBytes: number;
}

export function createRelatedRows(): RelatedRows {
  let count = 0;
  let nexts = new Int32Array(START_SIZE);
  let places = new Int32Array(START_SIZE);
  let parts = new Uint32Array(START_SIZE);
  let offsets = new Float64Array(START_SIZE);
  let lengths = new Uint32Array(START_SIZE);

  function grow(): void {
    const size = Math.ceil(nexts.length * 1.5);
    const [oldNexts, oldPlaces, oldParts, oldOffsets, oldLengths] = [nexts, places, parts, offsets, lengths];
    nexts = new Int32Array(size);
    places = new Int32Array(size);
    parts = new Uint32Array(size);
    offsets = new Float64Array(size);
    lengths = new Uint32Array(size);
    nexts.set(oldNexts);
    places.set(oldPlaces);
    parts.set(oldParts);
    offsets.set(oldOffsets);
    lengths.set(oldLengths);
  }
  return {
    add({ place, part, offset, length }, next) {
      if (count === nexts.length) grow();
      nexts[count] = next;
      places[count] = place;
      parts[count] = part;
      offsets[count] = offset;
      lengths[count] = length;
      return count++;
    },
    link(chain, next) {
      if (chain < 0) return next;
      let last = chain;
      for (let at = nexts[last] ?? -1; at >= 0; at = nexts[last] ?? -1) last = at;
      nexts[last] = next;
      return chain;
    },
    list(chain) {
      const rows: RowOrigin[] = [];
      for (let at = chain; at >= 0; at = nexts[at] ?? -1)
        rows.push({
          place: places[at] ?? 0,
          part: parts[at] ?? 0,
          offset: offsets[at] ?? 0,
          length: lengths[at] ?? 0,
        });
      return rows;
    },
    get sizeBytes() {
      const all = [nexts, places, parts, offsets, lengths];
      return all.reduce((sum, { byteLength }) => sum + byteLength, 0);
    },
  };
}
