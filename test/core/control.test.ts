import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createControls, type Grant, grantedTo } from '../../src/core/control.js';
import {
  grantRow,
  policyChangeRow,
  policyRejectedRow,
  resumeRow,
  stopRow,
} from '../../src/core/control-row.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { ONE_USD, parseUsd } from '../../src/core/money.js';
import type { Policy } from '../../src/core/policy.js';
import type { Receipt } from '../../src/core/receipt.js';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const facts = (id: string, timestampMs = NOON) => ({ id, timestampMs, tenantId: 'acme' });
const terms = { usd: 5n * ONE_USD, fromMs: NOON, untilMs: NOON + HOUR, selector: {} };
const policy = (policyHash: string) => ({ id: 'p', version: 1, policyHash }) as Policy;

function fold(...rows: readonly JsonObject[]) {
  const controls = createControls();
  for (const row of rows) feed(controls, row);
  return controls;
}

function feed(controls: ReturnType<typeof createControls>, row: JsonObject): void {
  const decision: JsonObject = { formatVersion: 1, ...row };
  controls.apply({ decision } as unknown as Receipt, Date.parse(String(row.timestamp)));
}

describe('a stop', () => {
  it('holds from its row to the next resume, and says since when, who and why', () => {
    const controls = fold(stopRow(facts('a'), { by: 'ops', reason: 'runaway' }));
    expect(controls.findStop()).toEqual({ id: 'a', sinceMs: NOON, by: 'ops', reason: 'runaway' });
    feed(controls, resumeRow(facts('b'), {}));
    expect(controls.findStop()).toBeUndefined();
  });

  it('is not moved by a second one, and one resume ends both', () => {
    const controls = fold(stopRow(facts('a'), {}), stopRow(facts('b', NOON + HOUR), {}));
    expect(controls.findStop()?.id).toBe('a');
    feed(controls, resumeRow(facts('c'), {}));
    expect(controls.findStop()).toBeUndefined();
  });

  it('holds whatever else its row says or lacks', () => {
    for (const row of [{}, { timestamp: 'never' }, { by: 7, reason: [], decisionId: null }])
      expect(fold({ entryType: 'control', control: 'stop', ...row }).findStop()).toBeDefined();
  });

  it.each([
    ['of another writer, without a format', { formatVersion: undefined as unknown as Json }],
    ['that is a decision', { entryType: undefined as unknown as Json }],
    ['of another kind', { control: 'halt' }],
  ])('is not made by a row %s', (_, change) => {
    const row = { ...stopRow(facts('a'), {}), ...change };
    const decision = 'formatVersion' in change ? { ...row } : { formatVersion: 1, ...row };
    const controls = createControls();
    controls.apply({ decision } as unknown as Receipt, NOON);
    expect(controls.findStop()).toBeUndefined();
  });
});

describe('a grant', () => {
  const CAP = { index: 1, policyId: 'team', unit: 'usd', window: 'per_day' } as const;
  const grants = (controls: ReturnType<typeof createControls>, atMs = NOON) => controls.listGrants(atMs);

  it('is in force from its first moment to its last, the end not included', () => {
    const controls = fold(grantRow(facts('a'), terms, {}));
    const counts = [NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR].map((at) => grants(controls, at).length);
    expect(counts).toEqual([0, 1, 1, 0]);
  });

  it('adds to others that are in force', () => {
    const controls = fold(grantRow(facts('a'), terms, {}), grantRow(facts('b'), terms, {}));
    expect(grantedTo(CAP, {}, grants(controls))).toEqual({ granted: 10n * ONE_USD, ids: ['a', 'b'] });
  });

  it('counts once, however often its row is read', () => {
    const row = grantRow(facts('a'), terms, {});
    expect(grants(fold(row, row))).toHaveLength(1);
  });

  it('is for money caps with a window, and for a cap per call only by its index', () => {
    const all = grants(fold(grantRow(facts('a'), terms, {})));
    const one = grants(fold(grantRow(facts('a'), { ...terms, capIndex: 1 }, {})));
    const granted = (cap: object, list: readonly Grant[]) =>
      grantedTo({ ...CAP, ...cap }, {}, list).granted > 0n;
    expect(granted({}, all)).toBe(true);
    expect(granted({ window: 'per_call' }, all)).toBe(false);
    expect(granted({ window: 'per_call' }, one)).toBe(true);
    expect(granted({ index: 2 }, one)).toBe(false);
    for (const unit of ['requests', 'tokens']) expect(granted({ unit }, all)).toBe(false);
  });

  it('that names a policy is for the caps of that one alone, whatever stands at the same place of another', () => {
    const more = { capPolicyId: 'team' };
    for (const capIndex of [undefined, 1]) {
      const list = grants(fold(grantRow(facts('a'), { ...terms, ...more, capIndex }, {})));
      expect(grantedTo(CAP, {}, list).ids).toEqual(['a']);
      expect(grantedTo({ ...CAP, policyId: 'org' }, {}, list).ids).toEqual([]);
    }
  });

  it('is for the calls that its selector covers', () => {
    const list = grants(fold(grantRow(facts('a'), { ...terms, selector: { userId: 'alice' } }, {})));
    expect(grantedTo(CAP, { userId: 'alice', teamId: 't' }, list).ids).toEqual(['a']);
    expect(grantedTo(CAP, { userId: 'bob' }, list).ids).toEqual([]);
    expect(grantedTo(CAP, {}, list).ids).toEqual([]);
  });

  it.each([
    ['amountUsd', '-5'],
    ['amountUsd', '0'],
    ['amountUsd', 5],
    ['amountUsd', 'lots'],
    ['until', '2026-11-20T12:00:00Z'],
    ['until', 'tomorrow'],
    ['from', null],
    ['capIndex', -1],
    ['capIndex', '1'],
    ['capPolicyId', 1],
    ['capPolicyId', null],
    ['selector', { userID: 'alice' }],
    ['selector', { userId: 7 }],
    ['selector', []],
    ['decisionId', ''],
  ])('whose %s is %j grants nothing', (key, value) => {
    expect(grants(fold({ ...grantRow(facts('a'), terms, {}), [key]: value }))).toEqual([]);
  });

  it('of nothing, or for no time, cannot be made', () => {
    expect(() => grantRow(facts('a'), { ...terms, usd: 0n }, {})).toThrow(RangeError);
    expect(() => grantRow(facts('a'), { ...terms, untilMs: NOON }, {})).toThrow(RangeError);
  });

  it('is forgotten once a later one comes after its end', () => {
    const rows = Array.from({ length: 100 }, (_, n) => {
      const fromMs = NOON + 2 * n * HOUR;
      return grantRow(facts(`${n}`, fromMs), { ...terms, fromMs, untilMs: fromMs + HOUR }, {});
    });
    expect((fold(...rows).save() as { grants: Json[] }).grants).toHaveLength(1);
  });
});

