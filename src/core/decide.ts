/**
 * The decision, as a pure function: policy, counters and what the call may cost go in; what is allowed, and why,
 * comes out (docs/policy.md "How a call is decided"). No clock, no files: a ledger can be replayed through it.
 */
import { listAlternatives } from './alternatives.js';
import {
  type CapCheck,
  checkCap,
  explainTrip,
  strictest,
  type TotalsOf,
  wantsOtherModel,
} from './cap-check.js';
import type { RefusalCode } from './errors.js';
import type { NameModel } from './model-names.js';
import type { Usd } from './money.js';
import { checkRules, requiredCapability } from './permission.js';
import { type CapAction, type Capability, type Policy, type RuleAction, satisfies } from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { refuse, refuseByCap } from './refuse.js';
import { explainRule, type RuleHit } from './rule.js';
import { covers, type Scope } from './scope.js';

/** What is asked. `quote` says what the call would cost on a model: the asked one, or a cheaper one. */
export interface Call {
  readonly actor: Scope;
  readonly model: string;
  readonly capabilityClaim?: Capability | undefined;
  readonly quote: (model: string) => Quote;
  /** The session, else the guard: what `per_run` counts by. */
  readonly run: string;
  /** What the call does, for rules. */
  readonly action: Exclude<RuleAction, '*'>;
  /** Every name of a model: rules are about models, not spellings. */
  readonly name: NameModel;
  /** The models that may answer besides this one when it is sent. */
  readonly listFallbacks: (model: string) => readonly string[];
  /** Models to offer instead when the call is refused, cheapest first where known. */
  readonly candidates?: readonly string[];
  /** A repeat of a call already sent: its model cannot change any more, so only block caps count. */
  readonly isRetry?: boolean;
}

/** Why a call was refused, in fields a program can act on. */
export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence for a person. */
  readonly message: string;
  readonly hint: string;
  readonly check: CapCheck | null;
  readonly alternatives: readonly string[];
}

export interface Decision {
  readonly action: CapAction;
  readonly modelRequested: string;
  readonly modelResolved: string;
  readonly reasons: readonly string[];
  /** The cap that decided, or `null`. */
  readonly triggered: CapCheck | null;
  /** The rule about the resolved model, or the one that denied; `null` in a policy without rules. */
  readonly rule: RuleHit | null;
  /** Every cap that was looked at, for the model that was resolved. */
  readonly checks: readonly CapCheck[];
  readonly quote: Quote;
  /** Present when `action` is `block`. */
  readonly refusal: Refusal | null;
  /** In shadow: what would have been done, and with which model. */
  readonly wouldAction: CapAction | null;
  readonly wouldModel: string | null;
  /** Block caps that only running calls keep from fitting: waiting for those may help. */
  readonly heldBack: readonly CapCheck[];
}

/** Decides one call at `nowMs` (milliseconds since 1970). Cost: proportional to the caps of the policy. */
export function decide(policy: Policy, totals: TotalsOf, call: Call, nowMs: number): Decision {
  const asked = { ...call, quote: quoteOnce(call.quote) };
  const gate = checkCapability(policy, asked);
  if (gate) return gate;
  const enforced = enforce(policy, totals, asked, nowMs);
  return policy.mode === 'enforce' ? enforced : toShadow(enforced, asked);
}

/** Rules, caps and alternatives ask for the same quotes. */
function quoteOnce(quote: Call['quote']): Call['quote'] {
  const quotes = new Map<string, Quote>();
  return (model) => {
    const found = quotes.get(model) ?? quote(model);
    quotes.set(model, found);
    return found;
  };
}

/** The claim must reach what the policy asks for, in shadow mode as well. */
function checkCapability(policy: Policy, call: Call): Decision | undefined {
  const required = requiredCapability(policy, call);
  if (required === undefined || satisfies(call.capabilityClaim, required)) return undefined;
  const claim = call.capabilityClaim ?? 'none';
  return refuse(call, call.quote(call.model), [], null, {
    code: 'capability',
    message: `policy "${policy.id}" requires the capability ${required}; the call claims ${claim}`,
    hint: `pass capabilityClaim: '${required}' if this agent may do that`,
  });
}

function enforce(policy: Policy, totals: TotalsOf, call: Call, nowMs: number): Decision {
  const quote = call.quote(call.model);
  if (quote.kind === 'unbounded' && quote.code === 'path_not_supported')
    return refuse(call, quote, [], null, quote);
  const rule = checkRules(policy, call, call.model, nowMs);
  if (rule?.effect === 'deny') return refuseByRule(policy, totals, call, rule, nowMs);
  if (quote.kind === 'unbounded') return { ...refuse(call, quote, [], null, quote), rule };
  const decision = enforceCaps(policy, totals, call, quote, nowMs);
  return decision.rule ? decision : { ...decision, rule };
}

