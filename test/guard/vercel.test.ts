/** `guardFetch` under libraries that take a `fetch`: the plain one, and the AI SDK with its OpenAI-compatible provider. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, embedMany, generateText, jsonSchema, streamText, tool } from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { SpendCap } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { type StandInOptions, startStandIn } from '../../src/stand-in/server.js';
import { ASK, HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, type Row, readRows } from '../helpers/home.js';

const NOTHING: readonly SpendCap[] = [{ amountCents: 0, window: 'per_call', action: 'block' }];
const usd = (text: unknown) => parseUsd(String(text)) ?? 0n;

async function open(caps: readonly SpendCap[] = [], options: StandInOptions = {}) {
  setPrices();
  const home = await makeHome();
  const standIn = await startStandIn(options);
  const decisions: unknown[] = [];
  const onDecision = (event: unknown) => void decisions.push(event);
  const fetch = guardFetch(globalThis.fetch, {
    policy: policyOf(caps),
    config: { home, provider: 'openrouter', onDecision },
  });
  const provider = createOpenAICompatible({
    name: 'openrouter',
    baseURL: standIn.url,
    apiKey: 'sk-test',
    fetch,
  });
  onTestFinished(async () => {
    await fetch.$guard.close();
    await standIn.close();
  });
  const rows = async () => (await readRows(home)).map((row: Row) => row.decision);
  const settled = async () => (await rows()).filter((row) => row.entryType === 'settlement');
  return { standIn, decisions, fetch, provider, model: provider(HAIKU), rows, settled };
}

const sum = (rows: readonly Row['decision'][]) =>
  printUsd(rows.reduce((total, row) => total + usd(row.actualUsd), 0n));
const CALL = { prompt: 'Say something.', maxOutputTokens: 50 };

describe('the AI SDK', () => {
  it('generates text that is decided, bounded and settled on what was billed', async () => {
    const { model, standIn, settled } = await open();
    const { text, usage } = await generateText({ model, ...CALL });
    expect(text).toContain('stand-in');
    const rows = await settled();
    expect(rows).toMatchObject([{ costSource: 'provider', actualOutputTokens: usage.outputTokens }]);
    expect(sum(rows)).toBe(printUsd(standIn.bill.total()));
    expect(standIn.requests[0]?.body).toMatchObject({
      max_tokens: 50,
      provider: { max_price: { prompt: '1', completion: '5' } },
    });
  });

  it('streams text, and the settlement is there when the stream has ended', async () => {
    const { model, standIn, settled } = await open();
    let text = '';
    for await (const piece of streamText({ model, ...CALL }).textStream) text += piece;
    expect(text).toContain('stand-in');
    const rows = await settled();
    expect(rows).toMatchObject([{ costSource: 'provider', partial: false }]);
    expect(sum(rows)).toBe(printUsd(standIn.bill.total()));
  });

  it('embeds one value and many', async () => {
    const { provider, standIn, rows, settled } = await open();
    const model = provider.textEmbeddingModel(HAIKU);
    await embed({ model, value: 'one' });
    await embedMany({ model, values: ['one', 'two'] });
    expect((await rows()).filter((row) => !row.entryType)).toMatchObject(
      Array(2).fill({ path: '/embeddings', outputTokensBound: 0 }),
    );
    expect(sum(await settled())).toBe(printUsd(standIn.bill.total()));
  });

  it('sends tools within the bound', async () => {
    const { model, rows } = await open();
    const look = tool({
      description: 'Looks.',
      inputSchema: jsonSchema<object>({ type: 'object', properties: { at: { type: 'string' } } }),
    });
    await generateText({ model, ...CALL, tools: { look } as never });
    const bounds = (await rows()).filter((row) => !row.entryType).map((row) => Number(row.inputTokensBound));
    expect(bounds[0]).toBeGreaterThan(1_024);
  });

  it('makes each of its own retries a decision of its own', async () => {
    const { model, settled, standIn } = await open([], {
      script: [{ kind: 'error', refusal: 'rate-limited', retryAfter: 0 }],
    });
    await generateText({ model, ...CALL, maxRetries: 1 });
    expect(standIn.requests).toHaveLength(2);
    expect((await settled()).map((row) => row.costSource)).toEqual(['released', 'provider']);
  });

  it('hands on a refusal as itself, after one decision, with nothing sent', async () => {
    const { model, provider, standIn, rows } = await open(NOTHING);
    const asks = [
      generateText({ model, ...CALL, maxRetries: 2 }),
      embed({ model: provider.textEmbeddingModel(HAIKU), value: 'x', maxRetries: 2 }),
      embedMany({ model: provider.textEmbeddingModel(HAIKU), values: ['x', 'y'], maxRetries: 2 }),
    ];
    for (const error of await Promise.all(
      asks.map((ask) =>
        ask.then(
          () => undefined,
          (thrown: unknown) => thrown,
        ),
      ),
    )) {
      expect(error).toBeInstanceOf(AgentGuardBlockedError);
      expect(error).toMatchObject({ code: 'cap_exceeded', limit: '0' });
    }
    expect((await rows()).map((row) => row.action)).toEqual(['block', 'block', 'block']);
    expect(standIn.requests).toHaveLength(0);
  });

  it('tells a refused stream by onError and by its error part; its awaited text rejects with an error of the SDK', async () => {
    const { model, rows, standIn } = await open(NOTHING);
    const heard: unknown[] = [];
    const stream = streamText({ model, ...CALL, onError: ({ error }) => void heard.push(error) });
    const parts: unknown[] = [];
    for await (const part of stream.fullStream) if (part.type === 'error') parts.push(part.error);
    expect(heard[0]).toBeInstanceOf(AgentGuardBlockedError);
    expect(parts).toEqual(heard);
    const awaited = await Promise.resolve(streamText({ model, ...CALL, onError() {} }).text).catch(
      (error: Error) => error,
    );
    expect(awaited).toMatchObject({ name: 'AI_NoOutputGeneratedError' });
    expect((await rows()).map((row) => row.action)).toEqual(['block', 'block']);
    expect(standIn.requests).toHaveLength(0);
  });

  it('keeps the bound of a stream that is aborted', async () => {
    const { model, rows, settled, standIn } = await open([], {
      script: [{ kind: 'answer', eventDelayMs: 20 }],
    });
    const controller = new AbortController();
    let pieces = 0;
    for await (const _ of streamText({ model, ...CALL, abortSignal: controller.signal }).textStream)
      if (++pieces === 2) controller.abort();
    await expect.poll(settled).toHaveLength(1);
    await standIn.idle();
    const [decision, settlement] = await rows();
    expect(settlement).toMatchObject({
      costSource: 'reserved',
      partial: true,
      outcome: 'aborted',
      actualUsd: decision?.reservedUsd,
    });
    expect(usd(settlement?.actualUsd)).toBeGreaterThanOrEqual(standIn.bill.total());
  });

  it('keeps the bound of an answer that is aborted while it is awaited', async () => {
    const { model, settled, standIn } = await open([], { script: [{ kind: 'hang' }] });
    const controller = new AbortController();
    const asked = generateText({ model, ...CALL, abortSignal: controller.signal });
    await expect.poll(() => standIn.requests.length).toBe(1);
    controller.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(settled).toHaveLength(1);
    expect(await settled()).toMatchObject([{ costSource: 'reserved', outcome: 'aborted' }]);
  });

  it('keeps the type of a refusal by upstream', async () => {
    const { model, settled } = await open([], { script: [{ kind: 'error', refusal: 'key-limit' }] });
    const error = await generateText({ model, ...CALL, maxRetries: 0 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'AI_APICallError', statusCode: 403 });
    expect(error).not.toBeInstanceOf(AgentGuardBlockedError);
    expect(await settled()).toMatchObject([{ costSource: 'released' }]);
  });
});

describe('plain fetch', () => {
  const post = (fetch: typeof globalThis.fetch, url: string, more: object = {}, init: RequestInit = {}) =>
    fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      body: JSON.stringify({ ...ASK, max_tokens: 50, ...more }),
      ...init,
    });

  it('gets the same answer as without a guard, settled when it was read', async () => {
    const { fetch, standIn, settled, rows } = await open();
    const response = await post(fetch, standIn.url);
    expect(response).toMatchObject({
      status: 200,
      url: `${standIn.url}/chat/completions`,
      redirected: false,
    });
    expect(await rows()).toHaveLength(1);
    const answer = (await response.json()) as { usage: { cost: number } };
    expect(await settled()).toMatchObject([
      { costSource: 'provider', actualUsd: printUsd(usd(answer.usage.cost)) },
    ]);
  });

  it('reads a stream event by event', async () => {
    const { fetch, standIn, settled } = await open();
    const response = await post(fetch, standIn.url, { stream: true });
    const text = await response.text();
    expect(text).toContain(': OPENROUTER PROCESSING');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(sum(await settled())).toBe(printUsd(standIn.bill.total()));
  });

  it('is refused with the error itself', async () => {
    const { fetch, standIn } = await open(NOTHING);
    await expect(post(fetch, standIn.url)).rejects.toBeInstanceOf(AgentGuardBlockedError);
    expect(standIn.requests).toHaveLength(0);
  });

  it('that cancels the body keeps the bound', async () => {
    const { fetch, standIn, rows } = await open([], { script: [{ kind: 'answer', eventDelayMs: 20 }] });
    const response = await post(fetch, standIn.url, { stream: true });
    await response.body?.cancel();
    const [decision, settlement] = await rows();
    expect(settlement).toMatchObject({ costSource: 'reserved', actualUsd: decision?.reservedUsd });
  });

  it('with a signal that was aborted before decides nothing and sends nothing', async () => {
    const { fetch, standIn, decisions } = await open();
    await expect(post(fetch, standIn.url, {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(decisions).toEqual([]);
    expect(standIn.requests).toHaveLength(0);
  });
});
