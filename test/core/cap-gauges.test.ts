/** Where caps stand: whose policy is in force, whose counter is shown, and when a limit will be reached. */
import { describe, expect, it } from 'vitest';
import { createGaugeFold } from '../../src/core/cap-gauges.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import type { Policy, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { policyOf } from '../helpers/guarded-client.js';

const MIDNIGHT = Date.UTC(2026, 9, 7);
const HOUR_MS = 3_600_000;
const DAILY: SpendCap = { amountCents: 100, window: 'per_day', action: 'block' };

function policy(caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}): Policy {
  const reading = parsePolicy(policyOf(caps, more), nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

let next = 0;

/** A fold with a short way to add calls. */
function open(policies: readonly Policy[], always: readonly Policy[] = []) {
  const fold = createGaugeFold('acme', policies, always);
  const add = (decision: JsonObject, atMs: number) =>
    fold.apply({ decision: { formatVersion: 1, ...decision } } as never, atMs);
  const call = (of: Policy, usd: string, atMs = MIDNIGHT + HOUR_MS, actor: Json = { tenantId: 'acme' }) => {
    const decisionId = `d${next++}`;
    add(
      { decisionId, action: 'allow', actor, policyId: of.id, policyHash: of.policyHash, reservedUsd: usd },
      atMs,
    );
    return (actualUsd: string) =>
      add(
        {
          decisionId: 's',
          entryType: 'settlement',
          originalDecisionId: decisionId,
          actualUsd,
          costSource: 'provider',
        },
        atMs,
      );
  };
  const brief = (nowMs = MIDNIGHT + 12 * HOUR_MS) =>
    fold
      .list(nowMs)
      .map(({ key, settled, held, left, limit, share }) => ({ key, settled, held, left, limit, share }));
  return { fold, add, call, brief };
}

describe('a gauge', () => {
  it('has what is settled, held and left, and when it starts anew', () => {
    const daily = policy([DAILY]);
    const { call, fold } = open([daily]);
    call(daily, '0.3')('0.25');
    call(daily, '0.1');
    expect(fold.list(MIDNIGHT + 12 * HOUR_MS)).toEqual([
      {
        scope: 'acme',
        policyId: 'test',
        policyHash: daily.policyHash,
        index: 0,
        task: null,
        action: 'block',
        window: 'per_day',
        unit: 'usd',
        key: 'tenantId=acme',
        limit: '1',
        settled: '0.25',
        held: '0.1',
        left: '0.65',
        granted: '0',
        windowStartMs: MIDNIGHT,
        resetsAtMs: MIDNIGHT + 24 * HOUR_MS,
        reachedAtMs: null,
        share: 0.35,
      },
    ]);
  });

  it('is empty again in the next window', () => {
    const daily = policy([DAILY]);
    const { call, brief } = open([daily]);
    call(daily, '0.3')('0.25');
    expect(brief(MIDNIGHT + 24 * HOUR_MS)).toMatchObject([{ settled: '0', left: '1', share: 0 }]);
  });

  it.each([
    ['0.75', 12, 16],
    ['0.5', 12, null],
    ['0.51', 12, 12 / 0.51],
    ['1', 12, 12],
    ['2', 12, 12],
    ['0', 12, null],
  ])('of $%s spent after %s hours is full after %s', (usd, hours, full) => {
    const daily = policy([DAILY]);
    const { call, fold } = open([daily]);
    call(daily, usd)(usd);
    const [gauge] = fold.list(MIDNIGHT + hours * HOUR_MS);
    expect(gauge!.reachedAtMs).toBe(full === null ? null : Math.floor(MIDNIGHT + full * HOUR_MS));
    expect(gauge!.left.startsWith('-')).toBe(false);
  });

  it('has the limit with its grants while they last', () => {
    const daily = policy([DAILY]);
    const { call, add, brief, fold } = open([daily]);
    call(daily, '0.5')('0.5');
    const [from, until] = [MIDNIGHT + 2 * HOUR_MS, MIDNIGHT + 13 * HOUR_MS].map((ms) =>
      new Date(ms).toISOString(),
    );
    add(
      { decisionId: 'g', entryType: 'control', control: 'grant', amountUsd: '2', from: from!, until: until! },
      MIDNIGHT,
    );
    expect(brief()).toMatchObject([{ limit: '3', left: '2.5' }]);
    expect(fold.list(MIDNIGHT + 12 * HOUR_MS)[0]!.granted).toBe('2');
    expect(brief(MIDNIGHT + 14 * HOUR_MS)).toMatchObject([{ limit: '1', left: '0.5' }]);
  });

  it('stands for each value of a cap that keeps counters apart, fullest first', () => {
    const each = policy([{ ...DAILY, per: 'userId' }]);
    const { call, brief } = open([each]);
    call(each, '0.1', undefined, { tenantId: 'acme', userId: 'bob' })('0.1');
    call(each, '0.2', undefined, { tenantId: 'acme', userId: 'a/b' })('0.2');
    call(each, '0.05')('0.05');
    expect(brief().map(({ key, settled }) => [key, settled])).toEqual([
      ['tenantId=acme/userId=a%2Fb', '0.2'],
      ['tenantId=acme/userId=bob', '0.1'],
      ['tenantId=acme/no userId', '0.05'],
    ]);
    expect(brief(MIDNIGHT + 30 * HOUR_MS)).toEqual([]);
  });

  it('counts requests in whole numbers, and is none for a cap on single calls', () => {
    const requests = policy([
      { maxRequests: 30, window: 'per_day', action: 'block' } as SpendCap,
      { ...DAILY, window: 'per_call' },
    ]);
    const { call, brief } = open([requests]);
    call(requests, '0.1');
    call(requests, '0.1')('0.1');
    expect(brief()).toMatchObject([{ limit: '30', settled: '1', held: '1', left: '28' }]);
  });
});

describe('in force is', () => {
  const old = policy([DAILY]);
  const now = policy([{ ...DAILY, amountCents: 200 }], { version: 2 });
  const other = policy([{ ...DAILY, amountCents: 300 }], { id: 'other' });
  const limits = (brief: { limit: string }[]) => brief.map(({ limit }) => limit).sort();

  it('nothing before a row names a policy, but what is asked for', () => {
    expect(open([old, now]).brief()).toEqual([]);
    expect(limits(open([old], [now]).brief())).toEqual(['2']);
  });

  it('what the newest row of each policy names', () => {
    const { call, brief } = open([old, now, other]);
    call(other, '0.1');
    call(old, '0.1');
    expect(limits(brief())).toEqual(['1', '3']);
    call(now, '0.1');
    expect(limits(brief())).toEqual(['2', '3']);
  });

  it('what the file of a policy changed to, and each of several policies', () => {
    const { add, brief } = open([old, now, other]);
    add({ entryType: 'control', control: 'policy', policyId: now.id, policyHash: now.policyHash }, MIDNIGHT);
    add(
      { entryType: 'control', control: 'policy_rejected', policyId: now.id, policyHash: old.policyHash },
      MIDNIGHT,
    );
    expect(limits(brief())).toEqual(['2']);
    const policies = [{ id: other.id, hash: other.policyHash }];
    add(
      { decisionId: 'x', action: 'block', policyId: now.id, policyHash: now.policyHash, policies },
      MIDNIGHT,
    );
    expect(limits(brief())).toEqual(['2', '3']);
  });

  it('not known when its text is not: that is said', () => {
    const { call, fold } = open([old]);
    call(now, '0.1');
    expect(fold.list(MIDNIGHT)).toEqual([]);
    expect(fold.listUnknown()).toEqual([now.policyHash]);
  });
});

describe('rows of any shape', () => {
  it('never throw', () => {
    const each = policy([{ ...DAILY, per: 'userId' }, { ...DAILY, window: 'per_run' } as SpendCap]);
    const { call, add, brief } = open([each]);
    for (const userId of [5, null, {}, ['x'], '', '__proto__'])
      call(each, '0.01', undefined, { tenantId: 'acme', userId });
    for (const policies of [5, [5], [{ id: 5 }], {}])
      add({ policies, policyId: 5, policyHash: [] }, MIDNIGHT);
    expect(brief().length).toBeGreaterThan(1);
  });
});
