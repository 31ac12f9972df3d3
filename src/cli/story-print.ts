/** A decision in words for people: what was asked, why it went as it did, the arithmetic, the way out. */
import { isObject, type JsonObject } from '../core/json.js';
import { printUsdPerMtok, showUsd } from '../core/money.js';
import { isOwnAction } from '../core/policy.js';
import { ownValue } from '../core/receipt.js';
import { SCOPE_KEYS } from '../core/scope.js';
import { listRoom, printCaps } from './cap-print.js';
import {
  type CapStory,
  type DecisionStory,
  numberAt,
  objectAt,
  type RouteStory,
  type SettlementStory,
  textAt,
  textsAt,
  usdAt,
} from './decision-story.js';
import { bold, dim, type Part, type Printer, paint, type Style, shorten } from './print.js';
import { printCount } from './progress.js';

const LABEL_WIDTH = 12;
const ACTIONS: Readonly<Record<string, { readonly words: string; readonly style: Style }>> = {
  allow: { words: 'allowed', style: 'green' },
  downgrade: { words: 'sent to a cheaper model', style: 'yellow' },
  shadow: { words: 'passed, in shadow: nothing was enforced', style: 'yellow' },
  block: { words: 'refused; nothing was sent', style: 'red' },
};
const COST_SOURCES: Readonly<Record<string, string>> = {
  provider: 'as billed by the provider',
  computed: 'tokens × price, since the answer named no cost',
  stated: 'as the program said',
  reserved: 'the upper bound, since nobody knows the cost: it stays spent',
  released: 'nothing: the request was not sent, or refused upstream',
};

const OTHER_WAYS: Readonly<Record<string, string>> = {
  held: 'the same request once running calls have ended',
  capability: 'the same request with the capability that the policy requires',
  unknown_price: 'the same request once a price for the model is known',
  unbounded: 'a request whose cost has an upper bound',
  path_not_supported: 'a request to a path that is guarded',
  stopped: 'the same request once calls are resumed',
};

/** Prints a story without its place in the file. */
export function printStory(print: Printer, story: DecisionStory): void {
  printRuling(print, story);
  printOutcome(print, story, textAt(story.row.receipt.decision, 'action') ?? 'unknown');
}

/** Prints what was decided and why, without what became of it. */
export function printRuling(print: Printer, story: DecisionStory): void {
  const { decision } = story.row.receipt;
  const action = textAt(decision, 'action') ?? 'unknown';
  const { words, style } = ACTIONS[action] ?? { words: `action ${shorten(action)}`, style: 'yellow' };
  const id = shorten(textAt(decision, 'decisionId') ?? 'unknown');
  print.line([bold('Decision '), bold(id), ': ', paint(style, words)], 2);
  print.blank();
  printFacts(print, decision);
  printCaps(print, story.caps);
  printCost(print, decision);
  printWayOut(print, decision, story.caps);
}

function printFacts(print: Printer, decision: JsonObject): void {
  const entry = (label: string, parts: Part | readonly Part[]): void =>
    print.entry(dim(`  ${label}`), LABEL_WIDTH, parts);
  entry('when', shorten(textAt(decision, 'timestamp') ?? 'unknown'));
  entry('who', printActor(decision));
  const requested = shorten(textAt(decision, 'modelRequested') ?? 'unknown');
  const resolved = shorten(textAt(decision, 'modelResolved') ?? requested);
  const own = textAt(objectAt(decision, 'given'), 'action');
  if (own !== null && isOwnAction(own)) {
    entry('action', shorten(own, 100));
    entry('on', requested);
  } else entry('model', requested === resolved ? requested : [requested, ' → ', bold(resolved)]);
  entry('policy', printPolicy(decision));
  for (const [label, words] of describeRule(decision)) entry(label, words);
  const claim = textAt(decision, 'capabilityClaim');
  const required = textAt(decision, 'requiredCapability');
  if (required !== null)
    entry('capability', `requires ${shorten(required)}, the call claims ${shorten(claim ?? 'none')}`);
  const reasons = textsAt(decision, 'reasons');
  if (reasons.length === 0) entry('because', 'every cap that applies has room for it');
  for (const reason of reasons.slice(0, 10)) entry('because', shorten(reason, 400));
  const would = textAt(decision, 'wouldAction');
  const wouldModel = textAt(decision, 'wouldModel');
  if (would !== null)
    entry('enforced', `it would be: ${shorten(would)}${wouldModel ? ` to ${shorten(wouldModel)}` : ''}`);
}

