/** Where a cap's window begins and ends: calendar units of UTC or of a time zone (docs/policy.md "Windows"). */
import { firstMomentOf, zoneOffsetMs } from './local-time.js';
import type { CapWindow } from './policy.js';

/** The windows that keep a counter. `per_call` keeps none: each call stands alone. */
export type CountedWindow = Exclude<CapWindow, 'per_call'>;
/** The windows that begin anew with the calendar. */
export type CalendarWindow = Exclude<CountedWindow, 'per_run' | 'total'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday, weeks begin on Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
/** The Gregorian calendar repeats after 400 years: 146,097 days. */
const CALENDAR_CYCLE_MS = 146_097 * DAY_MS;

/** Whether a window begins anew with the calendar. */
export function isCalendarWindow(window: CapWindow): window is CalendarWindow {
  return window !== 'per_call' && window !== 'per_run' && window !== 'total';
}

/**
 * First moment of the window that contains `atMs`, in milliseconds since 1970. Minutes and hours are those of UTC in
 * every zone.
 * @throws RangeError when `atMs` is not a whole number of milliseconds, or the zone is not known.
 */
export function windowStartMs(window: CalendarWindow, atMs: number, zone = 'UTC'): number {
  requireWholeMs(atMs);
  if (isSameEverywhere(window, zone)) return unitStart(window, atMs);
  return findWindow(window, atMs, zone).startMs;
}

/**
 * First moment after the window that contains `atMs`: when its counter stands at zero again.
 * @throws RangeError when `atMs` is not a whole number of milliseconds, or the zone is not known.
 */
export function windowEndMs(window: CalendarWindow, atMs: number, zone = 'UTC'): number {
  requireWholeMs(atMs);
  if (isSameEverywhere(window, zone)) return unitEnd(window, atMs);
  return findWindow(window, atMs, zone).endMs;
}

/** A clock that is set back would make one minute or hour of many. */
function isSameEverywhere(window: CalendarWindow, zone: string): boolean {
  return zone === 'UTC' || window === 'per_minute' || window === 'per_hour';
}

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** The window found last, by zone and unit: calls come in order, and calendars of zones are slow. */
const found = new Map<string, Span>();

function findWindow(window: CalendarWindow, atMs: number, zone: string): Span {
  const key = `${window} ${zone}`;
  const last = found.get(key);
  if (last && last.startMs <= atMs && atMs < last.endMs) return last;
  const span = computeWindow(window, atMs, zone);
  found.set(key, span);
  return span;
}

function computeWindow(window: CalendarWindow, atMs: number, zone: string): Span {
  const wallMs = atMs + zoneOffsetMs(zone, atMs);
  let startMs = firstMomentOf(zone, unitStart(window, wallMs));
  let untilWallMs = unitEnd(window, wallMs);
  let endMs = firstMomentOf(zone, untilWallMs);
  // A clock set back over midnight shows yesterday again: that hour belongs to the day that had begun.
  while (endMs <= atMs) {
    startMs = endMs;
    untilWallMs = unitEnd(window, untilWallMs);
    endMs = firstMomentOf(zone, untilWallMs);
  }
  return { startMs, endMs };
}

function unitStart(window: CalendarWindow, atMs: number): number {
  switch (window) {
    case 'per_month':
      return monthMs(atMs, 0);
    case 'per_week':
      return Math.floor((atMs - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;
    default:
      return Math.floor(atMs / lengthMs(window)) * lengthMs(window);
  }
}

function unitEnd(window: CalendarWindow, atMs: number): number {
  if (window === 'per_month') return monthMs(atMs, 1);
  return unitStart(window, atMs) + lengthMs(window);
}

function lengthMs(window: Exclude<CalendarWindow, 'per_month'>): number {
  return { per_minute: MINUTE_MS, per_hour: HOUR_MS, per_day: DAY_MS, per_week: WEEK_MS }[window];
}

/** Start of the calendar month `offset` months after the one that contains `atMs`. */
function monthMs(atMs: number, offset: 0 | 1): number {
  // Worked out in the cycle after 1970, because Date.UTC reads the years 0 to 99 as 1900 to 1999.
  const shiftMs = Math.floor(atMs / CALENDAR_CYCLE_MS) * CALENDAR_CYCLE_MS;
  const at = new Date(atMs - shiftMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset, 1) + shiftMs;
}

function requireWholeMs(atMs: number): void {
  if (!Number.isSafeInteger(atMs)) throw new RangeError(`not a whole number of milliseconds: ${atMs}`);
}
