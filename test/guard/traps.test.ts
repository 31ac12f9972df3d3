import { Request as ForeignRequest } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { createEventReader } from '../../src/guard/event-reader.js';
import { lookUpCost } from '../../src/guard/late-truth.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { ASK, HAIKU, OPUS, openGuarded, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const CALL = { ...ASK, max_tokens: 60 };

describe('a guarded fetch', () => {
  it('knows requests by their shape, and takes nothing it cannot read', async () => {
    setPrices();
    const home = await makeHome();
    const standIn = await startStandIn();
    const caps = [{ amountCents: '0.0001', window: 'per_call', action: 'block' }] as const;
    const guarded = guardFetch(fetch, { policy: policyOf(caps), config: { home, provider: 'openrouter' } });
    onTestFinished(async () => {
      await guarded.$guard.close();
      await standIn.close();
    });
    const foreign = new ForeignRequest(`${standIn.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(CALL),
    });
    await expect(guarded(foreign as never)).rejects.toMatchObject({ code: 'cap_exceeded' });
    for (const odd of [{}, null, 5, { method: 'POST' }])
      await expect(guarded(odd as never)).rejects.toThrow(TypeError);
    await expect(
      guarded('/chat/completions', { method: 'POST', body: JSON.stringify(CALL) }),
    ).rejects.toMatchObject({ code: 'cap_exceeded' });
    expect(standIn.requests).toHaveLength(0);
  });
});

describe('usage in a stream', () => {
  const read = (choices: number, ...events: (object | string)[]) => {
    const reader = createEventReader(choices);
    for (const event of events)
      reader.push(
        new TextEncoder().encode(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`),
      );
    return reader.finish();
  };
  const choice = (index: number, finish_reason: string | null) => ({ index, delta: {}, finish_reason });

  it('of an event before the end is no cost, whatever closes the stream', () => {
    const early = { choices: [choice(0, null)], usage: { cost: 0.000001, completion_tokens: 1 } };
    expect(
      read(1, early, { choices: [choice(0, 'error')], error: { code: 502 } }, '[DONE]').facts.costUsd,
    ).toBeUndefined();
    expect(read(1, early, '[DONE]').facts.costUsd).toBeUndefined();
  });

  it('waits for every answer that was asked for', () => {
    const first = { choices: [choice(0, 'stop')], usage: { cost: 0.000002, completion_tokens: 1 } };
    expect(read(2, first)).toEqual({
      complete: false,
      facts: expect.not.objectContaining({ costUsd: expect.anything() }),
    });
    const second = { choices: [choice(1, 'stop')], usage: { cost: 0.000004, completion_tokens: 2 } };
    expect(read(2, first, second)).toMatchObject({ complete: true, facts: { costUsd: 4n * 10n ** 18n } });
  });

  it('replaces what was named before as a whole', () => {
    const zero = { choices: [choice(0, 'stop')], usage: { cost: 0, completion_tokens: 1 } };
    const unknown = { choices: [], usage: { completion_tokens: 90, cost: null } };
    const { facts } = read(1, zero, unknown, '[DONE]');
    expect([facts.costUsd, facts.outputTokens]).toEqual([undefined, 90]);
  });
});

describe('an error that names usage', () => {
  it('keeps what it says, or the bound, and is released only when it says nothing or zero', async () => {
    const json = { 'content-type': 'application/json' };
    const bodies: [string, Record<string, string>, string][] = [
      [JSON.stringify({ error: {}, usage: { prompt_tokens: 500, cost: null } }), json, 'reserved'],
      [JSON.stringify({ error: {}, usage: { cost: 0.001, is_byok: true } }), json, 'reserved'],
      [JSON.stringify({ error: {}, usage: { cost: 0.001 } }), json, 'provider'],
      [JSON.stringify({ error: {}, usage: { cost: 0 } }), json, 'released'],
      [JSON.stringify({ error: {} }), json, 'released'],
      ['data: {"usage":{"cost":0.5}}\n\n', { 'content-type': 'text/event-stream' }, 'reserved'],
    ];
    for (const [body, headers, source] of bodies) {
      const { guarded, home } = await openGuarded({
        client: { maxRetries: 0 },
        standIn: { script: [{ kind: 'raw', status: 500, headers, body }] },
      });
      await expect(guarded.chat.completions.create(CALL)).rejects.toMatchObject({ status: 500 });
      expect((await readRows(home))[1]?.decision.costSource, body).toBe(source);
    }
  });
});

