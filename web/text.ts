/** Texts of rows as they may be shown: what would hide or reorder other text is written out. */

// Controls, line and paragraph separators, zero-width and bidi formatting, the byte order mark, tags, lone surrogates.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Surrogate}]/gu;

/** The text with every invisible or reordering character written as its escape, cut after `max` characters. */
export function showText(text: string, max = 400): string {
  const visible = text.replace(HIDDEN, escapeCharacter);
  return visible.length > max ? `${visible.slice(0, max)}…` : visible;
}

function escapeCharacter(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

/** `12,345`. */
export function showCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 row`, `2 rows`, `12,345 rows`. */
export function countOf(count: number, noun: string): string {
  return `${showCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `512 B`, `1.4 MB`. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** First and last digits of a long hex text. */
export function shortHex(hex: string): string {
  return hex.length > 20 ? `${hex.slice(0, 10)}…${hex.slice(-6)}` : hex;
}
