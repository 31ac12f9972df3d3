/** One cap against one call: what was spent, what is held, what the call may add (docs/policy.md "How a call is decided"). */
import { type Alert, findAlerts } from './alert.js';
import type { Totals } from './budget.js';
import { type Grant, grantedTo } from './control.js';
import { type Caller, endOf, printCounterScope, startOf } from './counter.js';
import type { NameModel } from './model-names.js';
import { showUsd } from './money.js';
import type { Cap, CapAction, CapUnit, Policy } from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { covers } from './scope.js';
import { isCalendarWindow } from './window.js';

/** The counter of a cap for one caller at a moment, milliseconds since 1970. */
export type TotalsOf = (cap: Cap, atMs: number, caller: Caller) => Totals;

/** One cap against one call. Amounts are in the cap's unit. */
export interface CapCheck {
  readonly cap: Cap;
  readonly tripped: boolean;
  /** What the call counts under: the cap's own key, with the call's `per` value and run. */
  readonly scopeKey: string;
  /** The limit in force: the cap's own and what grants add. */
  readonly limit: bigint;
  /** What grants add, and their ids. */
  readonly granted: bigint;
  readonly grants: readonly string[];
  readonly spent: bigint;
  readonly held: bigint;
  /** What the call adds: its bound for a block cap, its estimate for the others. */
  readonly adds: bigint;
  /** The levels of its `alertAt` that the call crosses. */
  readonly alerts: readonly Alert[];
  readonly windowStartMs: number | null;
  readonly resetsAtMs: number | null;
}

/** A caller with the grants in force at the moment of the call. */
export interface GrantedCaller extends Caller {
  readonly grants?: readonly Grant[] | undefined;
}

const NO_ALERTS: readonly Alert[] = [];

/** Compares one cap with what was spent, what is held and what this call may add. Reaching it exactly is allowed. */
export function checkCap(
  cap: Cap,
  totals: TotalsOf,
  quote: BoundedQuote,
  caller: GrantedCaller,
  nowMs: number,
): CapCheck {
  const hard = cap.action === 'block';
  const adds = addedBy(quote, cap.unit, hard);
  const { granted, ids } = grantedTo(cap, caller.actor, caller.grants);
  const limit = cap.limit + granted;
  if (cap.window === 'per_call') {
    const tripped = adds > limit;
    const { scopeKey } = cap;
    return {
      cap,
      tripped,
      scopeKey,
      limit,
      granted,
      grants: ids,
      spent: 0n,
      held: 0n,
      adds,
      alerts: NO_ALERTS,
      windowStartMs: null,
      resetsAtMs: null,
    };
  }
  const total = totals(cap, nowMs, caller);
  const held = hard ? total.held : total.heldExpected;
  const resets = isCalendarWindow(cap.window);
  return {
    cap,
    tripped: total.settled + held + adds > limit,
    scopeKey: printCounterScope(cap, caller),
    limit,
    granted,
    grants: ids,
    spent: total.settled,
    held,
    adds,
    alerts: cap.alertAt.length === 0 ? NO_ALERTS : checkAlerts(cap, limit, total, quote),
    windowStartMs: resets ? startOf(cap, nowMs) : null,
    resetsAtMs: resets ? endOf(cap, nowMs) : null,
  };
}

function checkAlerts(cap: Cap, limit: bigint, total: Totals, quote: BoundedQuote): readonly Alert[] {
  const before = total.settled + total.heldExpected;
  const spent = before + addedBy(quote, cap.unit, false);
  return findAlerts(cap.alertAt, limit, total.peak ?? before, spent);
}

/** Compares every cap of these policies that counts the call, in their order. */
export function checkCaps(
  policies: readonly Pick<Policy, 'caps'>[],
  totals: TotalsOf,
  quote: BoundedQuote,
  caller: GrantedCaller,
  nowMs: number,
): readonly CapCheck[] {
  const checks: CapCheck[] = [];
  for (const { caps } of policies)
    for (const cap of caps)
      if (covers(cap.match, caller.actor)) checks.push(checkCap(cap, totals, quote, caller, nowMs));
  return checks;
}