/** The rule that decided about the model, and what the task table said after it. */
function describeRule(decision: JsonObject): readonly (readonly [label: string, words: string])[] {
  const rule = objectAt(decision, 'rule');
  const model = textAt(rule, 'model');
  if (model === null) return [];
  const about = shorten(model);
  const effect = shorten(textAt(rule, 'effect') ?? 'unknown', 30);
  const index = numberAt(rule, 'index');
  const task = ownValue(rule, 'task');
  const reason = textAt(rule, 'reason');
  const why = reason === null ? '' : ` "${shorten(reason, 100)}"`;
  const resource = shorten(textAt(rule, 'resource') ?? 'unknown', 100);
  // Tasks are only asked about what the rules allow.
  const spoken = task === undefined ? effect : 'allow';
  const words =
    index !== null
      ? `rules[${index}] ${spoken} ${resource}${why}, which matches ${about}`
      : `${effect}: no rule speaks about ${about}`;
  const byRules = index === null && task !== undefined ? [] : [['rule', words] as const];
  if (task === undefined) return byRules;
  const name = typeof task === 'string' ? JSON.stringify(shorten(task, 100)) : 'none of those in the policy';
  return [...byRules, ['task', `${name}: ${effect} ${about}`]];
}

function printPolicy(decision: JsonObject): string {
  const version = ownValue(decision, 'policyVersion');
  const hash = textAt(decision, 'policyHash');
  const parts = [
    shorten(textAt(decision, 'policyId') ?? 'unknown'),
    typeof version === 'number' || typeof version === 'string' ? `version ${shorten(String(version))}` : '',
    shorten(textAt(decision, 'enforcementMode') ?? ''),
    hash ? `hash ${shorten(hash, 12)}` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function printActor(decision: JsonObject): string {
  const actor = objectAt(decision, 'actor');
  const labels = SCOPE_KEYS.flatMap((key) => {
    const value = textAt(actor, key);
    return value === null ? [] : [`${key}=${shorten(value, 60)}`];
  });
  return labels.join(' ') || 'unknown';
}

function printCost(print: Printer, decision: JsonObject): void {
  const expected = usdAt(decision, 'expectedUsd');
  const reserved = usdAt(decision, 'reservedUsd');
  print.blank();
  if (expected === undefined || reserved === undefined) {
    print.line('What it may cost was not known.');
    return;
  }
  print.line(bold('What it may cost'));
  print.line(
    `  at most ${showUsd(reserved)}, which is held until it is settled; expected ${showUsd(expected)}`,
    4,
  );
  const basis = objectAt(decision, 'costBasis');
  const input = usdAt(basis, 'maxInputUsdPerToken');
  const output = usdAt(basis, 'maxOutputUsdPerToken');
  const inputTokens = numberAt(decision, 'inputTokensBound');
  const outputTokens = numberAt(decision, 'outputTokensBound');
  if (input === undefined || output === undefined || inputTokens === null || outputTokens === null) return;
  const source = textAt(basis, 'rateSource');
  print.line(
    `  input ≤ ${printCount(inputTokens)} tokens at $${printUsdPerMtok(input)}, output ≤ ${printCount(outputTokens)} at $${printUsdPerMtok(output)} per million${source ? ` (price: ${shorten(source, 30)})` : ''}`,
    4,
  );
}

/** What would have passed: only where something did not. */
function printWayOut(print: Printer, decision: JsonObject, caps: readonly CapStory[]): void {
  const refusal = ownValue(decision, 'refusal');
  // Once a call is refused, caps that would only have changed its model no longer matter.
  const stood = caps.filter(
    (cap) => cap.tripped && cap.action === (isObject(refusal) ? 'block' : 'downgrade'),
  );
  if (!isObject(refusal) && stood.length === 0) return;
  print.blank();
  print.line(bold(isObject(refusal) ? 'What would have passed' : 'What would have passed unchanged'));
  const ways = [...(isObject(refusal) ? listOtherWays(refusal) : []), ...listRoom(stood)];
  for (const way of ways) print.line(`  - ${way}`, 4);
  if (ways.length === 0) print.line('  nothing that these rows can tell', 4);
}

function listOtherWays(refusal: JsonObject): readonly string[] {
  const models = textsAt(refusal, 'alternatives').map((model) => shorten(model));
  const instead = models.length === 0 ? [] : [`the same request at that moment on ${models.join(', or ')}`];
  const hint = OTHER_WAYS[textAt(refusal, 'code') ?? ''];
  return hint === undefined ? instead : [...instead, hint];
}

function printOutcome(
  print: Printer,
  { row, attempts, routes, settlements }: DecisionStory,
  action: string,
): void {
  print.blank();
  print.line(bold('What became of it'));
  if (attempts.length > 1)
    print.line(
      `  ${attempts.length} attempts: ${attempts.map((one) => `line ${one.line} ${shorten(one.action, 20)}`).join(', ')}`,
      4,
    );
  for (const route of routes.slice(0, 20)) print.line(describeRoute(route), 4);
  // Of an action of the caller's own, which has no prices.
  const isStated = ownValue(row.receipt.decision, 'costBasis') === null;
  for (const settlement of settlements.slice(0, 20)) print.line(describeSettlement(settlement, isStated), 4);
  if (settlements.length > 0) return;
  if (action === 'block') print.line('  refused: it cost nothing');
  else print.line('  not settled: still running, or its process died; its upper bound is held', 4);
}

function describeRoute({ line, attempt, model, provider, httpStatus }: RouteStory): string {
  const by = provider === null ? '' : ` at ${shorten(provider, 60)}`;
  const status = httpStatus === null ? '' : ` (HTTP ${httpStatus})`;
  return `  attempt ${attempt}, tried in vain: ${shorten(model ?? 'a model')}${by}${status} — line ${line}`;
}

function describeSettlement(settlement: SettlementStory, isStated: boolean): readonly Part[] {
  const { costSource, actualUsd, inputTokens, outputTokens, servedModel, servedProvider } = settlement;
  const amount = actualUsd === null ? 'unknown' : `$${shorten(actualUsd, 40)}`;
  const known = isStated && costSource === 'computed' ? 'stated' : costSource;
  const source = known === null ? '' : ` (${COST_SOURCES[known] ?? shorten(known, 30)})`;
  const tokens =
    inputTokens === null || outputTokens === null
      ? ''
      : `; ${printCount(inputTokens)} tokens in, ${printCount(outputTokens)} out`;
  const by =
    servedModel === null
      ? ''
      : `; served by ${shorten(servedModel)}${servedProvider === null ? '' : ` at ${shorten(servedProvider, 60)}`}`;
  const flags = `${settlement.partial ? '; cut short' : ''}${settlement.overBound ? '; MORE THAN ITS BOUND' : ''}`;
  const outcome =
    settlement.outcome === null ? 'settled' : shorten(settlement.outcome.replaceAll('_', ' '), 40);
  return [
    `  attempt ${settlement.attempt}, ${outcome}: cost `,
    bold(amount),
    `${source}${tokens}${by}${flags} — line ${settlement.line}`,
  ];
}
