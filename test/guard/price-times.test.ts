/** Prices that change with the clock: a call may be billed until an hour after its decision, so the dearest hour counts. */
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import { createPriceTable } from '../../src/core/price-table.js';
import { createPriceBook } from '../../src/guard/price-book.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { type StandInOptions, startStandIn } from '../../src/stand-in/server.js';
import { policyOf } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';
import { makeSyncedHome } from '../helpers/synced-home.js';

const MODEL = 'openai/gpt-5';
const HOUR_MS = 3_600_000;
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const LIST = '0.00000125';

type Override = Readonly<Record<string, unknown>>;

/** The input price in the bound of a call decided at a moment. */
function quoteAt(overrides: readonly Override[], at: string | number, inputTokens = 100): string {
  const pricing = { prompt: LIST, completion: '0.00001', overrides };
  const reading = parseCatalogue({
    data: [
      {
        id: MODEL,
        canonical_slug: MODEL,
        name: 'x',
        created: 1,
        context_length: 400_000,
        architecture: { input_modalities: ['text'], output_modalities: ['text'], tokenizer: 'GPT' },
        top_provider: { context_length: 400_000, max_completion_tokens: null },
        supported_parameters: [],
        pricing,
      },
    ],
  } as never);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  const { models } = reading.catalogue;
  const table = createPriceTable({
    models,
    fetchedAt: '2026-11-20T00:00:00.000Z',
    source: 'https://example.test',
  });
  const nowMs = typeof at === 'number' ? at : Date.parse(at);
  const price = createPriceBook(table).find(MODEL, { inputTokens, nowMs });
  if ('code' in price) throw new Error(price.message);
  return printUsd(price.bound.inputUsd);
}

const DEAR = '0.000004';
const CHEAP = '0.0000005';

describe('a dearer window', () => {
  const window = [{ utc_start: 1030, utc_end: 1400, prompt: DEAR }];
  it.each([
    ['2026-11-20T09:29:59.999Z', LIST],
    ['2026-11-20T09:30:00.000Z', DEAR],
    ['2026-11-20T10:29:59.999Z', DEAR],
    ['2026-11-20T10:30:00.000Z', DEAR],
    ['2026-11-20T13:59:59.999Z', DEAR],
    ['2026-11-20T14:00:00.000Z', LIST],
  ])('counts from an hour before it until its end: %s', (at, price) => {
    expect(quoteAt(window, at)).toBe(price);
  });
});

describe('a cheaper window', () => {
  const window = [{ utc_start: 1630, utc_end: 30, prompt: CHEAP }];
  it.each([
    ['2026-11-20T16:29:59.999Z', LIST],
    ['2026-11-20T16:30:00.000Z', CHEAP],
    ['2026-11-20T23:29:59.999Z', CHEAP],
    ['2026-11-20T23:30:00.000Z', LIST],
    ['2026-11-21T00:29:59.999Z', LIST],
  ])('counts only while it lasts for another hour, across midnight too: %s', (at, price) => {
    expect(quoteAt(window, at)).toBe(price);
  });
});

describe('a window of weekdays', () => {
  // The 20th of November 2026 is a Friday.
  const window = [{ utc_days: ['saturday'], prompt: DEAR }];
  it.each([
    ['2026-11-20T22:59:59.999Z', LIST],
    ['2026-11-20T23:00:00.000Z', DEAR],
    ['2026-11-21T23:59:59.999Z', DEAR],
    ['2026-11-22T00:00:00.000Z', LIST],
  ])('counts from an hour before its midnight: %s', (at, price) => {
    expect(quoteAt(window, at)).toBe(price);
  });
});

it('a price for large prompts counts from the first size that may reach it', () => {
  const large = [{ min_prompt_tokens: 200_000, prompt: DEAR }];
  expect(quoteAt(large, 0, 200_000)).toBe(LIST);
  expect(quoteAt(large, 0, 200_001)).toBe(DEAR);
});

it('a condition of tomorrow may always hold, and never makes a price cheaper', () => {
  for (const condition of [{ utc_months: ['june'] }, { min_output_tokens: 5 }]) {
    expect(quoteAt([{ ...condition, prompt: DEAR }], 0)).toBe(DEAR);
    expect(quoteAt([{ ...condition, prompt: CHEAP }], 0)).toBe(LIST);
  }
  expect(() => quoteAt([{ moon: 'full', prompt: CHEAP }], 0)).toThrow('may bill moon, which has no bound');
});