/**
 * The caps of these policies whose alerts a call raises that passes at this quote. Apart from the checks that decided:
 * those may be of another model, or none where a rule spoke first and the call passes in shadow.
 */
export function listAlerting(
  policies: readonly Policy[],
  totals: TotalsOf,
  quote: Quote,
  caller: GrantedCaller,
  nowMs: number,
): readonly CapCheck[] {
  if (quote.kind !== 'bounded' || !policies.some(hasAlerts)) return [];
  const watching = policies.map(({ caps }) => ({ caps: caps.filter(({ alertAt }) => alertAt.length > 0) }));
  return checkCaps(watching, totals, quote, caller, nowMs).filter(({ alerts }) => alerts.length > 0);
}

function hasAlerts({ caps }: Policy): boolean {
  return caps.some(({ alertAt }) => alertAt.length > 0);
}

/** The bound of a call for hard caps, its estimate for the others. */
function addedBy({ bounds, reservedUsd, expectedUsd }: BoundedQuote, unit: CapUnit, hard: boolean): bigint {
  switch (unit) {
    case 'usd':
      return hard ? reservedUsd : expectedUsd;
    case 'requests':
    case 'in_flight':
      return 1n;
    case 'tokens':
      return hard
        ? BigInt(bounds.inputTokens) + BigInt(bounds.outputTokens)
        : BigInt(bounds.expectedInputTokens) + BigInt(bounds.expectedOutputTokens);
  }
}

/** The tripped check of this action whose key is most specific; on a tie the earlier one in the policy. */
export function strictest(checks: readonly CapCheck[], action: CapAction): CapCheck | undefined {
  let found: CapCheck | undefined;
  for (const check of checks) {
    if (!check.tripped || check.cap.action !== action) continue;
    if (!found || check.cap.specificity > found.cap.specificity) found = check;
  }
  return found;
}

/** Whether only running calls keep the call from fitting: waiting for those may help. */
export function fitsWithoutHolds(check: CapCheck): boolean {
  const { cap, limit, spent, adds } = check;
  // A request counts whether it runs or has ended.
  return cap.window !== 'per_call' && cap.unit !== 'requests' && spent + adds <= limit;
}

/** One tripped cap with its arithmetic, in a sentence. */
export function explainTrip(check: CapCheck): string {
  const { cap } = check;
  const show = (amount: bigint) => showAmount(cap.unit, amount);
  const limit = check.granted > 0n ? `${show(cap.limit)} + granted ${show(check.granted)}` : show(cap.limit);
  const span = cap.unit === 'in_flight' ? '' : ` ${cap.window}`;
  const what = `${cap.action} cap ${limit}${span} (${check.scopeKey})`;
  const verb = cap.unit === 'usd' ? 'cost' : 'take';
  const sum =
    cap.window === 'per_call'
      ? `the call may ${verb} ${show(check.adds)}`
      : cap.unit === 'in_flight'
        ? `running ${check.held} + this call`
        : `spent ${show(check.spent)} + held ${show(check.held)} + this call ${show(check.adds)}`;
  return `${cap.reason === undefined ? '' : `${cap.reason}: `}${what}: ${sum}`;
}

/** What is left of a cap before this call, in its unit; never negative. */
export function remainingOf({ limit, spent, held }: CapCheck): bigint {
  return spent + held > limit ? 0n : limit - spent - held;
}

/** `$5.00`, `30 requests`, `5000 tokens`, `4 in flight`. */
function showAmount(unit: CapUnit, amount: bigint): string {
  return unit === 'usd' ? showUsd(amount) : `${amount} ${unit.replace('_', ' ')}`;
}

/** A windowed downgrade cap is satisfied once the model is its target; a per-call one must still fit. */
export function wantsOtherModel({ cap, tripped }: CapCheck, model: string, name: NameModel): boolean {
  if (!tripped || cap.action !== 'downgrade' || cap.downgradeTo === undefined) return false;
  return cap.window === 'per_call' || name(cap.downgradeTo).identity !== name(model).identity;
}
