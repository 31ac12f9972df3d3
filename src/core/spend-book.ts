/** What a ledger knows about its calls per UTC day and model, to be held against OpenRouter's activity. */
import type { Call } from './calls.js';
import type { ModelNamer } from './model-namer.js';
import type { Usd } from './money.js';
import { dayOf, shiftDay } from './utc-day.js';

/**
 * The calls decided on one day for one model. "Late" ones were decided on this day but had not ended when it did: upstream
 * may have counted them on the next.
 */
export interface LedgerSum {
  /** As the first of these calls named it. Hostile. */
  readonly model: string;
  readonly calls: number;
  readonly lateCalls: number;
  /** Billed, as upstream said in its answers. */
  readonly billedUsd: Usd;
  readonly lateBilledUsd: Usd;
  /** Calls of which upstream did not say what they cost, and the most that they can have cost together. */
  readonly openCalls: number;
  readonly openUsd: Usd;
  readonly lateOpenUsd: Usd;
  /** Open calls that have no bound, as in shadow mode without a price. */
  readonly unboundedCalls: number;
  readonly lateUnboundedCalls: number;
}

export const NO_SPEND: LedgerSum = {
  model: '',
  calls: 0,
  lateCalls: 0,
  billedUsd: 0n,
  lateBilledUsd: 0n,
  openCalls: 0,
  openUsd: 0n,
  lateOpenUsd: 0n,
  unboundedCalls: 0,
  lateUnboundedCalls: 0,
};

export interface SpendBook {
  add(call: Call): void;
  /** Sums by model name (`ModelNamer`) and day. */
  readonly sums: ReadonlyMap<string, ReadonlyMap<string, LedgerSum>>;
}

export function createSpendBook(nameOf: ModelNamer): SpendBook {
  const sums = new Map<string, Map<string, LedgerSum>>();
  return {
    sums,
    add(call) {
      const name = nameOf(call.model);
      const days = sums.get(name) ?? new Map<string, LedgerSum>();
      sums.set(name, days);
      const day = dayOf(call.decidedMs);
      days.set(day, addCall(days.get(day) ?? { ...NO_SPEND, model: call.model }, call));
    },
  };
}

/** Days from `from` to `to`, both included. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

/** All that the ledger has on the days of a range, whatever the model, and what of the day before may belong to it. */
export function sumRange(
  book: SpendBook,
  { from, to }: DayRange,
): { readonly within: LedgerSum; readonly before: LedgerSum } {
  let within = NO_SPEND;
  let before = NO_SPEND;
  for (const days of book.sums.values())
    for (const [day, sum] of days) {
      if (day >= from && day <= to) within = joinSums(within, sum);
      else if (day === shiftDay(from, -1)) before = joinSums(before, sum);
    }
  return { within, before };
}

/** Two sums as one. */
function joinSums(a: LedgerSum, b: LedgerSum): LedgerSum {
  return {
    model: a.model || b.model,
    calls: a.calls + b.calls,
    lateCalls: a.lateCalls + b.lateCalls,
    billedUsd: a.billedUsd + b.billedUsd,
    lateBilledUsd: a.lateBilledUsd + b.lateBilledUsd,
    openCalls: a.openCalls + b.openCalls,
    openUsd: a.openUsd + b.openUsd,
    lateOpenUsd: a.lateOpenUsd + b.lateOpenUsd,
    unboundedCalls: a.unboundedCalls + b.unboundedCalls,
    lateUnboundedCalls: a.lateUnboundedCalls + b.lateUnboundedCalls,
  };
}

function addCall(sum: LedgerSum, call: Call): LedgerSum {
  const { billedUsd, atMostUsd } = call;
  // A call that never ended may have ended upstream whenever.
  const isLate = call.endedMs === undefined || dayOf(call.endedMs) > dayOf(call.decidedMs);
  const isUnbounded = billedUsd === undefined && atMostUsd === undefined;
  const billed = billedUsd ?? 0n;
  const open = billedUsd === undefined ? (atMostUsd ?? 0n) : 0n;
  return joinSums(sum, {
    model: call.model,
    calls: 1,
    lateCalls: isLate ? 1 : 0,
    billedUsd: billed,
    lateBilledUsd: isLate ? billed : 0n,
    openCalls: billedUsd === undefined ? 1 : 0,
    openUsd: open,
    lateOpenUsd: isLate ? open : 0n,
    unboundedCalls: isUnbounded ? 1 : 0,
    lateUnboundedCalls: isUnbounded && isLate ? 1 : 0,
  });
}
