/** One cap against one call: what was spent, what is held, what the call may add (docs/policy.md "How a call is decided"). */
import type { Totals } from './budget.js';
import { maxUsd, showUsd, type Usd } from './money.js';
import type { Cap, CapAction } from './policy.js';
import type { BoundedQuote } from './price.js';
import { windowEndMs, windowStartMs } from './window.js';

/** The counter of a cap at a moment, milliseconds since 1970. */
export type TotalsOf = (cap: Cap, atMs: number) => Totals;

/** One cap against one call. */
export interface CapCheck {
  readonly cap: Cap;
  readonly tripped: boolean;
  readonly spentUsd: Usd;
  readonly heldUsd: Usd;
  /** What the call adds: its bound for a block cap, its estimate for the others. */
  readonly addsUsd: Usd;
  readonly windowStartMs: number | null;
  readonly resetsAtMs: number | null;
}

/** Compares one cap with what was spent, what is held and what this call may add. Reaching it exactly is allowed. */
export function checkCap(cap: Cap, totals: TotalsOf, quote: BoundedQuote, nowMs: number): CapCheck {
  const hard = cap.action === 'block';
  const addsUsd = hard ? quote.reservedUsd : quote.expectedUsd;
  if (cap.window === 'per_call') {
    const tripped = addsUsd > cap.amountUsd;
    return { cap, tripped, spentUsd: 0n, heldUsd: 0n, addsUsd, windowStartMs: null, resetsAtMs: null };
  }
  const total = totals(cap, nowMs);
  const heldUsd = hard ? total.heldUsd : total.heldExpectedUsd;
  return {
    cap,
    tripped: total.settledUsd + heldUsd + addsUsd > cap.amountUsd,
    spentUsd: total.settledUsd,
    heldUsd,
    addsUsd,
    windowStartMs: windowStartMs(cap.window, nowMs),
    resetsAtMs: windowEndMs(cap.window, nowMs),
  };
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
  return check.cap.window !== 'per_call' && check.spentUsd + check.addsUsd <= check.cap.amountUsd;
}

/** One tripped cap with its arithmetic, in a sentence. */
export function explainTrip(check: CapCheck): string {
  const { cap } = check;
  const what = `${cap.action} cap ${showUsd(cap.amountUsd)} ${cap.window} (${cap.scopeKey})`;
  const sum =
    cap.window === 'per_call'
      ? `the call may cost ${showUsd(check.addsUsd)}`
      : `spent ${showUsd(check.spentUsd)} + held ${showUsd(check.heldUsd)} + this call ${showUsd(check.addsUsd)}`;
  return `${cap.reason === undefined ? '' : `${cap.reason}: `}${what}: ${sum}`;
}

/** What is left of a cap before this call; never negative. */
export function remainingUsd(check: CapCheck): Usd {
  return maxUsd(0n, check.cap.amountUsd - check.spentUsd - check.heldUsd);
}
