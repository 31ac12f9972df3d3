import { describe, expect, it } from 'vitest';
import { parseUsd, printUsd } from '../../src/core/money.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';

const usd = (text: unknown) => parseUsd(String(text)) ?? 0n;

async function rowsOf(home: string) {
  const rows = (await readRows(home)).map((row) => row.decision);
  return { decision: rows[0]!, settlement: rows.at(-1)!, count: rows.length };
}

describe('a guarded path', () => {
  it('settles responses, plain and streamed, on what was billed', async () => {
    for (const stream of [false, true]) {
      const { guarded, standIn, home } = await openGuarded();
      const answer = await guarded.responses.create({
        model: HAIKU,
        input: 'Say something.',
        stream,
      } as never);
      if (stream) for await (const _ of answer as never as AsyncIterable<unknown>);
      const { decision, settlement } = await rowsOf(home);
      expect(decision).toMatchObject({ action: 'allow', path: '/responses' });
      expect(settlement).toMatchObject({ costSource: 'provider', actualUsd: printUsd(standIn.bill.total()) });
      expect(standIn.requests[0]?.body).toMatchObject({ max_output_tokens: 16_384 });
      expect(usd(settlement.actualUsd) <= usd(decision.reservedUsd)).toBe(true);
    }
  });

  it('settles embeddings, which have no output', async () => {
    const { guarded, standIn, home } = await openGuarded();
    await guarded.embeddings.create({ model: HAIKU, input: ['one', 'two'], encoding_format: 'float' });
    const { decision, settlement } = await rowsOf(home);
    expect(decision).toMatchObject({ path: '/embeddings', outputTokensBound: 0 });
    expect(settlement).toMatchObject({ costSource: 'provider', actualUsd: printUsd(standIn.bill.total()) });
    expect(standIn.requests[0]?.body).not.toHaveProperty('max_tokens');
  });

  it('settles text completions and counts every answer that is generated', async () => {
    const { guarded, standIn, home } = await openGuarded();
    await guarded.completions.create({ model: HAIKU, prompt: ['a', 'b'], max_tokens: 10, n: 1, best_of: 3 });
    const { decision, settlement } = await rowsOf(home);
    expect(decision).toMatchObject({ path: '/completions', outputTokensBound: 60 });
    expect(settlement).toMatchObject({ costSource: 'provider', actualUsd: printUsd(standIn.bill.total()) });
  });

  it('leaves OpenAI’s small default of text completions as it is', async () => {
    const { guarded, standIn, home } = await openGuarded({ config: { provider: 'openai' } });
    await guarded.completions.create({ model: HAIKU, prompt: 'a' });
    expect((await rowsOf(home)).decision.outputTokensBound).toBe(16);
    expect(standIn.requests[0]?.body).toEqual({ model: HAIKU, prompt: 'a' });
  });

  it('settles without a cost on the tokens of each form', async () => {
    const answers = [
      { object: 'response', output: [], usage: { input_tokens: 7, output_tokens: 2 } },
      { object: 'list', data: [], usage: { prompt_tokens: 7, total_tokens: 7 } },
      { object: 'text_completion', choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } },
    ];
    const fetch = async () => Response.json(answers.shift());
    const { guarded, home } = await openGuarded({ client: { fetch }, config: { provider: 'openai' } });
    await guarded.responses.create({ model: HAIKU, input: 'x' });
    await guarded.embeddings.create({ model: HAIKU, input: 'x', encoding_format: 'float' });
    await guarded.completions.create({ model: HAIKU, prompt: 'x' });
    const rows = (await readRows(home)).map((row) => row.decision).filter((row) => row.entryType);
    expect(rows.map((row) => [row.costSource, row.actualUsd])).toEqual([
      ['computed', '0.000017'],
      ['computed', '0.000007'],
      ['computed', '0.000022'],
    ]);
  });
});

describe('fallbacks', () => {
  const request = { ...ASK, max_tokens: 10, models: [HAIKU, OPUS] } as never;

  it('are bounded by the dearest model that may answer', async () => {
    const { guarded, standIn, home } = await openGuarded();
    await guarded.chat.completions.create(request);
    const { decision } = await rowsOf(home);
    const tokens = BigInt(Number(decision.inputTokensBound));
    expect(decision.reservedUsd).toBe(printUsd(usd('0.000005') * tokens + usd('0.000025') * 10n));
    expect(standIn.requests[0]?.body).toMatchObject({
      models: [HAIKU, OPUS],
      provider: { max_price: { prompt: '5', completion: '25' } },
    });
  });

  it('settle on the model that answered', async () => {
    const { guarded, home, standIn } = await openGuarded({
      standIn: { script: [{ kind: 'answer', failModels: [HAIKU], usage: { cost: null } }] },
    });
    await guarded.chat.completions.create(request);
    const { settlement, decision } = await rowsOf(home);
    expect(settlement).toMatchObject({ costSource: 'computed' });
    expect(usd(settlement.actualUsd) >= standIn.bill.total()).toBe(true);
    expect(usd(settlement.actualUsd) <= usd(decision.reservedUsd)).toBe(true);
  });

  it('without a price refuse the whole request', async () => {
    const { guarded, standIn } = await openGuarded();
    const asked = { ...ASK, models: [HAIKU, 'nobody/knows'] } as never;
    await expect(guarded.chat.completions.create(asked)).rejects.toMatchObject({ code: 'unknown_price' });
    expect(standIn.requests).toHaveLength(0);
  });

  it('are dropped when another model is sent', async () => {
    const { guarded, standIn } = await openGuarded({
      caps: [{ amountCents: '0.001', window: 'per_day', action: 'downgrade', downgradeTo: HAIKU }],
    });
    await guarded.chat.completions.create({ ...ASK, model: OPUS, models: [OPUS, HAIKU] } as never);
    expect(standIn.requests[0]?.body).toMatchObject({ model: HAIKU });
    expect(standIn.requests[0]?.body).not.toHaveProperty('models');
  });
});
