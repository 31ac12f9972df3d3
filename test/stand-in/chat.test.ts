import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { parseUsd } from '../../src/core/money.js';
import { ask, HAIKU, open, post, usageOf } from './open.js';

describe('a plain chat answer', () => {
  it('reaches the real client with usage, provider and generation id', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'answer', content: 'Hello you.' }] });
    const { data, response } = await client.chat.completions.create(ask()).withResponse();
    expect(data.choices[0]?.message.content).toBe('Hello you.');
    expect(data.choices[0]?.finish_reason).toBe('stop');
    expect(data.model).toBe('anthropic/claude-4.5-haiku-20251001');
    expect(response.headers.get('x-generation-id')).toBe(data.id);
    expect(standIn.bill.entries).toMatchObject([{ id: data.id, provider: 'Amazon Bedrock', reported: true }]);
  });

  it('costs exactly tokens times price, and the bill holds the decimal that was reported', async () => {
    const { standIn, client } = await open({
      script: [{ kind: 'answer', promptTokens: 8, outputTokens: 24 }],
    });
    const usage = usageOf(await client.chat.completions.create(ask()));
    expect(usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 24, cost: 0.000128 });
    expect(standIn.bill.total()).toBe(parseUsd('0.000128'));
  });

  it('prints costs below a millionth with an exponent', async () => {
    const { standIn } = await open({ script: [{ kind: 'answer', promptTokens: 1, outputTokens: 1 }] });
    const answer = await fetch(`${standIn.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify(ask({ model: 'openai/gpt-5-nano' })),
    });
    expect(await answer.text()).toContain('"cost":4.5e-7');
    expect(standIn.bill.total()).toBe(parseUsd('4.5e-7'));
  });

  it.each([
    'anthropic/claude-haiku-4-5',
    'anthropic/claude-4.5-haiku-20251001',
    '~anthropic/claude-haiku-latest',
    'anthropic/claude-haiku-4.5:nitro',
  ])('serves %s and names the dated model', async (model) => {
    const { client } = await open();
    const answer = await client.chat.completions.create(ask({ model }));
    expect(answer.model).toBe('anthropic/claude-4.5-haiku-20251001');
  });

  it('keeps a free variant apart from the model whose slug it shares', async () => {
    const { standIn, client } = await open();
    const answer = await client.chat.completions.create(
      ask({ model: 'meta-llama/llama-3.3-70b-instruct:free' }),
    );
    expect(answer.model).toBe('meta-llama/llama-3.3-70b-instruct:free');
    expect(usageOf(answer).cost).toBe(0);
    expect(standIn.bill.total()).toBe(0n);
  });

  it('never gives more output than max_tokens, per choice', async () => {
    const { client } = await open({ script: [{ kind: 'answer', outputTokens: 500 }] });
    const answer = await client.chat.completions.create(ask({ max_tokens: 7, n: 3 }));
    expect(answer.choices.map((choice) => choice.finish_reason)).toEqual(['length', 'length', 'length']);
    expect(answer.choices[0]?.message.content?.split(' ')).toHaveLength(7);
    expect(usageOf(answer).completion_tokens).toBe(21);
  });

  it('takes the smaller of max_tokens and max_completion_tokens', async () => {
    const { client } = await open({ script: [{ kind: 'answer', outputTokens: 500 }] });
    const answer = await client.chat.completions.create(ask({ max_tokens: 90, max_completion_tokens: 30 }));
    expect(usageOf(answer).completion_tokens).toBe(30);
  });

  it('stops at the model maximum when the request names none', async () => {
    const { client } = await open({ script: [{ kind: 'answer', outputTokens: 1_000_000 }] });
    const usage = usageOf(await client.chat.completions.create(ask()));
    expect(usage.completion_tokens).toBe(64_000);
    expect(usage.completion_tokens_details.reasoning_tokens).toBe(64_000 - 512);
  });

  it('never counts more input tokens than the body has bytes', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'answer', promptTokens: 1e9 }] });
    const usage = usageOf(await client.chat.completions.create(ask()));
    expect(usage.prompt_tokens).toBe(standIn.requests[0]?.sizeBytes);
  });

  it('refuses a prompt larger than the context', async () => {
    const endpoint = {
      provider: 'Tiny',
      tag: 'tiny',
      pricing: { prompt: '0.1', completion: '0.1' },
      contextLength: 4,
      maxCompletionTokens: null,
    };
    const tiny = { id: 'a/tiny', slug: 'a/tiny', name: 'Tiny', created: 0, endpoints: [endpoint] };
    const { standIn, client } = await open({ models: [tiny] });
    await expect(client.chat.completions.create(ask({ model: 'a/tiny' }))).rejects.toThrow(
      OpenAI.BadRequestError,
    );
    expect(standIn.bill.entries).toEqual([]);
  });

  it('tells how it routed when asked', async () => {
    const { client } = await open({ script: [{ kind: 'answer', failModels: ['openai/gpt-5'] }] });
    const request = ask({ model: 'openai/gpt-5', models: ['openai/gpt-5-mini'] });
    const answer = await client.chat.completions.create(request, {
      headers: { 'X-OpenRouter-Metadata': 'enabled' },
    });
    expect(answer).toMatchObject({
      model: 'openai/gpt-5-mini-2025-08-07',
      openrouter_metadata: { requested: 'openai/gpt-5', attempt: 2, strategy: 'fallback' },
    });
  });
});

describe('a chat request', () => {
  it.each([
    ['no model', { model: undefined }, 'model'],
    ['no messages', { messages: undefined }, 'messages'],
    ['an empty list of messages', { messages: [] }, 'messages'],
    ['a message that is text', { messages: ['hi'] }, 'messages'],
    ['a fractional max_tokens', { max_tokens: 1.5 }, 'max_tokens'],
    ['max_tokens of 0', { max_tokens: 0 }, 'max_tokens'],
    ['a negative n', { n: -1 }, 'n'],
    ['stream as text', { stream: 'yes' }, 'stream'],
    ['a price that is no number', { provider: { max_price: { prompt: 'cheap' } } }, 'max_price'],
    ['a negative price', { provider: { max_price: { completion: -1 } } }, 'max_price'],
    ['models as text', { models: 'a/b' }, 'models'],
    ['provider.only as text', { provider: { only: 'azure' } }, 'only'],
  ])('with %s is a schema error and costs nothing', async (_, change, path) => {
    const { standIn } = await open();
    const { response, body } = await post(
      `${standIn.url}/chat/completions`,
      JSON.stringify({ ...ask(), ...change }),
    );
    expect(response.status).toBe(400);
    expect(body).toMatchObject({ success: false, error: { name: 'ZodError' } });
    expect((body.error as { message: string }).message).toContain(`"${path}"`);
    expect(standIn.bill.entries).toEqual([]);
  });

  it.each(['', '{', 'nonsense', '{"model":'])('with the body %j is refused with 400', async (text) => {
    const { standIn } = await open();
    const { response } = await post(`${standIn.url}/chat/completions`, text);
    expect(response.status).toBe(400);
    expect(standIn.bill.entries).toEqual([]);
  });

  it('without a key is refused', async () => {
    const { standIn } = await open();
    const { response, body } = await post(`${standIn.url}/chat/completions`, JSON.stringify(ask()), {
      authorization: '',
    });
    expect(response.status).toBe(401);
    expect(body).toMatchObject({ error: { code: 401 } });
  });

  it('with a key that nobody has is refused', async () => {
    const { client } = await open({ apiKeys: ['sk-good'] }, { apiKey: 'sk-bad' });
    await expect(client.chat.completions.create(ask())).rejects.toThrow(OpenAI.AuthenticationError);
  });

  it('is recorded with its headers and body as they came', async () => {
    const { standIn, client } = await open(
      {},
      { defaultHeaders: { 'HTTP-Referer': 'https://example.test/', 'X-Title': 'Own app' } },
    );
    await client.chat.completions.create(ask({ provider: { max_price: { prompt: '1.5' } } }));
    expect(standIn.requests).toHaveLength(1);
    expect(standIn.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/v1/chat/completions',
      headers: { 'http-referer': 'https://example.test/', 'x-title': 'Own app' },
      body: { model: HAIKU, provider: { max_price: { prompt: '1.5' } } },
    });
  });

  it('with tools is answered', async () => {
    const { client } = await open();
    const tool = { type: 'function', function: { name: 'look', parameters: {} } };
    const answer = await client.chat.completions.create(ask({ tools: [tool] }));
    expect(answer.choices[0]?.finish_reason).toBe('stop');
  });
});
