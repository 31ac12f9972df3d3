import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/core/calls.js';
import { reconcileWindow, windowStartDay } from '../../src/core/key-windows.js';
import { createModelNamer } from '../../src/core/model-namer.js';
import { ONE_USD, parseUsd, printUsd, type Usd } from '../../src/core/money.js';
import { createPredictionBook, measureRatio } from '../../src/core/prediction.js';
import {
  type ActivityLine,
  type ReconciledLine,
  reconcile,
  toleranceOf,
} from '../../src/core/reconciliation.js';
import { createSpendBook } from '../../src/core/spend-book.js';
import { dayOf, listDays, parseDay, shiftDay } from '../../src/core/utc-day.js';

const HAIKU = 'anthropic/claude-haiku-4.5';
const OPUS = 'anthropic/claude-opus-4.7';
const RANGE = { from: '2026-10-01', to: '2026-10-10' };

const usd = (text: string): Usd => parseUsd(text)!;
const noon = (day: string): number => parseDay(day)! + 43_200_000;

/** A call of the ledger: `billed` or open up to `atMost`. */
function call(date: string, amount: string, more: Partial<Call> = {}): Call {
  return {
    provider: 'openrouter',
    model: HAIKU,
    askedModel: HAIKU,
    decidedMs: noon(date),
    endedMs: noon(date) + 1_000,
    billedUsd: usd(amount),
    atMostUsd: usd(amount),
    expectedUsd: undefined,
    reservedUsd: undefined,
    ...more,
  };
}

function openCall(date: string, atMost: string | undefined, more: Partial<Call> = {}): Call {
  const atMostUsd = atMost === undefined ? undefined : usd(atMost);
  return call(date, '0', { billedUsd: undefined, atMostUsd, ...more });
}

function charge(date: string, usage: string, more: Partial<ActivityLine> = {}): ActivityLine {
  const line = { date, model: HAIKU, permaslug: undefined, provider: 'Anthropic', requests: undefined };
  return { ...line, usageUsd: usd(usage), byokUsd: 0n, ...more };
}

function compare(activity: readonly ActivityLine[], calls: readonly Call[], range = RANGE) {
  const nameOf = createModelNamer(activity, undefined);
  const book = createSpendBook(nameOf);
  for (const one of calls) book.add(one);
  return reconcile(activity, book, nameOf, range);
}

/** `date status least most` of each line. */
function brief(lines: readonly ReconciledLine[]): string[] {
  return lines.map(
    ({ date, status, unguardedUsd, unguardedAtMostUsd }) =>
      `${date} ${status}${status === 'unguarded' ? ` ${printUsd(unguardedUsd)} ${printUsd(unguardedAtMostUsd)}` : ''}`,
  );
}

describe('a charge that the ledger has', () => {
  it('is equal, whatever the providers it is split over', () => {
    const activity = [
      charge('2026-10-02', '0.1'),
      charge('2026-10-02', '0.2', { provider: 'Amazon Bedrock' }),
    ];
    const [line] = compare(activity, [call('2026-10-02', '0.3')]);
    expect(line).toMatchObject({ status: 'equal', providers: ['Amazon Bedrock', 'Anthropic'] });
  });

  it('is equal to the digits that a sum of floats keeps, and no further', () => {
    const floats = String(0.1 + 0.2);
    expect(floats).not.toBe('0.3');
    expect(brief(compare([charge('2026-10-02', floats)], [call('2026-10-02', '0.3')]))).toEqual([
      '2026-10-02 equal',
    ]);
    expect(brief(compare([charge('2026-10-02', '0.300001')], [call('2026-10-02', '0.3')]))).toEqual([
      '2026-10-02 equal',
    ]);
    expect(brief(compare([charge('2026-10-02', '0.3000011')], [call('2026-10-02', '0.3')]))).toEqual([
      '2026-10-02 unguarded 0.0000011 0.0000011',
    ]);
  });

  it('may differ by a billionth of a large sum', () => {
    expect(toleranceOf(100n * ONE_USD)).toBe(usd('0.000001'));
    expect(toleranceOf(5_000n * ONE_USD)).toBe(usd('0.000005'));
  });

  it('at a provider with a key of one’s own counts together with its fee', () => {
    const byok = charge('2026-10-02', '0.0006', { byokUsd: usd('0.012') });
    expect(brief(compare([byok], [call('2026-10-02', '0.0126')]))).toEqual(['2026-10-02 equal']);
    expect(brief(compare([byok], [call('2026-10-02', '0.0006')]))).toEqual([
      '2026-10-02 unguarded 0.012 0.012',
    ]);
  });

  it('that upstream does not have is no unguarded spend', () => {
    expect(brief(compare([], [call('2026-10-02', '0.3')]))).toEqual(['2026-10-02 ledger_more']);
    expect(brief(compare([charge('2026-10-02', '0')], [call('2026-10-02', '0')]))).toEqual([
      '2026-10-02 equal',
    ]);
  });
});

