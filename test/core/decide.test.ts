import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Call, type Decision, decide } from '../../src/core/decide.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { normalizeModelId } from '../../src/core/model-id.js';
import { nameModel } from '../../src/core/model-names.js';
import { parseUsd, printUsd, type Usd } from '../../src/core/money.js';
import type { Cap, Policy, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Quote } from '../../src/core/price.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');

function policyOf(caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}): Policy {
  const reading = parsePolicy(
    {
      id: 'p',
      name: 'P',
      scope: { tenantId: 'acme' },
      caps,
      mode: 'enforce',
      version: 1,
      effectiveFrom: '2026-01-01T00:00:00Z',
      ...more,
    },
    nobleBackend,
  );
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** Models by name: expected and reserved cents of one call. */
const MODELS: Record<string, readonly [expected: string, reserved: string]> = {
  big: ['10', '20'],
  mid: ['5', '10'],
  small: ['1', '2'],
};

const cents = (text: string): Usd => parseUsd(`${text}e-2`)!;

function quote(model: string): Quote {
  const amounts = MODELS[model];
  const identity = normalizeModelId(model);
  if (!amounts)
    return {
      kind: 'unbounded',
      model,
      identity,
      code: 'unknown_price',
      message: 'm',
      reason: 'r',
      hint: 'h',
    };
  const free = { inputUsd: 0n, outputUsd: 0n, requestUsd: 0n };
  const price = {
    model,
    identity,
    source: 'override',
    list: free,
    bound: free,
    admit: free,
    cacheWriteFactor: 1n,
  } as const;
  const tokens = { inputTokens: 1, outputTokens: 1, expectedInputTokens: 1, expectedOutputTokens: 1 };
  const [expected, reserved] = amounts;
  return {
    kind: 'bounded',
    model,
    identity,
    price,
    bounds: { ...tokens, writesCache: false },
    hasFallbacks: false,
    max: free,
    admit: free,
    expectedUsd: cents(expected),
    reservedUsd: cents(reserved),
  };
}

interface Given {
  readonly model?: string;
  readonly settled?: string;
  readonly held?: string;
  readonly heldExpected?: string;
  readonly call?: Partial<Call>;
}

function run(
  policy: Policy,
  { model = 'big', settled = '0', held = '0', heldExpected = held, call = {} }: Given,
): Decision {
  const totals = () => ({
    settled: cents(settled),
    held: cents(held),
    heldExpected: cents(heldExpected),
  });
  return decide(
    policy,
    totals,
    {
      actor: { tenantId: 'acme' },
      run: 'r',
      model,
      quote,
      action: 'llm.generate',
      name: (id) => nameModel(undefined, id),
      listFallbacks: () => [],
      listCandidates: () => ['big', 'mid', 'small'],
      ...call,
    },
    NOW,
  );
}

const day = (amountCents: number, action: SpendCap['action'], more: Partial<SpendCap> = {}): SpendCap => ({
  amountCents,
  window: 'per_day',
  action,
  ...(action === 'downgrade' ? { downgradeTo: 'small' } : {}),
  ...more,
});

describe('a block cap', () => {
  it('compares settled + held + bound, and may be reached exactly', () => {
    expect(run(policyOf([day(20, 'block')]), {}).action).toBe('allow');
    expect(run(policyOf([day(19, 'block')]), {}).action).toBe('block');
    expect(run(policyOf([day(60, 'block')]), { settled: '20', held: '20' }).action).toBe('allow');
    expect(run(policyOf([day(60, 'block')]), { settled: '20', held: '20.0000001' }).action).toBe('block');
  });

  it('says that only running calls stand in the way, or that they do not', () => {
    const held = run(policyOf([day(60, 'block')]), { settled: '20', held: '30' });
    expect(held.refusal?.code).toBe('held');
    expect(held.heldBack).toHaveLength(1);
    const full = run(policyOf([day(60, 'block')]), { settled: '50', held: '30' });
    expect(full.refusal?.code).toBe('cap_exceeded');
    expect(full.heldBack).toEqual([]);
    const both = run(policyOf([day(60, 'block'), { ...day(5, 'block'), window: 'per_call' }]), {
      settled: '20',
      held: '30',
    });
    expect(both.refusal?.code).toBe('cap_exceeded');
  });

  it('offers only models that would really pass now, cheapest first', () => {
    expect(run(policyOf([day(12, 'block')]), {}).refusal?.alternatives).toEqual(['small', 'mid']);
    expect(run(policyOf([day(1, 'block')]), {}).refusal?.alternatives).toEqual([]);
  });

  it('wins over every milder action, the more specific key first', () => {
    const selector = { userId: 'alice' };
    const caps = [
      day(1, 'allow'),
      day(1, 'shadow'),
      day(1, 'downgrade'),
      day(1, 'block'),
      day(1, 'block', { selector }),
    ];
    const decision = run(policyOf(caps), { call: { actor: { tenantId: 'acme', userId: 'alice' } } });
    expect(decision.action).toBe('block');
    expect(decision.triggered?.cap.scopeKey).toBe('tenantId=acme/userId=alice');
    expect(decision.reasons).toHaveLength(5);
  });
});

describe('a downgrade cap', () => {
  it('counts running calls under a block cap at what they may cost at most, never at what is expected', () => {
    const policy = policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }]);
    const running = { settled: '10', heldExpected: '10' };
    expect(run(policy, { ...running, held: '70' }).action).toBe('allow');
    expect(run(policy, { ...running, held: '70.000001' })).toMatchObject({
      action: 'block',
      refusal: { code: 'held' },
    });
  });

  it('compares settled + held at expected + expected', () => {
    const policy = policyOf([day(30, 'downgrade')]);
    expect(run(policy, { settled: '10', held: '999', heldExpected: '10' }).action).toBe('allow');
    expect(run(policy, { settled: '10', held: '0', heldExpected: '10.5' })).toMatchObject({
      action: 'downgrade',
      modelResolved: 'small',
    });
  });

  it('is satisfied by its own target, with the reason', () => {
    const decision = run(policyOf([day(30, 'downgrade')]), { model: 'small', settled: '100' });
    expect(decision).toMatchObject({ action: 'allow', modelResolved: 'small' });
    expect(decision.reasons).toHaveLength(1);
    expect(
      run(policyOf([day(30, 'downgrade', { downgradeTo: 'sm.all' })]), { model: 'sm-all' }).refusal?.code,
    ).toBe('unknown_price');
  });

  it('does not save a call from a block cap that the target trips as well', () => {
    expect(run(policyOf([day(5, 'downgrade'), day(1, 'block')]), { model: 'big' }).action).toBe('block');
    // The block cap is looked at first: the asked model already trips it.
    expect(run(policyOf([day(5, 'downgrade'), day(15, 'block')]), {}).action).toBe('block');
    expect(run(policyOf([day(5, 'downgrade'), day(25, 'block')]), {}).action).toBe('downgrade');
  });

  it('per call must still fit after the rewrite', () => {
    const perCall = (amountCents: string): SpendCap => ({
      amountCents,
      window: 'per_call',
      action: 'downgrade',
      downgradeTo: 'small',
    });
    expect(run(policyOf([perCall('1')]), {}).action).toBe('downgrade');
    expect(run(policyOf([perCall('0.5')]), {}).action).toBe('block');
  });

  it('rewrites once, to the target with the lowest bound', () => {
    const decision = run(policyOf([day(1, 'downgrade', { downgradeTo: 'mid' }), day(1, 'downgrade')]), {});
    expect(decision).toMatchObject({ action: 'downgrade', modelResolved: 'small' });
    expect(decision.reasons).toHaveLength(2);
  });

  it('to a model without a price refuses, and names it', () => {
    const decision = run(policyOf([day(1, 'downgrade', { downgradeTo: 'nobody' })]), {});
    expect(decision.refusal).toMatchObject({ code: 'unknown_price' });
    expect(decision.refusal?.message).toContain('nobody');
  });

  it('does not rewrite the repeat of a call that was sent', () => {
    expect(run(policyOf([day(1, 'downgrade')]), { call: { isRetry: true } }).action).toBe('allow');
  });
});

