/**
 * Recognises canonical JSON (RFC 8785) of the plainest kind as it stands in bytes: printable ASCII without escapes, integers
 * of at most 15 digits, keys in strict order. What this accepts, every strict reader reads, in one way only, and printing
 * it again gives the same bytes; so rows need not be printed again to be hashed. Anything else is left to `row-reader.ts`.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** All of them are exact, and ECMAScript prints them without an exponent. */
const MAX_DIGITS = 15;

/** Hears of a member of an object: where its key stands, without quotes, and where its value does. */
export type MemberListener = (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void;

/**
 * Where the object that begins at `at` ends; -1 when it is not of that kind or nested deeper than `levels`. Never throws,
 * linear in the number of bytes.
 *
 * @param tell hears of its own members, not of those inside them
 */
export function skipCanonicalObject(
  bytes: Uint8Array,
  at: number,
  levels: number,
  tell?: MemberListener,
): number {
  if (levels === 0 || bytes[at] !== OPEN_BRACE) return -1;
  if (bytes[at + 1] === CLOSE_BRACE) return at + 2;
  let keyStart = 0;
  let keyEnd = 0;
  for (let next = at + 1; ; next++) {
    const start = next + 1;
    const end = skipText(bytes, next);
    if (end < 0 || bytes[end] !== COLON) return -1;
    if (keyStart > 0 && !isBefore(bytes, keyStart, keyEnd, start)) return -1;
    keyStart = start;
    keyEnd = end - 1;
    next = skipValue(bytes, end + 1, levels);
    if (next < 0) return -1;
    tell?.(keyStart, keyEnd, end + 1, next);
    if (bytes[next] === CLOSE_BRACE) return next + 1;
    if (bytes[next] !== COMMA) return -1;
  }
}

function skipArray(bytes: Uint8Array, at: number, levels: number): number {
  if (levels === 0) return -1;
  if (bytes[at + 1] === CLOSE_BRACKET) return at + 2;
  for (let next = at + 1; ; next++) {
    next = skipValue(bytes, next, levels);
    if (next < 0) return -1;
    if (bytes[next] === CLOSE_BRACKET) return next + 1;
    if (bytes[next] !== COMMA) return -1;
  }
}

function skipValue(bytes: Uint8Array, at: number, levels: number): number {
  switch (bytes[at]) {
    case QUOTE:
      return skipText(bytes, at);
    case OPEN_BRACE:
      return skipCanonicalObject(bytes, at, levels - 1);
    case OPEN_BRACKET:
      return skipArray(bytes, at, levels - 1);
    case 0x74:
      return skipWord(bytes, at, 'true');
    case 0x66:
      return skipWord(bytes, at, 'false');
    case 0x6e:
      return skipWord(bytes, at, 'null');
    default:
      return skipInteger(bytes, at);
  }
}

function skipText(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  for (let next = at + 1; next < bytes.length; next++) {
    const code = bytes[next] as number;
    if (code === QUOTE) return next + 1;
    if (code < 0x20 || code > 0x7e || code === BACKSLASH) return -1;
  }
  return -1;
}

/** Where the digits from `at` on end; -1 for none, too many, `-0` and what begins with a needless zero. */
export function skipInteger(bytes: Uint8Array, at: number): number {
  const start = bytes[at] === MINUS ? at + 1 : at;
  let next = start;
  while (isDigit(bytes[next])) next++;
  const digits = next - start;
  if (digits === 0 || digits > MAX_DIGITS) return -1;
  return bytes[start] === ZERO && (digits > 1 || start > at) ? -1 : next;
}

/** Whether a text stands there, byte for byte. The text is ASCII. */
export function standsAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function skipWord(bytes: Uint8Array, at: number, word: string): number {
  return standsAt(bytes, at, word) ? at + word.length : -1;
}

/** Whether the key from `start` to `end` sorts before the one from `other` to the next quote. Never for the same key. */
function isBefore(bytes: Uint8Array, start: number, end: number, other: number): boolean {
  for (let i = 0; start + i < end; i++) {
    const [mine, theirs] = [bytes[start + i] as number, bytes[other + i] as number];
    // A quote ends the other key, which is then a part of this one.
    if (mine !== theirs) return mine < theirs && theirs !== QUOTE;
  }
  return bytes[other + end - start] !== QUOTE;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= ZERO && code <= NINE;
}
