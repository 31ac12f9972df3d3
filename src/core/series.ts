/** Spend over time, stacked by one field: sums per step, exact (docs/dashboard.md). */
import type { CallRecord } from './call-record.js';
import type { SeriesAnswer } from './dashboard.js';
import { pickValue, type ValueField } from './grouping.js';
import { printUsd, type Usd } from './money.js';
import { windowEndMs, windowStartMs } from './window.js';

/** More steps than a chart is wide. */
export const MAX_STEPS = 2000;
const DEFAULT_GROUPS = 8;
const NOMINAL_MS = { day: 86_400_000, month: 30 * 86_400_000 } as const;

/** How time is cut: equal steps, or the days or months of a zone. */
export interface Steps {
  /** Of a step; nominal where days or months differ. */
  readonly stepMs: number;
  /** First moment of each step, ascending; milliseconds since 1970. */
  readonly startsMs: readonly number[];
  /** End of the last one, not included. */
  readonly endMs: number;
}

/** Steps of `stepMs`, aligned to 1970, that cover a span. @throws RangeError for none or more than `MAX_STEPS` */
export function listSteps(sinceMs: number, untilMs: number, stepMs: number): Steps {
  const firstMs = Math.floor(sinceMs / stepMs) * stepMs;
  const count = Math.ceil((untilMs - firstMs) / stepMs);
  if (!(stepMs >= 1 && count >= 1 && count <= MAX_STEPS))
    throw new RangeError(`A series has 1 to ${MAX_STEPS} steps`);
  const startsMs = Array.from({ length: count }, (_, index) => firstMs + index * stepMs);
  return { stepMs, startsMs, endMs: firstMs + count * stepMs };
}

/** The days or months of a zone that cover a span. @throws RangeError as `listSteps` */
export function listCalendarSteps(
  sinceMs: number,
  untilMs: number,
  unit: 'day' | 'month',
  zone = 'UTC',
): Steps {
  const window = unit === 'day' ? 'per_day' : 'per_month';
  const startsMs: number[] = [];
  let atMs = windowStartMs(window, sinceMs, zone);
  for (; atMs < untilMs; atMs = windowEndMs(window, atMs, zone)) {
    if (startsMs.length === MAX_STEPS) throw new RangeError(`A series has 1 to ${MAX_STEPS} steps`);
    startsMs.push(atMs);
  }
  if (startsMs.length === 0) throw new RangeError('A series has at least one step');
  return { stepMs: NOMINAL_MS[unit], startsMs, endMs: atMs };
}

/** The part of a record that a series is made of, apart from its group. */
export type Datable = Pick<CallRecord, 'action' | 'state' | 'timestampMs' | 'costUsd'>;

export interface Series {
  add(record: CallRecord): void;
  /** The same for a record whose group is known already. */
  addValue(record: Datable, group: string): void;
  describe(): SeriesAnswer;
}

/**
 * An empty series. Settled costs are stacked by `by`: the dearest `maxGroups` values, and the rest, calls without a
 * value among them, together as `""`. Rows outside the steps and rows without a time are left out.
 */
export function createSeries(by: ValueField, steps: Steps, maxGroups = DEFAULT_GROUPS): Series {
  const { startsMs, endMs } = steps;
  const sums = new Map<string, Usd[]>();
  const calls = startsMs.map(() => 0);
  const blocked = startsMs.map(() => 0);
  function addValue(record: Datable, group: string): void {
    const { action, state, timestampMs, costUsd } = record;
    const step = action === 'control' ? -1 : findStep(startsMs, endMs, timestampMs);
    if (step < 0) return;
    calls[step]! += 1;
    if (action === 'block') blocked[step]! += 1;
    if (state !== 'settled' || costUsd === null || costUsd === 0n) return;
    const values = sums.get(group) ?? startsMs.map((): Usd => 0n);
    sums.set(group, values);
    values[step]! += costUsd;
  }
  return {
    addValue,
    add: (record) => addValue(record, pickValue(record, by)),
    describe() {
      return describeSeries(by, steps, { sums, calls, blocked }, maxGroups);
    },
  };
}

/** What a series is made of: per group and step, and per step. */
export interface SeriesSums {
  readonly sums: ReadonlyMap<string, readonly Usd[]>;
  readonly calls: readonly number[];
  readonly blocked: readonly number[];
}

/** The answer for sums that are complete. */
export function describeSeries(
  by: ValueField,
  { stepMs, startsMs }: Steps,
  { sums, calls, blocked }: SeriesSums,
  maxGroups = DEFAULT_GROUPS,
): SeriesAnswer {
  const { groups, values } = stack(sums, maxGroups, startsMs.length);
  const settledUsd = values.map((steps) => steps.map(printUsd));
  return { by, stepMs, startsMs, groups, settledUsd, calls, blocked };
}

function stack(sums: ReadonlyMap<string, readonly Usd[]>, maxGroups: number, length: number) {
  const totalOf = (values: readonly Usd[]): Usd => values.reduce((sum, value) => sum + value, 0n);
  const named = [...sums]
    .filter(([group]) => group !== '')
    .map(([group, values]) => ({ group, values, total: totalOf(values) }))
    .sort((a, b) => (a.total !== b.total ? (a.total > b.total ? -1 : 1) : a.group < b.group ? -1 : 1));
  const shown = named.slice(0, maxGroups);
  const rest = [...named.slice(maxGroups).map(({ values }) => values), ...toList(sums.get(''))];
  const groups = shown.map(({ group }) => group);
  const values = shown.map((one) => one.values);
  if (rest.length === 0) return { groups, values };
  const together = Array.from({ length }, (_, step) => totalOf(rest.map((one) => one[step] ?? 0n)));
  return { groups: [...groups, ''], values: [...values, together] };
}

function toList<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** The step that a moment lies in; -1 for none. */
export function findStep(startsMs: readonly number[], endMs: number, atMs: number): number {
  if (!(atMs >= startsMs[0]! && atMs < endMs)) return -1;
  let [low, high] = [0, startsMs.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (startsMs[middle]! <= atMs) low = middle;
    else high = middle - 1;
  }
  return low;
}
