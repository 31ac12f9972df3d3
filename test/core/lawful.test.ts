/** Ledgers of the real guard follow from their policies, whatever those are; the same rows with one lie in them do not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grantRow, resumeRow, stopRow } from '../../src/core/control-row.js';
import type { JsonObject } from '../../src/core/json.js';
import { CAPABILITIES, type SpendCap, type SpendPolicy } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { compilePolicy, decisionsOf, judgeLines, LEDGER_KEY, sealAgain } from '../helpers/lawful-ledger.js';

const MINI = 'openai/gpt-5-mini';
const UNPRICED = 'openai/unheard-of';
const MODELS = [HAIKU, OPUS, MINI, HAIKU.toUpperCase(), UNPRICED];
const START = Date.parse('2026-11-20T12:00:00Z');

/** What happens between two rows, in the terms of a test. */
type Act =
  | {
      readonly kind: 'call';
      readonly model: string;
      readonly user: string | undefined;
      readonly task: string | undefined;
      readonly session: string | undefined;
      readonly claim: (typeof CAPABILITIES)[number] | undefined;
      readonly inputTokens: number;
      readonly end: 'settle' | 'release' | 'leave' | 'unknown';
      /** Of the bound, in percent. */
      readonly cost: number;
    }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'stop' | 'resume' | 'grant' }
  | { readonly kind: 'own'; readonly cents: number; readonly hold: boolean };

const someModel = fc.constantFrom(...MODELS);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const someOwn = fc.record({
  kind: fc.constant('own' as const),
  cents: fc.integer({ min: 0, max: 9 }),
  hold: fc.boolean(),
});

const someAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      model: someModel,
      user: optional(fc.constantFrom('alice', 'bob')),
      task: optional(fc.constantFrom('review', 'other')),
      session: optional(fc.constantFrom('s1', 's2')),
      claim: optional(fc.constantFrom(...CAPABILITIES)),
      inputTokens: fc.integer({ min: 0, max: 4_000 }),
      end: fc.constantFrom('settle', 'settle', 'release', 'leave', 'unknown' as const),
      cost: fc.integer({ min: 0, max: 100 }),
    }),
  },
  { weight: 1, arbitrary: someOwn },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      ms: fc.constantFrom(0, 40_000, 3_600_000, 86_400_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('stop', 'resume', 'resume', 'resume', 'grant', 'grant' as const),
    }),
  },
);

const someCap: fc.Arbitrary<SpendCap> = fc
  .record({
    unit: fc.constantFrom('usd', 'usd', 'usd', 'requests', 'tokens'),
    amount: fc.integer({ min: 1, max: 20 }),
    window: fc.constantFrom(
      'per_call',
      'per_minute',
      'per_hour',
      'per_day',
      'per_week',
      'per_month',
      'per_run',
      'total',
    ),
    action: fc.constantFrom('allow', 'shadow', 'downgrade', 'block', 'block'),
    target: fc.constantFrom(HAIKU, MINI),
    per: optional(fc.constantFrom('userId', 'sessionId')),
    user: optional(fc.constant('alice')),
  })
  .map(({ unit, amount, window, action, target, per, user }): SpendCap => {
    const isSingle = window === 'per_call';
    const limit =
      unit === 'usd' || (isSingle && unit === 'requests')
        ? { amountCents: amount }
        : unit === 'requests'
          ? { maxRequests: amount }
          : { maxTokens: amount * 1_000 };
    return {
      ...limit,
      window: window as SpendCap['window'],
      action: action as SpendCap['action'],
      ...(action === 'downgrade' ? { downgradeTo: target } : {}),
      ...(per && !isSingle ? { per: per as 'userId' } : {}),
      ...(user && per !== 'userId' ? { selector: { userId: user } } : {}),
    };
  });

