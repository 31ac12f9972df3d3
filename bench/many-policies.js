/** What deciding alone costs under much policy: a hundred rules, twenty caps and five policies, against the raw signature. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { Budget } from '../dist/core/budget.js';
import { decideAll } from '../dist/core/decide-all.js';
import { parsePolicy } from '../dist/core/policy-reader.js';
import { requestLimits } from '../dist/core/policy-set.js';
import { createPriceBook } from '../dist/guard/price-book.js';
import { quoteModel } from '../dist/guard/request-quote.js';
import { CALL } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const { privateKey } = generateKeyPairSync('ed25519');
const hash = randomBytes(32);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const WINDOWS = ['per_minute', 'per_hour', 'per_day', 'per_week', 'per_month', 'total', 'per_run'];
const LABELS = ['userId', 'agentId', 'taskId', undefined];
const ACTOR = { tenantId: 'bench', teamId: 'engineering', userId: 'alice', agentId: 'a1', taskId: 'review' };
const AIM = 3;

/** Rules of each kind, of which the last allows the call; caps of each window, of which none trips. */
function createPolicy(place, rules, caps) {
  const policy = {
    id: `p${place}`,
    name: `P${place}`,
    scope: place % 2 === 0 ? { tenantId: 'bench' } : { tenantId: 'bench', teamId: 'engineering' },
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
    timeZone: 'Europe/Berlin',
    rules: Array.from({ length: rules }, (_, index) => createRule(place, index, rules)),
    caps: Array.from({ length: caps }, (_, index) => ({
      amountCents: 1_000_000_000 + index,
      window: WINDOWS[(place + index) % WINDOWS.length],
      action: index % 3 === 0 ? 'downgrade' : 'block',
      ...(index % 3 === 0 ? { downgradeTo: 'openai/gpt-5-mini' } : {}),
      ...(LABELS[index % LABELS.length] ? { per: LABELS[index % LABELS.length] } : {}),
      ...(index % 4 === 0 ? { alertAt: [0.5, 0.8] } : {}),
    })),
  };
  const reading = parsePolicy(policy, { sha256 });
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

function createRule(place, index, rules) {
  if (index === rules - 1) return { effect: 'allow', action: '*', resource: 'model/*' };
  const deny = { effect: 'deny', action: '*' };
  switch (index % 4) {
    case 0:
      return { ...deny, resource: `model/vendor-${place}/model-${index}` };
    case 1:
      return { ...deny, resource: `model/vendor-${index}/*` };
    case 2:
      return { ...deny, resource: 'model/*', when: { scope: { userId: `user-${index}` } } };
    default:
      return {
        effect: 'allow',
        action: '*',
        resource: 'model/*haiku*',
        when: { hours: '03:00-03:01', maxInputUsdPerMtok: 1 },
      };
  }
}

function prepare(count, rules, caps) {
  const policies = Array.from({ length: count }, (_, place) => createPolicy(place, rules, caps));
  const budget = new Budget(policies.flatMap((policy) => policy.caps));
  const decision = { decisionId: 'd', action: 'allow', actor: ACTOR, run: 'r', formatVersion: 1 };
  budget.apply({ decision: { ...decision, expectedUsd: '0.01', reservedUsd: '0.02' } }, Date.now());
  const { priceHeadroomPpm } = requestLimits(policies);
  const bounds = {
    inputTokens: CALL.inputTokens,
    outputTokens: CALL.maxOutputTokens,
    expectedInputTokens: CALL.inputTokens,
    expectedOutputTokens: CALL.maxOutputTokens,
    writesCache: false,
  };
  return () => {
    const nowMs = Date.now();
    // As in a real call: a new book.
    const book = createPriceBook(undefined);
    const span = { inputTokens: bounds.inputTokens, nowMs };
    const call = {
      actor: ACTOR,
      run: 'r',
      model: CALL.model,
      action: 'llm.generate',
      quote: (model) => quoteModel(book, model, span, () => bounds, priceHeadroomPpm),
      name: book.name,
      listFallbacks: () => [],
      upstream: { provider: 'openrouter', routes: [] },
    };
    const { action } = decideAll(
      policies,
      (cap, atMs, caller) => budget.totals(cap, atMs, caller),
      call,
      nowMs,
    );
    if (action !== 'allow') throw new Error(`the bench means a call that passes, and got ${action}`);
  };
}

export async function benchManyPolicies() {
  const samples = await takeTurns(
    {
      sign: { run: () => void sign(null, hash, privateKey) },
      together: { run: prepare(5, 20, 4) },
      each: { run: prepare(5, 100, 20) },
    },
    { rounds: 2_000, warmUp: 1_000 },
  );
  const unitUs = percentile(samples.sign, 0.5);
  const together = percentile(samples.together, 0.5);
  const each = percentile(samples.each, 0.5);
  const show = (us) => `${(us / unitUs).toFixed(2)}×`;
  return [
    {
      work: '100 rules, 20 caps, 5 policies: deciding',
      us: together,
      against: 'raw sign',
      unitUs,
      ratio: show(together),
      aim: `≤ ${AIM}×`,
      met: together <= AIM * unitUs,
    },
    {
      work: '5 policies of 100 rules and 20 caps each: deciding',
      us: each,
      against: 'raw sign',
      unitUs,
      ratio: show(each),
      aim: 'none: five times as much',
    },
  ];
}