describe('a look-up of a broken answer', () => {
  it('believes only the answer it asked about, and no cost of an open book', async () => {
    const answers = [
      { id: 'gen-OTHER', total_cost: 0.1, native_tokens_completion: 5 },
      { id: 'gen-A', total_cost: 0, native_tokens_completion: null },
      { id: 'gen-A', total_cost: 0.002, native_tokens_completion: 5 },
    ];
    let asked = 0;
    const fetches = async () => Response.json({ data: answers[asked++] });
    const settlement = await lookUpCost({
      fetch: fetches as never,
      address: 'http://127.0.0.1:9/api/v1/chat/completions',
      authorization: undefined,
      generationId: 'gen-A',
      signal: new AbortController().signal,
    });
    expect([asked, settlement?.actualUsd]).toEqual([3, 2n * 10n ** 21n]);
  });
});

describe('requests', () => {
  it('with limits beyond reason are refused by name, also in number', async () => {
    const { guarded, standIn } = await openGuarded();
    const fields: [string, object][] = [
      ['max_tokens', { max_tokens: 9e15 }],
      ['n', { n: 100_000 }],
      ['tool_choice', { tool_choice: { type: 'web_search_preview' } }],
      ['models', { models: Array(17).fill(OPUS) }],
    ];
    for (const [field, change] of fields) {
      const error = await guarded.chat.completions.create({ ...ASK, ...change } as never).catch((e) => e);
      expect([error.code, String(error)]).toEqual(['unbounded', expect.stringContaining(` ${field} `)]);
    }
    for (const prompt of [[1, 'a', 'b'], { a: 1 }, [['a']]])
      await expect(guarded.completions.create({ model: HAIKU, prompt } as never)).rejects.toMatchObject({
        code: 'unbounded',
      });
    for (const item of [
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', id: 'msg_1' },
    ])
      await expect(guarded.responses.create({ model: HAIKU, input: [item] } as never)).rejects.toMatchObject({
        code: 'unbounded',
      });
    expect(standIn.requests).toHaveLength(0);
  });

  it('with a larger thinking budget than output limit are bounded by it', async () => {
    const { guarded, home } = await openGuarded();
    await guarded.chat.completions.create({
      ...ASK,
      max_tokens: 10,
      reasoning: { max_tokens: 900 },
    } as never);
    expect((await readRows(home))[0]?.decision.outputTokensBound).toBe(900);
  });

  it('bring no words through their fallbacks into the ledger', async () => {
    const { guarded, home } = await openGuarded();
    for (const models of [
      ['my private CANARY prompt'],
      ['sk-or-v1-CANARYSECRETKEY'],
      [`${'x'.repeat(300)}CANARY`],
    ])
      await expect(guarded.chat.completions.create({ ...CALL, models } as never)).rejects.toMatchObject({
        code: 'unbounded',
      });
    expect(JSON.stringify(await readRows(home))).not.toContain('CANARY');
    setCostOverride('acme/key-lime-1', { inputCentsPerKtok: 1, outputCentsPerKtok: 1 });
    await guarded.chat.completions.create({ ...CALL, model: 'acme/key-lime-1' }).catch(() => {});
    expect((await readRows(home)).at(-2)?.decision.modelRequested).toBe('acme/key-lime-1');
  });
});
