/**
 * The ledger against OpenRouter's own numbers: what upstream charged per day and model, less what the ledger knows, is
 * spend that did not pass the guard (docs/cli.md, reconcile). A pure fold; knows no keys, so their rotation changes nothing.
 */
import type { ModelNamer, NamedModel } from './model-namer.js';
import { maxUsd, ONE_USD, type Usd } from './money.js';
import { type DayRange, type LedgerSum, NO_SPEND, type SpendBook } from './spend-book.js';
import { listDays, shiftDay } from './utc-day.js';

/** What upstream charged on one day for one model at one endpoint. Texts are hostile. */
export interface ActivityLine extends NamedModel {
  /** UTC, `YYYY-MM-DD`. */
  readonly date: string;
  readonly provider: string | undefined;
  /** Charged to the account. */
  readonly usageUsd: Usd;
  /** Charged by the provider to a key of the account's owner (BYOK). */
  readonly byokUsd: Usd;
  readonly requests: number | undefined;
}

/**
 * - `equal`: the same to the tolerance. `open`: the difference is within what calls of unknown cost may have cost.
 * - `ledger_more`: the ledger has more than upstream, which is never unguarded spend.
 * - `unguarded`: upstream charged for more than the ledger has.
 */
export type LineStatus = 'equal' | 'open' | 'ledger_more' | 'unguarded';

/** One day and model, held together. */
export interface ReconciledLine {
  readonly date: string;
  /** As the activity names it, else as the ledger does. Hostile. */
  readonly model: string;
  readonly providers: readonly string[];
  readonly status: LineStatus;
  readonly usageUsd: Usd;
  readonly byokUsd: Usd;
  /** Known bills, those moved here from the day before included. */
  readonly billedUsd: Usd;
  /** Calls of unknown cost, and the most that they may have cost; `undefined`: one has no bound. */
  readonly openCalls: number;
  readonly openUsd: Usd | undefined;
  /** What did not pass the guard: at least, and at most if the calls of unknown cost have cost nothing. */
  readonly unguardedUsd: Usd;
  readonly unguardedAtMostUsd: Usd;
  /** Requests that upstream counted, and calls in the ledger. */
  readonly requests: number | undefined;
  readonly calls: number;
}

const TOLERANCE: Usd = ONE_USD / 1_000_000n;
const PARTS = 1_000_000_000n;

/**
 * What two sums may differ by and still be the same: 10⁻⁶ USD, or 10⁻⁹ of the sum where that is more. Upstream adds floats;
 * bills in the ledger are exact.
 */
export function toleranceOf(sumUsd: Usd): Usd {
  return maxUsd(TOLERANCE, sumUsd / PARTS);
}

/** Holds every day and model of the range together, by day and model. Linear in lines, and in models × days. */
export function reconcile(
  activity: readonly ActivityLine[],
  book: SpendBook,
  nameOf: ModelNamer,
  range: DayRange,
): readonly ReconciledLine[] {
  const charges = collectCharges(activity, nameOf);
  const names = new Set([...charges.keys(), ...book.sums.keys()]);
  const lines = [...names].flatMap((name) =>
    reconcileModel(charges.get(name) ?? new Map(), book.sums.get(name) ?? new Map(), range),
  );
  return lines.toSorted((a, b) => compareText(a.date, b.date) || compareText(a.model, b.model));
}

interface Charge {
  readonly model: string;
  readonly providers: ReadonlySet<string>;
  readonly usageUsd: Usd;
  readonly byokUsd: Usd;
  readonly requests: number | undefined;
}

/** What is left of the late calls of the day before: it was not charged there, so it may have been here. */
interface Carry {
  readonly billedUsd: Usd;
  readonly openUsd: Usd;
  readonly calls: number;
  readonly isUnbounded: boolean;
}

const NO_CARRY: Carry = { billedUsd: 0n, openUsd: 0n, calls: 0, isUnbounded: false };

function collectCharges(
  activity: readonly ActivityLine[],
  nameOf: ModelNamer,
): ReadonlyMap<string, ReadonlyMap<string, Charge>> {
  const charges = new Map<string, Map<string, Charge>>();
  for (const line of activity) {
    const name = nameOf(line.model);
    const days = charges.get(name) ?? new Map<string, Charge>();
    charges.set(name, days);
    const other = days.get(line.date);
    const requests = other === undefined ? line.requests : addKnown(other.requests, line.requests);
    days.set(line.date, {
      model: other?.model ?? line.model,
      providers: new Set([...(other?.providers ?? []), ...(line.provider ? [line.provider] : [])]),
      usageUsd: (other?.usageUsd ?? 0n) + line.usageUsd,
      byokUsd: (other?.byokUsd ?? 0n) + line.byokUsd,
      requests,
    });
  }
  return charges;
}

