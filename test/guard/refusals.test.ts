import OpenAI from 'openai';
import OpenAI5 from 'openai5';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AgentGuardError } from '../../src/core/errors.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { ASK, OPUS, openGuarded, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const TOO_DEAR = [{ amountCents: '0.01', window: 'per_call', action: 'block' }] as const;
const DEAR = { ...ASK, model: OPUS };
const TOOL = {
  type: 'function' as const,
  function: { name: 'look', parse: JSON.parse, function: () => 'seen', parameters: { type: 'object' } },
};

/** Every way of asking for a chat completion. Each must end in the refusal itself. */
const STYLES: Record<string, (client: OpenAI) => Promise<unknown>> = {
  await: (client) => client.chat.completions.create(DEAR),
  withResponse: (client) => client.chat.completions.create(DEAR).withResponse(),
  asResponse: (client) => client.chat.completions.create(DEAR).asResponse(),
  'then callback': (client) => client.chat.completions.create(DEAR).then((answer) => answer),
  'streamed create': (client) => client.chat.completions.create({ ...DEAR, stream: true }),
  'streamed create with response': (client) =>
    client.chat.completions.create({ ...DEAR, stream: true }).withResponse(),
  'stream helper, iterated': async (client) => {
    for await (const _ of client.chat.completions.stream(DEAR)) throw new Error('an event of a refused call');
  },
  'stream helper, final content': (client) => client.chat.completions.stream(DEAR).finalContent(),
  'stream helper, done': (client) => client.chat.completions.stream(DEAR).done(),
  parse: (client) => client.chat.completions.parse(DEAR),
  'tool runner': (client) => client.chat.completions.runTools({ ...DEAR, tools: [TOOL] } as never).done(),
  'raw post': (client) => client.post('/chat/completions', { body: DEAR }),
  'raw request': (client) => client.request({ method: 'post', path: '/chat/completions', body: DEAR }),
  withOptions: (client) => client.withOptions({ timeout: 5_000 }).chat.completions.create(DEAR),
  'withOptions, own fetch': (client) =>
    client.withOptions({ fetch: globalThis.fetch }).chat.completions.create(DEAR),
  'per-call options': (client) => client.chat.completions.create(DEAR, { maxRetries: 5, timeout: 1_000 }),
};

