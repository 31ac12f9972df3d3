/** What a refusal offers is really allowed at that moment: each offer is asked again, under the same policies and sums. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Totals } from '../../src/core/budget.js';
import type { Call, Decision } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { nameModel } from '../../src/core/model-names.js';
import {
  CAP_ACTIONS,
  CAPABILITIES,
  type Cap,
  POLICY_MODES,
  type SpendCap,
  type SpendPolicy,
} from '../../src/core/policy.js';
import { joinQuotes, type Quote } from '../../src/core/price.js';
import { compilePolicy } from '../helpers/lawful-ledger.js';

const CENT = 10n ** 22n;
const NOW = Date.parse('2026-11-20T12:00:00Z');
/** Cents that a call on a model costs at most. */
const COSTS: Readonly<Record<string, number>> = { 'a/big': 20, 'a/small': 2, 'b/mid': 10, 'b/tiny': 1 };
const MODELS = Object.keys(COSTS);
const NOTHING: Totals = { settled: 0n, held: 0n, heldExpected: 0n };

function quoteOf(model: string): Quote {
  const cents = COSTS[model];
  if (cents === undefined)
    return {
      kind: 'unbounded',
      model,
      identity: model,
      code: 'unknown_price',
      message: '',
      reason: '',
      hint: '',
    };
  const unit = { inputUsd: 0n, outputUsd: 0n, requestUsd: BigInt(cents) * CENT };
  const table = { hash: '', fetchedAt: cents < 10 ? '2026-11-01T00:00:00Z' : '2026-11-20T00:00:00Z' };
  const price = {
    model,
    identity: model,
    source: 'synced',
    list: unit,
    bound: unit,
    admit: unit,
    table,
  } as const;
  return {
    kind: 'bounded',
    model,
    identity: model,
    price: { ...price, cacheWriteFactor: 1n },
    bounds: {
      inputTokens: 9,
      outputTokens: 9,
      expectedInputTokens: 5,
      expectedOutputTokens: 5,
      writesCache: false,
    },
    hasFallbacks: false,
    max: unit,
    admit: unit,
    expectedUsd: unit.requestUsd / 2n,
    reservedUsd: unit.requestUsd,
  };
}

/** With its fallbacks a call costs what the dearest may; another model is sent alone. */
function callOf(model: string, fallbacks: readonly string[], more: Partial<Call> = {}): Call {
  const join = (joined: Quote, other: Quote) =>
    joined.kind === 'bounded' && other.kind === 'bounded' ? joinQuotes(joined, other) : joined;
  return {
    actor: { tenantId: 'acme' },
    run: 'r',
    action: 'llm.generate',
    name: (id) => nameModel(undefined, id),
    model,
    listFallbacks: (sent) => (sent === model ? fallbacks : []),
    quote: (sent) => (sent === model ? fallbacks : []).map(quoteOf).reduce(join, quoteOf(sent)),
    listCandidates: () => [...MODELS, 'c/unpriced'],
    upstream: { provider: 'openrouter', routes: [] },
    ...more,
  };
}

const anyModel = fc.constantFrom(...MODELS);
const rare = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const anyCap: fc.Arbitrary<SpendCap> = fc
  .record({
    amount: fc.oneof(
      fc.record({ amountCents: fc.constantFrom(0, 1, 5, 11, 19, 30) }),
      fc.record({ maxRequests: fc.constantFrom(1, 3) }),
      fc.record({ maxInFlight: fc.constantFrom(1, 2) }),
    ),
    window: fc.constantFrom('per_call', 'per_day', 'total'),
    action: fc.constantFrom(...CAP_ACTIONS, 'block', 'block'),
    target: anyModel,
  })
  .map(({ amount, window, action, target }) => ({
    ...amount,
    ...('maxInFlight' in amount ? {} : { window: 'maxRequests' in amount ? ('per_hour' as const) : window }),
    action,
    ...(action === 'downgrade' ? { downgradeTo: target } : {}),
  }));
