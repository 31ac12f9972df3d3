import { describe, expect, it, onTestFinished } from 'vitest';
import { parseUsd } from '../../src/core/money.js';
import { startStandIn } from '../../src/stand-in/index.js';
import { createRequestLog } from '../../src/stand-in/request-log.js';
import { ask, askStream, open, post } from './open.js';

const AUTH = { headers: { authorization: 'Bearer sk-test' } };

async function get(url: string, init: RequestInit = AUTH) {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as { data: Record<string, unknown> } };
}

describe('the catalogue', () => {
  it('lists the models without a key, prices as decimal text', async () => {
    const { standIn } = await open();
    const { status, body } = await get(`${standIn.url}/models?output_modalities=all`, {});
    expect(status).toBe(200);
    const models = body.data as unknown as readonly { id: string; pricing: Record<string, string> }[];
    const opus = models.find((model) => model.id === 'anthropic/claude-opus-4.7');
    expect(opus?.pricing).toMatchObject({ prompt: '0.000005', completion: '0.000025' });
    expect(models.find((model) => model.id === 'openrouter/auto')?.pricing.prompt).toBe('-1');
  });

  it('lists every endpoint of a model, the dearer ones too, by id or slug', async () => {
    const { standIn } = await open();
    const url = `${standIn.url}/models/meta-llama/llama-3.3-70b-instruct/endpoints`;
    const { body } = await get(url);
    const endpoints = body.data.endpoints as readonly { provider_name: string }[];
    expect(endpoints.map((one) => one.provider_name)).toContain('Cloudflare');
    expect((await get(`${standIn.url}/models/anthropic/claude-4.5-haiku-20251001/endpoints`)).status).toBe(
      200,
    );
  });

  it.each(['/models/acme/none/endpoints', '/models/acme', '/nothing', '/'])(
    'has nothing at %s',
    async (path) => {
      const { standIn } = await open();
      expect((await get(standIn.url + path)).status).toBe(404);
    },
  );
});

describe('the account', () => {
  it('tells balance and key budget as the bill has them', async () => {
    const { standIn, client } = await open({ creditsUsd: '1', now: () => Date.UTC(2026, 11, 31, 23) });
    standIn.enqueue({ kind: 'answer', costOverride: '0.25' });
    await client.chat.completions.create(ask());
    const credits = await get(`${standIn.url}/credits`);
    expect(credits.body.data).toEqual({ total_credits: 1, total_usage: 0.25 });
    const key = await get(`${standIn.url}/key`);
    expect(key.body.data).toMatchObject({
      usage: 0.25,
      limit_remaining: 0.75,
      effective_budget: { spend_usd: 0.25, resets_at: '2027-01-01T00:00:00.000Z' },
    });
  });

  it('tells the activity of all keys by day and model, and of each key only its own use', async () => {
    const clock = { now: Date.UTC(2026, 9, 4, 23) };
    const { standIn, client } = await open({ now: () => clock.now });
    const other = client.withOptions({ apiKey: 'sk-other' });
    standIn.enqueue(
      ...['0.25', '0.5', '0.125'].map((costOverride) => ({ kind: 'answer' as const, costOverride })),
    );
    await client.chat.completions.create(ask());
    clock.now += 2 * 3_600_000;
    await client.chat.completions.create(ask());
    await other.chat.completions.create(ask());
    const { body } = await get(`${standIn.url}/activity`);
    expect(body.data).toMatchObject([
      { date: '2026-10-04', model: 'anthropic/claude-haiku-4.5', usage: 0.25, requests: 1 },
      {
        date: '2026-10-05',
        model_permaslug: 'anthropic/claude-4.5-haiku-20251001',
        usage: 0.625,
        requests: 2,
      },
    ]);
    // Monday, 2026-10-05: day and week have just begun.
    const mine = (await get(`${standIn.url}/key`)).body.data;
    expect(mine).toMatchObject({ usage: 0.75, usage_daily: 0.5, usage_weekly: 0.5, usage_monthly: 0.75 });
  });

  it('keeps the figures of the account from keys that do not manage it', async () => {
    const { standIn } = await open({ managementKeys: ['sk-boss'] });
    const boss = { headers: { authorization: 'Bearer sk-boss' } };
    for (const path of ['/activity', '/credits']) {
      expect((await get(standIn.url + path)).status).toBe(403);
      expect((await get(standIn.url + path, boss)).status).toBe(200);
    }
    expect((await get(`${standIn.url}/key`, boss)).body.data).toMatchObject({ is_management_key: true });
    expect((await get(`${standIn.url}/key`)).body.data).toMatchObject({ is_management_key: false });
  });

  it.each(['/key', '/credits', '/activity', '/generation?id=x'])(
    'keeps %s from callers without a key',
    async (path) => {
      const { standIn } = await open();
      expect((await get(standIn.url + path, {})).status).toBe(401);
    },
  );

  it('has a generation a moment later, and never one it did not serve', async () => {
    const { standIn, client } = await open({ generationMisses: 2 });
    const answer = await client.chat.completions.create(ask());
    const look = () => get(`${standIn.url}/generation?id=${answer.id}`);
    expect((await look()).status).toBe(404);
    expect((await look()).status).toBe(404);
    const { body } = await look();
    expect(parseUsd(String(body.data.total_cost))).toBe(standIn.bill.total());
    expect(body.data).toMatchObject({
      model: answer.model,
      provider_name: 'Amazon Bedrock',
      streamed: false,
    });
    for (let at = 0; at < 4; at += 1)
      expect((await get(`${standIn.url}/generation?id=gen-none`)).status).toBe(404);
  });
});

