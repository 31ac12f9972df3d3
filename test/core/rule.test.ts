import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../src/core/catalogue.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { ModelList } from '../../src/core/identity.js';
import { nameModel } from '../../src/core/model-names.js';
import { parseUsd } from '../../src/core/money.js';
import type { PolicyRule, RuleWhen } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Quote } from '../../src/core/price.js';
import { findRule, fits, type RuledCall } from '../../src/core/rule.js';

const FRIDAY_NOON = Date.parse('2026-11-20T12:00:00Z');

function rulesOf(rules: readonly PolicyRule[]) {
  const reading = parsePolicy({ name: 'models', rules }, nobleBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy.rules;
}

function listOf(...ids: readonly (readonly [id: string, slug?: string, target?: string])[]): ModelList {
  const models = ids.map(([id, canonicalSlug = id, aliasTarget = null]) => ({
    id,
    canonicalSlug,
    aliasTarget,
    contextLength: 200_000,
    pricing: { prices: {}, overrides: [] },
  }));
  return { models: models as unknown as CatalogueModel[] };
}

function quoteAt(inputUsdPerMtok: string): Quote {
  const inputUsd = parseUsd(inputUsdPerMtok)! / 1_000_000n;
  const admit = { inputUsd, outputUsd: 5n * inputUsd, requestUsd: 0n };
  return { kind: 'bounded', admit, bounds: { inputTokens: 1_000 } } as unknown as Quote;
}

const UNPRICED = { kind: 'unbounded', code: 'unknown_price' } as unknown as Quote;

interface Asked extends Partial<Omit<RuledCall, 'name'>> {
  readonly list?: ModelList;
  readonly atMs?: number;
}

/** Index of the rule that speaks about the model, or `none`. */
function ask(rules: readonly PolicyRule[], model: string, asked: Asked = {}): number | 'none' {
  const { list, atMs = FRIDAY_NOON, ...more } = asked;
  const call: RuledCall = {
    actor: { tenantId: 'acme' },
    action: 'llm.generate',
    name: (id) => nameModel(list, id),
    quote: quoteAt('3'),
    ...more,
  };
  return findRule(rulesOf(rules), call, model, atMs, 'UTC').rule?.index ?? 'none';
}

const allow = (model: string, when?: RuleWhen): PolicyRule => ({
  effect: 'allow',
  action: '*',
  resource: `model/${model}`,
  when,
});
const deny = (model: string, when?: RuleWhen): PolicyRule => ({ ...allow(model, when), effect: 'deny' });

describe('rules', () => {
  it('the first that matches decides, and a model without any is denied', () => {
    const rules = [allow('a/x'), deny('a/*'), allow('*')];
    expect(['a/x', 'a/y', 'b/z'].map((model) => ask(rules, model))).toEqual([0, 1, 2]);
    const call = {
      ...({} as RuledCall),
      action: 'llm.generate',
      name: (id: string) => nameModel(undefined, id),
    };
    expect(findRule(rulesOf([allow('a/x')]), call as RuledCall, 'b/z', 0, 'UTC')).toEqual({
      effect: 'deny',
      rule: null,
      model: 'b/z',
    });
  });

  it('a star crosses slashes', () => {
    expect(ask([allow('a*z')], 'a/b/z')).toBe(0);
    expect(ask([allow('*')], 'a/b:free')).toBe(0);
    expect(ask([allow('a*z')], 'a/b/zy')).toBe('none');
  });

  it('an action speaks about calls of its kind only', () => {
    const rule: PolicyRule = { ...allow('a/x'), action: 'embedding.generate' };
    expect(ask([rule], 'a/x')).toBe('none');
    expect(ask([rule], 'a/x', { action: 'embedding.generate' })).toBe(0);
  });

  it('a pattern matches as its parts do in order, without overlap', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, word) => {
        const regex = new RegExp(`^${pattern.replace(/\*+/g, '.*')}$`);
        expect(fits(pattern.split(/\*+/), word)).toBe(regex.test(word));
      }),
      { numRuns: process.env.SLOW ? 100_000 : 3_000 },
    );
  });

  it('a pattern of many stars takes no time on a long id', () => {
    const pattern = `${'a*'.repeat(100)}b`;
    expect(fits(pattern.split(/\*+/), 'a'.repeat(100_000))).toBe(false);
  });
});

