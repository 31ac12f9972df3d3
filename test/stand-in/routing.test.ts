import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { parseUsd } from '../../src/core/money.js';
import { ask, open } from './open.js';

const LLAMA = 'meta-llama/llama-3.3-70b-instruct';

async function serve(provider: unknown, routing: 'cheapest' | 'dearest' = 'cheapest') {
  const { standIn, client } = await open({ routing });
  await client.chat.completions.create(ask({ model: LLAMA, provider }));
  return standIn.bill.entries[0]?.provider;
}

describe('routing', () => {
  it.each([
    ['the cheapest endpoint by default', undefined, 'DeepInfra'],
    ['the provider that order names', { order: ['together'] }, 'Together'],
    ['the second of order when the first is unknown', { order: ['nobody', 'Nebius'] }, 'Nebius'],
    ['only what only names, by full tag', { only: ['cloudflare/fp8'] }, 'Cloudflare'],
    ['none that ignore names', { ignore: ['deepinfra'] }, 'Nebius'],
    ['what fits a price as text', { max_price: { prompt: '0.1', completion: '0.32' } }, 'DeepInfra'],
    ['what fits a price as a number', { max_price: { prompt: 0.13, completion: 0.4 } }, 'DeepInfra'],
  ])('takes %s', async (_, provider, expected) => {
    expect(await serve(provider)).toBe(expected);
  });

  it('knows a provider by the part of its tag before the slash', async () => {
    const { standIn, client } = await open();
    await client.chat.completions.create(ask({ provider: { only: ['google-vertex'] } }));
    expect(standIn.bill.entries[0]?.provider).toBe('Google');
  });

  it('takes the dearest endpoint that still fits when told to', async () => {
    expect(await serve(undefined, 'dearest')).toBe('Cloudflare');
    expect(await serve({ max_price: { completion: '1' } }, 'dearest')).toBe('Together');
  });

  it.each([
    ['input is dearer by the last digit', { max_price: { prompt: '0.0999999999999' } }],
    ['output is dearer by the last digit', { max_price: { completion: '0.31999999' } }],
    [
      'order asks for a dearer one',
      { order: ['together'], allow_fallbacks: false, max_price: { prompt: 0.5 } },
    ],
    ['only asks for nobody', { only: ['nobody'] }],
    ['everyone is ignored', { ignore: ['deepinfra', 'nebius', 'cloudflare', 'together'] }],
  ])('answers 404 when %s, and bills nothing', async (_, provider) => {
    const { standIn, client } = await open();
    const call = client.chat.completions.create(ask({ model: LLAMA, provider }));
    await expect(call).rejects.toThrow(OpenAI.NotFoundError);
    expect(standIn.bill.total()).toBe(0n);
  });

  it('holds a fee per request against max_price.request, in dollars each, and bills it', async () => {
    const endpoint = {
      provider: 'Fee',
      tag: 'fee',
      pricing: { prompt: '0', completion: '0', request: '0.005' },
      contextLength: 1000,
      maxCompletionTokens: null,
    };
    const model = { id: 'a/fee', slug: 'a/fee', name: 'Fee', created: 0, endpoints: [endpoint] };
    const { standIn, client } = await open({ models: [model] });
    const send = (request: string) =>
      client.chat.completions.create(ask({ model: 'a/fee', provider: { max_price: { request } } }));
    await expect(send('0.0049')).rejects.toThrow(OpenAI.NotFoundError);
    await send('0.005');
    expect(standIn.bill.total()).toBe(parseUsd('0.005'));
  });

  it('refuses a model that the catalogue does not have, without trying the fallbacks', async () => {
    const { standIn, client } = await open();
    const call = client.chat.completions.create(ask({ model: 'acme/none', models: ['openai/gpt-5'] }));
    await expect(call).rejects.toThrow(OpenAI.BadRequestError);
    expect(standIn.bill.entries).toEqual([]);
  });

  it('moves on to a fallback when the first model is too dear', async () => {
    const { standIn, client } = await open();
    await client.chat.completions.create(
      ask({
        model: 'anthropic/claude-opus-4.7',
        models: ['openai/gpt-5-mini'],
        provider: { max_price: { prompt: 1 } },
      }),
    );
    expect(standIn.bill.entries[0]?.model).toBe('openai/gpt-5-mini-2025-08-07');
  });

  it('answers 502 when the model and all its fallbacks fail', async () => {
    const failModels = ['openai/gpt-5', 'openai/gpt-5-mini'];
    const { standIn, client } = await open({ script: [{ kind: 'answer', failModels }] });
    const call = client.chat.completions.create(ask({ model: failModels[0], models: [failModels[1]] }));
    await expect(call).rejects.toThrow(OpenAI.InternalServerError);
    expect(standIn.bill.total()).toBe(0n);
  });
});