describe('another path that spends', () => {
  it.each(['/completions', '/embeddings', '/responses', '/messages'])(
    '%s is answered and billed',
    async (path) => {
      const { standIn } = await open();
      const sent = JSON.stringify({ model: 'openai/gpt-5', input: 'x', max_tokens: 2 });
      const { response, body } = await post(standIn.url + path, sent);
      expect(response.status).toBe(200);
      expect(standIn.bill.entries).toMatchObject([{ path: `/api/v1${path}` }]);
      const { cost } = body.usage as { cost: number };
      expect(parseUsd(String(cost))).toBe(standIn.bill.total());
      expect(standIn.bill.total()).toBeGreaterThan(0n);
    },
  );

  it.each([
    ['/embeddings', 'nonsense', 400],
    ['/responses', '{"model":"acme/none"}', 400],
    ['/images/generations', '{}', 404],
  ])('%s with %s is refused', async (path, text, status) => {
    const { standIn } = await open();
    const { response } = await post(standIn.url + path, text);
    expect(response.status).toBe(status);
    expect(standIn.bill.entries).toEqual([]);
    expect(standIn.requests).toHaveLength(1);
  });
});

describe('the server', () => {
  it('listens on the loopback interface only', async () => {
    const { standIn } = await open();
    expect(standIn.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/);
  });

  it('refuses methods that it does not know', async () => {
    const { standIn } = await open();
    expect((await get(`${standIn.url}/key`, { ...AUTH, method: 'DELETE' })).status).toBe(405);
  });

  it('answers a body beyond its limit with 413 and goes on', async () => {
    const { standIn, client } = await open();
    const huge = 'x'.repeat(33 * 1024 * 1024);
    const outcome = await post(`${standIn.url}/chat/completions`, huge).then(
      ({ response }) => response.status,
      // The server may close before the client has sent everything.
      () => 413,
    );
    expect(outcome).toBe(413);
    await client.chat.completions.create(ask());
  });

  it('closes at once although a request hangs, and twice does no harm', async () => {
    const standIn = await startStandIn({ script: [{ kind: 'hang' }] });
    const call = post(`${standIn.url}/chat/completions`, JSON.stringify(ask())).catch(() => 'gone');
    while (standIn.bill.entries.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([standIn.close(), standIn.close()]);
    expect(await call).toBe('gone');
  });

  it('serves many streams at once without a warning of the platform', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const { standIn, client } = await open({ script: () => ({ kind: 'answer', eventDelayMs: 1 }) });
    const read = async () => {
      for await (const _ of await client.chat.completions.create(askStream())) void _;
    };
    await Promise.all(Array.from({ length: 30 }, read));
    expect(standIn.bill.entries).toHaveLength(30);
    expect(warnings.map(String)).toEqual([]);
  });

  it('rejects when its port is taken', async () => {
    const { standIn } = await open();
    await expect(startStandIn({ port: Number(new URL(standIn.url).port) })).rejects.toThrow('EADDRINUSE');
  });

  it('refuses a balance that is not a decimal', async () => {
    await expect(startStandIn({ creditsUsd: 'lots' })).rejects.toThrow(RangeError);
  });

  it('keeps only the last requests', () => {
    const log = createRequestLog(2);
    for (const path of ['/a', '/b', '/c'])
      log.add({ method: 'GET', path, headers: {}, body: undefined, sizeBytes: 0, at: 0 });
    expect(log.list.map((request) => request.path)).toEqual(['/b', '/c']);
  });
});
