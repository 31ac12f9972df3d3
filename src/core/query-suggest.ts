/** What could stand where somebody is writing a filter: fields first, then values that are really there. */
import { CALL_STATES, RECORD_ACTIONS } from './call-record.js';
import { NUMBER_FIELDS, QUERY_FIELDS, TIME_FIELDS } from './query-ast.js';
import { printTerm } from './query-printer.js';

/** Values of fields with how many calls have each, by field, most frequent first. */
export type FieldValues = Readonly<
  Record<string, readonly { readonly value: string; readonly count: number }[]>
>;

export interface Suggestion {
  /** What to put in place of `from` to `to`. */
  readonly text: string;
  /** Calls that have the value; `null` for a field or an example. */
  readonly count: number | null;
}

/** Suggestions for the word at a place of the text. Values come from rows: hostile. */
export interface Suggestions {
  readonly from: number;
  readonly to: number;
  readonly items: readonly Suggestion[];
}

const MAX_ITEMS = 12;
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(NUMBER_FIELDS.map((field) => [field, ['>0.01', '>0.1', '>1', 'unknown']])),
  ...Object.fromEntries(
    TIME_FIELDS.map((field) => [field, ['15m', '1h', '24h', '7d', '30d', 'today', 'yesterday']]),
  ),
  tokens: ['>1000', '>10000', '>100000', 'unknown'],
  action: RECORD_ACTIONS,
  state: CALL_STATES,
};

/** Suggests for the word that ends at or spans `cursor`, an offset in UTF-16 code units. */
export function suggestQuery(text: string, cursor: number, values: FieldValues): Suggestions {
  const from = findWordStart(text, cursor);
  const to = findWordEnd(text, cursor);
  const written = text.slice(from, cursor);
  const sign = /^[!-]/.exec(written)?.[0] ?? '';
  const word = written.slice(sign.length);
  const colon = word.indexOf(':');
  const items = colon < 0 ? suggestFields(word) : suggestValues(word, colon, values);
  return { from: from + sign.length, to, items: items.slice(0, MAX_ITEMS) };
}

function suggestFields(word: string): readonly Suggestion[] {
  const start = word.toLowerCase();
  return QUERY_FIELDS.filter((field) => field.startsWith(start)).map((field) => ({
    text: `${field}:`,
    count: null,
  }));
}

function suggestValues(word: string, colon: number, values: FieldValues): readonly Suggestion[] {
  const field = word.slice(0, colon).toLowerCase();
  const list = word.slice(colon + 1);
  // The values before the last comma stay as they are.
  const comma = list.lastIndexOf(',');
  const before = `${field}:${list.slice(0, comma + 1)}`;
  const start = list
    .slice(comma + 1)
    .replaceAll('"', '')
    .toLowerCase();
  const known = QUERY_FIELDS.find((one) => one === field);
  if (known === undefined) return [];
  const found = Object.hasOwn(values, field) ? (values[field] ?? []) : [];
  const real = found
    .filter(({ value }) => value.toLowerCase().includes(start))
    .map(({ value, count }) => ({ text: before + printValue(value), count }));
  const seen = new Set(real.map((item) => item.text));
  const examples = (Object.hasOwn(EXAMPLES, field) ? (EXAMPLES[field] ?? []) : [])
    .filter((example) => example.startsWith(start))
    .map((example) => ({ text: before + example, count: null }))
    .filter((item) => !seen.has(item.text));
  return [...real, ...examples];
}

function printValue(value: string): string {
  return printTerm('user', value).slice('user:'.length);
}

/** Where the word begins: behind the last space or parenthesis that is not between quotes. */
function findWordStart(text: string, cursor: number): number {
  let from = 0;
  let inQuotes = false;
  for (let at = 0; at < cursor; at++) {
    const character = text[at] ?? '';
    if (character === '\\' && inQuotes) at++;
    else if (character === '"') inQuotes = !inQuotes;
    else if (!inQuotes && /[\s()]/.test(character)) from = at + 1;
  }
  return from;
}

function findWordEnd(text: string, cursor: number): number {
  const rest = text.slice(cursor).search(/[\s()]/);
  return rest < 0 ? text.length : cursor + rest;
}
