/** What breaks a policy, each at its own row, in ledgers whose signatures, chains and order are without fault. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stopRow } from '../../src/core/control-row.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { compilePolicy, decisionsOf, judgeLines, LEDGER_KEY, sealAgain } from '../helpers/lawful-ledger.js';
import { fixedSigner, LedgerWriter } from './ledger-fixture.js';

const CENT_A_DAY = { amountCents: 1, window: 'per_day', action: 'block' } as const;
const DOLLAR_A_DAY = { ...CENT_A_DAY, amountCents: 100 };
const NO_OPUS = {
  rules: [
    { effect: 'deny', action: '*', resource: `model/${OPUS}` },
    { effect: 'allow', action: '*', resource: 'model/*' },
  ],
} as const;
/** Bound: $0.006 on the small model, $0.03 on the large one. */
const CALL = { inputTokens: 1_000, maxOutputTokens: 1_000 };

type Step = string | { readonly costUsd: string } | 'stop';

/** Calls on the models named, each settled at $0.005 unless the next step says otherwise. */
async function live(policy: SpendPolicy, steps: readonly Step[]) {
  setPrices();
  const store = createMemoryStore({ signer: LEDGER_KEY });
  let nowMs = Date.parse('2026-11-20T12:00:00Z');
  const guard = new SpendGuard({ policy, config: { store, waitForHoldsMs: 0, clock: () => nowMs } });
  for (const [index, step] of steps.entries()) {
    nowMs += 1_000;
    if (step === 'stop') {
      const row = stopRow({ id: `stop-${index}`, timestampMs: nowMs, tenantId: 'acme' }, {});
      await store.transact(() => ({ result: undefined, drafts: [{ decision: row }] }));
    } else if (typeof step === 'string') await callOnce(guard, step, steps[index + 1]);
  }
  await guard.close();
  return { decisions: decisionsOf(store.receipts), policies: [compilePolicy(policy)] };
}

async function callOnce(guard: SpendGuard, model: string, next: Step | undefined) {
  try {
    const allowed = await guard.decide({ ...CALL, model });
    await guard.settle(allowed, typeof next === 'object' ? next : { costUsd: '0.005' });
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
  }
}

/** What a call that was let through would have written: the refused row, made an allow by somebody with the key. */
function letThrough(row: JsonObject): JsonObject {
  const { refusal: _, ...rest } = row;
  return { ...rest, action: 'allow', reasons: [], triggeredCap: null, triggeredScopeKey: null };
}

function replaceAt(rows: readonly JsonObject[], index: number, change: (row: JsonObject) => JsonObject) {
  return rows.map((row, at) => (at === index ? change(row) : row));
}

function errorsOf(lines: readonly string[], ...rest: [Parameters<typeof judgeLines>[1], string[]?]) {
  const report = judgeLines(lines, ...rest);
  expect(report.verdicts.contiguous.answer).toBe('yes');
  expect(report.verdicts.authentic.answer).toBe('yes');
  const errors = report.problems.filter(({ severity }) => severity === 'error');
  expect(report.verdicts.lawful.answer === 'no').toBe(errors.length > 0);
  return errors.map(({ code, line }) => `${code}@${line}`);
}

