import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Capability, SpendPolicy } from '../../src/core/policy.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { evaluatePolicy, type HypotheticalCall, SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';

const SONNET = 'anthropic/claude-sonnet-4.6';
const MINI = 'openai/gpt-5-mini';
const NANO = 'openai/gpt-5-nano';

const TABLE: SpendPolicy = JSON.parse(
  readFileSync(new URL('../../examples/policies/task-table.json', import.meta.url), 'utf8'),
);

function setTablePrices(): void {
  const perKtok = {
    [OPUS]: [0.5, 2.5],
    [SONNET]: [0.3, 1.5],
    [HAIKU]: [0.1, 0.5],
    [MINI]: [0.025, 0.2],
    [NANO]: [0.005, 0.04],
  };
  for (const [model, [inputCentsPerKtok = 0, outputCentsPerKtok = 0]] of Object.entries(perKtok))
    setCostOverride(model, { inputCentsPerKtok, outputCentsPerKtok });
}

interface Asked extends Partial<HypotheticalCall> {
  readonly spentUsd?: string;
}

/** What the table says to a call of a task when every counter of that task stands at `spentUsd`. */
function ask(
  taskId: string | undefined,
  model: string,
  { spentUsd = '0', ...more }: Asked = {},
  policy = TABLE,
) {
  setTablePrices();
  const scope = { tenantId: 'acme', ...(taskId === undefined ? {} : { taskId }) };
  const spent = (cap: { readonly scopeKey: string }) => ({
    settledUsd: cap.scopeKey.includes('taskId=') ? spentUsd : '0',
  });
  const call = { model, inputTokens: 1_000, maxOutputTokens: 1_000, scope, spent, ...more };
  const { action, modelResolved, refusalCode, reasons } = evaluatePolicy(policy, call);
  return { action, model: modelResolved, refusalCode, reasons };
}

describe('the task table that is shipped', () => {
  it.each([
    ['code-review', OPUS, undefined],
    ['risk-analysis', OPUS, 'data_write'],
    ['payment-approval', OPUS, 'payment_initiate'],
    ['chargeback-evidence', SONNET, 'data_write'],
    ['agent-support', MINI, undefined],
    ['repository-scan', HAIKU, 'read_only'],
  ] as const)('%s may use %s with the claim %s', (task, model, capabilityClaim) => {
    expect(ask(task, model, { capabilityClaim })).toMatchObject({ action: 'allow', model });
  });

  it.each([
    ['code-review', SONNET, 'payment_execute'],
    ['payment-approval', HAIKU, 'payment_execute'],
    ['payment-approval', SONNET, 'payment_execute'],
    ['chargeback-evidence', OPUS, 'data_write'],
    ['agent-support', OPUS, undefined],
    ['repository-scan', OPUS, 'read_only'],
    ['repository-scan', `${HAIKU}:free`, 'read_only'],
    ['cooking', HAIKU, 'payment_execute'],
    ['*', HAIKU, 'payment_execute'],
    [undefined, HAIKU, 'payment_execute'],
  ] as const)('%s may not use %s, whatever it claims', (task, model, capabilityClaim) => {
    setCostOverride(`${HAIKU}:free`, { inputCentsPerKtok: 0, outputCentsPerKtok: 0 });
    expect(ask(task, model, { capabilityClaim })).toMatchObject({
      action: 'block',
      refusalCode: 'rule_denied',
    });
  });

  it.each([
    ['risk-analysis', OPUS, 'read_only'],
    ['payment-approval', OPUS, 'data_write'],
    ['payment-approval', OPUS, undefined],
    ['repository-scan', HAIKU, undefined],
  ] as const)('%s may not use %s with the claim %s', (task, model, capabilityClaim) => {
    expect(ask(task, model, { capabilityClaim })).toMatchObject({ refusalCode: 'capability' });
  });

  it.each([
    ['code-review', OPUS, HAIKU, '50'],
    ['risk-analysis', OPUS, SONNET, '100'],
    ['chargeback-evidence', SONNET, HAIKU, '15'],
    ['agent-support', MINI, NANO, '0.5'],
  ] as const)('%s goes from %s to %s when its money is spent', (task, model, fallback, spentUsd) => {
    const asked = { spentUsd, capabilityClaim: 'data_write' as Capability };
    expect(ask(task, model, asked)).toMatchObject({ action: 'downgrade', model: fallback });
    expect(ask(task, fallback, asked)).toMatchObject({ action: 'allow', model: fallback });
  });

  it.each([
    ['payment-approval', OPUS, '20'],
    ['agent-support', MINI, '1'],
    ['repository-scan', HAIKU, '10'],
  ] as const)('%s stops when its money is spent', (task, model, spentUsd) => {
    const asked = { spentUsd, capabilityClaim: 'payment_execute' as Capability };
    expect(ask(task, model, asked)).toMatchObject({ action: 'block', refusalCode: 'cap_exceeded' });
  });

  it('a review that is too large for one call is blocked, and a scan has its tokens', () => {
    expect(ask('code-review', OPUS, { maxOutputTokens: 50_000 })).toMatchObject({
      refusalCode: 'cap_exceeded',
    });
    const scan = { inputTokens: 5_000_000, capabilityClaim: 'read_only' as Capability };
    expect(ask('repository-scan', HAIKU, scan).reasons.join()).toContain('5000000 tokens per_day');
  });

  it('a price above the ceiling of a task is refused', () => {
    setTablePrices();
    setCostOverride(MINI, { inputCentsPerKtok: '0.0501', outputCentsPerKtok: 0.2 });
    const call = {
      model: MINI,
      inputTokens: 1,
      maxOutputTokens: 1,
      scope: { tenantId: 'acme', taskId: 'agent-support' },
    };
    expect(evaluatePolicy(TABLE, call)).toMatchObject({ refusalCode: 'rule_denied' });
    setTablePrices();
    expect(evaluatePolicy(TABLE, call)).toMatchObject({ action: 'allow' });
  });
});