describe('a charge that the ledger does not have', () => {
  it('is unguarded: of a day, of a model, of a part', () => {
    const activity = [
      charge('2026-10-02', '0.3'),
      charge('2026-10-03', '0.3'),
      charge('2026-10-03', '0.25', { model: OPUS }),
    ];
    expect(brief(compare(activity, [call('2026-10-02', '0.2'), call('2026-10-03', '0.3')]))).toEqual([
      '2026-10-02 unguarded 0.1 0.1',
      '2026-10-03 equal',
      '2026-10-03 unguarded 0.25 0.25',
    ]);
  });

  it('is not made up for by another day, another model or the free twin', () => {
    const activity = [charge('2026-10-03', '0.3')];
    for (const other of [
      call('2026-10-02', '0.3'),
      call('2026-10-04', '0.3'),
      call('2026-10-03', '0.3', { model: OPUS }),
      call('2026-10-03', '0.3', { model: `${HAIKU}:free` }),
    ])
      expect(brief(compare(activity, [other]))).toContain('2026-10-03 unguarded 0.3 0.3');
  });

  it('outside the range is not looked at', () => {
    expect(compare([charge('2026-09-30', '1'), charge('2026-10-11', '1')], [])).toEqual([]);
  });

  it('counts free requests for nothing', () => {
    expect(brief(compare([charge('2026-10-02', '0', { requests: 9 })], []))).toEqual(['2026-10-02 equal']);
  });
});

describe('a call of unknown cost', () => {
  it('explains a difference up to its bound', () => {
    const calls = [call('2026-10-02', '0.1'), openCall('2026-10-02', '0.05')];
    expect(brief(compare([charge('2026-10-02', '0.15', { requests: 2 })], calls))).toEqual([
      '2026-10-02 open',
    ]);
    expect(brief(compare([charge('2026-10-02', '0.1', { requests: 1 })], calls))).toEqual([
      '2026-10-02 equal',
    ]);
    expect(brief(compare([charge('2026-10-02', '0.17', { requests: 2 })], calls))).toEqual([
      '2026-10-02 unguarded 0.02 0.07',
    ]);
  });

  it('explains no more requests than there are calls', () => {
    const calls = [openCall('2026-10-02', '0.05')];
    expect(brief(compare([charge('2026-10-02', '0.03', { requests: 2 })], calls))).toEqual([
      '2026-10-02 unguarded 0 0.03',
    ]);
  });

  it('without a bound explains any amount, but no further request', () => {
    const calls = [openCall('2026-10-02', undefined)];
    const [line] = compare([charge('2026-10-02', '7', { requests: 1 })], calls);
    expect(line).toMatchObject({ status: 'open', openUsd: undefined });
    expect(brief(compare([charge('2026-10-02', '7', { requests: 2 })], calls))).toEqual([
      '2026-10-02 unguarded 0 7',
    ]);
  });

  it('that never ended may have been charged on the next day, and only there and then', () => {
    const calls = [openCall('2026-10-02', '0.05', { endedMs: undefined })];
    expect(brief(compare([charge('2026-10-03', '0.05')], calls))).toEqual([
      '2026-10-02 equal',
      '2026-10-03 open',
    ]);
    expect(brief(compare([charge('2026-10-04', '0.05')], calls))).toContain('2026-10-04 unguarded 0.05 0.05');
    expect(brief(compare([charge('2026-10-02', '0.05'), charge('2026-10-03', '0.05')], calls))).toEqual([
      '2026-10-02 open',
      '2026-10-03 unguarded 0.05 0.05',
    ]);
  });
});

