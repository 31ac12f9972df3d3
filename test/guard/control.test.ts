/** Stops and grants as guards follow them: in this process, and over eight real ones with the real command. */
import { execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { grantRow, resumeRow, stopRow } from '../../src/core/control-row.js';
import type { JsonObject } from '../../src/core/json.js';
import { ONE_USD } from '../../src/core/money.js';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const ROOT = join(import.meta.dirname, '../..');
const MODEL = HAIKU;
/** $1 exactly: the input is free, 1000 tokens of output at 100 cents per thousand. */
const CALL = { model: MODEL, inputTokens: 1, maxOutputTokens: 1000 };

function openGuard(caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}) {
  setCostOverride(MODEL, { inputCentsPerKtok: 0, outputCentsPerKtok: 100 });
  const store = createMemoryStore();
  const now = { ms: NOON };
  const config = { store, clock: () => now.ms, waitForHoldsMs: 0 };
  const guard = new SpendGuard({ policy: policyOf(caps, more), config });
  onTestFinished(() => guard.close());
  const spend = async (view = guard) => view.settle(await view.decide(CALL), { costUsd: 1 });
  let rows = 0;
  const put = (draw: (facts: { id: string; timestampMs: number; tenantId: string }) => JsonObject) =>
    store.transact(() => ({
      result: undefined,
      drafts: [{ decision: draw({ id: `row-${rows++}`, timestampMs: now.ms, tenantId: 'acme' }) }],
    }));
  const grant = (usd: number, more: object = {}) =>
    put((facts) =>
      grantRow(
        facts,
        { usd: BigInt(usd) * ONE_USD, fromMs: now.ms, untilMs: now.ms + HOUR, selector: {}, ...more },
        {},
      ),
    );
  return { guard, store, now, put, grant, spend };
}

describe('a stop', () => {
  it.each(['enforce', 'shadow'] as const)('refuses the next call in %s mode, until resume', async (mode) => {
    const { guard, store, put, spend } = openGuard([], { mode });
    await spend();
    await put((facts) => stopRow(facts, { reason: 'runaway agent' }));
    await expect(guard.decide(CALL)).rejects.toMatchObject({
      code: 'stopped',
      message: expect.stringContaining('runaway agent'),
      cap: null,
      resetsAt: null,
      retryAfterMs: null,
      alternatives: [],
    });
    expect(store.receipts.at(-1)?.decision).toMatchObject({ action: 'block', refusal: { code: 'stopped' } });
    await put((facts) => resumeRow(facts, {}));
    await spend();
  });

  it('lets running calls end, but not be repeated', async () => {
    const { guard, store, put } = openGuard([{ amountCents: 500, window: 'per_day', action: 'block' }]);
    const running = await guard.decide(CALL);
    await put((facts) => stopRow(facts, {}));
    await guard.settle(running, { costUsd: '0.25' });
    expect(store.receipts.at(-1)?.decision).toMatchObject({ entryType: 'settlement', actualUsd: '0.25' });
  });

  it('stands before capabilities, rules and caps', async () => {
    const { guard, put } = openGuard([{ amountCents: 0, window: 'per_day', action: 'block' }], {
      requiredCapability: 'payment_execute',
      rules: [{ effect: 'deny', action: '*', resource: 'model/*' }],
    });
    await put((facts) => stopRow(facts, {}));
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'stopped' });
  });

  it('ends the waiting of a call that waits for others', async () => {
    const { store, put } = openGuard([]);
    const guard = new SpendGuard({
      policy: policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }]),
      config: { store, clock: () => NOON, waitForHoldsMs: 60_000 },
    });
    onTestFinished(() => guard.close());
    await guard.decide(CALL);
    const waiting = guard.decide(CALL);
    await put((facts) => stopRow(facts, {}));
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('a grant', () => {
  const daily: SpendCap = { amountCents: 200, window: 'per_day', action: 'block' };

  it('gives so much more and no more, and the receipt shows it', async () => {
    const { guard, store, grant, spend } = openGuard([daily]);
    await spend();
    await spend();
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'cap_exceeded', limit: '2' });
    await grant(1);
    await spend();
    expect(store.receipts.at(-2)?.decision).toMatchObject({
      action: 'allow',
      grants: ['row-0'],
      caps: [{ limitUsd: '3', grantedUsd: '1', spentUsd: '2', addsUsd: '1', tripped: false }],
    });
    await expect(guard.decide(CALL)).rejects.toMatchObject({
      code: 'cap_exceeded',
      limit: '3',
      remaining: '0',
      message: expect.stringContaining('$2.00 + granted $1.00'),
    });
  });

  it('is over at its end: the cap is the old one, and what was spent counts', async () => {
    const { guard, now, grant, spend } = openGuard([daily]);
    await grant(3);
    await spend();
    now.ms += HOUR - 1;
    await spend();
    await spend();
    now.ms += 1;
    await expect(guard.decide(CALL)).rejects.toMatchObject({ limit: '2', spent: '3', remaining: '0' });
    now.ms += 24 * HOUR;
    await spend();
  });

  it('is for the calls that it names', async () => {
    const { guard, grant, spend } = openGuard([{ ...daily, amountCents: 0, per: 'userId' }]);
    await grant(1, { selector: { userId: 'alice' } });
    await expect(guard.with({ userId: 'bob' }).decide(CALL)).rejects.toMatchObject({ limit: '0' });
    await spend(guard.with({ userId: 'alice' }));
    await expect(guard.with({ userId: 'alice' }).decide(CALL)).rejects.toMatchObject({ limit: '1' });
  });

  it('lifts no cap on requests, none per call, and no rule', async () => {
    const requests = openGuard([{ maxRequests: 0, window: 'per_day', action: 'block' }]);
    const perCall = openGuard([{ amountCents: 99, window: 'per_call', action: 'block' }]);
    const rules = openGuard([], { rules: [{ effect: 'deny', action: '*', resource: 'model/*' }] });
    for (const [{ guard, grant }, code] of [
      [requests, 'cap_exceeded'],
      [perCall, 'cap_exceeded'],
      [rules, 'rule_denied'],
    ] as const) {
      await grant(100);
      await expect(guard.decide(CALL)).rejects.toMatchObject({ code });
    }
    await perCall.grant(1, { capIndex: 0 });
    await perCall.spend();
  });

  it('ends a downgrade as well: the asked model has room again', async () => {
    const { guard, grant } = openGuard([
      { amountCents: 0, window: 'per_day', action: 'downgrade', downgradeTo: 'cheap/model' },
    ]);
    setCostOverride('cheap/model', { inputCentsPerKtok: 0, outputCentsPerKtok: 0 });
    expect((await guard.decide(CALL)).decision.modelResolved).toBe('cheap/model');
    await grant(5);
    expect((await guard.decide(CALL)).decision.modelResolved).toBe(MODEL);
  });
});

