import { describe, expect, it } from 'vitest';
import { parseUsd, printUsd } from '../../src/core/money.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { type Row, readRows } from '../helpers/home.js';

const settlements = (rows: readonly Row[]) =>
  rows.map((row) => row.decision).filter((decision) => decision.entryType === 'settlement');
const usd = (text: unknown) => parseUsd(String(text)) ?? 0n;
const TEN = { ...ASK, max_tokens: 10 };

describe('settlement', () => {
  it('of a cut stream keeps the bound as spent, and bill ≤ ledger', async () => {
    const { guarded, home, standIn } = await openGuarded({ standIn: { script: [{ kind: 'cut' }] } });
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow();
    await standIn.idle();
    const rows = await readRows(home);
    const [settled] = settlements(rows);
    expect(settled).toMatchObject({ costSource: 'reserved', partial: true, outcome: 'failed' });
    expect(settled?.actualUsd).toBe(rows[0]?.decision.reservedUsd);
    expect(usd(settled?.actualUsd) >= standIn.bill.total()).toBe(true);
    expect(standIn.bill.total() > 0n).toBe(true);
  });

  it('of a stream that the caller leaves early is partial', async () => {
    const { guarded, home, standIn } = await openGuarded();
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    for await (const _ of stream) break;
    await standIn.idle();
    await expect.poll(async () => settlements(await readRows(home)).length).toBe(1);
    expect(settlements(await readRows(home))[0]).toMatchObject({ costSource: 'reserved', partial: true });
  });

  it('of an aborted stream is partial, and the caller sees the abort', async () => {
    const { guarded, home } = await openGuarded({
      standIn: { script: [{ kind: 'answer', eventDelayMs: 30 }] },
    });
    const controller = new AbortController();
    const stream = await guarded.chat.completions.create(
      { ...ASK, stream: true },
      { signal: controller.signal },
    );
    let events = 0;
    for await (const _ of stream) if (++events === 2) controller.abort();
    await expect.poll(async () => settlements(await readRows(home)).length).toBe(1);
    expect(settlements(await readRows(home))[0]).toMatchObject({ outcome: 'aborted', partial: true });
  });

  it('of an error in the middle of a stream keeps the bound', async () => {
    const { guarded, home } = await openGuarded({ standIn: { script: [{ kind: 'error-mid-stream' }] } });
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow();
    expect(settlements(await readRows(home))[0]).toMatchObject({ costSource: 'reserved', partial: true });
  });

  it('without a cost falls back to tokens × price, and without usage to the bound', async () => {
    const { guarded, home, standIn } = await openGuarded({
      standIn: {
        script: [{ kind: 'answer', usage: { cost: null } }, { kind: 'no-usage' }, { kind: 'zero-cost' }],
      },
    });
    for (let i = 0; i < 3; i++) await guarded.chat.completions.create(TEN);
    const rows = await readRows(home);
    const [computed, reserved, zero] = settlements(rows);
    expect(computed).toMatchObject({
      costSource: 'computed',
      actualUsd: printUsd(standIn.bill.entries[0]!.costUsd),
    });
    expect(reserved).toMatchObject({ costSource: 'reserved', actualUsd: rows[2]?.decision.reservedUsd });
    expect(zero).toMatchObject({ costSource: 'provider', actualUsd: '0' });
  });

  it('of a refusal by upstream releases the hold, and the client keeps its own error type', async () => {
    const { guarded, home, client } = await openGuarded({
      standIn: { script: () => ({ kind: 'error', refusal: 'key-limit' }) },
    });
    const bare = await client.chat.completions.create(ASK).catch((e) => e);
    const error = await guarded.chat.completions.create(ASK).catch((e) => e);
    expect(error.constructor).toBe(bare.constructor);
    expect(error.message).toBe(bare.message);
    expect(error.status).toBe(403);
    expect(settlements(await readRows(home))).toMatchObject([
      { costSource: 'released', actualUsd: '0', outcome: 'refused_upstream', httpStatus: 403 },
    ]);
  });

  it('records each retry of the client as an attempt of its own', async () => {
    const { guarded, home, standIn } = await openGuarded({
      standIn: {
        script: [
          { kind: 'error', refusal: 'rate-limited', retryAfter: 0 },
          { kind: 'reset' },
          { kind: 'answer' },
        ],
      },
    });
    await guarded.chat.completions.create(TEN);
    const rows = (await readRows(home)).map((row) => row.decision);
    const decisions = rows.filter((row) => row.entryType === undefined);
    expect(decisions.map((row) => row.attempt)).toEqual([1, 2, 3]);
    expect(new Set(decisions.map((row) => row.decisionId)).size).toBe(1);
    expect(rows.filter((row) => row.entryType).map((row) => [row.attempt, row.costSource])).toEqual([
      [1, 'released'],
      [2, 'reserved'],
      [3, 'provider'],
    ]);
    const ledger = rows.reduce((total, row) => total + usd(row.actualUsd ?? '0'), 0n);
    expect(standIn.bill.total() <= ledger).toBe(true);
  });

  it('of a retry that no longer fits refuses with AgentGuardBlockedError, not a connection error', async () => {
    const { guarded, standIn } = await openGuarded({
      caps: [{ amountCents: '0.03', window: 'per_day', action: 'block' }],
      standIn: { script: [{ kind: 'reset' }] },
    });
    const error = await guarded.chat.completions.create(TEN).catch((e) => e);
    expect(error).toMatchObject({ name: 'AgentGuardBlockedError', code: 'cap_exceeded' });
    expect(standIn.requests).toHaveLength(1);
  });

  it('of a request that never left releases the hold', async () => {
    const { guarded, home, standIn } = await openGuarded({ client: { maxRetries: 0 } });
    await standIn.close();
    await expect(guarded.chat.completions.create(ASK)).rejects.toThrow(/Connection error/);
    expect(settlements(await readRows(home))).toMatchObject([
      { costSource: 'released', outcome: 'not_sent' },
    ]);
  });

  it('of a call aborted before it was sent releases the hold', async () => {
    const controller = new AbortController();
    const { guarded, home, standIn } = await openGuarded({
      config: { onDecision: ({ decision }) => decision.entryType === undefined && controller.abort() },
    });
    await expect(guarded.chat.completions.create(ASK, { signal: controller.signal })).rejects.toMatchObject({
      name: 'Error',
      message: 'Request was aborted.',
    });
    await expect.poll(async () => settlements(await readRows(home)).length).toBe(1);
    expect(settlements(await readRows(home))).toMatchObject([
      { costSource: 'released', outcome: 'not_sent' },
    ]);
    expect(standIn.requests).toHaveLength(0);
  });

  it('of what still runs happens at close, and a late end changes nothing', async () => {
    const { guarded, home } = await openGuarded({
      standIn: { script: [{ kind: 'hang', cutAfterEvents: 2 }] },
    });
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    const reader = stream[Symbol.asyncIterator]();
    await reader.next();
    await guarded.$guard.close();
    stream.controller.abort();
    await reader.next();
    expect(settlements(await readRows(home))).toMatchObject([{ costSource: 'reserved', partial: true }]);
  });

  it('marks a bill above the bound', async () => {
    const { guarded, home } = await openGuarded({
      standIn: { script: [{ kind: 'answer', costOverride: '3.5' }] },
    });
    await guarded.chat.completions.create(TEN);
    expect(settlements(await readRows(home))).toMatchObject([{ actualUsd: '3.5', overBound: true }]);
  });
});

