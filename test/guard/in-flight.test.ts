import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Budget } from '../../src/core/budget.js';
import type { Cap, SpendCap } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, type Row, readRows } from '../helpers/home.js';

const CALL = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };
const TWO: SpendCap = { maxInFlight: 2, action: 'block' };
const SCRIPT = new URL('./fixtures/in-flight.mjs', import.meta.url).pathname;
const start = (home: string, calls: number, name = 'work') =>
  promisify(execFile)(process.execPath, [SCRIPT, home, String(calls), name]);

function openGuard(caps: readonly SpendCap[], waitForHoldsMs = 0) {
  setPrices();
  const store = createMemoryStore();
  const guard = new SpendGuard({
    policy: policyOf(caps),
    scope: { tenantId: 'acme' },
    config: { store, waitForHoldsMs },
  });
  onTestFinished(() => guard.close());
  return { guard, store };
}

/** The most calls between their decision and their settlement, in the order of the ledger. */
function mostAtOnce(rows: readonly Row[]): number {
  const running = new Set<unknown>();
  let most = 0;
  for (const { decision } of rows) {
    if (decision.entryType === undefined && decision.action !== 'block') running.add(decision.decisionId);
    if (decision.entryType === 'settlement') running.delete(decision.originalDecisionId);
    most = Math.max(most, running.size);
  }
  return most;
}

describe('a cap on calls in flight', () => {
  it('refuses the call that would be one too many, and lets it pass when one has ended', async () => {
    const { guard, store } = openGuard([TWO]);
    const first = await guard.decide(CALL);
    await guard.decide(CALL);
    await expect(guard.decide(CALL)).rejects.toMatchObject({
      code: 'held',
      message: expect.stringContaining('block cap 2 in flight (tenantId=acme): running 2 + this call'),
      unit: 'in_flight',
      limit: '2',
      held: '2',
      remaining: '0',
      resetsAt: null,
      retryAfterMs: 1_000,
    });
    expect(store.receipts.at(-1)?.decision).toMatchObject({
      triggeredCap: { unit: 'in_flight', limit: '2', window: 'total' },
      caps: [{ unit: 'in_flight', limit: '2', spent: '0', held: '2', adds: '1', resetsAt: null }],
    });
    await guard.settle(first, {});
    await guard.decide(CALL);
  });

  it('waits for a running call to end', async () => {
    const { guard } = openGuard([TWO], 30_000);
    const first = await guard.decide(CALL);
    await guard.decide(CALL);
    const third = guard.decide(CALL);
    await guard.settle(first, { costUsd: '0.001' });
    expect((await third).decision.action).toBe('allow');
  });

  it('frees its place however a call ends: released, cut, or with an unknown cost', async () => {
    const { guard } = openGuard([{ ...TWO, maxInFlight: 1 }]);
    await guard.release(await guard.decide(CALL));
    await guard.settle(await guard.decide(CALL), {});
    await guard.settle(await guard.decide(CALL), { partial: true });
    await guard.decide(CALL);
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'held' });
  });

  it('counts each user apart with per, and downgrades with that action', async () => {
    const { guard } = openGuard([
      { maxInFlight: 1, action: 'block', per: 'userId' },
      { maxInFlight: 2, action: 'downgrade', downgradeTo: 'anthropic/claude-opus-4.7' },
    ]);
    await guard.with({ userId: 'a' }).decide(CALL);
    await guard.with({ userId: 'b' }).decide(CALL);
    await expect(guard.with({ userId: 'b' }).decide(CALL)).rejects.toMatchObject({ code: 'held' });
    expect((await guard.with({ userId: 'c' }).decide(CALL)).decision.action).toBe('downgrade');
  });

  it('of nought lets nothing run, and waits for nothing', async () => {
    const { guard } = openGuard([{ ...TWO, maxInFlight: 0 }], 30_000);
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'cap_exceeded' });
  });

  it('holds over four processes at once', async () => {
    const home = await makeHome();
    await Promise.all([start(home, 6), start(home, 6), start(home, 6), start(home, 6)]);
    const rows = await readRows(home);
    expect(rows.filter(({ decision }) => decision.costSource === 'provider')).toHaveLength(24);
    expect(mostAtOnce(rows)).toBe(2);
  });

  it('ends the calls of a killed process, whose bounds stay spent', async () => {
    const home = await makeHome();
    await expect(start(home, 2, 'leave')).rejects.toMatchObject({ signal: 'SIGKILL' });
    await start(home, 1);
    const rows = (await readRows(home)).map(({ decision }) => decision);
    expect(rows.map(({ entryType, action, costSource }) => [entryType ?? action, costSource])).toEqual([
      ['allow', undefined],
      ['allow', undefined],
      ['settlement', 'reserved'],
      ['settlement', 'reserved'],
      ['allow', undefined],
      ['settlement', 'provider'],
    ]);
    expect(rows[2]).toMatchObject({
      originalDecisionId: rows[0]?.decisionId,
      actualUsd: rows[0]?.reservedUsd,
      outcome: 'aborted',
      partial: true,
      policyId: 'in-flight',
    });
    const command = [join(import.meta.dirname, '../../bin/agentguard.js'), 'verify', '--home', home];
    const { stdout } = await promisify(execFile)(process.execPath, [...command, '--require', 'lawful']);
    expect(stdout).toContain('cap 2 in flight: highest 2, never exceeded');
  });
});

describe('maxInFlight as written', () => {
  const read = (cap: object) => parsePolicy({ ...policyOf([]), caps: [cap] }, nodeBackend);

  it.each([
    [
      { window: 'per_day' },
      'caps[0].window does not go with maxInFlight: a call counts for as long as it runs',
    ],
    [
      { alertAt: [0.5] },
      'caps[0].alertAt does not go with maxInFlight: a call counts for as long as it runs',
    ],
    [{ maxInFlight: 1.5 }, 'caps[0].maxInFlight must be a whole number of at least 0, found the number 1.5'],
    [
      { maxRequests: 3 },
      'caps[0].maxInFlight stands beside maxRequests: one cap limits one thing; write two caps',
    ],
    [{ maxInFlight: undefined }, 'caps[0].window is missing'],
  ])('is refused with %j', (more, problem) => {
    const reading = read({ ...TWO, ...more });
    if (reading.ok) throw new Error('was read');
    expect(reading.problems.map(({ path, message }) => `${path} ${message}`)).toContain(problem);
  });

  it('of two limits with one scope are one counter, apart from those of requests', () => {
    const caps = [TWO, { ...TWO, maxInFlight: 9 }, { maxRequests: 9, window: 'total', action: 'block' }];
    const reading = parsePolicy({ ...policyOf([]), caps }, nodeBackend);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    expect(new Budget(reading.policy.caps as readonly Cap[]).name).toBe(
      'budget 4: total in_flight tenantId=acme, total requests tenantId=acme',
    );
  });
});
