/**
 * The bound against every recorded endpoint: with `max_price` as the bound gives it, no endpoint that upstream admits
 * may bill more than the bound, whatever the tokens of the call are.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Catalogue } from '../../src/core/catalogue.js';
import { parseEndpoints } from '../../src/core/endpoint-prices.js';
import { findModel } from '../../src/core/identity.js';
import { type AdmittedPrices, type BoundPrices, dearestPrices } from '../../src/core/model-prices.js';
import { maxUsd, parseUsd, type Usd } from '../../src/core/money.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { priceOf, readModelList } from './catalogue-vectors.js';

interface Endpoint {
  readonly model_id: string;
  readonly tag: string;
  readonly pricing: { readonly [key: string]: string | number };
}

/** How many tokens, images and searches a call used, by the price key they are billed under. */
type Use = { readonly [key: string]: number };

const INPUT = ['prompt', 'input_cache_read', 'input_cache_write', 'input_cache_write_1h'] as const;
const OUTPUT = ['completion', 'internal_reasoning', 'image_output', 'audio_output'] as const;
const AUDIO = ['audio', 'input_audio_cache'] as const;
const IMAGE = ['image_token'] as const;
const SPAN = { promptTokensAtMost: 'any', fromMs: 0, untilMs: 600_000 } as const;

const priceOn = (endpoint: Endpoint, key: string): Usd => parseUsd(String(endpoint.pricing[key] ?? '0'))!;

/** Upstream compares at most these five prices of an endpoint; a call without images and audio sends three. */
function isAdmitted(
  endpoint: Endpoint,
  admit: AdmittedPrices,
  headroom: bigint,
  { audio = false, images = false } = {},
): boolean {
  const limits = {
    prompt: admit.promptUsd,
    completion: admit.completionUsd,
    request: admit.requestUsd,
    ...(images ? { image: admit.imageUsd } : {}),
    ...(audio ? { audio: admit.audioUsd } : {}),
  };
  return Object.entries(limits).every(([key, limit]) => priceOn(endpoint, key) <= limit * headroom);
}

/** A kind of token that an endpoint lists no price for is billed as plain input or output. */
function billOf(endpoint: Endpoint, use: Use): Usd {
  const price = (key: string) => {
    const plain = (OUTPUT as readonly string[]).includes(key) ? 'completion' : 'prompt';
    const isToken = key !== 'request' && key !== 'image';
    return priceOn(endpoint, key in endpoint.pricing || !isToken ? key : plain);
  };
  return Object.entries(use).reduce((sum, [key, count]) => sum + price(key) * BigInt(count), 0n);
}

function boundOf(bound: BoundPrices, use: Use, headroom: bigint): Usd {
  const count = (keys: readonly string[]) => BigInt(keys.reduce((sum, key) => sum + (use[key] ?? 0), 0));
  const sum =
    bound.inputUsd * count([...INPUT, ...AUDIO, ...IMAGE]) +
    bound.outputUsd * count(OUTPUT) +
    bound.requestUsd * count(['request']) +
    bound.imageUsd * count(['image']);
  return sum * headroom;
}

function useOf(keys: readonly string[]): fc.Arbitrary<Use> {
  const counts = fc.record(Object.fromEntries(keys.map((key) => [key, fc.nat(200_000)])));
  return counts.map((use) => ({ ...use, request: 1 }));
}

/** The bound must hold for a million of each kind of token alone: a bill is a sum of these. */
function listPureUses(keys: readonly string[]): readonly Use[] {
  return keys.map((key) => ({ [key]: 1_000_000, request: 1 }));
}

