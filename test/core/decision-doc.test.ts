/** Section 3 of docs/receipt-format.md names every key that our rows have, and none that they cannot have. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CapCheck } from '../../src/core/cap-check.js';
import { grantRow, policyChangeRow, policyRejectedRow } from '../../src/core/control-row.js';
import type { Decision } from '../../src/core/decide.js';
import { type CallFacts, decisionRow } from '../../src/core/decision.js';
import type { JsonObject } from '../../src/core/json.js';
import type { Policy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { quoteCall } from '../../src/core/price.js';
import { rotationRow } from '../../src/core/rotation.js';
import { fallbackRow, type Settlement, settlementRow } from '../../src/core/settlement.js';
import { nodeBackend } from '../../src/store/node-crypto.js';

const text = readFileSync(new URL('../../docs/receipt-format.md', import.meta.url), 'utf8');
const section = text.slice(text.indexOf('\n## 3. '), text.indexOf('\n## 4. '));
const documented = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key!);

/** Keys that the store adds to rows, or makes rows of; tested where they are made. */
const OF_THE_STORE = [
  'formatVersion',
  'ledgerId',
  'ledgerIndex',
  'ledgerPreviousHash',
  'tornTail',
  'acknowledged',
  'note',
];

const FACTS: CallFacts = {
  decisionId: 'd',
  attempt: 1,
  timestampMs: 0,
  actor: { tenantId: 'acme' },
  provider: 'openrouter',
  path: '/chat/completions',
  instance: 'i',
  run: 'r',
};
const UNITS = { inputUsd: 1n, outputUsd: 1n, requestUsd: 1n };
const BOUNDS = { inputTokens: 2, outputTokens: 2, expectedInputTokens: 1, expectedOutputTokens: 1 };

function compile(caps: readonly object[]): Policy {
  const rest = { id: 'p', name: 'P', scope: { tenantId: 'acme' }, mode: 'enforce', version: 1 };
  const reading = parsePolicy({ ...rest, effectiveFrom: '2026-01-01T00:00:00Z', caps }, nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

const plain = compile([
  { amountCents: 1, window: 'per_run', action: 'downgrade', downgradeTo: 'a/b', reason: 'why' },
  { maxTokens: 1, window: 'per_day', action: 'block' },
]);
const approver = { publicKeyHex: 'k', name: null, signedAt: 't' };
const policy = { ...plain, approver, caps: plain.caps.map((cap) => ({ ...cap, task: 'review' })) };

const other = compile([]);

/** A decision in which everything that can be said is said. */
function fullDecision(): Decision {
  const checks = policy.caps.map(
    (cap): CapCheck => ({
      cap,
      tripped: true,
      scopeKey: cap.scopeKey,
      limit: cap.limit,
      granted: 1n,
      grants: ['g'],
      spent: 1n,
      held: 1n,
      adds: 1n,
      alerts: [{ level: { text: '0.8', part: 8n }, spent: 1n, limit: 1n }],
      windowStartMs: 0,
      resetsAtMs: 1,
    }),
  );
  const table = { hash: 'h', fetchedAt: 't' };
  const price = {
    model: 'a/b',
    identity: 'a/b',
    source: 'synced',
    list: UNITS,
    bound: UNITS,
    admit: UNITS,
    cacheWriteFactor: 1n,
    maxOutputTokens: undefined,
    table,
  } as const;
  const quote = quoteCall(
    price,
    { ...BOUNDS, writesCache: false } as Parameters<typeof quoteCall>[1],
    1_000_000n,
  );
  const rule = { index: 0, effect: 'deny', action: '*', resource: 'model/*', reason: 'why' };
  return {
    action: 'block',
    modelRequested: 'a/b',
    modelResolved: 'a/b',
    reasons: ['why'],
    triggered: checks[1]!,
    rule: { effect: 'deny', rule, model: 'a/b', task: 'review' },
    checks,
    quote,
    refusal: { code: 'cap_exceeded', message: '', hint: '', check: null, alternatives: [] },
    wouldAction: 'block',
    wouldModel: 'a/b',
    heldBack: [],
    routes: { only: ['a'], ignore: ['b'] },
    alerting: checks,
    policy,
    parts: [
      { policy, action: 'shadow', wouldAction: 'block', rule: { effect: 'allow', rule: null, model: 'a/b' } },
      { policy: other, action: 'block', wouldAction: null, rule: null },
    ],
  } as unknown as Decision;
}

const SETTLEMENT: Settlement = {
  costSource: 'provider',
  actualUsd: 10n ** 24n,
  partial: false,
  outcome: 'answered',
  inputTokens: 1,
  outputTokens: 1,
  servedModel: 'a/b',
  servedProvider: 'B',
  generationId: 'g',
  httpStatus: 200,
  refusal: { class: 'fix', cause: 'bad_request' },
};

const decision = decisionRow(fullDecision(), { ...FACTS, capabilityClaim: 'read_only' }, {});
const settlement = settlementRow(fullDecision(), FACTS, SETTLEMENT, 's', 0);
const route = { model: 'a/b', provider: 'P', httpStatus: 500 };
const fallback = fallbackRow(fullDecision(), FACTS, route, 'f', 0);
const place = { id: 'c', timestampMs: 0, tenantId: 'acme' };
const rotation = rotationRow({ ...place, retiredKeyHex: 'a', newKeyHex: 'b', reason: 'why' });
const controls = [
  grantRow(
    place,
    { usd: 1n, fromMs: 0, untilMs: 1, selector: { userId: 'u' }, capPolicyId: 'p', capIndex: 0 },
    { by: 'b', reason: 'r' },
  ),
  policyChangeRow(place, policy, other),
  policyRejectedRow(place, policy, { contentHash: 'h', paths: ['caps'] }),
];

describe('section 3 of docs/receipt-format.md', () => {
  it('has every key of a decision, a settlement, an outcome and a control, and no other, each once', () => {
    const real = [decision, settlement, fallback, rotation, ...controls].flatMap((row) => Object.keys(row));
    expect(documented.toSorted()).toEqual([...new Set([...real, ...OF_THE_STORE])].toSorted());
  });

  it('names the keys inside: caps of each kind, the cap that decided, rule and refusal', () => {
    const { alerts, caps, policies, triggeredCap, rule, refusal } = decision;
    const lists = [caps, policies, alerts].flatMap((list) => list as JsonObject[]);
    const inner = [...lists, triggeredCap, rule, refusal] as JsonObject[];
    for (const key of inner.flatMap((object) => Object.keys(object))) expect(section).toContain(`\`${key}\``);
    expect(inner.flatMap((object) => Object.keys(object))).toEqual(
      expect.arrayContaining([
        'limitUsd',
        'unit',
        'adds',
        'task',
        'policy',
        'hash',
        'resource',
        'alternatives',
      ]),
    );
  });

  it('says of a settlement which keys it repeats, and of an outcome', () => {
    const later = section.slice(section.indexOf('### Keys of later rows'));
    for (const row of [settlement, fallback])
      for (const key of Object.keys(row)) expect(later).toContain(`\`${key}\``);
  });
});
