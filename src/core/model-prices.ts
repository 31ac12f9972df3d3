/**
 * What a model costs at a moment and for a prompt size, and the dearest unit prices that a call may meet: the figures
 * of an upper bound (docs/pricing.md "From prices to a bound").
 */
import type { CatalogueModel } from './catalogue.js';
import { maxUsd, type Usd } from './money.js';
import { dearestOf, joinPrices, type PricesAt } from './price-overrides.js';
import { PRICE_KEYS, type PriceKey, type Pricing, type UnitPrice, type UnitPrices } from './pricing.js';

/** A model with every pricing that may be billed: as listed, held back, of single endpoints. The dearest rules. */
export interface PricedModel {
  readonly model: CatalogueModel;
  readonly pricings: readonly Pricing[];
}

/** The calls that a bound must cover: prompts up to a size, answered at any moment of a span. */
export interface CallSpan {
  /** Tokens, or `any`. */
  readonly promptTokensAtMost: number | 'any';
  /** Milliseconds since 1970, both ends included. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The request carries audio, or images: then their token prices count as input prices. */
  readonly audio?: boolean;
  readonly images?: boolean;
}

/** Upper bounds of what one call may be billed per unit, or why nobody can say. */
export type DearestPrices = BoundPrices | UnknownPrices;

export interface BoundPrices {
  readonly kind: 'known';
  /** USD per input token, however it is billed: plain, from or into a cache, as audio or image. */
  readonly inputUsd: Usd;
  /** USD per output token: text, reasoning, image or audio. */
  readonly outputUsd: Usd;
  /** USD once per request. */
  readonly requestUsd: Usd;
  /** USD per image sent, on top of its tokens. */
  readonly imageUsd: Usd;
  /** USD per search; `undefined` when none is listed. */
  readonly webSearchUsd: Usd | undefined;
  /** What `provider.max_price` must say for the bound to hold; USD per token, or each. */
  readonly admit: AdmittedPrices;
  /** What may be billed and has no price here. Not empty: no bound can be given. */
  readonly unboundedKeys: readonly string[];
}

/** Below the bound where cache writes or reasoning cost more than `prompt` and `completion`: upstream compares only those. */
export interface AdmittedPrices {
  readonly promptUsd: Usd;
  readonly completionUsd: Usd;
  readonly requestUsd: Usd;
  readonly imageUsd: Usd;
  readonly audioUsd: Usd;
}

export interface UnknownPrices {
  readonly kind: 'unknown';
  readonly why: 'routed' | 'misleading_zero' | 'missing';
  /** Reads on from the model's id: "has …". */
  readonly message: string;
}

/** A model's price as people read it. */
export interface ListedPrice {
  /** `free` is a zero that the whole entry agrees with; `unknown` a missing price or a zero that cannot be true. */
  readonly status: 'listed' | 'free' | 'routed' | 'unknown';
  /** USD per token. `undefined` when not known. */
  readonly inputUsd: Usd | undefined;
  readonly outputUsd: Usd | undefined;
  /** Prices change with the prompt's size or the time. */
  readonly varies: boolean;
}

const INPUT_KEYS = ['prompt', 'input_cache_read', 'input_cache_write', 'input_cache_write_1h'] as const;
const AUDIO_KEYS = ['audio', 'input_audio_cache'] as const;
const IMAGE_KEYS = ['image', 'image_token'] as const;
const OUTPUT_KEYS = ['completion', 'internal_reasoning', 'image_output', 'audio_output'] as const;
/** Output that is billed by `completion`, or not at all. */
const PLAIN_OUTPUT = new Set(['text', 'embeddings']);
const OUTPUT_KEY_OF: { readonly [modality: string]: PriceKey } = {
  image: 'image_output',
  audio: 'audio_output',
  speech: 'audio_output',
};
const WHY_UNKNOWN: Readonly<Record<UnknownPrices['why'], string>> = {
  routed: 'has no price until it is routed: it stands for other models',
  misleading_zero: 'is listed at zero although it makes more than text, which is billed in another way',
  missing: 'is listed without a price for input or output tokens',
};

/**
 * The dearest price per key in one situation, overrides applied: where a condition is not understood, or may be read
 * two ways, the dearer reading counts. `any` covers every prompt size, or every moment of the week.
 *
 * @throws RangeError for a moment or a size that is no number.
 */
export function pricesAt(
  priced: PricedModel,
  when: { readonly promptTokens: number | 'any'; readonly atMs: number | 'any' },
): PricesAt {
  const fromMs = when.atMs === 'any' ? 0 : when.atMs;
  const untilMs = when.atMs === 'any' ? Number.MAX_SAFE_INTEGER : when.atMs;
  const tokens = when.promptTokens;
  const least = tokens === 'any' ? 0 : tokens;
  return joinPrices(priced.pricings.map((pricing) => dearestOf(pricing, [least, tokens], [fromMs, untilMs])));
}

