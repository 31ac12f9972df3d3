import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PolicyRule, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { WARNING_CODES } from '../../src/core/policy-warning.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { putPriceTable } from './price-table.js';
import { type CliWorld, findControls, runCli } from './run-cli.js';

async function check(
  text: unknown,
  more: readonly string[] = [],
  world: CliWorld & { table?: boolean } = {},
) {
  const home = await makeHome();
  if (world.table !== false) await putPriceTable(home);
  const body = typeof text === 'string' ? text : JSON.stringify(text);
  await writeFile(join(home, 'policy.json'), body);
  return runCli(['policy', 'check', 'policy.json', ...more], { home, cwd: home, ...world });
}

/** `code path: message` of each warning. */
async function warningsOf(
  policy: Partial<SpendPolicy>,
  caps: readonly SpendCap[] = [BLOCK],
): Promise<string[]> {
  const { out, err, code } = await check(policyOf(caps, policy), ['--json']);
  expect([code, err]).toEqual([0, '']);
  const { warnings } = JSON.parse(out) as { warnings: { code: string; path: string; message: string }[] };
  return warnings.map((one) => `${one.code} ${one.path}: ${one.message}`);
}

const BLOCK: SpendCap = { amountCents: 500, window: 'per_day', action: 'block' };
const allow = (model: string, when: PolicyRule['when'] = {}): PolicyRule => {
  return { effect: 'allow', action: '*', resource: `model/${model}`, when };
};
const deny = (model: string, when: PolicyRule['when'] = {}): PolicyRule => {
  return { effect: 'deny', action: '*', resource: `model/${model}`, when };
};
const downgradeTo = (target: string): SpendCap => {
  return { amountCents: 100, window: 'per_day', action: 'downgrade', downgradeTo: target };
};
const LATE = (from: number) => `rule_unreachable rules[${from}]: comes too late: rules[0]`;

describe('policy check, rules', () => {
  it.each<[string, PolicyRule, PolicyRule]>([
    ['a wider pattern', allow('anthropic/*'), deny(OPUS)],
    [
      'the same pattern, spelled otherwise',
      deny('anthropic/claude-opus-4.7'),
      allow('Anthropic/claude-opus-4-7'),
    ],
    ['stars in another place', deny('*claude*'), allow('anthropic/claude-*')],
    ['a weaker claim', allow('*', { capability: 'read_only' }), allow('*', { capability: 'data_write' })],
    ['a looser price', allow('*', { maxInputUsdPerMtok: 9 }), allow('*', { maxInputUsdPerMtok: 5 })],
    ['a looser context', allow('*', { minContextTokens: 5 }), allow('*', { minContextTokens: 9 })],
    ['more days', allow('*', { weekdays: ['mon', 'tue'] }), allow('*', { weekdays: ['tue'] })],
    [
      'a wider scope',
      deny('*', { scope: { teamId: 'a' } }),
      allow('*', { scope: { teamId: 'a', userId: 'b' } }),
    ],
  ])('a rule after one with %s comes too late', async (_what, first, second) => {
    const found = await warningsOf({ rules: [first, second, allow('openai/*')] });
    expect(found.filter((one) => one.startsWith(LATE(1)))).toHaveLength(1);
  });

  it.each<[string, PolicyRule, PolicyRule]>([
    ['a narrower pattern', deny(OPUS), allow('anthropic/*')],
    ['another action', { ...allow('*'), action: 'embedding.generate' }, allow('*')],
    ['a condition of its own', allow('*', { hours: '08:00-18:00' }), deny('*')],
    ['a stronger claim', allow('*', { capability: 'data_write' }), allow('*')],
    ['fewer days', allow('*', { weekdays: ['tue'] }), allow('*', { weekdays: ['mon', 'tue'] })],
    ['a lower price', allow('*', { maxInputUsdPerMtok: 5 }), allow('*', { maxInputUsdPerMtok: 9 })],
    ['a larger context', allow('*', { minContextTokens: 9 }), allow('*', { minContextTokens: 5 })],
    ['another team', deny('*', { scope: { teamId: 'a' } }), allow('*', { scope: { teamId: 'b' } })],
  ])('a rule after one with %s is in order', async (_what, first, second) => {
    expect(await warningsOf({ rules: [first, second] })).toEqual([]);
  });

  it('a rule for another tenant than the policy never holds', async () => {
    const rules = [allow('*', { scope: { tenantId: 'other' } }), allow('openai/*')];
    expect(await warningsOf({ rules })).toEqual([
      'rule_unreachable rules[0].when.scope.tenantId: never holds: the policy is for tenantId "acme"',
    ]);
  });

  it('rules that only deny allow nothing', async () => {
    expect(await warningsOf({ rules: [deny(OPUS)] })).toEqual([
      'nothing_allowed rules: allow nothing: every call is refused, since what no rule allows is denied',
    ]);
  });
});