function reconcileModel(
  charges: ReadonlyMap<string, Charge>,
  sums: ReadonlyMap<string, LedgerSum>,
  { from, to }: DayRange,
): readonly ReconciledLine[] {
  let carry = openCarry(sums.get(shiftDay(from, -1)) ?? NO_SPEND);
  const lines: ReconciledLine[] = [];
  for (const date of listDays(from, to)) {
    const charge = charges.get(date);
    const sum = sums.get(date);
    if (!charge && !sum) {
      carry = NO_CARRY;
      continue;
    }
    const takesLate = date < to && charges.has(shiftDay(date, 1));
    const step = reconcileDay(date, charge, sum ?? NO_SPEND, carry, takesLate);
    lines.push(step.line);
    carry = step.carry;
  }
  return lines;
}

/** Of the day before the range nothing is known from upstream: any of its late calls may have been counted after it. */
function openCarry(sum: LedgerSum): Carry {
  return {
    billedUsd: 0n,
    openUsd: sum.lateBilledUsd + sum.lateOpenUsd,
    calls: sum.lateCalls,
    isUnbounded: sum.lateUnboundedCalls > 0,
  };
}

/**
 * Explains the charges of a day with what can only belong to it first, and then with late calls: of those, what is left
 * waits for tomorrow. So nothing counts twice, and nothing is called unguarded that any split at midnight explains.
 */
function reconcileDay(
  date: string,
  charge: Charge | undefined,
  sum: LedgerSum,
  carry: Carry,
  takesLate: boolean,
): { readonly line: ReconciledLine; readonly carry: Carry } {
  const chargedUsd = (charge?.usageUsd ?? 0n) + (charge?.byokUsd ?? 0n);
  const lateUsd = takesLate ? sum.lateBilledUsd : 0n;
  const fixedUsd = sum.billedUsd - lateUsd + carry.billedUsd;
  const openUsd = sum.openUsd + carry.openUsd;
  const isUnbounded = sum.unboundedCalls > 0 || carry.isUnbounded;
  const needUsd = isUnbounded ? 0n : atLeastZero(chargedUsd - fixedUsd - (openUsd - sum.lateOpenUsd));
  const lateUsedUsd = minUsd(needUsd, lateUsd);
  const lateOpenUsedUsd = minUsd(needUsd - lateUsedUsd, sum.lateOpenUsd);
  const restUsd = needUsd - lateUsedUsd - lateOpenUsedUsd;
  const missingUsd = chargedUsd - fixedUsd - lateUsd;
  const line = describeDay(chargedUsd, { fixedUsd, missingUsd, restUsd }, charge, sum.calls + carry.calls);
  return {
    line: {
      date,
      model: charge?.model ?? sum.model,
      providers: [...(charge?.providers ?? [])].sort(),
      usageUsd: charge?.usageUsd ?? 0n,
      byokUsd: charge?.byokUsd ?? 0n,
      billedUsd: fixedUsd + minUsd(lateUsd, atLeastZero(chargedUsd - fixedUsd)),
      openCalls: sum.openCalls,
      openUsd: isUnbounded ? undefined : openUsd,
      requests: charge?.requests,
      calls: sum.calls,
      ...line,
    },
    carry: {
      billedUsd: lateUsd - lateUsedUsd,
      openUsd: sum.lateOpenUsd - lateOpenUsedUsd,
      calls: sum.lateCalls,
      isUnbounded: sum.lateUnboundedCalls > 0,
    },
  };
}

/** `missing`: more than every known bill; `rest`: more than open calls explain, too. */
function describeDay(
  chargedUsd: Usd,
  {
    fixedUsd,
    missingUsd,
    restUsd,
  }: { readonly fixedUsd: Usd; readonly missingUsd: Usd; readonly restUsd: Usd },
  charge: Charge | undefined,
  calls: number,
): Pick<ReconciledLine, 'status' | 'unguardedUsd' | 'unguardedAtMostUsd'> {
  const tolerance = toleranceOf(chargedUsd);
  const nothing = { unguardedUsd: 0n, unguardedAtMostUsd: 0n };
  if (missingUsd <= tolerance)
    return { ...nothing, status: fixedUsd - chargedUsd > tolerance ? 'ledger_more' : 'equal' };
  const unguardedUsd = restUsd > tolerance ? restUsd : 0n;
  // More requests than calls: the open calls cannot account for all of them, however dear they were.
  const hasMoreRequests = charge?.requests !== undefined && charge.requests > calls;
  if (unguardedUsd === 0n && !hasMoreRequests) return { ...nothing, status: 'open' };
  return { status: 'unguarded', unguardedUsd, unguardedAtMostUsd: missingUsd };
}

function addKnown(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function atLeastZero(amount: Usd): Usd {
  return maxUsd(amount, 0n);
}

function minUsd(a: Usd, b: Usd): Usd {
  return a < b ? a : b;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
