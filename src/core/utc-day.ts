/** Days of the UTC calendar as `YYYY-MM-DD`: what OpenRouter counts its activity by. They sort as text. */
import { parseInstant } from './instant.js';

const DAY_MS = 86_400_000;

/** The day of a moment in milliseconds since 1970. @throws RangeError for no moment */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The first millisecond of a day, or `undefined` when the text is no day of the calendar. */
export function parseDay(text: string): number | undefined {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? parseInstant(`${text}T00:00:00Z`) : undefined;
}

/** The day `days` later, or earlier when negative. @throws RangeError when `day` is none */
export function shiftDay(day: string, days: number): string {
  const startMs = parseDay(day);
  if (startMs === undefined) throw new RangeError(`${JSON.stringify(day)} is no day`);
  return dayOf(startMs + days * DAY_MS);
}

/** Every day from `from` to `to`, both included. */
export function listDays(from: string, to: string): readonly string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = shiftDay(day, 1)) days.push(day);
  return days;
}
