/** Recorded answers settle to the cost they carry, to its last digit, through the real client over real HTTP. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import type { RawStep } from '../../src/stand-in/script.js';
import { ASK, HAIKU, openGuarded } from '../helpers/guarded-client.js';
import { type Row, readRows } from '../helpers/home.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';

const TEN = { ...ASK, max_tokens: 10 };
const ways = ['plain', 'streamed'] as const;
type Way = (typeof ways)[number];

/** An answer around `usage`, which is JSON text: its numbers go on the wire as they are written. */
function printAnswer(way: Way, usage: string): RawStep {
  const head = `"id":"gen-1","model":"${HAIKU}","provider":"Somebody"`;
  if (way === 'plain') {
    const choice = '{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hey"}}';
    const body = `{${head},"object":"chat.completion","created":1,"choices":[${choice}],"usage":${usage}}`;
    return { kind: 'raw', status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const event = (choice: string, more = '') =>
    `data: {${head},"object":"chat.completion.chunk","created":1,"choices":[${choice}]${more}}\n\n`;
  const delta = '{"index":0,"delta":{"content":"Hey"},"finish_reason":null}';
  const end = '{"index":0,"delta":{"content":""},"finish_reason":"stop"}';
  return printStream(
    `: OPENROUTER PROCESSING\n\n${event(delta)}${event(end)}${event(end, `,"usage":${usage}`)}data: [DONE]\n\n`,
  );
}

function printStream(body: string): RawStep {
  return { kind: 'raw', status: 200, headers: { 'content-type': 'text/event-stream' }, body };
}

/** The rows of one call that is answered so. The caller reads the answer to its end; what is thrown is returned. */
async function settle(step: RawStep, setup: Parameters<typeof openGuarded>[0] = {}) {
  const stream = step.headers?.['content-type'] === 'text/event-stream';
  const { guarded, home } = await openGuarded({
    ...setup,
    client: { maxRetries: 0 },
    standIn: { script: [step] },
  });
  let thrown: unknown;
  let text = '';
  try {
    if (!stream) text = (await guarded.chat.completions.create(TEN)).choices[0]?.message.content ?? '';
    else
      for await (const event of await guarded.chat.completions.create({ ...TEN, stream: true }))
        text += event.choices[0]?.delta.content ?? '';
  } catch (error) {
    thrown = error;
  }
  const [decision, settlement] = (await readRows(home)).map((row: Row) => row.decision);
  return { decision, settlement, thrown, text };
}

describe.skipIf(!referenceData)('recorded answers (need AGENTGUARD_DATA)', () => {
  type Recorded = {
    what: string;
    usage?: { cost: number; prompt_tokens: number; completion_tokens: number };
    usage_subset?: { cost: number };
  };
  const recorded = referenceData ? (readReferenceJson('openrouter/usage-real.json') as Recorded[]) : [];
  const EXPECTED = ['0.000128', '0.0540125', '0.02777795', '0.000301704', '0.004756'];

  it('are all five known here', () => {
    expect(recorded.map(({ usage, usage_subset }) => String((usage ?? usage_subset)?.cost))).toEqual(
      EXPECTED,
    );
  });

  for (const way of ways)
    it(`settle to the recorded cost: ${way}`, async () => {
      for (const [at, { what, usage, usage_subset }] of recorded.entries()) {
        const { settlement } = await settle(printAnswer(way, JSON.stringify(usage ?? usage_subset)));
        expect(settlement, what).toMatchObject({
          costSource: 'provider',
          actualUsd: EXPECTED[at],
          partial: false,
          outcome: 'answered',
        });
        expect(settlement?.actualInputTokens).toBe(usage?.prompt_tokens);
        expect(settlement?.actualOutputTokens).toBe(usage?.completion_tokens);
      }
    });

  it('settle a stream, byte for byte, to the cost on its last event', async () => {
    const { settlement, text } = await settle(printStream(read('chat-stream-2026-05-06.sse')));
    expect(settlement).toMatchObject({
      costSource: 'provider',
      actualUsd: '0.000128',
      actualInputTokens: 8,
      actualOutputTokens: 24,
      servedModel: 'anthropic/claude-4.5-haiku-20251001',
      servedProvider: 'Amazon Bedrock',
      generationId: 'gen-1778084973-hMXUx2DWmurqwHonRCcn',
      partial: false,
    });
    expect(text).toContain('How');
  });

  it('settle a stream that was cut anywhere to its cost or to its bound, never in between', async () => {
    const whole = read('chat-stream-2026-05-06.sse');
    const usageEnds = whole.lastIndexOf('data: [DONE]') - 2;
    for (const at of [
      0,
      1,
      40,
      700,
      whole.indexOf('"usage"') + 60,
      usageEnds - 1,
      usageEnds,
      whole.length - 3,
    ]) {
      const { settlement, decision } = await settle(printStream(whole.slice(0, at)));
      const known = at >= usageEnds;
      expect(settlement?.costSource, `cut at ${at}`).toBe(known ? 'provider' : 'reserved');
      expect(settlement?.actualUsd).toBe(known ? '0.000128' : decision?.reservedUsd);
      expect(settlement?.partial).toBe(!known);
    }
  });

  it('keep the bound of a stream that ends in an error without usage', async () => {
    const { settlement, decision, thrown } = await settle(
      printStream(read('chat-stream-error-documented.sse')),
    );
    expect(String(thrown)).toContain('Rate limit exceeded');
    expect(settlement).toMatchObject({
      costSource: 'reserved',
      actualUsd: decision?.reservedUsd,
      partial: true,
      outcome: 'failed',
    });
  });

  function read(name: string): string {
    return readFileSync(join(referenceData ?? '', 'openrouter', name), 'utf8');
  }
});

const TOKENS = '"prompt_tokens":8,"completion_tokens":24,"total_tokens":32';
/** 8 tokens at $1 and 24 at $5 per million. */
const COMPUTED = { costSource: 'computed', actualUsd: '0.000128' };

/** What the usage says besides its tokens, and how that settles. */
const TRAPS: readonly (readonly [string, string, object])[] = [
  ['an exponent', '"cost":8e-06', { costSource: 'provider', actualUsd: '0.000008' }],
  ['an exponent with a fraction', '"cost":1.25E-7', { costSource: 'provider', actualUsd: '0.000000125' }],
  ['text', '"cost":"0.000123"', { costSource: 'provider', actualUsd: '0.000123' }],
  ['text with an exponent', '"cost":"8e-06"', { costSource: 'provider', actualUsd: '0.000008' }],
  ['many digits', '"cost":0.30000000000000004', { costSource: 'provider', actualUsd: '0.30000000000000004' }],
  ['zero', '"cost":0', { costSource: 'provider', actualUsd: '0' }],
  ['zero as text', '"cost":"0.00"', { costSource: 'provider', actualUsd: '0' }],
  ['no cost', '"is_byok":false', COMPUTED],
  ['null', '"cost":null', COMPUTED],
  ['a negative number', '"cost":-0.5', COMPUTED],
  ['minus as text', '"cost":"-0.5"', COMPUTED],
  ['text that is no number', '"cost":"NaN"', COMPUTED],
  ['infinity', '"cost":1e999', COMPUTED],
  ['more than all money', '"cost":1e300', COMPUTED],
  ['a truth value', '"cost":true', COMPUTED],
  ['an object', '"cost":{"usd":1}', COMPUTED],
  ['a list', '"cost":[0]', COMPUTED],
  ['empty text', '"cost":""', COMPUTED],
  ['spaces', '"cost":" 1 "', COMPUTED],
  ['hexadecimal', '"cost":"0x10"', COMPUTED],
  [
    'a discount in the cost only',
    '"cost":0.0000832,"cost_details":{"upstream_inference_cost":0.000128}',
    { costSource: 'provider', actualUsd: '0.0000832' },
  ],
  [
    'a search inside the cost only',
    '"cost":0.007128,"cost_details":{"upstream_inference_cost":0.000128}',
    { costSource: 'provider', actualUsd: '0.007128' },
  ],
  [
    'an own key: fee and bill',
    '"cost":0.0000064,"is_byok":true,"cost_details":{"upstream_inference_cost":0.000128}',
    { costSource: 'provider', actualUsd: '0.0001344' },
  ],
  [
    'an own key without a fee',
    '"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":1.28e-4}',
    { costSource: 'provider', actualUsd: '0.000128' },
  ],
  ['an own key without the bill', '"cost":0,"is_byok":true', COMPUTED],
  [
    'an own key with a bill of null',
    '"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":null}',
    COMPUTED,
  ],
  [
    'an own key with a negative bill',
    '"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":-1}',
    COMPUTED,
  ],
  ['reasoning inside the output', '"completion_tokens_details":{"reasoning_tokens":20}', COMPUTED],
  [
    'cached tokens inside the input',
    '"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":0}',
    COMPUTED,
  ],
  [
    'audio and images inside the totals',
    '"completion_tokens_details":{"audio_tokens":9,"image_tokens":9}',
    COMPUTED,
  ],
];

describe('a usage with', () => {
  it.each(TRAPS)('%s settles the same, plain and streamed', async (_, fields, expected) => {
    for (const way of ways) {
      const { settlement } = await settle(printAnswer(way, `{${TOKENS},${fields}}`));
      expect(settlement, way).toMatchObject({ ...expected, partial: false });
    }
  });

  it.each([
    ['no tokens', '{}'],
    ['negative tokens', '{"prompt_tokens":-8,"completion_tokens":24}'],
    ['half tokens', '{"prompt_tokens":8.5,"completion_tokens":24}'],
    ['tokens as text', '{"prompt_tokens":"8","completion_tokens":"24"}'],
    ['one side only', '{"prompt_tokens":8}'],
    ['more tokens than numbers hold', '{"prompt_tokens":8,"completion_tokens":1e30}'],
    ['null', 'null'],
    ['a list', '[8,24]'],
  ])('%s and no cost keeps the bound', async (_, usage) => {
    for (const way of ways) {
      const { settlement, decision } = await settle(printAnswer(way, usage));
      expect(settlement, way).toMatchObject({ costSource: 'reserved', actualUsd: decision?.reservedUsd });
    }
  });
});

describe('an unnamed cost', () => {
  const usage = (more = '') => `{${TOKENS}${more}}`;

  it('is computed at the raised price where dearer endpoints were admitted', async () => {
    const { settlement } = await settle(printAnswer('plain', usage()), { policy: { priceHeadroom: 1.5 } });
    expect(settlement).toMatchObject({ costSource: 'computed', actualUsd: '0.000192' });
  });

  it('of a request that writes a cache counts writes, unless the usage says there were none', async () => {
    const messages = [
      { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }] },
    ];
    const costs = [];
    for (const details of [
      '',
      ',"prompt_tokens_details":{"cache_write_tokens":8}',
      ',"prompt_tokens_details":{"cache_write_tokens":0}',
    ]) {
      const { guarded, home } = await openGuarded({
        standIn: { script: [printAnswer('plain', usage(details))] },
      });
      await guarded.chat.completions.create({ ...TEN, messages } as never);
      costs.push((await readRows(home))[1]?.decision.actualUsd);
    }
    expect(costs).toEqual(['0.000136', '0.000136', '0.000128']);
  });
});

