import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/core/budget.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { JsonObject } from '../../src/core/json.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { Policy, SpendCap } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Receipt } from '../../src/core/receipt.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;

function policyOf(caps: readonly SpendCap[]): Policy {
  const source = {
    id: 'p',
    name: 'P',
    scope: { tenantId: 'acme' },
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
  };
  const reading = parsePolicy({ ...source, caps }, nobleBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

const policy = policyOf([
  { amountCents: 100, window: 'per_day', action: 'block' },
  { amountCents: 100, window: 'per_hour', action: 'block', selector: { userId: 'alice' } },
]);
const [daily, alice] = policy.caps as [Policy['caps'][0], Policy['caps'][0]];

function open() {
  const budget = new Budget(policy.caps);
  const apply = (decision: JsonObject, atMs = NOON) => budget.apply({ decision } as Receipt, atMs);
  const decided = (decisionId: string, reservedUsd: string, more: JsonObject = {}, atMs = NOON) =>
    apply(
      {
        formatVersion: 1,
        decisionId,
        action: 'allow',
        attempt: 1,
        reservedUsd,
        expectedUsd: '0.01',
        actor: { tenantId: 'acme' },
        instance: 'i',
        ...more,
      },
      atMs,
    );
  const settled = (
    originalDecisionId: string,
    actualUsd: string,
    costSource = 'provider',
    more: JsonObject = {},
  ) =>
    apply({
      formatVersion: 1,
      decisionId: 'x',
      entryType: 'settlement',
      originalDecisionId,
      attempt: 1,
      actualUsd,
      costSource,
      ...more,
    });
  const at = (cap = daily, atMs = NOON) => {
    const { settled, held, heldExpected } = budget.totals(cap, atMs);
    return [printUsd(settled), printUsd(held), printUsd(heldExpected)];
  };
  return { budget, apply, decided, settled, at };
}

describe('a counter', () => {
  it('holds the bound of a running call and counts what it really cost', () => {
    const { decided, settled, at } = open();
    decided('a', '0.5');
    expect(at()).toEqual(['0', '0.5', '0.01']);
    settled('a', '0.02');
    expect(at()).toEqual(['0.02', '0', '0']);
  });

  it('counts each row once, however often it is seen', () => {
    const { decided, settled, at } = open();
    decided('a', '0.5');
    decided('a', '0.5');
    expect(at()[1]).toBe('0.5');
    settled('a', '0.02');
    settled('a', '0.02');
    settled('a', '0.9', 'reserved');
    expect(at()).toEqual(['0.02', '0', '0']);
  });

  it('lets the truth supersede an unknown cost, and never the other way round', () => {
    const { decided, settled, at } = open();
    decided('a', '0.5');
    settled('a', '0.5', 'reserved');
    expect(at()).toEqual(['0.5', '0', '0']);
    settled('a', '0.4', 'reserved');
    expect(at()[0]).toBe('0.5');
    settled('a', '0.03', 'provider');
    expect(at()[0]).toBe('0.03');
  });

  it('tells attempts of one call apart', () => {
    const { decided, settled, at } = open();
    decided('a', '0.5');
    decided('a', '0.5', { attempt: 2 });
    settled('a', '0', 'released');
    expect(at()).toEqual(['0', '0.5', '0.01']);
    settled('a', '0.1', 'provider', { attempt: 2 });
    expect(at()).toEqual(['0.1', '0', '0']);
  });

  it('does not count what was blocked, nor outcomes, nor settlements of nobody', () => {
    const { decided, apply, settled, at } = open();
    decided('a', '0.5', { action: 'block' });
    apply({ entryType: 'outcome', originalDecisionId: 'a', actualCents: 5 });
    settled('nobody', '0.5');
    expect(at()).toEqual(['0', '0', '0']);
  });

  it('counts only matching actors', () => {
    const { decided, at } = open();
    decided('a', '0.5', { actor: { tenantId: 'acme', userId: 'alice' } });
    decided('b', '0.25', { actor: { tenantId: 'acme', userId: 'bob' } });
    decided('c', '0.125', { actor: { tenantId: 'other', userId: 'alice' } });
    decided('d', '0.0625', { actor: null });
    expect(at()[1]).toBe('0.75');
    expect(at(alice)[1]).toBe('0.5');
  });

  it('belongs to the window of the decision: a late settlement does not reach the next one', () => {
    const { decided, settled, at } = open();
    const actor = { tenantId: 'acme', userId: 'alice' };
    decided('a', '0.5', { actor }, NOON);
    decided('b', '0.25', { actor }, NOON + HOUR);
    expect(at(alice, NOON + HOUR)[1]).toBe('0.25');
    expect(at(daily, NOON + HOUR)[1]).toBe('0.75');
    settled('a', '0.4');
    expect(at(alice, NOON + HOUR)).toEqual(['0', '0.25', '0.01']);
    expect(at(daily, NOON + HOUR)).toEqual(['0.4', '0.25', '0.01']);
    expect(at(alice, NOON + 2 * HOUR)).toEqual(['0', '0', '0']);
  });

  it('counts rows of others as projected, then as they were settled', () => {
    const { apply, at } = open();
    apply({ decisionId: 'f', action: 'allow', projectedCents: 7, actor: { tenantId: 'acme' } });
    expect(at()).toEqual(['0.07', '0', '0']);
    apply({ entryType: 'settlement', decisionId: 'g', originalDecisionId: 'f', actualCents: 2.5 });
    expect(at()).toEqual(['0.025', '0', '0']);
  });

  it('survives amounts that are not amounts', () => {
    const { apply, decided, at } = open();
    for (const reservedUsd of ['-1', 'x', '1e999', '', null, 5, {}, []] as never[]) {
      apply({
        formatVersion: 1,
        decisionId: JSON.stringify(reservedUsd),
        action: 'allow',
        reservedUsd,
        actor: { tenantId: 'acme' },
      });
    }
    apply({ decisionId: 'neg', action: 'allow', projectedCents: -5, actor: { tenantId: 'acme' } });
    apply({ decisionId: 'nan', action: 'allow', projectedCents: 5, actor: { tenantId: 'acme' } }, Number.NaN);
    expect(at()).toEqual(['0', '0', '0']);
    decided('a', '0.5');
    expect(at()[1]).toBe('0.5');
  });

  it('names what each process holds', () => {
    const { budget, decided, settled } = open();
    decided('a', '0.5', { instance: 'one' });
    decided('b', '0.25', { instance: 'two' });
    decided('c', '0.25', { instance: 'two' });
    settled('a', '0.1');
    expect([...budget.heldByInstance(daily, NOON)]).toEqual([['two', parseUsd('0.5')]]);
    expect(budget.heldByInstance(daily, NOON + 24 * HOUR).size).toBe(0);
  });

  it('agrees with a plain recount of any history', () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 400 }),
      kind: fc.constantFrom('decide', 'decide', 'settle', 'lose', 'block'),
      cents: fc.integer({ min: 0, max: 500 }),
      advance: fc.integer({ min: 0, max: 20 * 60_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3_000 }), (steps) => {
        const { decided, settled, budget } = open();
        const calls: { at: number; usd: bigint; state: 'held' | 'lost' | 'settled' }[] = [];
        let now = NOON;
        for (const { id, kind, cents, advance } of steps) {
          now += advance;
          const usd = parseUsd(`${cents}e-2`)!;
          if (kind === 'block') decided(`blocked ${id}`, printUsd(usd), { action: 'block' }, now);
          else if (kind === 'decide') {
            decided(String(calls.length), printUsd(usd), {}, now);
            calls.push({ at: now, usd, state: 'held' });
          } else {
            settled(String(id), printUsd(usd), kind === 'lose' ? 'reserved' : 'provider');
            const call = calls[id];
            if (!call || call.state === 'settled' || (call.state === 'lost' && kind === 'lose')) continue;
            Object.assign(call, { usd, state: kind === 'lose' ? 'lost' : 'settled' });
          }
        }
        const day = Math.floor(now / (24 * HOUR));
        const today = calls.filter((call) => Math.floor(call.at / (24 * HOUR)) === day);
        const sum = (held: boolean) =>
          today
            .filter((call) => (call.state === 'held') === held)
            .reduce((total, call) => total + call.usd, 0n);
        const totals = budget.totals(daily, now);
        expect([totals.settled, totals.held]).toEqual([sum(false), sum(true)]);
      }),
      { numRuns: process.env.SLOW ? 2_000 : 60 },
    );
  });
});
