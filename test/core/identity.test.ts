import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Catalogue } from '../../src/core/catalogue.js';
import { findModel, ROUTING_SUFFIXES, resolveModel, sameIdentity } from '../../src/core/identity.js';
import { spellDatedId } from '../../src/core/model-id.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { readModelList, traps } from './catalogue-vectors.js';

function resolveId(written: string, list: Catalogue = traps) {
  const found = resolveModel(list, written);
  return found.kind === 'known' ? `${found.id} ${found.how}` : found.kind;
}

const listOf = (...ids: readonly (string | readonly [string, string])[]) =>
  readModelList({
    data: ids.map((entry) => {
      const [id, slug] = typeof entry === 'string' ? [entry, undefined] : entry;
      return { id, canonical_slug: slug, pricing: { prompt: '1', completion: '1' } };
    }),
  });

describe('a written id means', () => {
  it.each([
    ['acme/poet-haiku-4.5', 'acme/poet-haiku-4.5 exact'],
    ['acme/poet-haiku-4-5', 'acme/poet-haiku-4.5 spelling'],
    ['Acme/Poet-Haiku-4.5', 'acme/poet-haiku-4.5 spelling'],
    ['acme/poet-4.5-haiku-20251001', 'acme/poet-haiku-4.5 canonical'],
    ['acme/poet-4-5-haiku-20251001', 'acme/poet-haiku-4.5 spelling'],
    ['acme/poet-haiku-4.5-20251001', 'acme/poet-haiku-4.5 dated'],
    ['acme/poet-haiku-4-5-20251001', 'acme/poet-haiku-4.5 dated'],
    ['acme/poet-haiku-4-5-2025-10-01', 'acme/poet-haiku-4.5 dated'],
    ['~acme/poet-latest', 'acme/poet-haiku-4.5 alias'],
    ['~acme/newest', 'acme/poet-haiku-4.5 alias'],
    ['acme/plain-20260401', 'acme/plain canonical'],
    ['acme/vision-4-20251208', 'acme/vision-4v canonical'],
    ['acme/tie-1.5', 'acme/tie-1.5 exact'],
    ['acme/tie-1-5', 'acme/tie-1-5 exact'],
    ['openrouter/gift', 'openrouter/gift exact'],
  ])('%s: %s', (written, meant) => {
    expect(resolveId(written)).toBe(meant);
  });

  it.each([
    ['openrouter/auto', 'router'],
    ['OpenRouter/Auto', 'router'],
    ['openrouter/auto:online', 'router'],
    ['openrouter/auto-beta', 'router'],
    ['openrouter/fusion', 'router'],
    ['openrouter/free', 'router'],
    ['openrouter/tomorrow', 'router'],
    ['@preset/cheap', 'preset'],
    ['acme/plain@preset/cheap', 'preset'],
    ['~acme/secret-latest', 'alias'],
    ['~acme/gone-latest', 'alias'],
    ['~acme/loop-a', 'alias'],
    ['~acme/secret-latest:nitro', 'alias'],
  ])('no one model: %s is a %s', (written, kind) => {
    expect(resolveId(written)).toBe(kind);
  });

  it.each([
    '',
    'plain',
    'acme/poet',
    'acme/poet-4.5-haiku',
    'acme/poet-haiku-5.4',
    'acme/poet-haiku-5-4-20251001',
    'acme/poet-haiku-4.5-20251002',
    'acme/haiku-poet-4.5-20251001',
    'other/poet-haiku-4.5',
    'acme/plain-20260402',
    'acme/plain:free',
    'acme/plain:cheap',
    'acme/plain:',
    'acme/plain:free:nitro',
    'acme/vision-4-20251207',
    'acme/twin-20260101:batch:free',
    'constructor',
    '__proto__',
    'x'.repeat(257),
  ])('nothing that is known: %s', (written) => {
    expect(resolveId(written)).toBe('unknown');
  });

  it('nothing when a spelling could mean two models, and both are named', () => {
    expect(resolveModel(traps, 'ACME/tie-1.5')).toEqual({
      kind: 'unknown',
      nearest: ['acme/tie-1.5', 'acme/tie-1-5'],
      ambiguous: true,
    });
  });

  it('nothing when two models share the name that answers carry', () => {
    const list = listOf(['acme/a', 'acme/both-20250101'], ['acme/b', 'acme/both-20250101']);
    expect(resolveModel(list, 'acme/both-20250101')).toMatchObject({ kind: 'unknown', ambiguous: true });
  });

  it('the nearest ids when it is unknown', () => {
    expect(resolveModel(traps, 'acme/poet-hiaku-4.5')).toEqual({
      kind: 'unknown',
      nearest: ['acme/poet-haiku-4.5'],
      ambiguous: false,
    });
  });
});

