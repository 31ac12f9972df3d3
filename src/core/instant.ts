/** Moments as people write them: ISO 8601 with date, time and zone, never the zone of the machine. */

const ISO_INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))$/;

/**
 * Reads text such as `2026-10-01T00:00:00Z` or `2026-10-01T02:00+02:00`: years 0000 to 9999, digits below a
 * millisecond dropped.
 * @returns milliseconds since 1970, or `undefined` when the text is no such moment or names no real day.
 */
export function parseInstant(text: string): number | undefined {
  const match = ISO_INSTANT.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, zoneHour, zoneMinute] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (Number(zoneHour ?? 0) > 23 || Number(zoneMinute ?? 0) > 59) return undefined;
  const dayMs = dayStartMs(Number(year), Number(month), Number(day));
  if (dayMs === undefined) return undefined;
  const zone = (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)) * (sign === '-' ? -1 : 1);
  const millisecond = Number(fraction.padEnd(3, '0').slice(0, 3));
  return dayMs + ((Number(hour) * 60 + Number(minute) - zone) * 60 + Number(second)) * 1000 + millisecond;
}

/** The day asked for last: rows follow each other closely. */
let lastDay: { readonly name: number; readonly startMs: number | undefined } = {
  name: -1,
  startMs: undefined,
};

function dayStartMs(year: number, month: number, day: number): number | undefined {
  const name = (year * 100 + month) * 100 + day;
  if (lastDay.name === name) return lastDay.startMs;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // A day that the month does not have rolls over into another month.
  const startMs = date.getUTCMonth() === month - 1 ? date.getTime() : undefined;
  lastDay = { name, startMs };
  return startMs;
}
