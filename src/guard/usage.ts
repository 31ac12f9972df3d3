/** Reads what an answer says about its cost (docs/policy.md "Settlement"). Missing is unknown, never zero. */

import type { JsonObject } from '../core/json.js';
import { parseUsd, type Usd } from '../core/money.js';
import { type BoundedQuote, costOf } from '../core/price.js';
import type { CostSource, FailedRoute, Settlement } from '../core/settlement.js';
import { type AllowedCall, unknownCost } from './call.js';
import { readGenerationId, readProvider, readServedModel } from './labels.js';
import { isObject } from './requests/field-checks.js';
import type { UpstreamRefusal } from './upstream-refusal.js';

/** The facts of an answer, as far as they were seen. */
export interface AnswerFacts {
  readonly costUsd?: Usd | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  /** The answer, or the event, names its usage: it replaces what was named before, as a whole. */
  readonly hasUsage?: boolean;
  /** Of the input tokens. */
  readonly cacheWriteTokens?: number | undefined;
  readonly servedModel?: string | undefined;
  readonly servedProvider?: string | undefined;
  readonly generationId?: string | undefined;
  /** Routes that OpenRouter tried in vain before the one that answered. */
  readonly fallbacks?: readonly FailedRoute[] | undefined;
  /** The answer carries an error of its own. */
  readonly failed?: boolean;
}

/** Reads one JSON answer, or one event of a streamed one: chat, text, responses or embeddings. */
export function readAnswer(json: unknown): AnswerFacts {
  if (!isObject(json)) return {};
  // Events of the responses API carry the answer inside.
  const answer = isObject(json.response) ? json.response : json;
  const usage = objectOf(answer.usage);
  const choices = Array.isArray(answer.choices) ? answer.choices : [];
  const isEmbeddings = answer.object === 'list' && isObject(answer.usage);
  return {
    hasUsage: isObject(answer.usage),
    costUsd: readCost(usage),
    inputTokens: readCount(usage.prompt_tokens ?? usage.input_tokens),
    outputTokens: readCount(usage.completion_tokens ?? usage.output_tokens) ?? (isEmbeddings ? 0 : undefined),
    cacheWriteTokens: readCount(objectOf(usage.prompt_tokens_details).cache_write_tokens),
    servedModel: readServedModel(answer.model),
    servedProvider: readProvider(answer.provider),
    generationId: readGenerationId(answer.id),
    fallbacks: readFallbacks(answer.openrouter_metadata ?? json.openrouter_metadata),
    failed: answer.error != null || choices.some((choice) => isObject(choice) && choice.error != null),
  };
}

/** Later facts replace earlier ones; what they do not say stays. */
export function mergeFacts(earlier: AnswerFacts, later: AnswerFacts): AnswerFacts {
  const merged: Record<string, unknown> = later.hasUsage ? { ...dropUsage(earlier) } : { ...earlier };
  for (const [key, value] of Object.entries(later))
    if (value !== undefined && value !== false) merged[key] = value;
  return merged;
}

/** The facts without what they say of the usage. */
export function dropUsage(facts: AnswerFacts): AnswerFacts {
  const {
    hasUsage: _,
    costUsd: __,
    inputTokens: ___,
    outputTokens: ____,
    cacheWriteTokens: _____,
    ...rest
  } = facts;
  return rest;
}

/** What the attempt cost: what upstream billed, else tokens × price, else the bound stays spent. */
export function settleAnswer(
  call: AllowedCall,
  facts: AnswerFacts,
  ended: 'complete' | 'cut' | 'aborted',
): Settlement {
  const { quote } = call.decision;
  const { inputTokens, outputTokens, servedModel, servedProvider, generationId, fallbacks } = facts;
  // Clients abort a stream once it names an error: the failure came first.
  const failed = facts.failed || ended === 'cut';
  const outcome = failed ? 'failed' : ended === 'aborted' ? 'aborted' : 'answered';
  const partial = ended !== 'complete' || facts.failed === true;
  const about = (costSource: CostSource, actualUsd: Usd | null): Settlement => ({
    costSource,
    actualUsd,
    outcome,
    partial,
    inputTokens,
    outputTokens,
    servedModel,
    servedProvider,
    generationId,
    fallbacks,
  });
  if (facts.costUsd !== undefined) return about('provider', facts.costUsd);
  if (quote.kind === 'bounded' && inputTokens !== undefined && outputTokens !== undefined)
    return about('computed', computeCost(quote, facts, inputTokens, outputTokens));
  return about('reserved', unknownCost(call, outcome).actualUsd);
}

/**
 * At the dearest prices that upstream was allowed: it may have taken a dearer endpoint than the listed one, a higher
 * price for a large prompt or a late hour, or a fallback.
 */
function computeCost(
  { max, admit }: BoundedQuote,
  { cacheWriteTokens }: AnswerFacts,
  inputTokens: number,
  outputTokens: number,
): Usd {
  const inputUsd = cacheWriteTokens === 0 ? admit.inputUsd : max.inputUsd;
  return costOf({ ...max, inputUsd }, inputTokens, outputTokens);
}

/** Nothing was spent: the request provably never left. */
export function release(): Settlement {
  return { costSource: 'released', actualUsd: 0n, partial: false, outcome: 'not_sent' };
}

/** Nothing was spent: upstream refused with a whole error and no usage. */
export function releaseRefused(httpStatus: number, refusal: UpstreamRefusal | undefined): Settlement {
  return {
    costSource: 'released',
    actualUsd: 0n,
    partial: false,
    outcome: 'refused_upstream',
    httpStatus,
    refusal: refusal && (JSON.parse(JSON.stringify(refusal)) as JsonObject),
  };
}

/** At most this many are recorded: upstream decides how many there are. */
const MAX_FALLBACKS = 16;

/** `openrouter_metadata.attempts` without the last, which is the one that answered. */
function readFallbacks(metadata: unknown): readonly FailedRoute[] | undefined {
  const attempts =
    isObject(metadata) && Array.isArray(metadata.attempts) ? metadata.attempts.filter(isObject) : [];
  const failed = attempts.slice(0, -1).slice(0, MAX_FALLBACKS);
  if (failed.length === 0) return undefined;
  return failed.map(({ model, provider, status }) => ({
    model: readServedModel(model),
    provider: readProvider(provider),
    httpStatus: readCount(status),
  }));
}

/** With a key of the caller's own at the provider (BYOK), `cost` is OpenRouter's fee and the bill comes on top. */
function readCost(usage: Readonly<Record<string, unknown>>): Usd | undefined {
  const cost = readAmount(usage.cost);
  if (cost === undefined || usage.is_byok !== true) return cost;
  const upstream = readAmount(objectOf(usage.cost_details).upstream_inference_cost);
  return upstream === undefined ? undefined : cost + upstream;
}

/** An amount in US dollars that upstream names. `undefined` when it is not a decimal ≥ 0. */
export function readAmount(value: unknown): Usd | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const usd = parseUsd(String(value), 'up');
  return usd === undefined || usd < 0n ? undefined : usd;
}

/** A count of tokens, or `undefined`. */
export function readCount(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