describe('a validly signed ledger', () => {
  it('in which one call is let through past its cap fails at that row', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, HAIKU]);
    expect(decisions.map(({ action }) => action)).toEqual(['allow', 'allow', 'block']);
    expect(errorsOf(sealAgain(decisions), policies)).toEqual([]);
    const lie = replaceAt(decisions, 2, letThrough);
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['CAP_EXCEEDED@3']);
    const report = judgeLines(sealAgain(lie), policies);
    expect(report.verdicts.lawful.because).toContain(
      'Line 3: The call brings the cap $0.01 per_day (tenantId=acme) to $0.011.',
    );
  });

  it('in which a call is let through while its cap was spent to the end fails by the sums alone', async () => {
    const steps = [HAIKU, { costUsd: '0.006' }, HAIKU];
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), steps);
    const lie = replaceAt(decisions, 2, letThrough).map(({ given: _, ...row }) => row);
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['CAP_EXCEEDED@3']);
    const [cap] = judgeLines(sealAgain(lie), policies).caps;
    expect(cap).toMatchObject({ limitUsd: '0.01', highestUsd: '0.012', exceeded: true });
  });

  it('in which a denied model is allowed fails at that row', async () => {
    const { decisions, policies } = await live(policyOf([], NO_OPUS), [HAIKU, OPUS]);
    expect(decisions.at(-1)).toMatchObject({ action: 'block', refusal: { code: 'rule_denied' } });
    const allowed = replaceAt(decisions, 2, letThrough);
    expect(errorsOf(sealAgain(allowed), policies)).toEqual(['UNLAWFUL_DECISION@3']);
    const rule = { index: 1, effect: 'allow', action: '*', resource: 'model/*', model: OPUS };
    const disguised = replaceAt(allowed, 2, (row) => ({ ...row, rule }));
    expect(errorsOf(sealAgain(disguised), policies)).toEqual(['UNLAWFUL_DECISION@3']);
  });

  it('in which an allowed call is sent to a denied model fails at that row', async () => {
    const { decisions, policies } = await live(policyOf([], NO_OPUS), [HAIKU, HAIKU]);
    const lie = replaceAt(decisions, 2, (row) => ({ ...row, modelResolved: OPUS }));
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['UNLAWFUL_DECISION@3']);
  });

  it('in which a call passes after a stop fails at that row', async () => {
    const { decisions, policies } = await live(policyOf([DOLLAR_A_DAY]), [HAIKU, 'stop', HAIKU]);
    expect(decisions.at(-1)).toMatchObject({ action: 'block', refusal: { code: 'stopped' } });
    expect(errorsOf(sealAgain(decisions), policies)).toEqual([]);
    const lie = replaceAt(decisions, 3, letThrough);
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['UNLAWFUL_DECISION@4']);
    const unstopped = decisions.filter(({ control }) => control !== 'stop');
    expect(errorsOf(sealAgain(unstopped), policies)).toEqual(['UNLAWFUL_DECISION@3']);
  });

  it('in which a refusal has no ground fails at that row', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU]);
    const refusal = { code: 'cap_exceeded', alternatives: [] };
    const lie = replaceAt(decisions, 0, (row) => ({ ...row, action: 'block', refusal }));
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['UNLAWFUL_DECISION@1']);
  });

  it('in which a call is decided again before it has ended fails at the second row: it would not be counted', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU]);
    const twice = [decisions[0]!, decisions[0]!, decisions[1]!];
    expect(errorsOf(sealAgain(twice), policies)).toEqual(['UNLAWFUL_DECISION@2']);
  });

  it('in which an estimate or a bound is not what its tokens cost fails at that row', async () => {
    const soft = { ...CENT_A_DAY, action: 'shadow' } as const;
    const { decisions, policies } = await live(policyOf([soft]), [HAIKU]);
    for (const key of ['expectedUsd', 'reservedUsd']) {
      const lie = replaceAt(decisions, 0, (row) => ({ ...row, [key]: '0.0001' }));
      const report = judgeLines(sealAgain(lie), policies);
      expect(report.verdicts.lawful).toMatchObject({ answer: 'no' });
      expect(report.verdicts.lawful.because).toContain(`"${key}" says "0.0001" where its tokens`);
    }
  });

  it('in which a settled sum was hidden fails at the next decision', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, HAIKU]);
    const lie = replaceAt(decisions, 1, (row) => ({ ...row, actualUsd: '0.001' }));
    expect(errorsOf(sealAgain(lie), policies)).toEqual(['UNLAWFUL_DECISION@3']);
  });

  it('whose bill passed a cap by more than any bound fails at the settlement', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, { costUsd: '0.011' }]);
    expect(errorsOf(sealAgain(decisions), policies)).toEqual(['CAP_EXCEEDED@2']);
  });

  it('whose bill was above its bound and below every cap is lawful, and says so', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, { costUsd: '0.0061' }]);
    const report = judgeLines(sealAgain(decisions), policies);
    expect(report.verdicts.lawful.answer).toBe('yes');
    expect(report.problems).toMatchObject([{ code: 'OVER_BOUND', severity: 'warning', line: 2 }]);
  });

  it('fails at each row that was decided without a demanded policy', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU]);
    const other = compilePolicy(policyOf([{ ...CENT_A_DAY, amountCents: 2 }], { id: 'other' }));
    const all = [...policies, other];
    expect(errorsOf(sealAgain(decisions), all, [policies[0]!.policyHash])).toEqual([]);
    expect(errorsOf(sealAgain(decisions), all, [other.policyHash])).toEqual(['POLICY_MISMATCH@1']);
  });
});

