/** Rules, tasks and downgrades over every spelling of models that a price table knows: the rows alone tell enough. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { PolicyRule, PolicyTask, SpendCap } from '../../src/core/policy.js';
import { verifyChain } from '../../src/core/verify.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { readPolicies } from '../../src/store/policy-folder.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';
import { judgeLines, sealAgain } from '../helpers/lawful-ledger.js';
import { chooseSeed, createRandom, type Random } from '../helpers/random.js';
import { makeSyncedHome } from '../helpers/synced-home.js';

const LLAMA = 'meta-llama/llama-3.3-70b-instruct';
/** Every way to name few models, and names that stand for none or for many. */
const SPELLINGS = [
  HAIKU,
  OPUS,
  LLAMA,
  `${LLAMA}:free`,
  `${LLAMA}:nitro`,
  HAIKU.toUpperCase(),
  'anthropic/claude-haiku-4-5',
  'anthropic/claude-4.5-haiku-20251001',
  'anthropic/claude-haiku-4.5-20251001',
  '~anthropic/claude-haiku-latest',
  'anthropic/claude-4.7-opus-20260416',
  'openrouter/auto',
  'openai/gpt-5',
  'openai/never-heard-of',
];
const PATTERNS = [
  ...SPELLINGS.filter((name) => name !== 'openrouter/auto'),
  'anthropic/*',
  '*haiku*',
  '*',
  '*:free',
];
const POLICIES = process.env.SLOW ? 200 : 8;
const CALLS = 30;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.int(from.length)]!;
}

function makeRule(random: Random): PolicyRule {
  const effect = random.int(3) === 0 ? 'deny' : 'allow';
  const whens = [{}, {}, { minContextTokens: 200_000 }, { maxInputUsdPerMtok: 2 }, { maxInputTokens: 1_500 }];
  const when = effect === 'allow' ? pick(random, whens) : {};
  const action = random.int(4) === 0 ? 'llm.generate' : '*';
  return { effect, action, resource: `model/${pick(random, PATTERNS)}`, when };
}

function makePolicy(random: Random, id: string) {
  const literals = SPELLINGS.filter((name) => name !== 'openrouter/auto');
  const caps: SpendCap[] = [
    {
      amountCents: (1 + random.int(40)) / 100,
      window: 'per_day',
      action: 'downgrade',
      downgradeTo: id === 'p0' ? HAIKU : pick(random, literals),
    },
    { amountCents: 20, window: 'per_day', action: 'block' },
  ];
  const rules = Array.from({ length: 1 + random.int(6) }, () => makeRule(random));
  const tasks: Record<string, PolicyTask> = {
    '*': { model: pick(random, PATTERNS), fallback: pick(random, literals) },
  };
  const kind = id === 'p0' ? 0 : random.int(4);
  return policyOf(caps, { id, ...(kind > 0 ? { rules } : {}), ...(kind === 3 ? { tasks } : {}) });
}

describe('a ledger decided by model names', () => {
  it(`is lawful by its rows alone: ${POLICIES} policies over ${SPELLINGS.length} spellings`, {
    timeout: 300_000,
  }, async () => {
    const seed = chooseSeed();
    console.log(`lawful names: SEED=${seed}`);
    const random = createRandom(seed);
    const standIn = await startStandIn();
    const home = await makeSyncedHome(standIn.url);
    const actions = new Map<unknown, number>();
    let needed = 0;
    for (let index = 0; index < POLICIES; index++) {
      const scope = { tenantId: `t${index}` };
      const policy = { ...makePolicy(random, `p${index}`), scope };
      const fetch = guardFetch(globalThis.fetch, {
        policy,
        config: { home, provider: 'openrouter', durability: 'process' },
      });
      for (let call = 0; call < CALLS; call++) await ask(fetch, standIn.url, random);
      await fetch.$guard.close();
      const rows = await readRows(home, scope.tenantId);
      for (const { decision } of rows)
        if (decision.entryType === undefined)
          actions.set(decision.action, (actions.get(decision.action) ?? 0) + 1);
      const { policies } = await readPolicies(join(home, scope.tenantId));
      const report = await verifyChain(rows, { policies, backend: nodeBackend });
      const errors = report.files[0]?.problems.filter(({ severity }) => severity === 'error');
      expect(errors, JSON.stringify(policy)).toEqual([]);
      expect(report.verdicts.lawful, JSON.stringify(policy)).toMatchObject({ answer: 'yes' });
      const spelled = sealAgain(rows.map(({ decision }) => dropNames(decision as JsonObject)));
      if (judgeLines(spelled, [...policies.values()]).verdicts.lawful.answer === 'no') needed++;
      const text = await readFile(join(home, scope.tenantId, 'decisions.ndjson'), 'utf8');
      expect(text).not.toContain('canary');
    }
    await standIn.close();
    console.log(`decided: ${[...actions].map(([action, rows]) => `${rows} ${action}`).join(', ')}`);
    expect(needed, 'policies whose ledger needs more than the spelling of names').toBeGreaterThan(0);
    expect([...actions.keys()].sort()).toEqual(['allow', 'block', 'downgrade']);
  });
});

/** The row as if the price table had known nothing. */
function dropNames(row: JsonObject): JsonObject {
  const { names: _, ...given } = (row.given ?? {}) as JsonObject;
  return row.given === undefined ? row : { ...row, given };
}

async function ask(fetch: typeof globalThis.fetch, url: string, random: Random) {
  const models = random.int(4) === 0 ? { models: [pick(random, SPELLINGS), pick(random, SPELLINGS)] } : {};
  const odd = random.int(25) === 0 ? { models: ['a canary that is no id'] } : {};
  const isEmbedding = random.int(8) === 0;
  const content = 'canary '.repeat(1 + random.int(60));
  const chat = { messages: [{ role: 'user', content }], max_tokens: 20, ...models, ...odd };
  const body = { model: pick(random, SPELLINGS), ...(isEmbedding ? { input: content } : chat) };
  try {
    const answer = await fetch(`${url}/${isEmbedding ? 'embeddings' : 'chat/completions'}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-key', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await answer.text();
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
  }
}
