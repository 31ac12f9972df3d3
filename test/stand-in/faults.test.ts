import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { parseUsd } from '../../src/core/money.js';
import { FAKE_KEY_HASH, REFUSAL_NAMES } from '../../src/stand-in/index.js';
import { ask, open, post, usageOf } from './open.js';

describe('a scripted refusal', () => {
  it.each([
    ['rate-limited', OpenAI.RateLimitError],
    ['capacity', OpenAI.RateLimitError],
    ['missing-key', OpenAI.AuthenticationError],
    ['key-limit', OpenAI.PermissionDeniedError],
    ['budget', OpenAI.PermissionDeniedError],
    ['guardrail-content', OpenAI.PermissionDeniedError],
    ['workspace-budget', OpenAI.PermissionDeniedError],
    ['guardrail-model', OpenAI.NotFoundError],
    ['schema', OpenAI.BadRequestError],
    ['overloaded', OpenAI.InternalServerError],
  ] as const)('%s becomes the error class of the client', async (refusal, type) => {
    const { client } = await open({ script: [{ kind: 'error', refusal }] });
    await expect(client.chat.completions.create(ask())).rejects.toBeInstanceOf(type);
  });

  it.each(REFUSAL_NAMES)('%s costs nothing and is JSON with an error inside', async (refusal) => {
    const { standIn } = await open({ script: [{ kind: 'error', refusal }] });
    const { response, body } = await post(`${standIn.url}/chat/completions`, JSON.stringify(ask()));
    expect(body).toHaveProperty('error.message');
    expect(response.status).toBe(refusal === 'error-in-success' ? 200 : response.status);
    expect(response.ok).toBe(refusal === 'error-in-success');
    expect(standIn.bill.total()).toBe(0n);
    expect(standIn.requests).toHaveLength(1);
  });

  it.each([
    ['in-flight-budget', undefined, '2'],
    ['rate-limited', undefined, null],
    ['rate-limited', 7, '7'],
    ['in-flight-budget', null, null],
  ] as const)('%s with retryAfter %s sends Retry-After %s', async (refusal, retryAfter, header) => {
    const step = { kind: 'error', refusal, ...(retryAfter === undefined ? {} : { retryAfter }) } as const;
    const { standIn } = await open({ script: [step] });
    const { response } = await post(`${standIn.url}/chat/completions`, JSON.stringify(ask()));
    expect(response.headers.get('retry-after')).toBe(header);
  });

  it('key-limit leaks the hash of a key that does not exist', async () => {
    const { client } = await open({ script: [{ kind: 'error', refusal: 'key-limit' }] });
    await expect(client.chat.completions.create(ask())).rejects.toThrow(FAKE_KEY_HASH);
  });

  it('takes any status in any envelope', async () => {
    const { standIn } = await open({
      script: [
        { kind: 'error', status: 418, message: 'tea' },
        { kind: 'error', status: 503, envelope: 'availability' },
        { kind: 'error', envelope: 'zod' },
        { kind: 'error', refusal: 'rate-limited', message: 'slow down', headers: { 'x-own': '1' } },
      ],
    });
    const send = () => post(`${standIn.url}/chat/completions`, JSON.stringify(ask()));
    expect((await send()).body).toEqual({ error: { code: 418, message: 'tea' } });
    expect((await send()).body).toMatchObject({ error: { http_status: 503, availability: {} } });
    expect((await send()).response.status).toBe(500);
    const last = await send();
    expect(last.body).toMatchObject({ error: { code: 429, message: 'slow down' } });
    expect(last.response.headers.get('x-own')).toBe('1');
  });

  it('is followed by an answer that the client gets by retrying', async () => {
    const refused = { kind: 'error', refusal: 'rate-limited', headers: { 'retry-after-ms': '5' } } as const;
    const { standIn, client } = await open({ script: [refused, refused] }, { maxRetries: 2 });
    const answer = await client.chat.completions.create(ask());
    expect(standIn.requests).toHaveLength(3);
    expect(standIn.bill.entries).toMatchObject([{ id: answer.id }]);
  });

  it('with Retry-After is retried by the client, which says so', async () => {
    const refused = { kind: 'error', refusal: 'rate-limited', retryAfter: 1 } as const;
    const { standIn, client } = await open({ script: [refused] }, { maxRetries: 1 });
    await client.chat.completions.create(ask());
    const counts = standIn.requests.map((request) => request.headers['x-stainless-retry-count']);
    expect(counts).toEqual(['0', '1']);
  });
});