describe('lawful is unknown, and says why,', () => {
  async function verdictOf(
    change: (rows: JsonObject[]) => readonly JsonObject[],
    keepPolicies = true,
  ): Promise<{ answer: string; because: string }> {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, HAIKU]);
    const report = judgeLines(sealAgain(change(decisions)), keepPolicies ? policies : []);
    expect(report.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    return report.verdicts.lawful;
  }

  it('where a policy is not here', async () => {
    const { answer, because } = await verdictOf((rows) => rows, false);
    expect(answer).toBe('unknown');
    expect(because).toMatch(
      /^Of 2 decisions, 0 follow .*; 2 were made by a policy that is not here \(the first: \w{8}…\)\.$/,
    );
  });

  it('where a row of an older version does not tell what was looked at', async () => {
    const { answer, because } = await verdictOf((rows) => rows.map(({ given: _, ...row }) => row));
    expect({ answer, because }).toEqual({
      answer: 'unknown',
      because:
        'Of 2 decisions, 0 follow from their policies and the rows before; 2 do not tell all that was looked at.',
    });
  });

  it('where there are no rows, no decisions, or no policies were brought', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), ['stop']);
    expect(judgeLines([], policies).verdicts.lawful.answer).toBe('unknown');
    const { lawful } = judgeLines(sealAgain(decisions), policies).verdicts;
    expect(lawful).toEqual({ answer: 'unknown', because: 'There are no decisions to judge.' });
  });

  it('where rows before were not seen, from the gap on', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU, HAIKU]);
    const lines = sealAgain(decisions);
    expect(judgeLines(lines.slice(1), policies).verdicts.lawful).toMatchObject({ answer: 'unknown' });
    const holed = judgeLines([lines[0]!, lines[2]!], policies);
    expect(holed.verdicts.contiguous.answer).toBe('no');
    expect(holed.verdicts.lawful).toEqual({
      answer: 'unknown',
      because:
        'Of 2 decisions, 1 follow from their policies and the rows before; 1 stand after rows that were not seen or not whole.',
    });
  });

  it('where rows are of other writers, whose spend counts all the same', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY]), [HAIKU]);
    const foreign = {
      action: 'allow',
      projectedCents: 1,
      actor: { tenantId: 'acme' },
      timestamp: decisions[0]!.timestamp!,
    };
    const write = (rows: readonly { decision: JsonObject; foreign?: boolean }[]) => {
      const writer = new LedgerWriter();
      for (const row of rows) writer.add({ signer: row.foreign ? fixedSigner(98) : fixedSigner(97), ...row });
      return writer.lines;
    };
    const ours = decisions.map((decision) => ({ decision }));
    const after = judgeLines(
      write([...ours, { decision: { ...foreign, decisionId: 'x' }, foreign: true }]),
      policies,
    );
    expect(after.verdicts.lawful).toMatchObject({ answer: 'unknown' });
    expect(after.verdicts.lawful.because).toContain('1 are of other writers');
    const before = judgeLines(
      write([{ decision: { ...foreign, decisionId: 'x' }, foreign: true }, ...ours]),
      policies,
    );
    expect(before.problems.find(({ severity }) => severity === 'error')).toMatchObject({
      code: 'CAP_EXCEEDED',
      line: 2,
    });
  });
});

describe('rows with anything in them', () => {
  const anything = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
  it('never make the judge throw, and change no other verdict', async () => {
    const { decisions, policies } = await live(policyOf([CENT_A_DAY], NO_OPUS), [HAIKU, OPUS, HAIKU]);
    const keys = [...new Set(decisions.flatMap((row) => Object.keys(row)))].filter(
      (key) => !/^ledger|^formatVersion|^timestamp/.test(key),
    );
    fc.assert(
      fc.property(fc.nat(decisions.length - 1), fc.constantFrom(...keys), anything, (at, key, value) => {
        const odd = replaceAt(decisions, at, (row) => ({ ...row, [key]: value }));
        let lines: string[];
        try {
          lines = sealAgain(odd);
        } catch {
          return;
        }
        const { verdicts } = judgeLines(lines, policies);
        expect(verdicts.contiguous.answer).toBe('yes');
        expect(verdicts.authentic.answer).toBe('yes');
      }),
      { numRuns: process.env.SLOW ? 20_000 : 500 },
    );
    for (const names of [null, 5, [], { x: 1 }, { x: { id: 5 } }, { x: { isOpen: 'y' } }]) {
      const odd = decisions.map((row) => ({ ...row, given: { names } }) as JsonObject);
      expect(judgeLines(sealAgain(odd), policies).verdicts.lawful.answer).toBe('unknown');
    }
  });
});
