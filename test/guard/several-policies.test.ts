import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import type { GuardOptions } from '../../src/guard/options.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { ASK, HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const CALL = { model: OPUS, inputTokens: 1_000, maxOutputTokens: 1_000 };
const named = (id: string, policy: SpendPolicy): SpendPolicy => ({ ...policy, id });
const ORG = named('org', policyOf([{ amountCents: 1_000, window: 'per_month', action: 'block' }]));
const TEAM = named(
  'team',
  policyOf([{ amountCents: 1, window: 'per_day', action: 'downgrade', downgradeTo: HAIKU }], {
    scope: { tenantId: 'acme', teamId: 'red' },
  }),
);

function openGuard(options: Omit<GuardOptions, 'config'>) {
  setPrices();
  const guard = new SpendGuard({ ...options, config: { store: createMemoryStore(), waitForHoldsMs: 0 } });
  onTestFinished(() => guard.close());
  return guard;
}

describe('a guard with several policies', () => {
  it('records all of them, whose cap each one is, and which decided', async () => {
    const guard = openGuard({ policy: ORG, policies: [TEAM] });
    const { receipt } = await guard.decide(CALL);
    const { policies, caps, ...row } = receipt.decision;
    expect(row).toMatchObject({
      action: 'downgrade',
      policyId: 'team',
      modelResolved: HAIKU,
      actor: { tenantId: 'acme', teamId: 'red' },
      triggeredCap: { policy: 1, index: 0 },
    });
    expect(policies).toMatchObject([
      { id: 'org', version: 1, mode: 'enforce', action: 'allow' },
      { id: 'team', version: 1, mode: 'enforce', action: 'downgrade', hash: row.policyHash },
    ]);
    expect((caps as JsonObject[]).map(({ policy, window }) => [policy, window])).toEqual([
      [0, 'per_month'],
      [1, 'per_day'],
    ]);
  });

  it('with one policy leaves rows as they are without', async () => {
    const { receipt } = await openGuard({ policies: [ORG] }).decide(CALL);
    expect(receipt.decision).not.toHaveProperty('policies');
    expect((receipt.decision.caps as JsonObject[])[0]).not.toHaveProperty('policy');
  });

  it.each<[string, Omit<GuardOptions, 'config'>, RegExp]>([
    ['no policy at all', {}, /must have a policy/],
    ['no policy in the list', { policies: [] }, /must have a policy/],
    ['a list that is none', { policies: ORG as never }, /must be an array/],
    [
      'two tenants, naming both',
      { policies: [ORG, named('b', policyOf([], { scope: { tenantId: 'other' } }))] },
      /"org" is for the tenant "acme", "b" is for the tenant "other"/,
    ],
  ])('refuses %s', (_, options, message) => {
    expect(() => new SpendGuard(options)).toThrow(TypeError);
    expect(() => new SpendGuard(options)).toThrow(message);
  });

  it('refuses scopes that no call can lie inside of, and a scope outside of one', () => {
    const blue = named('blue', policyOf([], { scope: { tenantId: 'acme', teamId: 'blue' } }));
    expect(() => new SpendGuard({ policies: [TEAM, blue] })).toThrow(/no call lies inside/);
    const scope = { tenantId: 'acme', teamId: 'blue' };
    expect(() => new SpendGuard({ policies: [ORG, TEAM], scope })).toThrow(/of the policy "team"/);
    const guard = openGuard({ policies: [ORG, TEAM] });
    expect(() => guard.with({ teamId: 'blue' })).toThrow(/of the policy "team"/);
  });

  it('names every problem of a policy in the list', () => {
    expect(() => new SpendGuard({ policies: [ORG, { ...TEAM, mode: 'off' as never }] })).toThrow(
      /mode must be/,
    );
  });

  it('refuses before one of them is in force', async () => {
    const later = named('later', policyOf([], { effectiveFrom: '2999-01-01T00:00:00Z' }));
    await expect(openGuard({ policies: [ORG, later] }).decide(CALL)).rejects.toMatchObject({
      code: 'POLICY_NOT_EFFECTIVE',
      message: expect.stringContaining('later'),
    });
  });

  it('sends the lowest output limit and headroom that one names, and not those of a policy in shadow', async () => {
    setPrices();
    const standIn = await startStandIn();
    const watching = policyOf([], { mode: 'shadow', defaultMaxOutputTokens: 7 });
    const policies = [
      ORG,
      named('a', policyOf([], { defaultMaxOutputTokens: 900, priceHeadroom: 3 })),
      named('b', policyOf([], { defaultMaxOutputTokens: 800, priceHeadroom: 2 })),
      named('c', watching),
    ];
    const home = await makeHome();
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url });
    const guarded = withSpendGuard(client, { policies, config: { home, provider: 'openrouter' } });
    onTestFinished(async () => {
      await guarded.$guard.close();
      await standIn.close();
    });
    await guarded.chat.completions.create(ASK);
    expect(standIn.requests.at(-1)?.body).toMatchObject({
      max_tokens: 800,
      provider: { max_price: { prompt: '2', completion: '10' } },
    });
    const [decision, settlement] = await readRows(home);
    expect(decision?.decision).toMatchObject({ action: 'allow', policyId: 'org', outputTokensBound: 800 });
    expect(settlement?.decision).toMatchObject({ entryType: 'settlement', policyId: 'org' });
  });
});
