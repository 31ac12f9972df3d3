/** Where a cap's window begins and ends: calendar units of UTC (docs/policy.md "Windows"). */
import type { CapWindow } from './policy.js';

/** The windows that keep a counter. `per_call` keeps none: each call stands alone. */
export type CountedWindow = Exclude<CapWindow, 'per_call'>;

const LENGTH_MS = { per_minute: 60_000, per_hour: 3_600_000, per_day: 86_400_000 } as const;
/** The Gregorian calendar repeats after 400 years: 146,097 days. */
const CALENDAR_CYCLE_MS = 146_097 * LENGTH_MS.per_day;

/**
 * First moment of the window that contains `atMs`, in milliseconds since 1970.
 * @throws RangeError when `atMs` is not a whole number of milliseconds.
 */
export function windowStartMs(window: CountedWindow, atMs: number): number {
  return window === 'per_month' ? monthMs(atMs, 0) : startOfUnitMs(LENGTH_MS[window], atMs);
}

/**
 * First moment after the window that contains `atMs`: when its counter stands at zero again.
 * @throws RangeError when `atMs` is not a whole number of milliseconds.
 */
export function windowEndMs(window: CountedWindow, atMs: number): number {
  if (window === 'per_month') return monthMs(atMs, 1);
  return startOfUnitMs(LENGTH_MS[window], atMs) + LENGTH_MS[window];
}

function startOfUnitMs(lengthMs: number, atMs: number): number {
  requireWholeMs(atMs);
  return Math.floor(atMs / lengthMs) * lengthMs;
}

/** Start of the calendar month `offset` months after the one that contains `atMs`. */
function monthMs(atMs: number, offset: 0 | 1): number {
  requireWholeMs(atMs);
  // Worked out in the cycle after 1970, because Date.UTC reads the years 0 to 99 as 1900 to 1999.
  const shiftMs = Math.floor(atMs / CALENDAR_CYCLE_MS) * CALENDAR_CYCLE_MS;
  const at = new Date(atMs - shiftMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset, 1) + shiftMs;
}

function requireWholeMs(atMs: number): void {
  if (!Number.isSafeInteger(atMs)) throw new RangeError(`not a whole number of milliseconds: ${atMs}`);
}
