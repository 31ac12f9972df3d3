/** Reads the text of a filter (docs/filter-language.md). Untrusted: a problem names its place, nothing throws. */
import { CALL_STATES, RECORD_ACTIONS } from './call-record.js';
import { findNearest } from './nearest.js';
import {
  type NumberQueryField,
  type Pattern,
  QUERY_FIELDS,
  type Query,
  type QueryField,
  TEXT_FIELDS,
  type TextQueryField,
  TIME_FIELDS,
  type TimeQueryField,
} from './query-ast.js';
import { parseComparison, parseMoment } from './query-values.js';

/** Longest filter, in UTF-16 code units. */
export const MAX_QUERY_LENGTH = 2000;
const MAX_DEPTH = 32;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Other spellings of fields. */
const ALIASES: Readonly<Record<string, QueryField>> = {
  environment: 'env',
  after: 'since',
  before: 'until',
  reserved: 'bound',
};
/** Fields whose values are known beforehand. */
const CLOSED: Readonly<Partial<Record<TextQueryField, readonly string[]>>> = {
  action: RECORD_ACTIONS,
  state: CALL_STATES,
};

/** What is wrong with a filter, and where: an offset and a length in UTF-16 code units. */
export interface QueryProblem {
  readonly at: number;
  readonly length: number;
  /** One sentence; quotes the text: hostile. */
  readonly message: string;
  /** What to write instead, or `''`. */
  readonly hint: string;
}

export type QueryReading =
  | { readonly ok: true; readonly query: Query }
  | { readonly ok: false; readonly problem: QueryProblem };

/** Reads a filter. `nowMs`, milliseconds since 1970, is what `2h` and `today` are measured from. */
export function parseQuery(text: string, nowMs: number): QueryReading {
  try {
    if (text.length > MAX_QUERY_LENGTH) {
      const message = `A filter has at most ${MAX_QUERY_LENGTH} characters, this one ${text.length}.`;
      throw new Refused({ at: MAX_QUERY_LENGTH, length: text.length - MAX_QUERY_LENGTH, message, hint: '' });
    }
    const cursor: Cursor = { text, at: 0, depth: 0, nowMs };
    const query = readOr(cursor);
    if (cursor.at < text.length) throw refuse(cursor.at, 1, 'There is no "(" to this ")".', 'remove it');
    return { ok: true, query };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** Thrown and caught inside this file only, to leave a nested read at once. */
class Refused {
  readonly problem: QueryProblem;
  constructor(problem: QueryProblem) {
    this.problem = problem;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
  depth: number;
  readonly nowMs: number;
}

/** One value: as it was written, and the texts between its `*`. */
interface Value {
  readonly at: number;
  readonly raw: string;
  readonly pattern: Pattern;
  readonly isQuoted: boolean;
}

function readOr(cursor: Cursor): Query {
  const parts = [readAnd(cursor)];
  while (skipOperator(cursor, 'or')) {
    const next = readAnd(cursor);
    if (next.kind === 'all' || parts[0]?.kind === 'all')
      throw refuse(
        cursor.at,
        0,
        '"or" needs something on both sides.',
        'quote it to look for the word: "or"',
      );
    parts.push(next);
  }
  return combine('or', parts);
}

function readAnd(cursor: Cursor): Query {
  const parts: Query[] = [];
  for (;;) {
    skipSpace(cursor);
    if (parts.length > 0 && skipOperator(cursor, 'and')) continue;
    if (cursor.at >= cursor.text.length || cursor.text[cursor.at] === ')' || peekOperator(cursor, 'or'))
      break;
    parts.push(readTerm(cursor));
  }
  return combine('and', parts);
}

/** Nested lists of one kind are one list. */
function combine(kind: 'and' | 'or', parts: readonly Query[]): Query {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : part.kind === 'all' ? [] : [part]));
  const [only] = flat;
  if (only === undefined) return { kind: 'all' };
  return flat.length === 1 ? only : { kind, parts: flat };
}

function readTerm(cursor: Cursor): Query {
  const sign = cursor.text[cursor.at];
  if (sign === '!' || sign === '-') {
    const at = cursor.at++;
    const next = cursor.text[cursor.at];
    if (next === undefined || /[\s)]/.test(next))
      throw refuse(
        at,
        1,
        `"${sign}" excludes what follows it, and nothing does.`,
        `such as ${sign}user:alice`,
      );
    return nest(cursor, at, () => {
      const part = readTerm(cursor);
      if (part.kind === 'all') throw refuse(at, cursor.at - at, 'There is nothing to exclude.', '');
      return part.kind === 'not' ? part.part : { kind: 'not', part };
    });
  }
  return sign === '(' ? readGroup(cursor) : readFieldOrWord(cursor);
}

