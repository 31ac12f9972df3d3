import { describe, expect, it } from 'vitest';
import {
  type BoundPrices,
  dearestPrices,
  listPrices,
  type PricedModel,
  pricesAt,
} from '../../src/core/model-prices.js';
import { parseUsd, printUsdPerMtok, type Usd } from '../../src/core/money.js';
import { findTrap, priceOf, priceTrap } from './catalogue-vectors.js';

const usd = (text: string): Usd => parseUsd(text)!;
/** 2026-10-05 is a Monday. */
const at = (time: string) => Date.parse(`2026-10-${time}Z`);
const NOON = { fromMs: at('07T12:00:00'), untilMs: at('07T12:10:00') };
const anySize = { promptTokensAtMost: 'any', ...NOON } as const;

function bound(priced: PricedModel, span: Parameters<typeof dearestPrices>[1] = anySize): BoundPrices {
  const prices = dearestPrices(priced, span);
  if (prices.kind === 'unknown') throw new Error(prices.message);
  return prices;
}

/** Input and output price in USD per million tokens. */
function perMtok(priced: PricedModel, span?: Parameters<typeof dearestPrices>[1]) {
  const { inputUsd, outputUsd } = bound(priced, span);
  return [printUsdPerMtok(inputUsd), printUsdPerMtok(outputUsd)];
}

describe('the dearest input price', () => {
  it('is that of a cache write where one is listed, the dearer lifetime counting', () => {
    expect(perMtok(priceTrap('acme/cacher'))).toEqual(['2', '2']);
    expect(perMtok(priceTrap('acme/poet-haiku-4.5'))).toEqual(['1.25', '5']);
  });

  it('is that of audio only when the request carries some', () => {
    expect(perMtok(priceTrap('acme/voice'))[0]).toBe('2.5');
    expect(perMtok(priceTrap('acme/voice'), { ...anySize, audio: true })[0]).toBe('32');
  });

  it('is that of images only when the request carries some', () => {
    expect(perMtok(priceTrap('acme/priced-painter'))[0]).toBe('1');
    expect(perMtok(priceTrap('acme/priced-painter'), { ...anySize, images: true })[0]).toBe('4');
  });
});

describe('the dearest output price', () => {
  it.each([
    ['acme/reasoner', '6'],
    ['acme/voice', '64'],
    ['acme/priced-painter', '30'],
    ['acme/plain', '0.33333333333333333'],
  ])('of %s is %s', (id, price) => {
    expect(perMtok(priceTrap(id))[1]).toBe(price);
  });
});

describe('what upstream is told to admit', () => {
  it('is the plain price, not that of cache writes and reasoning, or a dearer endpoint could write caches above the bound', () => {
    const { admit, inputUsd, outputUsd } = bound(priceTrap('acme/cacher'));
    expect([admit.promptUsd, admit.completionUsd]).toEqual([usd('0.000001'), usd('0.000002')]);
    expect([inputUsd, outputUsd]).toEqual([usd('0.000002'), usd('0.000002')]);
    expect(bound(priceTrap('acme/reasoner')).admit.completionUsd).toBe(usd('0.000002'));
  });

  it('has the fee per request, and zero where none is listed', () => {
    expect(bound(priceTrap('acme/per-request')).admit.requestUsd).toBe(usd('0.01'));
    expect(bound(priceTrap('acme/plain')).admit.requestUsd).toBe(0n);
  });
});

