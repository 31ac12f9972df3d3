import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import type { Scope } from '../../src/core/scope.js';
import { evaluatePolicy, SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';

const CALL = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };
const MONDAY = Date.parse('2026-11-16T00:00:00Z');
const DAY = 86_400_000;

interface Setup {
  readonly more?: Partial<SpendPolicy>;
  readonly scope?: Scope;
  readonly store?: ReturnType<typeof createMemoryStore>;
}

function openGuard(caps: readonly SpendCap[], { more = {}, scope, store = createMemoryStore() }: Setup = {}) {
  setPrices();
  const now = { ms: MONDAY };
  const guard = new SpendGuard({
    policy: policyOf(caps, more),
    scope: scope ?? { tenantId: 'acme' },
    config: { store, waitForHoldsMs: 0, clock: () => now.ms },
  });
  onTestFinished(() => guard.close());
  return { guard, now, store };
}

async function spend(guard: SpendGuard, costUsd: string, tokens?: number): Promise<void> {
  const allowed = await guard.decide(CALL);
  const counts = tokens === undefined ? {} : { inputTokens: tokens, outputTokens: 0 };
  await guard.settle(allowed, { costUsd, ...counts });
}

describe('a cap on requests', () => {
  const caps = [{ maxRequests: 3, window: 'per_minute', action: 'block' }] as const;

  it('refuses the request after the last, until the minute is over', async () => {
    const { guard, now, store } = openGuard(caps);
    for (let i = 0; i < 3; i++) await spend(guard, '0');
    const refused = guard.decide(CALL);
    await expect(refused).rejects.toMatchObject({
      code: 'cap_exceeded',
      unit: 'requests',
      limit: '3',
      spent: '3',
      remaining: '0',
      resetsAt: '2026-11-16T00:01:00.000Z',
      retryAfterMs: 60_000,
    });
    expect(store.receipts.at(-1)?.decision).toMatchObject({
      triggeredCap: { index: 0, unit: 'requests', limit: '3' },
      caps: [{ unit: 'requests', limit: '3', spent: '3', held: '0', adds: '1', tripped: true }],
    });
    now.ms += 60_000;
    await spend(guard, '0');
  });

  it('counts running requests, which waiting does not free', async () => {
    const { guard } = openGuard(caps);
    for (let i = 0; i < 3; i++) await guard.decide(CALL);
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'cap_exceeded', held: '3' });
  });

  it('holds over eight processes at once', async () => {
    const home = await makeHome();
    const script = join(import.meta.dirname, 'fixtures/thirty-requests.mjs');
    const run = promisify(execFile);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => run(process.execPath, [script, home, '8'])),
    );
    const counts = results.map(({ stdout }) => JSON.parse(stdout) as Record<string, number>);
    const total = (key: string) => counts.reduce((sum, count) => sum + (count[key] ?? 0), 0);
    expect([total('allowed'), total('cap_exceeded')]).toEqual([30, 34]);
  }, 60_000);

  it('does not count refused requests, nor those that were never sent', async () => {
    const { guard } = openGuard([...caps, { amountCents: '0.5', window: 'per_call', action: 'block' }]);
    for (let i = 0; i < 9; i++) await expect(guard.decide(CALL)).rejects.toMatchObject({ unit: 'usd' });
    const free = openGuard(caps).guard;
    for (let i = 0; i < 9; i++) await free.release(await free.decide(CALL));
  });
});

describe('a cap on tokens', () => {
  const caps = [{ maxTokens: 5_000, window: 'per_day', action: 'block' }] as const;

  it('holds the bound of input and output, then counts what was used', async () => {
    const { guard } = openGuard(caps);
    const first = await guard.decide(CALL);
    await guard.decide(CALL);
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'held', unit: 'tokens', held: '4000' });
    await guard.settle(first, { costUsd: '0', inputTokens: 900, outputTokens: 100 });
    await guard.decide(CALL);
    await expect(guard.decide(CALL)).rejects.toMatchObject({ spent: '1000', held: '4000', remaining: '0' });
  });

  it('keeps the bound of a call whose tokens nobody told', async () => {
    const { guard } = openGuard(caps);
    await spend(guard, '0.001');
    await spend(guard, '0.001', 10);
    await spend(guard, '0.001', 990);
    await expect(guard.decide(CALL)).resolves.toBeDefined();
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'held', spent: '3000' });
  });
});

