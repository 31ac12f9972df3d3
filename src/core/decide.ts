/**
 * The decision, as a pure function: policy, counters and what the call may cost go in; what is allowed, and why,
 * comes out (docs/policy.md "How a call is decided"). No clock, no files: a ledger can be replayed through it.
 */
import { listAlternatives, type Redecide } from './alternatives.js';
import {
  type CapCheck,
  checkCaps,
  listAlerting,
  strictest,
  type TotalsOf,
  wantsOtherModel,
} from './cap-check.js';
import type { Grant, Stop } from './control.js';
import { downgrade, pass } from './downgrade.js';
import type { RefusalCode } from './errors.js';
import type { NameModel } from './model-names.js';
import { checkRules, listRoutes, requiredCapability } from './permission.js';
import {
  type CallAction,
  type CapAction,
  type Capability,
  isModelAction,
  type Policy,
  satisfies,
} from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { withFreshPrices } from './price-age.js';
import type { Routes, Upstream } from './provider-rule.js';
import { refuse, refuseByCap, refuseByRule } from './refuse.js';
import type { RuleHit } from './rule.js';
import type { Scope } from './scope.js';

/** What is asked. `quote` says what the call would cost on a model: the asked one, or a cheaper one. */
export interface Call {
  readonly actor: Scope;
  readonly model: string;
  readonly capabilityClaim?: Capability | undefined;
  readonly quote: (model: string) => Quote;
  /** The session, else the guard: what `per_run` counts by. */
  readonly run: string;
  /** What the call does, for rules. */
  readonly action: CallAction;
  /** Every name of a model: rules are about models, not spellings. */
  readonly name: NameModel;
  /** The models that may answer besides this one when it is sent. */
  readonly listFallbacks: (model: string) => readonly string[];
  /** Who is asked, and whom the request names to be routed to. Default: the actor's `provider`. */
  readonly upstream?: Upstream | undefined;
  /** Models to offer instead when the call is refused, cheapest first where known. */
  readonly listCandidates?: (() => readonly string[]) | undefined;
  /** A decision made again for its outcome alone: what else would have passed depends on the prices of that day. */
  readonly offersNothing?: boolean | undefined;
  /** The kill switch, if it is thrown. */
  readonly stop?: Stop | undefined;
  /** The grants in force at the moment of the call. */
  readonly grants?: readonly Grant[] | undefined;
  /** A repeat of a call already sent: its model cannot change any more, so only block caps count. */
  readonly isRetry?: boolean | undefined;
}

/** Refusals of this model, not of the caller or of the request: another model may pass. */
const ESCAPABLE: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'rule_denied',
  'cap_exceeded',
  'held',
  'stale_price',
]);

/** Why a call was refused, in fields a program can act on. */
export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence for a person. */
  readonly message: string;
  readonly hint: string;
  readonly check: CapCheck | null;
  readonly alternatives: readonly string[];
}

