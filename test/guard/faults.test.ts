import OpenAI, { AzureOpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { AgentGuardError } from '../../src/core/errors.js';
import type { SpendStore } from '../../src/core/spend-store.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { guardFetch, withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { ASK, HAIKU, openGuarded, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

/** A store whose next writes fail as a full disk would make them. */
function makeFailingStore() {
  const inner = createMemoryStore();
  const state = { failures: 0, skip: 0 };
  const store: SpendStore = {
    ...inner,
    instanceId: inner.instanceId,
    attach: (fold) => inner.attach(fold),
    detach: (fold) => inner.detach(fold),
    waitForChange: (timeoutMs, signal) => inner.waitForChange(timeoutMs, signal),
    isAlive: (id) => inner.isAlive(id),
    close: () => inner.close(),
    transact: (step) => {
      if (state.skip > 0) state.skip--;
      else if (state.failures > 0) {
        state.failures--;
        return Promise.reject(new AgentGuardError('LEDGER_UNWRITABLE', 'no space left on device'));
      }
      return inner.transact(step);
    },
  };
  const decisions = () => inner.receipts.map((receipt) => receipt.decision);
  return { store, state, decisions };
}

/** The next decision is written, the settlement after it is not. */
function loseNextSettlement(state: { failures: number; skip: number }): void {
  state.skip = 1;
  state.failures = 1;
}

const CALL = { ...ASK, max_tokens: 60 };

describe('a ledger that fails while a call is settled', () => {
  it('does not touch the answer, and has the settlement before the next decision', async () => {
    const { store, state, decisions } = makeFailingStore();
    const { guarded, standIn } = await openGuarded({
      caps: [{ amountCents: '0.07', window: 'per_day', action: 'block' }],
      config: { store, waitForHoldsMs: 0 },
      standIn: { script: () => ({ kind: 'answer', costOverride: '0.00001' }) },
    });
    loseNextSettlement(state);
    expect((await guarded.chat.completions.create(CALL)).choices).toHaveLength(1);
    expect(decisions()).toHaveLength(1);
    await guarded.chat.completions.create(CALL);
    expect(decisions().map((row) => row.costSource ?? row.action)).toEqual([
      'allow',
      'provider',
      'allow',
      'provider',
    ]);
    expect(standIn.requests).toHaveLength(2);
  });

  it('has the settlement at close', async () => {
    const { store, state, decisions } = makeFailingStore();
    const { guarded } = await openGuarded({ config: { store } });
    loseNextSettlement(state);
    await guarded.chat.completions.create(CALL);
    await guarded.$guard.close();
    expect(decisions().map((row) => row.costSource ?? row.action)).toEqual(['allow', 'provider']);
  });

  it('refuses the next call while it still fails', async () => {
    const { store, state } = makeFailingStore();
    const { guarded, standIn } = await openGuarded({ config: { store } });
    state.skip = 1;
    state.failures = 2;
    await guarded.chat.completions.create(CALL);
    await expect(guarded.chat.completions.create(CALL)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    expect(standIn.requests).toHaveLength(1);
  });

  it('leaves upstream’s own refusal and a broken connection what they are', async () => {
    const { store, state } = makeFailingStore();
    const { guarded } = await openGuarded({
      config: { store },
      client: { maxRetries: 0 },
      standIn: { script: [{ kind: 'error', status: 400 }, { kind: 'reset' }] },
    });
    loseNextSettlement(state);
    await expect(guarded.chat.completions.create(CALL)).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    // What the first call left unwritten comes before the decision of the second.
    state.skip = 2;
    state.failures = 1;
    await expect(guarded.chat.completions.create(CALL)).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
  });
});

describe('calls that take unusual ways', () => {
  it('are refused as themselves: lists that are asked for by POST', async () => {
    const { guarded, standIn, home } = await openGuarded();
    const refused = guarded.vectorStores.search('vs_1', { query: 'x' });
    await expect(refused).rejects.toBeInstanceOf(AgentGuardBlockedError);
    expect(standIn.requests).toHaveLength(0);
    expect(await readRows(home)).toHaveLength(1);
  });

  it('settle when an answer that nobody reads is aborted', async () => {
    const { guarded, home } = await openGuarded({
      standIn: { script: () => ({ kind: 'hang', cutAfterEvents: 2 }) },
    });
    const stream = await guarded.chat.completions.create({ ...CALL, stream: true });
    stream.controller.abort();
    await expect.poll(async () => (await readRows(home)).length).toBe(2);
    const controller = new AbortController();
    await guarded.chat.completions
      .create({ ...CALL, stream: true }, { signal: controller.signal })
      .asResponse();
    controller.abort();
    await expect.poll(async () => (await readRows(home)).length).toBe(4);
    expect((await readRows(home))[3]?.decision).toMatchObject({ costSource: 'reserved', outcome: 'aborted' });
  });

  it('end in the client’s own error when a repeat is aborted while it waits', async () => {
    const { guarded } = await openGuarded({
      caps: [{ amountCents: '0.07', window: 'per_day', action: 'block' }],
      standIn: { script: [{ kind: 'error', refusal: 'rate-limited', retryAfter: 0 }, { kind: 'hang' }] },
    });
    const controller = new AbortController();
    const first = guarded.chat.completions.create(CALL, { signal: controller.signal });
    const ends = first.then(
      () => 'answered',
      (error: Error) => error.message,
    );
    // The second call takes the room that the repeat of the first needs, and keeps it.
    const other = new AbortController();
    const second = guarded.chat.completions
      .create(CALL, { signal: other.signal, maxRetries: 0 })
      .catch(() => {});
    setTimeout(() => controller.abort(), 900);
    expect(await ends).toBe('Request was aborted.');
    other.abort();
    await second;
  });

  it('warn, and do not end the process, when onDecision rejects', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    const onDecision = async () => {
      throw new Error('observer down');
    };
    const { guarded } = await openGuarded({ config: { onDecision: onDecision as never } });
    await guarded.chat.completions.create(CALL);
    await expect.poll(() => warnings).toEqual(['observer down', 'observer down']);
    process.off('warning', listen);
  });

  it('fit when the caller had worked out the length of the body', async () => {
    const { standIn } = await openGuarded();
    const home = await makeHome();
    const guarded = guardFetch(fetch, { policy: policyOf([]), config: { home, provider: 'openrouter' } });
    const body = JSON.stringify(CALL);
    const headers = {
      authorization: 'Bearer x',
      'content-type': 'application/json',
      'content-length': `${body.length}`,
    };
    const answer = await guarded(`${standIn.url}/chat/completions`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    await answer.json();
    await guarded.$guard.close();
  });
});

describe('names', () => {
  it('in paths, models and answers bring no words and no keys into the ledger', async () => {
    const fetches = async () =>
      Response.json({
        id: 'the secret CANARY words sk-or-v1-abc',
        model: 'sk-or-v1-CANARY',
        provider: 'a provider that echoes the CANARY words of a long prompt back to us',
        usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.00001 },
        choices: [],
      });
    const { guarded, home } = await openGuarded({ client: { fetch: fetches as never } });
    await guarded.chat.completions.create(CALL);
    const post = (path: string, body: object) => guarded.post(path, { body }).catch((error: Error) => error);
    const refused = await post('/sk-or-v1-CANARY/images/generate', { model: 'CANARY is a prompt' });
    expect(String(refused)).toContain('/…/images/generate');
    await post('/chat/completions', { model: '\ud800CANARY', messages: [] });
    await post('/chat/completions', { model: 'sk-or-v1-CANARY', messages: [] });
    const rows = await readRows(home);
    expect(rows).toHaveLength(5);
    expect(JSON.stringify(rows)).not.toMatch(/CANARY/);
    expect(rows.slice(2).map((row) => row.decision.modelRequested)).toEqual([
      'unknown',
      'unknown',
      'unknown',
    ]);
  });
});

describe('the guarded copy', () => {
  it('has what was set on the client after it was made, and what a subclass added', async () => {
    class Mine extends OpenAI {
      label: string;
      constructor(options: ConstructorParameters<typeof OpenAI>[0] & { label?: string }) {
        super(options);
        this.label = options?.label ?? 'none';
      }
    }
    const client = new Mine({ apiKey: 'old', baseURL: 'http://127.0.0.1:9', label: 'mine' });
    client.apiKey = 'new';
    client.label = 'changed';
    const guarded = withSpendGuard(client, { policy: policyOf([]) });
    expect([guarded.apiKey, guarded.label, client.apiKey]).toEqual(['new', 'changed', 'new']);
    expect(guarded.$guard.with({ taskId: 't' }).apiKey).toBe('new');
    expect(guarded.withOptions({ apiKey: 'third' }).apiKey).toBe('third');
  });

  it('is refused where it would silently differ', () => {
    const patched = new OpenAI({ apiKey: 'x' });
    patched.chat.completions.create = (() => {}) as never;
    expect(() => withSpendGuard(patched, { policy: policyOf([]) })).toThrow(/was replaced/);
    const azure = new AzureOpenAI({
      apiKey: 'x',
      endpoint: 'https://example.test',
      apiVersion: '2024-10-21',
    });
    expect(() => withSpendGuard(azure, { policy: policyOf([]) })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_CLIENT' }),
    );
  });
});

describe('a plain OpenAI stream that ends without a blank line', () => {
  it('keeps every byte but the usage event', async () => {
    const head = `data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n`;
    const usage = `data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n`;
    const bytes = `${head}${usage}data: [DONE]\n`;
    const answer = async () => new Response(bytes, { headers: { 'content-type': 'text/event-stream' } });
    const { guarded } = await openGuarded({
      client: { fetch: answer as never },
      config: { provider: 'openai' },
    });
    const response = await guarded.chat.completions
      .create({ ...CALL, model: HAIKU, stream: true })
      .asResponse();
    expect(await response.text()).toBe(`${head}data: [DONE]\n`);
  });
});
