/**
 * The `decision` object of a receipt, built from a decision or a settlement (docs/receipt-format.md "Decision").
 * Only named fields are copied: no prompt, answer, header or key can reach it.
 */
import type { Hold } from './budget.js';
import type { CapCheck } from './cap-check.js';
import type { Decision, DecisionPart } from './decide.js';
import type { JsonObject } from './json.js';
import { ceilCents, printUsd, type Usd } from './money.js';
import { requiredCapability } from './permission.js';
import type { Cap, Capability, Policy } from './policy.js';
import { type BoundedQuote, printCostBasis } from './price.js';
import { breaksRoutes, type Routes } from './provider-rule.js';
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

/** How a cost became known: billed by upstream, tokens × price, still the bound, or never sent. */
export type CostSource = 'provider' | 'computed' | 'reserved' | 'released';

/** How a call attempt ended, and what it cost. */
export interface Settlement {
  readonly costSource: CostSource;
  /** `null`: the call passed in shadow mode without a price, and upstream named no cost. */
  readonly actualUsd: Usd | null;
  /** The answer was cut, aborted or abandoned. */
  readonly partial: boolean;
  readonly outcome: 'answered' | 'failed' | 'aborted' | 'not_sent' | 'refused_upstream';
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly servedModel?: string | undefined;
  readonly servedProvider?: string | undefined;
  readonly generationId?: string | undefined;
  readonly httpStatus?: number | undefined;
  /** What upstream's refusal asks for, as codes and times; never its words. */
  readonly refusal?: JsonObject | undefined;
  /** Models and providers that upstream tried before the one that answered. */
  readonly fallbacks?: readonly FailedRoute[] | undefined;
}

/** One route that upstream tried in vain. */
export interface FailedRoute {
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly httpStatus: number | undefined;
}