describe('a refusal', () => {
  for (const [style, ask] of Object.entries(STYLES)) {
    it(`reaches the caller as itself, after one decision: ${style}`, async () => {
      const { guarded, standIn, home } = await openGuarded({ caps: TOO_DEAR });
      const error = await ask(guarded).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(AgentGuardBlockedError);
      expect(error).toBeInstanceOf(AgentGuardError);
      expect(error).toMatchObject({ name: 'AgentGuardBlockedError', code: 'cap_exceeded', limit: '0.0001' });
      expect(standIn.requests).toHaveLength(0);
      const rows = await readRows(home);
      expect(rows.map((row) => row.decision.action)).toEqual(['block']);
      expect((error as AgentGuardBlockedError).receipt.entryHash).toBe(rows[0]?.entryHash);
    });
  }

  it('reaches the caller as itself through the previous major of the client', async () => {
    setPrices();
    const home = await makeHome();
    const standIn = await startStandIn();
    onTestFinished(() => standIn.close());
    const client = new OpenAI5({ apiKey: 'sk-test', baseURL: standIn.url });
    const guarded = withSpendGuard(client, {
      policy: policyOf([{ amountCents: '0.1', window: 'per_call', action: 'block' }]),
      config: { home, provider: 'openrouter' },
    });
    onTestFinished(() => guarded.$guard.close());
    await expect(guarded.chat.completions.create(DEAR)).rejects.toBeInstanceOf(AgentGuardBlockedError);
    await expect(guarded.chat.completions.stream(DEAR).finalContent()).rejects.toBeInstanceOf(
      AgentGuardBlockedError,
    );
    const cheap = { ...ASK, max_tokens: 5 };
    await expect(guarded.chat.completions.create(cheap)).resolves.toMatchObject({
      object: 'chat.completion',
    });
    const stream = await guarded.chat.completions.create({ ...cheap, stream: true });
    for await (const event of stream) expect(event.object).toBe('chat.completion.chunk');
    const rows = (await readRows(home)).map((row) => row.decision);
    expect(rows.filter((row) => row.costSource === 'provider')).toHaveLength(2);
  });

  it('tells the numbers, the reset and models that would pass', async () => {
    const { guarded } = await openGuarded({
      caps: [{ amountCents: 10, window: 'per_hour', action: 'block', reason: 'small budget' }],
      config: { clock: () => Date.parse('2026-11-20T10:20:30.400Z') },
    });
    const error: AgentGuardBlockedError = await guarded.chat.completions.create(DEAR).catch((e) => e);
    expect(error).toMatchObject({
      code: 'cap_exceeded',
      limit: '0.1',
      spent: '0',
      held: '0',
      remaining: '0.1',
      resetsAt: '2026-11-20T11:00:00.000Z',
      retryAfterMs: 39 * 60_000 + 29_600,
      alternatives: ['anthropic/claude-haiku-4.5'],
      scopeKey: 'tenantId=acme',
    });
    expect(error.message).toContain('small budget');
    expect(error.message).toContain('$0.10 per_hour');
  });

  it('for want of a capability holds in shadow mode as well', async () => {
    const { guarded, standIn } = await openGuarded({
      policy: { mode: 'shadow', requiredCapability: 'payment_initiate' },
    });
    await expect(guarded.chat.completions.create(ASK)).rejects.toMatchObject({ code: 'capability' });
    const claims = guarded.$guard.with({ capabilityClaim: 'payment_execute' });
    await claims.chat.completions.create(ASK);
    expect(standIn.requests).toHaveLength(1);
  });

  it('for want of a price names the nearest models', async () => {
    const { guarded } = await openGuarded();
    const error = await guarded.chat.completions
      .create({ ...ASK, model: 'anthropic/claude-haiku-4.6' })
      .catch((e) => e);
    expect(error.code).toBe('unknown_price');
    expect(error.message).toContain('anthropic/claude-haiku-4.5');
    expect(error.message).toContain('setCostOverride');
  });
});

/** Every other way of spending that the client has. None may reach the network. */
const PATHS: Record<string, (client: OpenAI) => Promise<unknown>> = {
  'responses with kept input': (client) =>
    client.responses.create({ model: OPUS, input: 'hi', previous_response_id: 'resp_1' }),
  'responses in the background': (client) =>
    client.responses.create({ model: OPUS, input: 'hi', background: true }),
  'responses with paid tools': (client) =>
    client.responses.create({ model: OPUS, input: 'hi', tools: [{ type: 'web_search' }] }),
  'responses with an image': (client) =>
    client.responses.create({
      model: OPUS,
      input: [{ role: 'user', content: [{ type: 'input_image', detail: 'auto', image_url: 'x' }] }],
    }),
  'compacted responses': (client) => client.responses.compact({ model: OPUS }),
  images: (client) => client.images.generate({ model: OPUS, prompt: 'hi' }),
  speech: (client) => client.audio.speech.create({ model: OPUS, input: 'hi', voice: 'alloy' }),
  moderations: (client) => client.moderations.create({ input: 'hi' }),
  files: (client) => client.files.create({ file: new File(['x'], 'x'), purpose: 'batch' }),
  batches: (client) =>
    client.batches.create({ input_file_id: 'x', endpoint: '/v1/chat/completions', completion_window: '24h' }),
  'raw post elsewhere': (client) => client.post('/messages', { body: { model: OPUS } }),
  'raw put': (client) => client.put('/x', { body: {} }),
  'absolute address': (client) =>
    client.post(new URL('messages', `${client.baseURL}/`).href, { body: { model: OPUS } }),
  'the gate itself': (client) =>
    (client as unknown as { fetch: typeof fetch }).fetch(`${client.baseURL}/messages`, {
      method: 'POST',
      body: JSON.stringify({ model: OPUS }),
    }),
  'the gate itself, unreadable body': (client) =>
    (client as unknown as { fetch: typeof fetch }).fetch(`${client.baseURL}/chat/completions`, {
      method: 'POST',
      body: new Blob(['{}']),
    }),
};

