/**
 * Reads one line of a ledger, strictly: whatever two readers of JSON could understand differently is refused before
 * anything is hashed (docs/receipt-format.md, strict reading). `JSON.parse` cannot do this: it keeps the last of two
 * equal keys, rounds numbers and passes half surrogate pairs.
 */
import { decodeUtf8 } from './bytes.js';
import { readExactNumber } from './exact-number.js';
import type { Json } from './json.js';
import { quote, type Reading, refusal } from './reading.js';
import type { ProblemCode } from './report.js';

/** Longest line that is read. */
export const MAX_LINE_BYTES = 1_048_576;
/** Deepest nesting of objects and arrays that is read, the row itself being level 1. */
export const MAX_DEPTH = 64;

/** The JSON value of one line without its line feed. Never throws on bytes; linear in their number. */
export function readJsonLine(line: Uint8Array): Reading<Json> {
  if (line.length > MAX_LINE_BYTES) {
    return refusal('LINE_TOO_LONG', `The line has ${line.length} bytes; at most ${MAX_LINE_BYTES} are read.`);
  }
  const text = decodeUtf8(line);
  if (text === undefined) return refusal('NOT_UTF8', 'The line is not UTF-8 text.');
  try {
    return { ok: true, value: readDocument({ text, at: 0, depth: 0 }) };
  } catch (error) {
    if (error instanceof Refused) return refusal(error.code, error.message);
    throw error;
  }
}

/** Thrown and caught inside this file only, to leave a nested read at once. */
class Refused {
  readonly code: ProblemCode;
  readonly message: string;
  constructor(code: ProblemCode, message: string) {
    this.code = code;
    this.message = message;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
  depth: number;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Up to 15 digits, every integer is exact: the common case, decided without printing the number again.
const SHORT_INTEGER = /^-?[0-9]{1,15}$/;
const HEX4 = /^[0-9a-fA-F]{4}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const ESCAPES: { readonly [letter: string]: string } = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function readDocument(cursor: Cursor): Json {
  const value = readValue(cursor);
  skipSpace(cursor);
  if (cursor.at < cursor.text.length) throw unexpected(cursor, 'the end of the line');
  return value;
}

function readValue(cursor: Cursor): Json {
  skipSpace(cursor);
  switch (cursor.text.charCodeAt(cursor.at)) {
    case OPEN_BRACE:
      return readObject(cursor);
    case OPEN_BRACKET:
      return readArray(cursor);
    case QUOTE:
      return readString(cursor);
    case 0x74:
      return readWord(cursor, 'true', true);
    case 0x66:
      return readWord(cursor, 'false', false);
    case 0x6e:
      return readWord(cursor, 'null', null);
    default:
      return readNumber(cursor);
  }
}

function readObject(cursor: Cursor): Json {
  enter(cursor);
  const object: Record<string, Json> = {};
  if (!skipEmpty(cursor, CLOSE_BRACE)) {
    do {
      skipSpace(cursor);
      const key = readString(cursor);
      if (Object.hasOwn(object, key)) {
        throw new Refused('DUPLICATE_KEY', `The key ${quote(key)} stands twice in one object.`);
      }
      expect(cursor, COLON, '":"');
      setOwn(object, key, readValue(cursor));
    } while (nextItem(cursor, CLOSE_BRACE));
  }
  cursor.depth--;
  return object;
}

function readArray(cursor: Cursor): Json {
  enter(cursor);
  const items: Json[] = [];
  if (!skipEmpty(cursor, CLOSE_BRACKET)) {
    do items.push(readValue(cursor));
    while (nextItem(cursor, CLOSE_BRACKET));
  }
  cursor.depth--;
  return items;
}

function readString(cursor: Cursor): string {
  const { text } = cursor;
  if (text.charCodeAt(cursor.at) !== QUOTE) throw unexpected(cursor, 'a string');
  const start = cursor.at + 1;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      cursor.at = at + 1;
      return text.slice(start, at);
    }
    if (code === BACKSLASH || code < 0x20) return readEscapedString(cursor, start, at);
  }
  cursor.at = text.length;
  throw unexpected(cursor, 'the end of a string');
}

