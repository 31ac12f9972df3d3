/** RFC 8785, the JSON Canonicalization Scheme: one text for one value, the bytes that are hashed. */
import type { Json, JsonObject } from './json.js';

const PLAIN_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Keys as they are printed. Bounded, because ledgers of others bring their own. */
const KEY_TEXTS = new Map<string, string>();
const MAX_KEY_TEXTS = 512;
const MAX_KEY_LENGTH = 64;

/**
 * The canonical text: keys sorted by UTF-16 code units at every level, no spaces, ECMAScript numbers.
 *
 * @throws TypeError for anything that is not JSON: `undefined`, NaN, a bigint, an instance of a class, a lone
 *   surrogate. `JSON.parse` yields only the last of these.
 */
export function canonicalize(value: Json): string {
  switch (typeof value) {
    case 'string':
      return printText(value);
    case 'number':
      return printNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? printArray(value) : printObject(value as JsonObject);
    default:
      throw new TypeError(`A ${typeof value} is not JSON`);
  }
}

function printText(text: string): string {
  // Most text needs no escape, and this test is several times faster than JSON.stringify.
  if (PLAIN_TEXT.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text)) throw new TypeError('A string with half a surrogate pair is not JSON');
  return JSON.stringify(text);
}

function printNumber(number: number): string {
  if (!Number.isFinite(number)) throw new TypeError(`${number} is not JSON`);
  return String(number);
}

function printArray(items: readonly Json[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ',';
    text += canonicalize(items[i] as Json);
  }
  return `${text}]`;
}

function printObject(object: JsonObject): string {
  if (!isPlain(object)) throw new TypeError('An instance of a class is not JSON');
  let text = '{';
  for (const key of Object.keys(object).sort()) {
    if (text.length > 1) text += ',';
    text += printKey(key);
    text += canonicalize(object[key] as Json);
  }
  return `${text}}`;
}

/** Rows have the same few keys over and over. */
function printKey(key: string): string {
  const known = KEY_TEXTS.get(key);
  if (known !== undefined) return known;
  const text = `${printText(key)}:`;
  if (KEY_TEXTS.size < MAX_KEY_TEXTS && key.length <= MAX_KEY_LENGTH) KEY_TEXTS.set(key, text);
  return text;
}

/** An object literal, of any realm: its prototype is none, or the root of all. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
