/**
 * Every rule of a policy against one call: which one decides, and why the others do not (docs/cli.md, policy). Each is put
 * to `findRule` alone, so that nothing here can differ from what decides.
 */
import type { Policy } from './policy.js';
import { coversAction, findRule, type Rule, type RuleConditions, type RuledCall } from './rule.js';

/** What one rule says to a call about one model. */
export interface RuleTrace {
  readonly rule: Rule;
  /** The first that speaks: it decides. */
  readonly decides: boolean;
  /** It speaks; where it does not decide, an earlier one did. */
  readonly speaks: boolean;
  /** Why it does not speak: `action`, `resource`, or the conditions that do not hold. Empty when it speaks. */
  readonly misses: readonly RuleMiss[];
}

export type RuleMiss = 'action' | 'resource' | keyof RuleConditions;

const NO_CONDITIONS: RuleConditions = {
  scope: undefined,
  capability: undefined,
  maxInputUsd: undefined,
  maxOutputUsd: undefined,
  minContextTokens: undefined,
  maxInputTokens: undefined,
  hours: undefined,
  weekdays: undefined,
};
const CONDITIONS = Object.keys(NO_CONDITIONS) as readonly (keyof RuleConditions)[];

/** The rules about models, in order, at `nowMs`, milliseconds since 1970. */
export function traceRules(
  { rules, timeZone }: Pick<Policy, 'rules' | 'timeZone'>,
  call: RuledCall,
  model: string,
  nowMs: number,
): readonly RuleTrace[] {
  const speaks = (rule: Rule): boolean => findRule([rule], call, model, nowMs, timeZone).rule !== null;
  const decider = findRule(rules, call, model, nowMs, timeZone).rule;
  return rules.map((rule) => {
    const isSpeaking = speaks(rule);
    const misses = isSpeaking ? [] : listMisses(rule, call, speaks);
    return { rule, decides: decider?.index === rule.index, speaks: isSpeaking, misses };
  });
}

function listMisses(rule: Rule, call: RuledCall, speaks: (rule: Rule) => boolean): readonly RuleMiss[] {
  if (!coversAction(rule.action, call.action)) return ['action'];
  const bare = { ...rule, when: NO_CONDITIONS };
  if (!speaks(bare)) return ['resource'];
  return CONDITIONS.filter(
    (key) =>
      rule.when[key] !== undefined && !speaks({ ...bare, when: { ...NO_CONDITIONS, [key]: rule.when[key] } }),
  );
}
