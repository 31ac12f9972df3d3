import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CAP_ACTIONS,
  CAP_WINDOWS,
  CAPABILITIES,
  DEFAULT_MAX_OUTPUT_TOKENS,
  POLICY_MODES,
  type PolicyRule,
  type PolicyTask,
  RULE_ACTIONS,
  RULE_EFFECTS,
  type RuleWhen,
  type SpendCap,
  type SpendPolicy,
  WEEKDAYS,
} from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { SCOPE_KEYS } from '../../src/core/scope.js';
import { isCalendarWindow, windowEndMs, windowStartMs } from '../../src/core/window.js';
import { readYaml } from '../../src/store/yaml-reader.js';

const doc = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
const blocks = Array.from(doc.matchAll(/^```(.+)\n([\s\S]*?)\n```$/gm), ([, info, text]) => ({
  info: info!,
  text: text!,
}));
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const read = (input: unknown) => parsePolicy(input, { sha256 });

function blocksOf(info: string): readonly string[] {
  return blocks.filter((block) => block.info === info).map((block) => block.text);
}

const [example] = blocksOf('json policy').map((text) => JSON.parse(text));

/** Keys in the first column of the table below a heading. */
function tableKeys(heading: string): readonly string[] {
  const section = doc.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const table = section.slice(section.indexOf('\n| key |')).trim().split('\n\n')[0]!;
  return Array.from(table.matchAll(/^\| `([$\w]+)` \|/gm), ([, key]) => key!);
}

/** Every key of the type, held complete by the compiler. */
const POLICY_KEYS: { readonly [K in keyof Required<SpendPolicy>]: true } = {
  $schema: true,
  id: true,
  name: true,
  description: true,
  scope: true,
  caps: true,
  mode: true,
  version: true,
  effectiveFrom: true,
  requiredCapability: true,
  defaultMaxOutputTokens: true,
  priceHeadroom: true,
  maxPriceAge: true,
  onStalePrice: true,
  onUnknownPrice: true,
  timeZone: true,
  rules: true,
  tasks: true,
};
const CAP_KEYS: { readonly [K in keyof Required<SpendCap>]: true } = {
  amountCents: true,
  maxRequests: true,
  maxTokens: true,
  maxInFlight: true,
  window: true,
  action: true,
  downgradeTo: true,
  reason: true,
  selector: true,
  per: true,
  alertAt: true,
};

const RULE_KEYS: { readonly [K in keyof Required<PolicyRule>]: true } = {
  effect: true,
  action: true,
  resource: true,
  when: true,
  reason: true,
};
const TASK_KEYS: { readonly [K in keyof Required<PolicyTask>]: true } = {
  model: true,
  fallback: true,
  caps: true,
  requiredCapability: true,
  maxInputUsdPerMtok: true,
  maxOutputUsdPerMtok: true,
  reason: true,
};
const WHEN_KEYS: { readonly [K in keyof Required<RuleWhen>]: true } = {
  scope: true,
  capability: true,
  maxInputUsdPerMtok: true,
  maxOutputUsdPerMtok: true,
  minContextTokens: true,
  maxInputTokens: true,
  hours: true,
  weekdays: true,
};

