/** The counters and open calls of a budget as JSON, for the snapshot of a ledger (docs/receipt-format.md "Snapshot"). */
import type { Entry, Sums } from './budget.js';
import type { Json } from './json.js';
import type { Usd } from './money.js';
import { isObject } from './receipt.js';
import type { Selector } from './scope.js';

/** What a budget keeps: sums by counter and start of window, and the calls that may still change them. */
export interface SavedBudget {
  readonly sums: Iterable<readonly [string, readonly (readonly [number, Sums])[]]>;
  readonly entries: Iterable<Entry>;
}

/** Amounts are whole numbers of the smallest unit of money (core/money.ts), as text. */
export function saveBudget({ sums, entries }: SavedBudget): Json {
  return {
    sums: Array.from(sums, ([key, windows]) => [
      key,
      windows.map(([startMs, sum]) => saveSums(startMs, sum)),
    ]),
    entries: Array.from(entries, saveEntry),
  };
}

/** The inverse of `saveBudget`; `undefined` for anything else. Never throws. */
export function loadBudget(saved: Json): SavedBudget | undefined {
  if (!isObject(saved) || !isList(saved.sums) || !isList(saved.entries)) return undefined;
  const sums = saved.sums.map(loadCounter);
  const entries = saved.entries.map(loadEntry);
  return isComplete(sums) && isComplete(entries) ? { sums, entries } : undefined;
}

function saveSums(startMs: number, sum: Sums): Json {
  return [startMs, `${sum.settledUsd}`, `${sum.heldUsd}`, `${sum.heldExpectedUsd}`];
}

function saveEntry(entry: Entry): Json {
  const { decisionId, attempt, timestampMs, actor, reservedUsd, expectedUsd, instance, settledUsd } = entry;
  const amounts = [`${reservedUsd}`, `${expectedUsd}`, settledUsd === undefined ? null : `${settledUsd}`];
  return [decisionId, attempt, timestampMs, { ...actor }, instance, ...amounts];
}

function loadCounter(saved: Json): [string, [number, Sums][]] | undefined {
  if (!isList(saved) || typeof saved[0] !== 'string' || !isList(saved[1])) return undefined;
  const windows = saved[1].map(loadSums);
  return isComplete(windows) ? [saved[0], windows] : undefined;
}

function loadSums(saved: Json): [number, Sums] | undefined {
  if (!isList(saved) || !isMoment(saved[0])) return undefined;
  const [settledUsd, heldUsd, heldExpectedUsd] = saved.slice(1).map(loadAmount);
  if (settledUsd === undefined || heldUsd === undefined || heldExpectedUsd === undefined) return undefined;
  return [saved[0], { settledUsd, heldUsd, heldExpectedUsd }];
}

function loadEntry(saved: Json): Entry | undefined {
  if (!isList(saved)) return undefined;
  const [decisionId, attempt, timestampMs, actor, instance, ...amounts] = saved;
  const [reservedUsd, expectedUsd, settledUsd] = amounts.map(loadAmount);
  if (typeof decisionId !== 'string' || typeof attempt !== 'number' || !isMoment(timestampMs))
    return undefined;
  if (!isObject(actor) || typeof instance !== 'string') return undefined;
  if (reservedUsd === undefined || expectedUsd === undefined) return undefined;
  if (settledUsd === undefined && amounts[2] !== null) return undefined;
  const labels = actor as Selector;
  return { decisionId, attempt, timestampMs, actor: labels, instance, reservedUsd, expectedUsd, settledUsd };
}

function loadAmount(saved: Json): Usd | undefined {
  return typeof saved === 'string' && /^\d{1,60}$/.test(saved) ? BigInt(saved) : undefined;
}

function isMoment(value: Json | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isComplete<T>(list: readonly (T | undefined)[]): list is T[] {
  return !list.includes(undefined);
}
