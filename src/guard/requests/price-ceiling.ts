/** `provider.max_price`: OpenRouter refuses endpoints that are dearer than it, so the bound holds upstream as well. */
import { parseUsd, printUsdPerMtok, type Usd } from '../../core/money.js';
import type { BoundedQuote } from '../../core/price.js';
import { type Fields, isObject } from './field-checks.js';

/** The caller's `provider` with ceilings at the prices in the bound, never looser than the caller's own. */
export function withPriceCeiling(provider: unknown, quote: BoundedQuote): Fields {
  const own = isObject(provider) ? provider : {};
  const caller = isObject(own.max_price) ? own.max_price : {};
  const max_price = {
    ...caller,
    prompt: tighter(caller.prompt, quote.maxInputUsd),
    completion: tighter(caller.completion, quote.maxOutputUsd),
    // Per request, not per token; the bound has no such fee unless the price names one.
    request: caller.request === undefined ? '0' : tighter(caller.request, 0n),
  };
  return { ...own, max_price };
}

/** An amount in USD per million tokens, text or number. `undefined` when it is not a decimal ≥ 0. */
export function readUsdPerMtok(value: unknown): Usd | undefined {
  const usd =
    typeof value === 'string' || typeof value === 'number' ? parseUsd(String(value), 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

/** The smaller of the caller's ceiling and ours. */
function tighter(caller: unknown, oursPerToken: Usd): unknown {
  const theirs = readUsdPerMtok(caller);
  return theirs !== undefined && theirs <= oursPerToken * 1_000_000n ? caller : printUsdPerMtok(oursPerToken);
}