describe('the file of a policy', () => {
  it('is known by its last change and by the edit refused since', () => {
    const controls = fold(policyChangeRow(facts('a'), policy('1'), policy('2')));
    expect(controls.findPolicy('p')).toEqual({
      policyId: 'p',
      hashBefore: '1',
      hash: '2',
      rejected: undefined,
    });
    const refused = { contentHash: 'c', paths: ['caps[0]'] };
    feed(controls, policyRejectedRow(facts('b', NOON + 1), policy('2'), refused));
    expect(controls.findPolicy('p')).toMatchObject({
      hash: '2',
      rejected: { ...refused, sinceMs: NOON + 1 },
    });
    feed(controls, policyChangeRow(facts('c'), policy('2'), policy('2')));
    expect(controls.findPolicy('p')?.rejected).toBeUndefined();
  });

  it('is forgotten when many others changed after it', () => {
    const controls = createControls();
    for (let n = 0; n < 200; n++)
      feed(controls, policyChangeRow(facts(`${n}`), policy('1'), { ...policy('2'), id: `p${n}` } as Policy));
    expect(controls.listPolicies()).toHaveLength(64);
    expect(controls.findPolicy('p199')).toBeDefined();
    expect(controls.findPolicy('p0')).toBeUndefined();
  });
});

describe('saved controls', () => {
  const row = fc.oneof(
    fc.tuple(fc.nat(9), fc.nat(99)).map(([id, n]) => stopRow(facts(`s${id}`, NOON + n), { reason: 'x' })),
    fc.nat(9).map((id) => resumeRow(facts(`r${id}`), {})),
    fc.tuple(fc.nat(9), fc.nat(5), fc.nat(5)).map(([id, from, long]) => {
      const fromMs = NOON + from * HOUR;
      const span = { fromMs, untilMs: fromMs + (long + 1) * HOUR };
      const more = long % 2 === 0 ? {} : { capIndex: long, capPolicyId: `p${long}` };
      return grantRow(facts(`g${id}`, fromMs), { ...terms, ...span, ...more }, { by: 'ops' });
    }),
    fc
      .tuple(fc.nat(3), fc.nat(3))
      .map(([a, b]) => policyChangeRow(facts('p'), policy(`${a}`), policy(`${b}`))),
    fc
      .nat(3)
      .map((n) =>
        policyRejectedRow(facts('q'), policy('1'), { contentHash: n === 0 ? undefined : 'c', paths: ['a'] }),
      ),
  );

  it('go on as if they had read every row, wherever they were saved', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), fc.nat(40), (rows, cut) => {
        const whole = fold(...rows);
        const parts = createControls();
        expect(parts.load(JSON.parse(JSON.stringify(fold(...rows.slice(0, cut)).save())) as Json)).toBe(true);
        for (const one of rows.slice(cut)) feed(parts, one);
        expect(parts.save()).toEqual(whole.save());
        for (let hour = 0; hour < 12; hour++)
          expect(parts.listGrants(NOON + hour * HOUR)).toEqual(whole.listGrants(NOON + hour * HOUR));
        expect(parts.findStop()).toEqual(whole.findStop());
      }),
    );
  });

  it('that are none are refused, and change nothing', () => {
    const good = fold(
      stopRow(facts('a'), {}),
      grantRow(facts('b'), terms, {}),
      policyRejectedRow(facts('c'), policy('1'), { contentHash: 'c', paths: ['x'] }),
    );
    const saved = good.save() as { stop: Json[]; grants: Json[][]; policies: Json[][] };
    const bad: Json[] = [null, 1, 'x', [], {}, { ...saved, stop: 7 }, { ...saved, grants: {} }];
    for (const list of ['stop', 'grants', 'policies'] as const)
      for (const [at] of ((list === 'stop' ? saved.stop : saved[list][0]) as Json[]).entries()) {
        const copy = structuredClone(saved);
        const one = (list === 'stop' ? copy.stop : copy[list][0]) as Json[];
        one[at] = { nothing: true };
        bad.push(copy as unknown as Json);
      }
    const controls = fold(grantRow(facts('z'), { ...terms, usd: parseUsd('0.5') ?? 0n }, {}));
    const accepted = bad.filter((one) => controls.load(one));
    // A selector of unknown labels is none either, so nothing at all passes.
    expect(accepted).toEqual([]);
    expect(controls.listGrants(NOON).map(({ id }) => id)).toEqual(['z']);
  });
});