describe('a price is unknown', () => {
  it.each([
    ['openrouter/auto', 'routed'],
    ['openrouter/tomorrow', 'routed'],
    ['acme/composer', 'misleading_zero'],
  ])('%s: %s', (id, why) => {
    expect(dearestPrices(priceTrap(id), anySize)).toMatchObject({ kind: 'unknown', why });
    expect(listPrices(priceTrap(id)).inputUsd).toBeUndefined();
  });

  it.each([{ prompt: '0.1' }, { completion: '0.1' }, {}])('%j lacks one: missing', (pricing) => {
    expect(dearestPrices(priceOf(pricing), anySize)).toMatchObject({ kind: 'unknown', why: 'missing' });
  });

  it.each([
    { architecture: null },
    { architecture: { output_modalities: [] } },
    { architecture: { output_modalities: ['embeddings'] } },
  ])('zeros are misleading when the output is not known to be text: %j', (more) => {
    const priced = priceOf({ prompt: '0', completion: '0' }, more);
    expect(dearestPrices(priced, anySize)).toMatchObject({ why: 'misleading_zero' });
  });

  it('where an override that may apply is known only after routing', () => {
    const priced = priceTrap('acme/late-routed');
    expect(dearestPrices(priced, { promptTokensAtMost: 1001, ...NOON })).toMatchObject({ why: 'routed' });
    expect(perMtok(priced, { promptTokensAtMost: 1000, ...NOON })).toEqual(['1', '2']);
  });
});

describe('zero is free', () => {
  it.each(['acme/twin:free', 'openrouter/gift'])('%s', (id) => {
    expect(perMtok(priceTrap(id))).toEqual(['0', '0']);
    expect(bound(priceTrap(id)).unboundedKeys).toEqual([]);
    expect(listPrices(priceTrap(id)).status).toBe('free');
  });

  it('when the id says so, whatever it makes', () => {
    const more = { id: 'acme/one:free', architecture: { output_modalities: ['text', 'audio'] } };
    const priced = priceOf({ prompt: '0', completion: '0' }, more);
    expect(perMtok(priced)).toEqual(['0', '0']);
    expect(bound(priced).unboundedKeys).toEqual([]);
  });

  it('not when the call is charged in another way', () => {
    expect(bound(priceTrap('acme/per-request')).requestUsd).toBe(usd('0.01'));
    expect(listPrices(priceTrap('acme/per-request')).status).toBe('listed');
    expect(listPrices(priceOf({ prompt: '0', completion: '0', fee: '1' })).status).toBe('listed');
  });
});

describe('what has no price makes a call unbounded', () => {
  it.each([
    ['acme/new-fee', ['input_video']],
    ['acme/surge', ['region', 'season']],
    ['acme/painter', ['image_output']],
    ['acme/searcher', ['web_search']],
    ['acme/half-routed', ['web_search']],
    ['acme/search-capable', []],
    ['acme/embedder', []],
    ['acme/odd-hours', []],
  ])('%s: %j', (id, keys) => {
    expect(bound(priceTrap(id)).unboundedKeys).toEqual(keys);
  });

  it('audio sent to a model that lists no price for it', () => {
    expect(bound(priceTrap('acme/plain'), { ...anySize, audio: true }).unboundedKeys).toEqual(['audio']);
  });

  it('output of a kind that nobody knows', () => {
    const architecture = { output_modalities: ['text', 'smell'] };
    const priced = priceOf({ prompt: '0.1', completion: '0.1' }, { architecture });
    expect(bound(priced).unboundedKeys).toEqual(['smell_output']);
  });
});

