/** schema/policy.schema.json, for editors, says what the reader of policies says, as far as a schema can. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CAP_ACTIONS,
  CAP_WINDOWS,
  CAPABILITIES,
  DEFAULT_MAX_OUTPUT_TOKENS,
  POLICY_MODES,
  RULE_ACTIONS,
  RULE_EFFECTS,
  WEEKDAYS,
} from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { SCOPE_KEYS } from '../../src/core/scope.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fitsSchema, type Schema } from '../helpers/json-schema.js';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
// biome-ignore lint/suspicious/noExplicitAny: read as it stands
const schema: any = JSON.parse(file('schema/policy.schema.json'));
const doc = file('docs/policy.md');
const fits = (value: unknown) => fitsSchema(schema as Schema, value);
const problemsOf = (value: unknown): readonly string[] => {
  const reading = parsePolicy(value, nodeBackend);
  return reading.ok ? [] : reading.problems.map(({ path, message }) => `${path} ${message}`);
};
const $defs = schema.$defs;

/** Keys in the first column of the table below a heading, which another test holds to the types. */
function tableKeys(heading: string): readonly string[] {
  const section = doc.split(`\n${heading}\n`)[1]!.split('\n## ')[0]!;
  const table = section.slice(section.indexOf('\n| key |')).trim().split('\n\n')[0]!;
  const cells = Array.from(table.matchAll(/^\| (`[^|]+`) \|/gm), ([, cell]) => cell!);
  return cells.flatMap((cell) => cell.match(/[$\w]+/g) ?? []);
}

describe('the schema of policies', () => {
  it.each<[string, string, object]>([
    ['a policy', '## Keys of a policy', schema.properties],
    ['a cap', '## Keys of a cap', $defs.anyCap.properties],
    ['a rule', '## Rules', $defs.rule.properties],
    ['the conditions of a rule', '### When a rule matches', $defs.when.properties],
    ['a task', '## Tasks', $defs.task.properties],
  ])('has exactly the keys of %s', (_what, heading, properties) => {
    expect(Object.keys(properties).sort()).toEqual([...tableKeys(heading)].sort());
  });

  it('has exactly the words of the reader', () => {
    const cap = $defs.anyCap.properties;
    expect(cap.window.enum).toEqual([...CAP_WINDOWS]);
    expect(cap.action.enum).toEqual([...CAP_ACTIONS]);
    expect(cap.per.enum).toEqual([...SCOPE_KEYS]);
    expect($defs.capability.enum).toEqual([...CAPABILITIES]);
    expect(schema.properties.mode.enum).toEqual([...POLICY_MODES]);
    expect($defs.rule.properties.effect.enum).toEqual([...RULE_EFFECTS]);
    expect($defs.rule.properties.action.anyOf[0].enum).toEqual([...RULE_ACTIONS]);
    expect($defs.when.properties.weekdays.items.enum).toEqual([...WEEKDAYS]);
    expect(Object.keys($defs.selector.properties)).toEqual([...SCOPE_KEYS]);
    expect(schema.properties.defaultMaxOutputTokens.default).toBe(DEFAULT_MAX_OUTPUT_TOKENS);
  });

  it('says of every key what it is for', () => {
    for (const of of [schema, $defs.anyCap, $defs.rule, $defs.task])
      for (const [key, one] of Object.entries<{ description?: string }>(of.properties))
        expect(one.description, key).toMatch(/\.$/);
  });

  it('takes every policy of the documents and examples', () => {
    const documented = Array.from(doc.matchAll(/^```json policy\n([\s\S]*?)\n```$/gm), ([, text]) => text!);
    for (const text of [...documented, file('examples/policies/task-table.json')])
      expect([fits(JSON.parse(text)), problemsOf(JSON.parse(text))]).toEqual([true, []]);
  });
});

const SEED = {
  id: 'p',
  name: 'P',
  description: 'why',
  scope: { tenantId: 'acme', teamId: 't' },
  caps: [
    {
      amountCents: 5,
      window: 'per_day',
      action: 'block',
      reason: 'r',
      selector: { userId: 'u' },
      alertAt: [0.5, '0.8'],
    },
    { amountCents: '0.5', window: 'per_call', action: 'downgrade', downgradeTo: 'a/b' },
    { maxRequests: 3, window: 'per_minute', action: 'allow', per: 'agentId' },
    { maxTokens: 3, window: 'total', action: 'shadow' },
    { maxInFlight: 2, action: 'block' },
  ],
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-10-01T00:00:00Z',
  requiredCapability: 'read_only',
  defaultMaxOutputTokens: 5,
  priceHeadroom: '1.5',
  timeZone: 'UTC',
  rules: [
    { effect: 'deny', action: '*', resource: 'model/a/*', when: { hours: '08:00-24:00', weekdays: ['mon'] } },
    { effect: 'deny', action: '*', resource: 'provider/a', when: { hours: '08:00-18:00' } },
    { effect: 'allow', action: 'llm.generate', resource: 'provider/*' },
    { effect: 'allow', action: 'payment.execute', resource: 'payee/x', when: { capability: 'read_only' } },
    {
      effect: 'allow',
      action: 'llm.generate',
      resource: 'model/*',
      reason: 'r',
      when: {
        scope: { userId: 'u' },
        capability: 'data_write',
        maxInputUsdPerMtok: 1,
        maxOutputUsdPerMtok: '2',
        minContextTokens: 1,
        maxInputTokens: 2,
      },
    },
    { effect: 'allow', action: 'payment.execute', resource: 'payee/*', when: { capability: 'data_write' } },
  ],
  tasks: {
    review: {
      model: 'a/*',
      fallback: 'a/b',
      caps: [{ amountCents: 5, window: 'per_day', action: 'downgrade' }],
      requiredCapability: 'read_only',
      maxInputUsdPerMtok: 1,
      maxOutputUsdPerMtok: 1,
      reason: 'r',
    },
    '*': { model: '*' },
  },
} as const;

