/** The counters and open calls of a budget as JSON, for the snapshot of a ledger (docs/receipt-format.md "Snapshot"). */
import type { Sums } from './budget.js';
import type { Amounts } from './counter.js';
import { isObject, type Json } from './json.js';
import type { Entry } from './open-call.js';
import type { Selector } from './scope.js';

/** What a budget keeps: sums by counter, start of window and group, and the calls that may still change them. */
export interface SavedBudget {
  readonly sums: Iterable<readonly [string, readonly (readonly [number, string, Sums])[]]>;
  readonly entries: Iterable<Entry>;
}

/** Amounts are whole numbers of the smallest unit of money (core/money.ts), as text. */
export function saveBudget({ sums, entries }: SavedBudget): Json {
  return {
    sums: Array.from(sums, ([key, windows]) => [
      key,
      windows.map(([startMs, group, sum]) => saveSums(startMs, group, sum)),
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

function saveSums(startMs: number, group: string, sum: Sums): Json {
  return [startMs, group, `${sum.settled}`, `${sum.held}`, `${sum.heldExpected}`, `${sum.peak}`];
}

function saveEntry(entry: Entry): Json {
  const { decisionId, attempt, timestampMs, actor, run, reserved, expected, instance, settled } = entry;
  const amounts = [reserved, expected, settled].map((amount) => (amount ? saveAmounts(amount) : null));
  return [decisionId, attempt, timestampMs, { ...actor }, run, instance, ...amounts];
}

function saveAmounts({ usd, requests, tokens, in_flight }: Amounts): Json {
  return [`${usd}`, `${requests}`, `${tokens}`, `${in_flight}`];
}

function loadCounter(saved: Json): [string, [number, string, Sums][]] | undefined {
  if (!isList(saved) || typeof saved[0] !== 'string' || !isList(saved[1])) return undefined;
  const windows = saved[1].map(loadSums);
  return isComplete(windows) ? [saved[0], windows] : undefined;
}

function loadSums(saved: Json): [number, string, Sums] | undefined {
  if (!isList(saved)) return undefined;
  const [startMs, group, ...amounts] = saved;
  if (!isMoment(startMs) || typeof group !== 'string') return undefined;
  const [settled, held, heldExpected, peak] = amounts.map(loadAmount);
  if (settled === undefined || held === undefined) return undefined;
  if (heldExpected === undefined || peak === undefined) return undefined;
  return [startMs, group, { settled, held, heldExpected, peak }];
}

function loadEntry(saved: Json): Entry | undefined {
  if (!isList(saved)) return undefined;
  const [decisionId, attempt, timestampMs, actor, run, instance, ...amounts] = saved;
  const [reserved, expected, settled] = amounts.map(loadAmounts);
  if (typeof decisionId !== 'string' || typeof attempt !== 'number' || !isMoment(timestampMs))
    return undefined;
  if (!isObject(actor) || typeof run !== 'string' || typeof instance !== 'string') return undefined;
  if (reserved === undefined || expected === undefined) return undefined;
  if (settled === undefined && amounts[2] !== null) return undefined;
  const labels = actor as Selector;
  return { decisionId, attempt, timestampMs, actor: labels, run, instance, reserved, expected, settled };
}

function loadAmounts(saved: Json): Amounts | undefined {
  if (!isList(saved)) return undefined;
  const [usd, requests, tokens, in_flight] = saved.map(loadAmount);
  if (usd === undefined || requests === undefined) return undefined;
  if (tokens === undefined || in_flight === undefined) return undefined;
  return { usd, requests, tokens, in_flight };
}

function loadAmount(saved: Json): bigint | undefined {
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
