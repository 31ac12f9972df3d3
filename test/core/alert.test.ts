import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findAlerts } from '../../src/core/alert.js';
import { Budget } from '../../src/core/budget.js';
import { checkCap } from '../../src/core/cap-check.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { JsonObject } from '../../src/core/json.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { Cap, SpendCap } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { BoundedQuote } from '../../src/core/price.js';
import type { Receipt } from '../../src/core/receipt.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const DAY = 86_400_000;
const CALLER = { actor: { tenantId: 'acme', userId: 'alice' }, run: 'r' };

function read(cap: object) {
  const rest = { id: 'p', name: 'P', scope: { tenantId: 'acme' }, mode: 'enforce', version: 1 };
  return parsePolicy({ ...rest, effectiveFrom: '2026-01-01T00:00:00Z', caps: [cap] }, nobleBackend);
}

function capOf(more: Partial<SpendCap> = {}): Cap {
  const reading = read({
    amountCents: 100,
    window: 'per_day',
    action: 'block',
    alertAt: [0.5, '0.80'],
    ...more,
  });
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy.caps[0]!;
}

/** A ledger as far as counters see it: each call is decided and recorded, then perhaps settled. */
function openLedger(cap: Cap) {
  const budget = new Budget([cap]);
  const apply = (decision: JsonObject, atMs: number) =>
    budget.apply({ decision: { formatVersion: 1, attempt: 1, ...decision } } as unknown as Receipt, atMs);
  let calls = 0;
  return {
    budget,
    call(expectedUsd: string, atMs = NOON, reservedUsd = expectedUsd): readonly string[] {
      const quote = { expectedUsd: parseUsd(expectedUsd)!, reservedUsd: parseUsd(reservedUsd)! };
      const check = checkCap(cap, (...key) => budget.totals(...key), quote as BoundedQuote, CALLER, atMs);
      const decisionId = `${calls++}`;
      const action = check.tripped && cap.action === 'block' ? 'block' : 'allow';
      apply({ decisionId, action, expectedUsd, reservedUsd, actor: CALLER.actor, instance: 'i' }, atMs);
      return action === 'block' ? ['block'] : check.alerts.map(({ level }) => level.text);
    },
    settle(call: number, actualUsd: string) {
      const originalDecisionId = `${call}`;
      apply({ entryType: 'settlement', originalDecisionId, actualUsd, costSource: 'provider' }, NOON);
    },
  };
}