/** The row of a decision. One literal with the rare keys last: half the time that spreads in the middle take. */
export function decisionRow(decision: Decision, facts: CallFacts, given?: JsonObject): JsonObject {
  const { policy, quote, triggered, refusal } = decision;
  const policies = decision.parts.map((part) => part.policy);
  const placeOf = findPlaces(policies);
  const bounded = quote.kind === 'bounded' ? quote : undefined;
  // The integer fields of old are about money.
  const before = triggered?.cap.unit === 'usd' ? triggered.spent + triggered.held : 0n;
  const adds = decision.action === 'block' || !bounded ? 0n : bounded.expectedUsd;
  const row = {
    timestamp: new Date(facts.timestampMs).toISOString(),
    actor: printActor(facts),
    provider: facts.provider,
    policyId: policy.id,
    policyVersion: printVersion(policy),
    policyHash: policy.policyHash,
    enforcementMode: policy.mode,
    attempt: facts.attempt,
    decisionId: facts.decisionId,
    action: decision.action,
    modelRequested: decision.modelRequested,
    modelResolved: decision.modelResolved,
    reasons: decision.reasons,
    triggeredCap: triggered ? printCap(triggered.cap, placeOf) : null,
    triggeredScopeKey: triggered ? triggered.scopeKey : null,
    projectedCents: bounded ? ceilCents(bounded.expectedUsd) : 0,
    windowSpendBefore: ceilCents(before),
    windowSpendAfter: ceilCents(before + adds),
    capabilityClaim: facts.capabilityClaim ?? null,
    requiredCapability: requiredCapability(policies, facts) ?? null,
    instance: facts.instance,
    path: facts.path,
    caps: decision.checks.map((check) => printCheck(check, placeOf)),
    costBasis: bounded ? printCostBasis(bounded) : null,
    expectedUsd: bounded ? printUsd(bounded.expectedUsd) : null,
    reservedUsd: bounded ? printUsd(bounded.reservedUsd) : null,
  };
  if (bounded) Object.assign(row, printBounds(bounded));
  if (policy.approver) Object.assign(row, { policyApprover: { ...policy.approver } });
  if (policies.length > 1) Object.assign(row, { policies: decision.parts.map(printPart) });
  if (policies.some(countsRuns)) Object.assign(row, { run: facts.run });
  const grants = new Set(decision.checks.flatMap((check) => check.grants));
  if (grants.size > 0) Object.assign(row, { grants: [...grants] });
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

/** The row that says what a decided attempt really cost. `settlementId` is a UUID of its own. */
export function settlementRow(
  decision: Decision,
  facts: CallFacts,
  settlement: Settlement,
  settlementId: string,
  timestampMs: number,
): JsonObject {
  const { policy, quote } = decision;
  const expected = quote.kind === 'bounded' ? ceilCents(quote.expectedUsd) : 0;
  const { actualUsd } = settlement;
  const actualCents = actualUsd === null ? 0 : ceilCents(actualUsd);
  const overBound = quote.kind === 'bounded' && actualUsd !== null && actualUsd > quote.reservedUsd;
  return {
    timestamp: new Date(timestampMs).toISOString(),
    actor: printActor(facts),
    provider: facts.provider,
    policyId: policy.id,
    policyVersion: printVersion(policy),
    policyHash: policy.policyHash,
    enforcementMode: policy.mode,
    attempt: facts.attempt,
    decisionId: settlementId,
    entryType: 'settlement',
    originalDecisionId: facts.decisionId,
    action: decision.action,
    modelRequested: decision.modelRequested,
    modelResolved: decision.modelResolved,
    actualUsd: actualUsd === null ? null : printUsd(actualUsd),
    actualCents,
    deltaCents: actualCents - expected,
    costSource: settlement.costSource,
    outcome: settlement.outcome,
    partial: settlement.partial,
    ...(overBound ? { overBound: true } : {}),
    ...(breaksRule(decision, settlement) ? { ruleBroken: true } : {}),
    ...present({
      actualInputTokens: settlement.inputTokens,
      actualOutputTokens: settlement.outputTokens,
      servedModel: settlement.servedModel,
      servedProvider: settlement.servedProvider,
      generationId: settlement.generationId,
      httpStatus: settlement.httpStatus,
    }),
    ...(settlement.refusal ? { upstreamRefusal: settlement.refusal } : {}),
  };
}

/** Whether a provider answered that the request was not to be routed to. */
function breaksRule({ routes }: Decision, { servedProvider }: Settlement): boolean {
  return routes !== null && servedProvider !== undefined && breaksRoutes(routes, servedProvider);
}

/**
 * The row that ends a call whose process is gone: nobody will learn what it cost, so its bound stays spent. It counts as
 * in flight no longer.
 */
export function abandonedRow(
  policy: Policy,
  hold: Hold,
  settlementId: string,
  timestampMs: number,
): JsonObject {
  return {
    timestamp: new Date(timestampMs).toISOString(),
    actor: { ...hold.actor },
    provider: hold.actor.provider ?? 'unknown',
    policyId: policy.id,
    policyVersion: printVersion(policy),
    policyHash: policy.policyHash,
    attempt: hold.attempt,
    decisionId: settlementId,
    entryType: 'settlement',
    originalDecisionId: hold.decisionId,
    actualUsd: printUsd(hold.reserved.usd),
    actualCents: ceilCents(hold.reserved.usd),
    deltaCents: ceilCents(hold.reserved.usd) - ceilCents(hold.expected.usd),
    costSource: 'reserved',
    outcome: 'aborted',
    partial: true,
  };
}

/** The row of one route that upstream tried in vain: no money, but part of what happened. */
export function fallbackRow(
  { policy }: Decision,
  facts: CallFacts,
  route: FailedRoute,
  rowId: string,
  timestampMs: number,
): JsonObject {
  return {
    timestamp: new Date(timestampMs).toISOString(),
    actor: printActor(facts),
    provider: facts.provider,
    policyId: policy.id,
    policyVersion: printVersion(policy),
    policyHash: policy.policyHash,
    attempt: facts.attempt,
    decisionId: rowId,
    entryType: 'outcome',
    originalDecisionId: facts.decisionId,
    outcome: 'fallback',
    ...present({
      attemptedModel: route.model,
      attemptedProvider: route.provider,
      httpStatus: route.httpStatus,
    }),
  };
}

function printActor(facts: CallFacts): JsonObject {
  return { ...facts.actor, provider: facts.actor.provider ?? facts.provider };
}

function printVersion({ version }: Policy): number | string {
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

/** Where there are several policies: the place of each cap's own among them. */
function findPlaces(policies: readonly Policy[]): ReadonlyMap<Cap, number> | undefined {
  if (policies.length < 2) return undefined;
  const places = new Map<Cap, number>();
  for (const [place, { caps }] of policies.entries()) for (const cap of caps) places.set(cap, place);
  return places;
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

function printCap(cap: Cap, placeOf: ReadonlyMap<Cap, number> | undefined): JsonObject {
  return {
    index: cap.index,
    ...present({ policy: placeOf?.get(cap) }),
    ...(cap.unit === 'usd'
      ? { amountUsd: printUsd(cap.limit), amountCents: ceilCents(cap.limit) }
      : { unit: cap.unit, limit: String(cap.limit) }),
    window: cap.window,
    action: cap.action,
    ...present({ downgradeTo: cap.downgradeTo, reason: cap.reason, task: cap.task }),
  };
}

function printCheck(check: CapCheck, placeOf: ReadonlyMap<Cap, number> | undefined): JsonObject {
  return {
    index: check.cap.index,
    ...present({ policy: placeOf?.get(check.cap) }),
    tripped: check.tripped,
    ...printAmounts(check),
    action: check.cap.action,
    window: check.cap.window,
    scopeKey: check.scopeKey,
    windowStart: isoOrNull(check.windowStartMs),
    resetsAt: isoOrNull(check.resetsAtMs),
  };
}

function printAmounts({ cap, limit, granted, spent, held, adds }: CapCheck): JsonObject {
  if (cap.unit !== 'usd')
    return {
      unit: cap.unit,
      limit: String(limit),
      spent: String(spent),
      held: String(held),
      adds: String(adds),
    };
  return {
    limitUsd: printUsd(limit),
    ...(granted > 0n ? { grantedUsd: printUsd(granted) } : {}),
    spentUsd: printUsd(spent),
    heldUsd: printUsd(held),
    addsUsd: printUsd(adds),
  };
}

/** One entry for each level that the call crosses. */
function printAlerts(
  { cap, scopeKey, alerts, resetsAtMs }: CapCheck,
  placeOf: ReadonlyMap<Cap, number> | undefined,
): JsonObject[] {
  return alerts.map(({ level, spent, limit }) => ({
    index: cap.index,
    ...present({ policy: placeOf?.get(cap) }),
    threshold: level.text,
    ...(cap.unit === 'usd'
      ? { spentUsd: printUsd(spent), limitUsd: printUsd(limit) }
      : { unit: cap.unit, spent: String(spent), limit: String(limit) }),
    window: cap.window,
    scopeKey,
    resetsAt: isoOrNull(resetsAtMs),
    ...present({ reason: cap.reason }),
  }));
}

function printRoutes({ only, ignore }: Routes): JsonObject {
  return { ...(only ? { only } : {}), ...(ignore.length > 0 ? { ignore } : {}) };
}

/** Ends of windows, printed: the same few for thousands of calls, and dates are slow. */
const printedTimes = new Map<number, string>();
const MAX_PRINTED_TIMES = 64;

function isoOrNull(ms: number | null): string | null {
  if (ms === null) return null;
  const known = printedTimes.get(ms);
  if (known !== undefined) return known;
  const text = new Date(ms).toISOString();
  if (printedTimes.size >= MAX_PRINTED_TIMES) printedTimes.clear();
  printedTimes.set(ms, text);
  return text;
}

/** The entries that have a value: an absent fact is an absent key, never `undefined`. */
function present(fields: Readonly<Record<string, string | number | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as JsonObject;
}