function readEscapedString(cursor: Cursor, start: number, firstEscape: number): string {
  const { text } = cursor;
  const parts = [text.slice(start, firstEscape)];
  cursor.at = firstEscape;
  for (let from = firstEscape; cursor.at < text.length; ) {
    const code = text.charCodeAt(cursor.at);
    if (code === QUOTE) {
      parts.push(text.slice(from, cursor.at++));
      return wellFormed(parts.join(''));
    }
    if (code < 0x20) throw unexpected(cursor, 'an escaped control character');
    if (code === BACKSLASH) {
      parts.push(text.slice(from, cursor.at), readEscape(cursor));
      from = cursor.at;
    } else cursor.at++;
  }
  throw unexpected(cursor, 'the end of a string');
}

function readEscape(cursor: Cursor): string {
  const letter = cursor.text.charAt(cursor.at + 1);
  if (letter === 'u') {
    const digits = cursor.text.slice(cursor.at + 2, cursor.at + 6);
    if (!HEX4.test(digits)) throw unexpected(cursor, 'four hex digits after "\\u"');
    cursor.at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const character = ESCAPES[letter];
  if (character === undefined) throw unexpected(cursor, 'an escape that JSON knows');
  cursor.at += 2;
  return character;
}

function wellFormed(text: string): string {
  if (LONE_SURROGATE.test(text)) {
    throw new Refused('LONE_SURROGATE', 'A string holds half a surrogate pair, which has no UTF-8 form.');
  }
  return text;
}

function readNumber(cursor: Cursor): number {
  NUMBER.lastIndex = cursor.at;
  const literal = NUMBER.exec(cursor.text)?.[0];
  if (literal === undefined) throw unexpected(cursor, 'a value');
  cursor.at += literal.length;
  if (SHORT_INTEGER.test(literal)) return Number(literal);
  const exact = readExactNumber(literal);
  if (exact !== undefined) return exact;
  throw new Refused('UNSAFE_NUMBER', `Readers may disagree about the number ${quote(literal)}.`);
}

function readWord<T extends boolean | null>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw unexpected(cursor, 'a value');
  cursor.at += word.length;
  return value;
}

function enter(cursor: Cursor): void {
  if (++cursor.depth > MAX_DEPTH) {
    throw new Refused('TOO_DEEP', `Objects and arrays are nested deeper than ${MAX_DEPTH} levels.`);
  }
  cursor.at++;
}

function skipEmpty(cursor: Cursor, close: number): boolean {
  skipSpace(cursor);
  if (cursor.text.charCodeAt(cursor.at) !== close) return false;
  cursor.at++;
  return true;
}

/** Whether another item follows; if not, the closing character was passed. */
function nextItem(cursor: Cursor, close: number): boolean {
  skipSpace(cursor);
  const code = cursor.text.charCodeAt(cursor.at);
  if (code !== COMMA && code !== close) {
    throw unexpected(cursor, close === CLOSE_BRACE ? '"," or "}"' : '"," or "]"');
  }
  cursor.at++;
  return code === COMMA;
}

function expect(cursor: Cursor, code: number, name: string): void {
  skipSpace(cursor);
  if (cursor.text.charCodeAt(cursor.at) !== code) throw unexpected(cursor, name);
  cursor.at++;
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at);
    if (code !== 0x20 && code !== 0x0d && code !== 0x09 && code !== 0x0a) return;
    cursor.at++;
  }
}

/** Makes every key an own property, `__proto__` too, which a plain assignment would take as the prototype. */
function setOwn(object: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}

function unexpected(cursor: Cursor, wanted: string): Refused {
  const found = cursor.at < cursor.text.length ? quote(cursor.text.charAt(cursor.at)) : 'the end of the line';
  return new Refused(
    'NOT_JSON',
    `Not JSON: ${wanted} was expected at character ${cursor.at + 1}, found ${found}.`,
  );
}
