import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Call, type Decision, decide } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { nameModel } from '../../src/core/model-names.js';
import type { Policy, PolicyRule, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Quote } from '../../src/core/price.js';
import { breaksRoutes, joinRoutes, permits, type Routes } from '../../src/core/provider-rule.js';

/** A Friday. */
const NOW = Date.parse('2026-11-20T12:00:00Z');
type Line = readonly [effect: 'allow' | 'deny', provider: string, more?: Partial<PolicyRule>];

function read(lines: readonly Line[], more: Partial<SpendPolicy> = {}) {
  const rules = lines.map(([effect, provider, rest]) => ({
    effect,
    action: '*',
    resource: `provider/${provider}`,
    ...rest,
  }));
  return parsePolicy({ name: 'P', rules, ...more }, nobleBackend);
}

function policyOf(lines: readonly Line[], more: Partial<SpendPolicy> = {}): Policy {
  const reading = read(lines, more);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

const UNITS = { inputUsd: 0n, outputUsd: 0n, requestUsd: 0n };
const quote = (model: string): Quote => ({
  kind: 'bounded',
  model,
  identity: model,
  price: {
    model,
    identity: model,
    source: 'override',
    list: UNITS,
    bound: UNITS,
    admit: UNITS,
    cacheWriteFactor: 1n,
  },
  bounds: {
    inputTokens: 1,
    outputTokens: 1,
    expectedInputTokens: 1,
    expectedOutputTokens: 1,
    writesCache: false,
  },
  hasFallbacks: false,
  max: UNITS,
  admit: UNITS,
  expectedUsd: 1n,
  reservedUsd: 1n,
});

const callOf = (routes: readonly string[], provider = 'openrouter', more: Partial<Call> = {}): Call => ({
  actor: { tenantId: 'acme' },
  run: 'r',
  model: 'a/b',
  quote,
  action: 'llm.generate',
  name: (id) => nameModel(undefined, id),
  listFallbacks: () => [],
  upstream: { provider, routes },
  ...more,
});
const totals = () => ({ settled: 0n, held: 0n, heldExpected: 0n });
const run = (policy: Policy, ...call: Parameters<typeof callOf>): Decision =>
  decide(policy, totals, callOf(...call), NOW);

const ONLY_TWO: readonly Line[] = [
  ['allow', 'anthropic'],
  ['allow', 'amazon-bedrock'],
];
const NOT_ONE: readonly Line[] = [
  ['deny', 'deepinfra'],
  ['allow', '*'],
];

describe('rules about providers, behind a router', () => {
  it.each<[string, readonly Line[], Routes]>([
    ['an allow list', ONLY_TWO, { only: ['anthropic', 'amazon-bedrock'], ignore: [] }],
    ['a deny list that ends with all', NOT_ONE, { only: undefined, ignore: ['deepinfra'] }],
    [
      'an earlier allow before a deny of it',
      [
        ['allow', 'a'],
        ['deny', 'a'],
      ],
      { only: ['a'], ignore: [] },
    ],
    [
      'an earlier deny before an allow of it',
      [
        ['deny', 'a'],
        ['allow', 'a'],
        ['allow', 'b'],
      ],
      { only: ['b'], ignore: ['a'] },
    ],
    [
      'a deny of all after some',
      [
        ['allow', 'a'],
        ['deny', '*'],
        ['allow', 'b'],
      ],
      { only: ['a'], ignore: [] },
    ],
    [
      'a denied variant of an allowed one',
      [
        ['deny', 'a/fp4'],
        ['allow', 'a'],
      ],
      { only: ['a'], ignore: ['a/fp4'] },
    ],
    [
      'an allowed variant of a denied one',
      [
        ['deny', 'a'],
        ['allow', 'a/fp8'],
        ['allow', '*'],
      ],
      { only: undefined, ignore: ['a'] },
    ],
    [
      'rules for another kind of call',
      [
        ['deny', 'a', { action: 'embedding.generate' }],
        ['allow', '*'],
      ],
      { only: undefined, ignore: [] },
    ],
    [
      'rules for another day',
      [
        ['deny', 'a', { when: { weekdays: ['sun'] } }],
        ['allow', '*'],
      ],
      { only: undefined, ignore: [] },
    ],
  ])('become the lists that are sent: %s', (_, lines, routes) => {
    expect(run(policyOf(lines), [])).toMatchObject({ action: 'allow', routes });
  });

  it.each<[string, readonly Line[], readonly string[]]>([
    ['not in the allow list', ONLY_TWO, ['azure']],
    ['not in the allow list, among others', ONLY_TWO, ['anthropic', 'azure']],
    ['in the deny list', NOT_ONE, ['deepinfra']],
    ['a variant of one in the deny list', NOT_ONE, ['deepinfra/fp4']],
    ['in the deny list by its name', NOT_ONE, ['DeepInfra']],
    [
      'written with other separators',
      [
        ['deny', 'amazon-bedrock'],
        ['allow', '*'],
      ],
      ['Amazon Bedrock'],
    ],
    ['wider than the allowed variant', [['allow', 'deepinfra/fp8']], ['deepinfra']],
  ])('refuse a request that names a provider which is %s', (_, lines, routes) => {
    expect(run(policyOf(lines), routes)).toMatchObject({
      action: 'block',
      refusal: { code: 'rule_denied' },
      routes: null,
    });
  });

  it('let a request name what they allow', () => {
    expect(run(policyOf(ONLY_TWO), ['Anthropic', 'amazon-bedrock/eu-west-1']).action).toBe('allow');
    expect(run(policyOf(NOT_ONE), ['azure']).action).toBe('allow');
  });

  it('refuse every call when they allow nobody', () => {
    for (const lines of [
      [['deny', 'a']],
      [
        ['deny', '*'],
        ['allow', 'a'],
      ],
    ] as readonly (readonly Line[])[])
      expect(run(policyOf(lines), [])).toMatchObject({ action: 'block', refusal: { code: 'rule_denied' } });
  });

  it('say which rule it was, with its reason', () => {
    const lines: Line[] = [
      ['allow', 'azure'],
      ['deny', '*', { reason: 'EU contracts only' }],
    ];
    expect(run(policyOf(lines), ['groq'])).toMatchObject({
      rule: { effect: 'deny', rule: { index: 1, resource: 'provider/*' } },
      refusal: { message: 'EU contracts only: the provider groq is matched by deny provider/* (rules[1])' },
    });
    expect(run(policyOf(ONLY_TWO), ['groq']).refusal?.message).toBe('no rule allows the provider groq');
  });

  it('leave models alone: without rules about those, any may be used', () => {
    expect(run(policyOf(NOT_ONE), [], 'openrouter', { model: 'x/y' }).action).toBe('allow');
    const both = policyOf(NOT_ONE, {
      rules: [
        { effect: 'deny', action: '*', resource: 'provider/deepinfra' },
        { effect: 'allow', action: '*', resource: 'provider/*' },
        { effect: 'allow', action: '*', resource: 'model/a/*' },
      ],
    });
    expect(run(both, []).rule).toMatchObject({ rule: { index: 2 } });
    expect(run(both, [], 'openrouter', { model: 'x/y' }).refusal?.code).toBe('rule_denied');
  });

  it('in shadow mode send nothing and refuse nothing', () => {
    expect(run(policyOf(ONLY_TWO, { mode: 'shadow' }), ['azure'])).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
      routes: null,
    });
  });
});

