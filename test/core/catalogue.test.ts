import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../src/core/canonical-json.js';
import { findJsonFault, MAX_MODELS, parseCatalogue } from '../../src/core/catalogue.js';
import type { Json } from '../../src/core/json.js';
import { printUsd } from '../../src/core/money.js';
import { type PriceKey, parseUnitPrice } from '../../src/core/pricing.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { findTrap, readModelList, readVector, traps, trimDecimal } from './catalogue-vectors.js';

interface Refused {
  readonly title: string;
  readonly answer: unknown;
  readonly path: string;
  readonly message: string;
}

interface Listed {
  readonly id: string;
  readonly pricing: { readonly [key: string]: string };
}

const PRICES = { prompt: '0.000001', completion: '0.000002' };

describe('an answer is refused as a whole', () => {
  it.each(readVector('refused.json') as readonly Refused[])('for $title', ({ answer, path, message }) => {
    const reading = parseCatalogue(answer);
    expect(reading.ok).toBe(false);
    const problems = reading.ok ? [] : reading.problems;
    expect(problems[0]).toEqual({ path, message: expect.stringContaining(message) });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number that is none', { data: [{ id: 'acme/one', pricing: PRICES, created: Number.NaN }] }],
    ['a function', { data: [{ id: 'acme/one', pricing: PRICES, name: () => 'x' }] }],
    ['a bigint', { data: [{ id: 'acme/one', pricing: PRICES, created: 1n }] }],
  ])('for %s', (_, answer) => {
    expect(parseCatalogue(answer).ok).toBe(false);
  });

  it('for nesting without end, without a stack overflow', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect(findJsonFault(deep)).toContain('deeper than 16');
    expect(parseCatalogue({ data: [{ id: 'acme/one', pricing: PRICES, extra: deep }] }).ok).toBe(false);
  });

  it('for more models than any catalogue has', () => {
    const data = Array.from({ length: MAX_MODELS + 1 }, (_, index) => ({
      id: `acme/m${index}`,
      pricing: PRICES,
    }));
    expect(parseCatalogue({ data })).toMatchObject({ ok: false, problems: [{ path: 'data' }] });
    expect(parseCatalogue({ data: data.slice(1) }).ok).toBe(true);
  });

  it('for one bad price among good ones, and every bad one is named', () => {
    const data = ['a', 'b', 'c'].map((name) => ({
      id: `acme/${name}`,
      pricing: { ...PRICES, prompt: name },
    }));
    const reading = parseCatalogue({ data: [{ id: 'acme/good', pricing: PRICES }, ...data] });
    expect(reading.ok ? [] : reading.problems.map(({ path }) => path)).toEqual(
      ['a', 'b', 'c'].map((name) => `data["acme/${name}"].pricing.prompt`),
    );
  });

  it('with at most 50 problems, the last of which counts the rest', () => {
    const data = Array.from({ length: 70 }, (_, index) => ({ id: `acme/m${index}` }));
    const reading = parseCatalogue({ data });
    const problems = reading.ok ? [] : reading.problems;
    expect(problems).toHaveLength(50);
    expect(problems[49]).toEqual({ path: 'data', message: 'has 21 more problems' });
  });

  it('or read, whatever JSON it is, without an exception', () => {
    const model = fc.record(
      {
        id: fc.constantFrom('acme/one', 'acme/two', 5, 'x'),
        pricing: fc.jsonValue(),
        top_provider: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const answer = fc.oneof(fc.jsonValue(), fc.record({ data: fc.array(fc.oneof(model, fc.jsonValue())) }));
    fc.assert(
      fc.property(answer, (value) => {
        const reading = parseCatalogue(value);
        if (!reading.ok) expect(reading.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: process.env.SLOW ? 20_000 : 1000 },
    );
  });
});

describe('a unit price', () => {
  it.each([
    '',
    '-',
    '-0',
    '-1 ',
    '-2',
    '+1',
    '.5',
    '5.',
    '1e',
    '1e999',
    '1e-999',
    '1e100',
    '٣',
    '1_000',
    '1000001',
  ])('%j is none', (text) => {
    expect(parseUnitPrice(text)).toBeUndefined();
  });

  it.each([
    ['0', '0'],
    ['0.00000008333333333333334', '0.00000008333333333333334'],
    ['8e-06', '0.000008'],
    ['1E3', '1000'],
    ['1000000', '1000000'],
    ['0.000000000000000000000001', '0.000000000000000000000001'],
  ])('%j is exactly %s', (text, exact) => {
    expect(printUsd(parseUnitPrice(text) as bigint)).toBe(exact);
  });

  it('finer than the scale is rounded up, never down', () => {
    expect(parseUnitPrice('0.0000000000000000000000001')).toBe(1n);
    expect(parseUnitPrice('0.0000000000000000000000011')).toBe(2n);
  });

  it('of minus one is known only after routing', () => {
    expect(parseUnitPrice('-1')).toBe('routed');
  });
});

describe('a catalogue of tomorrow', () => {
  it('keeps what is not known, and drops the description', () => {
    const model = findTrap('acme/zero-limits');
    expect(model.raw.hype_level).toEqual({ of: ['tomorrow'] });
    expect(model.raw).not.toHaveProperty('description');
    expect(findTrap('acme/new-fee').raw.pricing).toHaveProperty('input_smell', '0');
  });

  it('has unknown price keys only where something is charged', () => {
    expect(findTrap('acme/new-fee').pricing.unknownKeys).toEqual(['input_video']);
    expect(findTrap('acme/cacher').pricing.unknownKeys).toEqual([]);
  });

  it.each([true, 5, '0.1', 'free', ['0'], { usd: '1' }])('charges something unknown: %j', (fee) => {
    const [model] = readModelList({ data: [{ id: 'acme/one', pricing: { ...PRICES, fee } }] }).models;
    expect(model?.pricing.unknownKeys).toEqual(['fee']);
  });

  it.each([null, false, 0, '0', '0.000'])('charges nothing unknown: %j', (fee) => {
    const [model] = readModelList({ data: [{ id: 'acme/one', pricing: { ...PRICES, fee } }] }).models;
    expect(model?.pricing.unknownKeys).toEqual([]);
  });

  it('takes a key of an override that it does not know for a condition, and for a price where it is text', () => {
    const [entry] = findTrap('acme/surge').pricing.overrides;
    expect(entry).toMatchObject({ unknownConditions: ['region'], unknownKeys: ['region'] });
    const [odd] = findTrap('acme/odd-hours').pricing.overrides;
    expect(odd).toMatchObject({ unknownConditions: ['utc_start'], unknownKeys: [] });
  });

  it('may hold keys that every object inherits', () => {
    const text = `{"data":[{"id":"acme/one","pricing":{"prompt":"1","completion":"1","__proto__":"2","constructor":"3"},"__proto__":{"id":"acme/two"}}]}`;
    const [model] = readModelList(JSON.parse(text)).models;
    expect(model?.id).toBe('acme/one');
    expect(model?.pricing.unknownKeys).toEqual(['__proto__', 'constructor']);
    expect(canonicalize(model!.raw)).toContain('"__proto__":{"id":"acme/two"}');
  });
});

describe('limits of a model', () => {
  it('a limit of zero tokens is an unknown one', () => {
    const { contextLength, topProvider } = findTrap('acme/zero-limits');
    expect([contextLength, topProvider]).toEqual([null, { contextLength: null, maxCompletionTokens: null }]);
  });

  it('an expiry is the first moment of its day, and one that is no day is left out', () => {
    expect(findTrap('acme/leaving').expiresAtMs).toBe(Date.UTC(2026, 5, 1));
    expect(findTrap('acme/plain').expiresAtMs).toBeNull();
    const pricing = PRICES;
    const [model] = readModelList({
      data: [{ id: 'acme/one', pricing, expiration_date: '2026-02-30' }],
    }).models;
    expect(model?.expiresAtMs).toBeNull();
  });

  it('a name that is no proper text gives way to the id', () => {
    const data = [{ id: 'acme/one', pricing: PRICES, name: 'a\nb' }];
    expect(readModelList({ data }).models[0]?.name).toBe('acme/one');
  });
});

it('every model of the synthetic catalogue is read', () => {
  const { data } = readVector('traps.json') as { readonly data: readonly Listed[] };
  expect(traps.models.map(({ id }) => id)).toEqual(data.map(({ id }) => id));
});

describe.skipIf(!referenceData)('the catalogue of May 2026 (needs AGENTGUARD_DATA)', () => {
  const read = () =>
    readReferenceJson('openrouter/models-2026-05-18-full.json') as { readonly data: readonly Listed[] };

  it('gives 356 models, every price exact to its last digit', () => {
    const { data } = read();
    const { models } = readModelList({ data });
    expect(models).toHaveLength(356);
    let compared = 0;
    for (const [index, { id, pricing }] of data.entries()) {
      const model = models[index]!;
      expect(model.id).toBe(id);
      expect(model.pricing.unknownKeys).toEqual([]);
      for (const [key, text] of Object.entries(pricing)) {
        const price = model.pricing.prices[key as PriceKey];
        expect(typeof price === 'bigint' ? printUsd(price) : '-1', `${id} ${key}`).toBe(trimDecimal(text));
        compared++;
      }
    }
    expect(compared).toBe(1033);
  });

  it('is refused when any one price is negative, absurd or no text', () => {
    const source = read().data;
    const bad = fc.constantFrom<Json>('-0.1', '1e999', '', 'free', 0.1, null, '99999999');
    fc.assert(
      fc.property(
        fc.nat(source.length - 1),
        fc.constantFrom('prompt', 'completion', 'audio'),
        bad,
        (at, key, value) => {
          const data: unknown[] = [...source];
          data[at] = { ...source[at], pricing: { ...source[at]!.pricing, [key]: value } };
          const reading = parseCatalogue({ data });
          expect(reading.ok ? [] : reading.problems.map(({ path }) => path)).toEqual([
            `data["${source[at]!.id}"].pricing.${key}`,
          ]);
        },
      ),
      { numRuns: 20 },
    );
  });
});