describe('a bill beyond all reason', () => {
  it('is recorded as it is, and does not stop the ledger', async () => {
    const body = JSON.stringify({
      choices: [],
      usage: { cost: 1e30, prompt_tokens: 1, completion_tokens: 1 },
    });
    const headers = { 'content-type': 'application/json' };
    const { guarded, home } = await openGuarded({
      standIn: { script: [{ kind: 'raw', status: 200, headers, body }] },
    });
    await guarded.chat.completions.create(TEN);
    await guarded.chat.completions.create(TEN);
    expect(settlements(await readRows(home))[0]).toMatchObject({
      actualUsd: `1${'0'.repeat(30)}`,
      actualCents: Number.MAX_SAFE_INTEGER,
      overBound: true,
    });
  });
});

describe('the client’s own extras', () => {
  it('survive: withResponse, asResponse, tee, helpers, parse', async () => {
    const { guarded, client, standIn } = await openGuarded();
    const { data, response } = await guarded.chat.completions.create(ASK).withResponse();
    expect(data.object).toBe('chat.completion');
    expect(response.url).toBe(`${standIn.url}/chat/completions`);
    const raw = await guarded.chat.completions.create(ASK).asResponse();
    expect(await raw.json()).toMatchObject({ object: 'chat.completion' });
    const [left, right] = (await guarded.chat.completions.create({ ...ASK, stream: true })).tee();
    const count = async (events: AsyncIterable<unknown>) => {
      let n = 0;
      for await (const _ of events) n++;
      return n;
    };
    expect(await count(left)).toBe(await count(right));
    const text = await guarded.chat.completions.stream(ASK).finalContent();
    expect(text).toBe((await client.chat.completions.create(ASK)).choices[0]?.message.content);
    await guarded.chat.completions.parse(ASK);
    const promise = guarded.chat.completions.create(ASK);
    expect(promise.constructor).toBe(client.chat.completions.create(ASK).constructor);
    await promise;
  });

  it('pass the same events as an unguarded stream that asked for routes', async () => {
    const { guarded, client } = await openGuarded();
    const collect = async (source: typeof client, headers = {}) => {
      const events: unknown[] = [];
      const request = { ...ASK, max_tokens: 50, stream: true } as const;
      for await (const event of await source.chat.completions.create(request, { headers }))
        events.push({ ...event, id: '', created: 0 });
      return events;
    };
    const asked = { 'X-OpenRouter-Metadata': 'enabled' };
    expect(await collect(guarded)).toEqual(await collect(client, asked));
  });

  it('send the caller’s own headers unchanged, and of ours only the question for routes', async () => {
    const { guarded, client, standIn } = await openGuarded({
      client: { defaultHeaders: { 'HTTP-Referer': 'https://example.test', 'X-Title': 'My agent' } },
    });
    await client.chat.completions.create(ASK);
    await guarded.chat.completions.create(ASK);
    const [bare, sent] = standIn.requests.map((request) => request.headers);
    expect(sent).toMatchObject({ 'http-referer': 'https://example.test', 'x-title': 'My agent' });
    expect(sent).toHaveProperty('x-openrouter-metadata', 'enabled');
    const { 'x-openrouter-metadata': _, ...rest } = sent ?? {};
    expect(Object.keys(rest).sort()).toEqual(Object.keys(bare ?? {}).sort());
  });
});

