import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../src/core/canonical-json.js';
import { parseEndpoints } from '../../src/core/endpoint-prices.js';
import { dearestPrices, listPrices } from '../../src/core/model-prices.js';
import { printUsdPerMtok } from '../../src/core/money.js';
import {
  createPriceTable,
  type HeldPrice,
  hashModels,
  listPricings,
  measureTableAgeMs,
  type PriceTable,
  parsePriceTable,
  printPriceTable,
  type TableContent,
} from '../../src/core/price-table.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { findTrap, readModelList, readVector, traps } from './catalogue-vectors.js';

const FETCHED = '2026-05-18T10:20:30.456Z';
const CONTENT: TableContent = {
  fetchedAt: FETCHED,
  source: 'https://openrouter.ai/api/v1/models?output_modalities=all',
  models: traps.models,
};
const NOW = { promptTokensAtMost: 'any', fromMs: 0, untilMs: 1 } as const;

function publish(prompt: string, completion: string): HeldPrice['was'] {
  const raw = { prompt, completion };
  const [model] = readModelList({ data: [{ id: 'acme/one', pricing: raw }] }).models;
  return { raw, pricing: model!.pricing };
}

const HELD: HeldPrice = {
  since: '2026-05-17T00:00:00.000Z',
  was: publish('0.000009', '0.00001'),
  now: publish('0.0000001', '0.00002'),
};

function endpointsOf(answer: unknown) {
  const reading = parseEndpoints(answer);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.pricings;
}

const FULL: TableContent = {
  ...CONTENT,
  etag: 'W/"5-abc"',
  lastModified: 'Mon, 18 May 2026 00:00:00 GMT',
  heldBack: new Map([['acme/plain', HELD]]),
  endpoints: new Map([
    ['acme/painter', { fetchedAt: FETCHED, pricings: endpointsOf(readVector('endpoints.json')) }],
  ]),
};

function read(text: string): PriceTable {
  const reading = parsePriceTable(text);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.table;
}

const full = createPriceTable(FULL);
const TEXT = printPriceTable(full);

/** The table file with one of its keys changed, all else written as before. */
function change(edit: (table: { [key: string]: unknown }) => void): string {
  const table = JSON.parse(TEXT);
  edit(table);
  return JSON.stringify(table);
}

describe('a table file', () => {
  it.each([
    ['with all that it can hold', FULL],
    ['with models only', CONTENT],
  ])('%s reads back as it was, to the same text', (_, content) => {
    const table = createPriceTable(content);
    const text = printPriceTable(table);
    expect(read(text)).toEqual(table);
    expect(printPriceTable(read(text))).toBe(text);
  });

  it('has one line per model, sorted by id, and says where it came from in its first line', () => {
    const lines = TEXT.split('\n');
    const ids = lines
      .filter((line) => line.startsWith('{"al') || line.startsWith('{"ar'))
      .map((line) => JSON.parse(line.replace(/,$/, '')).id);
    expect(ids).toEqual(traps.models.map(({ id }) => id).toSorted());
    expect(JSON.parse(`${lines[0]?.slice(0, -1)}}`)).toEqual({
      formatVersion: 1,
      fetchedAt: FETCHED,
      source: FULL.source,
      contentHash: full.contentHash,
      etag: FULL.etag,
      lastModified: FULL.lastModified,
    });
    expect(TEXT.endsWith('\n]}\n')).toBe(true);
  });

  it('keeps every model as published', () => {
    for (const { id, raw } of traps.models)
      expect(full.models.find((model) => model.id === id)?.raw).toEqual(raw);
  });

  it('has the hash of its models, whatever their order was', () => {
    const reversed = createPriceTable({ ...CONTENT, models: traps.models.toReversed() });
    expect(reversed.contentHash).toBe(full.contentHash);
    const canonical = canonicalize(full.models.map(({ raw }) => raw));
    expect(full.contentHash).toBe(createHash('sha256').update(canonical).digest('hex'));
    expect(hashModels(full.models.slice(1))).not.toBe(full.contentHash);
  });
});

