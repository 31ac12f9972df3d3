import { describe, expect, it, onTestFinished } from 'vitest';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { listCostOverrides, setCostOverride } from '../../src/guard/cost-overrides.js';
import { evaluatePolicy, SpendGuard } from '../../src/guard/spend-guard.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { ASK, HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const CAP = [{ amountCents: 1, window: 'per_day', action: 'block' }] as const;
const CALL = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };

function openSpendGuard() {
  setPrices();
  const store = createMemoryStore();
  const guard = new SpendGuard({ policy: policyOf(CAP), config: { store, waitForHoldsMs: 0 } });
  onTestFinished(() => guard.close());
  return { guard, store };
}

describe('SpendGuard', () => {
  it('decides, holds, settles and releases by hand', async () => {
    const { guard, store } = openSpendGuard();
    const first = await guard.decide(CALL);
    expect(first.receipt.decision).toMatchObject({
      action: 'allow',
      reservedUsd: '0.006',
      provider: 'direct',
    });
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'held' });
    await guard.settle(first, { costUsd: '0.001' });
    await guard.settle(first, { costUsd: '0.009' });
    const second = await guard.decide(CALL);
    await guard.release(second);
    const third = await guard.decide(CALL);
    await guard.settle(third, { inputTokens: 1_000, outputTokens: 800 });
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'cap_exceeded', spent: '0.006' });
    const sources = store.receipts.map((receipt) => receipt.decision.costSource).filter(Boolean);
    expect(sources).toEqual(['provider', 'released', 'computed']);
  });

  it('refuses counts and costs that are not such', async () => {
    const { guard } = openSpendGuard();
    await expect(guard.decide({ ...CALL, inputTokens: -1 })).rejects.toThrow(RangeError);
    await expect(guard.decide({ ...CALL, maxOutputTokens: 0.5 })).rejects.toThrow(RangeError);
    const allowed = await guard.decide(CALL);
    await expect(guard.settle(allowed, { costUsd: '-1' })).rejects.toThrow(TypeError);
    await expect(guard.settle(allowed, { costUsd: Number.NaN })).rejects.toThrow(TypeError);
    await expect(guard.settle(allowed, { inputTokens: -1, outputTokens: 5 })).rejects.toThrow(RangeError);
    await expect(guard.settle(allowed, { inputTokens: 1.5, outputTokens: 5 })).rejects.toThrow(RangeError);
    await guard.settle(allowed, {});
  });

  it('views carry their own labels on shared counters', async () => {
    const { guard, store } = openSpendGuard();
    const allowed = await guard.with({ taskId: 'review', sessionId: 's1' }).decide(CALL);
    expect(allowed.receipt.decision.actor).toMatchObject({
      tenantId: 'acme',
      taskId: 'review',
      sessionId: 's1',
    });
    await expect(guard.decide(CALL)).rejects.toBeInstanceOf(AgentGuardBlockedError);
    expect(store.receipts).toHaveLength(2);
  });
});

describe('evaluatePolicy', () => {
  it('decides a hypothetical call without a ledger', () => {
    setPrices();
    expect(evaluatePolicy(policyOf(CAP), CALL)).toMatchObject({ action: 'allow', reservedUsd: '0.006' });
    const spent = () => ({ settledUsd: '0.005' });
    expect(evaluatePolicy(policyOf(CAP), { ...CALL, spent })).toMatchObject({
      action: 'block',
      refusalCode: 'cap_exceeded',
    });
    expect(() => evaluatePolicy(policyOf(CAP), { ...CALL, spent: () => ({ settledUsd: 'much' }) })).toThrow(
      TypeError,
    );
  });
});