describe('shadow', () => {
  it('as a cap lets the call pass and says what a block would have been', () => {
    expect(run(policyOf([day(1, 'shadow')]), {})).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
      modelResolved: 'big',
    });
  });

  it('as a mode records what enforcing would have done, and changes nothing', () => {
    const mode = { mode: 'shadow' } as const;
    expect(run(policyOf([day(1, 'block')], mode), {})).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
      refusal: null,
    });
    expect(run(policyOf([day(5, 'downgrade')], mode), {})).toMatchObject({
      action: 'shadow',
      modelResolved: 'big',
      wouldAction: 'downgrade',
      wouldModel: 'small',
    });
    expect(run(policyOf([], mode), { model: 'nobody' })).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
    });
    expect(run(policyOf([], mode), {}).action).toBe('allow');
  });

  it('does not loosen a capability', () => {
    const policy = policyOf([], { mode: 'shadow', requiredCapability: 'data_write' });
    expect(run(policy, {}).refusal?.code).toBe('capability');
    expect(run(policy, { call: { capabilityClaim: 'read_only' } }).action).toBe('block');
    expect(run(policy, { call: { capabilityClaim: 'payment_execute' } }).action).toBe('allow');
  });
});

describe('every decision', () => {
  const cap = fc.record({
    amountCents: fc.integer({ min: 0, max: 60 }),
    window: fc.constantFrom<SpendCap['window']>('per_call', 'per_minute', 'per_day'),
    action: fc.constantFrom<SpendCap['action']>('allow', 'shadow', 'downgrade', 'block'),
    target: fc.constantFrom('small', 'mid', 'nobody'),
  });

  /** The rules of docs/policy.md once more, as slowly and plainly as possible. */
  function naive(
    caps: readonly Cap[],
    model: string,
    settled: number,
    held: number,
  ): { action: string; model: string } {
    const price = (name: string) => MODELS[name]?.map(Number);
    const trips = (one: Cap, name: string) => {
      const [expected = 0, reserved = 0] = price(name) ?? [];
      const limit = Number(printUsd(one.limit * 100n));
      const adds = one.action === 'block' ? reserved : expected;
      return one.window === 'per_call' ? adds > limit : settled + held + adds > limit;
    };
    const blocks = (name: string) => caps.some((one) => one.action === 'block' && trips(one, name));
    if (blocks(model)) return { action: 'block', model };
    const wanting = caps.filter(
      (one) =>
        one.action === 'downgrade' &&
        trips(one, model) &&
        (one.window === 'per_call' || one.downgradeTo !== model),
    );
    if (wanting.length === 0) {
      const shadowed = caps.some((one) => one.action === 'shadow' && trips(one, model));
      return { action: shadowed ? 'shadow' : 'allow', model };
    }
    const targets = wanting
      .map((one) => one.downgradeTo ?? '')
      .sort((a, b) => (price(a)?.[1] ?? 1e9) - (price(b)?.[1] ?? 1e9));
    const target = targets[0] ?? '';
    if (!price(target) || blocks(target)) return { action: 'block', model };
    if (caps.some((one) => one.action === 'downgrade' && one.window === 'per_call' && trips(one, target)))
      return { action: 'block', model };
    return { action: 'downgrade', model: target };
  }

  it('agrees with a naive reading of the rules', () => {
    fc.assert(
      fc.property(
        fc.array(cap, { maxLength: 5 }),
        fc.constantFrom('big', 'mid', 'small'),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 0, max: 30 }),
        (caps, model, settled, held) => {
          const policy = policyOf(
            caps.map(({ target, ...one }) =>
              one.action === 'downgrade' ? { ...one, downgradeTo: target } : one,
            ),
          );
          const decision = run(policy, { model, settled: String(settled), held: String(held) });
          expect({ action: decision.action, model: decision.modelResolved }).toEqual(
            naive(policy.caps, model, settled, held),
          );
        },
      ),
      { numRuns: process.env.SLOW ? 50_000 : 2_000 },
    );
  });
});
