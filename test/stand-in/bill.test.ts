import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ONE_USD, parseUsd } from '../../src/core/money.js';
import { createBill } from '../../src/stand-in/bill.js';
import { resolveModel, unitPrice } from '../../src/stand-in/catalogue.js';
import { MODEL_TABLE } from '../../src/stand-in/index.js';
import { reportCost } from '../../src/stand-in/usage.js';
import { ask, askStream, open } from './open.js';

const endpoint = {
  provider: 'P',
  tag: 'p',
  pricing: { prompt: '0.00000008333333333333334', completion: '0.0000000000000000000001' },
  contextLength: 1e6,
  maxCompletionTokens: null,
};

describe('a reported cost', () => {
  it('names an amount that survives JSON and is never above what is owed', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 32n }), (exact) => {
        const { number, usd } = reportCost(exact);
        const read: unknown = JSON.parse(JSON.stringify(number));
        expect(parseUsd(String(read))).toBe(usd);
        expect(usd).toBeLessThanOrEqual(exact);
        expect((exact - usd) * 10n ** 14n).toBeLessThanOrEqual(exact);
      }),
    );
  });

  it('of at most 15 digits is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.nat(17), (digits, zeros) => {
        const exact = digits * 10n ** BigInt(zeros);
        expect(reportCost(exact).usd).toBe(exact);
      }),
    );
  });
});

describe('the bill', () => {
  it('sums its entries exactly, whatever order the calls grow in', () => {
    const step = fc.record({ call: fc.nat(4), tokens: fc.nat(5000), fixed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bill = createBill();
        const meters = [0, 1, 2, 3, 4].map((at) =>
          bill.open({
            id: `g${at}`,
            path: '/',
            payer: 'somebody',
            model: 'm',
            endpoint,
            streamed: false,
            promptTokens: at * 77,
            at: 0,
          }),
        );
        for (const { call, tokens, fixed } of steps) {
          if (fixed) meters[call]!.charge(BigInt(tokens) * ONE_USD);
          else meters[call]!.generate(tokens);
        }
        expect(bill.entries.reduce((sum, entry) => sum + entry.costUsd, 0n)).toBe(bill.total());
      }),
    );
  });

  it('charges the input as soon as a call is open', () => {
    const bill = createBill();
    bill.open({
      id: 'g',
      path: '/',
      payer: 'somebody',
      model: 'm',
      endpoint,
      streamed: false,
      promptTokens: 3,
      at: 0,
    });
    expect(bill.total()).toBe((parseUsd('0.00000025000000000000002', 'up')! / 10n ** 9n) * 10n ** 9n);
    expect(bill.find('g')).toMatchObject({ completionTokens: 0, reported: false });
    expect(bill.find('other')).toBeUndefined();
  });

  it('never exceeds body bytes times input price plus maximum output times output price', async () => {
    const { standIn, client } = await open();
    const priced = MODEL_TABLE.filter((model) => model.endpoints.length > 0);
    const call = fc.record({
      model: fc.constantFrom(...priced.map((model) => model.id)),
      content: fc.string({ unit: 'grapheme', maxLength: 60 }),
      max_tokens: fc.integer({ min: 1, max: 3000 }),
      n: fc.integer({ min: 1, max: 3 }),
      outputTokens: fc.nat(4000),
      promptTokens: fc.option(fc.nat(4000), { nil: undefined }),
      stream: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ outputTokens, promptTokens, stream, content, ...request }) => {
        standIn.enqueue({
          kind: 'answer',
          outputTokens,
          ...(promptTokens === undefined ? {} : { promptTokens }),
        });
        const before = standIn.bill.total();
        const body = { ...request, messages: [{ role: 'user', content }] };
        if (stream) for await (const _ of await client.chat.completions.create(askStream(body))) void _;
        else await client.chat.completions.create(ask(body));
        const served = resolveModel(MODEL_TABLE, request.model)!.endpoints.find(
          (one) => one.provider === standIn.bill.entries.at(-1)!.provider,
        )!;
        const bytes = BigInt(standIn.requests.at(-1)!.sizeBytes);
        const most =
          bytes * unitPrice(served, 'prompt') +
          BigInt(request.max_tokens * request.n) * unitPrice(served, 'completion');
        expect(standIn.bill.total() - before).toBeLessThanOrEqual(most);
      }),
      { numRuns: process.env.SLOW ? 2000 : 60 },
    );
  });

  it('adds up over many calls at once', async () => {
    const { standIn, client } = await open();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => client.chat.completions.create(ask())),
    );
    const reported = answers.map((answer) => parseUsd(String((answer.usage as { cost?: number }).cost))!);
    expect(reported.reduce((sum, cost) => sum + cost, 0n)).toBe(standIn.bill.total());
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(40);
  });
});