describe('setCostOverride', () => {
  it('reads numbers by their shortest decimal, and refuses what is not a price', () => {
    setCostOverride('test/model-1.5', {
      inputCentsPerKtok: 0.05,
      outputCentsPerKtok: '0.000000000000000001',
    });
    const price = listCostOverrides().find((one) => one.model === 'test/model-1.5');
    expect(price).toEqual({
      model: 'test/model-1.5',
      inputCentsPerKtok: '0.05',
      outputCentsPerKtok: '0.000000000000000001',
    });
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, '', 'x', undefined, null, '1e-30'])
      expect(() => setCostOverride('a', { inputCentsPerKtok: bad as never, outputCentsPerKtok: 1 })).toThrow(
        TypeError,
      );
    expect(() => setCostOverride('', { inputCentsPerKtok: 1, outputCentsPerKtok: 1 })).toThrow(TypeError);
  });
});

describe('guardFetch', () => {
  async function open() {
    setPrices();
    const home = await makeHome();
    const standIn = await startStandIn();
    const guarded = guardFetch(fetch, {
      policy: policyOf([{ ...CAP[0], window: 'per_call' }]),
      config: { home, provider: 'openrouter' },
    });
    onTestFinished(async () => {
      await guarded.$guard.close();
      await standIn.close();
    });
    const post = (body: NonNullable<RequestInit['body']> | null, path = '/chat/completions') =>
      guarded(`${standIn.url}${path}`, {
        method: 'POST',
        headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
        body,
      });
    return { home, standIn, guarded, post };
  }
  const cheap = JSON.stringify({ ...ASK, max_tokens: 10 });

  it('guards every form a request can take', async () => {
    const { home, standIn, guarded, post } = await open();
    const init = {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
    };
    await (await post(cheap)).json();
    await (await post(new TextEncoder().encode(cheap))).json();
    await (await guarded(new Request(`${standIn.url}/chat/completions`, { ...init, body: cheap }))).json();
    await (await guarded(new URL(`${standIn.url}/chat/completions`), { ...init, body: cheap })).json();
    expect(await readRows(home)).toHaveLength(8);
    expect(standIn.requests.map((request) => (request.body as { provider?: unknown }).provider)).toEqual(
      Array(4).fill({ max_price: { prompt: '1', completion: '5', request: '0' } }),
    );
  });

  it('refuses what it cannot read, with the error itself', async () => {
    const { standIn, post, guarded } = await open();
    const refused = { name: 'AgentGuardBlockedError' };
    await expect(post('not json')).rejects.toMatchObject(refused);
    await expect(post('[]')).rejects.toMatchObject(refused);
    await expect(post(null)).rejects.toMatchObject(refused);
    await expect(post(new Blob([cheap]))).rejects.toMatchObject(refused);
    await expect(post(new FormData())).rejects.toMatchObject(refused);
    await expect(post(new URLSearchParams({ model: HAIKU }))).rejects.toMatchObject(refused);
    await expect(post(cheap, '/messages')).rejects.toMatchObject({ ...refused, code: 'path_not_supported' });
    await expect(post(cheap, '/chat/completions/')).rejects.toMatchObject({
      ...refused,
      code: 'path_not_supported',
    });
    await expect(post(JSON.stringify({ ...ASK, model: OPUS }))).rejects.toMatchObject({
      ...refused,
      code: 'cap_exceeded',
    });
    for (const method of ['PATCH', 'put', 'BREW'])
      await expect(guarded(`${standIn.url}/chat/completions`, { method, body: cheap })).rejects.toMatchObject(
        {
          code: 'path_not_supported',
        },
      );
    expect(standIn.requests).toHaveLength(0);
  });

  it('reads a body once: a getter that changes its mind sends what was decided', async () => {
    const { standIn, guarded } = await open();
    let reads = 0;
    const body = JSON.stringify({ ...ASK, max_tokens: 10 });
    const init = {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      get body() {
        return reads++ === 0 ? body : JSON.stringify({ ...ASK, model: OPUS, max_tokens: 100_000 });
      },
    };
    await (await guarded(`${standIn.url}/chat/completions`, init)).json();
    expect(standIn.requests[0]?.body).toMatchObject({ model: HAIKU, max_tokens: 10 });
  });
});