describe('what is sent', () => {
  it('carries the output limit and the price ceiling of the bound', async () => {
    const { guarded, standIn } = await openGuarded({
      policy: { defaultMaxOutputTokens: 99, priceHeadroom: 2 },
    });
    await guarded.chat.completions.create(ASK);
    expect(standIn.requests[0]?.body).toMatchObject({
      max_tokens: 99,
      provider: { max_price: { prompt: '2', completion: '10', request: '0' } },
    });
  });

  it('never loosens what the caller asked for', async () => {
    const { guarded, standIn } = await openGuarded();
    const provider = { order: ['anthropic'], max_price: { prompt: 1, completion: '4.5', request: 3 } };
    await guarded.chat.completions
      .create({ ...ASK, max_completion_tokens: 7, provider } as never)
      .catch(() => {});
    expect(standIn.requests[0]?.body).toMatchObject({
      max_completion_tokens: 7,
      provider: { order: ['anthropic'], max_price: { prompt: 1, completion: '4.5', request: '0' } },
    });
    expect(standIn.requests[0]?.body).not.toHaveProperty('max_tokens');
  });

  it('is untouched in shadow mode, and what would have happened is recorded', async () => {
    const { guarded, standIn, home } = await openGuarded({
      policy: { mode: 'shadow' },
      caps: [{ amountCents: 0, window: 'per_day', action: 'block' }],
    });
    const image = [{ type: 'image_url', image_url: { url: 'https://example.test/x.png' } }];
    const requests = [
      ASK,
      { ...ASK, model: 'unknown/model' },
      { model: HAIKU, messages: [{ role: 'user', content: image }] },
    ];
    for (const request of requests) await guarded.chat.completions.create(request as never).catch(() => {});
    expect(standIn.requests.map((request) => request.body)).toEqual(requests);
    const decisions = (await readRows(home)).map((row) => row.decision).filter((row) => !row.entryType);
    expect(decisions.map((row) => [row.action, row.wouldAction])).toEqual(Array(3).fill(['shadow', 'block']));
    expect(decisions[1]).toMatchObject({ reservedUsd: null, expectedUsd: null });
  });

  it('is untouched in shadow mode also where nothing would have happened, and bounded under a cap in shadow', async () => {
    const shadow = await openGuarded({ policy: { mode: 'shadow' } });
    await shadow.guarded.chat.completions.create(ASK);
    expect(shadow.standIn.requests[0]?.body).toEqual(ASK);
    const cap = await openGuarded({ caps: [{ amountCents: 0, window: 'per_day', action: 'shadow' }] });
    await cap.guarded.chat.completions.create(ASK);
    expect(cap.standIn.requests[0]?.body).toMatchObject({ model: HAIKU, max_tokens: 16_384 });
  });

  it('is refused where a field has no upper bound, and the field is named', async () => {
    const { guarded, standIn } = await openGuarded();
    const fields: [string, object][] = [
      ['models', { models: ['@preset/x'] }],
      ['fallbacks', { fallbacks: [OPUS] }],
      ['route', { route: 'fallback' }],
      ['model', { model: `${HAIKU}:online` }],
      ['model', { model: '@preset/cheap' }],
      ['preset', { preset: 'x' }],
      ['plugins', { plugins: [{ id: 'web' }] }],
      ['web_search_options', { web_search_options: {} }],
      ['service_tier', { service_tier: 'priority' }],
      ['speed', { speed: 'fast' }],
      ['tools[0]', { tools: [{ type: 'openrouter:web_search' }] }],
      ['modalities', { modalities: ['text', 'image'] }],
      ['audio', { audio: { voice: 'x', format: 'wav' } }],
      ['prediction', { prediction: { type: 'content', content: 'x' } }],
      ['provider.sorting', { provider: { sorting: 'price' } }],
      ['provider.max_price.prompt', { provider: { max_price: { prompt: 'cheap' } } }],
      [
        'messages[0].content[1]',
        { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, { type: 'file' }] }] },
      ],
      ['messages[0].images', { messages: [{ role: 'user', content: 'x', images: ['x'] }] }],
      ['max_tokens', { max_tokens: -5 }],
      ['n', { n: 1.5 }],
      ['stop_server_tools_when', { stop_server_tools_when: [] }],
      ['something_new', { something_new: true }],
    ];
    for (const [field, change] of fields) {
      const error = await guarded.chat.completions.create({ ...ASK, ...change } as never).catch((e) => e);
      expect(error.code, field).toBe('unbounded');
      expect(error.message).toContain(` ${field} `);
    }
    expect(standIn.requests).toHaveLength(0);
  });

  it('counts every choice and both cache prices in the bound', async () => {
    const { guarded, home } = await openGuarded();
    const cached = [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }];
    await guarded.chat.completions.create({ ...ASK, max_tokens: 100 });
    await guarded.chat.completions.create({ ...ASK, max_tokens: 100, n: 3 });
    await guarded.chat.completions.create({
      ...ASK,
      max_tokens: 100,
      messages: [{ role: 'user', content: cached }],
    } as never);
    const rows = (await readRows(home)).map((row) => row.decision).filter((row) => !row.entryType);
    expect(rows.map((row) => row.outputTokensBound)).toEqual([100, 300, 100]);
    const tokens = Number(rows[2]?.inputTokensBound);
    expect(rows[2]?.reservedUsd).toBe(
      printUsd(usd('0.000001') * 2n * BigInt(tokens) + usd('0.000005') * 100n),
    );
  });
});

describe('a plain OpenAI stream', () => {
  it('is asked for its usage, and the caller never sees the extra event', async () => {
    const { guarded, client, home, standIn } = await openGuarded({
      standIn: { dialect: 'openai' },
      config: { provider: 'openai' },
    });
    const collect = async (source: typeof client, more: object) => {
      const choices: number[] = [];
      for await (const event of await source.chat.completions.create({ ...TEN, ...more, stream: true }))
        choices.push(event.choices.length);
      return choices;
    };
    expect(await collect(guarded, {})).toEqual(await collect(client, {}));
    expect(standIn.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(settlements(await readRows(home))[0]).toMatchObject({ costSource: 'computed', partial: false });
    const own = { stream_options: { include_usage: true } };
    expect((await collect(guarded, own)).at(-1)).toBe(0);
    expect(standIn.requests.at(-1)?.body).not.toHaveProperty('provider');
  });
});