function readGroup(cursor: Cursor): Query {
  const at = cursor.at++;
  return nest(cursor, at, () => {
    const query = readOr(cursor);
    skipSpace(cursor);
    if (cursor.text[cursor.at] !== ')') throw refuse(at, 1, 'This "(" is never closed.', 'add ")"');
    cursor.at++;
    if (query.kind === 'all') throw refuse(at, cursor.at - at, 'There is nothing in the parentheses.', '');
    return query;
  });
}

function nest(cursor: Cursor, at: number, read: () => Query): Query {
  if (++cursor.depth > MAX_DEPTH) throw refuse(at, 1, `Nested deeper than ${MAX_DEPTH}.`, '');
  const query = read();
  cursor.depth--;
  return query;
}

function readFieldOrWord(cursor: Cursor): Query {
  const { text, at } = cursor;
  const name = /^[a-zA-Z]{1,40}(?=:)/.exec(text.slice(at, at + 41))?.[0];
  if (name === undefined) {
    const { pattern, raw, isQuoted } = readValue(cursor, false);
    if (!isQuoted && UUID.test(raw))
      return { kind: 'text', field: 'id', patterns: [[raw.toLowerCase(), '']] };
    // Between quotes a `*` is itself; a bare word needs none, since it is looked for anywhere.
    const words = pattern.filter((part) => part !== '');
    return combine(
      'and',
      words.map((word) => ({ kind: 'word', text: word.toLowerCase() })),
    );
  }
  const field = findField(name, at);
  cursor.at += name.length + 1;
  return readValues(cursor, field, at);
}

function findField(name: string, at: number): QueryField {
  const word = name.toLowerCase();
  const field =
    QUERY_FIELDS.find((known) => known === word) ??
    (Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined);
  if (field) return field;
  const [near] = findNearest(word, QUERY_FIELDS);
  throw refuse(
    at,
    name.length,
    `There is no field "${name}".`,
    near === undefined ? `fields are ${QUERY_FIELDS.join(' ')}` : `did you mean ${near}:?`,
  );
}

function readValues(cursor: Cursor, field: QueryField, startAt: number): Query {
  const values = [readValue(cursor, true)];
  while (cursor.text[cursor.at] === ',') {
    cursor.at++;
    values.push(readValue(cursor, true));
  }
  for (const { raw, at } of values)
    if (raw === '')
      throw refuse(
        startAt,
        Math.max(1, at - startAt),
        `"${field}:" needs a value.`,
        isTextField(field) ? `${field}:"" finds calls without one` : exampleOf(field),
      );
  if (isTextField(field))
    return { kind: 'text', field, patterns: values.map((value) => checkText(field, value)) };
  const [value, second] = values;
  if (second) throw refuse(second.at, second.raw.length, `"${field}:" takes one value.`, exampleOf(field));
  return isTimeField(field) ? readTime(cursor, field, value!) : readNumber(field, value!);
}