describe('a fault', () => {
  it('reset loses the connection before the headers and is billed in full', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'reset', outputTokens: 12 }] });
    await expect(client.chat.completions.create(ask())).rejects.toThrow(OpenAI.APIConnectionError);
    await standIn.idle();
    expect(standIn.bill.entries).toMatchObject([{ completionTokens: 12, reported: false }]);
  });

  it('cut loses a plain answer half-way and is billed in full', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'cut', outputTokens: 12 }] });
    await expect(client.chat.completions.create(ask())).rejects.toThrow();
    await standIn.idle();
    expect(standIn.bill.entries).toMatchObject([{ completionTokens: 12, reported: false }]);
  });

  it('hang ends when the client gives up', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'hang' }] });
    const call = client.chat.completions.create(ask(), { timeout: 50 });
    await expect(call).rejects.toThrow(OpenAI.APIConnectionTimeoutError);
    await standIn.idle();
    expect(standIn.bill.entries).toMatchObject([{ reported: false }]);
  });

  it('slow answers later; a client that leaves first is billed all the same', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'slow', delayMs: 20 }, { kind: 'slow' }] });
    await client.chat.completions.create(ask());
    await expect(client.chat.completions.create(ask(), { timeout: 50 })).rejects.toThrow();
    await standIn.idle();
    const [answered, left] = standIn.bill.entries;
    expect(left).toMatchObject({ reported: false, costUsd: answered?.costUsd });
  });

  it('error-mid-stream in a plain answer is a 200 with the error in its choice', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'error-mid-stream' }] });
    const answer = await client.chat.completions.create(ask());
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'error', error: { code: 502 } });
    expect(answer.usage).toBeUndefined();
    expect(standIn.bill.entries[0]?.reported).toBe(false);
  });

  it('no-usage hides the cost, zero-cost charges nothing', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'no-usage' }, { kind: 'zero-cost' }] });
    expect((await client.chat.completions.create(ask())).usage).toBeUndefined();
    const owed = standIn.bill.total();
    expect(owed).toBeGreaterThan(0n);
    expect(usageOf(await client.chat.completions.create(ask())).cost).toBe(0);
    expect(standIn.bill.total()).toBe(owed);
  });

  it('costOverride is reported and billed, past any bound', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'answer', costOverride: '12.5' }] });
    expect(usageOf(await client.chat.completions.create(ask({ max_tokens: 1 }))).cost).toBe(12.5);
    expect(standIn.bill.total()).toBe(parseUsd('12.5'));
  });

  it.each(['-1', 'much', '0.1234567890123456789'])(
    'costOverride %s is a mistake in the script',
    async (cost) => {
      const { standIn, client } = await open({ script: [{ kind: 'answer', costOverride: cost }] });
      await expect(client.chat.completions.create(ask())).rejects.toThrow('costOverride');
      expect(standIn.bill.entries).toEqual([]);
    },
  );

  it('usage on the wire may lie; the bill does not, and does not call it reported', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'answer', usage: { cost: null } }] });
    expect(usageOf(await client.chat.completions.create(ask())).cost).toBeNull();
    expect(standIn.bill.entries[0]).toMatchObject({ reported: false });
    expect(standIn.bill.total()).toBeGreaterThan(0n);
  });

  it('raw bytes arrive as they are', async () => {
    const step = { kind: 'raw', status: 200, headers: { 'content-type': 'text/html' }, body: '<p>' } as const;
    const { standIn } = await open({ script: [step] });
    const response = await fetch(`${standIn.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify(ask()),
    });
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['text/html', '<p>']);
  });
});

describe('a script', () => {
  it('as a function sees each chat request and its place', async () => {
    const { client } = await open({
      script: (request, index) => ({
        kind: 'answer',
        content: `${index} ${(request.body as { model: string }).model}`,
      }),
    });
    const texts = [];
    for (const model of ['openai/gpt-5', 'openai/gpt-5-mini'])
      texts.push((await client.chat.completions.create(ask({ model }))).choices[0]?.message.content);
    expect(texts).toEqual(['0 openai/gpt-5', '1 openai/gpt-5-mini']);
  });

  it('is preceded by what was enqueued, and is not consumed by other paths', async () => {
    const { standIn, client } = await open({ script: () => ({ kind: 'answer', content: 'script' }) });
    standIn.enqueue({ kind: 'answer', content: 'queue' });
    await client.models.list();
    await client.embeddings.create({ model: 'openai/gpt-5', input: 'x' });
    const first = await client.chat.completions.create(ask());
    const second = await client.chat.completions.create(ask());
    expect([first, second].map((one) => one.choices[0]?.message.content)).toEqual(['queue', 'script']);
  });

  it('that throws is a 500 and costs nothing', async () => {
    const script = () => {
      throw new Error('script broke');
    };
    const { standIn, client } = await open({ script });
    await expect(client.chat.completions.create(ask())).rejects.toThrow('script broke');
    expect(standIn.bill.entries).toEqual([]);
  });
});
