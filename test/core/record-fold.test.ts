/** How rows become calls: which row opens one, which changes it, which is another thing, and what counts meanwhile. */
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/core/budget.js';
import type { CallRecord } from '../../src/core/call-record.js';
import type { JsonObject } from '../../src/core/json.js';
import { printUsd } from '../../src/core/money.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import type { Receipt } from '../../src/core/receipt.js';
import { createRecordFold, type RecordChange } from '../../src/core/record-fold.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { callRecord } from '../helpers/call-records.js';
import { policyOf } from '../helpers/guarded-client.js';

const NOON = Date.UTC(2026, 9, 7, 12);
const DECISION: JsonObject = {
  formatVersion: 1,
  decisionId: 'd1',
  attempt: 1,
  action: 'allow',
  actor: { tenantId: 'acme', userId: 'alice', sessionId: 's', environment: 'prod', provider: 'openrouter' },
  provider: 'openrouter',
  modelRequested: 'a/b',
  modelResolved: 'a/c',
  policyId: 'p',
  reasons: ['one', 'two'],
  triggeredScopeKey: 'tenantId=acme',
  expectedUsd: '0.01',
  reservedUsd: '0.02',
};
const SETTLEMENT: JsonObject = {
  formatVersion: 1,
  decisionId: 's1',
  entryType: 'settlement',
  originalDecisionId: 'd1',
  attempt: 1,
  actualUsd: '0.005',
  costSource: 'provider',
  outcome: 'answered',
  partial: false,
  actualInputTokens: 10,
  actualOutputTokens: 5,
  servedModel: 'a/c-2026',
  servedProvider: 'A',
};

function receipt(decision: JsonObject): Receipt {
  return {
    sequence: 0,
    decision,
    previousHash: '',
    entryHash: '',
    signature: '',
    signerFingerprint: 'fp',
    unsigned: {},
  };
}

/** Every change, then the end. */
function fold(rows: readonly JsonObject[], isFinished = true): readonly RecordChange[] {
  const changes: RecordChange[] = [];
  const records = createRecordFold('acme', (change) => changes.push({ ...change, rows: [...change.rows] }));
  for (const row of rows) records.apply(receipt(row), NOON);
  if (isFinished) records.finish();
  return changes;
}

const steps = (rows: readonly JsonObject[]) =>
  fold(rows).map(({ record, isNew, isFinal }) =>
    [record.state, show(record.costUsd), isNew ? 'new' : '', isFinal ? 'final' : '']
      .filter(Boolean)
      .join(' '),
  );
const TYPES = Object.fromEntries(
  Object.entries(callRecord()).flatMap(([name, field]) =>
    typeof field === 'string' ? [[name, 'string']] : [],
  ),
);
const show = (usd: CallRecord['costUsd']) => (usd === null ? 'unknown' : printUsd(usd));

describe('a call', () => {
  it('has what its decision and its settlement say', () => {
    const [begun, ended] = fold([DECISION, SETTLEMENT]);
    expect(begun).toMatchObject({ rows: [0], isNew: true, isFinal: false });
    expect(ended).toMatchObject({ rows: [0, 1], isNew: false, isFinal: true });
    expect(ended!.record).toEqual({
      decisionId: 'd1',
      attempt: 1,
      scope: 'acme',
      row: 0,
      timestampMs: NOON,
      action: 'allow',
      wouldAction: '',
      state: 'settled',
      tenant: 'acme',
      user: 'alice',
      team: '',
      agent: '',
      task: '',
      session: 's',
      workflow: '',
      environment: 'prod',
      provider: 'openrouter',
      requested: 'a/b',
      resolved: 'a/c',
      served: 'a/c-2026',
      servedProvider: 'A',
      policy: 'p',
      code: '',
      cap: 'tenantId=acme',
      reason: 'one; two',
      signer: 'fp',
      expectedUsd: 10n ** 22n,
      reservedUsd: 2n * 10n ** 22n,
      actualUsd: 5n * 10n ** 21n,
      costUsd: 5n * 10n ** 21n,
      costSource: 'provider',
      outcome: 'answered',
      partial: false,
      inputTokens: 10,
      outputTokens: 5,
    });
  });

  it.each<[string, readonly JsonObject[], readonly string[]]>([
    ['is held until it ends', [DECISION], ['held 0.02 new', 'held 0.02 final']],
    ['is settled once', [DECISION, SETTLEMENT, SETTLEMENT], ['held 0.02 new', 'settled 0.005 final']],
    [
      'that is written twice is one',
      [DECISION, DECISION, SETTLEMENT],
      ['held 0.02 new', 'settled 0.005 final'],
    ],
    [
      'whose cost is unknown keeps its bound until the truth comes',
      [
        DECISION,
        { ...SETTLEMENT, costSource: 'reserved', actualUsd: '0.02' },
        { ...SETTLEMENT, costSource: 'reserved', actualUsd: '0.01' },
        SETTLEMENT,
      ],
      ['held 0.02 new', 'settled 0.02', 'settled 0.005 final'],
    ],
    [
      'that was released costs nothing',
      [DECISION, { ...SETTLEMENT, costSource: 'released', actualUsd: '0' }],
      ['held 0.02 new', 'released 0 final'],
    ],
    [
      'without a price keeps its bound',
      [DECISION, { ...SETTLEMENT, actualUsd: null }],
      ['held 0.02 new', 'settled 0.02 final'],
    ],
    [
      'without a price and a bound has an unknown cost',
      [
        { ...DECISION, reservedUsd: null },
        { ...SETTLEMENT, actualUsd: null },
      ],
      ['held unknown new', 'settled unknown final'],
    ],
    [
      'is not settled by a row without an amount, or with a false one',
      [
        DECISION,
        without(SETTLEMENT, 'actualUsd'),
        { ...SETTLEMENT, actualUsd: '-1' },
        { ...SETTLEMENT, actualUsd: 5 },
      ],
      ['held 0.02 new', 'held 0.02 final'],
    ],
    [
      'is not settled by a row about another attempt or another call',
      [DECISION, { ...SETTLEMENT, attempt: 2 }, { ...SETTLEMENT, originalDecisionId: 'd2' }],
      ['held 0.02 new', 'held 0.02 final'],
    ],
    [
      'that was refused costs nothing, at once',
      [{ ...DECISION, action: 'block', refusal: { code: 'cap_exceeded' } }, SETTLEMENT],
      ['blocked 0 new final'],
    ],
    [
      'of another program counts its projected cents until its settlement',
      [
        { ...without(DECISION, 'formatVersion', 'reservedUsd', 'expectedUsd'), projectedCents: 3 },
        { ...without(SETTLEMENT, 'formatVersion', 'actualUsd', 'costSource'), actualCents: 2 },
      ],
      ['settled 0.03 new', 'settled 0.02 final'],
    ],
    [
      'is not moved by a route that failed',
      [DECISION, { ...SETTLEMENT, entryType: 'outcome' }],
      ['held 0.02 new', 'held 0.02 final'],
    ],
    ['without an id is told at once', [without(DECISION, 'decisionId')], ['held 0.02 new final']],
  ])('%s', (_, rows, expected) => expect(steps(rows)).toEqual(expected));

  it('names all rows about it, and other lines move their places', () => {
    const changes: (readonly number[])[] = [];
    const records = createRecordFold('acme', ({ rows, isFinal }) => isFinal && changes.push([...rows]));
    records.skip(2);
    for (const row of [DECISION, { ...DECISION, decisionId: 'd2' }, { ...SETTLEMENT, entryType: 'outcome' }])
      records.apply(receipt(row), NOON);
    records.skip();
    records.apply(receipt(SETTLEMENT), NOON);
    records.finish();
    expect(changes).toEqual([[2, 4, 6], [3]]);
  });
});