describe.skipIf(!referenceData)('every endpoint of May 2026 (needs AGENTGUARD_DATA)', () => {
  let list: Catalogue;
  let endpoints: readonly Endpoint[];

  beforeAll(() => {
    const path = join(referenceData!, 'openrouter/endpoint-prices-2026-05-18.ndjson');
    endpoints = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    list = readModelList(readReferenceJson('openrouter/models-2026-05-18-full.json'));
  });

  it.each([
    { kind: 'text', headroom: 1, audio: false, images: false, admitted: 415 },
    { kind: 'text', headroom: 2, audio: false, images: false, admitted: 660 },
    { kind: 'text', headroom: 12, audio: false, images: false, admitted: 779 },
    { kind: 'image', headroom: 1, audio: false, images: true, admitted: 415 },
    { kind: 'audio', headroom: 1, audio: true, images: false, admitted: 27 },
    { kind: 'audio', headroom: 2, audio: true, images: false, admitted: 27 },
  ])(
    '$kind at $headroom times the price: $admitted of 804 are admitted, and none bills above the bound',
    (call) => {
      const headroom = BigInt(call.headroom);
      const keys = [
        ...INPUT,
        ...OUTPUT,
        ...(call.audio ? AUDIO : []),
        ...(call.images ? [...IMAGE, 'image'] : []),
      ];
      const mixes = fc.sample(useOf(keys), { numRuns: 30, seed: 5 });
      expect(endpoints).toHaveLength(804);
      let admitted = 0;
      for (const endpoint of endpoints) {
        const model = findModel(list, endpoint.model_id)!;
        const bound = dearestPrices({ model, pricings: [model.pricing] }, { ...SPAN, ...call });
        if (bound.kind === 'unknown' || bound.unboundedKeys.length > 0) continue;
        if (!isAdmitted(endpoint, bound.admit, headroom, call)) continue;
        admitted++;
        for (const use of [...listPureUses(keys), ...mixes]) {
          const excess = billOf(endpoint, use) - boundOf(bound, use, headroom);
          expect(excess <= 0n, `${endpoint.model_id} on ${endpoint.tag}: ${JSON.stringify(use)}`).toBe(true);
        }
      }
      expect(admitted).toBe(call.admitted);
    },
  );

  it('is bounded with its own model when all endpoints of the model are in the table', () => {
    const byModel = new Map<string, Endpoint[]>();
    for (const endpoint of endpoints)
      byModel.set(endpoint.model_id, [...(byModel.get(endpoint.model_id) ?? []), endpoint]);
    let admitted = 0;
    for (const [id, group] of byModel) {
      const model = findModel(list, id)!;
      const reading = parseEndpoints({ data: { endpoints: group } });
      if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
      const pricings = [model.pricing, ...reading.pricings.map(({ pricing }) => pricing)];
      const bound = dearestPrices({ model, pricings }, SPAN);
      if (bound.kind === 'unknown' || bound.unboundedKeys.length > 0) continue;
      for (const endpoint of group) {
        expect(isAdmitted(endpoint, bound.admit, 1n), `${id} on ${endpoint.tag}`).toBe(true);
        for (const use of listPureUses([...INPUT, ...OUTPUT]))
          expect(billOf(endpoint, use) <= boundOf(bound, use, 1n), `${id} on ${endpoint.tag}`).toBe(true);
        admitted++;
      }
    }
    expect(admitted).toBe(793);
  });
});

describe('an endpoint that upstream admits', () => {
  const price = fc.integer({ min: 0, max: 50 }).map((cents) => `0.00${String(cents).padStart(2, '0')}`);

  it('bills at most the bound when its cache writes and reasoning cost, for its own price, no more than the list says', () => {
    const list = fc.record({ prompt: price, completion: price, request: price });
    const factor = fc.constantFrom(1n, 2n, 3n);
    fc.assert(
      fc.property(
        list,
        list,
        factor,
        factor,
        useOf([...INPUT, 'completion', 'internal_reasoning']),
        (listed, own, write, reason, use) => {
          const scale = (text: string, by: bigint) =>
            String((Number(by) * Math.round(Number(text) * 10_000)) / 10_000);
          const full = (prices: typeof listed) => ({
            ...prices,
            input_cache_write: scale(prices.prompt, write),
            internal_reasoning: scale(prices.completion, reason),
          });
          const bound = dearestPrices(priceOf(full(listed)), SPAN);
          if (bound.kind === 'unknown') throw new Error(bound.message);
          const endpoint = { model_id: 'acme/one', tag: 'x', pricing: full(own) };
          fc.pre(isAdmitted(endpoint, bound.admit, 1n));
          expect(billOf(endpoint, use) <= boundOf(bound, use, 1n)).toBe(true);
        },
      ),
    );
  });

  it('could bill cache writes above the bound if upstream were told the price of cache writes', () => {
    const bound = dearestPrices(priceOf({ prompt: '4', completion: '4', input_cache_write: '5' }), SPAN);
    if (bound.kind === 'unknown') throw new Error(bound.message);
    const pricing = { prompt: '5', completion: '4', input_cache_write: '6.25' };
    const dearer: Endpoint = { model_id: 'acme/one', tag: 'x', pricing };
    expect(isAdmitted(dearer, { ...bound.admit, promptUsd: bound.inputUsd }, 1n)).toBe(true);
    expect(maxUsd(billOf(dearer, { input_cache_write: 1 }), bound.inputUsd)).not.toBe(bound.inputUsd);
    expect(isAdmitted(dearer, bound.admit, 1n)).toBe(false);
  });
});
