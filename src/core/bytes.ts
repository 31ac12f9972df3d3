/** Bytes and their text forms, on every platform: strict lowercase hex and strict UTF-8. */

// The two text coders are part of every runtime but of no ECMAScript library, so they are declared here.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array): { readonly written: number };
};
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
// `ignoreBOM` keeps a byte order mark as a character, so that no reader silently skips bytes that were hashed.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const DIGITS = '0123456789abcdef';
/** A code unit takes at most three bytes: room for rows of the usual length, about 2,500. */
const LENT_BYTES = 24_576;
const lent = new Uint8Array(LENT_BYTES);

/** The digits of a hash, a key or a signature. */
const hashDigits = new Uint8Array(128);
const HEX = /^(?:[0-9a-f]{2})*$/;

/** Lowercase hex of the bytes. Inverse of `decodeHex`. */
export function encodeHex(bytes: Uint8Array): string {
  // From the digits in one go: a string grown digit by digit is a tree with a node for each.
  const size = 2 * bytes.length;
  const digits = size <= hashDigits.length ? hashDigits : new Uint8Array(size);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    digits[2 * i] = DIGITS.charCodeAt(byte >> 4);
    digits[2 * i + 1] = DIGITS.charCodeAt(byte & 15);
  }
  return decoder.decode(digits.subarray(0, size));
}

/** The bytes of lowercase hex. `undefined` for an odd length, an uppercase digit or anything else. */
export function decodeHex(text: string): Uint8Array | undefined {
  if (text.length % 2 === 1) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = digitValue(text.charCodeAt(2 * i));
    const low = digitValue(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/** Whether the text is exactly `sizeBytes` bytes of lowercase hex. */
export function isHex(text: string, sizeBytes: number): boolean {
  return text.length === 2 * sizeBytes && HEX.test(text);
}

/** UTF-8 of the text. The caller makes sure that it has no lone surrogates: they would become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * UTF-8 of the text in memory that the next call overwrites: for bytes that are looked at once and at once, such as those
 * to be hashed. `encodeUtf8` takes ten times as long for a row, most of it to make the array.
 */
export function lendUtf8(text: string): Uint8Array {
  if (3 * text.length > LENT_BYTES) return encodeUtf8(text);
  return lent.subarray(0, encoder.encodeInto(text, lent).written);
}

/** The text of the bytes, a byte order mark kept, or `undefined` when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether both hold the same bytes. Not constant in time: for public data only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The arrays one after the other, as a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** -1 for what is no lowercase hex digit. */
function digitValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
