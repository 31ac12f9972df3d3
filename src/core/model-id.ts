/** Spellings of model ids: what two ids have in common when only case, separators or the place of the version differ. */

/** A spelling for comparing: lower case, dots as dashes. A variant suffix (`:free`) stays: it is another model. */
export function normalizeModelId(id: string): string {
  return id.trim().toLowerCase().replaceAll('.', '-');
}

/** Whether two ids are spellings of one model. */
export function sameModel(a: string, b: string): boolean {
  return a === b || normalizeModelId(a) === normalizeModelId(b);
}

/** An id without its last suffix, and the suffix without its colon: `author/name:free` is `author/name` and `free`. */
export function splitVariant(id: string): { readonly base: string; readonly variant: string | null } {
  const colon = id.lastIndexOf(':');
  if (colon < 0) return { base: id, variant: null };
  return { base: id.slice(0, colon), variant: id.slice(colon + 1) };
}

/**
 * A spelling of ids that end in a date, equal wherever the version stands: `claude-4.5-haiku-20251001` and
 * `claude-haiku-4-5-20251001` have one. `undefined` for an id without a date, or with numbers in two places: without
 * them, a moved number may be another model.
 */
export function spellDatedId(id: string): string | undefined {
  const { base, variant } = splitVariant(normalizeModelId(id));
  const match = /^([^/]+)\/(.+)-(20\d\d)-?([01]\d)-?([0-3]\d)$/.exec(base);
  if (!match) return undefined;
  const [, author, name = '', year, month, day] = match;
  const versions = name.match(/(?<![^-])\d+(?:-\d+)*(?![^-])/g) ?? [];
  if (versions.length !== 1) return undefined;
  const words = name.split('-').filter((word) => !/^\d+$/.test(word));
  return JSON.stringify([author, words, versions[0], `${year}${month}${day}`, variant]);
}
