import { describe, expect, it } from 'vitest';
import type { Call, Decision } from '../../src/core/decide.js';
import { decide } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { nameModel } from '../../src/core/model-names.js';
import type { Policy, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Quote } from '../../src/core/price.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const CENT = 10n ** 22n;
/** Cents of one call: expected, at most. */
const MODELS: Record<string, readonly [bigint, bigint]> = {
  'a/big': [10n, 20n],
  'a/mid': [5n, 10n],
  'a/small': [1n, 2n],
};

function policyOf(id: string, caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}): Policy {
  const scope = { tenantId: 'acme' };
  const rest = { name: id, scope, mode: 'enforce', version: 1, effectiveFrom: '2026-01-01T00:00:00Z' };
  const reading = parsePolicy({ id, caps, ...rest, ...more }, nobleBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

function quote(model: string): Quote {
  const amounts = MODELS[model];
  const text = { code: 'unknown_price', message: 'm', reason: 'r', hint: 'h' } as const;
  if (!amounts) return { kind: 'unbounded', model, identity: model, ...text };
  const units = { inputUsd: 0n, outputUsd: 0n, requestUsd: 0n };
  const bounds = { inputTokens: 1, outputTokens: 1, expectedInputTokens: 1, expectedOutputTokens: 1 };
  return {
    kind: 'bounded',
    model,
    identity: model,
    price: {
      model,
      identity: model,
      source: 'override',
      list: units,
      bound: units,
      admit: units,
      cacheWriteFactor: 1n,
    },
    bounds: { ...bounds, writesCache: false },
    hasFallbacks: false,
    max: units,
    admit: units,
    expectedUsd: amounts[0] * CENT,
    reservedUsd: amounts[1] * CENT,
  };
}

interface Given extends Partial<Call> {
  readonly settled?: bigint;
  readonly held?: bigint;
}

function callOf(more: Partial<Call> = {}): Call {
  return {
    actor: { tenantId: 'acme', teamId: 'red', userId: 'alice' },
    run: 'r',
    model: 'a/big',
    quote,
    action: 'llm.generate',
    name: (id) => nameModel(undefined, id),
    listFallbacks: () => [],
    listCandidates: () => Object.keys(MODELS),
    ...more,
  };
}

function run(policies: readonly Policy[], { settled = 0n, held = 0n, ...call }: Given = {}): Decision {
  const totals = () => ({ settled: settled * CENT, held: held * CENT, heldExpected: held * CENT });
  return decideAll(policies, totals, callOf(call), NOW);
}

const cap = (amountCents: number, action: SpendCap['action'], more: Partial<SpendCap> = {}): SpendCap => ({
  amountCents,
  window: 'per_day',
  action,
  ...(action === 'downgrade' ? { downgradeTo: 'a/small' } : {}),
  ...more,
});
const FREE = policyOf('free', []);
const BLOCK = policyOf('block', [cap(5, 'block')]);
const DOWN = policyOf('down', [cap(5, 'downgrade')]);
const WATCH = policyOf('watch', [cap(5, 'block')], { mode: 'shadow' });
const rules = (...list: [effect: 'allow' | 'deny', pattern: string][]): Partial<SpendPolicy> => ({
  rules: list.map(([effect, pattern]) => ({ effect, action: '*', resource: `model/${pattern}` })),
});

describe('several policies', () => {
  it('decide as one does when there is one', () => {
    for (const policy of [FREE, BLOCK, DOWN, WATCH]) {
      const totals = () => ({ settled: 0n, held: 0n, heldExpected: 0n });
      expect(decideAll([policy], totals, callOf(), NOW)).toEqual(decide(policy, totals, callOf(), NOW));
    }
  });

  it('are at least one', () => {
    expect(() => run([])).toThrow(TypeError);
  });

  it.each([
    ['block', [FREE, DOWN, WATCH, BLOCK], 'block', 'block'],
    ['downgrade', [WATCH, FREE, DOWN], 'downgrade', 'down'],
    ['shadow', [FREE, WATCH, policyOf('note', [cap(5, 'allow')])], 'shadow', 'watch'],
    ['allow with a mark', [FREE, policyOf('note', [cap(5, 'allow')])], 'allow', 'note'],
    ['the first, where none has anything to say', [FREE, policyOf('other', [])], 'allow', 'free'],
  ])('let the strictest win: %s', (_, policies, action, id) => {
    expect(run(policies)).toMatchObject({ action, policy: { id } });
    expect(run(policies).parts.map((part) => part.policy)).toEqual(policies);
  });

  it('name the most specific cap among equals, else the most specific scope, else the first', () => {
    const wide = policyOf('wide', [cap(5, 'block')]);
    const narrow = policyOf('narrow', [cap(5, 'block', { selector: { userId: 'alice' } })]);
    const denies = policyOf('denies', [], rules(['deny', '*']));
    const team = policyOf('team', [], {
      ...rules(['deny', '*']),
      scope: { tenantId: 'acme', teamId: 'red', userId: 'alice' },
    });
    expect(run([wide, narrow]).policy.id).toBe('narrow');
    expect(run([narrow, wide]).policy.id).toBe('narrow');
    expect(run([wide, denies]).policy.id).toBe('wide');
    expect(run([denies, wide]).policy.id).toBe('denies');
    expect(run([wide, denies, narrow, team])).toMatchObject({
      policy: { id: 'team' },
      refusal: { code: 'rule_denied' },
    });
  });

  it('list every cap that was looked at, and every reason once', () => {
    const decision = run([BLOCK, policyOf('twin', [cap(5, 'block')]), policyOf('other', [cap(6, 'block')])]);
    expect(decision.checks).toHaveLength(3);
    expect(decision.reasons).toHaveLength(2);
  });

  it('say for each what it alone asks', () => {
    const decision = run([FREE, WATCH, DOWN, BLOCK]);
    expect(decision.parts.map(({ action, wouldAction }) => [action, wouldAction])).toEqual([
      ['allow', null],
      ['shadow', 'block'],
      ['downgrade', null],
      ['block', null],
    ]);
  });
});

describe('a policy in shadow beside others', () => {
  it('refuses nothing, and does not stop the others', () => {
    const denying = policyOf('denying', [], { ...rules(['deny', '*']), mode: 'shadow' });
    expect(run([denying, FREE])).toMatchObject({ action: 'shadow', wouldAction: 'block' });
    expect(run([denying, DOWN])).toMatchObject({ action: 'downgrade', modelResolved: 'a/small' });
    expect(run([denying, BLOCK])).toMatchObject({ action: 'block', policy: { id: 'block' } });
  });

  it('does not keep an alternative from being offered', () => {
    const denying = policyOf('denying', [], { ...rules(['deny', '*']), mode: 'shadow' });
    expect(run([denying, BLOCK]).refusal?.alternatives).toEqual(['a/small']);
  });

  it('still holds a capability gate', () => {
    const gated = policyOf('gated', [], { mode: 'shadow', requiredCapability: 'data_write' });
    expect(run([FREE, gated])).toMatchObject({ action: 'block', refusal: { code: 'capability' } });
    expect(run([FREE, gated], { capabilityClaim: 'data_write' }).action).toBe('allow');
  });

  it('tells the strictest thing that would have been done', () => {
    const wouldDowngrade = policyOf('d', [cap(5, 'downgrade')], { mode: 'shadow' });
    expect(run([wouldDowngrade, WATCH])).toMatchObject({ wouldAction: 'block', wouldModel: null });
    expect(run([wouldDowngrade, FREE])).toMatchObject({ wouldAction: 'downgrade', wouldModel: 'a/small' });
  });
});

describe('a downgrade by one of several policies', () => {
  it('is refused when a rule of another denies the target', () => {
    const other = policyOf('other', [], rules(['deny', 'a/small'], ['allow', '*']));
    expect(run([DOWN, other])).toMatchObject({
      action: 'block',
      policy: { id: 'other' },
      refusal: { code: 'rule_denied' },
    });
  });

  it('is refused when a block cap of another has no room for the target', () => {
    const full = policyOf('full', [cap(1, 'block', { window: 'per_call' })]);
    // The cap has room for the model that was asked for in no case: what is tested is that the target is checked too.
    expect(run([DOWN, full])).toMatchObject({ action: 'block' });
    const dearer = policyOf('dearer', [cap(5, 'downgrade', { downgradeTo: 'a/big' })]);
    const small = policyOf('small', [cap(15, 'block', { window: 'per_call' })]);
    expect(run([dearer, small], { model: 'a/mid' })).toMatchObject({ action: 'allow' });
    const tight = policyOf('tight', [cap(4, 'downgrade', { downgradeTo: 'a/big' })]);
    expect(run([tight, small], { model: 'a/mid' })).toMatchObject({
      action: 'block',
      policy: { id: 'small' },
      refusal: { code: 'cap_exceeded' },
    });
  });

  it('goes to the cheapest target that the rules of all allow', () => {
    const both = policyOf('both', [cap(5, 'downgrade', { downgradeTo: 'a/mid' })]);
    expect(run([DOWN, both])).toMatchObject({ action: 'downgrade', modelResolved: 'a/small' });
    const other = policyOf('other', [], rules(['deny', 'a/small'], ['allow', '*']));
    expect(run([DOWN, both, other])).toMatchObject({ action: 'downgrade', modelResolved: 'a/mid' });
  });

  it('names the rule of the policy that decided', () => {
    const ruled = policyOf('ruled', [cap(5, 'downgrade')], rules(['deny', 'b/*'], ['allow', 'a/*']));
    const open = policyOf('open', [], rules(['allow', '*']));
    const decision = run([open, ruled]);
    expect(decision).toMatchObject({
      policy: { id: 'ruled' },
      rule: { rule: { index: 1 }, model: 'a/small' },
    });
  });

  it('is not asked for by a retry', () => {
    expect(run([DOWN, FREE], { isRetry: true })).toMatchObject({ action: 'allow', modelResolved: 'a/big' });
  });
});

describe('waiting under several policies', () => {
  const twenty = policyOf('twenty', [cap(20, 'block')]);
  const thirty = policyOf('thirty', [cap(30, 'block')]);

  it('helps when running calls are all that stands in the way of each', () => {
    const decision = run([twenty, thirty], { held: 20n });
    expect(decision).toMatchObject({ action: 'block', refusal: { code: 'held' } });
    expect(decision.heldBack).toHaveLength(2);
  });

  it('helps nothing when one of them refuses for good, whichever comes first', () => {
    const denies = policyOf('denies', [], rules(['deny', '*']));
    for (const policies of [
      [twenty, denies],
      [denies, twenty],
      [twenty, BLOCK],
      [BLOCK, twenty],
    ]) {
      const decision = run(policies, { held: 20n });
      expect(decision.heldBack).toEqual([]);
      expect(decision.refusal?.code).not.toBe('held');
    }
  });

  it('offers what all of them let pass', () => {
    const noSmall = policyOf('no-small', [], rules(['deny', 'a/small'], ['allow', '*']));
    const middle = policyOf('middle', [cap(12, 'block')]);
    expect(run([middle, FREE]).refusal?.alternatives).toEqual(['a/small', 'a/mid']);
    expect(run([middle, noSmall]).refusal?.alternatives).toEqual(['a/mid']);
    expect(run([middle, noSmall, policyOf('five', [cap(5, 'block')])]).refusal?.alternatives).toEqual([]);
  });
});