type Mutable = Record<string, unknown>;

/** Every object and array in a value. */
function listHolders(value: unknown): readonly Mutable[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Mutable, ...Object.values(value).flatMap(listHolders)];
}

const KEYS = [
  ...new Set(listHolders(SEED).flatMap((holder) => (Array.isArray(holder) ? [] : Object.keys(holder)))),
  'other',
  '',
  '\n',
];
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  1,
  1.5,
  1e300,
  9007199254740991,
  9007199254740992,
  5e-7,
  'x',
  '',
  ' ',
  'a\tb',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e3',
  '.5',
  '0x1',
  'per_day',
  'per_call',
  'total',
  'block',
  'downgrade',
  'shadow',
  'allow',
  'deny',
  '*',
  'userId',
  'model/',
  'model/ ',
  'model/x',
  'provider/x',
  'provider/*',
  'provider/a*',
  'provider/A',
  'payee/x',
  ' payee/',
  'payment.execute',
  'llm.other',
  'embedding.x',
  'a.b-c',
  `a.${'b'.repeat(70)}`,
  'payee/x',
  'payee/ ',
  'payment.execute',
  'llm.other',
  'a.b.c_d',
  'a.B',
  '24:00-08:00',
  '00:00-24:00',
  '2026-10-01',
  '2026-10-01T00:00+02:00',
  [],
  ['mon'],
  ['x'],
  [0],
  [1],
  [1.1],
  [{}],
  {},
  { tenantId: 'acme' },
  { x: 1 },
  { maxInFlight: 1, action: 'block' },
  'x'.repeat(257),
  'x'.repeat(1025),
];

interface Mutation {
  readonly at: number;
  readonly kind: 'drop' | 'set' | 'add';
  readonly key: number;
  readonly value: number;
}

function mutate(mutations: readonly Mutation[]): unknown {
  const copy = structuredClone(SEED) as unknown as Mutable;
  for (const { at, kind, key, value } of mutations) {
    const holders = listHolders(copy);
    const holder = holders[at % holders.length]!;
    const own = Object.keys(holder);
    const name = kind === 'add' || own.length === 0 ? KEYS[key % KEYS.length]! : own[key % own.length]!;
    if (kind === 'drop' && Array.isArray(holder)) holder.splice(Number(name), 1);
    else if (kind === 'drop') delete holder[name];
    else if (Array.isArray(holder)) holder.push(structuredClone(VALUES[value % VALUES.length]));
    else holder[name] = structuredClone(VALUES[value % VALUES.length]);
  }
  return copy;
}

const mutation = fc.record({
  at: fc.nat(1000),
  kind: fc.constantFrom('drop' as const, 'set' as const, 'add' as const),
  key: fc.nat(1000),
  value: fc.nat(1000),
});
const mutants = fc.array(mutation, { maxLength: 3 }).map(mutate);
const numRuns = process.env.SLOW ? 20_000 : 2_000;

/** What no schema can say: about two places at once, or about the value of a text. */
const BEYOND_A_SCHEMA = [
  /no call can match$/,
  /of which this cap counts one value only$/,
  /must be the name of a time zone/,
  /must be ISO 8601/,
  /too large or too long to hold exactly/,
  /has digits below|more than six decimal places/,
  /has \S+ twice$/,
  /^(?:.*\.)?hours must be two times/,
  /alertAt\[\d+\] must be a decimal above 0/,
  /^priceHeadroom must be at least 1/,
];

describe('a random policy', () => {
  it('that the reader accepts is one by the schema', () => {
    fc.assert(
      fc.property(mutants, (value) => {
        if (problemsOf(value).length === 0) expect(fits(value)).toBe(true);
      }),
      { numRuns },
    );
  });

  it('that the schema accepts has no problem that a schema could tell', () => {
    fc.assert(
      fc.property(mutants, (value) => {
        fc.pre(fits(value));
        const left = problemsOf(value).filter((problem) => !BEYOND_A_SCHEMA.some((one) => one.test(problem)));
        expect(left).toEqual([]);
      }),
      { numRuns: numRuns / 4 },
    );
  });

  it('is of both kinds, so that the two rules are about something', () => {
    const both = fc.sample(mutants, { numRuns: 500, seed: 7 }).map((value) => problemsOf(value).length === 0);
    expect(both.filter(Boolean).length).toBeGreaterThan(50);
    expect(both.filter((valid) => !valid).length).toBeGreaterThan(50);
    expect(fits(SEED)).toBe(true);
  });
});
