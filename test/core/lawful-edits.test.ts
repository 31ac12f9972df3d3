/** What verify says of caps and policies that did not govern the whole ledger, and of rows that repeat a call. */
import { describe, expect, it } from 'vitest';
import { createAttempts } from '../../src/core/attempts.js';
import { judgeCap } from '../../src/core/cap-verdict.js';
import { grantRow, policyChangeRow } from '../../src/core/control-row.js';
import type { JsonObject } from '../../src/core/json.js';
import { parseUsd } from '../../src/core/money.js';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { compilePolicy, decisionsOf, judgeLines, LEDGER_KEY, sealAgain } from '../helpers/lawful-ledger.js';

/** Bound: $0.006 on the small model, $0.03 on the large one. */
const CALL = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };
const dayCap = (amountCents: number, more: Partial<SpendCap> = {}): SpendCap => ({
  amountCents,
  window: 'per_day',
  action: 'block',
  ...more,
});
const TIGHT = policyOf([dayCap(1)]);
const LOOSE = policyOf([dayCap(10)], { version: 2 });

/** One ledger that guards of different policies write to, one after the other. */
function openLedger() {
  setPrices();
  const store = createMemoryStore({ signer: LEDGER_KEY });
  const clock = { nowMs: Date.parse('2026-11-20T12:00:00Z') };
  const used: SpendPolicy[] = [];
  const guardOf = (...policies: SpendPolicy[]) => {
    used.push(...policies);
    const config = { store, waitForHoldsMs: 0, clock: () => clock.nowMs++ };
    const [policy] = policies;
    return new SpendGuard(policies.length === 1 && policy ? { policy, config } : { policies, config });
  };
  const rows = () => decisionsOf(store.receipts);
  const judge = (decisions: readonly JsonObject[] = rows()) =>
    judgeLines(sealAgain(decisions), used.map(compilePolicy));
  return { store, clock, guardOf, rows, judge };
}

/** Calls until one is refused, each settled at `costUsd`. */
async function spend(guard: SpendGuard, count: number, costUsd = '0.005') {
  for (let made = 0; made < count; made++) {
    try {
      await guard.settle(await guard.decide(CALL), { costUsd });
    } catch (error) {
      if (error instanceof AgentGuardBlockedError) return made;
      throw error;
    }
  }
  return count;
}

const errorsOf = ({ problems }: ReturnType<typeof judgeLines>) =>
  problems.filter(({ severity }) => severity === 'error').map(({ code, line }) => `${code}@${line}`);

describe('the highest of a cap', () => {
  it('is what its own calls came to, not what an edit let pass later', async () => {
    const { guardOf, judge } = openLedger();
    expect(await spend(guardOf(TIGHT), 9)).toBe(1);
    expect(await spend(guardOf(LOOSE), 9)).toBe(9);
    const { caps, verdicts } = judge();
    expect(verdicts.lawful.answer).toBe('yes');
    expect(caps).toMatchObject([
      { limitUsd: '0.01', highestUsd: '0.005', exceeded: false },
      { limitUsd: '0.1', highestUsd: '0.05', exceeded: false },
    ]);
  });

  it('is not what was spent before an edit that only refuses', async () => {
    const { guardOf, judge } = openLedger();
    expect(await spend(guardOf(LOOSE), 5)).toBe(5);
    expect(await spend(guardOf(TIGHT), 1)).toBe(0);
    expect(judge().caps).toMatchObject([{ limitUsd: '0.1', highestUsd: '0.025' }]);
  });

  it('counts a call that ends after the edit as what it cost, beside what stood when it was decided', async () => {
    const { guardOf, judge } = openLedger();
    const tight = guardOf(TIGHT);
    const running = await tight.decide(CALL);
    await spend(guardOf(LOOSE), 6);
    await tight.settle(running, { costUsd: '0.0059' });
    const { caps, verdicts } = judge();
    expect(verdicts.lawful.answer).toBe('yes');
    expect(caps[0]).toMatchObject({ limitUsd: '0.01', highestUsd: '0.0059', exceeded: false });
  });

  it('counts a call of its own that never ends by its bound, and no other', async () => {
    const { guardOf, judge } = openLedger();
    await guardOf(TIGHT).decide(CALL);
    await guardOf(LOOSE).decide(CALL);
    expect(judge().caps.map(({ highestUsd }) => highestUsd)).toEqual(['0.006', '0.006']);
  });
});

