/** Whether a row says what its policies decide: the same outcome, for the same reason, on the same sums. */
import { isObject, type Json, type JsonObject } from './json.js';
import { parseUsd, printUsd, type Usd } from './money.js';
import { isOwnAction } from './policy.js';
import { costOf } from './price.js';

/** What a decision row says of its outcome, the more telling first. */
const OUTCOME_KEYS = [
  'action',
  'modelResolved',
  'wouldAction',
  'wouldModel',
  'triggeredScopeKey',
  'requiredCapability',
  'enforcementMode',
  'policyId',
  'policyVersion',
  'policyHash',
  'expectedUsd',
  'reservedUsd',
  'inputTokensBound',
  'outputTokensBound',
  'estimatedInputTokens',
  'estimatedOutputTokens',
  'projectedCents',
  'windowSpendBefore',
  'windowSpendAfter',
] as const;
/** What must stand in each part; what else stands there must agree as well. */
const CAP_KEYS = ['index', 'tripped', 'action', 'window', 'scopeKey'] as const;
const TRIGGERED_KEYS = ['index', 'action', 'window'] as const;
const RULE_KEYS = ['index', 'effect', 'model'] as const;
const PART_KEYS = ['hash', 'mode', 'action'] as const;
/** Who signed a policy is no part of it, and nothing that it decides by. */
const UNDERIVED: ReadonlySet<string> = new Set(['approver']);

/**
 * Compares a row with the one that its decision gives anew.
 *
 * @returns one sentence about the first thing that differs, or `undefined`.
 */
export function findContradiction(row: JsonObject, expected: JsonObject): string | undefined {
  for (const key of OUTCOME_KEYS)
    if ((row[key] ?? null) !== (expected[key] ?? null))
      return explain(key, row[key], expected[key], expected);
  const said = codeOf(row);
  const due = codeOf(expected);
  if (said !== due) return explain('refusal', said, due, expected);
  if (!agrees(row.triggeredCap ?? null, expected.triggeredCap ?? null, TRIGGERED_KEYS))
    return explain('triggeredCap', row.triggeredCap, expected.triggeredCap, expected);
  if (!agrees(row.rule ?? null, expected.rule ?? null, RULE_KEYS))
    return explain('rule', row.rule, expected.rule, expected);
  if (!isEqual(row.grants ?? null, expected.grants ?? null))
    return explain('grants', row.grants, expected.grants, expected);
  return (
    findInList('caps', row.caps, expected.caps, CAP_KEYS) ??
    findInList('policies', row.policies ?? [], expected.policies ?? [], PART_KEYS)
  );
}

/**
 * Whether the bound that a row reserves is what its tokens cost at its own prices: a bound that is too low would let the
 * next call pass.
 */
export function findBoundFault(row: JsonObject): string | undefined {
  const { costBasis, reservedUsd, inputTokensBound, outputTokensBound, given } = row;
  if (typeof reservedUsd !== 'string') return undefined;
  // What an action of the caller's own costs, the caller says; a model call has no such price.
  if (isObject(given) && typeof given.action === 'string' && isOwnAction(given.action))
    return row.expectedUsd === reservedUsd
      ? undefined
      : '"reservedUsd" is not the cost that the caller stated.';
  if (!isObject(costBasis)) return '"reservedUsd" stands there without the prices that it was made from.';
  const [input, output, request] = [
    costBasis.maxInputUsdPerToken,
    costBasis.maxOutputUsdPerToken,
    costBasis.maxRequestUsd ?? '0',
  ].map((price) => (typeof price === 'string' ? parsePrice(price) : undefined));
  if (input === undefined || output === undefined || request === undefined) return undefined;
  if (!Number.isSafeInteger(inputTokensBound) || !Number.isSafeInteger(outputTokensBound)) return undefined;
  const unit = { inputUsd: input, outputUsd: output, requestUsd: request };
  const due = printUsd(costOf(unit, inputTokensBound as number, outputTokensBound as number));
  return due === reservedUsd
    ? findEstimateFault(row, costBasis, request)
    : `"reservedUsd" says ${show(reservedUsd)} where its tokens at its prices cost ${show(due)} at most.`;
}