const someRules = fc.constantFrom<Partial<SpendPolicy>>(
  {},
  {},
  {
    rules: [
      { effect: 'deny', action: '*', resource: `model/${OPUS}` },
      { effect: 'allow', action: '*', resource: 'model/*' },
    ],
  },
  {
    rules: [
      {
        effect: 'allow',
        action: 'llm.generate',
        resource: 'model/anthropic/*',
        when: { maxInputUsdPerMtok: 2 },
      },
      { effect: 'allow', action: '*', resource: `model/${MINI}`, when: { maxInputTokens: 2_000 } },
      { effect: 'allow', action: 'payment.execute', resource: 'payee/*' },
      { effect: 'allow', action: 'payment.execute', resource: 'payee/*' },
    ],
  },
  {
    tasks: {
      review: { model: OPUS, fallback: HAIKU, requiredCapability: 'data_write' },
      '*': { model: '*' },
    },
  },
);

const somePolicy = fc
  .record({
    caps: fc.array(someCap, { minLength: 1, maxLength: 4 }),
    mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow' as const),
    timeZone: optional(fc.constantFrom('Europe/Berlin', 'Asia/Kolkata')),
    rules: someRules,
    requiredCapability: fc.constantFrom(undefined, undefined, 'data_write' as const),
  })
  .map(({ caps, mode, timeZone, rules, requiredCapability }) =>
    policyOf(caps, {
      mode,
      ...(timeZone && { timeZone }),
      ...rules,
      ...(requiredCapability && { requiredCapability }),
    }),
  );

const someStory = fc.record({
  policies: fc.array(somePolicy, { minLength: 1, maxLength: 3 }),
  acts: fc.array(someAct, { minLength: 4, maxLength: 25 }),
});
type Story = typeof someStory extends fc.Arbitrary<infer T> ? T : never;

/** Lets a real guard live through a story, on a clock of its own. */
async function live({ policies, acts }: Story) {
  setPrices();
  setCostOverride(MINI, { inputCentsPerKtok: 0.025, outputCentsPerKtok: 0.2 });
  let nowMs = START;
  const named = policies.map((policy, index) => ({ ...policy, id: `p${index}` }));
  const store = createMemoryStore({ signer: LEDGER_KEY });
  const guard = new SpendGuard({ policies: named, config: { store, waitForHoldsMs: 0, clock: () => nowMs } });
  let rows = 0;
  for (const act of acts) {
    nowMs += 7;
    if (act.kind === 'pause') nowMs += act.ms;
    else if (act.kind === 'own') await own(guard, act);
    else if (act.kind !== 'call') await control(store, act.kind, nowMs, `00000000-0000-4000-8000-${rows++}`);
    else await call(guard, act);
  }
  await guard.close();
  return { decisions: decisionsOf(store.receipts), policies: named.map(compilePolicy) };
}

async function control(
  store: ReturnType<typeof createMemoryStore>,
  kind: 'stop' | 'resume' | 'grant',
  timestampMs: number,
  id: string,
) {
  const facts = { id, timestampMs, tenantId: 'acme' };
  const terms = { usd: 3n * 10n ** 22n, fromMs: timestampMs, untilMs: timestampMs + 1_800_000, selector: {} };
  const row =
    kind === 'stop'
      ? stopRow(facts, {})
      : kind === 'resume'
        ? resumeRow(facts, {})
        : grantRow(facts, terms, {});
  await store.transact(() => ({ result: undefined, drafts: [{ decision: row }] }));
}

async function own(guard: SpendGuard, { cents, hold }: { readonly cents: number; readonly hold: boolean }) {
  try {
    const costUsd = cents / 100;
    await guard.enforce({ action: 'payment.execute', resource: 'payee/acme', costUsd, hold });
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
  }
}

