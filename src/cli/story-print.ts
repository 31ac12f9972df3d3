/** A decision in words for people: what was asked, why it went as it did, the arithmetic, the way out. */
import type { JsonObject } from '../core/json.js';
import { printUsdPerMtok, showUsd, type Usd } from '../core/money.js';
import { isObject, ownValue } from '../core/receipt.js';
import { SCOPE_KEYS } from '../core/scope.js';
import {
  type CapStory,
  type DecisionStory,
  numberAt,
  objectAt,
  type SettlementStory,
  textAt,
  textsAt,
  totalOf,
  usdAt,
} from './decision-story.js';
import { bold, dim, type Part, type Printer, paint, type Style, shorten } from './print.js';
import { printCount } from './progress.js';

const LABEL_WIDTH = 12;
const WINDOWS: Readonly<Record<string, string>> = {
  per_call: 'per call',
  per_minute: 'per minute',
  per_hour: 'per hour',
  per_day: 'per day',
  per_month: 'per month',
};
const ACTIONS: Readonly<Record<string, { readonly words: string; readonly style: Style }>> = {
  allow: { words: 'allowed', style: 'green' },
  downgrade: { words: 'sent to a cheaper model', style: 'yellow' },
  shadow: { words: 'passed, in shadow: nothing was enforced', style: 'yellow' },
  block: { words: 'refused; nothing was sent', style: 'red' },
};
const COST_SOURCES: Readonly<Record<string, string>> = {
  provider: 'as billed by the provider',
  computed: 'tokens × price, since the answer named no cost',
  reserved: 'the upper bound, since nobody knows the cost: it stays spent',
  released: 'nothing: the request was not sent, or refused upstream',
};

const OTHER_WAYS: Readonly<Record<string, string>> = {
  held: 'the same request once running calls have ended',
  capability: 'the same request with the capability that the policy requires',
  unknown_price: 'the same request once a price for the model is known',
  unbounded: 'a request whose cost has an upper bound',
  path_not_supported: 'a request to a path that is guarded',
};

/** Prints a story without its place in the file. */
export function printStory(print: Printer, story: DecisionStory): void {
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
  printOutcome(print, story, action);
}

function printFacts(print: Printer, decision: JsonObject): void {
  const entry = (label: string, parts: Part | readonly Part[]): void =>
    print.entry(dim(`  ${label}`), LABEL_WIDTH, parts);
  entry('when', shorten(textAt(decision, 'timestamp') ?? 'unknown'));
  entry('who', printActor(decision));
  const requested = shorten(textAt(decision, 'modelRequested') ?? 'unknown');
  const resolved = shorten(textAt(decision, 'modelResolved') ?? requested);
  entry('model', requested === resolved ? requested : [requested, ' → ', bold(resolved)]);
  entry('policy', printPolicy(decision));
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

function printCaps(print: Printer, caps: readonly CapStory[]): void {
  print.blank();
  if (caps.length === 0) {
    print.line('No cap was looked at.');
    return;
  }
  print.line(bold(caps.length === 1 ? 'The cap' : `The ${caps.length} caps`));
  for (const cap of caps.slice(0, 50)) printCap(print, cap);
  if (caps.length > 50) print.line(dim(`  … and ${caps.length - 50} more`));
}

function printCap(print: Printer, cap: CapStory): void {
  const window = WINDOWS[cap.window] ?? shorten(cap.window, 30);
  const verdict = cap.tripped ? paint('red', 'no room') : paint('green', 'has room');
  const reason = cap.reason === null ? '' : ` "${shorten(cap.reason, 100)}"`;
  print.line([`  ${shorten(cap.action, 30)} ${showUsd(cap.limitUsd)} ${window}${reason}: `, verdict], 4);
  if (cap.scopeKey !== '') print.line(dim(`    counts ${shorten(cap.scopeKey, 200)}`), 6);
  const bound = cap.action === 'block' ? 'this call, its upper bound' : 'this call, estimated';
  const total = totalOf(cap);
  const rows: readonly (readonly [string, string, Usd])[] = [
    ...(cap.window === 'per_call'
      ? []
      : ([
          [' ', 'spent', cap.spentUsd],
          ['+', 'held by running calls', cap.heldUsd],
        ] as const)),
    [cap.window === 'per_call' ? ' ' : '+', bound, cap.addsUsd],
    ...(cap.window === 'per_call' ? [] : ([['=', 'together', total]] as const)),
    total > cap.limitUsd
      ? ['>', 'over the cap by', total - cap.limitUsd]
      : ['≤', 'left', cap.limitUsd - total],
  ];
  const amounts = rows.map(([, , usd]) => showUsd(usd));
  const whole = Math.max(...amounts.map((amount) => amount.indexOf('.')));
  for (const [i, [sign, label]] of rows.entries()) {
    const amount = amounts[i] ?? '';
    const indented = ' '.repeat(Math.max(0, whole - amount.indexOf('.'))) + amount;
    print.line(`    ${sign} ${label.padEnd(28)}${indented}`);
  }
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

/** Room that was left under all caps that stood in the way, and when the last of them starts anew. */
function listRoom(stood: readonly CapStory[]): readonly string[] {
  const [first, ...others] = stood.map((cap) => ({
    cap,
    leftUsd: cap.limitUsd - cap.spentUsd - cap.heldUsd,
  }));
  if (!first) return [];
  const tightest = others.reduce((best, one) => (one.leftUsd < best.leftUsd ? one : best), first);
  const { cap, leftUsd } = tightest;
  const room =
    leftUsd > 0n ? [`a call of at most ${showUsd(leftUsd)}; this one: ${showUsd(cap.addsUsd)}`] : [];
  const resets = stood.map((one) => one.resetsAt);
  const last = resets
    .filter((one) => one !== null)
    .toSorted()
    .at(-1);
  if (last === undefined || resets.includes(null)) return room;
  return [...room, `the same request from ${shorten(last, 40)}, when the window starts anew`];
}

function printOutcome(print: Printer, { attempts, settlements }: DecisionStory, action: string): void {
  print.blank();
  print.line(bold('What became of it'));
  if (attempts.length > 1)
    print.line(
      `  ${attempts.length} attempts: ${attempts.map((one) => `line ${one.line} ${shorten(one.action, 20)}`).join(', ')}`,
      4,
    );
  for (const settlement of settlements.slice(0, 20)) print.line(describeSettlement(settlement), 4);
  if (settlements.length > 0) return;
  if (action === 'block') print.line('  refused: it cost nothing');
  else print.line('  not settled: still running, or its process died; its upper bound is held', 4);
}

function describeSettlement(settlement: SettlementStory): readonly Part[] {
  const { costSource, actualUsd, inputTokens, outputTokens, servedModel, servedProvider } = settlement;
  const amount = actualUsd === null ? 'unknown' : `$${shorten(actualUsd, 40)}`;
  const source = costSource === null ? '' : ` (${COST_SOURCES[costSource] ?? shorten(costSource, 30)})`;
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
