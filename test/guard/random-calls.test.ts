/**
 * Random calls of every kind, from several users under several policies, eight at a time, against a stand-in that fails
 * in every way it can: what was billed is what the ledger says, and no cap is ever passed.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { ONE_USD, parseUsd, printUsd, type Usd } from '../../src/core/money.js';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { createPriceTable, printPriceTable } from '../../src/core/price-table.js';
import { verifyChain } from '../../src/core/verify.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { guardFetch, withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { REFUSAL_NAMES } from '../../src/stand-in/refusals.js';
import type { ScriptStep } from '../../src/stand-in/script.js';
import { type StandIn, startStandIn } from '../../src/stand-in/server.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { chooseSeed, createRandom, type Random } from '../helpers/random.js';
import { createSpendWatch, type WatchedCap } from '../helpers/spend-watch.js';

const CALLS = process.env.SLOW ? 10_000 : 600;
const CONCURRENCY = 8;
const LLAMA = 'meta-llama/llama-3.3-70b-instruct';
const MODELS = [
  HAIKU,
  HAIKU,
  OPUS,
  LLAMA,
  LLAMA,
  `${LLAMA}:free`,
  'openai/gpt-5',
  '~anthropic/claude-haiku-latest',
];
const WHO = [
  { userId: 'alice', teamId: 'engineering' },
  { userId: 'bob', teamId: 'engineering' },
  { userId: 'carol', teamId: 'research' },
];

/** A tenth of a cent per call for everybody, and less for Alice: some calls must be refused. */
const CENTS = { tenant: CALLS * 0.14, engineering: CALLS * 0.08, alice: CALLS * 0.02, soft: CALLS * 0.01 };
const usdOf = (cents: number): Usd => (ONE_USD * BigInt(Math.round(cents * 1_000))) / 100_000n;
const WATCHED: readonly WatchedCap[] = [
  { match: { tenantId: 'acme' }, window: 'per_day', limitUsd: usdOf(CENTS.tenant) },
  {
    match: { tenantId: 'acme', teamId: 'engineering' },
    window: 'per_day',
    limitUsd: usdOf(CENTS.engineering),
  },
  { match: { tenantId: 'acme', userId: 'alice' }, window: 'per_hour', limitUsd: usdOf(CENTS.alice) },
];
const cents = (amount: number) => (Math.round(amount * 1_000) / 1_000).toString();
/** Every policy has all of them: a cap binds only the calls that are decided under it. */
const BLOCKS: readonly SpendCap[] = [
  { amountCents: cents(CENTS.tenant), window: 'per_day', action: 'block' },
  {
    amountCents: cents(CENTS.engineering),
    window: 'per_day',
    action: 'block',
    selector: { teamId: 'engineering' },
  },
  { amountCents: cents(CENTS.alice), window: 'per_hour', action: 'block', selector: { userId: 'alice' } },
];
const downgrade = { amountCents: cents(CENTS.soft), window: 'per_day', action: 'downgrade' } as const;

const POLICIES: readonly SpendPolicy[] = [
  policyOf(BLOCKS, { id: 'plain', defaultMaxOutputTokens: 300 }),
  policyOf([{ ...downgrade, downgradeTo: HAIKU }, ...BLOCKS], {
    id: 'frugal',
    priceHeadroom: 3,
    defaultMaxOutputTokens: 200,
  }),
];

type Body = Readonly<Record<string, unknown>> & { readonly model: string };
type Chat = (body: Body, signal: AbortSignal) => Promise<unknown>;

