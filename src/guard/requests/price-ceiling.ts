/** `provider.max_price`: OpenRouter refuses endpoints that are dearer than it, so the bound holds upstream as well. */
import { parseUsd, printUsd, type Usd } from '../../core/money.js';
import type { BoundedQuote } from '../../core/price.js';
import { type Fields, isObject } from './field-checks.js';

const PER_MTOK = 1_000_000n;

/** The caller's `provider` with ceilings at the prices in the bound, never looser than the caller's own. */
export function withPriceCeiling(provider: unknown, { admit }: BoundedQuote): Fields {
  const own = isObject(provider) ? provider : {};
  const caller = isObject(own.max_price) ? own.max_price : {};
  const max_price = {
    ...caller,
    prompt: tighter(caller.prompt, admit.inputUsd * PER_MTOK),
    completion: tighter(caller.completion, admit.outputUsd * PER_MTOK),
    // Once per request: OpenRouter counts this one in plain dollars.
    request: tighter(caller.request, admit.requestUsd),
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
function tighter(caller: unknown, ours: Usd): unknown {
  const theirs = readUsdPerMtok(caller);
  return theirs !== undefined && theirs <= ours ? caller : printUsd(ours);
}
