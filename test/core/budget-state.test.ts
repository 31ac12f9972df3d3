import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/core/budget.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { SpendCap } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Receipt } from '../../src/core/receipt.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function capsOf(caps: readonly SpendCap[]) {
  const reading = parsePolicy(
    {
      id: 'p',
      name: 'P',
      scope: { tenantId: 'acme' },
      mode: 'enforce',
      version: 1,
      effectiveFrom: '2026-01-01T00:00:00Z',
      caps,
    },
    nobleBackend,
  );
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy.caps;
}

const CAPS = capsOf([
  { amountCents: 100, window: 'per_day', action: 'block' },
  { amountCents: 100, window: 'per_hour', action: 'block', selector: { userId: 'alice' } },
]);
const EVERY_KIND = capsOf([
  { amountCents: 100, window: 'per_day', action: 'block', per: 'userId' },
  { amountCents: 100, window: 'total', action: 'block' },
  { maxTokens: 100, window: 'per_run', action: 'block', per: 'userId' },
  { maxRequests: 100, window: 'per_hour', action: 'block' },
]);
const [daily, alice] = CAPS as [(typeof CAPS)[0], (typeof CAPS)[0]];

type Row = readonly [decision: JsonObject, atMs: number];

const decided = (decisionId: string, reservedUsd: string, atMs = NOON, userId = 'alice'): Row => [
  {
    formatVersion: 1,
    decisionId,
    action: 'allow',
    attempt: 1,
    reservedUsd,
    expectedUsd: '0.01',
    actor: { tenantId: 'acme', userId },
    instance: 'i',
  },
  atMs,
];
const settled = (originalDecisionId: string, actualUsd: string, costSource = 'provider'): Row => [
  { formatVersion: 1, entryType: 'settlement', originalDecisionId, attempt: 1, actualUsd, costSource },
  NOON,
];

function feed(budget: Budget, rows: readonly Row[]): Budget {
  for (const [decision, atMs] of rows) budget.apply({ decision } as Receipt, atMs);
  return budget;
}

const reload = (budget: Budget, caps = CAPS): Budget => {
  const next = new Budget(caps);
  expect(next.load(JSON.parse(JSON.stringify(budget.save())) as Json)).toBe(true);
  return next;
};