const anyRule = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  action: fc.constant('*' as const),
  resource: fc.oneof(
    fc.constantFrom(...MODELS, '*', 'a/*').map((model) => `model/${model}`),
    fc.constantFrom('provider/x', 'provider/y', 'provider/*'),
  ),
});
const anyTasks = fc.record({
  '*': fc.record({ model: fc.constantFrom('*', 'a/*', 'b/mid'), fallback: anyModel }),
});
const anyPolicy: fc.Arbitrary<SpendPolicy> = fc.record({
  id: fc.constant('p'),
  name: fc.constant('P'),
  scope: fc.constant({ tenantId: 'acme' }),
  mode: fc.constantFrom(...POLICY_MODES, 'enforce'),
  version: fc.nat(1_000),
  effectiveFrom: fc.constant('2026-01-01T00:00:00Z'),
  caps: fc.array(anyCap, { maxLength: 3 }),
  requiredCapability: rare(fc.constantFrom(...CAPABILITIES)),
  rules: rare(fc.array(anyRule, { minLength: 1, maxLength: 4 })),
  tasks: rare(anyTasks),
  onStalePrice: rare(fc.constant('block' as const)),
});
const anySums = fc.record({ settled: fc.constantFrom(0, 0, 1, 12), held: fc.constantFrom(0, 0, 1, 12) });

describe('a refusal offers', () => {
  const numRuns = process.env.SLOW ? 60_000 : 2_000;

  it(`only what is then allowed, under one policy or several (${numRuns} situations)`, () => {
    let offered = 0;
    fc.assert(
      fc.property(
        fc.array(anyPolicy, { minLength: 1, maxLength: 3 }),
        anyModel,
        fc.array(anyModel, { maxLength: 2 }),
        anySums,
        fc.option(fc.constantFrom(...CAPABILITIES), { nil: undefined }),
        fc.boolean(),
        (policies, model, fallbacks, sums, capabilityClaim, isRetry) => {
          const decided = (call: Call) => decideAll(policies.map(compilePolicy), totalsOf(sums), call, NOW);
          const { refusal } = decided(callOf(model, fallbacks, { capabilityClaim, isRetry }));
          for (const other of refusal?.alternatives ?? []) {
            offered++;
            const again = decided(callOf(other, [], { capabilityClaim }));
            expect(['allow', 'shadow'], JSON.stringify(again.reasons)).toContain(again.action);
            expect(again.modelResolved).toBe(other);
          }
        },
      ),
      { numRuns },
    );
    expect(offered).toBeGreaterThan(numRuns / 20);
  });

  const offersOf = (policies: readonly Partial<SpendPolicy>[], more: Partial<Call> = {}): Decision =>
    decideAll(
      policies.map((policy) => compilePolicy({ ...BASE, ...policy })),
      () => NOTHING,
      callOf('a/big', [], more),
      NOW,
    );
  const ONE_CENT = { caps: [{ amountCents: 15, window: 'per_call', action: 'block' }] } as const;

  it('the cheapest three', () => {
    expect(offersOf([ONE_CENT]).refusal).toMatchObject({
      code: 'cap_exceeded',
      alternatives: ['b/tiny', 'a/small', 'b/mid'],
    });
  });

  it('nothing where another policy, also one in shadow, asks for more than the call claims', () => {
    for (const mode of POLICY_MODES)
      expect(offersOf([ONE_CENT, { mode, requiredCapability: 'data_write' }]).refusal?.alternatives).toEqual(
        [],
      );
  });

  it('nothing where the policies together allow no provider', () => {
    const only = (slug: string) => ({
      rules: [{ effect: 'allow', action: '*', resource: `provider/${slug}` }] as const,
    });
    const { refusal } = offersOf([only('x'), only('y')]);
    expect(refusal).toMatchObject({ code: 'rule_denied', alternatives: [] });
  });

  it('nothing while calls are stopped', () => {
    const stop = { id: 's', sinceMs: NOW, by: undefined, reason: undefined };
    expect(offersOf([ONE_CENT, {}], { stop }).refusal).toMatchObject({ code: 'stopped', alternatives: [] });
  });
});

const BASE: SpendPolicy = {
  id: 'p',
  name: 'P',
  scope: { tenantId: 'acme' },
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-01-01T00:00:00Z',
  caps: [],
};

function totalsOf({ settled, held }: { readonly settled: number; readonly held: number }) {
  return ({ unit }: Cap): Totals => {
    const scale = unit === 'usd' ? CENT : 1n;
    const running = BigInt(held) * scale;
    return {
      settled: unit === 'in_flight' ? 0n : BigInt(settled) * scale,
      held: running,
      heldExpected: running,
    };
  };
}