describe('a row that is no call', () => {
  it.each<[string, JsonObject, Partial<CallRecord>]>([
    ['a stop', { entryType: 'control', control: 'stop', reason: 'audit' }, { code: 'stop', reason: 'audit' }],
    [
      'an acknowledgement',
      { entryType: 'acknowledgement', note: 'ok' },
      { code: 'acknowledgement', reason: 'ok' },
    ],
    ['a kind of a later version', { entryType: 'new' }, { code: 'new', reason: '' }],
    ['a kind that is no text', { entryType: 5 }, { code: '' }],
  ])('is a control row: %s', (_, row, expected) => {
    const changes = fold([row]);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({
      isFinal: true,
      record: { action: 'control', state: 'control', ...expected },
    });
  });
});

describe('rows of any shape', () => {
  it('never throw, and text stays text', () => {
    const strange = [null, 5, '', 'x', [], {}, ['x', 5], { tenantId: 5 }] as const;
    const keys = [...Object.keys(DECISION), ...Object.keys(SETTLEMENT), 'refusal', 'control'];
    for (const base of [DECISION, SETTLEMENT, { entryType: 'control' }])
      for (const key of keys)
        for (const value of strange)
          for (const { record } of fold([DECISION, { ...base, [key]: value as never }]))
            for (const [name, field] of Object.entries(record))
              expect(`${name}: ${typeof field}`).toBe(`${name}: ${TYPES[name] ?? typeof field}`);
  });
});

describe('the sum of the records', () => {
  it('is what the counters of caps count', () => {
    const rows = [
      DECISION,
      SETTLEMENT,
      { ...DECISION, decisionId: 'd2' },
      { ...DECISION, decisionId: 'd3' },
      { ...SETTLEMENT, originalDecisionId: 'd3', costSource: 'reserved', actualUsd: '0.02' },
      { ...DECISION, decisionId: 'd4', action: 'block' },
      { ...without(DECISION, 'formatVersion'), decisionId: 'd5', projectedCents: 7 },
      { ...DECISION, decisionId: 'd6' },
      { ...SETTLEMENT, originalDecisionId: 'd6', costSource: 'released', actualUsd: '0' },
    ];
    const reading = parsePolicy(
      policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }]),
      nodeBackend,
    );
    if (!reading.ok) throw new Error('the policy is wrong');
    const budget = new Budget(reading.policy.caps);
    for (const row of rows) budget.apply(receipt(row), NOON);
    const { settled, held } = budget.totals(reading.policy.caps[0]!, NOON, {
      actor: { tenantId: 'acme' },
      run: '',
    });
    const final = fold(rows).filter((change) => change.isFinal);
    const sumOf = (state: string) =>
      final.reduce((sum, { record }) => (record.state === state ? sum + record.costUsd! : sum), 0n);
    expect([printUsd(sumOf('settled')), printUsd(sumOf('held'))]).toEqual([
      printUsd(settled),
      printUsd(held),
    ]);
    expect([printUsd(settled), printUsd(held)]).toEqual(['0.095', '0.02']);
  });
});

function without(row: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key)));
}
