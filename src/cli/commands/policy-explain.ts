/** `agentguard policy explain`: one hypothetical call against a policy: every rule, every cap with its arithmetic, the decision. */
import type { Cap, Policy, PolicyRule } from '../../core/policy.js';
import { type RuleMiss, type RuleTrace, traceRules } from '../../core/rule-trace.js';
import { covers, SCOPE_KEYS } from '../../core/scope.js';
import type { CommandContext } from '../context.js';
import { composeStory, describeCap } from '../decision-story.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { decideHypothesis, type Hypothesis, type HypotheticalOptions } from '../hypothetical.js';
import { readNamedPolicy } from '../policy-input.js';
import { bold, dim, type Printer, paint, shorten } from '../print.js';
import { printCount } from '../progress.js';
import { printRuling } from '../story-print.js';

/** How conditions are written, where the compiled rule calls them otherwise. */
const WRITTEN: Readonly<Partial<Record<RuleMiss, string>>> = {
  maxInputUsd: 'maxInputUsdPerMtok',
  maxOutputUsd: 'maxOutputUsdPerMtok',
};

/** Runs `policy explain <file>`. @throws CliError as `decideHypothesis`, and for a file that cannot be read */
export async function runPolicyExplain(
  context: CommandContext,
  options: HypotheticalOptions,
  file: string,
): Promise<ExitCode> {
  const reading = readNamedPolicy(context, file);
  if (!reading.ok) {
    if (context.json) context.out.json({ ok: false, problems: reading.problems });
    else
      for (const { path, message } of reading.problems)
        context.out.line([paint('red', 'problem'), `  ${path} ${shorten(message, 400)}`], 2);
    return EXIT_CODES.failed;
  }
  const { policy } = reading;
  const found = await decideHypothesis(context, policy, options);
  const { call, atMs, decision } = found;
  const ruled = { ...call, quote: call.quote(call.model) };
  const rules = traceRules(policy, ruled, call.model, atMs);
  const skipped = policy.caps.filter((cap) => !decision.checks.some((check) => check.cap === cap));
  const explained: Explained = { policy, rules, skipped, ...found };
  if (context.json) context.out.json(describe(explained));
  else print(context.out, explained);
  return EXIT_CODES.ok;
}

interface Explained extends Hypothesis {
  readonly policy: Policy;
  readonly rules: readonly RuleTrace[];
  /** Caps that were not looked at for the model that was resolved. */
  readonly skipped: readonly Cap[];
}

/** The stable JSON form. */
function describe({ policy, rules, skipped, row, counters, notes, call }: Explained) {
  const { id, version, policyHash } = policy;
  return {
    ok: true,
    policy: { id, version, policyHash },
    counters,
    rules: rules.map(({ rule, decides, speaks, misses }) => ({
      index: rule.index,
      effect: rule.effect,
      action: rule.action,
      resource: rule.resource,
      decides,
      speaks,
      misses: misses.map(nameMiss),
    })),
    caps: composeRow(row).caps.map(describeCap),
    skippedCaps: skipped.map((cap) => ({ path: cap.path, why: explainSkipped(cap, call.actor) })),
    decision: row,
    notes,
  };
}

/** A row that is in no ledger, in the words of those that are. */
function composeRow(decision: Hypothesis['row']) {
  const receipt = {
    sequence: 0,
    decision,
    previousHash: '',
    entryHash: '',
    signature: '',
    signerFingerprint: '',
    publicKeyHex: '',
    unsigned: {},
  };
  const story = composeStory([{ line: 0, receipt, timestampMs: 0 }]);
  if (!story) throw new TypeError('a decision row is a decision');
  return story;
}

function print(out: Printer, explained: Explained): void {
  const { policy, rules, skipped, counters, notes, row, atMs, call } = explained;
  const at = new Date(atMs).toISOString();
  out.line([bold('If this were asked'), ` at ${at}, of the policy ${shorten(policy.id)}:`], 2);
  out.line(
    counters === null
      ? '  counters: there is no ledger, so nothing was spent'
      : `  counters: as of ${printCount(counters.rows)} rows of ${counters.path}`,
    4,
  );
  for (const note of notes) out.line(`  note  ${shorten(note, 400)}`, 4);
  out.blank();
  if (rules.length > 0) {
    out.line(bold(rules.length === 1 ? 'The rule' : `The ${rules.length} rules`));
    for (const trace of rules) out.line(printTrace(trace, rules), 4);
    out.blank();
  }
  if (policy.providerRules.length > 0) printProviders(out, explained);
  if (skipped.length > 0) {
    out.line(bold('Caps that were not looked at'));
    for (const cap of skipped) out.line(dim(`  ${cap.path}: ${explainSkipped(cap, call.actor)}`), 4);
    out.blank();
  }
  printRuling(out, composeRow(row));
}

/** Rules about providers decide whom OpenRouter may ask, not whether the model may be used. */
function printProviders(out: Printer, { policy, decision }: Explained): void {
  out.line(bold('Rules about providers'));
  for (const { index, effect, resource } of policy.providerRules)
    out.line(`  rules[${index}] ${effect} ${shorten(resource, 100)}`, 4);
  const { only, ignore } = decision.routes ?? { only: undefined, ignore: [] };
  const list = (names: readonly string[]) => names.map((name) => shorten(name, 60)).join(', ');
  if (only) out.line(`  sent on as provider.only: ${list(only)}`, 4);
  if (ignore.length > 0) out.line(`  sent on as provider.ignore: ${list(ignore)}`, 4);
  out.blank();
}

function printTrace({ rule, decides, speaks, misses }: RuleTrace, all: readonly RuleTrace[]) {
  const what = `  rules[${rule.index}] ${rule.effect} ${shorten(rule.resource, 100)}: `;
  if (decides) return [what, paint(rule.effect === 'allow' ? 'green' : 'red', 'decides')];
  const decider = all.find((one) => one.decides)?.rule.index;
  if (speaks) return [what, `would match too, but rules[${decider}] comes first`];
  return [what, dim(explainMisses(rule, misses))];
}

function explainMisses({ action }: Pick<PolicyRule, 'action'>, misses: readonly RuleMiss[]): string {
  if (misses.includes('resource')) return 'is about other models';
  if (misses.includes('action')) return `is about ${action} calls`;
  return `does not hold: ${misses.map((miss) => `when.${nameMiss(miss)}`).join(', ')}`;
}

function nameMiss(miss: RuleMiss): string {
  return WRITTEN[miss] ?? miss;
}

function explainSkipped(cap: Cap, actor: Hypothesis['call']['actor']): string {
  if (covers(cap.match, actor)) return 'the call was refused before caps were looked at';
  const key = SCOPE_KEYS.find((one) => cap.match[one] !== undefined && cap.match[one] !== actor[one]);
  const found = key === undefined ? undefined : actor[key];
  const has = found === undefined ? `the call has no ${key}` : `the call has ${key} ${JSON.stringify(found)}`;
  return `counts ${cap.scopeKey}; ${has}`;
}