describe('a call across midnight', () => {
  const late = { decidedMs: parseDay('2026-10-03')! - 1, endedMs: parseDay('2026-10-03')! + 5 };

  it('counts to the day that upstream charged', () => {
    const calls = [call('2026-10-02', '0.3', late), call('2026-10-03', '0.1')];
    expect(brief(compare([charge('2026-10-03', '0.4')], calls))).toEqual([
      '2026-10-02 equal',
      '2026-10-03 equal',
    ]);
    expect(brief(compare([charge('2026-10-02', '0.3'), charge('2026-10-03', '0.1')], calls))).toEqual([
      '2026-10-02 equal',
      '2026-10-03 equal',
    ]);
  });

  it('counts once', () => {
    const calls = [call('2026-10-02', '0.3', late)];
    expect(brief(compare([charge('2026-10-02', '0.3'), charge('2026-10-03', '0.3')], calls))).toEqual([
      '2026-10-02 equal',
      '2026-10-03 unguarded 0.3 0.3',
    ]);
  });

  it('into the range may have been charged in it', () => {
    const early = { decidedMs: parseDay('2026-10-01')! - 1, endedMs: parseDay('2026-10-01')! + 5 };
    const calls = [call('2026-09-30', '0.3', early)];
    expect(brief(compare([charge('2026-10-01', '0.3')], calls))).toEqual(['2026-10-01 open']);
    expect(brief(compare([charge('2026-10-01', '0.4')], calls))).toEqual(['2026-10-01 unguarded 0.1 0.4']);
  });

  it('does not lend what ended in time', () => {
    const calls = [call('2026-10-02', '0.3')];
    expect(brief(compare([charge('2026-10-03', '0.3')], calls))).toContain('2026-10-03 unguarded 0.3 0.3');
  });
});

describe('any ledger and the activity of the same calls', () => {
  const models = [HAIKU, OPUS, 'openai/gpt-5', 'openai/gpt-5:free'];
  const days = listDays(RANGE.from, RANGE.to);
  const anyCall = fc.record({
    model: fc.constantFrom(...models),
    day: fc.constantFrom(...days.slice(0, -1)),
    micros: fc.integer({ min: 10, max: 5_000_000 }),
    kind: fc.constantFrom('billed', 'billed', 'billed', 'open'),
    isLate: fc.boolean(),
    countsNextDay: fc.boolean(),
    key: fc.constantFrom('a', 'b'),
  });
  type AnyCall = typeof anyCall extends fc.Arbitrary<infer T> ? T : never;
  const runs = process.env.SLOW ? 20_000 : 500;

  const toCall = ({ model, day, micros, kind, isLate }: AnyCall): Call => {
    const decidedMs = isLate ? parseDay(shiftDay(day, 1))! - 1 : noon(day);
    const amountUsd = (BigInt(micros) * ONE_USD) / 1_000_000n;
    return call(day, '0', {
      model,
      decidedMs,
      endedMs: decidedMs + 10,
      billedUsd: kind === 'billed' ? amountUsd : undefined,
      // The bound is more than what was charged.
      atMostUsd: kind === 'billed' ? amountUsd : 2n * amountUsd,
    });
  };

  /** Float sums by day, model and provider, in the order that a database happens to have. */
  function chargeFor(calls: readonly AnyCall[]): ActivityLine[] {
    const sums = new Map<string, { date: string; model: string; usage: number; requests: number }>();
    for (const { model, day, micros, isLate, countsNextDay } of calls) {
      const date = isLate && countsNextDay ? shiftDay(day, 1) : day;
      const sum = sums.get(`${date} ${model}`) ?? { date, model, usage: 0, requests: 0 };
      sums.set(`${date} ${model}`, { ...sum, usage: sum.usage + micros / 1e6, requests: sum.requests + 1 });
    }
    return [...sums.values()].map(({ date, model, usage, requests }) =>
      charge(date, '0', { model, requests, usageUsd: parseUsd(String(usage), 'up')! }),
    );
  }

  it('have no unguarded spend, whichever keys were used and whichever side of midnight was counted', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), (calls) => {
        const lines = compare(chargeFor(calls), calls.map(toCall));
        expect(lines.filter(({ status }) => status === 'unguarded')).toEqual([]);
      }),
      { numRuns: runs },
    );
  });

  it('show every call that is taken out of the ledger, its amount within what is named', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { minLength: 1, maxLength: 30 }), fc.nat(), (all, pick) => {
        const calls = all.map((one) => ({ ...one, isLate: false }));
        const stray = calls[pick % calls.length]!;
        const guarded = calls.filter((one) => one !== stray);
        const found = compare(chargeFor(calls), guarded.map(toCall)).filter(
          ({ status }) => status === 'unguarded',
        );
        const amountUsd = (BigInt(stray.micros) * ONE_USD) / 1_000_000n;
        expect(found.map(({ date }) => date)).toEqual([stray.day]);
        const [{ unguardedUsd, unguardedAtMostUsd } = { unguardedUsd: 0n, unguardedAtMostUsd: 0n }] = found;
        expect(unguardedUsd <= amountUsd + usd('0.000001')).toBe(true);
        expect(unguardedAtMostUsd >= amountUsd - usd('0.000001')).toBe(true);
      }),
      { numRuns: runs },
    );
  });
});