describe('policy check, caps', () => {
  it.each<[string, readonly SpendCap[], string]>([
    ['an amount of 0', [{ ...BLOCK, amountCents: 0 }], 'cap_odd caps[0].amountCents: is 0'],
    ['the same twice', [BLOCK, BLOCK], 'cap_odd caps[1]: says the same as caps[0]'],
    ['no cap', [], 'cap_odd caps: is empty'],
    [
      'a higher cap for an hour than for the day',
      [BLOCK, { ...BLOCK, amountCents: 600, window: 'per_hour' }],
      'cap_never_trips caps[1]: never trips: caps[0] refuses at $5.00 per_day already',
    ],
    [
      'a higher cap for one user than for all',
      [BLOCK, { ...BLOCK, selector: { userId: 'bob' } }],
      'cap_never_trips caps[1]: never trips: caps[0] refuses at $5.00 per_day already',
    ],
    [
      'days that a week has no room for',
      [
        { maxRequests: 5, window: 'per_week', action: 'block' },
        { maxRequests: 9, window: 'per_day', action: 'block' },
      ],
      'cap_never_trips caps[1]: never trips: caps[0] refuses at 5 requests per_week already',
    ],
    [
      'a downgrade above the block',
      [BLOCK, { ...downgradeTo(HAIKU), amountCents: 900 }],
      'cap_never_trips caps[1]: comes too late: caps[0] refuses at $5.00 per_day, before this one downgrades',
    ],
  ])('%s is told', async (_what, caps, warning) => {
    const found = await warningsOf({}, caps);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(warning);
  });

  it.each<[string, readonly SpendCap[]]>([
    ['a lower cap for the hour', [BLOCK, { ...BLOCK, amountCents: 100, window: 'per_hour' }]],
    ['a higher cap for the month', [BLOCK, { ...BLOCK, amountCents: 900, window: 'per_month' }]],
    [
      'weeks beside months',
      [
        { ...BLOCK, window: 'per_month' },
        { ...BLOCK, window: 'per_week' },
      ],
    ],
    ['another unit', [BLOCK, { maxTokens: 10 ** 12, window: 'per_hour', action: 'block' }]],
    [
      'a cap of one user below that of all',
      [
        { ...BLOCK, selector: { userId: 'bob' } },
        { ...BLOCK, amountCents: 900 },
      ],
    ],
    [
      'a counter per user first',
      [
        { ...BLOCK, per: 'userId' },
        { ...BLOCK, amountCents: 900 },
      ],
    ],
    ['a higher alarm', [BLOCK, { ...BLOCK, action: 'allow', amountCents: 900 }]],
    ['a downgrade below the block', [downgradeTo(HAIKU), BLOCK]],
    ['runs', [BLOCK, { ...BLOCK, amountCents: 900, window: 'per_run' }]],
  ])('%s is in order', async (_what, caps) => {
    expect(await warningsOf({}, caps)).toEqual([]);
  });
});

