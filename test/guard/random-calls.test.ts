/**
 * Random calls of every kind, from several users under several policies, eight at a time, against a stand-in that fails
 * in every way it can: what was billed is what the ledger says, and no cap is ever passed.
 */
import { join } from 'node:path';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ONE_USD, parseUsd, printUsd, type Usd } from '../../src/core/money.js';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { verifyChain } from '../../src/core/verify.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { guardFetch, withSpendGuard } from '../../src/guard/with-spend-guard.js';
import type { Bill } from '../../src/stand-in/bill.js';
import { REFUSAL_NAMES } from '../../src/stand-in/refusals.js';
import type { ScriptStep } from '../../src/stand-in/script.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { readPolicies } from '../../src/store/policy-folder.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';
import { chooseSeed, createRandom, type Random } from '../helpers/random.js';
import { createSpendWatch, type WatchedCap } from '../helpers/spend-watch.js';
import { makeSyncedHome } from '../helpers/synced-home.js';

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

/** An error inside a success bills nothing and keeps its bound: here it would only hide a bound that went missing. */
const REFUSALS = REFUSAL_NAMES.filter((name) => name !== 'error-in-success');

type Decision = Readonly<Record<string, unknown>>;
type Body = Readonly<Record<string, unknown>> & { readonly model: string };
type Chat = (body: Body, signal: AbortSignal) => Promise<unknown>;

describe('random calls', () => {
  const title = `${CALLS} of them, ${CONCURRENCY} at a time: bill = ledger where billed, bill ≤ ledger ≤ cap throughout`;
  it(process.env.SLOW ? title : `${title} (SLOW=1 for 10,000)`, { timeout: 900_000 }, async () => {
    const seed = chooseSeed();
    console.log(`random calls: SEED=${seed}`);
    const random = createRandom(seed);
    const { home, standIn, views, shortfalls, close } = await open(random);
    const ends = await callAll(random, views, standIn.url);
    await standIn.idle();
    await close();
    expect(shortfalls).toEqual([]);
    const rows = await readRows(home);
    const decisions = rows.map((row) => row.decision);
    const ledgerUsd = checkCaps(decisions);
    expect(standIn.bill.total() <= ledgerUsd).toBe(true);
    checkBilled(decisions, standIn.bill);
    checkCallByCall(decisions, standIn.bill);
    const { policies } = await readPolicies(join(home, 'acme'));
    expect(policies.size).toBe(POLICIES.length);
    const report = await verifyChain(rows, { policies });
    expect(report.verdicts.lawful).toMatchObject({ answer: 'yes' });
    for (const cap of report.caps) expect(cap.exceeded).toBe(false);
    expect(report.files[0]?.problems.filter((problem) => problem.severity === 'error')).toEqual([]);
    expect(report.verdicts.contiguous.answer).toBe('yes');
    expect(report.files[0]?.rows).toBe(rows.length);
    checkKinds(decisions);
    const bill = printUsd(standIn.bill.total());
    console.log(`${rows.length} rows, billed ${bill}, in the ledger ${printUsd(ledgerUsd)}; ${ends}`);
  });
});

interface View {
  readonly guarded: OpenAI;
  readonly fetch: typeof globalThis.fetch;
}

/** Two clients and two `fetch`es of one ledger, seen as each user; each row is held against the bill as it is written. */
async function open(random: Random) {
  const script = (request: { readonly body: unknown }) =>
    chooseStep(createRandom(random.int(2 ** 31)), request.body as Body);
  const standIn = await startStandIn({ routing: 'dearest', comments: 1, script });
  onTestFinished(() => standIn.close());
  const home = await makeSyncedHome(standIn.url);
  // One model has a price set by hand on top of the table.
  setCostOverride(HAIKU, { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
  const announced = createSpendWatch([]);
  const shortfalls: string[] = [];
  const onDecision = ({ decision }: { decision: Decision }) => {
    announced.add(decision);
    const [bill, ledger] = [standIn.bill.total(), announced.total()];
    if (bill > ledger) shortfalls.push(`billed ${printUsd(bill)}, in the ledger ${printUsd(ledger)}`);
  };
  const shared = { home, provider: 'openrouter', durability: 'process', waitForHoldsMs: 20 } as const;
  const config = { ...shared, onDecision };
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 2 });
  const guards = POLICIES.map((policy) => {
    const options = { policy, scope: { tenantId: 'acme' }, config };
    return { guarded: withSpendGuard(client, options), fetch: guardFetch(fetch, options) };
  });
  const views = guards.flatMap(({ guarded, fetch }) =>
    WHO.map((who): View => ({ guarded: guarded.$guard.with(who), fetch: fetch.$guard.with(who) })),
  );
  const close = async () => {
    for (const { guarded, fetch } of guards)
      await Promise.all([guarded.$guard.close(), fetch.$guard.close()]);
  };
  return { home, standIn, views, shortfalls, close };
}