it('no minute of the next hour is dearer than the quote, and one is as dear', () => {
  const clock = fc.tuple(fc.nat(23), fc.nat(59)).map(([hour, minute]) => hour * 100 + minute);
  const override = fc
    .record(
      {
        start: clock,
        end: clock,
        days: fc.uniqueArray(fc.constantFrom(...DAYS), { minLength: 1 }),
        price: fc.integer({ min: 1, max: 9 }),
      },
      { requiredKeys: ['price'] },
    )
    .filter(
      ({ start, end }) =>
        (start === undefined) === (end === undefined) && (start === undefined || start !== end),
    );
  const minute = fc.integer({ min: 0, max: 14 * 24 * 60 }).map((at) => Date.UTC(2026, 1, 25) + at * 60_000);
  type Window = { start?: number; end?: number; days?: string[]; price: number };
  const holds = ({ start, end, days }: Window, date: Date) => {
    const now = date.getUTCHours() * 100 + date.getUTCMinutes();
    const today = days === undefined || days.includes(DAYS[date.getUTCDay()]!);
    if (start === undefined || end === undefined) return today;
    return today && (wraps(start, end) ? now >= start || now < end : now >= start && now < (end || 2400));
  };
  const wraps = (start: number, end: number) => end !== 0 && end < start;
  const priceAt = (list: readonly Window[], at: number) => {
    const last = list.findLast((one) => holds(one, new Date(at)));
    return last ? `0.00000${last.price}` : LIST;
  };
  const property = fc.property(fc.array(override, { maxLength: 4 }), minute, (list, nowMs) => {
    // After midnight, a window that wraps may mean the weekday it began on or the new one: both are read as dear.
    fc.pre(list.every(({ start = 0, end = 0, days }) => days === undefined || !wraps(start, end)));
    const written = list.map(({ start, end, days, price }) => ({
      ...(start === undefined ? {} : { utc_start: start, utc_end: end }),
      ...(days === undefined ? {} : { utc_days: days }),
      prompt: `0.00000${price}`,
    }));
    let dearest = 0n;
    for (let at = nowMs; at <= nowMs + HOUR_MS; at += 60_000) {
      const price = parseUsd(priceAt(list, at))!;
      if (price > dearest) dearest = price;
    }
    expect(quoteAt(written, nowMs)).toBe(printUsd(dearest));
  });
  fc.assert(property, { numRuns: process.env.SLOW ? 5_000 : 150 });
});

describe('a guarded call', () => {
  async function open(overrides: readonly Override[], clock: () => number, options: StandInOptions = {}) {
    const standIn = await startStandIn(options);
    const home = await makeSyncedHome(standIn.url, (model) => {
      if (model.id === MODEL) model.pricing = { ...model.pricing, overrides };
    });
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url });
    const guarded = withSpendGuard(client, {
      policy: policyOf([]),
      config: { home, provider: 'openrouter', clock },
    });
    onTestFinished(async () => {
      await guarded.$guard.close();
      await standIn.close();
    });
    const ask = () =>
      guarded.chat.completions.create({
        model: MODEL,
        max_tokens: 10,
        messages: [{ role: 'user', content: 'x' }],
      });
    const rows = async () => (await readRows(home)).map((row) => row.decision);
    return { standIn, ask, rows };
  }
  const window = [{ utc_start: 1000, utc_end: 1100, prompt: DEAR }];

  it('sends the price of the dearest hour as its ceiling, and records it', async () => {
    let now = Date.parse('2026-11-20T08:59:00Z');
    const { standIn, ask, rows } = await open(window, () => now);
    await ask();
    now += 2 * 60_000;
    await ask();
    const ceilings = standIn.requests
      .filter((request) => request.method === 'POST')
      .map(
        (request) =>
          (request.body as { provider: { max_price: { prompt: string } } }).provider.max_price.prompt,
      );
    expect(ceilings).toEqual(['1.25', '4']);
    const bases = (await rows()).map((row) => row.costBasis as { maxInputUsdPerToken: string } | undefined);
    expect(bases.filter(Boolean).map((basis) => basis?.maxInputUsdPerToken)).toEqual([LIST, DEAR]);
  });

  it('repeated in a cheaper hour still holds what its ceilings allow', async () => {
    let now = Date.parse('2026-11-20T10:59:00Z');
    const { ask, rows, standIn } = await open(window, () => now, {
      script: () => {
        now = Date.parse('2026-11-20T11:00:30Z');
        return standIn.requests.length < 4
          ? { kind: 'error', refusal: 'overloaded', headers: { 'retry-after-ms': '1' } }
          : { kind: 'answer' };
      },
    });
    await ask();
    const decisions = (await rows()).filter((row) => !row.entryType);
    expect(decisions.length).toBeGreaterThan(1);
    expect(new Set(decisions.map((row) => row.reservedUsd)).size).toBe(1);
    expect(decisions[1]?.costBasis).toMatchObject({ maxInputUsdPerToken: DEAR });
  });
});
