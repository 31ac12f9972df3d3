/**
 * What the guard knows of prices at one moment: the overrides of this process on top, the synced table beneath
 * (docs/pricing.md). An override supplies a price, never an identity.
 */

import type { CatalogueModel } from '../core/catalogue.js';
import { resolveModel } from '../core/identity.js';
import { type NameModel, nameModel } from '../core/model-names.js';
import { dearestPrices, listPrices } from '../core/model-prices.js';
import { maxUsd, type Usd } from '../core/money.js';
import { findNearest } from '../core/nearest.js';
import type { ModelPrice, UnitSet } from '../core/price.js';
import { listPricings, type PriceTable } from '../core/price-table.js';
import { findCostOverride, listCostOverrides } from './cost-overrides.js';

/** The call that a price is for. */
export interface PricedSpan {
  /** The most input tokens. */
  readonly inputTokens: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The request asks for cache writes. Default false. */
  readonly writesCache?: boolean;
}

/** No price that could bound a call, with the reason and the way out. */
export interface Unpriced {
  readonly code: 'unknown_price' | 'unbounded';
  readonly message: string;
  readonly hint: string;
  /** No price could bound it: other models may answer, or something is billed that has no bound. */
  readonly isOpen?: boolean;
}

export interface PriceBook {
  find(model: string, span: PricedSpan): ModelPrice | Unpriced;
  /** Every name of a model, by the table where it knows the model. */
  readonly name: NameModel;
  /** Models that may be offered instead of this one. */
  listCandidates(model: string): readonly string[];
}

/** A call may still be billed this long after its decision, in milliseconds: prices can change with the clock. */
const LONGEST_CALL_MS = 3_600_000;
const SYNC_HINT = 'agentguard models --sync-pricing fetches the prices of OpenRouter';
/** Cache writes kept for an hour cost this many times the input price, where a catalogue lists only the shorter ones. */
const CACHE_WRITE_FACTOR = 2n;
/** At most this many models of the table are offered: each is priced on a refusal. */
const MAX_CANDIDATES = 50;

/** The book over a table, or over the overrides alone. Cheap: nothing is copied. */
export function createPriceBook(table: PriceTable | undefined): PriceBook {
  return {
    find: (model, span) => {
      const override = findCostOverride(model);
      if (!table) return override ?? unknownPrice(model, []);
      const synced = findSynced(table, model, span);
      return override ? applyOverride(override, synced, nameModel(table, model).identity) : synced;
    },
    name: (model) => nameModel(table, model),
    listCandidates: (model) => [
      ...listCostOverrides().map((price) => price.model),
      ...(table ? listSiblings(table, model) : []),
    ],
  };
}

/**
 * The price set by hand in place of the listed one. What the table says besides stays: that a name stands for other
 * models, or that something has no bound.
 */
function applyOverride(
  override: ModelPrice,
  synced: ModelPrice | Unpriced,
  identity: string,
): ModelPrice | Unpriced {
  if ('code' in synced) return synced.isOpen ? synced : { ...override, identity };
  const { requestUsd } = synced.bound;
  const withFee = (unit: UnitSet): UnitSet => ({ ...unit, requestUsd });
  const { list, bound, admit } = override;
  return {
    ...override,
    identity,
    model: synced.model,
    list: withFee(list),
    bound: withFee(bound),
    admit: withFee(admit),
  };
}

function findSynced(table: PriceTable, model: string, span: PricedSpan): ModelPrice | Unpriced {
  const found = resolveModel(table, model);
  switch (found.kind) {
    case 'known':
      return found.suffixes.includes('online')
        ? unpriced('unbounded', `${JSON.stringify(model)} adds paid searches, whose number has no bound`)
        : priceKnown(table, found.how === 'alias' ? found.id : model, found.model, found.identity, span);
    case 'router':
      return unpriced(
        'unknown_price',
        `${JSON.stringify(model)} has no price until it is routed to another model`,
      );
    case 'alias':
      return unpriced(
        'unknown_price',
        `${JSON.stringify(model)} stands for a model that the price table does not name`,
      );
    case 'preset':
      return unpriced('unbounded', 'a preset is kept upstream and may name any model');
    case 'unknown':
      return unknownPrice(model, found.nearest);
  }
}

function priceKnown(
  table: PriceTable,
  model: string,
  entry: CatalogueModel,
  identity: string,
  { inputTokens, nowMs, writesCache = false }: PricedSpan,
): ModelPrice | Unpriced {
  const priced = listPricings(table, entry);
  const span = { promptTokensAtMost: inputTokens, fromMs: nowMs, untilMs: nowMs + LONGEST_CALL_MS };
  const dearest = dearestPrices(priced, span);
  if (dearest.kind === 'unknown')
    return unpriced('unknown_price', `${JSON.stringify(model)} ${dearest.message}`, dearest.why === 'routed');
  if (dearest.unboundedKeys.length > 0)
    return unpriced(
      'unbounded',
      `${JSON.stringify(model)} may bill ${dearest.unboundedKeys.join(', ')}, which has no bound`,
    );
  const { admit } = dearest;
  const listed = listPrices(priced);
  const bound: UnitSet = {
    inputUsd: writesCache ? maxUsd(dearest.inputUsd, admit.promptUsd * CACHE_WRITE_FACTOR) : dearest.inputUsd,
    outputUsd: dearest.outputUsd,
    requestUsd: dearest.requestUsd,
  };
  return {
    model,
    identity,
    source: 'synced',
    list: {
      inputUsd: atLeastZero(listed.inputUsd, bound.inputUsd),
      outputUsd: atLeastZero(listed.outputUsd, bound.outputUsd),
      requestUsd: bound.requestUsd,
    },
    bound,
    admit: { inputUsd: admit.promptUsd, outputUsd: admit.completionUsd, requestUsd: admit.requestUsd },
    cacheWriteFactor: 1n,
    // The listed context is no bound: single endpoints take more. The listed maximum is one only because it is sent.
    maxOutputTokens: entry.topProvider.maxCompletionTokens ?? entry.contextLength ?? undefined,
    table: { hash: table.contentHash, fetchedAt: table.fetchedAt },
  };
}

/** Models of the same author: close enough to be offered, few enough to be priced. */
function listSiblings(table: PriceTable, model: string): string[] {
  const author = model.slice(0, model.indexOf('/') + 1);
  if (author === '') return [];
  const ids = table.models
    .map((entry) => entry.id)
    .filter((id) => id.startsWith(author) && !id.startsWith('~'));
  return ids.slice(0, MAX_CANDIDATES);
}

function unknownPrice(model: string, nearest: readonly string[]): Unpriced {
  const known = listCostOverrides().map((price) => price.model);
  const near = [...new Set([...findNearest(model, known, 3), ...nearest])].slice(0, 3);
  const close = near.length > 0 ? `; known and close: ${near.join(', ')}` : '';
  const override = `setCostOverride(${JSON.stringify(model)}, { inputCentsPerKtok, outputCentsPerKtok }) sets one`;
  return {
    code: 'unknown_price',
    message: `no price is known for ${JSON.stringify(model)}${close}`,
    hint: `${SYNC_HINT}; ${override}`,
  };
}

function unpriced(code: Unpriced['code'], message: string, isOpen = true): Unpriced {
  return { code, message, hint: 'name a model of its own, with a price of its own', isOpen };
}

function atLeastZero(listed: Usd | undefined, fallback: Usd): Usd {
  return listed ?? fallback;
}