function checkText(field: TextQueryField, { raw, at, pattern, isQuoted }: Value): Pattern {
  const closed = CLOSED[field];
  const [word = ''] = pattern;
  if (closed && pattern.length === 1) {
    const lower = word.toLowerCase();
    if (closed.includes(lower)) return [lower];
    const [near] = findNearest(lower, closed);
    const hint = near === undefined ? `it is one of ${closed.join(', ')}` : `did you mean ${field}:${near}?`;
    throw refuse(at, raw.length, `No call has the ${field} ${JSON.stringify(word)}.`, hint);
  }
  // People have the beginning of an id at hand, as lists show it.
  return field === 'id' && pattern.length === 1 && !isQuoted ? [word.toLowerCase(), ''] : pattern;
}

function readNumber(field: NumberQueryField, { raw, at, pattern }: Value): Query {
  const text = pattern.join('*');
  if (text.toLowerCase() === 'unknown') return { kind: 'unknown', field };
  const comparison = parseComparison(field, text);
  if (!comparison)
    throw refuse(
      at,
      raw.length,
      `"${field}:" compares with a ${field === 'tokens' ? 'count' : 'decimal of US dollars'}.`,
      exampleOf(field),
    );
  return { kind: 'number', field, ...comparison };
}

function readTime(cursor: Cursor, field: TimeQueryField, { raw, at, pattern }: Value): Query {
  const text = pattern.join('*');
  const atMs = parseMoment(field, text, cursor.nowMs);
  if (atMs === undefined || !Number.isFinite(atMs))
    throw refuse(at, raw.length, `"${field}:" takes a moment.`, exampleOf(field));
  return { kind: 'time', field, atMs, text };
}

function exampleOf(field: QueryField): string {
  if (field === 'tokens') return 'such as tokens:>=1000';
  return isTimeField(field) ? `such as ${field}:2h or ${field}:2026-10-01` : `such as ${field}:>0.05`;
}

/** A value up to a space, a parenthesis or (in a list) a comma; parts of it may be quoted. */
function readValue(cursor: Cursor, isList: boolean): Value {
  const { text } = cursor;
  const at = cursor.at;
  const pattern = [''];
  let isQuoted = false;
  const append = (piece: string): void => {
    pattern[pattern.length - 1] += piece;
  };
  for (; cursor.at < text.length; ) {
    const character = text[cursor.at] ?? '';
    if (/[\s()]/.test(character) || (isList && character === ',')) break;
    if (character === '"') {
      isQuoted = true;
      append(readQuoted(cursor));
      continue;
    }
    cursor.at++;
    if (character === '*') pattern.push('');
    else append(character);
  }
  return { at, raw: text.slice(at, cursor.at), pattern, isQuoted };
}

function readQuoted(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at++;
  let value = '';
  for (; cursor.at < text.length; cursor.at++) {
    const character = text[cursor.at] ?? '';
    if (character === '"') {
      cursor.at++;
      return value;
    }
    if (character === '\\' && cursor.at + 1 < text.length) cursor.at++;
    value += text[cursor.at] ?? '';
  }
  throw refuse(start, text.length - start, 'This quote is never closed.', 'add "');
}

function skipSpace(cursor: Cursor): void {
  while (/\s/.test(cursor.text[cursor.at] ?? '')) cursor.at++;
}

function peekOperator({ text, at }: Cursor, word: 'or' | 'and'): boolean {
  const end = at + word.length;
  return text.slice(at, end).toLowerCase() === word && /^[\s()]?$/.test(text[end] ?? '');
}

function skipOperator(cursor: Cursor, word: 'or' | 'and'): boolean {
  skipSpace(cursor);
  if (!peekOperator(cursor, word)) return false;
  cursor.at += word.length;
  return true;
}

function isTextField(field: QueryField): field is TextQueryField {
  return Object.hasOwn(TEXT_FIELDS, field);
}

function isTimeField(field: QueryField): field is TimeQueryField {
  return (TIME_FIELDS as readonly string[]).includes(field);
}

function refuse(at: number, length: number, message: string, hint: string): Refused {
  return new Refused({ at, length, message, hint });
}
