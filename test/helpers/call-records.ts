/** Call records for tests of whatever lists, filters and sums them. */
import fc from 'fast-check';
import { CALL_STATES, type CallRecord, RECORD_ACTIONS } from '../../src/core/call-record.js';

/** A settled, allowed call of a cent. */
export function callRecord(changes: Partial<CallRecord> = {}): CallRecord {
  return {
    decisionId: '4f3a9c1e-0000-4000-8000-000000000001',
    attempt: 1,
    scope: 'acme',
    row: 0,
    timestampMs: Date.UTC(2026, 9, 7, 12),
    action: 'allow',
    wouldAction: '',
    state: 'settled',
    tenant: 'acme',
    user: 'alice',
    team: 'engineering',
    agent: 'reviewer',
    task: 'code-review',
    session: '',
    workflow: '',
    environment: 'production',
    provider: 'openrouter',
    requested: 'anthropic/claude-sonnet-4.5',
    resolved: 'anthropic/claude-haiku-4.5',
    served: 'anthropic/claude-4.5-haiku-20251001',
    servedProvider: 'Anthropic',
    policy: 'starter',
    code: '',
    cap: 'tenantId=acme/userId=alice',
    reason: 'within every cap',
    signer: '9beb3f8ba35afd9f',
    expectedUsd: 9n * 10n ** 21n,
    reservedUsd: 2n * 10n ** 22n,
    actualUsd: 10n ** 22n,
    costUsd: 10n ** 22n,
    costSource: 'provider',
    outcome: 'answered',
    partial: false,
    inputTokens: 800,
    outputTokens: 200,
    ...changes,
  };
}

const text = (...values: readonly string[]) => fc.constantFrom('', ...values);
const usd = fc.oneof(fc.constant(null), fc.bigInt(0n, 10n ** 24n), fc.constant(10n ** 22n));

/** Records whose fields often agree with one another and with `callRecord`. */
export function arbitraryRecords(maxLength = 30): fc.Arbitrary<readonly CallRecord[]> {
  const changes: { readonly [K in keyof CallRecord]?: fc.Arbitrary<CallRecord[K]> } = {
    timestampMs: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: Date.UTC(2026, 8, 29), max: Date.UTC(2026, 10, 3) }) },
      { weight: 1, arbitrary: fc.constant(Number.NaN) },
    ),
    action: fc.constantFrom(...RECORD_ACTIONS),
    state: fc.constantFrom(...CALL_STATES),
    user: text('alice', 'bob', 'Alice', 'a"b', 'x,y', '*', '__proto__'),
    team: text('engineering', 'sales'),
    task: text('code-review', 'or', '-user:x'),
    resolved: text('anthropic/claude-haiku-4.5', 'openai/gpt-5-mini', 'openai/gpt-5-mini:free'),
    requested: text('anthropic/claude-sonnet-4.5', 'openai/gpt-5-mini'),
    code: text('cap_exceeded', 'stopped'),
    costSource: text('provider', 'computed', 'reserved'),
    expectedUsd: usd,
    reservedUsd: usd,
    actualUsd: usd,
    costUsd: usd,
    inputTokens: fc.option(fc.nat(10_000)),
    outputTokens: fc.option(fc.nat(10_000)),
  };
  const one = fc.record(changes as Record<string, fc.Arbitrary<never>>).map((fields) => callRecord(fields));
  return fc.array(one, { maxLength }).map((records) => records.map((record, row) => ({ ...record, row })));
}