describe('the words about a cap', () => {
  const wordsOf = ({ caps, verdicts }: ReturnType<typeof judgeLines>) =>
    caps.map((cap) => judgeCap(cap, verdicts));

  it('tell that more was spent than the cap has where a grant let it pass', async () => {
    const { store, clock, guardOf, judge } = openLedger();
    const facts = { id: 'g', timestampMs: clock.nowMs, tenantId: 'acme' };
    const terms = {
      usd: parseUsd('0.02')!,
      fromMs: clock.nowMs,
      untilMs: clock.nowMs + 10_000,
      selector: {},
    };
    await store.transact(() => ({ result: undefined, drafts: [{ decision: grantRow(facts, terms, {}) }] }));
    expect(await spend(guardOf(TIGHT), 9)).toBe(5);
    clock.nowMs += 10_000;
    expect(await spend(guardOf(TIGHT), 1)).toBe(0);
    const report = judge();
    expect(report.caps).toMatchObject([{ limitUsd: '0.01', highestUsd: '0.025', exceeded: false }]);
    expect(wordsOf(report)).toEqual(['never exceeded with what was granted']);
  });

  it('claim nothing where a call could not be judged, and nothing of soft caps', async () => {
    const { guardOf, judge, rows } = openLedger();
    await spend(guardOf(policyOf([dayCap(1), dayCap(1, { action: 'shadow' })])), 3);
    expect(wordsOf(judge())).toEqual(['never exceeded', '']);
    const last = rows().length - 1;
    const unknown = rows().map((row, at) => (at === last ? { ...row, policyHash: 'f'.repeat(64) } : row));
    expect(wordsOf(judge(unknown))).toEqual(['not exceeded in the rows judged', '']);
  });
});

describe('a bill above its bound', () => {
  const OVER = { costUsd: '0.02' };
  const ORG = policyOf([dayCap(1.5)], { id: 'org' });
  const TEAM = policyOf([dayCap(100, { selector: { teamId: 'a' } })], { id: 'team' });

  it('exceeds the caps of every policy of its call, not only of the one that its row names', async () => {
    const { guardOf, judge, rows } = openLedger();
    const guard = guardOf(TEAM, ORG).with({ teamId: 'a' });
    await guard.settle(await guard.decide(CALL), OVER);
    expect(rows().at(-1)).toMatchObject({ policyId: 'team', overBound: true });
    expect(errorsOf(judge())).toEqual(['CAP_EXCEEDED@2']);
  });

  it('exceeds a cap on single calls of every policy, also where the row hides that it is above', async () => {
    const { guardOf, judge, rows } = openLedger();
    const single = policyOf([{ amountCents: 1, window: 'per_call', action: 'block' }], { id: 'single' });
    const guard = guardOf(TEAM, single).with({ teamId: 'a' });
    await guard.settle(await guard.decide(CALL), OVER);
    expect(errorsOf(judge())).toEqual(['CAP_EXCEEDED@2']);
    const hidden = rows().map(({ overBound: _, ...row }) => row);
    expect(errorsOf(judge(hidden))).toEqual(['CAP_EXCEEDED@2']);
  });

  it('does not exceed the caps of a policy that came later', async () => {
    const { guardOf, judge } = openLedger();
    const loose = guardOf(LOOSE);
    const running = await loose.decide(CALL);
    expect(await spend(guardOf(TIGHT), 1, '0.001')).toBe(0);
    await loose.settle(running, OVER);
    expect(errorsOf(judge())).toEqual([]);
  });
});

