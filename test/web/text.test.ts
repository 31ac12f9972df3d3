import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addAmounts, shareOf, showAmount, showExact, showInColumn, subtract } from '../../web/amount.js';
import { showBytes, showText } from '../../web/text.js';
import { showSpan, showTime } from '../../web/time.js';

describe('texts of rows', () => {
  it.each([
    ['alice\u202ecod.exe', 'alice\\u202ecod.exe'],
    ['a\u200bb', 'a\\u200bb'],
    ['line\nbreak', 'line\\u000abreak'],
    ['\u0000', '\\u0000'],
    ['\ud800', '\\ud800'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['\u2066x\u2069', '\\u2066x\\u2069'],
    ['﻿bom', '\\ufeffbom'],
  ])('%j are shown with what hides written out', (text, shown) => {
    expect(showText(text)).toBe(shown);
  });

  it('stay as they are when nothing hides', () => {
    for (const text of ['<script>', 'naïve café', '日本語', '👩', 'a "b" & c'])
      expect(showText(text)).toBe(text);
  });

  it('are cut', () => {
    expect(showText('x'.repeat(100_000)).length).toBeLessThan(500);
  });

  it('never hold a control character, whatever they held', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(showText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('amounts', () => {
  it.each([
    ['0', '$0.00'],
    ['1204.516', '$1,204.52'],
    ['0.010615', '$0.0106'],
    ['0.00000125', '$0.00000125'],
    ['-2.5', '−$2.50'],
    ['99999999999999999999.99', '$99,999,999,999,999,999,999.99'],
    ['1e400', 'unknown'],
    ['<b>', 'unknown'],
  ])('%s is shown as %s', (usd, shown) => {
    expect(showAmount(usd)).toBe(shown);
  });

  it('that are not known are not zero', () => {
    expect(showAmount(null)).toBe('unknown');
    expect(showInColumn(null)).toBe('unknown');
    expect(showExact(undefined)).toBe('unknown');
  });

  it('stand below each other in a column, and are never rounded to nothing', () => {
    expect(['12.5', '0.0032714', '0.00001', '0'].map((usd) => showInColumn(usd))).toEqual([
      '$12.5000',
      '$0.0033',
      '<$0.0001',
      '$0.0000',
    ]);
  });

  it('are added and subtracted exactly', () => {
    expect(addAmounts(['0.1', '0.2'])).toBe('$0.30');
    expect(subtract('0.3', '0.1')).toBe('0.2');
  });

  it('have no share of nothing', () => {
    expect(shareOf('1', '0')).toBe(0);
  });
});

describe('times and sizes', () => {
  it('a row without a time says so', () => {
    expect(showTime(null, 0)).toBe('no time');
    expect(showTime(Number.NaN, 0)).toBe('no time');
  });

  it('spans have two units at most', () => {
    expect([42_000, 150_000, 3_600_000 * 5.2, 86_400_000 * 9].map(showSpan)).toEqual([
      '42 s',
      '3 min',
      '5 h 12 min',
      '9 days',
    ]);
  });

  it('sizes are read at a glance', () => {
    expect([0, 999, 1400, 2_000_000].map(showBytes)).toEqual(['0 B', '999 B', '1.4 kB', '2.0 MB']);
  });
});
