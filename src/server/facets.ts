/** How often each value stands in the selected calls, field by field. */
import type { FacetsAnswer, FacetValue } from '../core/dashboard.js';
import type { ValueField } from '../core/grouping.js';
import { type FieldCodes, readField } from './field-codes.js';
import { createPacer } from './pacer.js';
import type { Dictionaries } from './row-chunk.js';
import type { SelectedSpan, Selection } from './selection.js';

const MAX_VALUES = 20;

/** What people narrow a list down by. */
export const FACET_FIELDS = [
  'action',
  'state',
  'model',
  'requested',
  'served',
  'provider',
  'user',
  'team',
  'agent',
  'task',
  'session',
  'workflow',
  'env',
  'tenant',
  'scope',
  'policy',
  'code',
  'outcome',
] as const satisfies readonly ValueField[];

export async function countFacets(selection: Selection, dictionaries: Dictionaries): Promise<FacetsAnswer> {
  const pace = createPacer();
  const fields: Record<string, readonly FacetValue[]> = {};
  for (const field of FACET_FIELDS) {
    const codes = readField(field, dictionaries);
    const counts = new Map<number, number>();
    for (const span of selection.spans()) {
      countSpan(span, codes, counts);
      await pace();
    }
    fields[field] = listValues(counts, codes);
  }
  return { total: selection.count(Number.POSITIVE_INFINITY), fields };
}

function countSpan({ chunk, from, to, flags }: SelectedSpan, codes: FieldCodes, sums: Map<number, number>) {
  let counts = new Uint32Array(256);
  const column = codes.column === undefined ? undefined : chunk.codes[codes.column];
  for (let at = from; at < to; at++) {
    if (flags[at] !== 1) continue;
    const code = column === undefined ? codes.codeOf(chunk, at) : (column[at] ?? 0);
    if (code >= counts.length) counts = enlarge(counts, code);
    counts[code]! += 1;
  }
  for (let code = 0; code < counts.length; code++) {
    const count = counts[code] ?? 0;
    if (count > 0) sums.set(code, (sums.get(code) ?? 0) + count);
  }
}

function enlarge(counts: Uint32Array<ArrayBuffer>, code: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(2 * counts.length, code + 1));
  larger.set(counts);
  return larger;
}

function listValues(counts: ReadonlyMap<number, number>, { textOf }: FieldCodes): readonly FacetValue[] {
  const byText = new Map<string, number>();
  for (const [code, count] of counts) {
    const text = textOf(code);
    if (text !== '') byText.set(text, (byText.get(text) ?? 0) + count);
  }
  return [...byText]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, MAX_VALUES);
}
