/**
 * The calls that a filter selects, kept up to date: each call is tested once, and again when it changes. Offsets are
 * those of the list, newest first, as it was at a position.
 */
import { createPacer } from './pacer.js';
import type { RowTest } from './predicate.js';
import { CHUNK_ROWS } from './row-chunk.js';
import type { RowTable, Span } from './row-table.js';

export interface Selection {
  /** Tests what came since. The other methods know nothing of what came later. */
  refresh(): Promise<void>;
  /** How many selected calls lie below a position. */
  count(asOf: number): number;
  /** Positions of selected calls below `asOf`, newest first. */
  list(asOf: number, offset: number, limit: number): number[];
  /** The place of a call in that list; `undefined` when it is not in it. */
  offsetOf(asOf: number, position: number): number | undefined;
  has(position: number): boolean;
  /** Tests a call again. */
  retest(position: number): void;
  /** The tested rows of each chunk, newest first; `flags` is 1 where a row is selected. */
  spans(): Iterable<SelectedSpan>;
}

export interface SelectedSpan extends Span {
  readonly flags: Uint8Array;
}

interface Tested {
  readonly flags: Uint8Array;
  readonly base: number;
  from: number;
  to: number;
  count: number;
}

export function createSelection(table: RowTable, { test, refresh }: RowTest): Selection {
  const blocks = new Map<number, Tested>();

  function testSpan({ chunk, base, from, to }: Span): void {
    refresh();
    const block = blocks.get(base) ?? { flags: new Uint8Array(CHUNK_ROWS), base, from, to: from, count: 0 };
    blocks.set(base, block);
    for (let at = from; at < to; at++) {
      // What was tested is one run in the middle: chunks are filled upwards or downwards.
      if (at === block.from) at = block.to;
      if (at >= to || !test(chunk, at)) continue;
      block.flags[at] = 1;
      block.count++;
    }
    block.from = Math.min(block.from, from);
    block.to = Math.max(block.to, to);
  }
  function isTested({ base, from, to }: Span): boolean {
    const block = blocks.get(base);
    return block !== undefined && block.from <= from && block.to >= to;
  }
  function* newestFirst(): Generator<Tested> {
    for (const { base } of table.spans()) {
      const block = blocks.get(base);
      if (block) yield block;
    }
  }
  const countBelow = (block: Tested, asOf: number): number => {
    if (asOf >= block.base + block.to) return block.count;
    let count = 0;
    for (let at = block.from; at < asOf - block.base; at++) count += block.flags[at] ?? 0;
    return count;
  };
  const has = (position: number): boolean => {
    const base = Math.floor(position / CHUNK_ROWS) * CHUNK_ROWS;
    return blocks.get(base)?.flags[position - base] === 1;
  };
  return {
    async refresh() {
      const pace = createPacer();
      for (const span of table.spans()) {
        if (isTested(span)) continue;
        testSpan(span);
        await pace();
      }
    },
    count(asOf) {
      let count = 0;
      for (const block of newestFirst()) count += countBelow(block, asOf);
      return count;
    },
    list(asOf, offset, limit) {
      const found: number[] = [];
      let skip = offset;
      for (const block of newestFirst()) {
        if (found.length >= limit) break;
        const count = countBelow(block, asOf);
        if (skip >= count) {
          skip -= count;
          continue;
        }
        const top = Math.min(block.to, asOf - block.base);
        for (let at = top - 1; at >= block.from && found.length < limit; at--) {
          if (block.flags[at] !== 1) continue;
          if (skip > 0) skip--;
          else found.push(block.base + at);
        }
      }
      return found;
    },
    offsetOf(asOf, position) {
      if (position >= asOf || !has(position)) return undefined;
      let offset = 0;
      for (const block of newestFirst()) {
        if (block.base <= position) return offset + countBelow(block, asOf) - countBelow(block, position + 1);
        offset += countBelow(block, asOf);
      }
      return undefined;
    },
    has,
    *spans() {
      for (const { base } of table.spans()) {
        const block = blocks.get(base);
        if (!block) continue;
        const { flags, from, to } = block;
        yield { chunk: table.chunkAt(base + from), base, from, to, flags };
      }
    },
    retest(position) {
      const base = Math.floor(position / CHUNK_ROWS) * CHUNK_ROWS;
      const block = blocks.get(base);
      const at = position - base;
      if (!block || at < block.from || at >= block.to) return;
      refresh();
      const isSelected = test(table.chunkAt(position), at) ? 1 : 0;
      block.count += isSelected - (block.flags[at] ?? 0);
      block.flags[at] = isSelected;
    },
  };
}
