/**
 * The `decision` object of a receipt, built from a decision (docs/receipt-format.md "Decision").
 * Only named fields are copied: no prompt, answer, header or key can reach it.
 */
import { findPlaces, printAlerts, printCap, printCheck } from './cap-row.js';
import type { Decision, DecisionPart } from './decide.js';
import { type JsonObject, type JsonRecord, present } from './json.js';
import { ceilCents, printUsd } from './money.js';
import { requiredCapability } from './permission.js';
import type { Capability, Policy } from './policy.js';
import { type BoundedQuote, printCostBasis } from './price.js';
import type { Routes } from './provider-rule.js';
import type { RuleHit } from './rule.js';
import type { Scope } from './scope.js';

/** What the guard knows about a call besides the decision. */
export interface CallFacts {
  readonly decisionId: string;
  /** From 1; each retry of the client is an attempt of its own. */
  readonly attempt: number;
  readonly timestampMs: number;
  readonly actor: Scope;
  readonly provider: string;
  /** Path of the request below the base address, such as `/chat/completions`. */
  readonly path: string;
  /** The process that runs the call: `SpendStore.instanceId`. */
  readonly instance: string;
  /** The session, else the guard: what `per_run` counts by. */
  readonly run: string;
  readonly capabilityClaim?: Capability | undefined;
}

/**
 * The row of a decision. One literal with the rare keys last, half the time that spreads in the middle take; its keys in
 * the order in which they are hashed, so that little is left to sort.
 */
export function decisionRow(decision: Decision, facts: CallFacts, given?: JsonObject): JsonObject {
  const { policy, quote, triggered, refusal } = decision;
  const policies = decision.parts.map((part) => part.policy);
  const placeOf = findPlaces(policies);
  const bounded = quote.kind === 'bounded' ? quote : undefined;
  // The integer fields of old are about money.
  const before = triggered?.cap.unit === 'usd' ? triggered.spent + triggered.held : 0n;
  const adds = decision.action === 'block' || !bounded ? 0n : bounded.expectedUsd;
  const row: JsonRecord = {
    action: decision.action,
    actor: printActor(facts),
    attempt: facts.attempt,
    capabilityClaim: facts.capabilityClaim ?? null,
    caps: decision.checks.map((check) => printCheck(check, placeOf)),
    costBasis: bounded ? printCostBasis(bounded) : null,
    decisionId: facts.decisionId,
    enforcementMode: policy.mode,
    expectedUsd: bounded ? printUsd(bounded.expectedUsd) : null,
    instance: facts.instance,
    modelRequested: decision.modelRequested,
    modelResolved: decision.modelResolved,
    path: facts.path,
    policyHash: policy.policyHash,
    policyId: policy.id,
    policyVersion: printVersion(policy),
    projectedCents: bounded ? ceilCents(bounded.expectedUsd) : 0,
    provider: facts.provider,
    reasons: decision.reasons,
    requiredCapability: requiredCapability(policies, facts) ?? null,
    reservedUsd: bounded ? printUsd(bounded.reservedUsd) : null,
    timestamp: new Date(facts.timestampMs).toISOString(),
    triggeredCap: triggered ? printCap(triggered.cap, placeOf) : null,
    triggeredScopeKey: triggered ? triggered.scopeKey : null,
    windowSpendAfter: ceilCents(before + adds),
    windowSpendBefore: ceilCents(before),
  };
  if (bounded) Object.assign(row, printBounds(bounded));
  if (policy.approver) Object.assign(row, { policyApprover: { ...policy.approver } });
  if (policies.length > 1) Object.assign(row, { policies: decision.parts.map(printPart) });
  if (policies.some(countsRuns)) Object.assign(row, { run: facts.run });
  if (decision.checks.some((check) => check.grants.length > 0))
    Object.assign(row, { grants: [...new Set(decision.checks.flatMap((check) => check.grants))] });
  if (decision.alerting.length > 0)
    Object.assign(row, { alerts: decision.alerting.flatMap((check) => printAlerts(check, placeOf)) });
  if (decision.routes) Object.assign(row, { routes: printRoutes(decision.routes) });
  if (decision.rule) Object.assign(row, { rule: printRule(decision.rule) });
  if (decision.wouldAction)
    Object.assign(row, { wouldAction: decision.wouldAction, wouldModel: decision.wouldModel });
  if (given) Object.assign(row, { given });
  if (refusal) Object.assign(row, { refusal: { code: refusal.code, alternatives: refusal.alternatives } });
  return row;
}

/** The labels of a call as its rows have them. */
export function printActor({ actor, provider }: CallFacts): JsonObject {
  return actor.provider === undefined ? { ...actor, provider } : (actor as JsonObject);
}

/** The version as rows have it: a number only where JSON has it exactly. */
export function printVersion({ version }: Policy): number | string {
  return Number.isInteger(version) ? version : String(version);
}

function printBounds({ bounds }: BoundedQuote) {
  return {
    inputTokensBound: bounds.inputTokens,
    outputTokensBound: bounds.outputTokens,
    estimatedInputTokens: bounds.expectedInputTokens,
    estimatedOutputTokens: bounds.expectedOutputTokens,
  };
}

/** `index: null`: no rule spoke about the model, which denies it. */
function printRule({ effect, rule, model, task }: RuleHit): JsonObject {
  const ofTask: JsonObject = task === undefined ? {} : { task };
  if (!rule) return { index: null, effect, model, ...ofTask };
  const { index, action, resource, reason } = rule;
  return { index, effect, action, resource, model, ...present({ reason }), ...ofTask };
}

function countsRuns({ caps }: Policy): boolean {
  return caps.some((cap) => cap.window === 'per_run');
}

/** What one of several policies said for itself. */
function printPart({ policy, action, wouldAction, rule }: DecisionPart): JsonObject {
  return {
    id: policy.id,
    version: printVersion(policy),
    hash: policy.policyHash,
    mode: policy.mode,
    ...(policy.approver ? { approver: { ...policy.approver } } : {}),
    action,
    ...present({ wouldAction: wouldAction ?? undefined }),
    ...(rule ? { rule: printRule(rule) } : {}),
  };
}

function printRoutes({ only, ignore }: Routes): JsonObject {
  return { ...(only ? { only } : {}), ...(ignore.length > 0 ? { ignore } : {}) };
}
