/** Standard base64 with padding (RFC 4648 §4), strict: one text for the same bytes and no other. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 of the bytes. Inverse of `decodeBase64`. */
export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const known = bytes.length - at;
    parts.push(digit(a >> 2), digit(((a & 3) << 4) | (b >> 4)));
    parts.push(known > 1 ? digit(((b & 15) << 2) | (c >> 6)) : '=', known > 2 ? digit(c & 63) : '=');
  }
  return parts.join('');
}

/** The bytes of a base64 text; `undefined` for any other text, and for spare bits that are not zero. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined;
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const each of digits) {
    bits = ((bits << 6) | ALPHABET.indexOf(each)) & 0xfff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = (bits >> held) & 0xff;
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}

function digit(value: number): string {
  return ALPHABET.charAt(value);
}
