/** How often each value stands in the selected calls, field by field. */
import type { FacetsAnswer, FacetValue } from '../core/dashboard.js';
import type { ValueField } from '../core/grouping.js';
import { type FieldCodes, readField } from './field-codes.js';
import { createPacer } from './pacer.js';
import type { Dictionaries, RowChunk } from './row-chunk.js';
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
  const counters = FACET_FIELDS.map((field) => createCounter(field, dictionaries));
  for (const span of selection.spans()) {
    const rows = listSelected(span);
    for (const counter of counters) counter.add(span.chunk, rows);
    await pace();
  }
  return {
    total: selection.count(Number.POSITIVE_INFINITY),
    fields: Object.fromEntries(counters.map((counter) => [counter.field, counter.list()])),
  };
}

function listSelected({ from, to, flags }: SelectedSpan): Uint16Array {
  const rows = new Uint16Array(to - from);
  let count = 0;
  for (let at = from; at < to; at++) if (flags[at] === 1) rows[count++] = at;
  return rows.subarray(0, count);
}

function createCounter(field: ValueField, dictionaries: Dictionaries) {
  const codes = readField(field, dictionaries);
  let counts = new Uint32Array(256);
  return {
    field,
    add(chunk: RowChunk, rows: Uint16Array): void {
      const column = codes.column === undefined ? undefined : chunk.codes[codes.column];
      for (const at of rows) {
        const code = column === undefined ? codes.codeOf(chunk, at) : (column[at] ?? 0);
        if (code >= counts.length) counts = enlarge(counts, code);
        counts[code]! += 1;
      }
    },
    list: () => listValues(counts, codes),
  };
}

function enlarge(counts: Uint32Array<ArrayBuffer>, code: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(2 * counts.length, code + 1));
  larger.set(counts);
  return larger;
}

function listValues(counts: Uint32Array, { textOf }: FieldCodes): readonly FacetValue[] {
  const byText = new Map<string, number>();
  for (const [code, count] of counts.entries()) {
    const text = count > 0 ? textOf(code) : '';
    if (text !== '') byText.set(text, (byText.get(text) ?? 0) + count);
  }
  return [...byText]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, MAX_VALUES);
}