describe('policy check, models', () => {
  it('names models that the price table does not have, with those close to it', async () => {
    const rules = [deny('anthropic/claude-opuss-4.7'), deny('antropic/*'), allow('*')];
    const tasks = { a: { model: 'openai/gpt-mimi', fallback: 'nobody/nothing-like-it' } };
    const found = await warningsOf({ rules, tasks });
    expect(found[0]).toBe(
      `model_unknown rules[0].resource: names no model of the price table; close to it: ${OPUS}, ${HAIKU}`,
    );
    expect(found[1]).toMatch(/^model_unknown rules\[1\]\.resource: names no model of the price table/);
    expect(found[2]).toMatch(/^model_unknown tasks\.a\.model: .*openai\/gpt-mini/);
    expect(found[3]).toBe('model_unknown tasks.a.fallback: names no model of the price table');
    expect(found).toHaveLength(4);
  });

  it('names an unknown target, and one without a price of its own', async () => {
    expect(await warningsOf({}, [downgradeTo('openai/gpt-minni')])).toEqual([
      'model_unknown caps[0].downgradeTo: names no model of the price table; close to it: openai/gpt-mini',
    ]);
    expect(await warningsOf({}, [downgradeTo('openrouter/auto')])).toEqual([
      'downgrade_unpriced caps[0].downgradeTo: is openrouter/auto, which has no price of its own: a downgrade to it is refused',
    ]);
  });

  it('names a target that is dearer than a model of a rule or of its task', async () => {
    const dearer = `is ${OPUS} at $5 and $25 per million tokens, dearer than ${HAIKU} at $1 and $5 per million tokens`;
    const rules = [allow(HAIKU), allow(OPUS)];
    expect(await warningsOf({ rules }, [downgradeTo(OPUS)])).toEqual([
      `downgrade_dearer caps[0].downgradeTo: ${dearer}`,
    ]);
    const tasks = { a: { model: HAIKU, fallback: OPUS, caps: [{ ...BLOCK, action: 'downgrade' as const }] } };
    expect(await warningsOf({ tasks }, [])).toContainEqual(
      expect.stringMatching(/^downgrade_dearer tasks\.a\.caps\[0\]\.downgradeTo: is anthropic\/claude-opus/),
    );
    expect(await warningsOf({ rules }, [downgradeTo(HAIKU)])).toEqual([]);
  });

  it('names targets and assigned models that the rules deny, but not where a condition decides', async () => {
    const rules = [deny('anthropic/*'), allow('openai/*')];
    expect(await warningsOf({ rules }, [downgradeTo(HAIKU)])).toEqual([
      `downgrade_denied caps[0].downgradeTo: is ${HAIKU}, which rules[0] denies (model/anthropic/*)`,
    ]);
    expect(await warningsOf({ rules: [allow('openai/*')], tasks: { a: { model: HAIKU } } })).toEqual([
      `task_denied tasks.a.model: is ${HAIKU}, which no rule allows`,
    ]);
    const conditional = [deny('anthropic/*', { hours: '08:00-18:00' }), allow('*')];
    expect(await warningsOf({ rules: conditional }, [downgradeTo(HAIKU)])).toEqual([]);
    const late = [allow('*', { hours: '08:00-18:00' }), deny('*')];
    expect(await warningsOf({ rules: late }, [downgradeTo(HAIKU)])).toEqual([]);
  });

  it('names a ceiling under which there is nothing', async () => {
    const rules = [allow('anthropic/*', { maxInputUsdPerMtok: 0.5 }), allow('*', { maxOutputUsdPerMtok: 1 })];
    expect(await warningsOf({ rules })).toEqual([
      'ceiling_too_low rules[0]: has a price ceiling below every listed price of anthropic/*: it allows nothing',
    ]);
    expect(await warningsOf({ tasks: { a: { model: OPUS, maxOutputUsdPerMtok: 24 } } })).toEqual([
      `ceiling_too_low tasks.a: has a price ceiling below every listed price of ${OPUS}: it allows nothing`,
    ]);
  });
});

