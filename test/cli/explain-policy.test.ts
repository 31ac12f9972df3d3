/** How explain tells caps in requests and tokens, rules and tasks: by real calls, and by rows made by hand. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { fixedSigner, LedgerWriter } from '../core/ledger-fixture.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

/** What explain says about the last of some calls. */
async function explainCalls(
  caps: readonly SpendCap[],
  { policy = {}, models = [HAIKU] }: { policy?: Partial<SpendPolicy>; models?: readonly string[] } = {},
) {
  const { home, guarded } = await openGuarded({ caps, policy });
  for (const model of models) {
    const ask = { ...ASK, model, max_tokens: 1000 };
    await guarded.chat.completions.create(ask, { maxRetries: 0 }).catch(() => {});
  }
  await guarded.$guard.close();
  const [text, json] = await Promise.all([
    runCli(['explain'], { home }),
    runCli(['explain', '--json'], { home }),
  ]);
  expect([text.code, text.err, json.code]).toEqual([0, '', 0]);
  return { out: text.out, story: JSON.parse(json.out) };
}

/** What explain says about one made row. */
async function explainRow(decision: JsonObject) {
  const home = await makeHome();
  const writer = new LedgerWriter();
  writer.add({ signer: fixedSigner(1), decision });
  await putLedger(home, writer.lines);
  return (await runCli(['explain'], { home })).out;
}

describe('explain, about caps that count no money', () => {
  it('tells a cap in requests with its sum, and when it starts anew', async () => {
    const cap = { maxRequests: 1, window: 'per_day', action: 'block' } as const;
    const { out, story } = await explainCalls([cap], { models: [HAIKU, HAIKU] });
    expect(out).toContain('block 1 request per day: no room');
    expect(out).toMatch(
      /spent +1\n.*held by running calls +0\n.*\+ this call +1\n.*together +2\n.*over the cap by +1\n/,
    );
    expect(out).not.toContain('a call of at most');
    expect(out).toContain('when the window starts anew');
    expect(story.caps).toStrictEqual([
      {
        action: 'block',
        window: 'per_day',
        scopeKey: 'tenantId=acme',
        tripped: true,
        unit: 'requests',
        limit: '1',
        spent: '1',
        held: '0',
        adds: '1',
        total: '2',
        over: '1',
        left: '0',
        resetsAt: story.caps[0].resetsAt,
      },
    ]);
  });

  it('tells a cap in tokens that one call is too large for, and what would have fitted', async () => {
    const { out, story } = await explainCalls([{ maxTokens: 1000, window: 'per_call', action: 'block' }]);
    expect(out).toContain('block 1,000 tokens per call: no room');
    const adds = Number(story.caps[0].adds);
    expect(adds).toBeGreaterThan(1000);
    expect(out).toContain(`a call of at most 1,000 tokens; this one: ${adds.toLocaleString('en')} tokens`);
    expect(out).not.toContain('held by running calls');
  });

  it('aligns whole numbers at their ends', async () => {
    const { out } = await explainCalls([{ maxTokens: 1_000_000, window: 'total', action: 'block' }]);
    expect(out).toContain('block 1,000,000 tokens in total: has room');
    const ends = out.match(/^ {4}[ +=≤] (?:spent|held|this call|together|left).*$/gm)!;
    expect(ends).toHaveLength(5);
    expect(new Set(ends.map((line) => line.length)).size).toBe(1);
  });

  it('asks of a call that it fits in each unit', async () => {
    const { out } = await explainCalls([
      { maxTokens: 1000, window: 'per_call', action: 'block' },
      { maxTokens: 900, window: 'per_call', action: 'block' },
      { amountCents: 0.1, window: 'per_call', action: 'block' },
    ]);
    expect(out).toMatch(/a call of at most \$0\.001 and 900 tokens; this one: \$0\.\d+ and 1,\d{3} tokens/);
  });

  it('names no room where one cap of several has none', async () => {
    const caps: readonly SpendCap[] = [
      { maxTokens: 900, window: 'per_call', action: 'block' },
      { maxRequests: 0, window: 'per_day', action: 'block' },
    ];
    expect((await explainCalls(caps)).out).not.toContain('a call of at most');
  });

  it.each([
    ['a unit that nobody knows', { unit: 'euros' }],
    ['a limit that is no whole number', { limit: '1.5' }],
    ['a limit that is a number', { limit: 5 }],
    ['a limit without end', { limit: '9'.repeat(200_000) }],
    ['no addition', { adds: null }],
  ])('does not guess at a cap with %s', async (_what, change) => {
    const cap = { unit: 'tokens', limit: '5', adds: '1', window: 'per_day', action: 'block' };
    expect(await explainRow({ caps: [cap] })).toContain('block 5 tokens per day');
    expect(await explainRow({ caps: [{ ...cap, ...change }] })).toContain('No cap was looked at.');
  });
});

