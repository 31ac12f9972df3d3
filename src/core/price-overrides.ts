/**
 * Unit prices with overrides applied: at one moment and size, or the dearest over a range of them
 * (docs/pricing.md "Overrides in time").
 */
import { maxUsd } from './money.js';
import { judgeConditions, listTurns, type Situation } from './price-conditions.js';
import { PRICE_KEYS, type PriceKey, type Pricing, type UnitPrice, type UnitPrices } from './pricing.js';

/** Unit prices in one situation. A key that nobody lists is absent. */
export interface PricesAt {
  readonly prices: UnitPrices;
  /** Keys unknown to this version that charge something. */
  readonly unknownKeys: readonly string[];
}

/** Situations × overrides that are worked out one by one; beyond, each override counts as one that may apply. */
const MAX_STEPS = 20_000;

/**
 * The dearest per key over every prompt size and moment in two closed ranges. Where very many overrides meet a long
 * span, each counts as one that may apply, so that the time stays bounded.
 *
 * @throws RangeError for a range that is empty or not made of numbers.
 */
export function dearestOf(
  pricing: Pricing,
  [least, most]: readonly [number, number | 'any'],
  [fromMs, untilMs]: readonly [number, number],
): PricesAt {
  const last = most === 'any' ? Number.MAX_SAFE_INTEGER : most;
  if (!(least >= 0 && least <= last)) throw new RangeError('A prompt has 0 or more tokens');
  if (!(fromMs <= untilMs && Number.isSafeInteger(fromMs)))
    throw new RangeError('Times must be milliseconds in order');
  const { overrides } = pricing;
  const turns = overrides.flatMap(({ conditions }) => listTurns(conditions, fromMs, untilMs));
  const steps = overrides.flatMap(({ conditions }) =>
    conditions.minPromptTokens === undefined ? [] : [conditions.minPromptTokens + 1],
  );
  const sizes = [...new Set([least, ...steps.filter((size) => size > least && size <= last)])];
  const times = [...new Set([fromMs, ...turns])];
  if (sizes.length * times.length * overrides.length > MAX_STEPS) return applyOverrides(pricing, 'any');
  return joinPrices(
    sizes.flatMap((promptTokens) => times.map((atMs) => applyOverrides(pricing, { promptTokens, atMs }))),
  );
}

/** In `any` situation, each override may apply or not. */
function applyOverrides(pricing: Pricing, situation: Situation | 'any'): PricesAt {
  const prices: { [K in PriceKey]?: UnitPrice } = { ...pricing.prices };
  const unknownKeys = [...pricing.unknownKeys];
  for (const { conditions, unknownConditions, prices: own, unknownKeys: strange } of pricing.overrides) {
    // A condition of tomorrow may change what the others mean, such as a time zone: then nothing is sure.
    const isOpen = situation === 'any' || unknownConditions.length > 0;
    const truth = isOpen ? 'maybe' : judgeConditions(conditions, situation);
    if (truth === 'no') continue;
    for (const key of PRICE_KEYS) {
      const price = own[key];
      if (price !== undefined) prices[key] = truth === 'yes' ? price : dearer(prices[key], price);
    }
    unknownKeys.push(...strange);
  }
  return { prices, unknownKeys };
}

/** The dearer of all parts, key by key, with the unknown keys of each. */
export function joinPrices(parts: readonly PricesAt[]): PricesAt {
  const prices: { [K in PriceKey]?: UnitPrice } = {};
  for (const part of parts) {
    for (const key of PRICE_KEYS) {
      const price = part.prices[key];
      if (price !== undefined) prices[key] = dearer(prices[key], price);
    }
  }
  return { prices, unknownKeys: [...new Set(parts.flatMap((part) => part.unknownKeys))] };
}

/** What nobody knows is dearest. */
function dearer(a: UnitPrice | undefined, b: UnitPrice): UnitPrice {
  if (a === 'routed' || b === 'routed') return 'routed';
  return a === undefined ? b : maxUsd(a, b);
}
