import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pricesAt } from '../../src/core/model-prices.js';
import { ONE_USD, type Usd } from '../../src/core/money.js';
import { comparePrices, findJumps, type JumpRule, listMoves } from '../../src/core/price-changes.js';
import { createPriceTable, listPricings, type PriceTable } from '../../src/core/price-table.js';
import type { Pricing } from '../../src/core/pricing.js';
import { priceOf, readModelList, traps } from './catalogue-vectors.js';

const RULE: JumpRule = { maxChange: 10n * ONE_USD, accepts: () => false, now: '2026-10-02T00:00:00.000Z' };
const SOURCE = { fetchedAt: '2026-10-01T00:00:00.000Z', source: 'https://x.example/' };

/** One model with these prices, later ones over these. */
function pricing(prices: Readonly<Record<string, unknown>>): object {
  return { prompt: '0.000001', completion: '0.000002', ...prices };
}

function modelsOf(...pricings: readonly object[]) {
  return readModelList({ data: pricings.map((each, index) => ({ id: `acme/m${index}`, pricing: each })) })
    .models;
}

function tableOf(...pricings: readonly object[]): PriceTable {
  return createPriceTable({ ...SOURCE, models: modelsOf(...pricings) });
}

/** The key that is held back when a model goes from one pricing to another. */
function jumpOf(was: object, now: object, rule: JumpRule = RULE): string | undefined {
  const { jumps, heldBack } = findJumps(tableOf(was), modelsOf(now), rule);
  expect(heldBack.size).toBe(jumps.length);
  return jumps[0]?.move.key;
}

describe('a price is held back', () => {
  it.each([
    ['ten times dearer and a little', { prompt: '0.0000100001' }, 'prompt'],
    ['ten times cheaper and a little', { completion: '0.00000019999' }, 'completion'],
    ['to nothing', { prompt: '0' }, 'prompt'],
    ['a cache price above ten prompts', { input_cache_write: '0.000011' }, 'input_cache_write'],
    ['a reasoning price above ten completions', { internal_reasoning: '0.000021' }, 'internal_reasoning'],
    ['a request fee where there was none', { request: '0.0000000001' }, 'request'],
    [
      'an override that is dearer',
      { overrides: [{ utc_start: 100, utc_end: 200, prompt: '0.00002' }] },
      'prompt',
    ],
    ['an override of unknown meaning', { overrides: [{ moon: 'full', completion: '1' }] }, 'completion'],
  ])('that goes %s', (_title, now, key) => expect(jumpOf(pricing({}), pricing(now))).toBe(key));

  it.each([
    ['from nothing', { prompt: '0' }, { prompt: '0.0000000001' }, 'prompt'],
    ['away from a request fee', { request: '0.1' }, {}, 'request'],
    ['from a cheap search', { web_search: '0.001' }, { web_search: '0.02' }, 'web_search'],
    [
      'beneath a dear override',
      { overrides: [{ min_prompt_tokens: 9, prompt: '0.00002' }] },
      { overrides: [{ min_prompt_tokens: 9, prompt: '0.000001' }] },
      'prompt',
    ],
  ])('that goes %s', (_title, was, now, key) => expect(jumpOf(pricing(was), pricing(now))).toBe(key));
});

describe('a price is believed', () => {
  it.each([
    ['ten times dearer', {}, { prompt: '0.00001' }],
    ['ten times cheaper', {}, { prompt: '0.0000001' }],
    ['from free to free', { prompt: '0' }, { prompt: '0' }],
    ['newly listed and cheaper than it was billed', {}, { input_cache_read: '0.00000001' }],
    ['newly listed and a little dearer than it was billed', {}, { input_cache_write: '0.00000125' }],
    ['no longer listed', { input_cache_read: '0.00000001' }, {}],
    ['listed for the first time where nobody can tell what it was', {}, { image: '5', web_search: '9' }],
    ['known only after routing by now', {}, { prompt: '-1', completion: '-1' }],
    ['known after routing so far', { prompt: '-1', completion: '-1' }, {}],
    ['a request fee of nothing', {}, { request: '0' }],
  ])('that goes %s', (_title, was, now) => expect(jumpOf(pricing(was), pricing(now))).toBeUndefined());

  it('of a model that is new, and of one that is gone nothing stays', () => {
    const old = tableOf(pricing({}), pricing({}));
    const fresh = modelsOf(pricing({})).concat(priceOf(pricing({ prompt: '99' }), { id: 'acme/new' }).model);
    expect(findJumps(old, fresh, RULE).jumps).toEqual([]);
  });

  it('that is accepted, and no other', () => {
    const fresh = modelsOf(pricing({ prompt: '1' }), pricing({ prompt: '1' }));
    const rule = { ...RULE, accepts: (id: string) => id === 'acme/m0' };
    expect(findJumps(tableOf(pricing({}), pricing({})), fresh, rule).jumps.map(({ id }) => id)).toEqual([
      'acme/m1',
    ]);
  });
});