describe('explain, about rules and tasks', () => {
  const deny = { effect: 'deny', action: '*', resource: 'model/anthropic/*opus*', reason: 'dear' } as const;
  const allow = { effect: 'allow', action: '*', resource: 'model/anthropic/*' } as const;

  it('names the rule that denied, with its place, its reason and the model', async () => {
    const { out } = await explainCalls([], { policy: { rules: [deny, allow] }, models: [OPUS] });
    expect(out).toContain(`rules[0] deny model/anthropic/*opus* "dear", which matches ${OPUS}`);
    expect(out).toContain('refused; nothing was sent');
  });

  it('names the rule that allowed', async () => {
    const { out } = await explainCalls([], { policy: { rules: [deny, allow] } });
    expect(out).toContain(`rules[1] allow model/anthropic/*, which matches ${HAIKU}`);
    expect(out).not.toMatch(/^ {2}task/m);
  });

  it('says where no rule speaks', async () => {
    const { out } = await explainCalls([], { policy: { rules: [deny] } });
    expect(out).toContain(`deny: no rule speaks about ${HAIKU}`);
  });

  it('tells the task that allowed or denied, beside the rule that allowed', async () => {
    const policy = { rules: [allow], tasks: { '*': { model: HAIKU } } };
    const denied = await explainCalls([], { policy, models: [OPUS] });
    expect(denied.out).toContain(`rules[0] allow model/anthropic/*, which matches ${OPUS}`);
    expect(denied.out).toContain(`"*": deny ${OPUS}`);
    const allowed = await explainCalls([], { policy: { tasks: policy.tasks } });
    expect(allowed.out).toContain(`"*": allow ${HAIKU}`);
    expect(allowed.out).not.toMatch(/^ {2}rule/m);
  });

  it('says where the call is for no task of the policy', async () => {
    const { out } = await explainCalls([], { policy: { tasks: { review: { model: HAIKU } } } });
    expect(out).toContain(`none of those in the policy: deny ${HAIKU}`);
  });

  it.each([[{}], ['deny'], [{ effect: 'deny', index: 3 }], [null]])(
    'says nothing about a rule %j',
    async (rule) => {
      expect(await explainRow({ rule })).not.toMatch(/^ {2}rule/m);
    },
  );
});

describe('explain, about routes that failed', () => {
  it('tells the model that was tried in vain before the one that answered', async () => {
    const { home, guarded } = await openGuarded({
      standIn: { script: [{ kind: 'answer', failModels: [HAIKU] }] },
    });
    await guarded.chat.completions.create({ ...ASK, max_tokens: 10, models: [HAIKU, OPUS] } as never);
    await guarded.$guard.close();
    const { out } = await runCli(['explain'], { home });
    expect(out).toContain(`attempt 1, tried in vain: ${HAIKU} (HTTP 502) — line 2`);
    expect(out).toMatch(/attempt 1, answered: cost .*served by anthropic\/claude-4\.7-opus/s);
    const story = JSON.parse((await runCli(['explain', '--json'], { home })).out);
    expect(story.routes).toEqual([{ line: 2, attempt: 1, model: HAIKU, provider: null, httpStatus: 502 }]);
    expect(story.settlements).toHaveLength(1);
  });
});