describe('overrides', () => {
  it('a size counts from the first prompt above it', () => {
    const sized = (promptTokensAtMost: number) =>
      perMtok(priceTrap('acme/tiered'), { promptTokensAtMost, ...NOON });
    expect(sized(200_000)).toEqual(['2', '10']);
    expect(sized(200_001)).toEqual(['4', '15']);
  });

  it('later ones win per key, and keys that they do not name inherit', () => {
    const priced = priceTrap('acme/layered');
    const prices = (promptTokens: number) => {
      const { prompt, completion, input_cache_write } = pricesAt(priced, {
        promptTokens,
        atMs: NOON.fromMs,
      }).prices;
      return [prompt, completion, input_cache_write].map((price) => printUsdPerMtok(price as bigint));
    };
    expect(prices(1000)).toEqual(['1', '2', '3']);
    expect(prices(1001)).toEqual(['5', '6', '3']);
    expect(prices(2001)).toEqual(['4', '6', '3']);
    expect(prices(3001)).toEqual(['4', '6', '1']);
    expect(perMtok(priced)).toEqual(['5', '6']);
  });

  it.each([
    ['05T00:50:00', '05T00:59:59', '0.66'],
    ['05T00:50:00', '05T01:00:00', '1.32'],
    ['05T03:59:00', '05T04:30:00', '1.32'],
    ['05T04:00:00', '12T00:59:59', '0.66'],
    ['05T04:00:00', '12T01:00:00', '1.32'],
  ])('a call from %s to %s is bound by %s', (from, until, price) => {
    const span = { promptTokensAtMost: 10, fromMs: at(from), untilMs: at(until) };
    expect(perMtok(priceTrap('acme/monday'), span)[0]).toBe(price);
  });

  it('a cheaper hour lowers the bound only of calls that end within it', () => {
    const priced = priceTrap('acme/night');
    const span = (from: string, until: string) => ({
      promptTokensAtMost: 10,
      fromMs: at(from),
      untilMs: at(until),
    });
    expect(perMtok(priced, span('05T23:00:00', '06T01:29:59'))[0]).toBe('0.5');
    expect(perMtok(priced, span('05T23:00:00', '06T01:30:00'))[0]).toBe('1');
  });

  it('of a weekday over midnight count on both readings', () => {
    const price = (time: string) =>
      pricesAt(priceTrap('acme/monday-night'), { promptTokens: 1, atMs: at(time) }).prices.prompt;
    expect(price('05T00:30:00')).toBe(usd('0.000003'));
    expect(price('06T00:30:00')).toBe(usd('0.000003'));
    expect(price('06T22:30:00')).toBe(usd('0.000001'));
  });

  it('with a condition of tomorrow never make the bound cheaper, and always dearer', () => {
    const { prompt, completion } = pricesAt(priceTrap('acme/surge'), { promptTokens: 1, atMs: 0 }).prices;
    expect([prompt, completion]).toEqual([usd('0.000009'), usd('0.000002')]);
    expect(perMtok(priceTrap('acme/odd-hours'))[0]).toBe('7');
  });

  it('very many of them over a long span still give a bound at once', () => {
    const overrides = Array.from({ length: 64 }, (_, index) => ({
      min_prompt_tokens: index * 10,
      utc_start: (index % 24) * 100 + (index % 60),
      utc_end: ((index + 1) % 24) * 100,
      prompt: String(index + 2),
    }));
    const priced = priceOf({ prompt: '1', completion: '1', overrides });
    expect(
      perMtok(priced, { promptTokensAtMost: 'any', fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER })[0],
    ).toBe('65000000');
  });

  it.each([
    [{ promptTokensAtMost: -1, fromMs: 0, untilMs: 1 }],
    [{ promptTokensAtMost: Number.NaN, fromMs: 0, untilMs: 1 }],
    [{ promptTokensAtMost: 1, fromMs: 2, untilMs: 1 }],
    [{ promptTokensAtMost: 1, fromMs: Number.NaN, untilMs: 1 }],
    [{ promptTokensAtMost: 1, fromMs: 0.5, untilMs: 1 }],
  ])('a span that is none is a mistake: %j', (span) => {
    expect(() => dearestPrices(priceTrap('acme/plain'), span)).toThrow(RangeError);
  });
});

it('of several pricings the dearest rules, key by key', () => {
  const first = priceOf({ prompt: '1', completion: '4', request: '0.5' });
  const second = priceOf({ prompt: '3', completion: '2', fee: '1' });
  const both = { model: first.model, pricings: [...first.pricings, ...second.pricings] };
  expect(bound(both)).toMatchObject({
    inputUsd: usd('3'),
    outputUsd: usd('4'),
    requestUsd: usd('0.5'),
    unboundedKeys: ['fee'],
  });
  expect(listPrices(both)).toMatchObject({ status: 'listed', inputUsd: usd('3'), outputUsd: usd('4') });
});

it('a list for people says that a price varies', () => {
  expect(listPrices(priceTrap('acme/tiered'))).toEqual({
    status: 'listed',
    inputUsd: usd('0.000002'),
    outputUsd: usd('0.00001'),
    varies: true,
  });
  expect(listPrices(priceTrap('acme/plain')).varies).toBe(false);
  expect(findTrap('acme/tiered').pricing.overrides).toHaveLength(1);
});
