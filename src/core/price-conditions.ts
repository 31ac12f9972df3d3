/**
 * When an entry of `pricing.overrides` applies: prompt size, UTC clock and UTC weekday (docs/pricing.md "Overrides in
 * time"). What could be read two ways is `maybe`, so that a bound can take the dearer reading.
 */
import type { Json, JsonObject } from './json.js';

/** Conditions of one override; all that are present must hold. */
export interface Conditions {
  /** The prompt has strictly more tokens than this. */
  readonly minPromptTokens?: number;
  /** Minutes after midnight UTC, 0 to 1439; the window starts here. */
  readonly startMinute?: number;
  /** Minutes after midnight UTC, 1 to 1440; the window ends before this. Below the start: on the next day. */
  readonly endMinute?: number;
  /** UTC weekdays, 0 is Sunday. */
  readonly days?: readonly number[];
}

export type Truth = 'yes' | 'no' | 'maybe';

/** Tokens of the prompt, and a moment in milliseconds since 1970. */
export interface Situation {
  readonly promptTokens: number;
  readonly atMs: number;
}

/** The keys of an override that are conditions. */
export const CONDITION_KEYS: ReadonlySet<string> = new Set([
  'min_prompt_tokens',
  'utc_start',
  'utc_end',
  'utc_days',
]);

const DAY_NAMES = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

/** What was understood of an override's conditions, and the keys that were not, whatever their value. */
export interface ConditionReading {
  readonly conditions: Conditions;
  readonly unknown: readonly string[];
}

/** Reads the four known conditions of an override. A value that is not understood makes its condition unknown. */
export function readConditions(data: JsonObject): ConditionReading {
  const read: { -readonly [K in keyof Conditions]: Conditions[K] } = {};
  const unknown: string[] = [];
  const take = <T>(key: string, reader: (value: Json) => T | undefined, put: (value: T) => void) => {
    if (!Object.hasOwn(data, key)) return;
    const value = reader(data[key]!);
    if (value === undefined) unknown.push(key);
    else put(value);
  };
  take('min_prompt_tokens', readCount, (count) => (read.minPromptTokens = count));
  take('utc_start', readStart, (minute) => (read.startMinute = minute));
  take('utc_end', readEnd, (minute) => (read.endMinute = minute));
  take('utc_days', readDays, (days) => (read.days = days));
  return { conditions: read, unknown };
}

/** Whether the conditions hold in a situation. Takes constant time. */
export function judgeConditions(conditions: Conditions, situation: Situation): Truth {
  const { minPromptTokens } = conditions;
  if (minPromptTokens !== undefined && situation.promptTokens <= minPromptTokens) return 'no';
  return judgeTime(conditions, situation.atMs);
}

/** The moments in (`fromMs`, `untilMs`] at which the truth of the conditions may change, at most one week of them. */
export function listTurns(conditions: Conditions, fromMs: number, untilMs: number): readonly number[] {
  if (!isTimed(conditions)) return [];
  const minutes = [0, conditions.startMinute ?? 0, (conditions.endMinute ?? 0) % DAY_MINUTES];
  const last = Math.min(untilMs, fromMs + 7 * DAY_MS);
  const turns: number[] = [];
  for (let day = Math.floor(fromMs / DAY_MS); day * DAY_MS <= last; day++) {
    for (const minute of minutes) {
      const turn = day * DAY_MS + minute * MINUTE_MS;
      if (turn > fromMs && turn <= last) turns.push(turn);
    }
  }
  return turns;
}

function isTimed({ startMinute, endMinute, days }: Conditions): boolean {
  return startMinute !== undefined || endMinute !== undefined || days !== undefined;
}

function judgeTime(conditions: Conditions, atMs: number): Truth {
  const { startMinute = 0, endMinute = DAY_MINUTES, days } = conditions;
  const dayNumber = Math.floor(atMs / DAY_MS);
  const minute = Math.floor((atMs - dayNumber * DAY_MS) / MINUTE_MS);
  const isToday = hasDay(days, dayNumber);
  // A window of no length may stand for a whole day or for none.
  if (startMinute === endMinute)
    return isToday === 'no' && hasDay(days, dayNumber - 1) === 'no' ? 'no' : 'maybe';
  if (startMinute < endMinute) return minute >= startMinute && minute < endMinute ? isToday : 'no';
  if (minute >= startMinute) return isToday;
  if (minute >= endMinute) return 'no';
  // After midnight: nothing says whether the weekday is that of the window's start or of the moment itself.
  const wasYesterday = hasDay(days, dayNumber - 1);
  return isToday === wasYesterday ? isToday : 'maybe';
}

function hasDay(days: readonly number[] | undefined, dayNumber: number): Truth {
  if (days === undefined) return 'yes';
  // An empty list may mean no day or no condition.
  if (days.length === 0) return 'maybe';
  // 1970-01-01 was a Thursday.
  return days.includes((((dayNumber + 4) % 7) + 7) % 7) ? 'yes' : 'no';
}

function readCount(value: Json): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** A clock number HHMM as minutes after midnight: 1030 is 630. */
function readClock(value: Json): number | undefined {
  const clock = readCount(value);
  if (clock === undefined || clock > 2400 || clock % 100 > 59) return undefined;
  return Math.floor(clock / 100) * 60 + (clock % 100);
}

function readStart(value: Json): number | undefined {
  const minute = readClock(value);
  return minute === DAY_MINUTES ? undefined : minute;
}

/** As an end, 0 is the midnight that closes the day. */
function readEnd(value: Json): number | undefined {
  return readClock(value) === 0 ? DAY_MINUTES : readClock(value);
}

function readDays(value: Json): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const days = value.map((name: Json) => (typeof name === 'string' ? DAY_NAMES.indexOf(name) : -1));
  return days.includes(-1) ? undefined : days;
}
