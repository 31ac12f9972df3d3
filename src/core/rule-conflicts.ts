/** Rules of a policy that no call reaches, because an earlier rule or the policy itself speaks first (docs/cli.md, policy). */
import { joinPath } from './fields.js';
import type { Policy } from './policy.js';
import { satisfies } from './policy.js';
import type { PolicyWarning } from './policy-warning.js';
import { coversAction, fits, type ModelPattern, type Rule, type RuleConditions } from './rule.js';
import { covers, SCOPE_KEYS, type Selector } from './scope.js';

/** Every rule that can decide nothing, once each. */
export function findRuleConflicts({ rules, providerRules, scope }: Policy): readonly PolicyWarning[] {
  const silent = rules.flatMap((rule) => {
    const path = joinPath('rules', rule.index);
    const key = SCOPE_KEYS.find((one) => contradicts(one, scope, rule.when.scope));
    if (key !== undefined)
      return [
        warn(
          joinPath(joinPath(joinPath(path, 'when'), 'scope'), key),
          `never holds: the policy is for ${key} "${scope[key]}"`,
        ),
      ];
    const first = rules.find((earlier) => earlier.index < rule.index && silences(earlier, rule));
    return first
      ? [
          warn(
            path,
            `comes too late: rules[${first.index}] (${show(first)}) already speaks about what it names`,
          ),
        ]
      : [];
  });
  const allowsNothing = rules.length > 0 && rules.every(({ effect }) => effect === 'deny');
  const none: PolicyWarning = {
    code: 'nothing_allowed',
    path: 'rules',
    message: 'allow nothing: every call is refused, since what no rule allows is denied',
  };
  const allowsNobody = providerRules.length > 0 && providerRules.every(({ effect }) => effect === 'deny');
  const nobody: PolicyWarning = {
    code: 'nothing_allowed',
    path: 'rules',
    message:
      'allow no provider: every call is refused; end those about providers with an allow of provider/*',
  };
  return [...silent, ...(allowsNothing ? [none] : []), ...(allowsNobody ? [nobody] : [])];
}

/** Whether a pattern means every model that another one means. The other's stars are text that only a star can take. */
export function includes(wide: ModelPattern, narrow: ModelPattern): boolean {
  return fits(wide.parts, narrow.parts.join('*'));
}

function silences(earlier: Rule, later: Rule): boolean {
  return (
    coversAction(earlier.action, later.action) &&
    includes(earlier.pattern, later.pattern) &&
    impliesAll(later.when, earlier.when)
  );
}

/** Whether every call that meets `narrow` also meets `wide`. Where that is not plain, it is not assumed. */
function impliesAll(narrow: RuleConditions, wide: RuleConditions): boolean {
  return (
    (wide.scope === undefined || covers(wide.scope, narrow.scope ?? {})) &&
    satisfies(narrow.capability, wide.capability) &&
    isAtMost(narrow.maxInputUsd, wide.maxInputUsd) &&
    isAtMost(narrow.maxOutputUsd, wide.maxOutputUsd) &&
    isAtMost(narrow.maxInputTokens, wide.maxInputTokens) &&
    isAtMost(wide.minContextTokens, narrow.minContextTokens, true) &&
    (wide.hours === undefined || String(wide.hours) === String(narrow.hours)) &&
    (wide.weekdays === undefined || (narrow.weekdays?.every((day) => wide.weekdays?.includes(day)) ?? false))
  );
}

/** Whether a limit is no wider than another; `undefined` is no limit, or with `isFloor` one of nothing. */
function isAtMost<T extends bigint | number>(a: T | undefined, b: T | undefined, isFloor = false): boolean {
  if (isFloor && a === undefined) return true;
  if (!isFloor && b === undefined) return true;
  return a !== undefined && b !== undefined && a <= b;
}

function contradicts(key: keyof Selector, scope: Selector, when: Selector | undefined): boolean {
  return scope[key] !== undefined && when?.[key] !== undefined && scope[key] !== when[key];
}

function show({ effect, resource }: Rule): string {
  return `${effect} ${resource}`;
}

function warn(path: string, message: string): PolicyWarning {
  return { code: 'rule_unreachable', path, message };
}
