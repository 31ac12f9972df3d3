import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bold, createPrinter, escapeText, paint, printJson, shorten } from '../../src/cli/print.js';
import { findControls } from './run-cli.js';

/** Text with everything that terminals and readers stumble over in it, often. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007',
        '\u001b]52;c;ZXZpbA==\u0007',
        '\u009b31m',
        '\u202everified\u202c',
        '\u2066\u2069',
        '\u200b\u200d\ufeff',
        '\r\nVerified: authentic.\n',
        '\u2028\u2029\u0085',
        '\u{e0041}\u{e007f}',
        '\ud800',
        '\u00a0\u3000',
      ),
    ),
  )
  .map((parts) => parts.join(''));

function printTo(isTerminal: boolean, wantsColor = true, columns = 80) {
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text), isTerminal, columns };
  return { print: createPrinter(output, wantsColor), text: () => written.join('') };
}

describe('text is escaped at the sink', () => {
  it.each([
    ['a CSI sequence', '\u001b[31mred', '\\u{1b}[31mred'],
    ['an 8-bit CSI', '\u009b31m', '\\u{9b}31m'],
    ['a link', '\u001b]8;;http://x\u0007y', '\\u{1b}]8;;http://x\\u{7}y'],
    ['a line feed', 'a\nVerified', 'a\\u{a}Verified'],
    ['a carriage return', 'a\rVerified', 'a\\u{d}Verified'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a bidi override', '\u202edeifirev', '\\u{202e}deifirev'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
    ['a tag character', '\u{e0041}', '\\u{e0041}'],
    ['half a surrogate pair', '\ud800x', '\\u{d800}x'],
    ['a space that is none', 'a\u00a0b', 'a\\u{a0}b'],
    ['a pile of marks', `a${'\u0301'.repeat(30)}`, `a${'\u0301'.repeat(4)}`],
  ])('%s', (_what, text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it('and readable text of any language stays as it is', () => {
    for (const text of ['naïve café', '你好，世界', 'שלום', 'привет', '🙂 ok', "it's \\ fine"])
      expect(escapeText(text)).toBe(text);
  });

  it('whatever it holds, a line stays one line without controls when no terminal reads it', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { print, text: written } = printTo(false);
        print.line(['  ', bold(text), text]);
        expect(findControls(written())).toEqual([]);
        expect(written().split('\n')).toHaveLength(2);
      }),
    );
  });

  it('on a terminal only our own colours and line breaks come through', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 300 }), (text, columns) => {
        const { print, text: written } = printTo(true, true, columns);
        print.line([paint('red', text), ' ', text], 4);
        print.entry(text, 10, text);
        expect(findControls(written())).toEqual([]);
      }),
    );
  });

  it('JSON holds no controls and reads back as the same value', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = printJson({ [text]: [text] });
        expect(findControls(json)).toEqual([]);
        expect(JSON.parse(json)).toEqual({ [text]: [text] });
      }),
    );
  });
});

describe('lines', () => {
  it('are broken at the width of a terminal, indented, and lose no word', () => {
    const words = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ');
    const { print, text } = printTo(true, false, 60);
    print.line(`  ${words}`, 6);
    const lines = text().trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(4);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(lines.slice(1).every((line) => line.startsWith('      word'))).toBe(true);
    expect(text().split(/\s+/).filter(Boolean).join(' ')).toBe(words);
  });

  it('are never broken where no terminal is', () => {
    const { print, text } = printTo(false);
    print.line('word '.repeat(200));
    expect(text().trimEnd()).not.toContain('\n');
  });

  it.each([
    ['no terminal', false, true],
    ['a terminal and NO_COLOR', true, false],
  ])('have no colour with %s', (_what, isTerminal, wantsColor) => {
    const { print, text } = printTo(isTerminal, wantsColor);
    print.line([bold('bold'), paint('red', ' red')]);
    expect(text()).toBe('bold red\n');
  });

  it('shorten to so many characters, whole ones', () => {
    expect(shorten('🙂'.repeat(300), 10)).toBe(`${'🙂'.repeat(9)}…`);
    expect(shorten('x'.repeat(120))).toBe('x'.repeat(120));
    expect(shorten('x'.repeat(121))).toHaveLength(120);
  });
});
