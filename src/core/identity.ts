/**
 * Which model a written id means: exact ids, aliases, canonical slugs, other spellings, suffixes; never two models by
 * one name (docs/pricing.md "Identity of a model").
 */
import type { CatalogueModel } from './catalogue.js';
import { normalizeModelId, sameModel, spellDatedId, splitVariant } from './model-id.js';
import { findNearest } from './nearest.js';

/** A catalogue or a price table. Its models must not change: lookups are remembered per object. */
export interface ModelList {
  readonly models: readonly CatalogueModel[];
}

/** What a written id means. */
export type Resolution = KnownModel | MovingAlias | Router | Preset | UnknownModel;

export interface KnownModel {
  readonly kind: 'known';
  readonly model: CatalogueModel;
  /** Id in the catalogue. */
  readonly id: string;
  /** Canonical slug plus variant: equal for equal models and for no others. */
  readonly identity: string;
  readonly canonical: string;
  /** The variant that makes it a model of its own: `free` of `author/name:free`. */
  readonly variant: string | null;
  /** Suffixes that the catalogue has no entry for, as written: the same model, routed or priced otherwise. */
  readonly suffixes: readonly RoutingSuffix[];
  readonly how: 'exact' | 'alias' | 'canonical' | 'spelling' | 'dated';
}

/** `~author/family-latest` whose target the catalogue does not tell: any model of the family may answer. */
export interface MovingAlias {
  readonly kind: 'alias';
  readonly id: string;
  readonly model: CatalogueModel;
}

/** A name that stands for many models, of many prices. */
export interface Router {
  readonly kind: 'router';
  readonly id: string;
}

/** `@preset/x` or `author/name@preset/x`: settings kept upstream, which may name any model. */
export interface Preset {
  readonly kind: 'preset';
}

export interface UnknownModel {
  readonly kind: 'unknown';
  /** Known ids that were probably meant, best first. Of an ambiguous spelling: those it could mean. */
  readonly nearest: readonly string[];
  readonly ambiguous: boolean;
}

/** Suffixes that name no model of their own. `online` adds a paid search to every call. */
export const ROUTING_SUFFIXES = [
  'nitro',
  'floor',
  'exacto',
  'extended',
  'thinking',
  'online',
  'batch',
] as const;

export type RoutingSuffix = (typeof ROUTING_SUFFIXES)[number];

const ROUTER_NAMES: ReadonlySet<string> = new Set(
  ['auto', 'auto-beta', 'bodybuilder', 'free', 'fusion', 'pareto-code'].map((name) => `openrouter/${name}`),
);
const MAX_HOPS = 8;
const MAX_NEAREST = 3;
const MAX_ID_LENGTH = 256;

/** Names of all models, from the surest way of naming to the least. */
interface Index {
  readonly byId: ReadonlyMap<string, CatalogueModel>;
  readonly bySlug: Names;
  readonly bySpelling: Names;
  readonly byDate: Names;
}

type Names = ReadonlyMap<string, ReadonlySet<CatalogueModel>>;

const indexes = new WeakMap<ModelList, Index>();

/**
 * What a written id means in a list of models. The first call for a list builds an index, linear in its size; later
 * ones take constant time, but for unknown ids, which are compared with all others.
 */
export function resolveModel(list: ModelList, written: string): Resolution {
  if (written.includes('@')) return { kind: 'preset' };
  if (written.length > MAX_ID_LENGTH) return { kind: 'unknown', nearest: [], ambiguous: false };
  const index = indexOf(list);
  return resolveName(index, written) ?? resolveSuffix(index, written) ?? guess(index, written);
}

/**
 * Whether two written ids mean one model. Ids that the list does not know are one model only when they are spelled
 * alike (`sameModel`). A model and its `:free` twin are two.
 */
export function sameIdentity(list: ModelList, a: string, b: string): boolean {
  const left = resolveModel(list, a);
  const right = resolveModel(list, b);
  if (left.kind === 'known' && right.kind === 'known') return left.identity === right.identity;
  return left.kind === right.kind && sameModel(a, b);
}

/** The model with exactly this id, or `undefined`. Constant time after the first call. */
export function findModel(list: ModelList, id: string): CatalogueModel | undefined {
  return indexOf(list).byId.get(id);
}