describe('eight processes', () => {
  it('each refuse their next call after `agentguard stop`, go on after `resume`, and follow edits of the policy', async () => {
    const home = await makeHome();
    const policy = join(home, 'policy.json');
    await writeFile(
      policy,
      JSON.stringify(policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }])),
    );
    const callers = Array.from({ length: 8 }, () => startCaller(home, policy));
    for (const caller of callers) expect(await caller.line()).toBe('allowed');
    const stop = await agentguard(home, 'stop', '--reason', 'test');
    expect(stop).toContain('stopped');
    for (const caller of callers) expect(await caller.line()).toBe('stopped');
    const row = (await readRows(home)).findIndex(({ decision }) => decision.control === 'stop');
    await agentguard(home, 'resume');
    for (const caller of callers) expect(await caller.line()).toBe('allowed');
    await writeFile(policy, '{ "broken": ');
    for (const caller of callers) expect(await caller.line()).toContain('stays in force');
    await writeFile(
      policy,
      JSON.stringify(policyOf([{ maxRequests: 0, window: 'per_day', action: 'block' }])),
    );
    for (const caller of callers) expect(await caller.line()).toContain('cap_exceeded');
    await Promise.all(callers.map((caller) => caller.end()));

    const rows = await readRows(home);
    const resumed = rows.findIndex(({ decision }) => decision.control === 'resume');
    const between = rows.slice(row + 1, resumed).filter(({ decision }) => decision.entryType === undefined);
    expect(new Set(between.map(({ decision }) => decision.action))).toEqual(new Set(['block']));
    expect(new Set(between.map(({ decision }) => decision.instance)).size).toBe(8);
    const told = rows.map(({ decision }) => decision.control).filter(Boolean);
    expect(told).toEqual(['stop', 'resume', 'policy_rejected', 'policy']);
    expect(await agentguard(home, 'verify', '--require', 'contiguous,lawful')).toContain('Verified');
  }, 60_000);
});

async function agentguard(home: string, ...argv: readonly string[]): Promise<string> {
  const bin = join(ROOT, 'bin/agentguard.js');
  const { stdout } = await promisify(execFile)(process.execPath, [bin, '--home', home, ...argv]);
  return stdout;
}

function startCaller(home: string, policy: string) {
  const script = join(import.meta.dirname, 'fixtures/many-calls.mjs');
  const child = spawn(process.execPath, [script, home, policy], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => (await lines.next()).value as string | undefined,
    async end() {
      child.stdin.write('end\n');
      expect(await ended).toBe(0);
    },
  };
}
