/** A decision row turned back into the call that was asked, as far as the row tells it (docs/receipt-format.md "given"). */
import type { Call } from './decide.js';
import type { CallFacts } from './decision.js';
import { readGiven } from './given.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { CAPABILITIES, type Capability } from './policy.js';
import type { Quote } from './price.js';
import { SCOPE_KEYS, type Scope } from './scope.js';

/** The call of a row, and the facts that its row was printed from. */
export interface RowCall {
  readonly facts: CallFacts;
  readonly call: Call;
  /** Models whose quote was asked for and is not told by the row: a decision that asked for one is not to be believed. */
  readonly missing: ReadonlySet<string>;
}

/** `undefined` when the row does not tell all that a decision reads. Never throws. */
export function readRowCall(row: JsonObject, timestampMs: number): RowCall | undefined {
  const given = readGiven(row);
  const actor = readActor(row.actor);
  const { decisionId, attempt, provider, path, instance, modelRequested } = row;
  const claim = readClaim(row.capabilityClaim);
  if (!given || !actor || claim === 'bad' || !Number.isSafeInteger(timestampMs)) return undefined;
  if (!isText(decisionId) || !isAttempt(attempt) || !isText(instance) || !isText(modelRequested))
    return undefined;
  const run = actor.sessionId ?? (isText(row.run) ? row.run : instance);
  const facts: CallFacts = {
    decisionId,
    attempt,
    timestampMs,
    actor,
    provider: isText(provider) ? provider : '',
    path: isText(path) ? path : '',
    instance,
    run,
    capabilityClaim: claim,
  };
  const missing = new Set<string>();
  const call: Call = {
    actor,
    run,
    model: modelRequested,
    capabilityClaim: claim,
    action: given.action,
    upstream: { provider: facts.provider, routes: given.providers },
    name: given.name,
    quote: (model) => given.quotes.get(model) ?? notTold(model, missing),
    listFallbacks: (model) => (model === modelRequested ? given.fallbacks : []),
    isRetry: attempt > 1,
    offersNothing: true,
  };
  return { facts, call, missing };
}

function notTold(model: string, missing: Set<string>): Quote {
  missing.add(model);
  const text = { message: '', reason: '', hint: '' };
  return { kind: 'unbounded', model, identity: model, code: 'unknown_price', ...text };
}

function readActor(value: Json | undefined): Scope | undefined {
  if (!isObject(value) || !isText(value.tenantId)) return undefined;
  const actor: { [key: string]: string } = {};
  for (const key of SCOPE_KEYS) {
    const label = value[key];
    if (label === undefined) continue;
    if (!isText(label)) return undefined;
    actor[key] = label;
  }
  return { ...actor, tenantId: value.tenantId };
}

function readClaim(value: Json | undefined): Capability | undefined | 'bad' {
  if (value === null || value === undefined) return undefined;
  return CAPABILITIES.find((capability) => capability === value) ?? 'bad';
}

function isAttempt(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string';
}
