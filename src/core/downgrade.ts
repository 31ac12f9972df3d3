/** A call that passes, and one that passes as another model (docs/policy.md "Downgrade"). */
import { type CapCheck, checkCaps, explainTrip, strictest, type TotalsOf } from './cap-check.js';
import type { Call, Finding } from './decide.js';
import type { Usd } from './money.js';
import { checkAllRules } from './permission.js';
import type { Policy } from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { refuse, refuseByCap, refuseByRule } from './refuse.js';
import { explainRule } from './rule.js';

/**
 * One rewrite, to the target with the lowest bound; everything is checked again for the new model under each of these
 * policies. `wanting` are the caps that ask for it, of any of them: at least one.
 */
export function downgrade(
  policies: readonly Policy[],
  totals: TotalsOf,
  call: Call,
  wanting: readonly CapCheck[],
  nowMs: number,
): Finding {
  const targets = wanting.map((check) => check.cap.downgradeTo ?? call.model);
  const rules = new Map(targets.map((model) => [model, checkAllRules(policies, call, model, nowMs)]));
  const allowed = targets.filter((model) => rules.get(model)?.effect !== 'deny');
  const [denied] = targets.flatMap((model) => rules.get(model) ?? []);
  if (allowed.length === 0 && denied) {
    const message = `the call must be downgraded to ${denied.model}, but ${explainRule(denied)}`;
    return { ...refuseByRule(call, denied, message), checks: wanting };
  }
  const quotes = allowed.map((model) => call.quote(model));
  const quote = quotes.reduce((best, next) => (boundOf(next) < boundOf(best) ? next : best));
  const triggered = strictest(wanting, 'downgrade') ?? wanting[0]!;
  if (quote.kind === 'unbounded') return refuseTarget(call, quote, wanting, triggered);
  const checks = checkCaps(policies, totals, quote, call, nowMs);
  const misfit =
    strictest(checks, 'block') ??
    checks.find(({ tripped, cap }) => tripped && cap.action === 'downgrade' && cap.window === 'per_call');
  if (misfit) return refuseByCap(call, quote, checks, misfit);
  const others = checks.filter((check) => check.tripped && !wanting.some((one) => one.cap === check.cap));
  return {
    ...pass(call, quote, checks),
    rule: rules.get(quote.model) ?? null,
    action: 'downgrade',
    modelResolved: quote.model,
    reasons: [...wanting, ...others].map(explainTrip),
    triggered,
    wouldAction: null,
  };
}

function refuseTarget(
  call: Call,
  quote: Extract<Quote, { kind: 'unbounded' }>,
  wanting: readonly CapCheck[],
  triggered: CapCheck,
): Finding {
  const why = (text: string) => `the call must be downgraded to ${quote.model}, but ${text}`;
  const { code, hint, message, reason } = quote;
  return refuse(call, quote, wanting, triggered, { code, hint, message: why(message), reason: why(reason) });
}

function boundOf(quote: Quote): Usd {
  // An unbounded target is the last choice, yet stays one: then the refusal can name it.
  return quote.kind === 'bounded' ? quote.reservedUsd : 2n ** 256n;
}

/** Nothing stands in the way; shadow and alert caps still leave their mark. */
export function pass(call: Call, quote: BoundedQuote, checks: readonly CapCheck[]): Finding {
  const shadow = strictest(checks, 'shadow');
  const triggered = shadow ?? strictest(checks, 'downgrade') ?? strictest(checks, 'allow') ?? null;
  return {
    action: shadow ? 'shadow' : 'allow',
    modelRequested: call.model,
    modelResolved: quote.model,
    reasons: checks.filter((check) => check.tripped).map(explainTrip),
    triggered,
    rule: null,
    checks,
    quote,
    refusal: null,
    wouldAction: shadow ? 'block' : null,
    wouldModel: null,
    heldBack: [],
  };
}
