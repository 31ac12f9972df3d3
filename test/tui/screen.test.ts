/** What stands on the screen: columns of an exact width, costs that say what they are, hostile text that stays text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseDecimals, drawBar, shortSpan, shortUsd } from '../../src/core/short-text.js';
import { fitText, measureWidth } from '../../src/core/text-width.js';
import { chooseColumns, measureColumns } from '../../src/tui/record-columns.js';
import { listDetails } from '../../src/tui/record-details.js';
import { callRecord } from '../helpers/call-records.js';

const USD = 10n ** 24n;

describe('the columns', () => {
  it('fill the screen exactly, whatever its width', () => {
    for (let columns = 40; columns <= 300; columns++) {
      const layout = chooseColumns(columns);
      const widths = measureColumns(layout, columns - 2);
      expect(
        widths.reduce((sum, width) => sum + width, widths.length - 1),
        `${columns}`,
      ).toBe(columns - 2);
      expect(Math.min(...widths)).toBeGreaterThan(3);
    }
  });

  const cellOf = (head: string, changes: Parameters<typeof callRecord>[0], columns = 80) =>
    chooseColumns(columns)
      .find((column) => column.head === head)!
      .print(callRecord(changes));

  it.each([
    [{}, '$0.010000'],
    [{ state: 'held', costUsd: USD / 50n }, '≤$0.020000'],
    [{ costSource: 'reserved' }, '≤$0.010000'],
    [{ costUsd: null }, '?'],
    [{ costUsd: 1n }, '<$0.000001'],
    [{ costUsd: 0n }, '$0.000000'],
    [{ costUsd: 12_345n * USD }, '$12,345.00'],
    [{ action: 'block', state: 'blocked', costUsd: 0n }, ''],
    [{ action: 'control', state: 'control', costUsd: 0n }, ''],
  ] as const)('show the cost of case %#', (changes, text) => expect(cellOf('cost', changes)).toBe(text));

  it.each([
    [{ action: 'allow' }, 'claude-haiku-4.5'],
    [{ action: 'downgrade' }, 'claude-haiku-4.5 ← claude-sonnet-4.5'],
    [{ action: 'block', code: 'cap_exceeded' }, 'claude-sonnet-4.5 (cap_exceeded)'],
    [{ action: 'control', code: 'stop', reason: 'audit' }, 'stop: audit'],
    [{ resolved: '', requested: '' }, '-'],
  ] as const)('show the model of %j as %s', (changes, text) => expect(cellOf('model', changes)).toBe(text));

  it('have no time where a row has none', () => {
    for (const timestampMs of [Number.NaN, 9e15]) expect(cellOf('UTC', { timestampMs }).trim()).toBe('');
  });
});

describe('all about a call', () => {
  it('leaves out what is empty, and never a cost', () => {
    const labels = listDetails(
      callRecord({ session: '', code: '', inputTokens: null, outputTokens: null, costUsd: null }),
    );
    expect(labels.map(([label]) => label)).not.toContain('code');
    expect(labels.map(([label]) => label)).not.toContain('tokens');
    expect(Object.fromEntries(labels).cost).toBe('unknown (provider)');
  });
});

describe('a text', () => {
  it('has the width that it is fitted to', () => {
    const unit = fc.constantFrom('a', ' ', '日', 'ー', '한', 'é', 'e\u0301', '…', '─', '😀', 'ﾊ');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 20 }),
        fc.nat(24),
        fc.constantFrom('left' as const, 'right' as const),
        (text, width, side) => {
          const fitted = fitText(text, width, side);
          expect(measureWidth(fitted)).toBe(width);
          if (measureWidth(text) <= width) expect(fitted.trim()).toBe(text.trim());
        },
      ),
    );
  });

  it.each([
    ['abc', 3],
    ['日本語', 6],
    ['e\u0301', 1],
    ['😀', 2],
    ['│█░', 3],
    ['', 0],
  ])('%j takes %i columns', (text, width) => expect(measureWidth(text)).toBe(width));
});

describe('a short figure', () => {
  it.each([
    [0n, 2, '$0.00'],
    [USD / 200n, 2, '$0.01'],
    [USD / 1000n, 2, '<$0.01'],
    [1_234_567n * USD, 2, '$1,234,567.00'],
    [USD + USD / 2n, 0, '$2'],
  ])('of %s with %i decimals is %s', (amount, decimals, text) =>
    expect(shortUsd(amount, decimals)).toBe(text),
  );

  it('has as many decimals as its list needs', () => {
    expect([USD / 100n, USD, 99n * USD, 100n * USD].map(chooseDecimals)).toEqual([6, 4, 4, 2]);
  });

  it.each([
    [0, '0s'],
    [-5, '0s'],
    [999, '0s'],
    [61_000, '1m 1s'],
    [3_600_000, '1h'],
    [90_000_000, '1d 1h'],
  ])('%i ms are %s', (ms, text) => expect(shortSpan(ms)).toBe(text));

  it.each([
    [0, '░░░░'],
    [0.001, '█░░░'],
    [0.5, '██░░'],
    [0.99, '███░'],
    [1, '████'],
    [7, '████'],
  ])('a bar of %d is %s', (share, bar) => expect(drawBar(share, 4)).toBe(bar));
});
