/** Keys as people paste them: 64 hex digits in any case and spacing, or the verifier key of a log. */
import { encodeHex, isHex } from '../../src/core/bytes.js';
import { parseNoteKey } from '../../src/core/signed-note.js';

export interface TypedKeys {
  /** Full keys, 64 lowercase hex digits. */
  readonly keys: readonly string[];
  /** What cannot be used, in one sentence; `''` when all is well. */
  readonly fault: string;
}

/** The keys in a text, one to a line or with commas between them. */
export function readKeys(text: string): TypedKeys {
  const words = text
    .split(/[\n,;]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const keys = words.map(readKey);
  const bad = words.find((_, index) => keys[index] === undefined);
  return {
    keys: keys.filter((key) => key !== undefined),
    fault: bad === undefined ? '' : explain(bad),
  };
}

function readKey(word: string): string | undefined {
  const note = parseNoteKey(word);
  if (note) return encodeHex(note.publicKey);
  const hex = word.replace(/[\s:]/g, '').toLowerCase();
  return isHex(hex, 32) ? hex : undefined;
}

function explain(word: string): string {
  const digits = word.replace(/[\s:]/g, '');
  if (/^[0-9a-f]{16}$/i.test(digits))
    return 'These 16 digits are a fingerprint, which is only a label: the full key has 64.';
  if (/^[0-9a-f]+$/i.test(digits)) return `A key has 64 hex digits; these are ${digits.length}.`;
  return 'A key is 64 digits, each 0 to 9 or a to f.';
}