describe('a level of alertAt', () => {
  it('is told by the call that reaches it exactly, and not just below', () => {
    const ledger = openLedger(capOf());
    expect(ledger.call('0.499999999999999999999999')).toEqual([]);
    expect(ledger.call('0.000000000000000000000001')).toEqual(['0.5']);
    expect(ledger.call('0.1')).toEqual([]);
    expect(ledger.call('0.2')).toEqual(['0.8']);
    expect(ledger.call('0.1')).toEqual([]);
  });

  it('is told once when the counter falls and rises again', () => {
    const ledger = openLedger(capOf());
    expect(ledger.call('0.6')).toEqual(['0.5']);
    ledger.settle(0, '0.1');
    expect(ledger.call('0.5')).toEqual([]);
    expect(ledger.call('0.3')).toEqual(['0.8']);
  });

  it('is told by the next call when a settlement went past it', () => {
    const ledger = openLedger(capOf({ action: 'allow' }));
    ledger.call('0.1');
    ledger.settle(0, '0.9');
    expect(ledger.call('0.01')).toEqual(['0.5', '0.8']);
    expect(ledger.call('0.01')).toEqual([]);
  });

  it('is told anew in the next window', () => {
    const ledger = openLedger(capOf());
    expect(ledger.call('0.9')).toEqual(['0.5', '0.8']);
    expect(ledger.call('0.9', NOON + DAY)).toEqual(['0.5', '0.8']);
  });

  it('is not told, nor used up, by a call that is refused', () => {
    const ledger = openLedger(capOf());
    expect(ledger.call('0.6', NOON, '1.1')).toEqual(['block']);
    expect(ledger.call('0.6')).toEqual(['0.5']);
  });

  it('counts estimates, also for a cap that blocks by bounds', () => {
    const ledger = openLedger(capOf());
    expect(ledger.call('0.1', NOON, '0.9')).toEqual([]);
    ledger.settle(0, '0.1');
    expect(ledger.call('0.4', NOON, '0.6')).toEqual(['0.5']);
  });

  it('has a counter for each value of per', () => {
    const cap = capOf({ per: 'userId' });
    const ledger = openLedger(cap);
    expect(ledger.call('0.6')).toEqual(['0.5']);
    const quote = { expectedUsd: parseUsd('0.6')!, reservedUsd: parseUsd('0.6')! } as BoundedQuote;
    const bob = { actor: { tenantId: 'acme', userId: 'bob' }, run: 'r' };
    const check = checkCap(cap, (...key) => ledger.budget.totals(...key), quote, bob, NOON);
    expect(check.alerts.map(({ level }) => level.text)).toEqual(['0.5']);
  });

  it('survives a snapshot: what was told is not told again', () => {
    const cap = capOf();
    const ledger = openLedger(cap);
    ledger.call('0.6');
    ledger.settle(0, '0.1');
    const next = new Budget([cap]);
    expect(next.load(JSON.parse(JSON.stringify(ledger.budget.save())))).toBe(true);
    const quote = { expectedUsd: parseUsd('0.45')!, reservedUsd: 1n } as BoundedQuote;
    expect(checkCap(cap, (...key) => next.totals(...key), quote, CALLER, NOON).alerts).toEqual([]);
  });

  it('is told at most once a window, and always when a call passes beyond it, whatever happens', () => {
    const step = fc.record({
      cents: fc.integer({ min: 0, max: 40 }),
      settles: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const cap = capOf({ action: 'allow' });
        const ledger = openLedger(cap);
        const told: string[] = [];
        const usd = (cents: number) => printUsd(BigInt(cents) * 10n ** 22n);
        for (const [index, { cents, settles }] of steps.entries()) {
          const { settled, heldExpected } = ledger.budget.totals(cap, NOON, CALLER);
          told.push(...ledger.call(usd(cents)));
          const stands = settled + heldExpected + BigInt(cents) * 10n ** 22n;
          if (stands >= 50n * 10n ** 22n) expect(told).toContain('0.5');
          if (stands >= 80n * 10n ** 22n) expect(told).toContain('0.8');
          if (settles < 45) ledger.settle(index, usd(settles));
        }
        expect(new Set(told).size).toBe(told.length);
      }),
    );
  });

  it('compares exactly, far below what a float could tell apart', () => {
    const levels = [{ text: '0.3', part: parseUsd('0.3')! }];
    const limit = 10n ** 40n + 1n;
    const third = (limit * 3n) / 10n;
    expect(findAlerts(levels, limit, 0n, third)).toHaveLength(0);
    expect(findAlerts(levels, limit, third, third + 1n)).toHaveLength(1);
    expect(findAlerts(levels, 0n, 0n, 5n)).toHaveLength(0);
  });
});

describe('alertAt as written', () => {
  it('is read by exact decimals, lowest first', () => {
    const texts = capOf({ alertAt: ['0.950', 1, 5e-1] }).alertAt.map(({ text }) => text);
    expect(texts).toEqual(['0.5', '0.95', '1']);
  });

  it.each([
    [0.5, 'caps[0].alertAt must be an array of parts such as [0.5, 0.8], found the number 0.5'],
    [[], 'caps[0].alertAt must be an array of parts such as [0.5, 0.8], found an array'],
    [[0], 'caps[0].alertAt[0] must be a decimal above 0 and at most 1, found the number 0'],
    [[0.5, -1], 'caps[0].alertAt[1] must be a decimal above 0 and at most 1, found the number -1'],
    [['80%'], 'caps[0].alertAt[0] must be a decimal above 0 and at most 1, found "80%"'],
    [[80], 'caps[0].alertAt[0] must be a decimal above 0 and at most 1, found the number 80'],
    [[null], 'caps[0].alertAt[0] must be a decimal above 0 and at most 1, found null'],
    [[0.5, '0.50'], 'caps[0].alertAt has 0.5 twice'],
  ])('is refused as %j', (alertAt, problem) => {
    const reading = read({ amountCents: 1, window: 'per_day', action: 'block', alertAt });
    if (reading.ok) throw new Error('was read');
    expect(reading.problems.map(({ path, message }) => `${path} ${message}`)).toContain(problem);
  });

  it('does not go with a cap that has no counter', () => {
    expect(read({ amountCents: 1, window: 'per_call', action: 'block', alertAt: [0.5] })).toMatchObject({
      ok: false,
      problems: [{ path: 'caps[0].alertAt' }],
    });
  });
});
