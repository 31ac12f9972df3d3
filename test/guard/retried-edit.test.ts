/** A request that a client repeats after its policy file changed: it is decided, and sent, by the policy of now. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import type { SpendPolicy } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { ASK, HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

/** Asks once; the file is edited while the first attempt runs, which then fails. */
async function askAcross(before: SpendPolicy, after: SpendPolicy) {
  setPrices();
  const home = await makeHome();
  const path = join(home, 'policy.json');
  writeFileSync(path, JSON.stringify(before));
  const standIn = await startStandIn({
    script: () => {
      if (standIn.requests.length > 1) return { kind: 'answer' };
      writeFileSync(path, JSON.stringify(after));
      return { kind: 'error', status: 500, retryAfter: 0, delayMs: 600 };
    },
  });
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 1 });
  const guarded = withSpendGuard(client, { policy: path, config: { home, provider: 'openrouter' } });
  onTestFinished(async () => {
    await guarded.$guard.close();
    await standIn.close();
  });
  const end = await guarded.chat.completions.create(ASK).catch((error: unknown) => error);
  const rows = (await readRows(home)).map(({ decision }) => decision);
  const bodies = standIn.requests.map(({ body }) => body as Record<string, unknown>);
  return { end, bodies, decided: rows.filter(({ entryType }) => entryType === undefined) };
}

const cap = { amountCents: 100, window: 'per_day', action: 'block' } as const;

it('with the limits that an enforced policy holds upstream to, though the first attempt was in shadow', async () => {
  const { bodies, decided } = await askAcross(policyOf([cap], { mode: 'shadow' }), policyOf([cap]));
  expect(decided.map(({ enforcementMode }) => enforcementMode)).toEqual(['shadow', 'enforce']);
  expect(bodies[0]).toEqual(ASK);
  expect(bodies[1]).toMatchObject({ ...ASK, max_tokens: 16_384, provider: { max_price: { prompt: '1' } } });
});

it('not at all where its model is denied by now', async () => {
  const rules: SpendPolicy['rules'] = [{ effect: 'deny', action: '*', resource: `model/${HAIKU}` }];
  const { end, bodies, decided } = await askAcross(policyOf([cap]), policyOf([cap], { rules }));
  expect(end).toBeInstanceOf(AgentGuardBlockedError);
  expect(end).toMatchObject({ code: 'rule_denied' });
  expect(bodies).toHaveLength(1);
  expect(decided.map(({ action }) => action)).toEqual(['allow', 'block']);
});
