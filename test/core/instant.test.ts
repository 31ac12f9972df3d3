import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInstant } from '../../src/core/instant.js';

describe('parseInstant', () => {
  it.each([
    ['2026-10-01T00:00:00Z', '2026-10-01T00:00:00.000Z'],
    ['2026-10-01T00:00Z', '2026-10-01T00:00:00.000Z'],
    ['2026-10-01T02:00:00+02:00', '2026-10-01T00:00:00.000Z'],
    ['2026-10-01T02:00:00+0200', '2026-10-01T00:00:00.000Z'],
    ['2026-09-30T18:30:00-05:30', '2026-10-01T00:00:00.000Z'],
    ['2026-10-01T00:00:00.5Z', '2026-10-01T00:00:00.500Z'],
    ['2026-10-01T00:00:00.123999999Z', '2026-10-01T00:00:00.123Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
    ['0050-03-01T00:00:00Z', '0050-03-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(parseInstant(text)!).toISOString()).toBe(expected);
  });

  it.each([
    '',
    'now',
    '2026-10-01',
    '2026-10-01T00:00:00',
    '2026-10-01 00:00:00Z',
    '2026-10-01T00:00:00z',
    ' 2026-10-01T00:00:00Z',
    '2026-10-01T00:00:00Z\n',
    '2026-1-1T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-10-00T00:00:00Z',
    '2026-10-01T24:00:00Z',
    '2026-10-01T00:60:00Z',
    '2026-10-01T23:59:60Z',
    '2026-10-01T00:00:00+24:00',
    '2026-10-01T00:00:00+01:60',
    '2026-10-01T00:00:00.Z',
    '2026-10-01T00:00:00.1234567890Z',
    '+010000-01-01T00:00:00Z',
    '２０２６-10-01T00:00:00Z',
    '1759276800000',
    'Thu, 01 Oct 2026 00:00:00 GMT',
  ])('%j is refused', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  it('reads back whatever toISOString prints between the years 0 and 9999', () => {
    const min = Date.parse('0000-01-01T00:00:00Z');
    const max = Date.parse('9999-12-31T23:59:59.999Z');
    fc.assert(
      fc.property(fc.integer({ min, max }), (atMs) => {
        expect(parseInstant(new Date(atMs).toISOString())).toBe(atMs);
      }),
    );
  });

  it('never throws and never gives NaN', () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '9', '-', ':', 'T', 'Z', '.', '+') });
    fc.assert(
      fc.property(fc.oneof(fc.string(), digits), (text) => {
        expect(parseInstant(text)).not.toBeNaN();
      }),
    );
  });
});