it('a router of tomorrow is known by its tokenizer, but only in the house of the routers', () => {
  const entry = { pricing: { prompt: '1', completion: '1' }, architecture: { tokenizer: 'Router' } };
  const ids = ['openrouter/next', 'acme/next'];
  const list = readModelList({ data: ids.map((id) => ({ id, ...entry })) });
  expect(ids.map((id) => resolveModel(list, id).kind)).toEqual(['router', 'known']);
});

describe('a free model and its paid twin', () => {
  it.each([
    ['acme/twin', 'acme/twin'],
    ['acme/twin:free', 'acme/twin:free'],
    ['acme/twin:thinking', 'acme/twin:thinking'],
    ['acme/twin-20260101', 'acme/twin'],
    ['acme/twin-20260101:free', 'acme/twin:free'],
    ['ACME/twin:FREE', 'acme/twin:free'],
  ])('%s is %s', (written, id) => {
    expect(resolveModel(traps, written)).toMatchObject({ kind: 'known', id });
  });

  it('share a canonical slug and are two models', () => {
    expect(sameIdentity(traps, 'acme/twin', 'acme/twin:free')).toBe(false);
    expect(sameIdentity(traps, 'acme/twin:free', 'acme/twin:thinking')).toBe(false);
    expect(sameIdentity(traps, 'acme/twin-20260101:free', 'acme/twin:free')).toBe(true);
  });

  it('the free one never stands in for a paid one that is not listed', () => {
    const list = listOf(['acme/gift:free', 'acme/gift']);
    expect(resolveId('acme/gift', list)).toBe('unknown');
    expect(resolveId('acme/gift:nitro', list)).toBe('unknown');
  });
});

describe('a suffix', () => {
  it.each(ROUTING_SUFFIXES)(':%s routes to the same model', (suffix) => {
    expect(resolveModel(traps, `acme/plain:${suffix}`)).toMatchObject({
      id: 'acme/plain',
      suffixes: [suffix],
      variant: null,
    });
    expect(sameIdentity(traps, 'acme/plain', `acme/plain:${suffix}`)).toBe(true);
  });

  it('of its own entry is a model of its own', () => {
    expect(resolveModel(traps, 'acme/twin:thinking')).toMatchObject({ suffixes: [], variant: 'thinking' });
    expect(sameIdentity(traps, 'acme/twin', 'acme/twin:thinking')).toBe(false);
  });

  it('after another is kept in order', () => {
    expect(resolveModel(traps, 'acme/twin:free:nitro:online')).toMatchObject({
      id: 'acme/twin:free',
      identity: 'acme/twin-20260101:free',
      suffixes: ['nitro', 'online'],
    });
  });
});

describe('two written ids', () => {
  it.each([
    ['acme/poet-haiku-4-5', 'acme/poet-4.5-haiku-20251001'],
    ['~acme/poet-latest', 'acme/poet-haiku-4.5'],
    ['other/one-1.5', 'other/one-1-5'],
    ['openrouter/auto', 'openrouter/auto'],
  ])('%s and %s mean one model', (a, b) => {
    expect(sameIdentity(traps, a, b)).toBe(true);
    expect(sameIdentity(traps, b, a)).toBe(true);
  });

  it.each([
    ['acme/tie-1.5', 'acme/tie-1-5'],
    ['acme/vision-4', 'acme/vision-4v'],
    ['~acme/secret-latest', 'acme/poet-haiku-4.5'],
    ['other/one', 'other/two'],
    ['acme/plain', 'acme/plain-2'],
    ['openrouter/auto', 'openrouter/fusion'],
    ['@preset/a', '@preset/b'],
  ])('%s and %s are two', (a, b) => {
    expect(sameIdentity(traps, a, b)).toBe(false);
    expect(sameIdentity(traps, b, a)).toBe(false);
  });
});

it.each([
  'acme/one-20251301x',
  'acme/one-1-mini-2-20251001',
  'acme/one-20251001',
  'acme/one-2.5',
  '20251001',
])('%s has no version that could stand elsewhere', (id) => {
  expect(spellDatedId(id)).toBeUndefined();
});

it('a model is found by exactly its id', () => {
  expect(findModel(traps, 'acme/twin:free')?.id).toBe('acme/twin:free');
  expect(findModel(traps, 'acme/twin-20260101')).toBeUndefined();
  expect(findModel(traps, 'toString')).toBeUndefined();
});