describe('rules about providers, where there is no router', () => {
  it('speak about whoever is asked', () => {
    expect(run(policyOf(ONLY_TWO), [], 'anthropic')).toMatchObject({ action: 'allow', routes: null });
    expect(run(policyOf(ONLY_TWO), [], 'openai').refusal?.code).toBe('rule_denied');
    expect(run(policyOf(NOT_ONE), [], 'openai').action).toBe('allow');
    expect(run(policyOf(NOT_ONE), [], 'deepinfra').refusal?.code).toBe('rule_denied');
  });

  it('take the provider of the actor when nobody is named, and deny where there is none', () => {
    const { upstream: _, ...call } = callOf([]);
    const by = (provider?: string) =>
      decide(
        policyOf(ONLY_TWO),
        totals,
        { ...call, actor: { tenantId: 'acme', ...(provider ? { provider } : {}) } },
        NOW,
      ).action;
    expect([by('anthropic'), by('azure'), by()]).toEqual(['allow', 'block', 'block']);
  });
});

describe('rules about providers of several policies', () => {
  it('hold together: what one allows and none denies', () => {
    const policies = [
      policyOf([
        ['allow', 'a'],
        ['allow', 'b'],
      ]),
      policyOf([
        ['deny', 'b'],
        ['allow', '*'],
      ]),
    ];
    expect(decideAll(policies, totals, callOf([]), NOW).routes).toEqual({ only: ['a', 'b'], ignore: ['b'] });
    expect(decideAll(policies, totals, callOf(['b']), NOW).action).toBe('block');
  });

  it('refuse when no provider is allowed by all', () => {
    const policies = [policyOf([['allow', 'a']]), policyOf([['allow', 'b']])];
    expect(decideAll(policies, totals, callOf([]), NOW)).toMatchObject({
      action: 'block',
      refusal: { code: 'rule_denied' },
      routes: null,
    });
  });

  it('ask nothing of what a policy in shadow says', () => {
    const policies = [policyOf([['allow', 'a']]), policyOf([['allow', 'b']], { mode: 'shadow' })];
    expect(decideAll(policies, totals, callOf([]), NOW).routes).toEqual({ only: ['a'], ignore: [] });
  });

  it('joined permit exactly what each of them permits', () => {
    const slug = fc.constantFrom('a', 'b', 'a/x', 'b/y', 'c');
    const anyRoutes = fc.record({
      only: fc.option(fc.array(slug), { nil: undefined }),
      ignore: fc.array(slug),
    });
    fc.assert(
      fc.property(anyRoutes, anyRoutes, slug, (one, other, name) => {
        expect(permits(joinRoutes(one, other)!, name)).toBe(permits(one, name) && permits(other, name));
      }),
    );
  });
});

