import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAP_ACTIONS, CAP_WINDOWS, type Policy, type PolicyReading } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { covers } from '../../src/core/scope.js';
import { referenceData } from '../helpers/reference-data.js';

const numRuns = process.env.SLOW ? 50_000 : 1_000;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

const CAP = { amountCents: 5000, window: 'per_day', action: 'block' };
const RULE = { effect: 'deny', action: '*', resource: 'model/*' };
const POLICY = {
  id: 'team',
  name: 'Team',
  scope: { tenantId: 'acme', teamId: 'engineering' },
  caps: [CAP],
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-10-01T00:00:00Z',
};

function read(input: unknown): PolicyReading {
  return parsePolicy(input, { sha256 });
}

function compile(changes: object = {}): Policy {
  return compileAlone({ ...POLICY, ...changes });
}

function compileAlone(input: unknown): Policy {
  const reading = read(input);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** The problems as `path message` lines. */
function problemsOf(input: unknown): readonly string[] {
  const reading = read(input);
  return reading.ok ? [] : reading.problems.map((problem) => `${problem.path} ${problem.message}`);
}

const withCap = (changes: object) => ({ ...POLICY, caps: [CAP, { ...CAP, ...changes }] });
const without = (holder: object, key: string) => ({ ...holder, [key]: undefined });

describe('a valid policy', () => {
  it('compiles with the documented defaults', () => {
    const { policyHash, hashedText, ...policy } = compile();
    expect(JSON.parse(hashedText)).toMatchObject({ id: 'team', version: 1 });
    expect(policyHash).toMatch(/^[0-9a-f]{64}$/);
    expect(policy).toEqual({
      id: 'team',
      name: 'Team',
      scope: { tenantId: 'acme', teamId: 'engineering' },
      mode: 'enforce',
      timeZone: 'UTC',
      version: 1,
      effectiveFromMs: Date.UTC(2026, 9, 1),
      requiredCapability: undefined,
      defaultMaxOutputTokens: undefined,
      priceHeadroomPpm: undefined,
      maxPriceAgeMs: undefined,
      onStalePrice: 'warn',
      rules: [],
      providerRules: [],
      tasks: [],
      caps: [
        {
          index: 0,
          policyId: 'team',
          path: 'caps[0]',
          task: undefined,
          unit: 'usd',
          limit: 50n * 10n ** 24n,
          window: 'per_day',
          timeZone: 'UTC',
          per: undefined,
          action: 'block',
          downgradeTo: undefined,
          reason: undefined,
          alertAt: [],
          match: { tenantId: 'acme', teamId: 'engineering' },
          specificity: 2,
          scopeKey: 'tenantId=acme/teamId=engineering',
        },
      ],
    });
  });

  it('a selector narrows the scope of its cap, and may repeat it', () => {
    const selector = { userId: 'alice', tenantId: 'acme' };
    const [cap] = compile({ caps: [{ ...CAP, selector }] }).caps;
    expect(cap).toMatchObject({ specificity: 3, scopeKey: 'tenantId=acme/teamId=engineering/userId=alice' });
  });

  it('of rules alone leaves the rest to the guard', () => {
    const reading = read({ name: 'models', description: 'Only some', rules: [RULE] });
    expect(reading).toMatchObject({
      ok: true,
      warnings: [],
      policy: { id: 'models', scope: {}, caps: [], mode: 'enforce', version: 1, effectiveFromMs: 0 },
    });
  });

  it.skipIf(!referenceData)('is a published one of rules (needs AGENTGUARD_DATA)', () => {
    const text = readFileSync(join(referenceData!, 'controlzero-policy.json'), 'utf8');
    expect(compileAlone(JSON.parse(text)).rules).toHaveLength(5);
  });

  it('every window goes with every action', () => {
    for (const window of CAP_WINDOWS) {
      for (const action of CAP_ACTIONS) {
        const downgradeTo = action === 'downgrade' ? 'a/b' : undefined;
        const [cap] = compile({ caps: [{ amountCents: 1, window, action, downgradeTo }] }).caps;
        expect(cap).toMatchObject({ window, action, downgradeTo });
      }
    }
  });

  it.each([
    [0.1, 10n ** 21n],
    ['0.1', 10n ** 21n],
    ['1e-22', 1n],
    [1e21, 10n ** 43n],
    ['0.0000000000000000000001', 1n],
    [0.1 + 0.2, 3_000_000_000_000_000_4n * 10n ** 5n],
    ['-0', 0n],
  ])('%s cents are exact', (amountCents, amountUsd) => {
    expect(compile({ caps: [{ ...CAP, amountCents }] }).caps[0]!.limit).toBe(amountUsd);
  });

  it.each([
    [1, 1_000_000n],
    ['1.000000', 1_000_000n],
    [1.1, 1_100_000n],
    ['1.000001', 1_000_001n],
    ['2.5e1', 25_000_000n],
  ])('a price headroom of %s is exact', (priceHeadroom, ppm) => {
    expect(compile({ priceHeadroom }).priceHeadroomPpm).toBe(ppm);
  });

  it('a version may be text, and a moment may name its zone', () => {
    expect(compile({ version: '1.2-rc' }).version).toBe('1.2-rc');
    expect(compile({ effectiveFrom: '2026-10-01T02:00:00+02:00' }).effectiveFromMs).toBe(
      Date.UTC(2026, 9, 1),
    );
  });

  it('keeps its reading when the object it came from changes', () => {
    const input = structuredClone(POLICY);
    const reading = read(input);
    input.caps[0]!.amountCents = 1;
    input.scope.tenantId = 'other';
    expect(reading).toMatchObject({ ok: true, policy: { scope: { tenantId: 'acme' } } });
    expect(reading.ok && reading.policy.caps[0]!.limit).toBe(50n * 10n ** 24n);
  });

  it('a class instance with getters of its own is read as data', () => {
    class Team {
      id = 'team';
    }
    const getters = Object.defineProperty(new Team(), 'caps', { get: () => [CAP], enumerable: true });
    expect(read(Object.assign(Object.create(null), POLICY, getters)).ok).toBe(true);
    expect(read(new Proxy(POLICY, {})).ok).toBe(true);
  });
});

describe('a policy is refused when', () => {
  it.each([
    [undefined, 'policy is missing'],
    [null, 'policy must be an object, found null'],
    ['{}', 'policy must be an object, found "{}"'],
    [[POLICY], 'policy must be an object, found an array'],
    [true, 'policy must be an object, found true'],
    [7n, 'policy is a JavaScript bigint, which JSON cannot hold'],
  ])('it is %s', (input, problem) => {
    expect(problemsOf(input)).toEqual([problem]);
  });

  it.each(['id', 'name', 'scope', 'caps', 'mode', 'version', 'effectiveFrom'])('%s is absent', (key) => {
    expect(problemsOf(without(POLICY, key))).toEqual([`${key} is missing`]);
  });

  it.each(['amountCents', 'window', 'action'])('a cap has no %s', (key) => {
    expect(problemsOf({ ...POLICY, caps: [CAP, without(CAP, key)] })).toEqual([`caps[1].${key} is missing`]);
  });

  it.each([
    [{ id: '' }, 'id must not be empty'],
    [{ id: 5 }, 'id must be text, found the number 5'],
    [{ id: 'a\u0000' }, 'id must not contain control characters, found "a\\u0000"'],
    [{ id: '\ud83d' }, 'id has half a surrogate pair, which is no text'],
    [{ name: '  ' }, 'name must not be empty'],
    [{ name: 'n'.repeat(257) }, 'name must not be longer than 256 characters, has 257'],
    [{ description: 'd'.repeat(1025) }, 'description must not be longer than 1024 characters, has 1025'],
    [{ description: {} }, 'description must be text, found an object'],
    [{ scope: 'acme' }, 'scope must be an object, found "acme"'],
    [{ scope: {} }, 'scope.tenantId is missing'],
    [{ scope: { tenantId: 'a', team: 'b' } }, 'scope.team is not a known key; did you mean "teamId"?'],
    [{ caps: {} }, 'caps must be an array, found an object'],
    [{ caps: 'none' }, 'caps must be an array, found "none"'],
    [{ caps: [null] }, 'caps[0] must be an object, found null'],
    [{ caps: [[]] }, 'caps[0] must be an object, found an array'],
    [{ caps: [CAP, undefined] }, 'caps[1] is missing'],
    [{ mode: 'Enforce' }, 'mode must be one of enforce, shadow, found "Enforce"; did you mean "enforce"?'],
    [{ mode: 'off' }, 'mode must be one of enforce, shadow, found "off"'],
    [{ mode: true }, 'mode must be one of enforce, shadow, found true'],
    [{ version: '' }, 'version must not be empty'],
    [{ version: 1.5 }, 'version must be a whole number or text such as "1.2", found the number 1.5'],
    [
      { version: 2 ** 53 },
      'version must be a whole number or text such as "1.2", found the number 9007199254740992',
    ],
    [{ version: null }, 'version must be a whole number or text such as "1.2", found null'],
    [{ version: Number.NaN }, 'version is NaN, not a finite number'],
    [
      { effectiveFrom: '2026-10-01' },
      'effectiveFrom must be ISO 8601 text with time and zone such as "2026-10-01T00:00:00Z", found "2026-10-01"',
    ],
    [
      { effectiveFrom: new Date(0) },
      'effectiveFrom must be ISO 8601 text with time and zone such as "2026-10-01T00:00:00Z", found an object',
    ],
    [
      { requiredCapability: 'data-write' },
      'requiredCapability must be one of read_only, data_write, payment_initiate, payment_execute, found "data-write"; did you mean "data_write"?',
    ],
    [
      { defaultMaxOutputTokens: 0 },
      'defaultMaxOutputTokens must be a whole number of at least 1, found the number 0',
    ],
    [
      { defaultMaxOutputTokens: -5 },
      'defaultMaxOutputTokens must be a whole number of at least 1, found the number -5',
    ],
    [
      { defaultMaxOutputTokens: 1.5 },
      'defaultMaxOutputTokens must be a whole number of at least 1, found the number 1.5',
    ],
    [
      { defaultMaxOutputTokens: '9' },
      'defaultMaxOutputTokens must be a whole number of at least 1, found "9"',
    ],
    [
      { defaultMaxOutputTokens: 'model' },
      'defaultMaxOutputTokens is "model", which this version does not evaluate; write a whole number of tokens',
    ],
    [{ priceHeadroom: 0.999999 }, 'priceHeadroom must be at least 1'],
    [{ priceHeadroom: 0 }, 'priceHeadroom must be at least 1'],
    [{ priceHeadroom: '-1' }, 'priceHeadroom must not be negative, found "-1"'],
    [{ priceHeadroom: '1.0000001' }, 'priceHeadroom has more than six decimal places, found "1.0000001"'],
    [{ priceHeadroom: '1.0e-30' }, 'priceHeadroom has more than six decimal places, found "1.0e-30"'],
    [{ priceHeadroom: '10%' }, 'priceHeadroom must be a decimal such as "12.5", found "10%"'],
    [{ priceHeadroom: Number.POSITIVE_INFINITY }, 'priceHeadroom is Infinity, not a finite number'],
    [{ cap: [] }, 'cap is not a known key; did you mean "caps"?'],
    [{ effective_from: 'x' }, 'effective_from is not a known key; did you mean "effectiveFrom"?'],
    [{ 'odd key': 1 }, '["odd key"] is not a known key'],
    [{ constructor: 1 }, 'constructor is not a known key'],
    [JSON.parse('{"__proto__": {}}'), undefined],
  ])('it has %o', (changes, problem) => {
    if (problem !== undefined) expect(problemsOf({ ...POLICY, ...changes })).toEqual([problem]);
    else expect(problemsOf(JSON.parse('{"__proto__": {}}'))).toContain('__proto__ is not a known key');
  });

  it.each([
    [{ amountCents: -1 }, 'amountCents must not be negative, found the number -1'],
    [{ amountCents: '-0.01' }, 'amountCents must not be negative, found "-0.01"'],
    [{ amountCents: Number.NaN }, 'amountCents is NaN, not a finite number'],
    [{ amountCents: Number.POSITIVE_INFINITY }, 'amountCents is Infinity, not a finite number'],
    [{ amountCents: 'NaN' }, 'amountCents must be a decimal such as "12.5", found "NaN"'],
    [{ amountCents: '' }, 'amountCents must be a decimal such as "12.5", found ""'],
    [{ amountCents: ' 5' }, 'amountCents must be a decimal such as "12.5", found " 5"'],
    [{ amountCents: '5\n' }, 'amountCents must be a decimal such as "12.5", found "5\\n"'],
    [{ amountCents: '$5' }, 'amountCents must be a decimal such as "12.5", found "$5"'],
    [{ amountCents: '5,00' }, 'amountCents must be a decimal such as "12.5", found "5,00"'],
    [{ amountCents: '0x10' }, 'amountCents must be a decimal such as "12.5", found "0x10"'],
    [{ amountCents: '1e-23' }, 'amountCents has digits below 10⁻²⁴ US dollars, found "1e-23"'],
    [{ amountCents: 5e-324 }, 'amountCents has digits below 10⁻²⁴ US dollars, found the number 5e-324'],
    [{ amountCents: 1e300 }, 'amountCents is too large or too long to hold exactly, found the number 1e+300'],
    [{ amountCents: '1e9999' }, 'amountCents is too large or too long to hold exactly, found "1e9999"'],
    [{ amountCents: true }, 'amountCents must be a number or decimal text, found true'],
    [{ amountCents: { cents: 5 } }, 'amountCents must be a number or decimal text, found an object'],
    [{ amountCents: null }, 'amountCents must be a number or decimal text, found null'],
    [{ amountCents: 5n }, 'amountCents is a JavaScript bigint, which JSON cannot hold'],
    [
      { window: 'per_dya' },
      'window must be one of per_call, per_minute, per_hour, per_day, per_week, per_month, per_run, total, found "per_dya"; did you mean "per_day"?',
    ],
    [
      { window: 1 },
      'window must be one of per_call, per_minute, per_hour, per_day, per_week, per_month, per_run, total, found the number 1',
    ],
    [{ action: 'deny' }, 'action must be one of allow, shadow, downgrade, block, found "deny"'],
    [{ action: ['block'] }, 'action must be one of allow, shadow, downgrade, block, found an array'],
    [
      { action: 'downgrade' },
      'downgradeTo is missing: a cap with the action "downgrade" names the model to use instead',
    ],
    [{ action: 'downgrade', downgradeTo: '' }, 'downgradeTo must not be empty'],
    [{ action: 'downgrade', downgradeTo: ['a/b'] }, 'downgradeTo must be text, found an array'],
    [
      { downgradeTo: 'a/b' },
      'downgradeTo goes only with the action "downgrade", and this cap\'s action is "block"',
    ],
    [
      { action: 'shadow', downgradeTo: 'a/b' },
      'downgradeTo goes only with the action "downgrade", and this cap\'s action is "shadow"',
    ],
    [{ reason: '' }, 'reason must not be empty'],
    [{ reason: 'r'.repeat(1025) }, 'reason must not be longer than 1024 characters, has 1025'],
    [{ reason: 'a\u202e\u0007' }, 'reason must not contain control characters, found "a\u202e\\u0007"'],
    [{ selector: 'alice' }, 'selector must be an object, found "alice"'],
    [{ selector: { userId: '' } }, 'selector.userId must not be empty'],
    [{ selector: { user_id: 'a' } }, 'selector.user_id is not a known key; did you mean "userId"?'],
    [{ selector: { model: 'a' } }, 'selector.model is not a known key'],
    [
      { selector: { teamId: 'sales' } },
      'selector.teamId is "sales" while the policy\'s scope has "engineering": no call can match',
    ],
    [
      { selector: { tenantId: 'other' } },
      'selector.tenantId is "other" while the policy\'s scope has "acme": no call can match',
    ],
    [{ amount: 5 }, 'amount is not a known key; did you mean "amountCents"?'],
    [{ downgradeto: 'a/b' }, 'downgradeto is not a known key; did you mean "downgradeTo"?'],
  ])('a cap has %o', (changes, problem) => {
    expect(problemsOf(withCap(changes))).toEqual([`caps[1].${problem}`]);
  });

  it.each([
    [{ maxRequests: 5 }, 'maxRequests stands beside amountCents: one cap limits one thing; write two caps'],
    [{ amountCents: undefined }, 'amountCents is missing'],
    [
      { amountCents: undefined, maxRequests: 1.5 },
      'maxRequests must be a whole number of at least 0, found the number 1.5',
    ],
    [{ amountCents: undefined, maxTokens: '5' }, 'maxTokens must be a whole number of at least 0, found "5"'],
    [
      { amountCents: undefined, maxRequests: 1, window: 'per_call' },
      'maxRequests does not go with the window "per_call": a call is always one request',
    ],
    [
      { per: 'user' },
      'per must be one of tenantId, teamId, userId, agentId, taskId, provider, sessionId, workflowId, environment, found "user"; did you mean "userId"?',
    ],
    [{ per: 'teamId' }, 'per is "teamId", of which this cap counts one value only'],
    [
      { per: 'userId', selector: { userId: 'a' } },
      'per is "userId", of which this cap counts one value only',
    ],
    [
      { per: 'userId', window: 'per_call' },
      'per does not go with the window "per_call", which has no counter',
    ],
    [{ timeZone: 'UTC' }, 'timeZone is not a known key'],
  ])('a cap says %o', (changes, problem) => {
    expect(problemsOf(withCap(changes))).toEqual([`caps[1].${problem}`]);
  });

  it.each([
    [{}, 'tasks is empty, which could mean all tasks or none; leave it out to allow all'],
    [[], 'tasks must be an object, found an array'],
    [{ pay: 'a/b' }, 'tasks.pay must be an object, found "a/b"'],
    [{ pay: {} }, 'tasks.pay.model is missing'],
    [{ ' ': { model: 'a/b' } }, 'tasks[" "] is no name of a task: it must not be empty'],
    [
      { pay: { model: 'a/b', fallbak: 'a/c' } },
      'tasks.pay.fallbak is not a known key; did you mean "fallback"?',
    ],
    [
      { pay: { model: 'a/b', fallback: 'a/*' } },
      'tasks.pay.fallback must be one model, because calls are sent to it; * goes with "model" only',
    ],
    [
      { '*': { model: 'a/b', caps: [] } },
      'tasks["*"].caps does not go with the task "*", which is no label to count by; write them in the policy',
    ],
    [
      { pay: { model: 'a/b', caps: [{ ...CAP, amountCents: -1 }] } },
      'tasks.pay.caps[0].amountCents must not be negative, found the number -1',
    ],
    [
      { pay: { model: 'a/b', caps: [{ ...CAP, action: 'downgrade' }] } },
      'tasks.pay.caps[0].downgradeTo is missing: a cap with the action "downgrade" names the model to use instead',
    ],
    [
      { pay: { model: 'a/b', caps: [{ ...CAP, selector: { taskId: 'x' } }] } },
      'tasks.pay.caps[0].selector.taskId is "x" while the policy\'s scope has "pay": no call can match',
    ],
  ])('it has the tasks %o', (tasks, problem) => {
    expect(problemsOf({ ...POLICY, tasks })).toEqual([problem]);
  });

  it('a task lies outside its scope', () => {
    const input = {
      ...POLICY,
      scope: { tenantId: 'acme', taskId: 'pay' },
      tasks: { scan: { model: 'a/b', caps: [] } },
    };
    expect(problemsOf(input)).toEqual([
      'tasks.scan names another task than the policy\'s scope, "pay": no call can match',
    ]);
  });

  it.each(['Europe/Atlantis', '+01:00', 'CEST!', ''])('its time zone is %j', (timeZone) => {
    expect(problemsOf({ ...POLICY, timeZone })).toHaveLength(1);
  });

  it('a counter per value is named so that no label can take its name', () => {
    const caps = [
      { ...CAP, per: 'userId' },
      { ...CAP, selector: { userId: '*' } },
      { ...CAP, selector: { userId: 'each userId' } },
    ];
    const keys = compile({ caps }).caps.map((cap) => cap.scopeKey);
    expect(keys[0]).toBe('tenantId=acme/teamId=engineering/each userId');
    expect(new Set(keys).size).toBe(3);
  });

  it('it has rules and caps, but no scope for them', () => {
    const rules = [{ effect: 'deny', action: '*', resource: 'model/*' }];
    const problems = problemsOf({ name: 'models', caps: [CAP], rules });
    expect(problems).toContain('scope is missing');
  });

  it.each([
    [[], 'rules is empty, which could mean all models or none; leave it out to allow all'],
    [{}, 'rules must be an array, found an object'],
    [['deny'], 'rules[0] must be an object, found "deny"'],
    [
      [{ ...RULE, effect: 'denny' }],
      'rules[0].effect must be one of allow, deny, found "denny"; did you mean "deny"?',
    ],
    [
      [{ ...RULE, action: 'llm' }],
      'rules[0].action must be one of llm.generate, embedding.generate, *, found "llm"; did you mean "llm.generate"?',
    ],
    [
      [{ ...RULE, resource: 'openai/gpt-5' }],
      'rules[0].resource must be "model/" and a model id, in which * stands for any text, or "provider/" and a slug, found "openai/gpt-5"',
    ],
    [
      [{ ...RULE, resource: 'model/' }],
      'rules[0].resource must be "model/" and a model id, in which * stands for any text, or "provider/" and a slug, found "model/"',
    ],
    [[{ ...RULE, note: 1 }], 'rules[0].note is not a known key'],
    [[{ ...RULE, when: { team: 'a' } }], 'rules[0].when.team is not a known key'],
    [
      [{ ...RULE, when: { scope: { team: 'a' } } }],
      'rules[0].when.scope.team is not a known key; did you mean "teamId"?',
    ],
    [
      [{ ...RULE, when: { hours: '8-18' } }],
      'rules[0].when.hours must be two times of the day such as "08:00-18:00", found "8-18"',
    ],
    [
      [{ ...RULE, when: { hours: '08:00-08:00' } }],
      'rules[0].when.hours must be two times of the day such as "08:00-18:00", found "08:00-08:00"',
    ],
    [
      [{ ...RULE, when: { hours: '24:00-08:60' } }],
      'rules[0].when.hours must be two times of the day such as "08:00-18:00", found "24:00-08:60"',
    ],
    [
      [{ ...RULE, when: { weekdays: [] } }],
      'rules[0].when.weekdays must be an array of mon, tue, wed, thu, fri, sat, sun, found an array',
    ],
    [
      [{ ...RULE, when: { weekdays: ['mon', 'Friday'] } }],
      'rules[0].when.weekdays[1] must be one of mon, tue, wed, thu, fri, sat, sun, found "Friday"',
    ],
    [
      [{ ...RULE, when: { maxInputUsdPerMtok: 3 } }],
      'rules[0].when.maxInputUsdPerMtok goes only with the effect "allow": allow what stays within it, and deny the rest in a later rule',
    ],
    [
      [{ ...RULE, effect: 'allow', when: { maxOutputUsdPerMtok: '1e-19' } }],
      'rules[0].when.maxOutputUsdPerMtok has digits below 10⁻¹⁸ US dollars, found "1e-19"',
    ],
    [
      [{ ...RULE, effect: 'allow', when: { minContextTokens: 0 } }],
      'rules[0].when.minContextTokens must be a whole number of at least 1, found the number 0',
    ],
  ])('it has the rules %o', (rules, problem) => {
    expect(problemsOf({ name: 'models', rules })).toEqual([problem]);
  });

  it('it has several faults, all named at once', () => {
    const caps = [
      { amountCents: -1, window: 'daily', action: 'downgrade' },
      { amountCents: 5, window: 'per_day', action: 'block', selector: { tenantId: 'x', who: 'y' }, note: 1 },
    ];
    const paths = problemsOf({ scope: { tenantId: 'acme' }, caps, mode: 1, rules: [] }).map(
      (line) => line.split(' ')[0],
    );
    expect(paths.sort()).toEqual(
      [
        'id',
        'name',
        'version',
        'effectiveFrom',
        'mode',
        'rules',
        'caps[0].amountCents',
        'caps[0].window',
        'caps[0].downgradeTo',
        'caps[1].note',
        'caps[1].selector.tenantId',
        'caps[1].selector.who',
      ].sort(),
    );
  });

  it('it contains itself, or a getter throws, and the rest is judged all the same', () => {
    const caps: unknown[] = [{ ...CAP, window: 'x' }];
    caps.push(caps);
    const thrower = {
      get reason(): never {
        throw new Error('no');
      },
    };
    const input = {
      ...POLICY,
      caps: [...caps, Object.defineProperties({ ...CAP }, Object.getOwnPropertyDescriptors(thrower))],
    };
    const problems = problemsOf(input);
    expect(problems).toContain('caps[1][1] contains itself');
    expect(problems).toContain('caps[2].reason cannot be read: reading it throws');
    expect(problems.some((line) => line.startsWith('caps[0].window must be one of'))).toBe(true);
  });
});

describe('a policy is warned about when', () => {
  const warningsOf = (caps: readonly object[]) => {
    const reading = read({ ...POLICY, caps });
    return reading.ok ? reading.warnings.map((warning) => `${warning.path} ${warning.message}`) : ['refused'];
  };

  it('nothing is odd: never', () => {
    expect(warningsOf([CAP, { ...CAP, window: 'per_hour' }, { ...CAP, selector: { userId: 'a' } }])).toEqual(
      [],
    );
    expect(warningsOf([CAP, { ...CAP, action: 'shadow' }, { ...CAP, action: 'allow' }])).toEqual([]);
    const downgrade = { ...CAP, action: 'downgrade', downgradeTo: 'a/b' };
    expect(warningsOf([downgrade, { ...downgrade, downgradeTo: 'a/c' }])).toEqual([]);
    expect(warningsOf([CAP, { ...CAP, amountCents: '5000.0000000000000000000001' }])).toEqual([]);
  });

  it('a cap is 0', () => {
    const problem = 'amountCents is 0: every call that costs anything trips this cap';
    expect(warningsOf([CAP, { ...CAP, amountCents: '0.00' }])).toEqual([`caps[1].${problem}`]);
  });

  it('two caps say the same, however they are written', () => {
    const twin = { ...CAP, amountCents: '5e3', selector: { tenantId: 'acme' }, reason: 'again' };
    expect(warningsOf([CAP, { ...CAP, window: 'per_hour' }, twin, CAP])).toEqual([
      'caps[2] says the same as caps[0]',
      'caps[3] says the same as caps[0]',
    ]);
  });

  it('it has no caps', () => {
    expect(warningsOf([])).toEqual(['caps is empty: no spending is limited']);
  });
});

describe('policyHash', () => {
  it('is SHA-256 over the canonical text without effectiveFrom', () => {
    const text =
      '{"caps":[{"action":"block","amountCents":5000,"window":"per_day"}],"id":"team","mode":"enforce",' +
      '"name":"Team","scope":{"teamId":"engineering","tenantId":"acme"},"version":1}';
    expect(compile().policyHash).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('does not depend on effectiveFrom, key order or undefined values', () => {
    const reversed = Object.fromEntries(Object.entries(POLICY).reverse());
    const { policyHash } = compile();
    expect(compile({ effectiveFrom: '2030-01-01T00:00:00Z' }).policyHash).toBe(policyHash);
    expect(compile({ ...reversed, requiredCapability: undefined }).policyHash).toBe(policyHash);
  });

  it.each([
    { id: 'team2' },
    { name: 'team' },
    { description: 'x' },
    { scope: { tenantId: 'acme' } },
    { caps: [] },
    { caps: [{ ...CAP, amountCents: 5001 }] },
    { caps: [{ ...CAP, amountCents: '5000' }] },
    { caps: [{ ...CAP, reason: 'x' }] },
    { caps: [CAP, CAP] },
    { mode: 'shadow' },
    { version: '1' },
    { requiredCapability: 'read_only' },
    { defaultMaxOutputTokens: 16_384 },
    { priceHeadroom: 1 },
  ])('changes with %j', (changes) => {
    expect(compile(changes).policyHash).not.toBe(compile().policyHash);
  });
});

describe('parsePolicy', () => {
  const key = fc.constantFrom(
    ...Object.keys(POLICY),
    'selector',
    'window',
    'rules',
    '__proto__',
    'constructor',
  );
  const nearly = fc.record(
    {
      id: fc.anything(),
      scope: fc.oneof(fc.constant(POLICY.scope), fc.anything()),
      caps: fc.oneof(fc.array(fc.oneof(fc.constant(CAP), fc.dictionary(key, fc.anything()))), fc.anything()),
      mode: fc.oneof(fc.constant('shadow'), fc.anything()),
      version: fc.anything(),
      effectiveFrom: fc.oneof(fc.constant(POLICY.effectiveFrom), fc.anything()),
      priceHeadroom: fc.oneof(fc.double(), fc.string(), fc.anything()),
    },
    { requiredKeys: [] },
  );

  it('never throws, and gives either a policy or at least one problem with a path and a message', () => {
    const input = fc.oneof(fc.anything(), fc.jsonValue(), nearly, fc.dictionary(key, fc.anything()));
    fc.assert(
      fc.property(input, fc.boolean(), (value, onTop) => {
        const reading = read(onTop && typeof value === 'object' ? { ...POLICY, ...value } : value);
        if (reading.ok) expect(reading.policy.scope.tenantId).toBeTruthy();
        else {
          expect(reading.problems.length).toBeGreaterThan(0);
          for (const problem of reading.problems) expect(problem.path && problem.message).toBeTruthy();
        }
      }),
      { numRuns },
    );
  });

  it('a number and its text give the same amount, and no cap escapes its policy scope', () => {
    const cents = fc.oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.nat());
    const selector = fc.dictionary(
      fc.constantFrom('userId', 'agentId', 'environment'),
      fc.constantFrom('a', 'b'),
    );
    fc.assert(
      fc.property(cents, selector, (amountCents, narrow) => {
        const reading = read({ ...POLICY, caps: [{ ...CAP, amountCents, selector: narrow }] });
        const asText = read({
          ...POLICY,
          caps: [{ ...CAP, amountCents: String(amountCents), selector: narrow }],
        });
        expect(reading.ok).toBe(asText.ok);
        if (!reading.ok || !asText.ok) return;
        expect(reading.policy.caps).toEqual(asText.policy.caps);
        expect(covers(reading.policy.scope, reading.policy.caps[0]!.match)).toBe(true);
      }),
      { numRuns },
    );
  });

  it.skipIf(!referenceData)(
    'reads the published quickstart policy without a warning (needs AGENTGUARD_DATA)',
    () => {
      const source = readFileSync(join(referenceData!, 'quickstart.ts'), 'utf8');
      const literal = /const policy: SpendPolicy = (\{.*?\n\});/s.exec(source)?.[1];
      const reading = read(new Function(`return ${literal}`)());
      expect(reading).toMatchObject({ ok: true, warnings: [] });
      expect(reading.ok && reading.policy.caps.map((cap) => cap.action)).toEqual([
        'downgrade',
        'block',
        'block',
      ]);
    },
  );
});
