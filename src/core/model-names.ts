/**
 * Every name that a written model id goes by, for rules that must not be escaped by another spelling
 * (docs/policy.md "Rules").
 */
import { type ModelList, type Resolution, resolveModel } from './identity.js';
import { normalizeModelId, spellDatedId, splitVariant } from './model-id.js';

/** One written id, by all its names. Names are lower case with dots as dashes. */
export interface ModelNames {
  /** The same text for every spelling of one model. */
  readonly identity: string;
  /** What the model is called: its id in the catalogue, or as written where the catalogue has none. */
  readonly id: string;
  /** Names of exactly this model. */
  readonly exact: ReadonlySet<string>;
  /** `exact`, and the names of the model without its variant. */
  readonly wide: ReadonlySet<string>;
  /** Names without a variant that end in no date, and those that do, without their date. */
  readonly undated: ReadonlySet<string>;
  readonly dateless: ReadonlySet<string>;
  /** Whether the catalogue has the model. */
  readonly isKnown: boolean;
  /** A router, a preset, or an alias without a known target: any model may answer. */
  readonly isOpen: boolean;
  /** The most input and output tokens together that the catalogue says it takes; `undefined`: not known. */
  readonly contextTokens: number | undefined;
}

/** What a catalogue says of a written id; everything else about its names follows from its spelling. */
export interface NameFacts {
  /** Lower case with dots as dashes, as all names here; `undefined`: the catalogue does not have the model. */
  readonly id?: string | undefined;
  /** Default: the id. */
  readonly identity?: string | undefined;
  readonly contextTokens?: number | undefined;
  /** Default false. */
  readonly isOpen?: boolean | undefined;
}

/** Names of one written id. */
export type NameModel = (model: string) => ModelNames;

const NO_MODELS: ModelList = { models: [] };
const DATE = /-20\d\d-?[01]\d-?[0-3]\d$/;
/** Ids come from callers: what is remembered of them stays bounded. */
const MAX_REMEMBERED = 4096;
const remembered = new WeakMap<ModelList, Map<string, ModelNames>>();

/** The names of a written id in a list of models, or without one. Constant time for an id asked before. */
export function nameModel(list: ModelList | undefined, written: string): ModelNames {
  const models = list ?? NO_MODELS;
  const known = remembered.get(models) ?? new Map<string, ModelNames>();
  remembered.set(models, known);
  const found = known.get(written);
  if (found) return found;
  if (known.size >= MAX_REMEMBERED) known.clear();
  const names = collectNames(resolveModel(models, written), written);
  known.set(written, names);
  return names;
}

function collectNames(found: Resolution, written: string): ModelNames {
  if (found.kind === 'known') {
    const { id, identity, model } = found;
    return expandNames(written, {
      id: normalizeModelId(id),
      identity: normalizeModelId(identity),
      contextTokens: model.contextLength ?? undefined,
    });
  }
  const isOpen = found.kind !== 'unknown' || normalizeModelId(written).startsWith('~');
  return expandNames(written, { isOpen });
}

/** The names of a written id, from what a catalogue said of it. */
export function expandNames(written: string, facts: NameFacts): ModelNames {
  const plain = normalizeModelId(written);
  const id = facts.id ?? plain;
  const identity = facts.identity ?? id;
  const exact = new Set([plain, id, identity]);
  const wide = new Set(exact);
  for (const name of exact) {
    const bare = dropTilde(name);
    const base = dropVariants(bare);
    for (const other of [bare, base, spellDatedId(base)]) if (other !== undefined) wide.add(other);
  }
  const bases = [...exact].map((name) => dropVariants(dropTilde(name)));
  return {
    identity,
    id,
    exact,
    wide,
    undated: new Set(bases.filter((base) => !DATE.test(base))),
    dateless: new Set(bases.filter((base) => DATE.test(base)).map((base) => base.replace(DATE, ''))),
    isKnown: facts.id !== undefined,
    contextTokens: facts.contextTokens,
    isOpen: facts.isOpen ?? false,
  };
}

function dropTilde(name: string): string {
  return name.startsWith('~') ? name.slice(1) : name;
}

function dropVariants(name: string): string {
  for (let base = name; ; ) {
    const next = splitVariant(base);
    if (next.variant === null) return base;
    base = next.base;
  }
}