describe('a denied model stays denied', () => {
  const LIST = listOf(
    ['acme/big-4.7', 'acme/big-4.7-20260416'],
    ['acme/big-4.7:free', 'acme/big-4.7-20260416'],
    ['~acme/big-latest', '~acme/big-latest', 'acme/big-4.7'],
    ['~acme/other-latest', '~acme/other-latest', 'gone/gone'],
    ['acme/old', 'acme/old-20250522'],
    ['acme/small', 'acme/small'],
  );
  const rules = [deny('acme/big-4.7'), allow('acme/small'), allow('*')];

  it.each([
    'acme/big-4.7',
    'ACME/Big-4.7',
    'acme/big-4-7',
    'acme/big-4.7-20260416',
    'acme/big-4.7:free',
    'acme/big-4.7-20260416:free',
    'acme/big-4.7:nitro',
    'acme/big-4.7:free:nitro',
    '~acme/big-latest',
    '~acme/other-latest',
    '@preset/mine',
    'acme/small@preset/mine',
    'openrouter/auto',
  ])('asked as %s', (model) => {
    expect(ask(rules, model, { list: LIST })).toBe(0);
  });

  it.each(['acme/small', 'acme/old', 'acme/big-4', 'gone/else'])('and another one, %s, is not', (model) => {
    expect(ask(rules, model, { list: LIST })).not.toBe(0);
  });

  it.each([
    'acme/big-4.7',
    'Acme/big-4-7',
    'acme/big-4.7-20260416',
    '~acme/big-4.7',
    'acme/big-4-7:free',
    'openrouter/auto',
    '@preset/x',
  ])('without a price table, asked as %s', (model) => {
    expect(ask(rules, model)).toBe(0);
  });

  it('by a dated name that no catalogue knows, asked without the date or by its dated slug', () => {
    const dated = [deny('acme/old-20250514'), allow('*')];
    for (const model of ['acme/old', 'acme/old-20250522', 'acme/old-20250514'])
      expect(ask(dated, model, { list: LIST })).toBe(0);
    expect(ask(dated, 'acme/older', { list: LIST })).toBe(1);
  });

  it('but one dated name does not stand for another, when nobody says so', () => {
    expect(ask([deny('acme/x-20250101'), allow('*')], 'acme/x-20250202')).toBe(1);
  });

  it('by a pattern, whatever name of the model it matches', () => {
    for (const pattern of ['acme/big*', '*-20260416', '*big-4-7', 'ACME/BIG-4.*'])
      expect(ask([deny(pattern), allow('*')], 'acme/big-4.7:free', { list: LIST })).toBe(0);
  });

  it('but a denied variant is that variant only', () => {
    const free = [deny('acme/big-4.7:free'), allow('*')];
    expect(ask(free, 'acme/big-4.7:free', { list: LIST })).toBe(0);
    expect(ask(free, 'acme/big-4.7', { list: LIST })).toBe(1);
    expect(ask([deny('*:free'), allow('*')], 'acme/big-4.7', { list: LIST })).toBe(1);
  });
});

describe('an allowed model is', () => {
  const LIST = listOf(
    ['acme/x', 'acme/x-20260101'],
    ['acme/x:free', 'acme/x-20260101'],
    ['acme/alias', 'acme/alias', 'evil/x'],
    ['evil/x'],
    ['~acme/x-latest', '~acme/x-latest', 'acme/x'],
  );

  it.each(['acme/x', 'ACME/X', 'acme/x-20260101', '~acme/x-latest', 'acme/x:nitro'])(
    'itself as %s',
    (model) => {
      expect(ask([allow('acme/x')], model, { list: LIST })).toBe(0);
    },
  );

  it.each(['acme/x:free', 'acme/x-20250101', 'acme/xx', 'evil/x', 'acme/alias', 'acme/x@preset/y'])(
    'not %s',
    (model) => {
      expect(ask([allow('acme/x')], model, { list: LIST })).toBe('none');
    },
  );

  it('what an id leads to, not what it is called', () => {
    expect(ask([allow('acme/*')], 'acme/alias', { list: LIST })).toBe('none');
    expect(ask([allow('evil/*')], 'acme/alias', { list: LIST })).toBe(0);
  });

  it('a router only by its own name, or together with all models', () => {
    expect(ask([allow('openrouter/*')], 'openrouter/auto', { list: LIST })).toBe('none');
    expect(ask([allow('openrouter/auto')], 'openrouter/auto', { list: LIST })).toBe(0);
    expect(ask([allow('*')], 'openrouter/auto', { list: LIST })).toBe(0);
  });
});