describe('the provider that answered', () => {
  it.each([
    ['anthropic', 'Anthropic', false],
    ['amazon-bedrock/eu-west-1', 'Amazon Bedrock', false],
    ['google-vertex', 'Google', false],
    ['google-vertex', 'Google AI Studio', true],
    ['z-ai', 'Z.AI', false],
    ['sambanova-turbo', 'SambaNova', false],
    ['anthropic', 'DeepInfra', true],
  ])('under an allow of %s may be called %s: broken %s', (slug, served, broken) => {
    expect(breaksRoutes({ only: [slug], ignore: [] }, served)).toBe(broken);
  });

  it.each([
    ['deepinfra', 'DeepInfra', true],
    ['google-vertex', 'Google', true],
    ['google-vertex', 'Google AI Studio', false],
    ['deepinfra/fp4', 'DeepInfra', false],
    ['azure', 'OpenAI', false],
  ])('under a deny of %s may be called %s: broken %s', (slug, served, broken) => {
    expect(breaksRoutes({ only: undefined, ignore: [slug] }, served)).toBe(broken);
  });
});

describe('a rule about providers as written', () => {
  it.each([
    ['anth*', 'routers take no patterns'],
    ['', 'must be "provider/" and a slug'],
    ['Amazon Bedrock', 'must be "provider/" and a slug'],
    ['a//b', 'must be "provider/" and a slug'],
    ['../x', 'must be "provider/" and a slug'],
  ])('is refused with the slug %j', (slug, message) => {
    const reading = read([['allow', slug]]);
    expect(reading).toMatchObject({ ok: false, problems: [{ path: 'rules[0].resource' }] });
    expect(JSON.stringify(reading)).toContain(JSON.stringify(message).slice(1, -1));
  });

  it.each(['maxInputUsdPerMtok', 'minContextTokens'])('has no condition on models such as %s', (key) => {
    expect(read([['allow', 'a', { when: { [key]: 1 } }]])).toMatchObject({
      ok: false,
      problems: [{ path: `rules[0].when.${key}` }],
    });
  });
});
