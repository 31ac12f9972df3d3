/** Many exact sums of amounts at the speed of floats: each float is emptied into a bigint before it could lose a digit. */
import type { Usd } from '../core/money.js';
import {
  type AmountColumn,
  COST_KINDS,
  HIGH_UNIT,
  type RowChunk,
  readAmount,
  readCost,
} from './row-chunk.js';

/** Two numbers below this add up without loss. */
const LIMIT = 2 ** 52;

export interface ExactSums {
  /** Adds an amount of a row to a sum. What is not known adds nothing. */
  addAmount(sum: number, chunk: RowChunk, at: number, column: AmountColumn): void;
  /** Adds what a row costs. */
  addCost(sum: number, chunk: RowChunk, at: number): void;
  read(sum: number): Usd;
}

/** Sums 0, 1, …: as many as are asked for. */
export function createExactSums(): ExactSums {
  let high = new Float64Array(64);
  let low = new Float64Array(64);
  const full = new Map<number, Usd>();

  function add(sum: number, upper: number, lower: number): void {
    if (sum >= high.length) {
      high = enlarge(high, sum);
      low = enlarge(low, sum);
    }
    high[sum]! += upper;
    low[sum]! += lower;
    if (high[sum]! >= LIMIT || low[sum]! >= LIMIT) empty(sum);
  }
  function empty(sum: number): void {
    full.set(sum, read(sum));
    high[sum] = 0;
    low[sum] = 0;
  }
  function read(sum: number): Usd {
    return (full.get(sum) ?? 0n) + BigInt(high[sum] ?? 0) * HIGH_UNIT + BigInt(low[sum] ?? 0);
  }
  function addOdd(sum: number, amount: Usd | null): void {
    if (amount !== null) full.set(sum, (full.get(sum) ?? 0n) + amount);
  }
  function addAmount(sum: number, chunk: RowChunk, at: number, column: AmountColumn): void {
    const pair = chunk.amounts[column];
    const upper = pair.high[at] ?? Number.NaN;
    if (upper === Number.POSITIVE_INFINITY) addOdd(sum, readAmount(chunk, at, column));
    else if (!Number.isNaN(upper)) add(sum, upper, pair.low[at] ?? 0);
  }
  return {
    addAmount,
    addCost(sum, chunk, at) {
      const kind = COST_KINDS[chunk.costKinds[at] ?? 0] ?? 'unknown';
      if (kind === 'odd') addOdd(sum, readCost(chunk, at));
      else if (kind !== 'unknown' && kind !== 'zero') addAmount(sum, chunk, at, kind);
    },
    read,
  };
}

function enlarge(numbers: Float64Array<ArrayBuffer>, index: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(2 * numbers.length, index + 1));
  larger.set(numbers);
  return larger;
}