describe('a rule speaks only when', () => {
  const only = (when: RuleWhen, asked: Asked = {}) => ask([allow('*', when)], 'a/x', asked) === 0;

  it('the call has the values of its scope', () => {
    const actor = { tenantId: 'acme', teamId: 'red' };
    expect(only({ scope: { teamId: 'red' } }, { actor })).toBe(true);
    expect(only({ scope: { teamId: 'blue' } }, { actor })).toBe(false);
    expect(only({ scope: { teamId: 'red' } })).toBe(false);
  });

  it('the call claims its capability', () => {
    expect(only({ capability: 'data_write' }, { capabilityClaim: 'payment_execute' })).toBe(true);
    expect(only({ capability: 'data_write' }, { capabilityClaim: 'read_only' })).toBe(false);
    expect(only({ capability: 'read_only' })).toBe(false);
  });

  it('the prices that upstream is held to are within its ceilings', () => {
    expect(only({ maxInputUsdPerMtok: 3 })).toBe(true);
    expect(only({ maxInputUsdPerMtok: '2.999999' })).toBe(false);
    expect(only({ maxOutputUsdPerMtok: 15 })).toBe(true);
    expect(only({ maxInputUsdPerMtok: 3, maxOutputUsdPerMtok: '14.9' })).toBe(false);
    expect(only({ maxInputUsdPerMtok: 1_000 }, { quote: UNPRICED })).toBe(false);
  });

  it('the model is large enough, and the call small enough', () => {
    const list = listOf(['a/x']);
    expect(only({ minContextTokens: 200_000 }, { list })).toBe(true);
    expect(only({ minContextTokens: 200_001 }, { list })).toBe(false);
    expect(only({ minContextTokens: 1 })).toBe(false);
    expect(only({ maxInputTokens: 1_000 })).toBe(true);
    expect(only({ maxInputTokens: 999 })).toBe(false);
    expect(only({ maxInputTokens: 999_999 }, { quote: UNPRICED })).toBe(false);
  });

  it.each([
    ['08:00-18:00', '08:00:00', true],
    ['08:00-18:00', '07:59:59.999', false],
    ['08:00-18:00', '17:59:59.999', true],
    ['08:00-18:00', '18:00:00', false],
    ['22:00-06:00', '23:00:00', true],
    ['22:00-06:00', '05:59:59', true],
    ['22:00-06:00', '06:00:00', false],
    ['12:00-24:00', '23:59:59.999', true],
  ])('in the hours %s it is %s: %s', (hours, time, speaks) => {
    expect(only({ hours }, { atMs: Date.parse(`2026-11-20T${time}Z`) })).toBe(speaks);
  });

  it('it is one of its weekdays', () => {
    expect(only({ weekdays: ['fri'] })).toBe(true);
    expect(only({ weekdays: ['mon', 'sat', 'sun'] })).toBe(false);
    expect(only({ weekdays: ['fri'] }, { atMs: Date.parse('2026-11-21T00:00:00Z') })).toBe(false);
    expect(only({ weekdays: ['thu'] }, { atMs: Date.parse('1969-12-31T12:00:00Z') - 6 * 86_400_000 })).toBe(
      true,
    );
  });

  it('all conditions hold together', () => {
    expect(only({ weekdays: ['fri'], hours: '13:00-14:00' })).toBe(false);
    expect(only({ weekdays: ['fri'], hours: '12:00-13:00', maxInputUsdPerMtok: 3 })).toBe(true);
  });
});