/** Makes all calls; says how often each kind of end was met. */
async function callAll(random: Random, views: readonly View[], url: string): Promise<string> {
  const ends = new Map<string, number>();
  const count = (end: string) => void ends.set(end, (ends.get(end) ?? 0) + 1);
  let left = CALLS;
  const work = async () => {
    while (left-- > 0) {
      const own = createRandom(random.int(2 ** 31));
      await callOnce(own, own.pick(views), url).then(count, (error: unknown) => count(nameOf(error)));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return [...ends].map(([end, times]) => `${end} ${times}`).join(', ');
}

/** Row by row, no cap was ever passed, and nothing is left open. @returns what is settled in the end. */
function checkCaps(decisions: readonly Decision[]): Usd {
  const watch = createSpendWatch(WATCHED);
  for (const decision of decisions) watch.add(decision);
  for (const [at, { limitUsd, match }] of WATCHED.entries()) {
    const highest = watch.highest[at]!;
    const sum = `${JSON.stringify(match)}: ${printUsd(highest)} of ${printUsd(limitUsd)}`;
    expect(highest <= limitUsd, sum).toBe(true);
  }
  expect(watch.listOpen()).toEqual([]);
  expect(decisions.filter((row) => row.overBound)).toEqual([]);
  return watch.total();
}

/** Every row that says what was billed says it to the last digit, once. */
function checkBilled(decisions: readonly Decision[], bill: Bill): void {
  const rows = decisions.filter((row) => row.costSource === 'provider');
  const entries = rows.map((row) => bill.find(String(row.generationId)));
  expect(rows.map((row) => row.actualUsd)).toEqual(entries.map((entry) => entry && printUsd(entry.costUsd)));
  const [ledgerUsd, billUsd] = [
    sumOf(rows),
    entries.reduce((sum, entry) => sum + (entry?.costUsd ?? 0n), 0n),
  ];
  expect(printUsd(ledgerUsd)).toBe(printUsd(billUsd));
  expect(new Set(rows.map((row) => row.generationId)).size).toBe(rows.length);
}

/** No call is settled below its bill. Bills of calls that nobody could name stand against bounds that stayed spent. */
function checkCallByCall(decisions: readonly Decision[], bill: Bill): void {
  const settlements = decisions.filter((row) => row.entryType === 'settlement');
  const named = new Map(settlements.map((row) => [row.generationId, parseUsd(String(row.actualUsd))!]));
  for (const { id, costUsd } of bill.entries)
    expect(costUsd <= (named.get(id) ?? costUsd), `${id} was billed ${printUsd(costUsd)}`).toBe(true);
  const kept = settlements.filter((row) => row.costSource === 'reserved' && row.generationId === undefined);
  const nameless = bill.entries.filter((entry) => entry.costUsd > 0n && !named.has(entry.id));
  expect(nameless.length).toBeLessThanOrEqual(kept.length);
  expect(nameless.reduce((sum, entry) => sum + entry.costUsd, 0n) <= sumOf(kept)).toBe(true);
}

function sumOf(rows: readonly Decision[]): Usd {
  return rows.reduce((sum, row) => sum + parseUsd(String(row.actualUsd))!, 0n);
}

/** What did not happen was not tested. */
function checkKinds(decisions: readonly Decision[]): void {
  const seen = new Set(
    decisions.flatMap((row) => [row.action, row.costSource, row.outcome, row.path, row.attempt]),
  );
  const kinds =
    'allow block downgrade provider computed reserved released answered failed aborted refused_upstream fallback /chat/completions /responses /embeddings /completions';
  for (const kind of [...kinds.split(' '), 2]) expect(seen, `${kind} never happened`).toContain(kind);
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
  if (roll < 88) return { kind: 'reset', ...more };
  if (roll < 91 && body.model !== `${LLAMA}:free`)
    return { kind: 'answer', ...more, costOverride: `0.00000${1 + random.int(9)}` };
  return { kind: 'error', refusal: random.pick(REFUSALS), headers: soon };
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
async function callOnce(random: Random, { guarded: client, fetch }: View, url: string): Promise<string> {
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
