import { describe, expect, it } from 'vitest';
import { type Call, decide } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { nameModel } from '../../src/core/model-names.js';
import type { Policy, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Quote } from '../../src/core/price.js';
import { maxPriceAgeMs } from '../../src/core/price-age.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const UNITS = { inputUsd: 0n, outputUsd: 0n, requestUsd: 0n };
const BOUNDS = { inputTokens: 1, outputTokens: 1, expectedInputTokens: 1, expectedOutputTokens: 1 };
const POLICY = {
  id: 'p',
  name: 'P',
  scope: { tenantId: 'acme' },
  caps: [{ amountCents: 5, window: 'per_day', action: 'downgrade', downgradeTo: 'a/cheap' }],
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-01-01T00:00:00Z',
} as const;

const read = (more: object) => parsePolicy({ ...POLICY, ...more }, nobleBackend);

function policyOf(more: Partial<SpendPolicy>): Policy {
  const reading = read(more);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** A price of 10 cents; `a/cheap` is a cent, and `a/mine` is set by hand. */
function callAt(ageMs: number | string, model = 'a/b'): Call {
  const fetchedAt = typeof ageMs === 'string' ? ageMs : new Date(NOW - ageMs).toISOString();
  const quote = (id: string): Quote => {
    const usd = (id === 'a/cheap' ? 1n : 10n) * 10n ** 22n;
    const table = id === 'a/mine' ? undefined : { hash: 'h', fetchedAt };
    const source = id === 'a/mine' ? 'override' : 'synced';
    const units = { list: UNITS, bound: UNITS, admit: UNITS, cacheWriteFactor: 1n };
    const sums = { max: UNITS, admit: UNITS, expectedUsd: usd, reservedUsd: usd, hasFallbacks: false };
    const price = { model: id, identity: id, source, ...units, table } as const;
    return {
      kind: 'bounded',
      model: id,
      identity: id,
      price,
      bounds: { ...BOUNDS, writesCache: false },
      ...sums,
    };
  };
  return {
    actor: { tenantId: 'acme' },
    run: 'r',
    model,
    quote,
    action: 'llm.generate',
    name: (id) => nameModel(undefined, id),
    listFallbacks: () => [],
    listCandidates: () => ['a/cheap', 'a/mine'],
  };
}
const totals = () => ({ settled: 0n, held: 0n, heldExpected: 0n });
const BLOCKING = policyOf({ caps: [], maxPriceAge: '12h', onStalePrice: 'block' });

describe('a policy that blocks by old prices', () => {
  it('lets a price pass that is just as old as allowed, and no older', () => {
    expect(decide(BLOCKING, totals, callAt(12 * HOUR), NOW).action).toBe('allow');
    expect(decide(BLOCKING, totals, callAt(12 * HOUR + 1), NOW)).toMatchObject({
      action: 'block',
      refusal: { code: 'stale_price', hint: expect.stringContaining('--sync-pricing') },
    });
  });

  it('takes a time that nobody can read for old, and one ahead of the clock for new', () => {
    expect(decide(BLOCKING, totals, callAt('yesterday'), NOW).refusal?.code).toBe('stale_price');
    expect(decide(BLOCKING, totals, callAt(-HOUR), NOW).action).toBe('allow');
  });

  it('says nothing about prices set by hand, and offers those', () => {
    expect(decide(BLOCKING, totals, callAt(99 * HOUR, 'a/mine'), NOW).action).toBe('allow');
    expect(decide(BLOCKING, totals, callAt(99 * HOUR), NOW).refusal?.alternatives).toEqual(['a/mine']);
  });

  it('downgrades to no model with an old price', () => {
    const policy = policyOf({ maxPriceAge: 1, onStalePrice: 'block' });
    expect(decide(policy, totals, callAt(1 * HOUR), NOW).action).toBe('downgrade');
    expect(decide(policy, totals, callAt(25 * HOUR, 'a/mine'), NOW)).toMatchObject({
      action: 'block',
      refusal: { code: 'stale_price', message: expect.stringContaining('downgraded to a/cheap') },
    });
  });

  it('comes before its rules, which could not tell what the model costs', () => {
    const rules = [
      { effect: 'allow', action: '*', resource: 'model/*', when: { maxInputUsdPerMtok: 1 } },
    ] as const;
    const policy = policyOf({ rules, onStalePrice: 'block' });
    expect(decide(policy, totals, callAt(8 * 24 * HOUR), NOW).refusal?.code).toBe('stale_price');
  });

  it('in shadow mode lets the call pass, with its bound', () => {
    const policy = policyOf({ onStalePrice: 'block', mode: 'shadow' });
    expect(decide(policy, totals, callAt(8 * 24 * HOUR), NOW)).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
      quote: { kind: 'bounded' },
    });
  });

  it('refuses for all policies of a guard', () => {
    const plain = policyOf({});
    expect(decideAll([plain, BLOCKING], totals, callAt(13 * HOUR), NOW)).toMatchObject({
      action: 'block',
      policy: { policyHash: BLOCKING.policyHash },
      refusal: { code: 'stale_price' },
    });
    const byHand = decideAll([plain, BLOCKING], totals, callAt(13 * HOUR, 'a/mine'), NOW);
    expect(byHand.refusal).toMatchObject({ code: 'stale_price' });
  });
});

describe('a policy that only warns', () => {
  it('lets old prices pass, however old', () => {
    for (const more of [{}, { maxPriceAge: 1 }, { onStalePrice: 'warn' as const, maxPriceAge: '1m' }])
      expect(decide(policyOf({ caps: [], ...more }), totals, callAt(999 * HOUR), NOW).action).toBe('allow');
  });
});

describe('maxPriceAge', () => {
  it.each([
    [3, 72 * HOUR],
    ['3d', 72 * HOUR],
    ['12h', 12 * HOUR],
    ['30m', HOUR / 2],
    [366, 366 * 24 * HOUR],
  ])('%j is read as %i milliseconds', (maxPriceAge, ms) => {
    expect(policyOf({ maxPriceAge }).maxPriceAgeMs).toBe(ms);
  });

  it.each([0, -1, 1.5, '7', '7 d', '7w', '1.5h', '0h', 367, '9999999d', '', null, [], true, 1e21])(
    '%j is refused',
    (maxPriceAge) => {
      expect(read({ maxPriceAge })).toMatchObject({ ok: false, problems: [{ path: 'maxPriceAge' }] });
    },
  );

  it('of several policies is the lowest, else seven days', () => {
    expect(maxPriceAgeMs([policyOf({}), policyOf({ maxPriceAge: 3 }), policyOf({ maxPriceAge: '1h' })])).toBe(
      HOUR,
    );
    expect(maxPriceAgeMs([policyOf({})])).toBe(7 * 24 * HOUR);
  });
});

describe('onUnknownPrice', () => {
  it('is block and nothing else, and says how calls without a price can pass', () => {
    expect(read({ onUnknownPrice: 'block' }).ok).toBe(true);
    expect(JSON.stringify(read({ onUnknownPrice: 'allow' }))).toContain(
      'the mode \\"shadow\\" lets such calls pass',
    );
    expect(JSON.stringify(read({ onUnknownPrice: 'warn' }))).toContain('must be one of block');
  });
});
