/** Wall clocks of time zones, by the zone data of the platform's `Intl` (docs/policy.md "Time zones"). */
import { WEEKDAYS, type Weekday } from './policy.js';

/** What a wall clock shows at one moment. */
export interface LocalMoment {
  readonly weekday: Weekday;
  /** Minutes since local midnight by the clock, 0 to 1439. */
  readonly minuteOfDay: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** 1973: the last zone that was not a whole number of minutes from UTC changed in 1972. */
const FULL_MINUTES_SINCE_MS = 94_694_400_000;
/** The offset asked for last, by zone: calls come in order, and the platform takes microseconds for each. */
const lastOffsets = new Map<string, { readonly minute: number; readonly offsetMs: number }>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether the platform knows the zone: an IANA name such as `Europe/Berlin`, or `UTC`. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    // Newer platforms also take fixed offsets such as +05:30, which others refuse.
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

/**
 * How far the zone's clock is ahead of UTC at a moment: milliseconds, negative in the west.
 *
 * @throws RangeError when the platform does not know the zone, or the moment is not a date.
 */
export function zoneOffsetMs(zone: string, atMs: number): number {
  if (zone === 'UTC') return 0;
  const minute = Math.floor(atMs / MINUTE_MS);
  const last = lastOffsets.get(zone);
  if (last?.minute === minute) return last.offsetMs;
  const offsetMs = computeOffsetMs(zone, atMs);
  // Since then clocks have been set at full minutes only: the offset of a moment is that of its minute.
  if (atMs >= FULL_MINUTES_SINCE_MS) lastOffsets.set(zone, { minute, offsetMs });
  return offsetMs;
}

function computeOffsetMs(zone: string, atMs: number): number {
  const fields: Record<string, number> = {};
  let isBefore = false;
  for (const { type, value } of formatOf(zone).formatToParts(atMs))
    if (type === 'era') isBefore = value.startsWith('B');
    else fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  const wall = new Date(0);
  wall.setUTCFullYear(isBefore ? 1 - year : year, month - 1, day);
  wall.setUTCHours(hour, minute, second);
  return wall.getTime() - Math.floor(atMs / 1000) * 1000;
}

/** The weekday and time of day that the zone's clock shows. */
export function localMoment(zone: string, atMs: number): LocalMoment {
  const wallMs = atMs + zoneOffsetMs(zone, atMs);
  const sinceMidnightMs = ((wallMs % DAY_MS) + DAY_MS) % DAY_MS;
  // 1970-01-01 was a Thursday.
  const weekday = WEEKDAYS[(((Math.floor(wallMs / DAY_MS) + 3) % 7) + 7) % 7] ?? 'mon';
  return { weekday, minuteOfDay: Math.floor(sinceMidnightMs / MINUTE_MS) };
}

/**
 * The first moment at which the zone's clock shows `wallMs` (the clock's reading as if it were UTC). A reading that is
 * skipped stands for the moment of the jump.
 */
export function firstMomentOf(zone: string, wallMs: number): number {
  if (zone === 'UTC') return wallMs;
  const before = zoneOffsetMs(zone, wallMs - DAY_MS);
  const after = zoneOffsetMs(zone, wallMs + DAY_MS);
  const shown = [wallMs - before, wallMs - after].filter(
    (atMs) => atMs + zoneOffsetMs(zone, atMs) === wallMs,
  );
  if (shown.length > 0) return Math.min(...shown);
  return findJump(zone, wallMs - Math.max(before, after), wallMs - Math.min(before, after));
}

/** The first moment in (`fromMs`, `toMs`] with the offset that the zone has at `toMs`. */
export function findJump(zone: string, fromMs: number, toMs: number): number {
  const target = zoneOffsetMs(zone, toMs);
  let [low, high] = [fromMs, toMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zoneOffsetMs(zone, middle) === target) high = middle;
    else low = middle;
  }
  return high;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