describe('a counter for each value', () => {
  const caps = [{ amountCents: 1, window: 'per_day', action: 'block', per: 'userId' }] as const;

  it('counts every value alone, and calls without one together', async () => {
    const { guard } = openGuard(caps);
    for (const userId of ['alice', 'bob']) {
      const own = guard.with({ userId });
      await spend(own, '0.009');
      await expect(own.decide(CALL)).rejects.toMatchObject({
        scopeKey: `tenantId=acme/userId=${userId}`,
        spent: '0.009',
      });
    }
    await spend(guard, '0.005');
    await expect(guard.decide(CALL)).rejects.toMatchObject({
      scopeKey: 'tenantId=acme/no userId',
      spent: '0.005',
    });
  });

  it('is found again by another guard of the ledger', async () => {
    const { guard, store } = openGuard(caps);
    await spend(guard.with({ userId: 'alice' }), '0.009');
    const other = openGuard(caps, { store });
    await expect(other.guard.with({ userId: 'alice' }).decide(CALL)).rejects.toMatchObject({
      spent: '0.009',
    });
    await spend(other.guard.with({ userId: 'carol' }), '0.001');
  });

  it('counts requests of each agent in their own minute', async () => {
    const { guard } = openGuard([{ maxRequests: 1, window: 'per_minute', action: 'block', per: 'agentId' }]);
    await spend(guard.with({ agentId: 'a' }), '0');
    await spend(guard.with({ agentId: 'b' }), '0');
    await expect(guard.with({ agentId: 'a' }).decide(CALL)).rejects.toMatchObject({ unit: 'requests' });
  });
});

describe('the windows', () => {
  it('per_week begins on Monday, in the zone of the policy', async () => {
    const caps = [{ amountCents: 1, window: 'per_week', action: 'block' }] as const;
    const { guard, now } = openGuard(caps, { more: { timeZone: 'America/New_York' } });
    await spend(guard, '0.009');
    await expect(guard.decide(CALL)).rejects.toMatchObject({ resetsAt: '2026-11-16T05:00:00.000Z' });
    now.ms += 5 * 3_600_000;
    await spend(guard, '0.009');
    now.ms += 7 * DAY - 1;
    await expect(guard.decide(CALL)).rejects.toMatchObject({ resetsAt: '2026-11-23T05:00:00.000Z' });
  });

  it('total never ends', async () => {
    const { guard, now } = openGuard([{ amountCents: 1, window: 'total', action: 'block' }]);
    await spend(guard, '0.009');
    now.ms += 4_000 * DAY;
    const refused = guard.decide(CALL);
    await expect(refused).rejects.toMatchObject({ spent: '0.009', resetsAt: null, retryAfterMs: null });
    await expect(refused).rejects.toThrow('never resets');
  });

  it('per_run is the session, wherever and whenever it goes on', async () => {
    const caps = [{ amountCents: 1, window: 'per_run', action: 'block' }] as const;
    const { guard, now, store } = openGuard(caps);
    await spend(guard.with({ sessionId: 's1' }), '0.009');
    await spend(guard.with({ sessionId: 's2' }), '0.005');
    now.ms += 40 * DAY;
    const other = openGuard(caps, { store });
    other.now.ms = now.ms;
    await expect(other.guard.with({ sessionId: 's1' }).decide(CALL)).rejects.toMatchObject({
      scopeKey: 'tenantId=acme/run=s1',
      spent: '0.009',
      resetsAt: null,
    });
  });

  it('per_run without a session is the guard', async () => {
    const caps = [{ amountCents: 1, window: 'per_run', action: 'block' }] as const;
    const { guard, store } = openGuard(caps);
    await spend(guard, '0.009');
    await expect(guard.with({ userId: 'alice' }).decide(CALL)).rejects.toMatchObject({ spent: '0.009' });
    await spend(openGuard(caps, { store }).guard, '0.009');
    const runs = store.receipts.map((receipt) => receipt.decision.run).filter(Boolean);
    expect(new Set(runs).size).toBe(2);
  });

  it('hours of a rule are those of the zone of the policy', () => {
    setPrices();
    const rules = [
      {
        effect: 'allow',
        action: '*',
        resource: 'model/*',
        when: { hours: '08:00-09:00', weekdays: ['mon'] },
      },
    ] as const;
    const policy = policyOf([], { timeZone: 'Asia/Kathmandu', rules });
    const at = (text: string) => evaluatePolicy(policy, { ...CALL, atMs: Date.parse(text) }).action;
    expect(at('2026-11-16T02:15:00Z')).toBe('allow');
    expect(at('2026-11-16T03:15:00Z')).toBe('block');
    expect(at('2026-11-17T02:15:00Z')).toBe('block');
  });
});
