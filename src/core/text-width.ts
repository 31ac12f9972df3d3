/** How many columns a text takes in a terminal, and texts of an exact width. For text that holds no controls. */

/** East Asian wide and full-width characters, and emoji: two columns. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;
const NO_WIDTH = /^\p{M}$/u;
const ASCII = /^[\x20-\x7e]*$/;

/** Columns of a text. */
export function measureWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** The text in exactly `width` columns: padded, or cut with `…`. */
export function fitText(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const shown = measureWidth(text) <= width ? text : cut(text, width);
  const padding = ' '.repeat(Math.max(0, width - measureWidth(shown)));
  return side === 'left' ? shown + padding : padding + shown;
}

function cut(text: string, width: number): string {
  let [shown, used] = ['', 0];
  for (const character of text) {
    used += widthOf(character);
    if (used > width - 1) break;
    shown += character;
  }
  return width < 1 ? '' : `${shown}…`;
}

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  return NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}