describe('in any catalogue', () => {
  const part = fc.constantFrom('a', 'b', '1', '2', '4.5', '4-5', '20250101');
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('-'));
  const id = fc
    .tuple(name, fc.constantFrom('', '', ':free', ':thinking'))
    .map(([base, variant]) => `x/${base}${variant}`);
  const list = fc
    .uniqueArray(fc.tuple(id, name), { selector: ([id]) => id, minLength: 1, maxLength: 8 })
    .map((entries) => listOf(...entries.map(([id, slug]) => [id, `x/${slug}`] as const)));

  it('a listed id means exactly its own model, and no two models answer to one name', () => {
    fc.assert(
      fc.property(list, id, (models, written) => {
        for (const model of models.models)
          expect(resolveModel(models, model.id)).toMatchObject({ id: model.id });
        const found = resolveModel(models, written);
        if (found.kind !== 'known') return;
        const digits = (text: string) =>
          text
            .replace(/[^0-9a-z]/g, '')
            .split('')
            .sort()
            .join('');
        const names = [found.id, found.identity].map(digits);
        // Whatever was recognised has the letters and digits of a name of that model, suffixes aside.
        const base = found.suffixes.reduce(
          (text, suffix) => text.replace(new RegExp(`:${suffix}$`), ''),
          written,
        );
        expect(names).toContain(digits(base));
      }),
      { numRuns: process.env.SLOW ? 20_000 : 1000 },
    );
  });
});

describe.skipIf(!referenceData)('the catalogue of May 2026 (needs AGENTGUARD_DATA)', () => {
  const may = () => readModelList(readReferenceJson('openrouter/models-2026-05-18-full.json'));
  const ROUTERS = ['openrouter/auto', 'openrouter/bodybuilder', 'openrouter/free', 'openrouter/pareto-code'];

  it('has four routers, eight aliases that tell no target, and 344 models', () => {
    const list = may();
    const kinds = list.models.map(({ id }) => resolveModel(list, id).kind);
    expect(kinds.filter((kind) => kind === 'known')).toHaveLength(344);
    expect(kinds.filter((kind) => kind === 'alias')).toHaveLength(8);
    expect(
      list.models
        .filter((_, index) => kinds[index] === 'router')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ROUTERS);
  });

  it('gives every model an identity of its own, reached by every spelling of its names and by no other name', () => {
    const list = may();
    const identities = new Set<string>();
    for (const model of list.models) {
      const exact = resolveModel(list, model.id);
      if (exact.kind !== 'known') continue;
      expect(exact).toMatchObject({ id: model.id, how: 'exact' });
      identities.add(exact.identity);
      const names = [model.id, exact.identity];
      const dashed = names.map((name) => name.replaceAll('.', '-'));
      for (const name of [...names, ...dashed, model.id.toUpperCase()]) {
        expect(resolveModel(list, name), name).toMatchObject({ kind: 'known', id: model.id });
      }
      if (exact.variant === null && !findModel(list, `${model.id}:free`))
        expect(resolveId(`${model.id}:free`, list)).toBe('unknown');
    }
    expect(identities.size).toBe(344);
  });

  it('keeps 17 pairs apart that share a canonical slug', () => {
    const list = may();
    const pairs = list.models.flatMap((a, index) =>
      list.models
        .slice(index + 1)
        .flatMap((b) => (a.canonicalSlug === b.canonicalSlug ? [[a.id, b.id] as const] : [])),
    );
    expect(pairs).toHaveLength(17);
    for (const [a, b] of pairs) expect(sameIdentity(list, a, b)).toBe(false);
  });

  it.each([
    ['anthropic/claude-opus-4-7', 'anthropic/claude-opus-4.7 spelling'],
    ['anthropic/claude-4.5-haiku-20251001', 'anthropic/claude-haiku-4.5 canonical'],
    ['anthropic/claude-haiku-4-5-20251001', 'anthropic/claude-haiku-4.5 dated'],
    ['anthropic/claude-sonnet-4-20250514', 'unknown'],
    ['z-ai/glm-4.6-20251208', 'z-ai/glm-4.6v canonical'],
    ['google/gemini-pro', 'unknown'],
  ])('%s: %s', (written, meant) => {
    expect(resolveId(written, may())).toBe(meant);
  });

  it('one letter more or less never names another model', () => {
    const list = may();
    const pick = fc.nat(list.models.length - 1);
    fc.assert(
      fc.property(pick, fc.nat(60), fc.constantFrom('', 'x', '7', '-', '.'), (at, place, letter) => {
        const { id } = list.models[at]!;
        const cut = Math.min(place, id.length - 1);
        const written = id.slice(0, cut) + letter + id.slice(cut + (letter === '' ? 1 : 0));
        const found = resolveModel(list, written);
        if (found.kind !== 'known') return;
        const fold = (text: string) => text.toLowerCase().replaceAll('.', '-');
        expect([fold(found.id), fold(found.identity)]).toContain(fold(written));
      }),
      { numRuns: 500 },
    );
  });
});
