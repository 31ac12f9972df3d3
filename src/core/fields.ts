/**
 * Reads the fields of untrusted JSON objects and collects everything wrong with them at once, each with its
 * path. One problem per path: the first one found explains it.
 */
import { isObject, type Json, type JsonObject } from './json.js';
import { parseUsd } from './money.js';
import { findNearest } from './nearest.js';

/** Longest name, id or label, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 256;
const MAX_SHOWN_LENGTH = 60;
const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** One thing wrong with data: where (`caps[1].window`) and what, with the nearest valid spelling if any. */
export interface FieldProblem {
  readonly path: string;
  /** Reads on from the path: `caps[1].window` "is missing". May quote untrusted text as a JSON string. */
  readonly message: string;
}

/** Problems by path. */
export type ProblemMap = Map<string, string>;

/** One object being read, where it stands (empty: at the root), and where its problems go. */
export interface Fields {
  readonly data: JsonObject;
  readonly path: string;
  readonly problems: ProblemMap;
}

/** The problems in the order they were found. */
export function listProblems(problems: ProblemMap): readonly FieldProblem[] {
  return Array.from(problems, ([path, message]) => ({ path, message }));
}

/** Path of a key or index below `parent`: `caps`, `caps[1]`, `caps[1].window`, `caps[1]["odd key"]`. */
export function joinPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!/^[A-Za-z_$][\w$]{0,59}$/.test(key)) return `${parent}[${quote(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** Notes a problem, unless the path has one already. */
export function noteProblem(problems: ProblemMap, path: string, message: string): void {
  if (!problems.has(path)) problems.set(path, message);
}

/** Notes each of `keys` that is absent. */
export function requireKeys(fields: Fields, keys: readonly string[]): void {
  for (const key of keys) {
    if (fields.data[key] === undefined)
      noteProblem(fields.problems, joinPath(fields.path, key), 'is missing');
  }
}

/** Notes each key that is not in `known`, with the sentence `explain` has for it or the nearest known key. */
export function refuseUnknownKeys(
  fields: Fields,
  known: readonly string[],
  explain: (key: string) => string | undefined = () => undefined,
): void {
  for (const key of Object.keys(fields.data)) {
    if (known.includes(key)) continue;
    const message = explain(key) ?? `is not a known key${suggest(key, known)}`;
    noteProblem(fields.problems, joinPath(fields.path, key), message);
  }
}

/** An object below this one. `undefined` when absent, or when it is none: then that is noted. */
export function readObject(fields: Fields, key: string): Fields | undefined {
  const value = fields.data[key];
  return value === undefined ? undefined : asFields(value, joinPath(fields.path, key), fields.problems);
}

/** `value` as an object to read fields of; anything else is noted. */
export function asFields(value: Json, path: string, problems: ProblemMap): Fields | undefined {
  if (isObject(value)) return { data: value, path, problems };
  noteProblem(problems, path, `must be an object, found ${describe(value)}`);
  return undefined;
}

/** A name: text of 1 to `maxLength` code units without control characters, not only spaces. */
export function readName(fields: Fields, key: string, maxLength = MAX_NAME_LENGTH): string | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  const fault =
    typeof value === 'string' ? findNameFault(value, maxLength) : `must be text, found ${describe(value)}`;
  if (fault !== undefined) noteProblem(fields.problems, joinPath(fields.path, key), fault);
  return typeof value === 'string' && fault === undefined ? value : undefined;
}

/** What keeps `text` from being a name of at most `maxLength` code units, or `undefined`. */
export function findNameFault(text: string, maxLength: number = MAX_NAME_LENGTH): string | undefined {
  if (text.trim() === '') return 'must not be empty';
  if (text.length > maxLength) return `must not be longer than ${maxLength} characters, has ${text.length}`;
  if (/\p{Cc}/u.test(text)) return `must not contain control characters, found ${quote(text)}`;
  return undefined;
}

/** One of the words in `allowed`. `explain` may have a better sentence for some others. */
export function readOneOf<T extends string>(
  fields: Fields,
  key: string,
  allowed: readonly T[],
  explain: (word: string) => string | undefined = () => undefined,
): T | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  const special = typeof value === 'string' ? explain(value) : undefined;
  const near = typeof value === 'string' ? suggest(value, allowed) : '';
  const message = special ?? `must be one of ${allowed.join(', ')}, found ${describe(value)}${near}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

/** A decimal of at least 0, as a number or text. `parse` gives `undefined` for what it cannot hold exactly. */
export function readDecimal(
  fields: Fields,
  key: string,
  parse: (text: string) => bigint | undefined,
  tooFine: string,
): bigint | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  const parsed = typeof value === 'number' || typeof value === 'string' ? parse(String(value)) : undefined;
  if (parsed !== undefined && parsed >= 0n) return parsed;
  noteProblem(fields.problems, joinPath(fields.path, key), explainDecimal(value, parsed, tooFine));
  return undefined;
}

/** A value for a sentence: `null`, `an array`, `the number 5`, `"per_dya"`. */
export function describe(value: Json): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return `the number ${value}`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Untrusted text as a JSON string, cut to 60 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
}

function explainDecimal(value: Json, parsed: bigint | undefined, tooFine: string): string {
  const found = `found ${describe(value)}`;
  if (typeof value !== 'number' && typeof value !== 'string')
    return `must be a number or decimal text, ${found}`;
  if (!DECIMAL.test(String(value))) return `must be a decimal such as "12.5", ${found}`;
  if (parsed !== undefined) return `must not be negative, ${found}`;
  return parseUsd(String(value), 'up') === undefined
    ? `is too large or too long to hold exactly, ${found}`
    : `${tooFine}, ${found}`;
}

function suggest(word: string, candidates: readonly string[]): string {
  const [nearest] = findNearest(word, candidates);
  return nearest === undefined ? '' : `; did you mean ${quote(nearest)}?`;
}
