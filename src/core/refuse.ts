/** Refusals, made from what stood in the way: a cap with its arithmetic, a rule, a missing bound (docs/errors.md). */
import { type CapCheck, explainTrip, fitsWithoutHolds } from './cap-check.js';
import type { Call, Finding, Refusal } from './decide.js';
import { isModelAction } from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { explainRule, type RuleHit } from './rule.js';

/** Refuses by a cap that tripped; tells whether only running calls stand in the way. */
export function refuseByCap(
  call: Call,
  quote: BoundedQuote,
  checks: readonly CapCheck[],
  check: CapCheck,
): Finding {
  const tripped = checks.filter((other) => other.tripped && other.cap.action === 'block');
  const onlyHeld = tripped.length > 0 && tripped.every(fitsWithoutHolds);
  const refusal = describeCap(check, onlyHeld);
  return {
    ...refuse(call, quote, checks, check, refusal),
    heldBack: onlyHeld ? tripped : [],
  };
}

/** Refuses by the rule or task that denies a model. */
export function refuseByRule(call: Call, rule: RuleHit, message = explainRule(rule)): Finding {
  const hint = isModelAction(call.action)
    ? 'use models and providers that the rules of the policy allow'
    : 'ask the owner of the policy for a rule that allows it';
  const text = { code: 'rule_denied', message, hint } as const;
  return { ...refuse(call, call.quote(call.model), [], null, text), rule };
}

function describeCap(check: CapCheck, onlyHeld: boolean) {
  const message = explainTrip(check);
  if (onlyHeld)
    return {
      code: 'held',
      message,
      hint: 'running calls hold the rest of the cap: retry when they have ended',
    } as const;
  const hint =
    check.resetsAtMs === null
      ? hintWithoutReset(check)
      : `the window resets at ${new Date(check.resetsAtMs).toISOString()}`;
  return { code: 'cap_exceeded', message, hint } as const;
}

function hintWithoutReset({ cap }: CapCheck): string {
  if (cap.unit === 'in_flight') return 'retry when a running call has ended';
  if (cap.window === 'per_run') return 'start a new session, or ask the owner of the policy';
  if (cap.window === 'total') return 'ask the owner of the policy: this cap never resets';
  return 'ask for fewer output tokens, send less, or use a cheaper model';
}

/** What a refusal says. */
export interface RefusalText extends Pick<Refusal, 'code' | 'message' | 'hint'> {
  /** What the ledger says, where that differs from what the caller is told. */
  readonly reason?: string;
}

/** What is found when a call is refused. */
export function refuse(
  call: Call,
  quote: Quote,
  checks: readonly CapCheck[],
  triggered: CapCheck | null,
  text: RefusalText,
): Finding {
  const trips = checks.filter((check) => check.tripped).map(explainTrip);
  return {
    action: 'block',
    modelRequested: call.model,
    modelResolved: call.model,
    reasons: trips.length > 0 ? trips : [text.reason ?? text.message],
    triggered,
    rule: null,
    checks,
    quote,
    refusal: {
      code: text.code,
      message: text.message,
      hint: text.hint,
      check: triggered,
      alternatives: [],
    },
    wouldAction: null,
    wouldModel: null,
    heldBack: [],
  };
}
