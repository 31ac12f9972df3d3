/** Totals, groups, facets and series, held to a recomputation that knows nothing of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/core/call-record.js';
import { createFacets, FACET_FIELDS } from '../../src/core/facets.js';
import { GROUP_FIELDS, groupKeyOf, nameSpan, pickValue, VALUE_FIELDS } from '../../src/core/grouping.js';
import { printUsd } from '../../src/core/money.js';
import { matches, parseQuery, printTerm, TEXT_FIELD_NAMES } from '../../src/core/query.js';
import { createSeries, listCalendarSteps, listSteps, MAX_STEPS } from '../../src/core/series.js';
import {
  addTo,
  createSummary,
  createSums,
  describeSummary,
  joinSums,
  printTotals,
} from '../../src/core/summary.js';
import { arbitraryRecords, callRecord } from '../helpers/call-records.js';

const numRuns = process.env.SLOW ? 5_000 : 200;
const DAY_MS = 86_400_000;

/** Totals as somebody would add them up by hand: one filter and one loop for each. */
function recount(records: readonly CallRecord[]) {
  const calls = records.filter((one) => one.action !== 'control');
  const count = (action: string) => calls.filter((one) => one.action === action).length;
  const sum = (of: (record: CallRecord) => bigint | null, test: (record: CallRecord) => boolean) =>
    printUsd(calls.filter(test).reduce((total, one) => total + (of(one) ?? 0n), 0n));
  const settled = (one: CallRecord) => one.state === 'settled';
  return {
    calls: calls.length,
    allowed: count('allow'),
    downgraded: count('downgrade'),
    shadowed: count('shadow'),
    blocked: count('block'),
    settledUsd: sum((one) => one.costUsd, settled),
    heldUsd: sum(
      (one) => one.costUsd,
      (one) => one.state === 'held',
    ),
    expectedUsd: sum((one) => one.expectedUsd, settled),
    blockedUsd: sum(
      (one) => one.reservedUsd,
      (one) => one.state === 'blocked',
    ),
    billedUsd: sum(
      (one) => one.costUsd,
      (one) => settled(one) && one.costSource === 'provider',
    ),
    unpriced: calls.filter((one) => one.costUsd === null).length,
    inputTokens: calls.reduce((total, one) => total + (one.inputTokens ?? 0), 0),
    outputTokens: calls.reduce((total, one) => total + (one.outputTokens ?? 0), 0),
  };
}

function summarize(
  records: readonly CallRecord[],
  by: Parameters<typeof createSummary>[0]['by'],
  limit = 1000,
) {
  const summary = createSummary({ by });
  for (const record of records) summary.add(record);
  return describeSummary(summary, { by }, limit);
}

describe('a summary', () => {
  it('agrees with a recount, as a whole and in each group', () => {
    fc.assert(
      fc.property(arbitraryRecords(), fc.subarray([...GROUP_FIELDS]), (records, by) => {
        const { by: told, groups, omitted, ...totals } = summarize(records, by);
        expect(totals).toEqual(recount(records));
        expect({ told, omitted }).toEqual({ told: by, omitted: 0 });
        for (const { key, ...sums } of groups) {
          const mine = records.filter((one) => groupKeyOf(one, { by }).join('\n') === key.join('\n'));
          expect(sums).toEqual(recount(mine));
        }
        const calls = records.filter((one) => one.action !== 'control');
        const keys = new Set(calls.map((one) => JSON.stringify(groupKeyOf(one, { by }))));
        expect(groups.length).toBe(by.length === 0 ? 0 : keys.size);
      }),
      { numRuns },
    );
  });

  it('has the dearest group first and says how many it left out', () => {
    const costs = [3n, 9n, 1n].map((costUsd, at) => callRecord({ costUsd, user: `u${at}` }));
    const { groups, omitted } = summarize(costs, ['user'], 2);
    expect({ keys: groups.map((one) => one.key), omitted }).toEqual({ keys: [['u1'], ['u0']], omitted: 1 });
  });

  it('of two halves together is that of the whole', () => {
    fc.assert(
      fc.property(arbitraryRecords(), arbitraryRecords(), (first, second) => {
        const [a, b] = [first, second].map((records) => {
          const sums = createSums();
          for (const record of records) addTo(sums, record);
          return sums;
        });
        joinSums(a!, b!);
        expect(printTotals(a!)).toEqual(recount([...first, ...second]));
      }),
      { numRuns },
    );
  });

  it('adds what floats cannot', () => {
    const tiny = callRecord({ costUsd: 1n });
    const huge = callRecord({ costUsd: 10n ** 33n });
    expect(summarize([huge, tiny, tiny], []).settledUsd).toBe('1000000000.000000000000000000000002');
  });

  it('is of groups whose own filter finds their calls', () => {
    fc.assert(
      fc.property(arbitraryRecords(5), (records) => {
        for (const record of records)
          for (const field of VALUE_FIELDS.filter((one) =>
            (TEXT_FIELD_NAMES as readonly string[]).includes(one),
          )) {
            const reading = parseQuery(printTerm(field, pickValue(record, field)), 0);
            expect(reading.ok && matches(reading.query, record)).toBe(true);
          }
      }),
      { numRuns },
    );
    expect(VALUE_FIELDS.filter((one) => !(TEXT_FIELD_NAMES as readonly string[]).includes(one))).toEqual([]);
  });
});

