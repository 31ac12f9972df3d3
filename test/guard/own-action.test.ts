import { describe, expect, it, onTestFinished } from 'vitest';
import { stopRow } from '../../src/core/control-row.js';
import type { PolicyRule, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, openGuarded, policyOf, setPrices } from '../helpers/guarded-client.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const PAY = { action: 'payment.execute', resource: 'payee/acme' } as const;
const rule = (
  effect: 'allow' | 'deny',
  resource: string,
  action: PolicyRule['action'] = 'payment.execute',
): PolicyRule => ({ effect, action, resource });

function open(more: Partial<SpendPolicy> = {}, caps: readonly SpendCap[] = []) {
  setPrices();
  const store = createMemoryStore();
  const guard = new SpendGuard({
    policy: policyOf(caps, more),
    config: { store, clock: () => NOON, waitForHoldsMs: 0 },
  });
  onTestFinished(() => guard.close());
  return { guard, store, last: () => store.receipts.at(-1)?.decision };
}

describe('an action of the caller’s own', () => {
  it('is decided, receipted, and settled at what it is said to cost', async () => {
    const { guard, store } = open();
    const allowed = await guard.enforce({ ...PAY, costUsd: '12.50' });
    expect(allowed.receipt.decision).toMatchObject({
      action: 'allow',
      modelRequested: 'payee/acme',
      given: { action: 'payment.execute' },
      costBasis: null,
      expectedUsd: '12.5',
      reservedUsd: '12.5',
    });
    expect(store.receipts.map(({ decision }) => decision.actualUsd)).toEqual([undefined, '12.5']);
    expect(store.receipts[1]?.decision).toMatchObject({ entryType: 'settlement', costSource: 'computed' });
  });

  it('counts under money caps together with models, and is refused by them', async () => {
    const { guard, last } = open({}, [{ amountCents: 1000, window: 'per_day', action: 'block' }]);
    await guard.enforce({ ...PAY, costUsd: 6 });
    await expect(guard.enforce({ ...PAY, costUsd: 5 })).rejects.toMatchObject({
      code: 'cap_exceeded',
      spent: '6',
      remaining: '4',
      alternatives: [],
    });
    expect(last()).toMatchObject({ action: 'block', given: { action: 'payment.execute' } });
    await guard.enforce({ ...PAY, costUsd: '4.000' });
    await expect(guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 })).rejects.toMatchObject({
      code: 'cap_exceeded',
    });
  });

  it('counts as one request, and costs nothing unless it says so', async () => {
    const { guard } = open({}, [
      { maxRequests: 2, window: 'per_minute', action: 'block' },
      { amountCents: 0, window: 'per_day', action: 'block' },
    ]);
    await guard.enforce(PAY);
    await guard.enforce(PAY);
    await expect(guard.enforce(PAY)).rejects.toMatchObject({ code: 'cap_exceeded', unit: 'requests' });
  });

  it('that is held keeps its room until it is settled or released', async () => {
    const { guard } = open({}, [{ amountCents: 1000, window: 'per_day', action: 'block' }]);
    const first = await guard.enforce({ ...PAY, costUsd: 6, hold: true });
    await expect(guard.enforce({ ...PAY, costUsd: 5 })).rejects.toMatchObject({ code: 'held', held: '6' });
    await guard.settle(first, { costUsd: 1 });
    const second = await guard.enforce({ ...PAY, costUsd: 9, hold: true });
    await guard.release(second);
    await guard.enforce({ ...PAY, costUsd: 9 });
  });

  it('is never rewritten: a downgrade cap only leaves its mark', async () => {
    const { guard, last } = open({}, [
      { amountCents: 0, window: 'per_day', action: 'downgrade', downgradeTo: HAIKU },
    ]);
    const { receipt } = await guard.enforce({ ...PAY, costUsd: 1 });
    expect(receipt.decision).toMatchObject({ action: 'allow', modelResolved: 'payee/acme' });
    expect(last()).toMatchObject({ actualUsd: '1' });
  });

  it('is refused by a stop and for want of a capability, which it can claim for itself', async () => {
    const { guard, store } = open({ requiredCapability: 'payment_execute' });
    await expect(guard.enforce(PAY)).rejects.toMatchObject({ code: 'capability' });
    await guard.enforce({ ...PAY, capabilityClaim: 'payment_execute' });
    await expect(guard.enforce(PAY)).rejects.toMatchObject({ code: 'capability' });
    await store.transact(() => ({
      result: undefined,
      drafts: [{ decision: stopRow({ id: 's', timestampMs: NOON, tenantId: 'acme' }, {}) }],
    }));
    await expect(guard.enforce({ ...PAY, capabilityClaim: 'payment_execute' })).rejects.toMatchObject({
      code: 'stopped',
    });
  });
});