describe('what has no bound', () => {
  for (const mode of ['enforce', 'shadow'] as const)
    for (const [name, ask] of Object.entries(PATHS)) {
      // Shadow lets what has no bound pass, and records it; other paths stay closed.
      if (mode === 'shadow' && /unreadable|^responses/.test(name)) continue;
      it(`is refused with a sentence in ${mode} mode: ${name}`, async () => {
        const { guarded, standIn } = await openGuarded({ policy: { mode } });
        const error = await ask(guarded).catch((e: AgentGuardBlockedError) => e);
        expect(error).toBeInstanceOf(AgentGuardBlockedError);
        expect(['path_not_supported', 'unbounded']).toContain((error as AgentGuardBlockedError).code);
        expect(String(error)).toMatch(/not guarded yet|no upper bound/);
        expect(standIn.requests).toHaveLength(0);
      });
    }

  it('does not include reading: lists pass without a row', async () => {
    const { guarded } = await openGuarded();
    const models = await guarded.models.list();
    expect(models.data.length).toBeGreaterThan(0);
  });
});

describe('construction', () => {
  const client = new OpenAI({ apiKey: 'x', baseURL: 'http://127.0.0.1:9' });
  const policy = policyOf([]);

  it('refuses what is not such a client', () => {
    expect(() => withSpendGuard({}, { policy })).toThrow(/openai/);
    expect(() => withSpendGuard({ chat: { completions: { create() {} } } }, { policy })).toThrow(
      AgentGuardError,
    );
  });

  it('refuses a client that is guarded already', () => {
    const guarded = withSpendGuard(client, { policy });
    expect(() => withSpendGuard(guarded, { policy })).toThrow(/guarded already/);
  });

  it('refuses a scope outside the policy', () => {
    expect(() => withSpendGuard(client, { policy, scope: { tenantId: 'other' } })).toThrow(/outside/);
    const guarded = withSpendGuard(client, { policy });
    expect(() => guarded.$guard.with({ tenantId: 'other' })).toThrow(/tenant/);
  });

  it('lists every problem of a policy at once', () => {
    const bad = {
      ...policy,
      mode: 'strict',
      caps: [{ amountCents: -1, window: 'per_dya', action: 'block' }],
    };
    expect(() => withSpendGuard(client, { policy: bad as never })).toThrow(
      /mode.*caps\[0\]|caps\[0\].*mode/s,
    );
  });

  it('refuses keys whose halves do not match, and unknown settings', () => {
    const signingKeys = { privateKey: new Uint8Array(32).fill(1), publicKey: new Uint8Array(32).fill(2) };
    expect(() => withSpendGuard(client, { policy, config: { signingKeys } })).toThrow(
      expect.objectContaining({ code: 'KEY_MISMATCH' }),
    );
    expect(() => withSpendGuard(client, { policy, config: { hme: 'x' } as never })).toThrow(/config\.hme/);
  });

  it('refuses to decide before the policy is effective', async () => {
    const { guarded } = await openGuarded({ policy: { effectiveFrom: '2999-01-01T00:00:00Z' } });
    await expect(guarded.chat.completions.create(ASK)).rejects.toMatchObject({
      code: 'POLICY_NOT_EFFECTIVE',
    });
  });

  it('refuses to decide when the clock is far behind the ledger', async () => {
    let now = Date.parse('2026-11-20T10:00:00Z');
    const { guarded } = await openGuarded({ config: { clock: () => now } });
    await guarded.chat.completions.create(ASK);
    now -= 59_000;
    await guarded.chat.completions.create(ASK);
    now -= 2_000;
    await expect(guarded.chat.completions.create(ASK)).rejects.toMatchObject({ code: 'CLOCK_BEHIND_LEDGER' });
  });

  it('refuses calls after close', async () => {
    const { guarded } = await openGuarded();
    await guarded.$guard.close();
    await expect(guarded.chat.completions.create(ASK)).rejects.toMatchObject({ code: 'LEDGER_CLOSED' });
  });
});
