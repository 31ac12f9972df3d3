/** Bytes and their text forms, on every platform: strict lowercase hex and strict UTF-8. */

// The two text coders are part of every runtime but of no ECMAScript library, so they are declared here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
// `ignoreBOM` keeps a byte order mark as a character, so that no reader silently skips bytes that were hashed.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const HEX_PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const HEX = /^(?:[0-9a-f]{2})*$/;

/** Lowercase hex of the bytes. Inverse of `decodeHex`. */
export function encodeHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX_PAIRS[byte];
  return text;
}

/** The bytes of lowercase hex. `undefined` for an odd length, an uppercase digit or anything else. */
export function decodeHex(text: string): Uint8Array | undefined {
  if (!HEX.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = digitValue(text.charCodeAt(2 * i)) * 16 + digitValue(text.charCodeAt(2 * i + 1));
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

function digitValue(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