/** What was found about a call: the decision, without whose it is. */
export interface Finding {
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

/** What one policy says about the call as it was asked, whatever the others say. */
export interface DecisionPart {
  readonly policy: Policy;
  readonly action: CapAction;
  readonly wouldAction: CapAction | null;
  readonly rule: RuleHit | null;
}

export interface Decision extends Finding {
  /** The policy that decided; the first one where none had anything to say. */
  readonly policy: Policy;
  /** What the router is held to; `null` where no rule is about providers, or nothing may be sent. */
  readonly routes: Routes | null;
  /** The caps whose alerts the call raises; none where it is refused. */
  readonly alerting: readonly CapCheck[];
  /** Every policy that was asked, in the order of the guard. */
  readonly parts: readonly DecisionPart[];
}

/** Decides one call at `nowMs` (milliseconds since 1970). Cost: proportional to the caps of the policy. */
export function decide(policy: Policy, totals: TotalsOf, call: Call, nowMs: number): Decision {
  const asked = rememberQuotes(call);
  const finding = judge(policy, totals, asked, nowMs);
  const { action, wouldAction, rule } = finding;
  const parts = [{ policy, action, wouldAction, rule }];
  const passes = action !== 'block';
  const routes = (passes && policy.mode === 'enforce' && listRoutes([policy], asked, nowMs)) || null;
  const alerting = passes ? listAlerting([policy], totals, finding.quote, asked, nowMs) : [];
  const redecide: Redecide = (other) => judge(policy, totals, other, nowMs);
  const offered = offerInstead([policy], totals, asked, finding, nowMs, redecide);
  return makeDecision(offered, { policy, routes, alerting, parts });
}

/**
 * A finding with whose it is. Field by field, here and below: an object made by spreading gets a shape of its own each
 * time, and every look at it is slow.
 */
export function makeDecision(
  finding: Finding,
  whose: Pick<Decision, 'policy' | 'routes' | 'alerting' | 'parts'>,
): Decision {
  return {
    action: finding.action,
    modelRequested: finding.modelRequested,
    modelResolved: finding.modelResolved,
    reasons: finding.reasons,
    triggered: finding.triggered,
    rule: finding.rule,
    checks: finding.checks,
    quote: finding.quote,
    refusal: finding.refusal,
    wouldAction: finding.wouldAction,
    wouldModel: finding.wouldModel,
    heldBack: finding.heldBack,
    policy: whose.policy,
    routes: whose.routes,
    alerting: whose.alerting,
    parts: whose.parts,
  };
}

/** The call, with each model quoted once: rules, caps and alternatives ask for the same quotes. */
export function rememberQuotes(call: Call): Call {
  const quotes = new Map<string, Quote>();
  const quote = (model: string): Quote => {
    let found = quotes.get(model);
    if (!found) {
      found = call.quote(model);
      quotes.set(model, found);
    }
    return found;
  };
  return {
    actor: call.actor,
    model: call.model,
    capabilityClaim: call.capabilityClaim,
    quote,
    run: call.run,
    action: call.action,
    name: call.name,
    listFallbacks: call.listFallbacks,
    upstream: call.upstream,
    listCandidates: call.listCandidates,
    offersNothing: call.offersNothing,
    stop: call.stop,
    grants: call.grants,
    isRetry: call.isRetry,
  };
}

/** What one policy alone finds, without alternatives for a refusal. */
export function judge(policy: Policy, totals: TotalsOf, call: Call, nowMs: number): Finding {
  const gate = checkStop(call) ?? checkCapability(policy, call);
  if (gate) return gate;
  const enforced = enforce(policy, totals, withFreshPrices([policy], call, nowMs), nowMs);
  return policy.mode === 'enforce' ? enforced : toShadow(enforced, call);
}

/** A refusal that another model may escape names those that would pass. */
export function offerInstead(
  policies: readonly Policy[],
  totals: TotalsOf,
  call: Call,
  finding: Finding,
  nowMs: number,
  redecide: Redecide,
): Finding {
  const { refusal } = finding;
  if (!refusal || call.offersNothing || !ESCAPABLE.has(refusal.code)) return finding;
  const fresh = withFreshPrices(policies, call, nowMs);
  const alternatives = listAlternatives(policies, totals, fresh, nowMs, redecide);
  return { ...finding, refusal: { ...refusal, alternatives } };
}

/** The kill switch holds in shadow mode as well. */
function checkStop(call: Call): Finding | undefined {
  if (!call.stop) return undefined;
  const { sinceMs, reason } = call.stop;
  const since = new Date(sinceMs).toISOString();
  return refuse(call, call.quote(call.model), [], null, {
    code: 'stopped',
    message: `all calls are stopped since ${since}${reason === undefined ? '' : `: ${reason}`}`,
    hint: 'wait until whoever stopped them runs: agentguard resume',
  });
}

/** The claim must reach what the policy asks for, in shadow mode as well. */
function checkCapability(policy: Policy, call: Call): Finding | undefined {
  const required = requiredCapability([policy], call);
  if (required === undefined || satisfies(call.capabilityClaim, required)) return undefined;
  const claim = call.capabilityClaim ?? 'none';
  return refuse(call, call.quote(call.model), [], null, {
    code: 'capability',
    message: `policy "${policy.id}" requires the capability ${required}; the call claims ${claim}`,
    hint: `pass capabilityClaim: '${required}' if this agent may do that`,
  });
}

function enforce(policy: Policy, totals: TotalsOf, call: Call, nowMs: number): Finding {
  const quote = call.quote(call.model);
  if (quote.kind === 'unbounded' && (quote.code === 'path_not_supported' || quote.code === 'stale_price'))
    return refuse(call, quote, [], null, quote);
  const rule = checkRules(policy, call, call.model, nowMs);
  if (rule?.effect === 'deny') return refuseByRule(call, rule);
  if (quote.kind === 'unbounded') return { ...refuse(call, quote, [], null, quote), rule };
  const finding = enforceCaps(policy, totals, call, quote, nowMs);
  return rule === null || finding.rule ? finding : { ...finding, rule };
}

function enforceCaps(
  policy: Policy,
  totals: TotalsOf,
  call: Call,
  quote: BoundedQuote,
  nowMs: number,
): Finding {
  const checks = checkCaps([policy], totals, quote, call, nowMs);
  const blocked = strictest(checks, 'block');
  if (blocked) return refuseByCap(call, quote, checks, blocked);
  const wanting = listWanting(checks, call);
  if (wanting.length > 0) return downgrade([policy], totals, call, wanting, nowMs);
  return pass(call, quote, checks);
}

/** The caps that ask for another model. A repeat of a call already sent cannot have one, and what calls no model either. */
export function listWanting(checks: readonly CapCheck[], call: Call): readonly CapCheck[] {
  return call.isRetry || !isModelAction(call.action)
    ? []
    : checks.filter((check) => wantsOtherModel(check, call.model, call.name));
}

/** The decision that `enforce` would take, recorded while the call passes unchanged. */
function toShadow(enforced: Finding, call: Call): Finding {
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
