/** Overrides against a recount that tries every minute and every reading. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dearestPrices, pricesAt } from '../../src/core/model-prices.js';
import { maxUsd, parseUsd, type Usd } from '../../src/core/money.js';
import { priceOf } from './catalogue-vectors.js';

const usd = (text: string): Usd => parseUsd(text)!;
const at = (time: string) => Date.parse(`2026-10-${time}Z`);

interface Entry {
  readonly min_prompt_tokens?: number;
  readonly utc_start?: number;
  readonly utc_end?: number;
  readonly utc_days?: readonly string[];
  readonly future?: boolean;
  readonly prompt?: string;
  readonly completion?: string;
}

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MINUTE = 60_000;

/** Every way to read whether an entry applies, worked out with the calendar of the platform. */
function readings(entry: Entry, promptTokens: number, atMs: number): readonly boolean[] {
  const date = new Date(atMs);
  const clock = date.getUTCHours() * 100 + date.getUTCMinutes();
  const start = entry.utc_start ?? 0;
  const end = entry.utc_end || 2400;
  const wraps = start > end;
  const inHours = wraps ? clock >= start || clock < end : clock >= start && clock < end;
  const named = (shift: number) =>
    entry.utc_days?.includes(DAYS[new Date(atMs - shift).getUTCDay()]!) ?? true;
  const days = wraps && clock < end ? [named(0), named(1440 * MINUTE)] : [named(0)];
  const isLarge = entry.min_prompt_tokens === undefined || promptTokens > entry.min_prompt_tokens;
  const sure = days.map((day) => day && inHours && isLarge);
  return entry.future ? [true, false] : sure;
}

/** The dearest price of a key over every combination of readings. */
function dearestReading(
  base: string,
  key: 'prompt' | 'completion',
  entries: readonly Entry[],
  tokens: number,
  atMs: number,
) {
  let worlds: readonly string[] = [base];
  for (const entry of entries) {
    const own = entry[key];
    if (own === undefined) continue;
    const ways = new Set(readings(entry, tokens, atMs));
    worlds = worlds.flatMap((price) => [...ways].map((applies) => (applies ? own : price)));
  }
  return worlds.map((price) => usd(price)).reduce(maxUsd);
}

describe('a recount minute by minute', () => {
  const clock = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 1, 30, 59))
    .map(([h, m]) => h * 100 + m);
  const price = fc.constantFrom('1', '2', '3', '4', '5');
  const entry: fc.Arbitrary<Entry> = fc
    .record(
      {
        min_prompt_tokens: fc.constantFrom(0, 5, 10),
        utc_start: clock,
        utc_end: clock,
        utc_days: fc.subarray(DAYS, { minLength: 1 }),
        future: fc.boolean(),
        prompt: price,
        completion: price,
      },
      { requiredKeys: [] },
    )
    .filter(
      ({ utc_start = 0, utc_end }) =>
        utc_start !== (utc_end || 2400) && (utc_end === undefined || utc_end === 0 || utc_start !== utc_end),
    );
  const span = fc.record({
    startMs: fc
      .integer({ min: at('01T00:00:00') / 1000, max: at('15T00:00:00') / 1000 })
      .map((seconds) => seconds * 1000),
    minutes: fc.constantFrom(0, 1, 10, 90, 1500, 2900),
    tokens: fc.constantFrom(0, 5, 6, 11),
  });

  it('finds the same dearest price for any overrides, span and size', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 3 }), span, (entries, { startMs, minutes, tokens }) => {
        const overrides = entries.map(({ future, ...rest }) => (future ? { ...rest, future: 1 } : rest));
        const priced = priceOf({ prompt: '2', completion: '2', overrides });
        const untilMs = startMs + minutes * MINUTE;
        const sizes = [0, 1, 6, 11].filter((size) => size <= tokens);
        let most = { prompt: 0n, completion: 0n };
        // Every minute that the span touches, at its first moment within the span.
        for (let atMs = startMs; atMs <= untilMs; atMs = (Math.floor(atMs / MINUTE) + 1) * MINUTE) {
          for (const size of sizes) {
            const prompt = dearestReading('2', 'prompt', entries, size, atMs);
            const completion = dearestReading('2', 'completion', entries, size, atMs);
            most = {
              prompt: maxUsd(prompt, most.prompt),
              completion: maxUsd(completion, most.completion),
            };
          }
        }
        const found = dearestPrices(priced, { promptTokensAtMost: tokens, fromMs: startMs, untilMs });
        expect(found).toMatchObject({ kind: 'known', inputUsd: most.prompt, outputUsd: most.completion });
      }),
      { numRuns: process.env.SLOW ? 2000 : 150 },
    );
  }, 120_000);

  it('any moment of the week is never dearer than "any"', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), span, (entries, { startMs, tokens }) => {
        const overrides = entries.map(({ future, ...rest }) => (future ? { ...rest, future: 1 } : rest));
        const priced = priceOf({ prompt: '2', completion: '2', overrides });
        const once = pricesAt(priced, { promptTokens: tokens, atMs: startMs }).prices;
        const ever = pricesAt(priced, { promptTokens: 'any', atMs: 'any' }).prices;
        expect((once.prompt as bigint) <= (ever.prompt as bigint)).toBe(true);
        expect((once.completion as bigint) <= (ever.completion as bigint)).toBe(true);
      }),
    );
  });
});
