/** What one counter counts, for whom and how long: the keys that budgets keep sums under (docs/policy.md "Counters"). */
import type { Cap, CapUnit } from './policy.js';
import { escapeScopeValue, printScopeKey, type Selector } from './scope.js';
import { isCalendarWindow, windowEndMs, windowStartMs } from './window.js';

/** Whose call it is, as far as counters tell calls apart. */
export interface Caller {
  readonly actor: Selector;
  /** The session, else the guard that decided: what `per_run` counts by. */
  readonly run: string;
}

/** An amount in each unit; US dollars at the scale of `money.ts`. */
export type Amounts = { readonly [U in CapUnit]: bigint };

/** Names the counter of a windowed cap: caps with one name share it. A zone counts only where it moves the window. */
export function counterKey({ window, unit, timeZone, scopeKey }: Cap): string {
  const isZoned = window === 'per_day' || window === 'per_week' || window === 'per_month';
  const zone = isZoned && timeZone !== 'UTC' ? ` ${timeZone}` : '';
  return `${window}${unit === 'usd' ? '' : ` ${unit}`}${zone} ${scopeKey}`;
}

/** Which of a counter's sums a call belongs to: the same text for the same `per` value and run. */
export function groupOf({ per, window }: Pick<Cap, 'per' | 'window'>, { actor, run }: Caller): string {
  // Rows of others may hold anything here.
  const value: unknown = per === undefined ? undefined : actor[per];
  const group = typeof value === 'string' ? value : '';
  return window === 'per_run' ? JSON.stringify([group, run]) : group;
}

/** What a call counts under, printed: the cap's match with the call's own `per` value and run. */
export function printCounterScope(cap: Cap, { actor, run }: Caller): string {
  const { per, match } = cap;
  if (per === undefined && cap.window !== 'per_run') return cap.scopeKey;
  const value = per === undefined ? undefined : actor[per];
  const parts = [
    printScopeKey(per === undefined || value === undefined ? match : { ...match, [per]: value }),
    per !== undefined && value === undefined ? `no ${per}` : '',
    cap.window === 'per_run' ? `run=${escapeScopeValue(run)}` : '',
  ];
  return parts.filter((part) => part !== '').join('/');
}

/** Start of the window that a moment belongs to; 0 for windows without a calendar. */
export function startOf({ window, timeZone }: Pick<Cap, 'window' | 'timeZone'>, atMs: number): number {
  return isCalendarWindow(window) ? windowStartMs(window, atMs, timeZone) : 0;
}

/** End of that window; `Infinity` for windows without a calendar. */
export function endOf({ window, timeZone }: Pick<Cap, 'window' | 'timeZone'>, atMs: number): number {
  return isCalendarWindow(window) ? windowEndMs(window, atMs, timeZone) : Number.POSITIVE_INFINITY;
}
