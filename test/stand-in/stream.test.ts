import { describe, expect, it } from 'vitest';
import { parseUsd } from '../../src/core/money.js';
import { askStream, open, usageOf } from './open.js';

async function readRaw(url: string, extra: Record<string, unknown> = {}): Promise<string> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer k' },
    body: JSON.stringify(askStream(extra)),
  });
  return response.text();
}

function dataEvents(text: string): string[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => block.slice('data: '.length));
}

describe('a streamed answer', () => {
  it('reaches the real client piece by piece, comments skipped, usage on the last event', async () => {
    const content = 'One two\n\nthree 👋 four.';
    const { standIn, client } = await open({ script: [{ kind: 'answer', content }], comments: 3 });
    const { data: stream, response } = await client.chat.completions.create(askStream()).withResponse();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content).join('')).toBe(content);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === undefined)).toBe(true);
    const last = chunks.at(-1);
    expect(last?.choices).toHaveLength(1);
    expect(parseUsd(String(usageOf(last!).cost))).toBe(standIn.bill.total());
    expect(response.headers.get('x-generation-id')).toBe(last?.id);
    expect(standIn.bill.entries[0]?.reported).toBe(true);
  });

  it('starts with comment lines and ends with the usage event and [DONE]', async () => {
    const { standIn } = await open({ comments: 3 });
    const text = await readRaw(standIn.url);
    expect(text.startsWith(': OPENROUTER PROCESSING\n\n'.repeat(3))).toBe(true);
    const events = dataEvents(text);
    expect(events.at(-1)).toBe('[DONE]');
    expect(JSON.parse(events.at(-2)!)).toHaveProperty('usage.cost');
    expect(events.filter((event) => event.includes('"usage"'))).toHaveLength(1);
  });

  it('bills the same tokens as the plain answer', async () => {
    const step = { kind: 'answer', outputTokens: 1000, promptTokens: 40 } as const;
    const { standIn, client } = await open({ script: [step, step] });
    for await (const _ of await client.chat.completions.create(askStream())) void _;
    const { stream: _, ...plain } = askStream();
    await client.chat.completions.create(plain);
    const [streamed, whole] = standIn.bill.entries;
    expect(streamed).toMatchObject({ completionTokens: 1000, promptTokens: 40 });
    expect(streamed?.costUsd).toBe(whole?.costUsd);
  });

  it('honours max_tokens and n', async () => {
    const { standIn, client } = await open({ script: [{ kind: 'answer', outputTokens: 400 }] });
    const seen = new Set<number>();
    const stream = await client.chat.completions.create(askStream({ max_tokens: 5, n: 2 }));
    for await (const chunk of stream) for (const choice of chunk.choices) seen.add(choice.index);
    expect([...seen]).toEqual([0, 1]);
    expect(standIn.bill.entries[0]?.completionTokens).toBe(10);
  });

  it('can carry usage on an event without choices', async () => {
    const { standIn } = await open({ script: [{ kind: 'answer', emptyUsageChoices: true }] });
    const last = JSON.parse(dataEvents(await readRaw(standIn.url)).at(-2)!) as Record<string, unknown>;
    expect(last).toMatchObject({ choices: [], usage: { is_byok: false } });
  });

  it('leaves the usage out when scripted so, and bills all the same', async () => {
    const { standIn } = await open({ script: [{ kind: 'no-usage', outputTokens: 9 }] });
    expect(await readRaw(standIn.url)).not.toContain('"usage"');
    expect(standIn.bill.entries[0]).toMatchObject({ completionTokens: 9, reported: false });
    expect(standIn.bill.total()).toBeGreaterThan(0n);
  });

  it('of a plain OpenAI service has usage only when asked for, and no cost', async () => {
    const { standIn } = await open({ dialect: 'openai' });
    expect(await readRaw(standIn.url)).not.toContain('"usage"');
    const text = await readRaw(standIn.url, { stream_options: { include_usage: true } });
    const last = JSON.parse(dataEvents(text).at(-2)!) as { choices: unknown[]; usage: object };
    expect(last.choices).toEqual([]);
    expect(last.usage).not.toHaveProperty('cost');
  });
});

describe('a stream that breaks', () => {
  it('is billed for what was generated when the socket is cut', async () => {
    const step = { kind: 'cut', cutAfterEvents: 4, outputTokens: 40, promptTokens: 10 } as const;
    const { standIn, client } = await open({ script: [step] });
    const stream = await client.chat.completions.create(askStream());
    let events = 0;
    const read = async () => {
      for await (const _ of stream) events += 1;
    };
    await expect(read()).rejects.toThrow();
    await standIn.idle();
    expect(events).toBe(4);
    expect(standIn.bill.entries).toMatchObject([{ completionTokens: 4, promptTokens: 10, reported: false }]);
    expect(standIn.bill.total()).toBe(parseUsd('0.00003'));
  });

  it('is billed for what was generated when the client aborts', async () => {
    const step = { kind: 'hang', cutAfterEvents: 5, outputTokens: 50 } as const;
    const { standIn, client } = await open({ script: [step] });
    const stream = await client.chat.completions.create(askStream());
    let events = 0;
    for await (const _ of stream) {
      events += 1;
      if (events === 5) break;
    }
    await standIn.idle();
    expect(standIn.bill.entries).toMatchObject([{ completionTokens: 5, reported: false }]);
  });

  it('stops generating soon after an abort', async () => {
    const step = { kind: 'answer', eventDelayMs: 10, outputTokens: 60 } as const;
    const { standIn, client } = await open({ script: [step] });
    const abort = new AbortController();
    const stream = await client.chat.completions.create(askStream(), { signal: abort.signal });
    for await (const _ of stream) abort.abort();
    await standIn.idle();
    const tokens = standIn.bill.entries[0]?.completionTokens;
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThan(60);
    expect(standIn.bill.entries[0]?.reported).toBe(false);
  });

  it('tells a failure of the provider as an event', async () => {
    const step = { kind: 'error-mid-stream', cutAfterEvents: 2 } as const;
    const { standIn, client } = await open({ script: [step, step] });
    const stream = await client.chat.completions.create(askStream());
    const read = async () => {
      for await (const _ of stream) void _;
    };
    await expect(read()).rejects.toThrow('provider went away');
    const events = dataEvents(await readRaw(standIn.url));
    expect(events).toHaveLength(3);
    expect(JSON.parse(events[2]!)).toMatchObject({
      error: { code: 502 },
      choices: [{ finish_reason: 'error' }],
    });
    expect(standIn.bill.entries).toMatchObject([{ completionTokens: 2 }, { reported: false }]);
  });
});
