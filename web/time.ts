/** Times and spans for people, in the browser's own zone. */

const DAY_MS = 86_400_000;

/** `14:03:27` today, `Nov 3 14:03:27` this year, with the year before that. `null` is a row without a time. */
export function showTime(ms: number | null, nowMs: number): string {
  if (ms === null || !Number.isFinite(ms)) return 'no time';
  const date = new Date(ms);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const now = new Date(nowMs);
  if (date.toDateString() === now.toDateString()) return clock;
  const day = `${MONTHS[date.getMonth()]} ${date.getDate()}`;
  return date.getFullYear() === now.getFullYear()
    ? `${day} ${clock}`
    : `${day} ${date.getFullYear()} ${clock}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** ISO 8601 in UTC, for titles and details. */
export function showInstant(ms: number | null): string {
  return ms === null || !Number.isFinite(ms) ? 'no time' : new Date(ms).toISOString();
}

/** `in 3 h 12 min`, `4 days ago`. */
export function showDistance(ms: number, nowMs: number): string {
  const span = showSpan(Math.abs(ms - nowMs));
  return ms >= nowMs ? `in ${span}` : `${span} ago`;
}

/** `42 s`, `3 h 12 min`, `9 days`. */
export function showSpan(ms: number): string {
  if (ms < 60_000) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 2 * DAY_MS) {
    const minutes = Math.round(ms / 60_000);
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  return `${Math.round(ms / DAY_MS)} days`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