describe('a window of one key', () => {
  const book = (calls: readonly Call[]) => {
    const made = createSpendBook((written) => written);
    for (const one of calls) made.add(one);
    return made;
  };
  const use = (usage: string, byok = '0') => ({ usageUsd: usd(usage), byokUsd: usd(byok) });

  it.each([
    ['2026-10-05', '2026-10-05'],
    ['2026-10-07', '2026-10-05'],
    ['2026-10-11', '2026-10-05'],
    ['2026-03-01', '2026-02-23'],
    ['2026-01-01', '2025-12-29'],
  ])('the week of %s starts on Monday, %s', (today, monday) => {
    expect(windowStartDay('weekly', today)).toBe(monday);
  });

  it('starts today, and on the first of the month', () => {
    expect(windowStartDay('daily', '2026-10-07')).toBe('2026-10-07');
    expect(windowStartDay('monthly', '2026-10-07')).toBe('2026-10-01');
  });

  it('shows what is more than all that the ledger has since then', () => {
    const calls = [call('2026-10-06', '0.4'), call('2026-10-07', '0.3', { model: OPUS })];
    const today = (amount: string, byok?: string) =>
      printUsd(reconcileWindow('daily', use(amount, byok), book(calls), '2026-10-07').unguardedUsd);
    expect(today('0.3')).toBe('0');
    expect(today('0.5')).toBe('0.2');
    expect(today('0.3', '0.1')).toBe('0.1');
    expect(printUsd(reconcileWindow('weekly', use('0.5'), book(calls), '2026-10-07').unguardedUsd)).toBe('0');
  });

  it('lets open calls and those from before midnight explain a difference', () => {
    const before = { decidedMs: parseDay('2026-10-07')! - 1, endedMs: parseDay('2026-10-07')! + 1 };
    const calls = [call('2026-10-06', '0.4', before), openCall('2026-10-07', '0.1')];
    const window = (amount: string) => reconcileWindow('daily', use(amount), book(calls), '2026-10-07');
    expect(window('0.5')).toMatchObject({ unguardedUsd: 0n, openCalls: 1 });
    expect(window('0.6').unguardedUsd).toBe(usd('0.1'));
    const unbounded = [...calls, openCall('2026-10-07', undefined)];
    expect(reconcileWindow('daily', use('9'), book(unbounded), '2026-10-07')).toMatchObject({
      unguardedUsd: 0n,
      openUsd: undefined,
    });
  });
});

describe('predicted against billed', () => {
  it('sums calls whose bill is known, per model, and rounds the ratio half up', () => {
    const book = createPredictionBook((written) => written.toLowerCase());
    const predicted = { expectedUsd: usd('0.3'), reservedUsd: usd('0.9') };
    book.add(call('2026-10-02', '0.1', predicted));
    book.add(call('2026-10-02', '0.1', { ...predicted, askedModel: HAIKU.toUpperCase() }));
    book.add(openCall('2026-10-02', '0.9', predicted));
    book.add(call('2026-10-02', '5'));
    const [only, ...others] = book.list();
    expect(others).toEqual([]);
    expect(only).toEqual({
      model: HAIKU,
      calls: 2,
      billedUsd: usd('0.2'),
      expectedUsd: usd('0.6'),
      reservedUsd: usd('1.8'),
    });
    expect(printUsd(measureRatio(only!, only!.expectedUsd)!)).toBe('0.3333');
    expect(measureRatio(only!, 0n)).toBeUndefined();
    expect(printUsd(measureRatio({ ...only!, billedUsd: usd('0.00005') }, ONE_USD)!)).toBe('0.0001');
  });
});

describe('a day', () => {
  it.each(['2026-02-30', '2026-2-03', '2026-10-01T00:00:00Z', '20261001', '', '-2026-10-01'])(
    'is not %j',
    (text) => {
      expect(parseDay(text)).toBeUndefined();
    },
  );

  it('is followed by the next one, across months, years and leap days', () => {
    expect(['2024-02-28', '2026-02-28', '2026-12-31'].map((day) => shiftDay(day, 1))).toEqual([
      '2024-02-29',
      '2026-03-01',
      '2027-01-01',
    ]);
    expect(dayOf(Date.UTC(2026, 9, 7, 23, 59, 59, 999))).toBe('2026-10-07');
    expect(() => shiftDay('today', 1)).toThrow(RangeError);
  });
});
