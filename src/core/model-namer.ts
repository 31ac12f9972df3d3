/**
 * One name per model for two lists that write models differently: the ledger has ids as served, OpenRouter's activity
 * has catalogue ids and permanent slugs (docs/cli.md, reconcile).
 */
import { type ModelList, ROUTING_SUFFIXES, resolveModel } from './identity.js';
import { normalizeModelId, spellDatedId, splitVariant } from './model-id.js';

/** The two names that an activity line has for its model. */
export interface NamedModel {
  readonly model: string;
  readonly permaslug: string | undefined;
}

/** A name that is equal for equal models; of no other meaning. Constant time. */
export type ModelNamer = (written: string) => string;

/**
 * Names by the price table where it knows the model, else by the pairs of names that the activity itself shows, else by
 * spelling. `x` and `x:free` stay two models even where they share a slug.
 */
export function createModelNamer(lines: Iterable<NamedModel>, table: ModelList | undefined): ModelNamer {
  const aliases = new Map<string, Set<string>>();
  const note = (spelling: string | undefined, name: string): void => {
    if (spelling === undefined) return;
    const names = aliases.get(spelling);
    if (names) names.add(name);
    else aliases.set(spelling, new Set([name]));
  };
  for (const { model, permaslug } of lines) {
    const { variant } = splitVariant(stripRouting(model));
    const slug = permaslug === undefined ? undefined : withVariant(permaslug, variant);
    const name = findKnown(table, model) ?? findKnown(table, slug) ?? spell(model);
    for (const written of [model, slug]) {
      if (written === undefined) continue;
      note(spell(written), name);
      note(spellDatedId(stripRouting(written)), name);
    }
  }
  return (written) => {
    const spelling = spell(written);
    return (
      findKnown(table, written) ??
      onlyOf(aliases.get(spelling)) ??
      onlyOf(aliases.get(spellDatedId(stripRouting(written)) ?? '')) ??
      spelling
    );
  };
}

function findKnown(table: ModelList | undefined, written: string | undefined): string | undefined {
  if (table === undefined || written === undefined) return undefined;
  const found = resolveModel(table, written);
  return found.kind === 'known' ? found.identity : undefined;
}

/** A spelling that stands for two models stands for none. */
function onlyOf(names: ReadonlySet<string> | undefined): string | undefined {
  const [only] = names ?? [];
  return names?.size === 1 ? only : undefined;
}

function spell(written: string): string {
  return normalizeModelId(stripRouting(written));
}

/** Without suffixes such as `:nitro`, which choose an endpoint and not a model. */
function stripRouting(written: string): string {
  const { base, variant } = splitVariant(written);
  const isRouting = ROUTING_SUFFIXES.some((suffix) => suffix === variant?.toLowerCase());
  return isRouting ? stripRouting(base) : written;
}

function withVariant(slug: string, variant: string | null): string {
  return variant === null || splitVariant(slug).variant !== null ? slug : `${slug}:${variant}`;
}
