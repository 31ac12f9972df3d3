import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import { createPriceTable, printPriceTable } from '../../src/core/price-table.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { type StandInOptions, startStandIn } from '../../src/stand-in/server.js';
import { policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { makeSyncedHome } from '../helpers/synced-home.js';

const usd = (text: unknown) => parseUsd(String(text)) ?? 0n;
const messages = [{ role: 'user' as const, content: 'Say something.' }];

type Change = (model: Record<string, unknown> & { pricing: Record<string, unknown> }) => void;

/** A home whose price table is what the stand-in publishes, changed as a test wants. No override is set. */
async function open(change: Change = () => {}, options: StandInOptions = {}, policy = policyOf([])) {
  const home = await makeHome();
  const standIn = await startStandIn(options);
  const sync = async (edit: Change) => {
    const published = (await (await fetch(`${standIn.url}/models`)).json()) as {
      data: Parameters<Change>[0][];
    };
    for (const model of published.data) edit(model);
    const reading = parseCatalogue(published);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    const { models } = reading.catalogue;
    const table = createPriceTable({
      models,
      fetchedAt: '2026-11-20T00:00:00.000Z',
      source: `${standIn.url}/models`,
    });
    await writeFile(join(home, 'pricing.json'), printPriceTable(table), { mode: 0o600 });
    return table;
  };
  const table = await sync(change);
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 0 });
  const guarded = withSpendGuard(client, { policy, config: { home, provider: 'openrouter' } });
  onTestFinished(async () => {
    await guarded.$guard.close();
    await standIn.close();
  });
  const ask = (model: string, more = {}) =>
    guarded.chat.completions.create({ model, messages, max_tokens: 20, ...more } as never);
  return { home, standIn, guarded, ask, table, sync };
}

