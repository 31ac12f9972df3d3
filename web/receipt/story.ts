/** A receipt in words: what was asked, what was decided and why, what it cost. From the row alone. */

import { encodeUtf8 } from '../../src/core/bytes.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { isObject } from '../../src/core/json.js';
import { ownValue, type Receipt, readReceipt } from '../../src/core/receipt.js';
import { showExact } from '../amount.js';
import { showText } from '../text.js';

/** Headed lists of a name and a text that may be shown. */
export interface StoryPart {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
}

export interface CapLine {
  readonly cap: string;
  readonly spent: string;
  readonly held: string;
  readonly adds: string;
  readonly limit: string;
  readonly tripped: boolean;
  readonly key: string;
}

/** The row, if it can be read at all. */
export function readLine(line: string): Receipt | undefined {
  const reading = readReceipt(encodeUtf8(line));
  return reading.ok ? reading.value : undefined;
}

/** Text of a field of the decision; `''` when there is none. */
export function textOf(decision: JsonObject, key: string): string {
  const value = ownValue(decision, key);
  if (value === undefined || value === null) return '';
  return showText(typeof value === 'string' ? value : JSON.stringify(value), 2000);
}

/** Fields that the parts name; every other one is listed as it is under "Everything else". */
const MONEY = [
  ['expectedUsd', 'Expected'],
  ['reservedUsd', 'Bound, held until settled'],
  ['actualUsd', 'Actual'],
] as const;
const PLAIN: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Call',
    [
      ['timestamp', 'Time'],
      ['modelRequested', 'Model asked for'],
      ['modelResolved', 'Model decided on'],
      ['servedModel', 'Model that answered'],
      ['servedProvider', 'Served by'],
      ['path', 'Path'],
      ['attempt', 'Attempt'],
      ['decisionId', 'Decision'],
      ['originalDecisionId', 'Settles decision'],
    ],
  ],
  [
    'Tokens',
    [
      ['inputTokensBound', 'Input, at most'],
      ['outputTokensBound', 'Output, at most'],
      ['estimatedInputTokens', 'Input, estimated'],
      ['estimatedOutputTokens', 'Output, estimated'],
      ['actualInputTokens', 'Input, billed'],
      ['actualOutputTokens', 'Output, billed'],
    ],
  ],
  [
    'Policy',
    [
      ['policyId', 'Policy'],
      ['policyVersion', 'Version'],
      ['enforcementMode', 'Mode'],
      ['triggeredScopeKey', 'Counter that decided'],
      ['policyHash', 'Hash'],
    ],
  ],
  [
    'Ending',
    [
      ['outcome', 'Outcome'],
      ['costSource', 'Cost known from'],
      ['partial', 'Partial'],
      ['httpStatus', 'HTTP status'],
      ['generationId', 'Generation'],
    ],
  ],
];

/** All parts that have something to say. */
export function tellStory({ decision }: Receipt): readonly StoryPart[] {
  const actor = ownValue(decision, 'actor');
  const named = new Set<string>(['actor', 'caps', 'reasons', 'action', ...MONEY.map(([key]) => key)]);
  const parts = PLAIN.map(([title, keys]) => {
    for (const [key] of keys) named.add(key);
    return { title, facts: keys.map(([key, name]) => [name, textOf(decision, key)] as const) };
  });
  const money = MONEY.map(
    ([key, name]) => [name, textOf(decision, key) && showExact(textOf(decision, key))] as const,
  );
  const who = isObject(actor) ? Object.keys(actor).map((key) => [key, textOf(actor, key)] as const) : [];
  const rest = Object.keys(decision)
    .filter((key) => !named.has(key))
    .map((key) => [showText(key, 60), textOf(decision, key)] as const);
  const [call, ...others] = parts;
  return [
    ...(call ? [call] : []),
    { title: 'Money', facts: money },
    { title: 'Who', facts: who },
    ...others,
    { title: 'Everything else', facts: rest },
  ]
    .map(({ title, facts }) => ({ title, facts: facts.filter(([, text]) => text !== '') }))
    .filter(({ facts }) => facts.length > 0);
}

/** Why it was decided so, in the row's own words. */
export function reasonsOf({ decision }: Receipt): readonly string[] {
  const reasons = ownValue(decision, 'reasons');
  if (!Array.isArray(reasons)) return [];
  return reasons
    .filter((reason: Json) => typeof reason === 'string')
    .map((reason) => showText(String(reason), 400));
}

/** The arithmetic of every cap that was looked at: what was spent and held, what this call adds, and the limit. */
export function capLines({ decision }: Receipt): readonly CapLine[] {
  const caps = ownValue(decision, 'caps');
  if (!Array.isArray(caps)) return [];
  return caps.filter(isObject).map((cap) => {
    const isUsd = ownValue(cap, 'limitUsd') !== undefined;
    const show = (key: string): string => {
      const text = textOf(cap, isUsd ? `${key}Usd` : key);
      return isUsd ? showExact(text) : text;
    };
    return {
      cap: `${textOf(cap, 'window').replaceAll('_', ' ')}, then ${textOf(cap, 'action')}`,
      spent: show('spent'),
      held: show('held'),
      adds: show('adds'),
      limit: isUsd ? show('limit') : `${show('limit')} ${textOf(cap, 'unit')}`,
      tripped: ownValue(cap, 'tripped') === true,
      key: textOf(cap, 'scopeKey'),
    };
  });
}