/** The estimate counts against soft caps. What the list asks for a request is not told: it is within what was held for it. */
function findEstimateFault(row: JsonObject, costBasis: JsonObject, requestUsd: Usd): string | undefined {
  const { expectedUsd, estimatedInputTokens, estimatedOutputTokens } = row;
  const [expected, input, output] = [
    expectedUsd,
    costBasis.inputUsdPerToken,
    costBasis.outputUsdPerToken,
  ].map((price) => (typeof price === 'string' ? parsePrice(price) : undefined));
  if (expected === undefined || input === undefined || output === undefined) return undefined;
  if (!Number.isSafeInteger(estimatedInputTokens) || !Number.isSafeInteger(estimatedOutputTokens))
    return undefined;
  const unit = { inputUsd: input, outputUsd: output, requestUsd: 0n };
  const tokensUsd = costOf(unit, estimatedInputTokens as number, estimatedOutputTokens as number);
  return expected >= tokensUsd && expected <= tokensUsd + requestUsd
    ? undefined
    : `"expectedUsd" says ${show(expectedUsd ?? null)} where its tokens at its prices cost ${show(printUsd(tokensUsd))}.`;
}

/** Unit prices repeat from row to row. */
const parsedPrices = new Map<string, Usd | undefined>();
const MAX_PARSED_PRICES = 1024;

function parsePrice(text: string): Usd | undefined {
  const known = parsedPrices.get(text);
  if (known !== undefined) return known;
  const price = text.length <= 64 ? parseUsd(text) : undefined;
  if (parsedPrices.size >= MAX_PARSED_PRICES) parsedPrices.clear();
  parsedPrices.set(text, price);
  return price;
}

/** A refusal that the policy does not call for is told by its code. */
function codeOf({ refusal }: JsonObject): Json {
  return isObject(refusal) ? (refusal.code ?? null) : null;
}

function findInList(
  key: string,
  said: Json | undefined,
  due: Json | undefined,
  required: readonly string[],
): string | undefined {
  const expected = Array.isArray(due) ? due : [];
  if (!Array.isArray(said) || said.length !== expected.length)
    return `"${key}" has ${Array.isArray(said) ? said.length : 'no'} entries where ${expected.length} follow from the policy.`;
  for (const [index, entry] of said.entries()) {
    const fit = expected[index] as Json;
    if (!agrees(entry as Json, fit, required))
      return `"${key}[${index}]" says ${show(pick(entry as Json, fit))} where ${show(pick(fit, entry as Json))} follows from the rows before.`;
  }
  return undefined;
}

/** Whether a part has all that it must, and nothing that is not so. A newer version may tell more than an older one did. */
function agrees(said: Json, due: Json, required: readonly string[]): boolean {
  if (!isObject(said) || !isObject(due)) return said === due;
  return (
    required.every((key) => isEqual(said[key], due[key])) &&
    Object.keys(said).every((key) => UNDERIVED.has(key) || isEqual(said[key], due[key]))
  );
}

function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (isObject(a) && isObject(b)) return agrees(a, b, Object.keys(b));
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isEqual(item as Json, b[index] as Json));
  return a === b;
}

/** The keys of one part that the other has otherwise: what a sentence needs to tell. */
function pick(part: Json, other: Json): Json {
  if (!isObject(part) || !isObject(other)) return part;
  return Object.fromEntries(Object.entries(part).filter(([key, value]) => !isEqual(value, other[key])));
}

function explain(
  key: string,
  said: Json | undefined,
  due: Json | undefined,
  { reasons }: JsonObject,
): string {
  const why = Array.isArray(reasons) && typeof reasons[0] === 'string' ? ` (${reasons[0]})` : '';
  return `"${key}" says ${show(said ?? null)} where ${show(due ?? null)} follows from the policy and the rows before${why}.`;
}

/** JSON, short enough for a sentence. */
function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