describe('a synced table', () => {
  it('prices every spelling of a model, and the receipt names the table', async () => {
    const { ask, home, standIn, table } = await open();
    for (const model of [
      'anthropic/claude-haiku-4.5',
      'anthropic/claude-haiku-4-5',
      'anthropic/claude-4.5-haiku-20251001',
    ])
      await ask(model);
    const rows = (await readRows(home)).map((row) => row.decision);
    const decisions = rows.filter((row) => !row.entryType);
    expect(decisions).toHaveLength(3);
    for (const row of decisions)
      expect(row.costBasis).toMatchObject({
        rateSource: 'synced',
        inputUsdPerToken: '0.000001',
        outputUsdPerToken: '0.000005',
        priceTableHash: table.contentHash,
        priceTableFetchedAt: '2026-11-20T00:00:00.000Z',
      });
    const billed = rows.reduce((sum, row) => sum + usd(row.actualUsd ?? '0'), 0n);
    expect(printUsd(billed)).toBe(printUsd(standIn.bill.total()));
  });

  it('refuses routers, presets, unknown ids and searches, each in its own words', async () => {
    const { ask, standIn } = await open();
    await expect(ask('openrouter/auto')).rejects.toMatchObject({
      code: 'unknown_price',
      message: expect.stringContaining('routed'),
    });
    await expect(ask('anthropic/claude-haiku-4.5:online')).rejects.toMatchObject({ code: 'unbounded' });
    await expect(ask('@preset/x')).rejects.toMatchObject({ code: 'unbounded' });
    await expect(ask('anthropic/claude-haiku-9')).rejects.toMatchObject({
      code: 'unknown_price',
      message: expect.stringContaining('claude-haiku-4.5'),
      hint: expect.stringContaining('agentguard models --sync-pricing'),
    });
    expect(standIn.requests.filter((request) => request.method === 'POST')).toEqual([]);
  });

  it('bounds cache writes and reasoning above the listed prices, and admits by the listed ones', async () => {
    const { ask, home, standIn } = await open((model) => {
      if (model.id === 'anthropic/claude-haiku-4.5')
        Object.assign(model.pricing, {
          input_cache_write: '0.000002',
          internal_reasoning: '0.00001',
          request: '0.01',
        });
    });
    await ask('anthropic/claude-haiku-4.5').catch(() => {});
    const row = (await readRows(home))[0]?.decision ?? {};
    expect(row.reservedUsd).toBe(
      printUsd(usd('0.000002') * BigInt(Number(row.inputTokensBound)) + usd('0.00001') * 20n + usd('0.01')),
    );
    expect(standIn.requests.at(-1)?.body).toMatchObject({
      provider: { max_price: { prompt: '1', completion: '5', request: '0.01' } },
    });
  });

  it('limits what is assumed and sent by what the model gives, yet not the input by its listed context', async () => {
    const { ask, home, standIn } = await open((model) => {
      if (model.id === 'anthropic/claude-haiku-4.5')
        Object.assign(model, {
          context_length: 50,
          top_provider: { context_length: 50, max_completion_tokens: 7 },
        });
    });
    await ask('anthropic/claude-haiku-4.5', { max_tokens: undefined }).catch(() => {});
    const [row] = await readRows(home);
    expect(row?.decision).toMatchObject({ outputTokensBound: 7 });
    expect(row?.decision.inputTokensBound).toBeGreaterThan(50);
    expect(standIn.requests.at(-1)?.body).toMatchObject({ max_tokens: 7 });
  });

  it('is picked up anew by a running guard, and a broken one is not', async () => {
    const { ask, home, sync } = await open();
    const priceOf = async () => {
      const bases = (await readRows(home)).map((row) => row.decision.costBasis).filter(Boolean);
      return (bases.at(-1) as { inputUsdPerToken: string }).inputUsdPerToken;
    };
    await ask('anthropic/claude-haiku-4.5');
    expect(await priceOf()).toBe('0.000001');
    await writeFile(join(home, 'pricing.json'), 'not a table');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await ask('anthropic/claude-haiku-4.5');
    expect(await priceOf()).toBe('0.000001');
    await sync((model) => {
      if (model.id === 'anthropic/claude-haiku-4.5') model.pricing.prompt = '0.000004';
    });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await ask('anthropic/claude-haiku-4.5');
    expect(await priceOf()).toBe('0.000004');
  });

  it('stands below an override, which supplies a price and never an identity', async () => {
    const caps = [
      { amountCents: 0, window: 'per_day', action: 'downgrade', downgradeTo: 'anthropic/claude-haiku-4.5' },
    ] as const;
    const { ask, home } = await open(() => {}, {}, policyOf(caps));
    setCostOverride('anthropic/claude-haiku-4-5-20251001', { inputCentsPerKtok: 0.2, outputCentsPerKtok: 1 });
    await ask('anthropic/claude-haiku-4-5-20251001').catch(() => {});
    const row = (await readRows(home))[0]?.decision ?? {};
    // The override's price, yet the same model as the target: nothing to downgrade to.
    expect(row).toMatchObject({
      action: 'allow',
      costBasis: { rateSource: 'override', inputCentsPerKtok: '0.2' },
    });
    expect(row.reasons).toHaveLength(1);
  });

  it('stays in force beneath an override: routers and aliases are what it says they are', async () => {
    const target = 'anthropic/claude-haiku-4.5';
    const { ask, standIn, home } = await open((model) => {
      if (String(model.id).startsWith('~')) Object.assign(model, { alias_target: target });
    });
    setCostOverride('openrouter/auto', { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
    await expect(ask('openrouter/auto')).rejects.toMatchObject({ code: 'unknown_price' });
    const published = (await (await fetch(`${standIn.url}/models`)).json()) as { data: { id: string }[] };
    const alias = published.data.find(({ id }) => id.startsWith('~'))?.id ?? '';
    await ask(alias);
    // What is sent is the model that was judged, not a name that may move meanwhile.
    expect(standIn.requests.at(-1)?.body).toMatchObject({ model: target });
    expect((await readRows(home)).at(-2)?.decision).toMatchObject({
      modelRequested: alias,
      modelResolved: target,
    });
    await expect(ask(target, { models: [alias] })).rejects.toMatchObject({ code: 'unbounded' });
  });
});

describe('an old table', () => {
  const WEEK = 7 * 86_400_000;
  const FETCHED = Date.parse('2026-11-20T00:00:00.000Z');
  const CALL = { model: 'anthropic/claude-haiku-4.5', inputTokens: 10, maxOutputTokens: 10 };

  async function openAt(atMs: number, more: Partial<SpendPolicy> = {}) {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const standIn = await startStandIn();
    const home = await makeSyncedHome(standIn.url);
    const config = { home, clock: () => atMs };
    const guard = new SpendGuard({ policy: policyOf([], more), config });
    onTestFinished(async () => {
      await guard.close();
      await standIn.close();
      warn.mockRestore();
    });
    return { guard, warnings: () => warn.mock.calls.map(([error]) => String(error)) };
  }

  it('is warned about once, and still priced by', async () => {
    const { guard, warnings } = await openAt(FETCHED + WEEK + 1);
    for (let call = 0; call < 3; call++) await guard.settle(await guard.decide(CALL), { costUsd: 0 });
    expect(warnings()).toEqual([
      'Error: the price table is from 2026-11-20T00:00:00.000Z: agentguard models --sync-pricing fetches a new one',
    ]);
  });

  it('is not warned about before the age that the policy names', async () => {
    const { guard, warnings } = await openAt(FETCHED + WEEK + 1, { maxPriceAge: 8 });
    await guard.decide(CALL);
    expect(warnings()).toEqual([]);
  });

  it('blocks under a policy that says so', async () => {
    const { guard } = await openAt(FETCHED + WEEK, { maxPriceAge: 6, onStalePrice: 'block' });
    await expect(guard.decide(CALL)).rejects.toMatchObject({ code: 'stale_price', retryAfterMs: null });
  });
});