describe('random calls', () => {
  it(`${CALLS} of them, ${CONCURRENCY} at a time: bill = ledger where billed, bill ≤ ledger ≤ cap throughout${process.env.SLOW ? '' : ' (SLOW=1 for 10,000)'}`, {
    timeout: 900_000,
  }, async () => {
    const seed = chooseSeed();
    console.log(`random calls: SEED=${seed}`);
    const random = createRandom(seed);
    const home = await makeHome();
    const standIn = await startStandIn({
      routing: 'dearest',
      comments: 1,
      script: (request) => chooseStep(createRandom(random.int(2 ** 31)), request.body as Body),
    });
    await syncTable(home, standIn);
    setCostOverride(HAIKU, { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });

    const announced = createSpendWatch([]);
    const shortfalls: string[] = [];
    const onDecision = ({ decision }: { decision: Readonly<Record<string, unknown>> }) => {
      announced.add(decision);
      const [bill, ledger] = [standIn.bill.total(), announced.total()];
      if (bill > ledger) shortfalls.push(`billed ${printUsd(bill)}, in the ledger ${printUsd(ledger)}`);
    };
    const config = {
      home,
      provider: 'openrouter',
      durability: 'process',
      waitForHoldsMs: 20,
      onDecision,
    } as const;
    const scope = { tenantId: 'acme' };
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 2 });
    const guards = POLICIES.flatMap((policy) => [
      {
        guarded: withSpendGuard(client, { policy, scope, config }),
        fetch: guardFetch(fetch, { policy, scope, config }),
      },
    ]);
    const views = guards.flatMap(({ guarded, fetch }) =>
      WHO.map((who) => ({ guarded: guarded.$guard.with(who), fetch: fetch.$guard.with(who) })),
    );

    const ends = new Map<string, number>();
    const count = (end: string) => ends.set(end, (ends.get(end) ?? 0) + 1);
    let left = CALLS;
    const work = async () => {
      while (left-- > 0) {
        const own = createRandom(random.int(2 ** 31));
        const { guarded, fetch } = own.pick(views);
        await callOnce(own, guarded as unknown as OpenAI, fetch, standIn.url).then(count, (error: unknown) =>
          count(nameOf(error)),
        );
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    await standIn.idle();
    for (const { guarded, fetch } of guards) {
      await guarded.$guard.close();
      await fetch.$guard.close();
    }

    expect(shortfalls).toEqual([]);
    const rows = await readRows(home);
    const decisions = rows.map((row) => row.decision);
    const watch = createSpendWatch(WATCHED);
    for (const decision of decisions) watch.add(decision);
    for (const [at, { limitUsd, match }] of WATCHED.entries())
      expect(
        watch.highest[at]! <= limitUsd,
        `${JSON.stringify(match)}: ${printUsd(watch.highest[at]!)} of ${printUsd(limitUsd)}`,
      ).toBe(true);
    expect(watch.listOpen()).toEqual([]);
    expect(standIn.bill.total() <= watch.total()).toBe(true);
    expect(decisions.filter((row) => row.overBound)).toEqual([]);

    const billed = decisions.filter((row) => row.costSource === 'provider');
    let [ledger, bill]: [Usd, Usd] = [0n, 0n];
    for (const row of billed) {
      const entry = standIn.bill.find(String(row.generationId));
      expect(row.actualUsd, String(row.generationId)).toBe(entry && printUsd(entry.costUsd));
      ledger += parseUsd(String(row.actualUsd))!;
      bill += entry?.costUsd ?? 0n;
    }
    expect(printUsd(ledger)).toBe(printUsd(bill));
    expect(new Set(billed.map((row) => row.generationId)).size).toBe(billed.length);

    const report = await verifyChain(rows);
    expect(report.files[0]?.problems.filter((problem) => problem.severity === 'error')).toEqual([]);
    expect(report.verdicts.contiguous.answer).toBe('yes');
    expect(report.files[0]?.rows).toBe(rows.length);

    // What did not happen was not tested.
    const seen = new Set(
      decisions.flatMap((row) => [row.action, row.costSource, row.outcome, row.path, row.attempt]),
    );
    for (const one of [
      'allow',
      'block',
      'downgrade',
      'provider',
      'computed',
      'reserved',
      'released',
      'answered',
      'failed',
      'aborted',
      'refused_upstream',
      'fallback',
      '/chat/completions',
      '/responses',
      '/embeddings',
      '/completions',
      2,
    ])
      expect(seen, `${String(one)} never happened`).toContain(one);
    console.log(
      `${rows.length} rows, billed ${printUsd(standIn.bill.total())}, in the ledger ${printUsd(watch.total())}; ${[...ends].map(([end, times]) => `${end} ${times}`).join(', ')}`,
    );
    await standIn.close();
  });
});

/** The home's table is what the stand-in publishes; only one model has an override. */
async function syncTable(home: string, standIn: StandIn): Promise<void> {
  const reading = parseCatalogue(await (await fetch(`${standIn.url}/models`)).json());
  if (!reading.ok) throw new Error('the stand-in publishes no catalogue');
  const table = createPriceTable({
    models: reading.catalogue.models,
    fetchedAt: '2026-11-20T00:00:00.000Z',
    source: standIn.url,
  });
  await writeFile(join(home, 'pricing.json'), printPriceTable(table), { mode: 0o600 });
}