describe('docs/policy.md', () => {
  it('has no example that is not tested here', () => {
    const known = [
      'sh',
      'json signature',
      'json policy',
      'yaml policy',
      'ts policy',
      'json cap',
      'json refused',
      'text problems',
    ];
    expect(known).toEqual(expect.arrayContaining(blocks.map((block) => block.info)));
    expect(doc.match(/^```/gm)).toHaveLength(2 * blocks.length);
    for (const info of known) expect(blocksOf(info).length).toBeGreaterThan(0);
  });

  it.each(blocksOf('json policy'))('its JSON policy is valid and raises no warning: %s', (text) => {
    expect(read(JSON.parse(text))).toMatchObject({ ok: true, warnings: [] });
  });

  it.each(blocksOf('yaml policy'))('its YAML policy is the JSON example: %s', (text) => {
    expect(readYaml(text)).toEqual({ ok: true, value: example });
  });

  it.each(blocksOf('ts policy'))('its TypeScript policy is valid and raises no warning: %s', (text) => {
    const literal = text.replace(/^const policy: SpendPolicy = (.*);$/s, 'return $1');
    const policy = new Function(literal)();
    expect(read(policy)).toMatchObject({ ok: true, warnings: [] });
    expect(Object.keys(policy).sort()).toEqual(Object.keys(POLICY_KEYS).sort());
  });

  it.each(blocksOf('json cap'))('its cap is valid: %s', (text) => {
    expect(read({ ...example, caps: [JSON.parse(text)] })).toMatchObject({ ok: true });
  });

  it('its refused policy has exactly the problems that it lists', () => {
    const reading = read(JSON.parse(blocksOf('json refused')[0]!));
    const problems = reading.ok
      ? []
      : reading.problems.map((problem) => `${problem.path} ${problem.message}`);
    expect(problems.sort()).toEqual(blocksOf('text problems')[0]!.split('\n').sort());
  });

  it('its tables name every key, and no other', () => {
    expect(tableKeys('Keys of a policy')).toEqual(Object.keys(POLICY_KEYS));
    const when = doc.split('\n### When a rule matches\n')[1]!.split('\n## ')[0]!;
    const conditions = Array.from(
      when.matchAll(/^\| (`[^|]+`) \|/gm),
      ([, keys]) => keys!.match(/\w+/g) ?? [],
    );
    expect(conditions.flat()).toEqual(Object.keys(WHEN_KEYS));
    expect(tableKeys('Tasks')).toEqual(Object.keys(TASK_KEYS));
    expect(tableKeys('Rules')).toEqual(Object.keys(RULE_KEYS));
    expect(tableKeys('Keys of a cap')).toEqual(Object.keys(CAP_KEYS));
  });

  it('its window table is what the code computes', () => {
    const atMs = Date.parse('2024-02-29T23:59:30Z');
    for (const window of CAP_WINDOWS) {
      if (!isCalendarWindow(window)) continue;
      const from = new Date(windowStartMs(window, atMs)).toISOString();
      const to = new Date(windowEndMs(window, atMs)).toISOString();
      expect(doc).toContain(`| \`${window}\` | ${from} | ${to} |`);
    }
  });

  it('it names every word that a policy may use', () => {
    for (const word of [
      ...CAP_WINDOWS,
      ...CAP_ACTIONS,
      ...CAPABILITIES,
      ...POLICY_MODES,
      ...SCOPE_KEYS,
      ...RULE_EFFECTS,
      ...RULE_ACTIONS,
      ...WEEKDAYS,
    ]) {
      expect(doc).toContain(`\`${word}\``);
    }
    expect(doc).toContain(`| ${DEFAULT_MAX_OUTPUT_TOKENS} |`);
    expect(doc).toContain(CAPABILITIES.map((capability) => `\`${capability}\``).join(' < '));
    expect(doc).toContain(SCOPE_KEYS.map((key) => `\`${key}\``).join(', '));
  });

  it('whatever it lists as not supported yet is refused with that sentence', () => {
    const section = doc.split('\n## Not supported yet\n')[1]!.split('\n## ')[0]!;
    expect(section.match(/^- .*$/gm)).toEqual(['- `defaultMaxOutputTokens: "model"`.']);
    const reading = read({ ...example, defaultMaxOutputTokens: 'model' });
    expect(reading).toMatchObject({ ok: false, problems: [{ path: 'defaultMaxOutputTokens' }] });
    expect(JSON.stringify(reading)).toContain('this version does not evaluate');
  });

  it('its hash is that of its first example', () => {
    const reading = read(example);
    expect(doc).toContain(`\`${reading.ok ? reading.policy.policyHash : 'refused'}\``);
    const { effectiveFrom: _, ...hashed } = example;
    expect(read({ ...hashed, effectiveFrom: '2030-01-01T00:00Z' })).toMatchObject({
      policy: { policyHash: reading.ok ? reading.policy.policyHash : '' },
    });
  });
});
