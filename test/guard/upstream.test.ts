import { describe, expect, it } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import { classifyRefusal } from '../../src/guard/upstream-refusal.js';
import { FAKE_KEY_HASH, REFUSAL_NAMES } from '../../src/stand-in/refusals.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';

describe('a refusal by upstream', () => {
  /** What each recorded refusal asks for. */
  const EXPECTED: Record<string, [string, string]> = {
    'key-cap-daily': ['ask', 'forbidden'],
    'key-cap-total': ['ask', 'forbidden'],
    'credits-too-few-for-max_tokens': ['ask', 'openrouter_credits'],
    'prompt-too-big-for-credits': ['ask', 'openrouter_credits'],
    'insufficient-credits': ['ask', 'credits'],
    'guardrail-content-block': ['ask', 'forbidden'],
    'guardrail-model-not-allowed': ['fix', 'not_found'],
    'workspace-budget': ['ask', 'forbidden'],
    'platform-429': ['wait', 'rate_limit_exceeded'],
    'availability-capacity (second envelope: no error.code!)': ['wait', 'capacity_exhausted'],
    'availability-model-not-found': ['fix', 'model_not_found'],
    auth: ['ask', 'unauthorized'],
    'in-flight-budget-exhausted': ['wait', 'in_flight_budget_exhausted'],
    'weight-exceeds-budget': ['fix', 'weight_exceeds_budget'],
    'key-limit-cannot-afford-max_tokens': ['ask', 'openrouter_key_limit'],
    'budget-403-new-form': ['ask', 'openrouter_key_limit'],
    'schema-check failure (third envelope)': ['fix', 'bad_request'],
    'messages-skin 402': ['ask', 'payment_required'],
    'invalid key': ['ask', 'unauthorized'],
  };

  it.skipIf(!referenceData)('is classified as recorded (needs AGENTGUARD_DATA)', () => {
    const recorded = readReferenceJson('openrouter/errors.json') as {
      name: string;
      http_status: number;
      body: unknown;
    }[];
    const refused = recorded.filter((one) => one.http_status >= 400);
    expect(refused.map((one) => one.name).sort()).toEqual(Object.keys(EXPECTED).sort());
    for (const { name, http_status, body } of refused) {
      const { class: kind, cause } = classifyRefusal(http_status, new Headers(), body, false);
      expect([kind, cause], name).toEqual(EXPECTED[name]);
    }
  });

  it('tells how long to wait and when a budget starts anew', () => {
    const waits = (headers: Record<string, string>, body: unknown = {}) =>
      classifyRefusal(429, new Headers(headers), body, false);
    expect(waits({ 'retry-after': '7' }).retryAfterMs).toBe(7_000);
    expect(waits({}).retryAfterMs).toBeUndefined();
    expect(waits({ 'retry-after': 'soon' }).retryAfterMs).toBeUndefined();
    expect(waits({ 'retry-after': '-7' }).retryAfterMs).toBeUndefined();
    expect(waits({ 'retry-after': '999999999' }).retryAfterMs).toBe(86_400_000);
    expect(
      waits({}, { error: { availability: { code: 'capacity_exhausted', retry_after: 40 } } }),
    ).toMatchObject({ class: 'wait', retryAfterMs: 40_000 });
    const resets = {
      error: { metadata: { limit_source: 'openrouter_key_limit', resets_at: '2026-10-12T00:00:00.000Z' } },
    };
    expect(classifyRefusal(403, new Headers(), resets, false)).toMatchObject({
      class: 'ask',
      resetsAt: '2026-10-12T00:00:00.000Z',
    });
  });

  it('survives any body', () => {
    for (const body of [
      null,
      undefined,
      5,
      'x',
      [],
      {},
      { error: null },
      { error: 'x' },
      { error: { metadata: [] } },
      { error: { metadata: { reason: 'constructor' } } },
    ])
      expect(classifyRefusal(503, new Headers(), body, true)).toMatchObject({
        class: 'elsewhere',
        cause: 'provider_error',
      });
    expect(classifyRefusal(418, new Headers(), {}, false)).toMatchObject({ class: 'fix', cause: 'refused' });
  });

  it('is recorded as a class and times, releases the hold, and never brings its words into the home', async () => {
    for (const refusal of REFUSAL_NAMES) {
      const { guarded, home } = await openGuarded({
        client: { maxRetries: 0 },
        standIn: { script: [{ kind: 'error', refusal }] },
      });
      await guarded.chat.completions.create(ASK).catch(() => {});
      const rows = await readRows(home);
      expect(JSON.stringify(rows)).not.toContain(FAKE_KEY_HASH);
      const { costSource, upstreamRefusal } = rows[1]?.decision ?? {};
      if (refusal === 'error-in-success') expect(costSource).toBe('reserved');
      else {
        expect(costSource).toBe('released');
        expect((upstreamRefusal as { class: string }).class).toMatch(/^(fix|wait|ask|elsewhere)$/);
      }
    }
  });

  it('that our price ceiling caused keeps its type, and says so beside it', async () => {
    const models = [{ model: HAIKU, inputCentsPerKtok: 0.0001, outputCentsPerKtok: 0.0005 }];
    const { guarded, home } = await openGuarded();
    const { setCostOverride } = await import('../../src/guard/cost-overrides.js');
    for (const { model, ...price } of models) setCostOverride(model, price);
    const error = await guarded.chat.completions.create(ASK).catch((e) => e);
    expect(error.status).toBe(404);
    expect(error.constructor.name).toBe('NotFoundError');
    expect(error.agentguard).toMatchObject({ code: 'price_ceiling' });
    expect(error.agentguard.hint).toContain('$0.001 input and $0.005 output per million');
    expect(error.agentguard.hint).toContain('priceHeadroom');
    expect((await readRows(home))[1]?.decision.upstreamRefusal).toMatchObject({
      class: 'fix',
      cause: 'price_ceiling',
    });
  });
});

