/**
 * How a call attempt ended, and the rows that say so (docs/receipt-format.md "Keys of later rows"). Only named fields are
 * copied: nothing of an answer can reach them.
 */

import type { Decision } from './decide.js';
import { type CallFacts, printActor, printVersion } from './decision.js';
import { addPresent, type JsonObject, type JsonRecord, present } from './json.js';
import { ceilCents, printUsd, type Usd } from './money.js';
import type { Hold } from './open-call.js';
import type { Policy } from './policy.js';
import { breaksRoutes } from './provider-rule.js';

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
  const row: JsonRecord = {
    action: decision.action,
    actor: printActor(facts),
    actualCents,
    actualUsd: actualUsd === null ? null : printUsd(actualUsd),
    attempt: facts.attempt,
    costSource: settlement.costSource,
    decisionId: settlementId,
    deltaCents: actualCents - expected,
    enforcementMode: policy.mode,
    entryType: 'settlement',
    modelRequested: decision.modelRequested,
    modelResolved: decision.modelResolved,
    originalDecisionId: facts.decisionId,
    outcome: settlement.outcome,
    partial: settlement.partial,
    policyHash: policy.policyHash,
    policyId: policy.id,
    policyVersion: printVersion(policy),
    provider: facts.provider,
    timestamp: new Date(timestampMs).toISOString(),
  };
  if (overBound) row.overBound = true;
  if (breaksRule(decision, settlement)) row.ruleBroken = true;
  addPresent(row, {
    actualInputTokens: settlement.inputTokens,
    actualOutputTokens: settlement.outputTokens,
    servedModel: settlement.servedModel,
    servedProvider: settlement.servedProvider,
    generationId: settlement.generationId,
    httpStatus: settlement.httpStatus,
  });
  if (settlement.refusal) row.upstreamRefusal = settlement.refusal;
  return row;
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
