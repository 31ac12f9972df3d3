import { describe, expect, expectTypeOf, it } from 'vitest';
import { CAPABILITIES, type Capability, type SpendPolicy, satisfies } from '../../src/core/policy.js';

describe('satisfies', () => {
  it('a claim reaches every requirement up to its own place, and no further', () => {
    for (const [have, claim] of CAPABILITIES.entries()) {
      for (const [need, required] of CAPABILITIES.entries())
        expect(satisfies(claim, required)).toBe(have >= need);
    }
  });

  it('the order is read, write, initiate, execute', () => {
    expect(CAPABILITIES).toEqual(['read_only', 'data_write', 'payment_initiate', 'payment_execute']);
  });

  it('no claim reaches even the lowest requirement', () => {
    expect(satisfies(undefined, 'read_only')).toBe(false);
  });

  it('no requirement asks for nothing', () => {
    expect(satisfies(undefined, undefined)).toBe(true);
    expect(satisfies('read_only', undefined)).toBe(true);
  });

  it.each(['root', 'PAYMENT_EXECUTE', '', '__proto__'])(
    'the unknown word %j neither reaches nor admits',
    (word) => {
      expect(satisfies(word as Capability, 'read_only')).toBe(false);
      expect(satisfies('payment_execute', word as Capability)).toBe(false);
    },
  );
});

describe('SpendPolicy', () => {
  it('accepts a plain literal, and undefined for what is optional', () => {
    const policy = {
      id: 'team',
      name: 'Team',
      scope: { tenantId: 'acme', teamId: 'engineering' },
      caps: [
        { amountCents: 5000, window: 'per_day', action: 'downgrade', downgradeTo: 'a/b', reason: 'soft' },
        {
          amountCents: '0.5',
          window: 'per_call',
          action: 'block',
          downgradeTo: undefined,
          selector: undefined,
        },
      ],
      mode: 'enforce',
      version: 1,
      effectiveFrom: new Date(0).toISOString(),
      requiredCapability: undefined,
      defaultMaxOutputTokens: undefined,
      priceHeadroom: undefined,
    } as const;
    expectTypeOf(policy).toExtend<SpendPolicy>();
  });

  it('refuses a misspelt word at compile time', () => {
    expectTypeOf<'per_dya'>().not.toExtend<SpendPolicy['caps'][number]['window']>();
    expectTypeOf<'deny'>().not.toExtend<SpendPolicy['caps'][number]['action']>();
    expectTypeOf<Omit<SpendPolicy, 'scope'>>().not.toExtend<SpendPolicy>();
  });
});
