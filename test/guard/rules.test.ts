import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RulePolicy } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { referenceData } from '../helpers/reference-data.js';

const PRICE = { inputCentsPerKtok: 0.3, outputCentsPerKtok: 1.5 };

async function openFetch(policy: RulePolicy | ReturnType<typeof policyOf>) {
  setPrices();
  const standIn = await startStandIn();
  const store = createMemoryStore();
  const fetch = guardFetch(globalThis.fetch, {
    policy,
    scope: { tenantId: 'acme' },
    config: { store, provider: 'openrouter' },
  });
  onTestFinished(async () => {
    await fetch.$guard.close();
    await standIn.close();
  });
  const ask = async (body: object, path = 'chat/completions') => {
    const answer = await fetch(`${standIn.url}/${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-key', 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi.' }], max_tokens: 10, ...body }),
    });
    await answer.text();
    return answer.status;
  };
  const refusal = async (body: object, path?: string): Promise<AgentGuardBlockedError> => {
    const error = await ask(body, path).then(
      (status) => new Error(`not refused: ${status}`),
      (thrown: unknown) => thrown,
    );
    if (error instanceof AgentGuardBlockedError) return error;
    throw error;
  };
  return { ask, refusal, store, standIn };
}

const allow = (model: string) =>
  ({ effect: 'allow', action: 'llm.generate', resource: `model/${model}` }) as const;
const deny = (model: string, reason?: string) =>
  ({ effect: 'deny', action: '*', resource: `model/${model}`, reason }) as const;

describe('a policy of rules alone', () => {
  const policy = { name: 'models', rules: [deny(OPUS, 'too dear'), allow('anthropic/*')] };

  it('lets an allowed model pass, and the receipt names the rule', async () => {
    const { ask, store } = await openFetch(policy);
    expect(await ask({ model: HAIKU })).toBe(200);
    expect(store.receipts[0]?.decision).toMatchObject({
      action: 'allow',
      policyId: 'models',
      policyVersion: 1,
      enforcementMode: 'enforce',
      rule: { index: 1, effect: 'allow', resource: 'model/anthropic/*', model: HAIKU },
    });
  });

  it('refuses a denied model before anything is sent, with the rule and what is allowed', async () => {
    const { refusal, store, standIn } = await openFetch(policy);
    const error = await refusal({ model: OPUS });
    expect(error).toMatchObject({
      code: 'rule_denied',
      rule: { index: 0, effect: 'deny', resource: `model/${OPUS}`, reason: 'too dear', model: OPUS },
      cap: null,
      alternatives: [HAIKU],
      retryAfterMs: null,
    });
    expect(error.message).toContain('too dear');
    expect(store.receipts[0]?.decision).toMatchObject({ action: 'block', refusal: { code: 'rule_denied' } });
    expect(standIn.requests).toEqual([]);
  });

  it('denies what no rule speaks about', async () => {
    const { refusal } = await openFetch(policy);
    expect(await refusal({ model: 'openai/gpt-5-mini' })).toMatchObject({
      code: 'rule_denied',
      rule: { index: null, effect: 'deny', model: 'openai/gpt-5-mini' },
    });
  });

  it('checks every model that may answer', async () => {
    const { refusal } = await openFetch(policy);
    for (const models of [[OPUS], [HAIKU, OPUS], ['Anthropic/Claude-Opus-4-7']])
      expect(await refusal({ model: HAIKU, models })).toMatchObject({
        code: 'rule_denied',
        rule: { index: 0 },
      });
  });

  it('refuses what could reach any model', async () => {
    const { refusal } = await openFetch(policy);
    for (const model of [
      'openrouter/auto',
      '@preset/mine',
      `${HAIKU}@preset/mine`,
      '~anthropic/claude-opus-latest',
    ])
      expect(await refusal({ model })).toMatchObject({ code: 'rule_denied' });
    expect((await refusal({ model: HAIKU, preset: 'mine' })).code).toBe('unbounded');
  });

  it('speaks about embeddings only where it says so', async () => {
    const { refusal } = await openFetch(policy);
    const body = { model: HAIKU, input: 'Hi.', messages: undefined, max_tokens: undefined };
    expect(await refusal(body, 'embeddings')).toMatchObject({ code: 'rule_denied', rule: { index: null } });
  });
});

describe('rules with caps', () => {
  const DOWN = { amountCents: 0, window: 'per_day', action: 'downgrade', downgradeTo: HAIKU } as const;

  it('a denied downgrade target is not used', async () => {
    const { refusal } = await openFetch(policyOf([DOWN], { rules: [deny(HAIKU), allow('*')] }));
    const error = await refusal({ model: OPUS });
    expect(error).toMatchObject({ code: 'rule_denied', rule: { index: 0, model: HAIKU } });
    expect(error.message).toContain('must be downgraded');
  });

  it('the rule about the model that is used stands in the receipt', async () => {
    const { ask, store } = await openFetch(policyOf([DOWN], { rules: [allow(OPUS), allow(HAIKU)] }));
    expect(await ask({ model: OPUS })).toBe(200);
    expect(store.receipts[0]?.decision).toMatchObject({
      action: 'downgrade',
      rule: { index: 1, model: HAIKU },
    });
  });

  it('in shadow mode a denied call passes and the receipt says that it would not', async () => {
    const { ask, store } = await openFetch(policyOf([], { mode: 'shadow', rules: [deny('*')] }));
    expect(await ask({ model: OPUS })).toBe(200);
    expect(store.receipts[0]?.decision).toMatchObject({
      action: 'shadow',
      wouldAction: 'block',
      rule: { index: 0, effect: 'deny' },
    });
  });
});

describe.skipIf(!referenceData)('the published allow and deny policy (needs AGENTGUARD_DATA)', () => {
  const SONNET_4 = 'anthropic/claude-sonnet-4-20250514';
  const OPUS_4 = 'anthropic/claude-opus-4-20250514';

  async function openPublished() {
    for (const model of [
      SONNET_4,
      OPUS_4,
      'google/gemini-pro',
      'openai/gpt-4',
      'meta-llama/llama-3-70b-instruct',
    ])
      setCostOverride(model, PRICE);
    return openFetch(JSON.parse(readFileSync(join(referenceData!, 'controlzero-policy.json'), 'utf8')));
  }

  it('loads unchanged, allows and blocks as its author says', async () => {
    const { refusal, ask, store } = await openPublished();
    // The stand-in does not serve this model: that it was asked shows that it was allowed.
    expect(await ask({ model: SONNET_4 })).toBeGreaterThanOrEqual(400);
    expect(store.receipts[0]?.decision).toMatchObject({ action: 'allow', rule: { index: 0 } });
    expect(await refusal({ model: OPUS_4 })).toMatchObject({ code: 'rule_denied', rule: { index: 3 } });
    expect(await refusal({ model: 'google/gemini-pro' })).toMatchObject({
      code: 'rule_denied',
      rule: { index: 4 },
    });
  });

  it.each([
    'anthropic/claude-opus-4',
    'anthropic/claude-4-opus-20250514',
    'anthropic/claude-4-opus-20250522',
    'anthropic/claude-opus-4.20250514',
    'Anthropic/Claude-Opus-4-20250514',
    `${OPUS_4}:free`,
    `${OPUS_4}:nitro`,
    '~anthropic/claude-opus-latest',
    '@preset/opus',
    `${OPUS_4}@preset/x`,
    'openrouter/auto',
  ])('a denied model stays denied asked as %s, also with a price of its own', async (model) => {
    setCostOverride(model, PRICE);
    const { refusal } = await openPublished();
    expect(await refusal({ model })).toMatchObject({ code: 'rule_denied' });
    expect(await refusal({ model: SONNET_4, models: [OPUS_4] })).toMatchObject({ rule: { index: 3 } });
  });
});