describe('tasks', () => {
  const down = { amountCents: 0, window: 'per_day', action: 'downgrade', downgradeTo: HAIKU } as const;

  it('a downgrade of the whole policy does not reach a task without that model', () => {
    const policy = policyOf([down], {
      tasks: { pay: { model: OPUS }, review: { model: OPUS, fallback: HAIKU } },
    });
    expect(ask('pay', OPUS, {}, policy)).toMatchObject({ action: 'block', refusalCode: 'rule_denied' });
    expect(ask('review', OPUS, {}, policy)).toMatchObject({ action: 'downgrade', model: HAIKU });
  });

  it('the entry * is for all others, and for calls without a task', () => {
    const policy = policyOf([], { tasks: { pay: { model: OPUS }, '*': { model: 'anthropic/*' } } });
    expect(ask('other', HAIKU, {}, policy)).toMatchObject({ action: 'allow' });
    expect(ask(undefined, SONNET, {}, policy)).toMatchObject({ action: 'allow' });
    expect(ask('pay', HAIKU, {}, policy)).toMatchObject({ refusalCode: 'rule_denied' });
    expect(ask('other', MINI, {}, policy)).toMatchObject({ refusalCode: 'rule_denied' });
  });

  it('rules and tasks must both allow', () => {
    const rules = [
      { effect: 'deny', action: '*', resource: `model/${OPUS}` },
      { effect: 'allow', action: '*', resource: 'model/*' },
    ] as const;
    const policy = policyOf([], { rules, tasks: { pay: { model: 'anthropic/*' } } });
    expect(ask('pay', OPUS, {}, policy)).toMatchObject({ refusalCode: 'rule_denied' });
    expect(ask('pay', HAIKU, {}, policy)).toMatchObject({ action: 'allow' });
    expect(ask('pay', MINI, {}, policy)).toMatchObject({ refusalCode: 'rule_denied' });
  });

  it('the stricter capability counts, of the policy or of the task, also in shadow mode', () => {
    const tasks = { pay: { model: OPUS, requiredCapability: 'payment_initiate' } } as const;
    for (const [requiredCapability, claim, code] of [
      ['read_only', 'data_write', 'capability'],
      ['payment_execute', 'payment_initiate', 'capability'],
      ['read_only', 'payment_initiate', null],
    ] as const) {
      const policy = policyOf([], { mode: 'shadow', tasks, requiredCapability });
      expect(ask('pay', OPUS, { capabilityClaim: claim }, policy).refusalCode).toBe(code);
    }
  });

  it('a policy of tasks alone is valid, and the receipt and the error name the task', async () => {
    setTablePrices();
    const store = createMemoryStore();
    const policy = { name: 'Tasks', tasks: { pay: { model: OPUS, reason: 'one model only' } } };
    const guard = new SpendGuard({ policy, scope: { tenantId: 'acme', taskId: 'pay' }, config: { store } });
    onTestFinished(() => guard.close());
    await guard.release(await guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 }));
    const refused = guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 });
    await expect(refused).rejects.toMatchObject({
      code: 'rule_denied',
      rule: { index: null, effect: 'deny', model: HAIKU, task: 'pay' },
      alternatives: [OPUS],
    });
    await expect(refused).rejects.toThrow(`one model only: the task "pay" may use ${OPUS}, not ${HAIKU}`);
    expect(store.receipts[0]?.decision).toMatchObject({
      rule: { index: null, effect: 'allow', model: OPUS, task: 'pay' },
    });
  });
});