describe('a model that is held back', () => {
  /** The tables of syncs one after the other. */
  function follow(...steps: readonly object[]): readonly PriceTable[] {
    const tables = [tableOf(steps[0]!)];
    for (const [index, step] of steps.slice(1).entries()) {
      const models = modelsOf(step);
      const rule = { ...RULE, now: `2026-10-0${index + 2}T00:00:00.000Z` };
      const { heldBack } = findJumps(tables.at(-1)!, models, rule);
      tables.push(createPriceTable({ ...SOURCE, models, heldBack }));
    }
    return tables;
  }

  it('stays so, with its first day, however often the new price is seen', () => {
    const [, ...later] = follow(
      pricing({}),
      pricing({ prompt: '1' }),
      pricing({ prompt: '1' }),
      pricing({ prompt: '1.1' }),
    );
    expect(later.map((table) => table.heldBack.get('acme/m0')?.since)).toEqual(
      Array(3).fill('2026-10-02T00:00:00.000Z'),
    );
  });

  it('is compared with the price that was believed, not with one in between', () => {
    const tables = follow(pricing({}), pricing({ prompt: '0.00005' }), pricing({ prompt: '0.0004' }));
    expect(tables.at(-1)!.heldBack.get('acme/m0')?.was.pricing.prices.prompt).toBe(ONE_USD / 1_000_000n);
  });

  it('is free again when the price comes back into reach', () => {
    const tables = follow(pricing({}), pricing({ prompt: '1' }), pricing({ prompt: '0.000002' }));
    expect(tables.map(({ heldBack }) => heldBack.size)).toEqual([0, 1, 0]);
  });

  it('never costs less than before or than listed, at any moment and size', () => {
    const price = fc.bigInt(0n, 10_000n).map((micro) => `0.${micro.toString().padStart(6, '0')}`);
    const override = fc.record({ min_prompt_tokens: fc.nat(1000), prompt: price, completion: price });
    const any = fc.record({
      prompt: price,
      completion: price,
      overrides: fc.array(override, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(any, any, fc.nat(1200), (was, now, promptTokens) => {
        const models = modelsOf(now);
        const { heldBack } = findJumps(tableOf(was), models, RULE);
        if (heldBack.size === 0) return;
        const table = createPriceTable({ ...SOURCE, models, heldBack });
        const when = { promptTokens, atMs: 0 };
        const ruling = pricesAt(listPricings(table, table.models[0]!), when).prices;
        for (const each of [was, now]) {
          const { prices } = pricesAt(priceOf(each), when);
          for (const key of ['prompt', 'completion'] as const)
            expect((ruling[key] as Usd) >= (prices[key] as Usd)).toBe(true);
        }
      }),
    );
  });

  it('is what the ratio says, at every ratio', () => {
    const units = fc.bigInt(1n, 1_000_000n);
    fc.assert(
      fc.property(units, units, fc.integer({ min: 101, max: 5_000 }), (a, b, percent) => {
        const text = (amount: bigint) => `0.${amount.toString().padStart(12, '0')}`;
        const [small, large] = a < b ? [a, b] : [b, a];
        const isFar = large * 100n > small * BigInt(percent);
        const rule = { ...RULE, maxChange: (ONE_USD * BigInt(percent)) / 100n };
        expect(jumpOf(pricing({ prompt: text(a) }), pricing({ prompt: text(b) }), rule)).toBe(
          isFar ? 'prompt' : undefined,
        );
      }),
    );
  });
});

describe('two lists of prices', () => {
  it('that are equal have no difference, in any order', () => {
    expect(comparePrices(traps.models, traps.models.toReversed())).toEqual({
      added: [],
      gone: [],
      changed: [],
    });
  });

  it('differ by what is new, gone and changed, sorted', () => {
    const old = modelsOf(pricing({}), pricing({}), pricing({}), pricing({}));
    const fresh = [modelsOf(pricing({}), pricing({ prompt: '3' }))[1]!, old[0]!].concat(
      priceOf(pricing({}), { id: 'acme/z' }).model,
      priceOf(pricing({}), { id: 'acme/a' }).model,
    );
    expect(comparePrices(old, fresh)).toEqual({
      added: ['acme/a', 'acme/z'],
      gone: ['acme/m2', 'acme/m3'],
      changed: [
        { id: 'acme/m1', moves: [{ key: 'prompt', inOverride: false, was: 10n ** 18n, now: 3n * ONE_USD }] },
      ],
    });
  });

  it('differ also by what this version does not understand, without a move', () => {
    const { changed } = comparePrices(modelsOf(pricing({})), modelsOf(pricing({ toll: { x: 1 } })));
    expect(changed).toEqual([{ id: 'acme/m0', moves: [] }]);
  });

  it('do not differ by words', () => {
    const [one, other] = ['One', 'Other'].map((name) => priceOf(pricing({}), { name }).model);
    expect(comparePrices([one!], [other!]).changed).toEqual([]);
  });

  it('tell the listed price and the dearest of the overrides apart, each once', () => {
    const read = (more: Readonly<Record<string, unknown>>): Pricing => priceOf(pricing(more)).pricings[0]!;
    const override = (prompt: string) => ({ overrides: [{ min_prompt_tokens: 1, prompt }] });
    const moves = (was: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>) =>
      listMoves(read(was), read(now)).map(({ inOverride }) => inOverride);
    expect(moves({}, { prompt: '0.00001' })).toEqual([false]);
    expect(moves(override('1'), override('2'))).toEqual([true]);
    expect(moves(override('1'), { prompt: '0.00001', ...override('2') })).toEqual([false, true]);
  });
});
