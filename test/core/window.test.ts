import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowEndMs, windowStartMs } from '../../src/core/window.js';

const WINDOWS = ['per_minute', 'per_hour', 'per_day', 'per_month'] as const;
const UNIT_LENGTH = { per_minute: 16, per_hour: 13, per_day: 10, per_month: 7 } as const;
const numRuns = process.env.SLOW ? 200_000 : 2_000;

const anyWindow = fc.constantFrom(...WINDOWS);
/** Everything a `Date` can state, the year 0 to 99 and both far ends included. */
const anyMs = fc.oneof(
  fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }),
  fc.integer({ min: Date.parse('-000001-01-01T00:00:00Z'), max: Date.parse('0101-01-01T00:00:00Z') }),
  fc.integer({ min: Date.parse('1969-12-01T00:00:00Z'), max: Date.parse('2101-01-01T00:00:00Z') }),
);

describe('a window', () => {
  it.each([
    ['per_minute', '2026-10-07T11:22:33.444Z', '2026-10-07T11:22:00.000Z', '2026-10-07T11:23:00.000Z'],
    ['per_hour', '2026-10-07T11:22:33.444Z', '2026-10-07T11:00:00.000Z', '2026-10-07T12:00:00.000Z'],
    ['per_day', '2026-10-07T11:22:33.444Z', '2026-10-07T00:00:00.000Z', '2026-10-08T00:00:00.000Z'],
    ['per_month', '2026-10-07T11:22:33.444Z', '2026-10-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['per_day', '2024-02-28T23:59:59.999Z', '2024-02-28T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
    ['per_day', '2024-02-29T23:59:59.999Z', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['per_month', '2024-02-29T23:59:59.999Z', '2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['per_month', '2025-02-28T23:59:59.999Z', '2025-02-01T00:00:00.000Z', '2025-03-01T00:00:00.000Z'],
    ['per_month', '2000-02-29T00:00:00.000Z', '2000-02-01T00:00:00.000Z', '2000-03-01T00:00:00.000Z'],
    ['per_month', '2100-02-28T23:59:59.999Z', '2100-02-01T00:00:00.000Z', '2100-03-01T00:00:00.000Z'],
    ['per_month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['per_month', '2027-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z', '2027-02-01T00:00:00.000Z'],
    ['per_minute', '2026-12-31T23:59:59.999Z', '2026-12-31T23:59:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['per_hour', '1969-12-31T23:59:59.999Z', '1969-12-31T23:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    ['per_month', '1969-12-31T23:59:59.999Z', '1969-12-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    ['per_month', '0050-02-10T00:00:00.000Z', '0050-02-01T00:00:00.000Z', '0050-03-01T00:00:00.000Z'],
    ['per_month', '9999-12-31T23:59:59.999Z', '9999-12-01T00:00:00.000Z', '+010000-01-01T00:00:00.000Z'],
  ] as const)('%s that contains %s begins at %s and ends at %s', (window, at, start, end) => {
    expect(new Date(windowStartMs(window, Date.parse(at))).toISOString()).toBe(start);
    expect(new Date(windowEndMs(window, Date.parse(at))).toISOString()).toBe(end);
  });

  it('holds its moment: start ≤ moment < end', () => {
    fc.assert(
      fc.property(anyWindow, anyMs, (window, atMs) => {
        expect(windowStartMs(window, atMs)).toBeLessThanOrEqual(atMs);
        expect(windowEndMs(window, atMs)).toBeGreaterThan(atMs);
      }),
      { numRuns },
    );
  });

  it('joins its neighbours without gap or overlap', () => {
    fc.assert(
      fc.property(anyWindow, anyMs, (window, atMs) => {
        const startMs = windowStartMs(window, atMs);
        const endMs = windowEndMs(window, atMs);
        expect(windowStartMs(window, startMs)).toBe(startMs);
        expect(windowEndMs(window, startMs)).toBe(endMs);
        expect(windowStartMs(window, endMs - 1)).toBe(startMs);
        expect(windowStartMs(window, endMs)).toBe(endMs);
        expect(windowEndMs(window, startMs - 1)).toBe(startMs);
      }),
      { numRuns },
    );
  });

  it('contains two moments exactly when their ISO dates agree down to its unit', () => {
    const nearBoundary = fc
      .tuple(anyWindow, anyMs, fc.integer({ min: -1, max: 1 }))
      .map(([window, atMs, offset]) => windowEndMs(window, atMs) + offset)
      .filter((atMs) => Math.abs(atMs) <= 8_640_000_000_000_000);
    fc.assert(
      fc.property(anyWindow, nearBoundary, fc.integer({ min: -3, max: 3 }), (window, atMs, offset) => {
        fc.pre(Math.abs(atMs + offset) <= 8_640_000_000_000_000);
        const together = unitOf(window, atMs) === unitOf(window, atMs + offset);
        expect(windowStartMs(window, atMs) === windowStartMs(window, atMs + offset)).toBe(together);
      }),
      { numRuns },
    );
  });

  it('every month from 1900 to 2100 has its calendar length', () => {
    for (let year = 1900; year <= 2100; year++) {
      for (let month = 1; month <= 12; month++) {
        const atMs = Date.UTC(year, month - 1, 15, 12);
        const days = (windowEndMs('per_month', atMs) - windowStartMs('per_month', atMs)) / 86_400_000;
        expect(days).toBe(daysInMonth(year, month));
      }
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 2 ** 53])(
    'of the moment %d is a mistake of the caller',
    (atMs) => {
      for (const window of WINDOWS) {
        expect(() => windowStartMs(window, atMs)).toThrow(RangeError);
        expect(() => windowEndMs(window, atMs)).toThrow(RangeError);
      }
    },
  );

  it('per_call has no begin and no end', () => {
    // @ts-expect-error per_call keeps no counter
    expect(windowStartMs('per_call', 0)).toBeNaN();
    // @ts-expect-error per_call keeps no counter
    expect(windowEndMs('per_call', 0)).toBeNaN();
  });
});

function unitOf(window: 'per_minute' | 'per_hour' | 'per_day' | 'per_month', atMs: number): string {
  const iso = new Date(atMs).toISOString();
  const extraYearLength = iso.length - '2026-10-07T11:22:33.444Z'.length;
  return iso.slice(0, UNIT_LENGTH[window] + extraYearLength);
}

/** The calendar by its own rule, not by `Date`. */
function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
