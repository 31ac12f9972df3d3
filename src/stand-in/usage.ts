/** Token counts, the exact price of an answer, and the `usage` object that carries it. */
import type { JsonObject } from '../core/json.js';
import { parseUsd, printUsd, type Usd } from '../core/money.js';
import { type Endpoint, unitPrice } from './catalogue.js';

/** Digits that every decimal keeps through a JSON number and back. */
const SAFE_DIGITS = 15;

/** Tokens of a text of that many UTF-8 bytes: a quarter of them, rounded up. Never more than the bytes. */
export function countTokens(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** A cost as it can be told in JSON: the number, and exactly the amount which that number's text names. */
export interface ReportedCost {
  readonly number: number;
  readonly usd: Usd;
}

/**
 * Cuts an amount ≥ 0 to 15 significant digits, so that the JSON number's shortest text is exact and never more
 * than was owed.
 */
export function reportCost(exact: Usd): ReportedCost {
  const unit = 10n ** BigInt(Math.max(0, exact.toString().length - SAFE_DIGITS));
  const number = Number(printUsd((exact / unit) * unit));
  const usd = parseUsd(String(number));
  if (usd === undefined) throw new RangeError(`not a cost: ${printUsd(exact)}`);
  return { number, usd };
}

export interface Tokens {
  readonly prompt: number;
  readonly completion: number;
  /** Of the completion. */
  readonly reasoning: number;
}

/** What one call costs at an endpoint, exactly: input, output, and the fee per request where there is one. */
export function priceTokens(endpoint: Endpoint, tokens: { prompt: number; completion: number }): Usd {
  return (
    unitPrice(endpoint, 'request') +
    unitPrice(endpoint, 'prompt') * BigInt(tokens.prompt) +
    unitPrice(endpoint, 'completion') * BigInt(tokens.completion)
  );
}

/** The `usage` object of OpenRouter; `cost` is what the bill holds. */
export function printUsage(endpoint: Endpoint, tokens: Tokens, cost: ReportedCost): JsonObject {
  const part = (prompt: number, completion: number) =>
    reportCost(
      unitPrice(endpoint, 'prompt') * BigInt(prompt) + unitPrice(endpoint, 'completion') * BigInt(completion),
    ).number;
  return {
    prompt_tokens: tokens.prompt,
    completion_tokens: tokens.completion,
    total_tokens: tokens.prompt + tokens.completion,
    cost: cost.number,
    is_byok: false,
    prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0, video_tokens: 0 },
    cost_details: {
      upstream_inference_cost: cost.number,
      upstream_inference_prompt_cost: part(tokens.prompt, 0),
      upstream_inference_completions_cost: part(0, tokens.completion),
    },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning, image_tokens: 0, audio_tokens: 0 },
  };
}

/** The `usage` object of a plain OpenAI service: tokens, no money. */
export function printPlainUsage(tokens: Tokens): JsonObject {
  return {
    prompt_tokens: tokens.prompt,
    completion_tokens: tokens.completion,
    total_tokens: tokens.prompt + tokens.completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning, audio_tokens: 0 },
  };
}
