import OpenAI from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RulePolicy } from '../../src/core/policy.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { ASK, HAIKU, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const SCOPE = { tenantId: 'acme' };
const rulesOf = (...lines: readonly [effect: 'allow' | 'deny', provider: string][]): RulePolicy => ({
  name: 'Providers',
  rules: lines.map(([effect, name]) => ({ effect, action: '*', resource: `provider/${name}` })),
});

/** `served`: whom the answers name, whoever it really was. */
async function openClient(policy: RulePolicy, served?: string) {
  setPrices();
  const home = await makeHome();
  const standIn = await startStandIn();
  const lie: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const text = (await response.text()).replace(/"provider":"[^"]+"/, `"provider":"${served}"`);
    return new Response(text, response);
  };
  const more = served === undefined ? {} : { fetch: lie };
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 0, ...more });
  const guarded = withSpendGuard(client, { policy, scope: SCOPE, config: { home, provider: 'openrouter' } });
  onTestFinished(async () => {
    await guarded.$guard.close();
    await standIn.close();
  });
  const ask = (provider?: object) =>
    guarded.chat.completions.create({ ...ASK, ...(provider ? { provider } : {}) } as typeof ASK);
  const sent = () => (standIn.requests.at(-1)?.body as { provider?: object } | undefined)?.provider;
  return { home, standIn, ask, sent };
}

describe('rules about providers', () => {
  it('are sent to the router, beside what the caller asks for', async () => {
    const { home, ask, sent } = await openClient(
      rulesOf(['deny', 'azure'], ['deny', 'groq'], ['allow', '*']),
    );
    await ask();
    expect(sent()).toMatchObject({ ignore: ['azure', 'groq'] });
    expect(sent()).not.toHaveProperty('only');
    await ask({ ignore: ['novita', 'azure'], only: ['anthropic'], order: ['anthropic'], sort: 'price' });
    expect(sent()).toMatchObject({
      ignore: ['novita', 'azure', 'groq'],
      only: ['anthropic'],
      order: ['anthropic'],
      sort: 'price',
    });
    const [first, settlement] = await readRows(home);
    expect(first?.decision).toMatchObject({ action: 'allow', routes: { ignore: ['azure', 'groq'] } });
    expect(settlement?.decision).not.toHaveProperty('ruleBroken');
  });

  it('of the moment are sent with each repeat of a request', async () => {
    setPrices();
    let nowMs = Date.parse('2026-11-20T11:59:59Z');
    const standIn = await startStandIn({
      script: () => {
        nowMs = Date.parse('2026-11-20T12:00:00Z');
        return standIn.requests.length > 1
          ? { kind: 'answer' }
          : { kind: 'error', status: 500, retryAfter: 0 };
      },
    });
    const policy: RulePolicy = {
      name: 'Not over noon',
      rules: [
        { effect: 'deny', action: '*', resource: 'provider/azure', when: { hours: '12:00-13:00' } },
        { effect: 'allow', action: '*', resource: 'provider/*' },
      ],
    };
    const home = await makeHome();
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 1 });
    const config = { home, provider: 'openrouter', clock: () => nowMs } as const;
    const guarded = withSpendGuard(client, { policy, scope: SCOPE, config });
    onTestFinished(async () => {
      await guarded.$guard.close();
      await standIn.close();
    });
    await guarded.chat.completions.create(ASK);
    const sent = standIn.requests.map(({ body }) => (body as { provider?: { ignore?: string[] } }).provider);
    expect(sent.map((provider) => provider?.ignore)).toEqual([undefined, ['azure']]);
    expect(sent[1]).toMatchObject(sent[0] as object);
    const rows = (await readRows(home)).map(({ decision }) => decision);
    expect(rows.flatMap(({ attempt, routes }) => (routes ? [[attempt, routes]] : []))).toMatchObject([
      [1, {}],
      [2, { ignore: ['azure'] }],
    ]);
  });

  it('send an allow list, which a caller may narrow and not leave', async () => {
    const { standIn, ask, sent } = await openClient(
      rulesOf(['allow', 'anthropic'], ['allow', 'amazon-bedrock']),
    );
    await ask();
    expect(sent()).toMatchObject({ only: ['anthropic', 'amazon-bedrock'] });
    await ask({ only: ['anthropic'] });
    expect(sent()).toMatchObject({ only: ['anthropic'] });
    const before = standIn.requests.length;
    for (const provider of [{ only: ['azure'] }, { order: ['azure', 'anthropic'] }])
      await expect(ask(provider)).rejects.toMatchObject({
        code: 'rule_denied',
        message: expect.stringContaining('no rule allows the provider azure'),
        alternatives: [],
      });
    expect(standIn.requests).toHaveLength(before);
  });

  it.each([{ only: 'azure' }, { order: [1] }, { ignore: [''] }, { only: { 0: 'azure' } }])(
    'refuse lists that upstream could read otherwise: %j',
    async (provider) => {
      const { standIn, ask } = await openClient(rulesOf(['deny', 'azure'], ['allow', '*']));
      await expect(ask(provider)).rejects.toMatchObject({ code: 'unbounded' });
      expect(standIn.requests).toHaveLength(0);
    },
  );

  it('leave a mark and a warning when a denied provider answers all the same', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const { home, ask } = await openClient(rulesOf(['deny', 'deepinfra'], ['allow', '*']), 'DeepInfra');
    await ask();
    const [, settlement] = await readRows(home);
    expect(settlement?.decision).toMatchObject({ servedProvider: 'DeepInfra', ruleBroken: true });
    expect(warn.mock.calls.map(([error]) => String(error))).toEqual([
      expect.stringMatching(/^Error: DeepInfra answered the call .*, though the rules deny that provider$/),
    ]);
  });

  it('speak about the named provider where calls are decided by hand', async () => {
    setPrices();
    const policy = rulesOf(['allow', 'anthropic']);
    const open = (provider?: string) => {
      const store = createMemoryStore();
      const guard = new SpendGuard({ policy, scope: SCOPE, config: { store, provider } });
      onTestFinished(() => guard.close());
      return guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 });
    };
    expect((await open('anthropic')).receipt.decision).not.toHaveProperty('routes');
    await expect(open('azure')).rejects.toMatchObject({ code: 'rule_denied' });
    await expect(open()).rejects.toMatchObject({ code: 'rule_denied' });
  });
});
