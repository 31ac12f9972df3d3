/** What a model costs per token, where that figure comes from, and what one call may cost with it. */
import { maxUsd, printCentsPerKtok, printUsd, type Usd } from './money.js';

/** Unit prices in US dollars: per input token, per output token, once per request. */
export interface UnitSet {
  readonly inputUsd: Usd;
  readonly outputUsd: Usd;
  readonly requestUsd: Usd;
}

/** Price of one model. Every amount is ≥ 0. */
export interface ModelPrice {
  /** The id as it was asked for, and as it is sent. */
  readonly model: string;
  /** The same text for every spelling of one model; see `model-id.ts`. */
  readonly identity: string;
  /** `override`: set by hand. `synced`: from the price table. `stated`: no unit price, the caller said what it costs. */
  readonly source: 'override' | 'synced' | 'stated';
  /** As listed: for estimates, and for settling answers that name no cost. */
  readonly list: UnitSet;
  /** The dearest that a call may be billed at, while upstream admits only endpoints within `admit`. */
  readonly bound: UnitSet;
  /** What upstream is told to refuse dearer endpoints by. */
  readonly admit: UnitSet;
  /** Whole-number factor on the input bound of a request that writes a cache: 1 where `bound` covers that. */
  readonly cacheWriteFactor: bigint;
  /** Output tokens listed for the model; single endpoints may give more. `undefined`: not known. */
  readonly maxOutputTokens?: number | undefined;
  /** The price table behind a synced price. */
  readonly table?: { readonly hash: string; readonly fetchedAt: string } | undefined;
}

/** The most and the likely tokens of one call. */
export interface TokenBounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly expectedInputTokens: number;
  readonly expectedOutputTokens: number;
  /** Input may be billed as cache writes, which can cost up to twice the plain price. */
  readonly writesCache: boolean;
}

/** What one call may cost on one model, or why nobody can say. */
export type Quote = BoundedQuote | UnboundedQuote;

export interface BoundedQuote {
  readonly kind: 'bounded';
  readonly model: string;
  readonly identity: string;
  readonly price: ModelPrice;
  readonly bounds: TokenBounds;
  /** Other models may answer this request, at prices that the bound covers. */
  readonly hasFallbacks: boolean;
  /** Unit prices in the bound, headroom and cache writes included. */
  readonly max: UnitSet;
  /** What upstream is told to refuse dearer endpoints by, headroom included. */
  readonly admit: UnitSet;
  /** Honest estimate, for people and soft caps. */
  readonly expectedUsd: Usd;
  /** Upper bound, for hard caps. */
  readonly reservedUsd: Usd;
}

export interface UnboundedQuote {
  readonly kind: 'unbounded';
  readonly model: string;
  readonly identity: string;
  readonly code: 'unknown_price' | 'stale_price' | 'unbounded' | 'path_not_supported';
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
  const factor = bounds.writesCache ? price.cacheWriteFactor : 1n;
  const bound = factor === 1n ? price.bound : { ...price.bound, inputUsd: price.bound.inputUsd * factor };
  const max = withHeadroom(bound, headroomPpm);
  return {
    kind: 'bounded',
    model: price.model,
    identity: price.identity,
    price,
    bounds,
    hasFallbacks: false,
    max,
    admit: withHeadroom(price.admit, headroomPpm),
    expectedUsd: costOf(price.list, bounds.expectedInputTokens, bounds.expectedOutputTokens),
    reservedUsd: costOf(max, bounds.inputTokens, bounds.outputTokens),
  };
}

/** Either model may answer: the larger of each figure bounds the call. The estimate stays that of the first. */
export function joinQuotes(first: BoundedQuote, other: BoundedQuote): BoundedQuote {
  const max = maxUnits(first.max, other.max);
  const bounds: TokenBounds = {
    ...first.bounds,
    inputTokens: Math.max(first.bounds.inputTokens, other.bounds.inputTokens),
    // One limit is sent for all of them: the lower one holds for each.
    outputTokens: Math.min(first.bounds.outputTokens, other.bounds.outputTokens),
  };
  return {
    ...first,
    hasFallbacks: true,
    bounds,
    max,
    admit: maxUnits(first.admit, other.admit),
    reservedUsd: costOf(max, bounds.inputTokens, bounds.outputTokens),
  };
}

/** Tokens × price, and the fee of one request, exactly. */
export function costOf(unit: UnitSet, inputTokens: number, outputTokens: number): Usd {
  return unit.inputUsd * BigInt(inputTokens) + unit.outputUsd * BigInt(outputTokens) + unit.requestUsd;
}

/** The unit prices as a receipt records them; `null` where there are none. The two older fields are decimal strings here. */
export function printCostBasis({ price, max }: BoundedQuote) {
  if (price.source === 'stated') return null;
  const { list, table } = price;
  const basis: { [key: string]: string } = {
    inputCentsPerKtok: printCentsPerKtok(list.inputUsd),
    inputUsdPerToken: printUsd(list.inputUsd),
    maxInputUsdPerToken: printUsd(max.inputUsd),
    maxOutputUsdPerToken: printUsd(max.outputUsd),
    outputCentsPerKtok: printCentsPerKtok(list.outputUsd),
    outputUsdPerToken: printUsd(list.outputUsd),
    rateSource: price.source,
  };
  if (max.requestUsd > 0n) basis.maxRequestUsd = printUsd(max.requestUsd);
  if (table) Object.assign(basis, { priceTableFetchedAt: table.fetchedAt, priceTableHash: table.hash });
  return basis;
}

function withHeadroom(unit: UnitSet, ppm: bigint): UnitSet {
  if (ppm === PPM) return unit;
  const raise = (amount: Usd) => (amount * ppm + PPM - 1n) / PPM;
  return {
    inputUsd: raise(unit.inputUsd),
    outputUsd: raise(unit.outputUsd),
    requestUsd: raise(unit.requestUsd),
  };
}

function maxUnits(a: UnitSet, b: UnitSet): UnitSet {
  return {
    inputUsd: maxUsd(a.inputUsd, b.inputUsd),
    outputUsd: maxUsd(a.outputUsd, b.outputUsd),
    requestUsd: maxUsd(a.requestUsd, b.requestUsd),
  };
}
