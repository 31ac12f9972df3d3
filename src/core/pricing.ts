/**
 * Reads a `pricing` object as OpenRouter publishes it: exact unit prices, time- and size-dependent overrides, and the
 * keys this version does not know (docs/pricing.md "Price keys").
 */
import { asFields, describe, type Fields, joinPath, noteProblem } from './fields.js';
import type { Json, JsonObject } from './json.js';
import { ONE_USD, parseUsd, type Usd } from './money.js';
import { CONDITION_KEYS, type Conditions, readConditions } from './price-conditions.js';

/** Every price key of the catalogue. USD per token, but `request`, `image` and `web_search`, which are each. */
export const PRICE_KEYS = [
  'prompt',
  'completion',
  'request',
  'image',
  'image_token',
  'image_output',
  'audio',
  'audio_output',
  'input_audio_cache',
  'web_search',
  'internal_reasoning',
  'input_cache_read',
  'input_cache_write',
  'input_cache_write_1h',
] as const;

export type PriceKey = (typeof PRICE_KEYS)[number];

/** An exact price ≥ 0, or `routed`: published as `"-1"`, known only after routing. */
export type UnitPrice = Usd | 'routed';

export type UnitPrices = Readonly<Partial<Record<PriceKey, UnitPrice>>>;

/** Prices that replace others while conditions hold. Keys not named inherit. */
export interface PriceOverride {
  readonly conditions: Conditions;
  /** Conditions that nobody here understands: with any, the override may or may not apply, whatever the others say. */
  readonly unknownConditions: readonly string[];
  readonly prices: UnitPrices;
  readonly unknownKeys: readonly string[];
}

/** One `pricing` object. */
export interface Pricing {
  readonly prices: UnitPrices;
  /** Keys that may be a price and are not in `PRICE_KEYS`, with a value other than zero. */
  readonly unknownKeys: readonly string[];
  /** In published order: later ones win per key. */
  readonly overrides: readonly PriceOverride[];
}

/** Most overrides of one model; more is no catalogue. */
export const MAX_OVERRIDES = 64;
/** Dearest unit that is believed, in US dollars. */
export const MAX_UNIT_USD = 1_000_000;

const MAX_UNIT: Usd = BigInt(MAX_UNIT_USD) * ONE_USD;
const PRICE_TEXT = /^\d{1,12}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,2})?$/;
const KNOWN_KEYS: ReadonlySet<string> = new Set(PRICE_KEYS);
const ZERO_TEXT = /^0{1,12}(?:\.0{1,60})?$/;

/**
 * Reads a unit price: decimal text from 0 to 1,000,000 US dollars, or exactly `"-1"`. Digits below 10⁻²⁴ are rounded
 * up. `undefined` for anything else.
 */
export function parseUnitPrice(text: string): UnitPrice | undefined {
  if (text === '-1') return 'routed';
  const price = PRICE_TEXT.test(text) ? parseUsd(text, 'up') : undefined;
  return price === undefined || price > MAX_UNIT ? undefined : price;
}

/** The pricing object that `fields` stands on. Everything wrong with it is noted in `fields.problems`. */
export function readPricing(fields: Fields): Pricing {
  return {
    prices: readPrices(fields),
    unknownKeys: listUnknownKeys(fields.data, (key) => key === 'discount' || key === 'overrides'),
    overrides: readOverrides(fields),
  };
}

function readPrices(fields: Fields): UnitPrices {
  const prices: { [K in PriceKey]?: UnitPrice } = {};
  for (const key of PRICE_KEYS) {
    if (!Object.hasOwn(fields.data, key)) continue;
    const value = fields.data[key]!;
    const price = typeof value === 'string' ? parseUnitPrice(value) : undefined;
    if (price === undefined) noteProblem(fields.problems, joinPath(fields.path, key), explainPrice(value));
    else prices[key] = price;
  }
  return prices;
}

function explainPrice(value: Json): string {
  const found = `found ${describe(value)}`;
  if (typeof value !== 'string') return `must be decimal text, ${found}`;
  if (/^-/.test(value)) return `must not be negative, except "-1" for a price known after routing, ${found}`;
  return `must be decimal text from 0 to ${MAX_UNIT_USD} US dollars, ${found}`;
}

function readOverrides(fields: Fields): readonly PriceOverride[] {
  const list = fields.data.overrides;
  if (list === undefined || list === null) return [];
  const path = joinPath(fields.path, 'overrides');
  if (!Array.isArray(list)) {
    noteProblem(fields.problems, path, `must be an array, found ${describe(list)}`);
    return [];
  }
  if (list.length > MAX_OVERRIDES) {
    noteProblem(fields.problems, path, `holds ${list.length} entries, more than ${MAX_OVERRIDES}`);
    return [];
  }
  return list.flatMap((value: Json, index) => {
    const entry = asFields(value, joinPath(path, index), fields.problems);
    return entry ? readOverride(entry) : [];
  });
}

function readOverride(fields: Fields): PriceOverride {
  const { conditions, unknown } = readConditions(fields.data);
  // A key of tomorrow may be a price or a condition, and is taken for both.
  const strangers = Object.keys(fields.data).filter(
    (key) => !KNOWN_KEYS.has(key) && !CONDITION_KEYS.has(key),
  );
  const mayBePrice = (key: string) => typeof fields.data[key] === 'string';
  return {
    conditions,
    unknownConditions: [...unknown, ...strangers],
    prices: readPrices(fields),
    unknownKeys: listUnknownKeys(fields.data, (key) => CONDITION_KEYS.has(key) || !mayBePrice(key)),
  };
}

function listUnknownKeys(data: JsonObject, isOther: (key: string) => boolean): readonly string[] {
  return Object.keys(data).filter((key) => !KNOWN_KEYS.has(key) && !isOther(key) && !isNothing(data[key]!));
}

/** Whether a value of unknown meaning charges nothing. */
function isNothing(value: Json): boolean {
  return (
    value === null || value === false || value === 0 || (typeof value === 'string' && ZERO_TEXT.test(value))
  );
}
