import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTimeZone, localMoment, zoneOffsetMs } from '../../src/core/local-time.js';
import { type CalendarWindow, windowEndMs, windowStartMs } from '../../src/core/window.js';

/** Clock changes at midnight, by half an hour, over the date line, in both hemispheres; and none at all. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'UTC',
] as const;
const WINDOWS: readonly CalendarWindow[] = ['per_minute', 'per_hour', 'per_day', 'per_week', 'per_month'];
const numRuns = process.env.SLOW ? 20_000 : 400;
const HOUR = 3_600_000;

const anyZone = fc.constantFrom(...ZONES);
const anyWindow = fc.constantFrom(...WINDOWS);
const anyMs = fc.integer({
  min: Date.parse('1995-01-01T00:00:00Z'),
  max: Date.parse('2035-01-01T00:00:00Z'),
});

/** What the zone's clock shows, written by another part of the platform: `2026-10-25 02:30`. */
function clock(zone: string, atMs: number): string {
  return new Date(atMs).toLocaleString('sv-SE', { timeZone: zone }).slice(0, 16);
}

describe('a window of a time zone', () => {
  it.each([
    ['Europe/Berlin', 'per_day', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', 'per_day', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00Z', 25],
    ['Europe/Berlin', 'per_week', '2026-10-25T22:59:59Z', '2026-10-18T22:00:00Z', 7 * 24 + 1],
    ['Europe/Berlin', 'per_month', '2024-02-29T22:59:59Z', '2024-01-31T23:00:00Z', 29 * 24],
    ['Europe/Berlin', 'per_month', '2026-03-01T00:00:00Z', '2026-02-28T23:00:00Z', 31 * 24 - 1],
    ['America/New_York', 'per_day', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25],
    ['America/New_York', 'per_month', '2026-01-01T04:59:59Z', '2025-12-01T05:00:00Z', 31 * 24],
    ['America/Sao_Paulo', 'per_day', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00Z', 23],
    ['America/Havana', 'per_day', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25],
    ['Asia/Kathmandu', 'per_day', '2026-05-01T00:00:00Z', '2026-04-30T18:15:00Z', 24],
    ['Australia/Lord_Howe', 'per_day', '2026-04-05T00:00:00Z', '2026-04-04T13:00:00Z', 24.5],
    ['Pacific/Apia', 'per_day', '2011-12-30T09:59:59Z', '2011-12-29T10:00:00Z', 24],
    ['Pacific/Apia', 'per_day', '2011-12-30T10:00:00Z', '2011-12-30T10:00:00Z', 24],
    ['UTC', 'per_week', '2026-11-22T23:59:59Z', '2026-11-16T00:00:00Z', 168],
    ['UTC', 'per_week', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z', 168],
    ['UTC', 'per_week', '1969-12-31T00:00:00Z', '1969-12-29T00:00:00Z', 168],
  ] as const)('%s: %s at %s begins at %s and lasts %d hours', (zone, window, at, start, hours) => {
    const atMs = Date.parse(at);
    expect(new Date(windowStartMs(window, atMs, zone)).toISOString()).toBe(start.replace('Z', '.000Z'));
    expect((windowEndMs(window, atMs, zone) - windowStartMs(window, atMs, zone)) / HOUR).toBe(hours);
  });

  it('holds its moment, and joins its neighbours without gap or overlap', () => {
    fc.assert(
      fc.property(anyZone, anyWindow, anyMs, (zone, window, atMs) => {
        const startMs = windowStartMs(window, atMs, zone);
        const endMs = windowEndMs(window, atMs, zone);
        expect(startMs).toBeLessThanOrEqual(atMs);
        expect(endMs).toBeGreaterThan(atMs);
        for (const insideMs of [startMs, endMs - 1]) {
          // The window asked for last is remembered: ask for another one, so that this one is worked out anew.
          windowStartMs(window, atMs + 1_000 * 24 * HOUR, zone);
          expect(windowStartMs(window, insideMs, zone)).toBe(startMs);
          expect(windowEndMs(window, insideMs, zone)).toBe(endMs);
        }
        expect(windowStartMs(window, endMs, zone)).toBe(endMs);
        expect(windowEndMs(window, startMs - 1, zone)).toBe(startMs);
      }),
      { numRuns },
    );
  });

  it('begins when the local clock first shows midnight, on a Monday, on the first of the month', () => {
    fc.assert(
      fc.property(
        anyZone,
        fc.constantFrom('per_day', 'per_week', 'per_month'),
        anyMs,
        (zone, window, atMs) => {
          const startMs = windowStartMs(window, atMs, zone);
          const [day = '', time = ''] = clock(zone, startMs).split(' ');
          const before = clock(zone, startMs - 60_000);
          // Where midnight is skipped, the day begins at the jump.
          if (time !== '00:00') expect(before.endsWith('23:59')).toBe(true);
          expect(before < clock(zone, startMs)).toBe(true);
          if (window === 'per_week') expect(localMoment(zone, startMs).weekday).toBe('mon');
          if (window === 'per_month') expect(day.endsWith('-01')).toBe(true);
        },
      ),
      { numRuns },
    );
  });

  it('the local weekday and minute are those that the platform prints', () => {
    fc.assert(
      fc.property(anyZone, anyMs, (zone, atMs) => {
        const { weekday, minuteOfDay } = localMoment(zone, atMs);
        const printed = new Date(atMs).toLocaleDateString('en-GB', { timeZone: zone, weekday: 'short' });
        expect(weekday).toBe(printed.toLowerCase());
        const [hour, minute] = clock(zone, atMs).slice(11).split(':').map(Number);
        expect(minuteOfDay).toBe(hour! * 60 + minute!);
        expect(Math.abs(zoneOffsetMs(zone, atMs))).toBeLessThanOrEqual(15 * HOUR);
      }),
      { numRuns },
    );
  });

  it('only zones that every platform knows are accepted', () => {
    expect(['UTC', 'Europe/Berlin', 'America/New_York'].map(isTimeZone)).toEqual([true, true, true]);
    expect(['', 'Berlin', '+01:00', 'Europe/Berlin ', 'x'.repeat(300)].map(isTimeZone)).not.toContain(true);
    expect(() => windowStartMs('per_day', 0, 'Mars/Olympus')).toThrow(RangeError);
  });
});

describe('the offset of a zone', () => {
  it('is that of the moment, also where clocks were set within a minute', () => {
    const jump = Date.parse('1972-01-07T00:44:30Z');
    const around = [jump - 1, jump, jump - 1, jump + 1].map((atMs) => zoneOffsetMs('Africa/Monrovia', atMs));
    expect(around).toEqual([-2_670_000, 0, -2_670_000, 0]);
  });

  it('is that of the moment whatever was asked before', () => {
    const jump = Date.parse('2026-10-25T01:00:00Z');
    const moments = [jump, jump - 1, jump - 59_999, jump + 59_999, jump - 60_000, jump, jump - 1];
    const offsets = moments.map((atMs) => zoneOffsetMs('Europe/Berlin', atMs) / 3_600_000);
    expect(offsets).toEqual([1, 2, 2, 1, 2, 1, 2]);
  });
});
