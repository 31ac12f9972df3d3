/** What a model costs per token, where that figure comes from, and what one call may cost with it. */
import { printCentsPerKtok, printUsd, type Usd } from './money.js';

/** Price of one model, USD per token. Every amount is ≥ 0. */
export interface ModelPrice {
  readonly model: string;
  readonly inputUsd: Usd;
  readonly outputUsd: Usd;
  /** Where the price comes from: `override` is the caller's own. */
  readonly source: 'override';
}

/** The most and the likely tokens of one call. */
export interface TokenBounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly expectedInputTokens: number;
  readonly expectedOutputTokens: number;
  /** Whole-number factor on the input price: 2 where a cache write may be billed. */
  readonly inputFactor: bigint;
}

/** What one call may cost on one model, or why nobody can say. */
export type Quote = BoundedQuote | UnboundedQuote;

export interface BoundedQuote {
  readonly kind: 'bounded';
  readonly model: string;
  readonly price: ModelPrice;
  readonly bounds: TokenBounds;
  /** Other models may answer this request, at prices that the bound covers. */
  readonly hasFallbacks: boolean;
  /** Unit prices in the bound, headroom included; upstream is told to refuse dearer ones. */
  readonly maxInputUsd: Usd;
  readonly maxOutputUsd: Usd;
  /** Honest estimate, for people and soft caps. */
  readonly expectedUsd: Usd;
  /** Upper bound, for hard caps. */
  readonly reservedUsd: Usd;
}

export interface UnboundedQuote {
  readonly kind: 'unbounded';
  readonly model: string;
  readonly code: 'unknown_price' | 'unbounded' | 'path_not_supported';
  /** For the caller, who may be told the name of a field of theirs. */
  readonly message: string;
  /** For the ledger: the same without a word of the request. */
  readonly reason: string;
  readonly hint: string;
}

const PPM = 1_000_000n;

/**
 * Bounds one call on one model: tokens × price, with `headroomPpm` (≥ 1,000,000) on the unit prices of the bound.
 */
export function quoteCall(price: ModelPrice, bounds: TokenBounds, headroomPpm: bigint): BoundedQuote {
  const maxInputUsd = ceilDivide(price.inputUsd * headroomPpm, PPM);
  const maxOutputUsd = ceilDivide(price.outputUsd * headroomPpm, PPM);
  const quote = {
    kind: 'bounded',
    model: price.model,
    price,
    bounds,
    hasFallbacks: false,
    maxInputUsd,
    maxOutputUsd,
    expectedUsd: costOf(price, bounds.expectedInputTokens, bounds.expectedOutputTokens),
    reservedUsd: 0n,
  } as const;
  return { ...quote, reservedUsd: boundCost(quote) };
}

/** The upper bound of a call at the unit prices in its quote. */
export function boundCost({ maxInputUsd, maxOutputUsd, bounds }: BoundedQuote): Usd {
  return (
    maxInputUsd * bounds.inputFactor * BigInt(bounds.inputTokens) + maxOutputUsd * BigInt(bounds.outputTokens)
  );
}

/** Tokens × price, exactly. */
export function costOf(price: ModelPrice, inputTokens: number, outputTokens: number): Usd {
  return price.inputUsd * BigInt(inputTokens) + price.outputUsd * BigInt(outputTokens);
}

/** The unit prices as a receipt records them. The two older fields are decimal strings here. */
export function printCostBasis(quote: BoundedQuote) {
  return {
    inputCentsPerKtok: printCentsPerKtok(quote.price.inputUsd),
    outputCentsPerKtok: printCentsPerKtok(quote.price.outputUsd),
    rateSource: quote.price.source,
    inputUsdPerToken: printUsd(quote.price.inputUsd),
    outputUsdPerToken: printUsd(quote.price.outputUsd),
    maxInputUsdPerToken: printUsd(quote.maxInputUsd),
    maxOutputUsdPerToken: printUsd(quote.maxOutputUsd),
  };
}

function ceilDivide(amount: bigint, divisor: bigint): bigint {
  return (amount + divisor - 1n) / divisor;
}