describe('routes that OpenRouter tried in vain', () => {
  for (const stream of [false, true])
    it(`are signed rows before the settlement: ${stream ? 'streamed' : 'plain'}`, async () => {
      const { guarded, home, standIn } = await openGuarded({
        standIn: { script: [{ kind: 'answer', failModels: [HAIKU] }] },
      });
      const request = { ...ASK, max_tokens: 10, models: [HAIKU, OPUS], stream } as never;
      const answer = await guarded.chat.completions.create(request);
      if (stream) for await (const _ of answer as unknown as AsyncIterable<unknown>);
      const [decision, fallback, settlement] = (await readRows(home)).map((row) => row.decision);
      expect(fallback).toMatchObject({
        entryType: 'outcome',
        outcome: 'fallback',
        originalDecisionId: decision?.decisionId,
        attemptedModel: HAIKU,
        httpStatus: 502,
      });
      expect(settlement).toMatchObject({ entryType: 'settlement', costSource: 'provider' });
      expect(String(settlement?.servedModel)).toContain('opus');
      expect(standIn.requests[0]?.headers).toMatchObject({ 'x-openrouter-metadata': 'enabled' });
    });

  it('are not asked for elsewhere, nor in shadow mode', async () => {
    for (const setup of [{ config: { provider: 'openai' } }, { policy: { mode: 'shadow' } }] as const) {
      const { guarded, standIn } = await openGuarded(setup);
      await guarded.chat.completions.create(ASK);
      expect(standIn.requests[0]?.headers).not.toHaveProperty('x-openrouter-metadata');
    }
  });
});

describe('an answer that broke off', () => {
  it('is settled anew on the true cost, when the guard is asked to look it up', async () => {
    const { guarded, home, standIn } = await openGuarded({
      config: { lookUpBrokenAnswers: true },
      standIn: { script: [{ kind: 'cut' }] },
    });
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow();
    await expect.poll(async () => (await readRows(home)).length, { timeout: 10_000 }).toBe(3);
    const [, unknown, truth] = (await readRows(home)).map((row) => row.decision);
    expect(unknown).toMatchObject({ costSource: 'reserved', partial: true });
    expect(truth).toMatchObject({
      costSource: 'provider',
      partial: true,
      actualUsd: printUsd(standIn.bill.total()),
      originalDecisionId: unknown?.originalDecisionId,
    });
  });

  it('is not looked up without being asked to, and not after close', async () => {
    for (const lookUpBrokenAnswers of [false, true]) {
      const { guarded, standIn } = await openGuarded({ config: { lookUpBrokenAnswers } });
      for await (const _ of await guarded.chat.completions.create({ ...ASK, stream: true })) break;
      await guarded.$guard.close();
      expect(standIn.requests.filter((request) => request.path.includes('generation'))).toEqual([]);
    }
  });
});