describe('the name of a span', () => {
  it.each<[Parameters<typeof nameSpan>[0], string, string, string]>([
    ['day', '2026-10-07T23:30:00Z', 'UTC', '2026-10-07'],
    ['day', '2026-10-07T23:30:00Z', 'Europe/Berlin', '2026-10-08'],
    ['day', '2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25'],
    ['day', '2026-10-08T03:30:00Z', 'America/New_York', '2026-10-07'],
    ['month', '2026-09-30T22:30:00Z', 'Europe/Berlin', '2026-10'],
    ['month', '2026-09-30T22:30:00Z', 'UTC', '2026-09'],
    ['week', '2026-10-11T12:00:00Z', 'UTC', '2026-10-05'],
    ['hour', '2026-10-07T23:30:00Z', 'UTC', '2026-10-07T23'],
  ])('%s of %s in %s is %s', (field, at, zone, name) => {
    expect(nameSpan(field, Date.parse(at), zone)).toBe(name);
  });

  it('is empty without a time', () => expect(nameSpan('day', Number.NaN)).toBe(''));
});

describe('facets', () => {
  it('agree with a recount', () => {
    fc.assert(
      fc.property(arbitraryRecords(60), (records) => {
        const facets = createFacets();
        for (const record of records) facets.add(record);
        const { total, fields } = facets.describe();
        expect(total).toBe(records.length);
        for (const field of FACET_FIELDS)
          for (const { value, count } of fields[field] ?? [])
            expect(count).toBe(records.filter((one) => pickValue(one, field) === value).length);
        const counted = fields.user!.reduce((sum, { count }) => sum + count, 0);
        expect(counted).toBe(records.filter((one) => one.user !== '').length);
      }),
      { numRuns },
    );
  });

  it('are the 20 most frequent values, and a value named like a property is one', () => {
    const facets = createFacets(['user']);
    for (let at = 0; at < 30; at++)
      for (let times = 0; times <= at; times++) facets.add(callRecord({ user: `u${at}` }));
    for (let times = 0; times < 99; times++) facets.add(callRecord({ user: '__proto__' }));
    const users = facets.describe().fields.user!;
    expect(users).toHaveLength(20);
    expect(users[0]).toEqual({ value: '__proto__', count: 99 });
    expect(users[1]).toEqual({ value: 'u29', count: 30 });
  });
});

describe('a series', () => {
  const [since, until] = [Date.UTC(2026, 8, 29), Date.UTC(2026, 10, 3)];

  it('agrees with a recount of each step and group', () => {
    const cut = fc.oneof(
      fc
        .integer({ min: 3_600_000, max: 9 * DAY_MS })
        .map((stepMs) => listSteps(since + DAY_MS, until - DAY_MS, stepMs)),
      fc
        .constantFrom('UTC', 'Europe/Berlin', 'America/New_York')
        .map((zone) => listCalendarSteps(since, until, 'day', zone)),
      fc.constant(listCalendarSteps(since, until, 'month')),
    );
    fc.assert(
      fc.property(arbitraryRecords(60), cut, fc.integer({ min: 0, max: 3 }), (records, steps, maxGroups) => {
        const series = createSeries('user', steps, maxGroups);
        for (const record of records) series.add(record);
        const { groups, settledUsd, calls, blocked, startsMs } = series.describe();
        const calling = records.filter((one) => one.action !== 'control');
        const named = groups.filter((group) => group !== '');
        expect(named.length).toBeLessThanOrEqual(maxGroups);
        for (const [step, start] of startsMs.entries()) {
          const end = startsMs[step + 1] ?? steps.endMs;
          const inside = calling.filter((one) => one.timestampMs >= start && one.timestampMs < end);
          expect(calls[step]).toBe(inside.length);
          expect(blocked[step]).toBe(inside.filter((one) => one.action === 'block').length);
          for (const [at, group] of groups.entries()) {
            const mine = inside.filter((one) =>
              group === '' ? !named.includes(one.user) : one.user === group,
            );
            expect(settledUsd[at]![step]).toBe(recount(mine).settledUsd);
          }
        }
      }),
      { numRuns },
    );
  });

  it('follows the clock of its zone through a change of the clock', () => {
    const { startsMs, endMs } = listCalendarSteps(
      Date.parse('2026-10-24T12:00Z'),
      Date.parse('2026-10-26T12:00Z'),
      'day',
      'Europe/Berlin',
    );
    expect([...startsMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 13))).toEqual([
      '2026-10-23T22',
      '2026-10-24T22',
      '2026-10-25T23',
      '2026-10-26T23',
    ]);
  });

  it.each([
    [0, 0, 1000],
    [0, 1000, 0],
    [0, 1000, -5],
    [0, (MAX_STEPS + 1) * 1000, 1000],
    [0, Number.NaN, 1000],
    [0, Number.POSITIVE_INFINITY, 1000],
  ])('of no steps or too many is a mistake: %s to %s by %s', (from, to, step) => {
    expect(() => listSteps(from, to, step)).toThrow(RangeError);
  });
});