describe('a table file is refused', () => {
  it('when it ends early, wherever that is', () => {
    fc.assert(
      fc.property(fc.nat(TEXT.length - 1), (length) => {
        expect(parsePriceTable(TEXT.slice(0, length)).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('when any one character of its models is another', () => {
    const start = TEXT.indexOf('"models"');
    const at = fc.integer({ min: start, max: TEXT.length - 1 });
    fc.assert(
      fc.property(at, fc.constantFrom(...'019{}[]",:-a \n\u0000'), (at, letter) => {
        fc.pre(TEXT[at] !== letter);
        expect(parsePriceTable(TEXT.slice(0, at) + letter + TEXT.slice(at + 1)).ok).toBe(false);
      }),
      { numRuns: process.env.SLOW ? 20_000 : 500 },
    );
  });

  it.each<[string, (table: { [key: string]: unknown }) => void, string]>([
    ['of another version', (table) => (table.formatVersion = 2), 'formatVersion'],
    ['without a hash', (table) => delete table.contentHash, 'contentHash'],
    ['with a hash in capitals', (table) => (table.contentHash = 'A'.repeat(64)), 'contentHash'],
    ['with the hash of other models', (table) => (table.contentHash = '0'.repeat(64)), 'the table'],
    ['without a time', (table) => delete table.fetchedAt, 'fetchedAt'],
    [
      'with a time in another zone',
      (table) => (table.fetchedAt = '2026-05-18T10:20:30.456+02:00'),
      'fetchedAt',
    ],
    ['with a day that is none', (table) => (table.fetchedAt = '2026-02-30T10:20:30.456Z'), 'fetchedAt'],
    ['with a file for a source', (table) => (table.source = 'file:///etc/passwd'), 'source'],
    [
      'with credentials in its source',
      (table) => (table.source = 'https://me:secret@openrouter.ai/'),
      'source',
    ],
    ['with an etag that is a number', (table) => (table.etag = 5), 'etag'],
    ['with an etag that breaks a header', (table) => (table.etag = 'a\r\nb'), 'etag'],
    ['with a key of its own', (table) => (table.note = 'mine'), 'note'],
    ['without models', (table) => (table.models = []), 'models'],
    ['with models that are none', (table) => (table.models = [{}]), 'models[0].id'],
    [
      'with a price held back of no model',
      (table) => (table.heldBack = { 'acme/nobody': {} }),
      'heldBack["acme/nobody"]',
    ],
    [
      'with a price held back by nothing',
      (table) => (table.heldBack = { 'acme/plain': {} }),
      'heldBack["acme/plain"].since',
    ],
    [
      'with endpoints that are text',
      (table) => (table.endpoints = { 'acme/plain': 'x' }),
      'endpoints["acme/plain"]',
    ],
    [
      'with a negative price of an endpoint',
      (table) => (table.endpoints = { 'acme/plain': { fetchedAt: FETCHED, pricings: [{ prompt: '-3' }] } }),
      'endpoints["acme/plain"].pricings[0].prompt',
    ],
  ])('%s', (_, edit, path) => {
    const reading = parsePriceTable(change(edit));
    expect(reading.ok ? undefined : reading.problems[0]?.path).toBe(path);
  });

  it.each([
    ['empty', ''],
    ['a web page', '<!doctype html><p>Not found'],
    ['null', 'null'],
    ['an array', '[]'],
    ['the answer of the models list itself', JSON.stringify(readVector('traps.json'))],
    ['the same in other words', JSON.stringify(JSON.parse(TEXT))],
    ['without its last line feed', TEXT.slice(0, -1)],
    ['with a byte order mark', `\uFEFF${TEXT}`],
    ['with a key twice', TEXT.replace('{"formatVersion":1', '{"formatVersion":1,"formatVersion":1')],
    ['nested without end', `{"formatVersion":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('%s', (_, text) => {
    const reading = parsePriceTable(text);
    expect(reading.ok).toBe(false);
    expect(reading.ok ? '' : reading.problems[0]?.message).not.toBe('');
  });
});

describe('a table of', () => {
  it.each([
    ['a time that is none', { fetchedAt: 'yesterday' }],
    ['a source that is none', { source: 'here' }],
    ['no models', { models: [] }],
    ['two models of one id', { models: [findTrap('acme/plain'), findTrap('acme/plain')] }],
  ])('%s cannot be made', (_, wrong) => {
    expect(() => createPriceTable({ ...CONTENT, ...wrong })).toThrow(TypeError);
  });

  it('models that are gone drops what was held back of them', () => {
    const models = traps.models.filter(({ id }) => id !== 'acme/plain' && id !== 'acme/painter');
    const table = createPriceTable({ ...FULL, models });
    expect([table.heldBack.size, table.endpoints.size]).toEqual([0, 0]);
  });
});

describe('the prices of a model', () => {
  const perMtok = (table: PriceTable, id: string) => {
    const prices = dearestPrices(listPricings(table, findTrap(id)), NOW);
    if (prices.kind === 'unknown') throw new Error(prices.message);
    return [printUsdPerMtok(prices.inputUsd), printUsdPerMtok(prices.outputUsd), prices.unboundedKeys];
  };

  it('held back are the dearer of both, key by key', () => {
    expect(perMtok(full, 'acme/plain')).toEqual(['9', '20', []]);
    const { inputUsd } = listPrices(listPricings(full, findTrap('acme/plain')));
    expect(printUsdPerMtok(inputUsd!)).toBe('9');
  });

  it('of its endpoints bound what the list leaves open', () => {
    expect(perMtok(full, 'acme/painter')).toEqual(['1.5', '60', []]);
    expect(perMtok(createPriceTable(CONTENT), 'acme/painter')).toEqual(['1', '2', ['image_output']]);
  });

  it('are the listed ones otherwise', () => {
    expect(listPricings(full, findTrap('acme/twin')).pricings).toEqual([findTrap('acme/twin').pricing]);
  });
});

describe('an answer of endpoints', () => {
  it('gives each pricing once', () => {
    // The third endpoint charges what the first does.
    expect(endpointsOf(readVector('endpoints.json'))).toHaveLength(2);
  });

  it('of an alias may have none', () => {
    expect(endpointsOf({ data: { endpoints: [] } })).toEqual([]);
  });

  it.each([
    [{}, 'the answer.data'],
    [{ data: {} }, 'the answer.data.endpoints'],
    [{ data: { endpoints: [{}] } }, 'the answer.data.endpoints[0].pricing'],
    [{ data: { endpoints: [{ pricing: { prompt: '-2' } }] } }, 'the answer.data.endpoints[0].pricing.prompt'],
    [{ data: { endpoints: ['x'] } }, 'the answer.data.endpoints[0]'],
  ])('%j is refused', (answer: object, path: string) => {
    expect(parseEndpoints(answer)).toMatchObject({ ok: false, problems: [{ path }] });
  });
});

it('age is counted from the time of the fetch', () => {
  expect(measureTableAgeMs(full, Date.parse(FETCHED) + 90_000)).toBe(90_000);
  expect(measureTableAgeMs(full, Date.parse(FETCHED) - 1)).toBe(-1);
});

describe.skipIf(!referenceData)('the catalogue of May 2026 (needs AGENTGUARD_DATA)', () => {
  it('survives the table file to the last digit of every price', () => {
    const { models } = readModelList(readReferenceJson('openrouter/models-2026-05-18-full.json'));
    const table = createPriceTable({ ...CONTENT, models });
    const again = read(printPriceTable(table));
    expect(again.models).toHaveLength(356);
    for (const model of models) expect(again.models.find(({ id }) => id === model.id)).toEqual(model);
  });

  it('has endpoints whose answers are all read', () => {
    const answers = readReferenceJson('openrouter/endpoints-2026-05-18-excerpt.json') as object;
    const counts = Object.values(answers).map((answer) => endpointsOf(answer).length);
    expect(counts.length).toBeGreaterThanOrEqual(9);
    expect(Math.max(...counts)).toBeGreaterThan(1);
  });
});