/** What upstream does with a request. Most are answered. */
function chooseStep(random: Random, body: Body): ScriptStep {
  // Tokens of the messages at most: what the guard adds to a request is no input.
  const promptTokens = 1 + random.int(Buffer.byteLength(JSON.stringify(body.messages ?? '')));
  const more = {
    promptTokens,
    outputTokens: 1 + random.int(400),
    eventDelayMs: 0,
    emptyUsageChoices: random.chance(0.2),
  };
  const soon = { 'retry-after-ms': '1' };
  const roll = random.int(100);
  if (roll < 52) return { kind: 'answer', ...more };
  if (roll < 62) return { kind: 'answer', ...more, failModels: [body.model] };
  if (roll < 65) return { kind: 'slow', ...more, delayMs: random.int(8) };
  if (roll < 68) return { kind: 'answer', ...more, usage: { cost: null } };
  if (roll < 72) return { kind: 'no-usage', ...more };
  if (roll < 76) return { kind: 'zero-cost', ...more };
  if (roll < 80) return { kind: 'cut', ...more, cutAfterEvents: random.int(6) };
  if (roll < 84) return { kind: 'error-mid-stream', ...more, cutAfterEvents: random.int(6) };
  if (roll < 86)
    return { kind: 'hang', ...more, ...(random.chance(0.7) ? { cutAfterEvents: random.int(4) } : {}) };
  if (roll < 87) return { kind: 'reset', ...more };
  if (roll < 91 && body.model !== `${LLAMA}:free`)
    return { kind: 'answer', ...more, costOverride: `0.00000${1 + random.int(9)}` };
  return { kind: 'error', refusal: random.pick(REFUSAL_NAMES), headers: soon };
}

function chooseBody(random: Random): Body {
  const content = random
    .pick(['x', 'Say something, please. ', '多言語のテキスト', '{"a":[1,2,3]}'])
    .repeat(1 + random.int(30));
  const messages = Array.from({ length: 1 + random.int(3) }, (_, at) => ({
    role: at % 2 ? 'assistant' : 'user',
    content,
  }));
  const model = random.pick(MODELS);
  return {
    model,
    messages,
    ...(random.chance(0.7) ? { max_tokens: 1 + random.int(200) } : {}),
    ...(random.chance(0.1) ? { n: 2 } : {}),
    ...(random.chance(0.4) ? { models: [model, random.pick([HAIKU, OPUS])] } : {}),
    ...(random.chance(0.1) ? { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] } : {}),
    ...(random.chance(0.05) ? { plugins: [{ id: 'web' }] } : {}),
    ...(random.chance(0.05) ? { provider: { max_price: { prompt: 0.0001 } } } : {}),
  };
}

/** One call in a random style; the answer is how it ended. Whatever hangs is aborted. */
async function callOnce(
  random: Random,
  client: OpenAI,
  fetch: typeof globalThis.fetch,
  url: string,
): Promise<string> {
  const controller = new AbortController();
  const afterMs = random.chance(0.08) ? random.int(10) : 1_500;
  const timer = setTimeout(() => controller.abort(), afterMs);
  const { signal } = controller;
  const viaClient: Chat = (body) => client.chat.completions.create(body as never, { signal });
  const post = (path: string, body: unknown) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      signal,
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  try {
    const body = chooseBody(random);
    const { model } = body;
    const roll = random.int(100);
    if (roll < 35) await viaClient(body, signal);
    else if (roll < 60)
      await readStream(
        random,
        (await viaClient({ ...body, stream: true }, signal)) as AsyncIterable<unknown>,
      );
    else if (roll < 68) await (await post('/chat/completions', body)).text();
    else if (roll < 78)
      await readStream(
        random,
        (await post('/chat/completions', { ...body, stream: true }))
          .body as unknown as AsyncIterable<unknown>,
      );
    else if (roll < 80) return await post('/chat/completions', body).then(() => 'left unread');
    else if (roll < 86)
      await client.responses.create(
        { model, input: 'x'.repeat(random.int(99) + 1), max_output_tokens: 20 },
        { signal },
      );
    else if (roll < 92)
      await client.embeddings.create({ model, input: ['x', 'yy'], encoding_format: 'float' }, { signal });
    else if (roll < 97) await client.completions.create({ model, prompt: 'x', max_tokens: 9 }, { signal });
    else await post('/messages', body);
    return 'answered';
  } finally {
    clearTimeout(timer);
  }
}

/** To its end, or until a random event. */
async function readStream(random: Random, events: AsyncIterable<unknown>): Promise<void> {
  const until = random.chance(0.25) ? random.int(5) : Number.POSITIVE_INFINITY;
  let seen = 0;
  for await (const _ of events) if (seen++ >= until) break;
}

function nameOf(error: unknown): string {
  if (error instanceof AgentGuardBlockedError) return error.code;
  return error instanceof Error ? error.constructor.name : String(error);
}