describe('a stream that repeats its usage so far', () => {
  const choice = (reason: string | null, index = 0) =>
    `{"index":${index},"delta":{"content":"x"},"finish_reason":${JSON.stringify(reason)}}`;
  const event = (choices: string, tokens: number) =>
    `data: {"id":"gen-1","object":"chat.completion.chunk","choices":[${choices}],"usage":{"prompt_tokens":8,"completion_tokens":${tokens},"cost":${tokens * 5}e-6}}\n\n`;

  it('settles on the last of them when it ends', async () => {
    const { settlement } = await settle(printStream(event(choice(null), 1) + event(choice('stop'), 2)));
    expect(settlement).toMatchObject({ costSource: 'provider', actualUsd: '0.00001', partial: false });
  });

  it('keeps its bound when it breaks off: what was counted until then is not the cost', async () => {
    const half = event(choice(null), 1) + event(choice(null), 2);
    const twoAnswers = event(choice('stop'), 1) + event(choice(null, 1), 2);
    for (const body of [half, twoAnswers]) {
      const { settlement, decision } = await settle(printStream(body));
      expect(settlement).toMatchObject({
        costSource: 'reserved',
        actualUsd: decision?.reservedUsd,
        partial: true,
      });
      expect(settlement).not.toHaveProperty('actualOutputTokens');
    }
  });
});

describe('an error of upstream', () => {
  const error = (status: number, body: string): RawStep => ({
    kind: 'raw',
    status,
    headers: { 'content-type': 'application/json' },
    body,
  });

  it('that names usage is settled on it', async () => {
    const body = '{"error":{"code":502,"message":"gone"},"usage":{"cost":0.00007}}';
    const { settlement, thrown } = await settle(error(502, body));
    expect(thrown).toMatchObject({ status: 502 });
    expect(settlement).toMatchObject({
      costSource: 'provider',
      actualUsd: printUsd(7n * 10n ** 19n),
      httpStatus: 502,
    });
  });

  it('too long to be read to its end keeps the bound: a cost may stand there', async () => {
    const body = `{"error":{"message":"${'x'.repeat(2 * 1024 * 1024)}"},"usage":{"cost":0.00007}}`;
    const { settlement, decision } = await settle(error(502, body));
    expect(settlement).toMatchObject({ costSource: 'reserved', actualUsd: decision?.reservedUsd });
  });
});