async function call(guard: SpendGuard, act: Act & { kind: 'call' }) {
  const { user, task, session, claim, model, inputTokens, end, cost } = act;
  const view = guard.with({
    ...(user && { userId: user }),
    ...(task && { taskId: task }),
    ...(session && { sessionId: session }),
    ...(claim && { capabilityClaim: claim }),
  });
  try {
    const allowed = await view.decide({ model, inputTokens, maxOutputTokens: 1_000 });
    if (end === 'release') return await guard.release(allowed);
    if (end === 'unknown') return await guard.settle(allowed, {});
    const { quote } = allowed.decision;
    const bound = quote.kind === 'bounded' ? quote.reservedUsd : 10n ** 22n;
    const usd = (bound * BigInt(cost)) / 100n;
    const tokens = quote.kind === 'bounded' ? quote.bounds : { inputTokens: 1, outputTokens: 1 };
    if (end === 'settle')
      await guard.settle(allowed, {
        costUsd: (Number(usd) / 1e24).toFixed(12),
        inputTokens: tokens.inputTokens,
        outputTokens: Math.floor((tokens.outputTokens * cost) / 100),
      });
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
  }
}

const RUNS = process.env.SLOW ? 3_000 : 100;

describe('a ledger of the real guard', () => {
  it(`is lawful under any policies and calls, and no other answer about it is (${RUNS} of them)`, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(someStory, fc.nat(), async (story, pick) => {
        const { decisions, policies } = await live(story);
        const honest = judgeLines(sealAgain(decisions), policies);
        const made = decisions.filter((row) => row.entryType === undefined);
        expect(honest.problems.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
        expect(honest.verdicts.lawful).toMatchObject({ answer: made.length > 0 ? 'yes' : 'unknown' });
        for (const row of made) seen.set(`${row.action}`, (seen.get(`${row.action}`) ?? 0) + 1);
        const lies = made.flatMap((row) => listLies(row).map((lie) => ({ row, lie })));
        const chosen = lies[pick % Math.max(1, lies.length)];
        if (!chosen) return;
        const line = decisions.indexOf(chosen.row) + 1;
        const told = decisions.map((row) => (row === chosen.row ? { ...row, ...chosen.lie } : row));
        const report = judgeLines(sealAgain(told), policies);
        expect(report.verdicts.lawful.answer, JSON.stringify(chosen.lie)).toBe('no');
        expect(report.verdicts.contiguous.answer).toBe('yes');
        expect(report.verdicts.authentic.answer).toBe('yes');
        expect(report.problems.find(({ severity }) => severity === 'error')?.line).toBe(line);
      }),
      { numRuns: RUNS },
    );
    console.log(`decided: ${[...seen].map(([action, rows]) => `${rows} ${action}`).join(', ')}`);
    expect([...seen.keys()].sort()).toEqual(['allow', 'block', 'downgrade', 'shadow']);
  }, 900_000);
});

/** Other outcomes that a row could claim. */
function listLies(row: JsonObject): JsonObject[] {
  const caps = row.caps as readonly JsonObject[];
  const lies: JsonObject[] = [
    { action: row.action === 'block' ? 'allow' : 'block' },
    { modelResolved: row.modelResolved === OPUS ? MINI : OPUS },
    {
      action: row.action === 'shadow' ? 'allow' : 'shadow',
      wouldAction: row.action === 'shadow' ? null : 'block',
    },
    { requiredCapability: row.requiredCapability === null ? 'payment_execute' : null },
    { enforcementMode: row.enforcementMode === 'shadow' ? 'enforce' : 'shadow' },
  ];
  if (row.refusal) lies.push({ refusal: { code: 'unbounded', alternatives: [] } }, { refusal: null });
  if (row.triggeredCap) lies.push({ triggeredCap: null, triggeredScopeKey: null });
  if (row.rule) lies.push({ rule: null });
  if (caps.length > 0) {
    lies.push({ caps: caps.map((cap, index) => (index === 0 ? { ...cap, tripped: !cap.tripped } : cap)) });
    lies.push({ caps: caps.slice(1) });
    const key = caps[0]!.spentUsd === undefined ? 'spent' : 'spentUsd';
    lies.push({ caps: caps.map((cap, index) => (index === 0 ? { ...cap, [key]: '77' } : cap)) });
  }
  if (row.reservedUsd !== null) lies.push({ reservedUsd: '0.000001' });
  if (row.wouldModel) lies.push({ wouldModel: UNPRICED });
  return lies;
}