describe('rules', () => {
  const outcome = async (rules: readonly PolicyRule[], asked: object = {}) => {
    const { guard } = open({ rules });
    return guard.enforce({ ...PAY, ...asked }).then(
      () => 'allowed',
      (error: { code: string }) => error.code,
    );
  };

  it.each<[string, PolicyRule[], object, string]>([
    ['that name it allow it', [rule('allow', 'payee/acme')], {}, 'allowed'],
    ['with a star allow what it stands for', [rule('allow', 'payee/*')], {}, 'allowed'],
    ['about another payee do not', [rule('allow', 'payee/acme-2')], {}, 'rule_denied'],
    ['about another action do not', [rule('allow', 'payee/*', 'payment.initiate')], {}, 'rule_denied'],
    ['about models alone do not', [rule('allow', 'model/*', '*')], {}, 'rule_denied'],
    [
      'that allow one spelling allow no other',
      [rule('allow', 'payee/acme')],
      { resource: 'payee/ACME' },
      'rule_denied',
    ],
    [
      'that deny one spelling deny it in any case',
      [rule('deny', 'payee/Acme'), rule('allow', 'payee/*')],
      { resource: 'payee/aCMe' },
      'rule_denied',
    ],
    [
      'decide by the first that matches',
      [rule('deny', 'payee/a*'), rule('allow', 'payee/*')],
      {},
      'rule_denied',
    ],
    [
      'with a capability ask for it',
      [{ ...rule('allow', 'payee/*'), when: { capability: 'payment_execute' } }],
      { capabilityClaim: 'data_write' },
      'rule_denied',
    ],
    [
      'at other hours are silent',
      [{ ...rule('allow', 'payee/*'), when: { hours: '13:00-14:00' } }],
      {},
      'rule_denied',
    ],
  ])('%s', async (_, rules, asked, end) => {
    expect(await outcome(rules, asked)).toBe(end);
  });

  it('about payments do not allow models, nor does a star that is about models allow payments', async () => {
    const { guard } = open({ rules: [rule('allow', 'payee/*')] });
    await expect(guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 })).rejects.toMatchObject({
      code: 'rule_denied',
    });
  });

  it('bind it to the tasks of the policy, but to no model of them', async () => {
    const tasks = { pay: { model: HAIKU, requiredCapability: 'payment_execute' as const } };
    const { guard } = open({ tasks });
    await expect(guard.enforce(PAY)).rejects.toMatchObject({ code: 'rule_denied' });
    await expect(guard.with({ taskId: 'pay' }).enforce(PAY)).rejects.toMatchObject({ code: 'capability' });
    await guard.with({ taskId: 'pay' }).enforce({ ...PAY, capabilityClaim: 'payment_execute' });
  });
});

describe('what cannot be an action', () => {
  it.each([
    ['an action of models', { action: 'llm.generate' }, 'is for models'],
    ['one that looks like it', { action: 'llm.generat' }, 'is for models'],
    ['one word', { action: 'pay' }, 'lower-case words'],
    ['a star', { action: '*' }, 'lower-case words'],
    ['capital letters', { action: 'Payment.Execute' }, 'lower-case words'],
    ['no text', { action: 7 }, 'lower-case words'],
    ['a model as resource', { resource: `model/${OPUS}` }, 'resource must be'],
    ['a resource without a kind', { resource: 'acme' }, 'resource must be'],
    ['a sentence as resource', { resource: 'payee/pay acme now' }, 'resource must be'],
    ['a key as resource', { resource: 'payee/sk-or-v1-0123456789abcdef' }, 'resource must be'],
    ['a long resource', { resource: `payee/${'a'.repeat(300)}` }, 'resource must be'],
    ['a negative cost', { costUsd: -1 }, 'costUsd must be'],
    ['a cost that is none', { costUsd: 'much' }, 'costUsd must be'],
    ['an infinite cost', { costUsd: Number.POSITIVE_INFINITY }, 'costUsd must be'],
  ])('%s is a mistake of the program, and leaves nothing behind', async (_, change, word) => {
    const { guard, store } = open();
    const asked = guard.enforce({ ...PAY, ...change } as typeof PAY);
    await expect(asked).rejects.toThrow(TypeError);
    await expect(guard.enforce({ ...PAY, ...change } as typeof PAY)).rejects.toThrow(word);
    expect(store.receipts).toEqual([]);
  });
});

describe('a policy whose rules', () => {
  it.each<[string, PolicyRule, string]>([
    ['name a model for another action', rule('allow', `model/${OPUS}`), 'rules[0].resource is about a model'],
    [
      'name a provider for another action',
      rule('allow', 'provider/x'),
      'rules[0].resource is about a provider',
    ],
    ['name no kind', rule('allow', 'acme'), 'rules[0].resource must be a kind and a name'],
    ['misspell an action of models', rule('allow', 'model/*', 'llm.generat'), 'did you mean "llm.generate"'],
    ['ask for a price', { ...rule('allow', 'payee/*'), when: { maxInputUsdPerMtok: 1 } }, 'is about models'],
  ])('%s is refused', (_, one, words) => {
    expect(() => open({ rules: [one] })).toThrow(words);
  });
});

describe('the handle of a guarded client', () => {
  it('decides actions on the same ledger, with its own labels', async () => {
    const { guarded } = await openGuarded({
      caps: [{ amountCents: 100, window: 'per_day', action: 'block' }],
    });
    const { receipt } = await guarded.$guard
      .with({ taskId: 'refund' })
      .$guard.enforce({ ...PAY, costUsd: 1 });
    expect(receipt.decision.actor).toMatchObject({ userId: 'alice', taskId: 'refund' });
    await expect(guarded.$guard.enforce({ ...PAY, costUsd: '0.01' })).rejects.toMatchObject({
      code: 'cap_exceeded',
      spent: '1',
    });
  });
});
