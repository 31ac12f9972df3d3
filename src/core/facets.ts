/** Which values a field has among some calls, and how often: what a person may want to filter by. */
import type { CallRecord } from './call-record.js';
import type { FacetsAnswer, FacetValue } from './dashboard.js';
import { pickValue, type ValueField } from './grouping.js';

/** The fields that are worth a list. */
export const FACET_FIELDS = [
  'action',
  'state',
  'model',
  'provider',
  'user',
  'team',
  'agent',
  'task',
  'env',
  'scope',
  'policy',
  'code',
  'cap',
] as const satisfies readonly ValueField[];

const MAX_VALUES = 20;

export interface Facets {
  add(record: CallRecord): void;
  describe(): FacetsAnswer;
}

/** Counts values. Memory grows with the values. */
export function createFacets(fields: readonly ValueField[] = FACET_FIELDS): Facets {
  const counts = new Map(fields.map((field) => [field, new Map<string, number>()]));
  let total = 0;
  return {
    add(record) {
      total++;
      for (const [field, values] of counts) {
        const value = pickValue(record, field);
        values.set(value, (values.get(value) ?? 0) + 1);
      }
    },
    describe: () => ({
      total,
      fields: Object.fromEntries([...counts].map(([field, values]) => [field, listFacet(values)])),
    }),
  };
}

/** The most frequent values, at most 20; calls without a value are not listed. Ties in the order of the text. */
export function listFacet(counts: Iterable<readonly [value: string, count: number]>): readonly FacetValue[] {
  return [...counts]
    .filter(([value]) => value !== '')
    .sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1))
    .slice(0, MAX_VALUES)
    .map(([value, count]) => ({ value, count }));
}