function enforceCaps(
  policy: Policy,
  totals: TotalsOf,
  call: Call,
  quote: BoundedQuote,
  nowMs: number,
): Decision {
  const caps = policy.caps.filter((cap) => covers(cap.match, call.actor));
  const checks = caps.map((cap) => checkCap(cap, totals, quote, call, nowMs));
  const blocked = strictest(checks, 'block');
  if (blocked)
    return refuseByCap(call, quote, checks, blocked, listAlternatives(policy, totals, call, nowMs));
  const wanting = call.isRetry ? [] : checks.filter((check) => wantsOtherModel(check, call.model, call.name));
  if (wanting.length > 0) return downgrade(policy, totals, call, wanting, nowMs);
  return pass(call, quote, checks);
}

function refuseByRule(
  policy: Policy,
  totals: TotalsOf,
  call: Call,
  rule: RuleHit,
  nowMs: number,
  message = explainRule(rule),
): Decision {
  const text = {
    code: 'rule_denied',
    message,
    hint: 'use a model that the rules of the policy allow',
    alternatives: listAlternatives(policy, totals, call, nowMs),
  } as const;
  return { ...refuse(call, call.quote(call.model), [], null, text), rule };
}

/** One rewrite, to the target with the lowest bound; everything is checked again for the new model. */
function downgrade(
  policy: Policy,
  totals: TotalsOf,
  call: Call,
  wanting: readonly CapCheck[],
  nowMs: number,
): Decision {
  const targets = wanting.map((check) => check.cap.downgradeTo ?? call.model);
  const rules = new Map(targets.map((model) => [model, checkRules(policy, call, model, nowMs)]));
  const allowed = targets.filter((model) => rules.get(model)?.effect !== 'deny');
  const [denied] = targets.flatMap((model) => rules.get(model) ?? []);
  if (allowed.length === 0 && denied) {
    const message = `the call must be downgraded to ${denied.model}, but ${explainRule(denied)}`;
    return { ...refuseByRule(policy, totals, call, denied, nowMs, message), checks: wanting };
  }
  const quotes = allowed.map((model) => call.quote(model));
  const quote = quotes.reduce((best, next) => (boundOf(next) < boundOf(best) ? next : best));
  const triggered = strictest(wanting, 'downgrade') ?? wanting[0]!;
  if (quote.kind === 'unbounded') {
    const why = (text: string) => `the call must be downgraded to ${quote.model}, but ${text}`;
    const { code, hint, message, reason } = quote;
    return refuse(call, quote, wanting, triggered, {
      code,
      hint,
      message: why(message),
      reason: why(reason),
    });
  }
  const caps = policy.caps.filter((cap) => covers(cap.match, call.actor));
  const checks = caps.map((cap) => checkCap(cap, totals, quote, call, nowMs));
  const misfit =
    strictest(checks, 'block') ??
    checks.find(({ tripped, cap }) => tripped && cap.action === 'downgrade' && cap.window === 'per_call');
  if (misfit) return refuseByCap(call, quote, checks, misfit, listAlternatives(policy, totals, call, nowMs));
  const reasons = [
    ...wanting,
    ...checks.filter((check) => check.tripped && !wanting.some((w) => w.cap === check.cap)),
  ];
  return {
    ...pass(call, quote, checks),
    rule: rules.get(quote.model) ?? null,
    action: 'downgrade',
    modelResolved: quote.model,
    reasons: reasons.map(explainTrip),
    triggered,
    wouldAction: null,
  };
}

function boundOf(quote: Quote): Usd {
  // An unbounded target is the last choice, yet stays one: then the refusal can name it.
  return quote.kind === 'bounded' ? quote.reservedUsd : 2n ** 256n;
}

/** Nothing stands in the way; shadow and alert caps still leave their mark. */
function pass(call: Call, quote: BoundedQuote, checks: readonly CapCheck[]): Decision {
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

/** The decision that `enforce` would take, recorded while the call passes unchanged. */
function toShadow(enforced: Decision, call: Call): Decision {
  const unguarded = enforced.quote.kind === 'unbounded' && enforced.quote.code === 'path_not_supported';
  if (unguarded || enforced.action === 'allow' || enforced.action === 'shadow') return enforced;
  const wouldModel = enforced.action === 'downgrade' ? enforced.modelResolved : null;
  return {
    ...enforced,
    action: 'shadow',
    modelResolved: call.model,
    quote: call.quote(call.model),
    refusal: null,
    wouldAction: enforced.action,
    wouldModel,
    heldBack: [],
  };
}
