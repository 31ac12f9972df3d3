import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ceilCents,
  ONE_USD,
  parseCents,
  parseCentsPerKtok,
  parseUsd,
  printCentsPerKtok,
  printUsd,
  printUsdPerMtok,
  showUsd,
} from '../../src/core/money.js';

const amounts = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });

describe('money', () => {
  it('reads and prints every published form exactly', () => {
    const pairs: [string, string][] = [
      ['0', '0'],
      ['-0', '0'],
      ['1', '1'],
      ['1.0', '1'],
      ['8e-06', '0.000008'],
      ['1E3', '1000'],
      ['0.00000008333333333333334', '0.00000008333333333333334'],
      ['0.000000000000000000000001', '0.000000000000000000000001'],
      ['-1', '-1'],
      ['00012.500', '12.5'],
    ];
    for (const [text, printed] of pairs) expect(printUsd(parseUsd(text)!), text).toBe(printed);
    expect(parseUsd('1')).toBe(ONE_USD);
  });

  it('refuses what is not a decimal it can hold', () => {
    const bad = [
      '',
      ' 1',
      '1 ',
      '+1',
      '.5',
      '5.',
      '1e',
      '1e1000',
      '1,5',
      '0x1',
      'NaN',
      'Infinity',
      '1e999',
      '--1',
      '٣',
      '1'.repeat(41),
      '1_000',
      '1e99',
    ];
    for (const text of bad) expect(parseUsd(text), text).toBeUndefined();
    expect(parseUsd('0.0000000000000000000000001')).toBeUndefined();
    expect(parseUsd('1e-25')).toBeUndefined();
  });

  it('rounds away from zero when asked to, and only then', () => {
    expect(parseUsd('0.0000000000000000000000011', 'up')).toBe(2n);
    expect(parseUsd('1e-999', 'up')).toBe(1n);
    expect(parseUsd('-1e-30', 'up')).toBe(-1n);
    expect(parseUsd('0e-999', 'up')).toBe(0n);
  });

  it('prints what it reads: parse ∘ print is the identity', () => {
    fc.assert(fc.property(amounts, (amount) => parseUsd(printUsd(amount)) === amount));
  });

  it('reads any finite double from its shortest decimal without loss above 10⁻²⁴', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (value) => {
        const usd = parseUsd(String(value), 'up');
        return usd !== undefined && Number(printUsd(usd)) === value;
      }),
    );
  });

  it('converts units exactly', () => {
    expect(parseCents(5000)).toBe(50n * ONE_USD);
    expect(parseCents('0.02')).toBe(ONE_USD / 5000n);
    expect(parseCents(1e-7)).toBe(ONE_USD / 10n ** 9n);
    expect(parseCentsPerKtok(0.3)).toBe(parseUsd('0.000003'));
    expect(printCentsPerKtok(parseUsd('0.000003')!)).toBe('0.3');
    expect(printUsdPerMtok(parseUsd('0.000003')!)).toBe('3');
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, '', 'x', '1e', '1e2e3', ' 1'])
      expect(parseCents(bad)).toBeUndefined();
  });

  it('rounds cents up, and only for older readers', () => {
    expect(ceilCents(0n)).toBe(0);
    expect(ceilCents(1n)).toBe(1);
    expect(ceilCents(parseUsd('0.02')!)).toBe(2);
    expect(ceilCents(parseUsd('0.020000000000000000000001')!)).toBe(3);
    expect(ceilCents(-1n)).toBe(0);
    expect(ceilCents(parseUsd('1e30')!)).toBe(Number.MAX_SAFE_INTEGER);
    expect(ceilCents(parseUsd('90071992547409.91')!)).toBe(Number.MAX_SAFE_INTEGER);
    expect(ceilCents(parseUsd('90071992547409.9')!)).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  it('shows people at least two decimals and never less than is there', () => {
    expect(showUsd(parseUsd('0.9')!)).toBe('$0.90');
    expect(showUsd(parseUsd('0.000128')!)).toBe('$0.000128');
    expect(showUsd(parseUsd('-3')!)).toBe('-$3.00');
  });
});