/**
 * The dearest unit prices that a call within `span` may be billed at, on any endpoint that `admit` lets through.
 * Where very many overrides meet a long span, the bound may be above the dearest price. Takes bounded time.
 *
 * @throws RangeError for a span that is empty or not made of numbers.
 */
export function dearestPrices(priced: PricedModel, span: CallSpan): DearestPrices {
  const sizes = [0, span.promptTokensAtMost] as const;
  const times = [span.fromMs, span.untilMs] as const;
  const { prices, unknownKeys } = joinPrices(priced.pricings.map((each) => dearestOf(each, sizes, times)));
  const why = findUnknown(priced.model, prices);
  if (why !== undefined) return { kind: 'unknown', why, message: WHY_UNKNOWN[why] };
  const inputKeys = [...INPUT_KEYS, ...(span.audio ? AUDIO_KEYS : []), ...(span.images ? IMAGE_KEYS : [])];
  return {
    kind: 'known',
    inputUsd: dearestKey(prices, inputKeys),
    outputUsd: dearestKey(prices, OUTPUT_KEYS),
    requestUsd: dearestKey(prices, ['request']),
    imageUsd: dearestKey(prices, ['image']),
    webSearchUsd: prices.web_search === undefined ? undefined : dearestKey(prices, ['web_search']),
    admit: {
      promptUsd: dearestKey(prices, ['prompt']),
      completionUsd: dearestKey(prices, ['completion']),
      requestUsd: dearestKey(prices, ['request']),
      imageUsd: dearestKey(prices, ['image']),
      audioUsd: dearestKey(prices, ['audio']),
    },
    unboundedKeys: [...unknownKeys, ...listRouted(prices), ...listUnpriced(priced.model, prices, span)],
  };
}

/** The listed price for people: before overrides, of the cheapest endpoint, or the dearer one while held back. */
export function listPrices(priced: PricedModel): ListedPrice {
  const { prices, unknownKeys } = joinPrices(priced.pricings);
  const why = findUnknown(priced.model, prices);
  const status =
    why === 'routed' ? why : why ? 'unknown' : isFree(prices) && unknownKeys.length === 0 ? 'free' : 'listed';
  return {
    status,
    inputUsd: why ? undefined : asUsd(prices.prompt),
    outputUsd: why ? undefined : asUsd(prices.completion),
    varies: priced.pricings.some((pricing) => pricing.overrides.length > 0),
  };
}

function dearestKey(prices: UnitPrices, keys: readonly PriceKey[]): Usd {
  return keys.reduce((most, key) => maxUsd(most, asUsd(prices[key]) ?? 0n), 0n);
}

function asUsd(price: UnitPrice | undefined): Usd | undefined {
  return price === 'routed' ? undefined : price;
}

function findUnknown(model: CatalogueModel, prices: UnitPrices): UnknownPrices['why'] | undefined {
  if (prices.prompt === 'routed' || prices.completion === 'routed') return 'routed';
  if (prices.prompt === undefined || prices.completion === undefined) return 'missing';
  const makesTextOnly =
    model.outputModalities.length > 0 && model.outputModalities.every((word) => word === 'text');
  return isFree(prices) && !makesTextOnly && !model.id.endsWith(':free') ? 'misleading_zero' : undefined;
}

function isFree(prices: UnitPrices): boolean {
  return PRICE_KEYS.every((key) => (prices[key] ?? 0n) === 0n);
}

/** Prices other than `prompt` and `completion` that are known only after routing. */
function listRouted(prices: UnitPrices): readonly string[] {
  return PRICE_KEYS.filter((key) => prices[key] === 'routed');
}

/** What the model does by itself and lists no price for. */
function listUnpriced(model: CatalogueModel, prices: UnitPrices, span: CallSpan): readonly string[] {
  const outputs = model.outputModalities.filter((word) => !PLAIN_OUTPUT.has(word));
  const missing = outputs
    .map((word) => OUTPUT_KEY_OF[word] ?? `${word}_output`)
    .filter((key) => (prices as Readonly<Record<string, unknown>>)[key] === undefined);
  const isZero = isFree(prices);
  const audio = span.audio && prices.audio === undefined && !isZero ? ['audio'] : [];
  const search = searchesUnasked(model) && dearestKey(prices, ['web_search']) > 0n ? ['web_search'] : [];
  return [...new Set([...(isZero ? [] : missing), ...audio, ...search])];
}

/**
 * Whether a plain text call makes searches that are billed each, in a number that nothing limits: models that take
 * `web_search_options` and list a price per search, and the deep-research ones, which list only the price.
 */
function searchesUnasked(model: CatalogueModel): boolean {
  return model.supportedParameters.includes('web_search_options') || /deep-?research/.test(model.id);
}
