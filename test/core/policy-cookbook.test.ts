/** docs/policy-cookbook.md: each of its policies, and each line of its tables, as it is decided. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TotalsOf } from '../../src/core/cap-check.js';
import type { Call } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { parseUsd } from '../../src/core/money.js';
import type { Capability, Policy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { requestLimits } from '../../src/core/policy-set.js';
import { createPriceBook } from '../../src/guard/price-book.js';
import { quoteModel } from '../../src/guard/request-quote.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { readYaml } from '../../src/store/yaml-reader.js';
import { setPrices } from '../helpers/guarded-client.js';
import { fitsSchema, type Schema } from '../helpers/json-schema.js';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const schema = JSON.parse(file('schema/policy.schema.json')) as Schema;
const NOON = Date.parse('2026-10-07T12:00:00Z');

interface Line {
  readonly call: string;
  readonly standsAt: string;
  readonly decided: string;
}

const recipes = file('docs/policy-cookbook.md')
  .split('\n## ')
  .slice(1)
  .map((text) => ({
    title: text.split('\n', 1)[0]!,
    policy: /```yaml\n([\s\S]*?)\n```/.exec(text)?.[1] ?? '',
    lines: Array.from(
      text.matchAll(/^\| `([^`]+)` \| (?:`([^`]+)`)? \| (.+) \|$/gm),
      ([, call, standsAt = '', decided]): Line => ({ call: call!, standsAt, decided: decided! }),
    ),
    rows: text.match(/^\| [^c-]/gm)?.length ?? 0,
  }));

function compile(text: string) {
  const yaml = readYaml(text);
  if (!yaml.ok) throw new Error(JSON.stringify(yaml.problems));
  const reading = parsePolicy(yaml.value, nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return { ...reading, value: yaml.value };
}

/** What the policy says to a line of a table, in the words of its last column. */
function decide(policy: Policy, { call: text, standsAt }: Line): string {
  const [model = '', ...words] = text.split(' ');
  const { at, claim, in: input = '1000', out = '1000', ...labels } = readWords(words);
  const [inputTokens, outputTokens] = [Number(input), Number(out)];
  const bounds = {
    inputTokens,
    outputTokens,
    expectedInputTokens: inputTokens,
    expectedOutputTokens: outputTokens,
    writesCache: false,
  };
  const prices = createPriceBook(undefined);
  const nowMs = at === undefined ? NOON : Date.parse(at);
  const { priceHeadroomPpm } = requestLimits([policy]);
  const call: Call = {
    actor: { tenantId: 'acme', ...policy.scope, ...labels },
    run: labels.sessionId ?? 'run',
    model,
    capabilityClaim: claim as Capability | undefined,
    quote: (name) => quoteModel(prices, name, { inputTokens, nowMs }, () => bounds, priceHeadroomPpm),
    action: 'llm.generate',
    name: prices.name,
    listFallbacks: () => [],
  };
  const decision = decideAll([policy], totalsOf(standsAt === '' ? [] : standsAt.split(' ')), call, nowMs);
  const { action, refusal, modelResolved, wouldAction, checks } = decision;
  if (action === 'block') return `block: ${refusal?.code}`;
  if (action === 'downgrade') return `downgrade to ${modelResolved}`;
  if (action === 'shadow') return `shadow: would ${wouldAction}`;
  const alerts = checks.flatMap((check) => check.alerts.map(({ level }) => `, alert ${level.text}`));
  return `${action}${alerts.join('')}`;
}

function readWords(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(words.map((word) => word.split('=', 2) as [string, string]));
}

function totalsOf(words: readonly string[]): TotalsOf {
  const known = readWords(words);
  return (cap) => {
    const text = known[`caps[${cap.index}]`] ?? '0';
    const settled = cap.unit === 'usd' ? parseUsd(text)! : BigInt(text);
    return { settled, held: 0n, heldExpected: 0n };
  };
}

beforeAll(() => setPrices());

it('the cookbook has ten policies, and no line that is not read', () => {
  expect(recipes).toHaveLength(10);
  for (const { title, policy, lines, rows } of recipes) {
    expect(policy, title).not.toBe('');
    expect(lines.length, title).toBeGreaterThanOrEqual(4);
    expect(lines.length, title).toBe(rows);
  }
});

describe.each(recipes)('$title', ({ policy: text, lines }) => {
  it('is a valid policy without warnings, by the schema too', () => {
    const { warnings, value } = compile(text);
    expect(warnings).toEqual([]);
    expect(fitsSchema(schema, JSON.parse(JSON.stringify(value)))).toBe(true);
  });

  it.each(lines)('$call at "$standsAt": $decided', (line) => {
    expect(decide(compile(text).policy, line)).toBe(line.decided);
  });

  it('every cap that it has is in some line, and it decides in more than one way', () => {
    const { policy } = compile(text);
    const shown = lines.map(({ standsAt }) => standsAt).join(' ');
    const counted = policy.caps.filter(({ window, unit }) => window !== 'per_call' && unit !== 'in_flight');
    for (const { index } of counted) expect(shown).toContain(`caps[${index}]=`);
    expect(new Set(lines.map(({ decided }) => decided)).size).toBeGreaterThan(1);
  });
});