describe('a row that repeats a call', () => {
  const DOWNGRADING = policyOf([dayCap(1, { action: 'downgrade', downgradeTo: HAIKU })]);
  const LARGE = { ...CALL, model: OPUS };

  /** A large call that fits, then one that is made small; the second one's row is changed. */
  async function judgeRepeat(change: (second: JsonObject, first: JsonObject) => JsonObject) {
    const { guardOf, rows, judge } = openLedger();
    const guard = guardOf(DOWNGRADING);
    const first = await guard.decide({ ...LARGE, maxOutputTokens: 100 });
    await guard.settle(first, { costUsd: '0.0074' });
    const second = await guard.decide(LARGE);
    expect(second.decision.action).toBe('downgrade');
    await guard.close();
    expect(errorsOf(judge())).toEqual([]);
    return judge(rows().map((row, at, all) => (at === 2 ? change(row, all[0]!) : row)));
  }

  /** As a large call that passes, because a repeat is not downgraded. */
  const asRepeat = (first: JsonObject, more: JsonObject) => (second: JsonObject) => ({
    ...second,
    ...more,
    modelResolved: OPUS,
    given: first.given ?? {},
  });

  it('of no call that the ledger has fails at its row', async () => {
    const report = await judgeRepeat((second, first) => asRepeat(first, { attempt: 2 })(second));
    expect(errorsOf(report)).toEqual(['UNLAWFUL_DECISION@3']);
    expect(report.verdicts.lawful.because).toContain('attempt 2 of a call without an attempt 1 before');
  });

  it.each([
    [{ attempt: 3 }, 'without an attempt 2 before'],
    [{ attempt: 2, modelRequested: HAIKU }, 'which was another one'],
    [{ attempt: 2, actor: { tenantId: 'acme', userId: 'mallory' } }, 'which was another one'],
    [{ attempt: 1 }, 'decides again'],
  ])('as %j fails at its row', async (more, because) => {
    const report = await judgeRepeat((second, first) =>
      asRepeat(first, { decisionId: first.decisionId ?? null, ...more })(second),
    );
    expect(errorsOf(report)).toEqual(['UNLAWFUL_DECISION@3']);
    expect(report.verdicts.lawful.because).toContain(because);
  });

  it('that ended long ago is left open once such calls are forgotten, and never taken for lawful', () => {
    const attempts = createAttempts(2);
    const model = { modelRequested: HAIKU, modelResolved: HAIKU };
    const row = (decisionId: string, attempt = 1) => ({ decisionId, attempt, action: 'allow', ...model });
    for (const id of ['a', 'b']) attempts.add(row(id), []);
    expect(attempts.findFault(row('x', 2))).toMatchObject({ message: expect.any(String) });
    expect(attempts.findFault(row('a', 2))).toBeUndefined();
    attempts.add(row('c'), []);
    expect(attempts.findFault(row('a', 2))).toBe('forgotten');
    expect(attempts.findFault(row('b', 1))).toMatchObject({ message: expect.any(String) });
    attempts.add({ ...row('b', 2), action: 'block' }, []);
    expect(attempts.find({ originalDecisionId: 'b', attempt: 1 })).toBeDefined();
  });
});

describe('a policy that a row says was replaced', () => {
  async function judgeAfter(laterMs: number, ...hashes: [SpendPolicy, SpendPolicy][]) {
    const { store, clock, guardOf, judge } = openLedger();
    const guard = guardOf(TIGHT);
    guardOf(LOOSE);
    for (const [before, now] of hashes) {
      const facts = { id: `change-${clock.nowMs}`, timestampMs: clock.nowMs++, tenantId: 'acme' };
      const row = policyChangeRow(facts, compilePolicy(before), compilePolicy(now));
      await store.transact(() => ({ result: undefined, drafts: [{ decision: row }] }));
    }
    clock.nowMs += laterMs;
    await spend(guard, 2, '0.001');
    const report = judge();
    expect(report.verdicts.lawful.answer).toBe('yes');
    return report.problems
      .filter(({ severity }) => severity !== 'note')
      .map(({ code, severity, line }) => `${code} ${severity}@${line}`);
  }

  it('and decides more than a minute later is warned about, once', async () => {
    expect(await judgeAfter(61_000, [TIGHT, LOOSE])).toEqual(['POLICY_REPLACED warning@2']);
  });

  it('is not warned about within a minute, nor after a row that brings it back', async () => {
    expect(await judgeAfter(1_000, [TIGHT, LOOSE])).toEqual([]);
    expect(await judgeAfter(61_000, [TIGHT, LOOSE], [LOOSE, TIGHT])).toEqual([]);
  });
});
