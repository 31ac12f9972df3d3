/**
 * What a new price list changes against the old table: which models are new, gone or changed, and which prices jumped
 * too far to be believed at once (docs/pricing.md "Jumps").
 */
import { canonicalize } from './canonical-json.js';
import type { CatalogueModel } from './catalogue.js';
import type { PublishedPricing } from './endpoint-prices.js';
import type { JsonObject } from './json.js';
import { maxUsd, ONE_USD, type Usd } from './money.js';
import type { HeldPrice, PriceTable } from './price-table.js';
import { PRICE_KEYS, type PriceKey, type Pricing, type UnitPrice } from './pricing.js';

/** One unit price that moved. `undefined` where it was or is not listed. */
export interface PriceMove {
  /** A price key, with `override` when the dearest of the overrides moved and not the price itself. */
  readonly key: PriceKey;
  readonly inOverride: boolean;
  readonly was: UnitPrice | undefined;
  readonly now: UnitPrice | undefined;
}

export interface ModelChange {
  readonly id: string;
  /** Not empty, unless only unknown keys or the times of overrides changed. */
  readonly moves: readonly PriceMove[];
}

/** What differs between two lists, by model id, each in the order of the ids. */
export interface PriceChanges {
  readonly added: readonly string[];
  readonly gone: readonly string[];
  readonly changed: readonly ModelChange[];
}

/** A price that is held back, and the move that went too far. */
export interface Jump {
  readonly id: string;
  readonly move: PriceMove;
}

export interface JumpReading {
  readonly heldBack: ReadonlyMap<string, HeldPrice>;
  readonly jumps: readonly Jump[];
}

export interface JumpRule {
  /** Largest believed ratio between two prices, up or down, in units of 10⁻²⁴; above 1. */
  readonly maxChange: bigint;
  /** Whether the new price of a model is taken however far it jumped. */
  readonly accepts: (id: string) => boolean;
  /** ISO 8601 with milliseconds, UTC. */
  readonly now: string;
}

/** What a price that is not listed is billed as: another one, or nothing. Of the others nobody can tell. */
const UNLISTED: Readonly<Partial<Record<PriceKey, PriceKey | 'nothing'>>> = {
  request: 'nothing',
  internal_reasoning: 'completion',
  image_output: 'completion',
  audio_output: 'completion',
  image_token: 'prompt',
  audio: 'prompt',
  input_audio_cache: 'prompt',
  input_cache_read: 'prompt',
  input_cache_write: 'prompt',
  input_cache_write_1h: 'prompt',
};

/** Compares two lists as they were published; prices held back count as they are listed now. */
export function comparePrices(
  old: readonly CatalogueModel[],
  fresh: readonly CatalogueModel[],
): PriceChanges {
  const before = new Map(old.map((model) => [model.id, model]));
  const after = new Set(fresh.map((model) => model.id));
  const changed = fresh.flatMap((model) => {
    const was = before.get(model.id);
    if (!was || isSamePricing(was, model)) return [];
    return [{ id: model.id, moves: listMoves(was.pricing, model.pricing) }];
  });
  return {
    added: sortIds(fresh.filter(({ id }) => !before.has(id)).map(({ id }) => id)),
    gone: sortIds(old.filter(({ id }) => !after.has(id)).map(({ id }) => id)),
    changed: changed.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/**
 * Which models of a new list are held back. A price is compared with the last one that was believed, not with one that
 * is itself held back; a model that is new is believed.
 */
export function findJumps(old: PriceTable, fresh: readonly CatalogueModel[], rule: JumpRule): JumpReading {
  const before = new Map(old.models.map((model) => [model.id, model]));
  const heldBack = new Map<string, HeldPrice>();
  const jumps: Jump[] = [];
  for (const model of fresh) {
    const previous = before.get(model.id);
    if (!previous || rule.accepts(model.id)) continue;
    const held = old.heldBack.get(model.id);
    const was = held?.was ?? publishPricing(previous);
    const move = listMoves(was.pricing, model.pricing).find((each) => isJump(each, was.pricing, rule));
    if (!move) continue;
    heldBack.set(model.id, { since: held?.since ?? rule.now, was, now: publishPricing(model) });
    jumps.push({ id: model.id, move });
  }
  return { heldBack, jumps };
}

/** Every unit price that differs: the listed ones, and the dearest that overrides may make of them. */
export function listMoves(was: Pricing, now: Pricing): readonly PriceMove[] {
  return PRICE_KEYS.flatMap((key) => {
    const listed = { key, inOverride: false, was: was.prices[key], now: now.prices[key] };
    const dearest = { key, inOverride: true, was: findDearest(was, key), now: findDearest(now, key) };
    return [listed, dearest].filter((move, index) => {
      const isRepeat = index === 1 && move.was === listed.was && move.now === listed.now;
      return move.was !== move.now && !isRepeat;
    });
  });
}

/** The pricing of a model as published and as understood. */
function publishPricing(model: CatalogueModel): PublishedPricing {
  return { raw: model.raw.pricing as JsonObject, pricing: model.pricing };
}

function isSamePricing(a: CatalogueModel, b: CatalogueModel): boolean {
  return canonicalize(a.raw.pricing as JsonObject) === canonicalize(b.raw.pricing as JsonObject);
}

function isJump({ key, was, now }: PriceMove, old: Pricing, { maxChange }: JumpRule): boolean {
  // A price that nobody knows blocks its model, or was blocking it: nothing can be spent too cheaply.
  if (was === 'routed' || now === 'routed') return false;
  if (was !== undefined && now !== undefined) return isFar(was, now, maxChange);
  if (now === undefined) return UNLISTED[key] === 'nothing' && isFar(was ?? 0n, 0n, maxChange);
  const billedAs = findUnlisted(key, old);
  // What is listed for the first time is often a discount; only dearer than before is a jump.
  return billedAs !== undefined && now > billedAs && isFar(billedAs, now, maxChange);
}

/** What was billed while `key` was not listed; `undefined` when nobody can tell. */
function findUnlisted(key: PriceKey, pricing: Pricing): Usd | undefined {
  const other = UNLISTED[key];
  if (other === undefined || other === 'nothing') return other && 0n;
  const price = findDearest(pricing, other);
  return price === 'routed' ? undefined : price;
}

function isFar(a: Usd, b: Usd, maxChange: bigint): boolean {
  const [small, large] = a < b ? [a, b] : [b, a];
  return small === 0n ? large > 0n : large * ONE_USD > small * maxChange;
}

function findDearest(pricing: Pricing, key: PriceKey): UnitPrice | undefined {
  const listed = [pricing.prices[key], ...pricing.overrides.map(({ prices }) => prices[key])];
  const prices = listed.filter((price) => price !== undefined);
  if (prices.includes('routed')) return 'routed';
  return prices.length === 0 ? undefined : (prices as Usd[]).reduce(maxUsd);
}

function sortIds(ids: readonly string[]): readonly string[] {
  return ids.toSorted((a, b) => (a < b ? -1 : 1));
}