function resolveName(index: Index, written: string): Resolution | undefined {
  const exact = index.byId.get(written);
  if (exact) return follow(index, exact, 'exact');
  if (ROUTER_NAMES.has(written.toLowerCase())) return { kind: 'router', id: written.toLowerCase() };
  const ways = [
    ['canonical', index.bySlug.get(written)],
    ['spelling', index.bySpelling.get(normalizeModelId(written))],
    ['dated', index.byDate.get(spellDatedId(written) ?? '')],
  ] as const;
  for (const [how, found] of ways) {
    const [model, ...others] = found ?? [];
    if (model === undefined) continue;
    if (others.length === 0) return follow(index, model, how);
    const nearest = [model, ...others].map(({ id }) => id).slice(0, MAX_NEAREST);
    return { kind: 'unknown', nearest, ambiguous: true };
  }
  return undefined;
}

/** Drops the last suffix when it only routes. `:free` does not: the free model is another one. */
function resolveSuffix(index: Index, written: string): Resolution | undefined {
  const { base, variant } = splitVariant(written);
  const suffix = ROUTING_SUFFIXES.find((word) => word === variant?.toLowerCase());
  if (suffix === undefined) return undefined;
  const found = resolveName(index, base) ?? resolveSuffix(index, base);
  return found?.kind === 'known' ? { ...found, suffixes: [...found.suffixes, suffix] } : found;
}

function follow(index: Index, start: CatalogueModel, how: KnownModel['how']): Resolution {
  let model = start;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    if (isRouter(model)) return { kind: 'router', id: model.id };
    const target = model.aliasTarget === null ? undefined : index.byId.get(model.aliasTarget);
    if (target !== undefined) {
      model = target;
      continue;
    }
    if (model.aliasTarget !== null || model.id.startsWith('~')) break;
    return describeKnown(model, model === start ? how : 'alias');
  }
  return { kind: 'alias', id: start.id, model: start };
}

function describeKnown(model: CatalogueModel, how: KnownModel['how']): KnownModel {
  const { variant } = splitVariant(model.id);
  const canonical = model.canonicalSlug;
  return {
    kind: 'known',
    model,
    id: model.id,
    identity: nameWithVariant(canonical, variant),
    canonical,
    variant,
    suffixes: [],
    how,
  };
}

/** The house's own entries that have no price or no limits of their own before they have routed. */
function isRouter(model: CatalogueModel): boolean {
  if (ROUTER_NAMES.has(model.id)) return true;
  if (!model.id.startsWith('openrouter/')) return false;
  const { prompt, completion } = model.pricing.prices;
  return prompt === 'routed' || completion === 'routed' || model.tokenizer === 'Router';
}

function guess(index: Index, written: string): UnknownModel {
  return {
    kind: 'unknown',
    nearest: findNearest(written, [...index.byId.keys()], MAX_NEAREST),
    ambiguous: false,
  };
}

function indexOf(list: ModelList): Index {
  const known = indexes.get(list);
  if (known) return known;
  const slugOf = (model: CatalogueModel) =>
    nameWithVariant(model.canonicalSlug, splitVariant(model.id).variant);
  const index: Index = {
    byId: new Map(list.models.map((model) => [model.id, model])),
    bySlug: collect(list.models, (model) => [slugOf(model)]),
    bySpelling: collect(list.models, (model) => [model.id, slugOf(model)].map(normalizeModelId)),
    byDate: collect(list.models, (model) => [model.id, slugOf(model)].map(spellDatedId)),
  };
  indexes.set(list, index);
  return index;
}

function collect(
  models: readonly CatalogueModel[],
  nameOf: (model: CatalogueModel) => readonly (string | undefined)[],
): Names {
  const names = new Map<string, Set<CatalogueModel>>();
  for (const model of models) {
    for (const name of nameOf(model)) {
      if (name === undefined) continue;
      const same = names.get(name);
      if (same) same.add(model);
      else names.set(name, new Set([model]));
    }
  }
  return names;
}

function nameWithVariant(name: string, variant: string | null): string {
  return variant === null ? name : `${splitVariant(name).base}:${variant}`;
}