describe('policy check', () => {
  it('reports five mistakes as five problems, with paths and suggestions, and ends with 1', async () => {
    const policy = {
      ...policyOf([
        { ...BLOCK, window: 'per_dya' as never },
        { ...BLOCK, action: 'blokc' as never },
      ]),
      mode: 'enforc',
      version: true,
      requiredCapabilty: 'read_only',
    };
    const { code, out, err } = await check(policy);
    expect([code, err]).toEqual([1, '']);
    expect(out.match(/^ {2}problem {2}\S+/gm)).toHaveLength(5);
    for (const part of [
      'caps[0].window',
      '"per_day"',
      'caps[1].action',
      '"block"',
      '"enforce"',
      'requiredCapability',
    ])
      expect(out).toContain(part);
    expect(out).toContain('Refused, for 5 problems.');
  });

  it('reports five mistakes in YAML as five, in the same words, and of newer keys too', async () => {
    const home = await makeHome();
    const text = `
      name: team
      rules:
        - { effect: alow, action: "*", resource: "model/*" }
        - { effect: deny, action: "*", resource: provider/amazon* }
      tasks:
        review: { modl: a/b, model: a/b, caps: [{ maxInFlight: 2, window: per_day, action: block }] }
        other: { model: a/b, caps: [{ amountCents: 5, window: per_day, action: block, alertAt: [1.5] }] }`;
    await writeFile(join(home, 'policy.yaml'), text);
    const { code, out } = await runCli(['policy', 'check', 'policy.yaml', '--json'], { home, cwd: home });
    expect(code).toBe(1);
    const problems = JSON.parse(out).problems.map(
      (one: { path: string; message: string }) => `${one.path} ${one.message}`,
    );
    expect(problems.sort()).toEqual([
      'rules[0].effect must be one of allow, deny, found "alow"; did you mean "allow"?',
      'rules[1].resource is "provider/amazon*", and routers take no patterns: write provider/* or one rule for each provider',
      'tasks.other.caps[0].alertAt[0] must be a decimal above 0 and at most 1, found the number 1.5',
      'tasks.review.caps[0].window does not go with maxInFlight: a call counts for as long as it runs',
      'tasks.review.modl is not a known key; did you mean "model"?',
    ]);
  });

  it('tells what keeps YAML from being read, with the lines', async () => {
    const home = await makeHome();
    await writeFile(join(home, 'policy.yml'), 'name: on\nname: team\nrules: &r [{ effect: *r }]\n');
    const { code, out } = await runCli(['policy', 'check', 'policy.yml'], { home, cwd: home });
    expect(code).toBe(1);
    expect(out).toContain(
      'problem  name is on, which some readers take for a boolean; write "on" (line 1, column 7)',
    );
    expect(out).toContain('problem  name stands twice (line 2, column 1)');
    expect(out).toContain('problem  rules has an anchor (&r)');
    expect(out).toContain('Refused, for 3 problems.');
  });

  it('a clean policy is told in two lines, and not at all with --quiet', async () => {
    const { code, out, err } = await check(policyOf([BLOCK]));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^policy\.json: policy test, version 1: 1 cap, 0 rules, 0 tasks\n {2}hash [0-9a-f]{64}\n/,
    );
    expect(out).toMatch(/\nValid, with 0 warnings\.\n$/);
    expect((await check(policyOf([BLOCK]), ['--quiet'])).out).toBe('');
    expect((await check(policyOf([]), ['--quiet'])).out).toContain('caps is empty');
  });

  it('notes what it could not compare, and that nothing is enforced yet', async () => {
    const policy = policyOf([BLOCK], { mode: 'shadow', effectiveFrom: '2030-01-01T00:00:00Z' });
    const { code, out } = await check(policy, [], { table: false });
    expect(code).toBe(0);
    expect(out).toMatch(
      /note {2}models and prices were not compared: there is no price table in .*--sync-pricing/,
    );
    expect(out).toContain('note  in force from 2030-01-01T00:00:00.000Z');
    expect(out).toContain('note  the mode is shadow: nothing is refused');
  });

  it('a damaged price table is a note too', async () => {
    const home = await makeHome();
    await writeFile(join(home, 'pricing.json'), '{}', { mode: 0o600 });
    await writeFile(join(home, 'p.json'), JSON.stringify(policyOf([BLOCK])));
    const { code, out } = await runCli(['policy', 'check', 'p.json'], { home, cwd: home });
    expect(code).toBe(0);
    expect(out).toContain('models and prices were not compared: ');
  });

  it.each([
    ['no JSON', 'caps: []'],
    ['a key twice', '{"id":"a","id":"b"}'],
  ])('a file with %s is an invalid policy', async (_what, text) => {
    const { code, out } = await check(text);
    expect(code).toBe(1);
    expect(out).toContain('Refused, for 1 problem.');
  });

  it('a file that is not there, or a folder, ends with 3', async () => {
    const home = await makeHome();
    for (const file of ['gone.json', '.']) {
      const { code, out, err } = await runCli(['policy', 'check', file], { home, cwd: home });
      expect([code, out]).toEqual([3, '']);
      expect(err).toContain('cannot be read');
    }
  });

  it.each([[[]], [['chekc', 'a.json']], [['check']], [['check', 'a', 'b']], [['check', 'a', '--strict']]])(
    '%j is no command line',
    async (words) => {
      const { code, out } = await runCli(['policy', ...words]);
      expect([code, out]).toEqual([2, '']);
    },
  );

  it('shows hostile names without their controls', async () => {
    const evil = 'x\u001b[2J\n  problem';
    const { out, code } = await check({ ...policyOf([BLOCK]), [evil]: 1, mode: evil });
    expect(code).toBe(1);
    expect(findControls(out)).toEqual([]);
    expect(out.match(/^ {2}problem/gm)).toHaveLength(2);
  });
});

describe('docs/cli.md, policy', () => {
  const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8').split('\n## policy\n')[1]!;
  const section = docs.slice(0, docs.indexOf('\n## '));

  it('lists exactly the warnings that there are', () => {
    const codes = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
    expect(codes).toEqual([...WARNING_CODES]);
  });

  it('has exactly the keys of the real output', async () => {
    const example = JSON.parse(/```json policy\n([\s\S]*?)\n```/.exec(section)![1]!);
    const valid = JSON.parse((await check(policyOf([]), ['--json'])).out);
    const invalid = JSON.parse((await check({ ...policyOf([]), mode: 1 }, ['--json'])).out);
    for (const real of [valid, invalid]) expect(Object.keys(real)).toEqual(Object.keys(example));
    expect(Object.keys(valid.policy)).toEqual(Object.keys(example.policy));
    expect(Object.keys(valid.warnings[0])).toEqual(Object.keys(example.warnings[0]));
    expect(Object.keys(invalid.problems[0])).toEqual(Object.keys(example.problems[0]));
    expect([valid.ok, invalid.ok, invalid.policy]).toEqual([true, false, null]);
  });
});