describe('a saved budget', () => {
  it('goes on as if it had read every row itself, wherever it was saved', () => {
    const row = fc.oneof(
      fc
        .tuple(fc.nat(40), fc.nat(500), fc.nat(3 * 24), fc.constantFrom('alice', 'bob'))
        .map(([id, cents, hour, who]) => decided(`${id}`, `${cents}e-2`, NOON + hour * HOUR, who)),
      fc
        .tuple(fc.nat(40), fc.nat(500), fc.constantFrom('provider', 'reserved'))
        .map(([id, cents, source]) => settled(`${id}`, `${cents}e-2`, source)),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 200 }), fc.nat(200), fc.boolean(), (rows, cut, isPlain) => {
        const caps = isPlain ? CAPS : EVERY_KIND;
        const whole = feed(new Budget(caps), rows);
        const parts = feed(reload(feed(new Budget(caps), rows.slice(0, cut)), caps), rows.slice(cut));
        expect(parts.save()).toEqual(whole.save());
        for (let hour = 0; hour < 80; hour += 3)
          for (const cap of caps)
            for (const userId of ['alice', 'bob']) {
              const caller = { actor: { userId }, run: 'i' };
              const atMs = NOON + hour * HOUR;
              expect(parts.totals(cap, atMs, caller)).toEqual(whole.totals(cap, atMs, caller));
            }
      }),
    );
  });

  it('still knows its holds: a settlement after it frees what was held before', () => {
    const budget = feed(reload(feed(new Budget(CAPS), [decided('a', '0.5')])), [settled('a', '0.2')]);
    expect(budget.totals(daily, NOON)).toMatchObject({ settled: parseUsd('0.2'), held: 0n });
  });

  it('is named for its counters: amounts and order of caps do not matter, windows and selectors do', () => {
    const cap: SpendCap = { amountCents: 5, window: 'per_day', action: 'block' };
    const { name } = new Budget(capsOf([cap, { ...cap, window: 'per_month' }]));
    expect(
      new Budget(
        capsOf([
          { ...cap, window: 'per_month' },
          { ...cap, amountCents: 7 },
        ]),
      ).name,
    ).toBe(name);
    expect(new Budget(capsOf([cap])).name).not.toBe(name);
    expect(
      new Budget(
        capsOf([
          { ...cap, selector: { userId: 'x' } },
          { ...cap, window: 'per_month' },
        ]),
      ).name,
    ).not.toBe(name);
  });

  it('of other counters, or of no budget at all, is refused and changes nothing', () => {
    const source = feed(new Budget(CAPS), [decided('a', '0.5')]);
    const good = JSON.parse(JSON.stringify(source.save())) as { sums: Json[]; entries: Json[][] };
    const swap = (change: (copy: typeof good) => unknown): Json => {
      const copy = structuredClone(good);
      change(copy);
      return copy as unknown as Json;
    };
    const bad: Json[] = [null, 0, '', [], {}, { sums: [] }, { sums: {}, entries: [] }];
    bad.push(new Budget(CAPS.slice(0, 1)).save());
    bad.push(swap((copy) => copy.sums.pop()));
    for (let at = 0; at < 9; at++) {
      bad.push(swap((copy) => Object.assign(copy.entries[0]!, { [at]: true })));
      bad.push(swap((copy) => Object.assign(copy.entries[0]!, { [at]: -0.5 })));
    }
    for (const value of [-1, '-1', '1.5', '1e3', null, 'x'])
      bad.push(swap((copy) => Object.assign((copy.sums[0] as Json[][][])[1]![0]!, { 2: value })));
    const budget = feed(new Budget(CAPS), [decided('b', '0.25')]);
    // An attempt may be any number that a row may have.
    const refused = bad.filter((saved) => !new Budget(CAPS).load(saved));
    expect(bad.length - refused.length).toBe(1);
    for (const saved of refused) expect(budget.load(saved)).toBe(false);
    expect(printUsd(budget.totals(daily, NOON).held)).toBe('0.25');
  });
});

describe('a clock that was ahead and was set back', () => {
  it('finds the counters of today where it left them, and counts on', () => {
    const budget = feed(new Budget(CAPS), [
      decided('a', '0.5', NOON),
      decided('b', '0.25', NOON + DAY),
      decided('c', '0.125', NOON),
    ]);
    expect(printUsd(budget.totals(daily, NOON).held)).toBe('0.625');
    expect(printUsd(budget.totals(daily, NOON + DAY).held)).toBe('0.25');
    feed(budget, [settled('a', '0.1')]);
    expect(printUsd(budget.totals(daily, NOON).settled)).toBe('0.1');
  });

  it('counts on even after many windows ahead', () => {
    const ahead = Array.from({ length: 30 }, (_, n) => decided(`f${n}`, '1', NOON + (n + 2) * HOUR));
    const budget = feed(new Budget(CAPS), [
      ...ahead,
      decided('now', '0.5', NOON),
      decided('more', '0.25', NOON),
    ]);
    expect(printUsd(budget.totals(alice, NOON).held)).toBe('0.75');
  });

  it('keeps few windows, and today among them, whatever old rows of others come after', () => {
    const old = Array.from({ length: 30 }, (_, n) => decided(`o${n}`, '1', NOON - (n + 1) * DAY));
    const budget = feed(new Budget(CAPS), [decided('now', '0.5', NOON), ...old]);
    expect(printUsd(budget.totals(daily, NOON).held)).toBe('0.5');
    const { sums } = budget.save() as { sums: [string, unknown[]][] };
    expect(sums.map(([, windows]) => windows.length)).toEqual([4, 4]);
  });
});
