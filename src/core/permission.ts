/** What a call may use at all, before money is looked at: rules, tasks and capabilities (docs/policy.md "Rules"). */
import type { Capability, Policy } from './policy.js';
import { isModelAction, satisfies } from './policy.js';
import type { Quote } from './price.js';
import { denyProvider, findRoutes, joinRoutes, type Routes, type Upstream } from './provider-rule.js';
import { findRule, type RuledCall, type RuleHit } from './rule.js';
import type { Scope } from './scope.js';
import { findTask, findTaskFault, type Task } from './task.js';

/** A call as rules and tasks look at it, before its quotes are known. */
export interface PermitCall extends Omit<RuledCall, 'quote'> {
  readonly quote: (model: string) => Quote;
  /** The models that may answer besides this one when it is sent. */
  readonly listFallbacks: (model: string) => readonly string[];
  readonly upstream?: Upstream | undefined;
}

/** What a router is held to under all of these policies; `undefined` where there is none, or none has rules about it. */
export function listRoutes(policies: readonly Policy[], call: PermitCall, nowMs: number): Routes | undefined {
  let joined: Routes | undefined;
  for (const { providerRules, timeZone } of policies)
    joined = joinRoutes(joined, findRoutes(providerRules, call, nowMs, timeZone));
  return joined;
}

/** The most that these policies, and their tasks of the call, ask for. */
export function requiredCapability(
  policies: readonly Policy[],
  { actor }: { readonly actor: Scope },
): Capability | undefined {
  let most: Capability | undefined;
  for (const { tasks, requiredCapability: own } of policies)
    for (const asked of [own, findTask(tasks, actor.taskId)?.requiredCapability])
      if (!satisfies(most, asked)) most = asked;
  return most;
}

/** The rule or task of the first of these policies that denies a model, else of the first that has any. */
export function checkAllRules(
  policies: readonly Policy[],
  call: PermitCall,
  model: string,
  nowMs: number,
): RuleHit | null {
  let found: RuleHit | null = null;
  for (const policy of policies) {
    const hit = checkRules(policy, call, model, nowMs);
    if (hit?.effect === 'deny') return hit;
    found ??= hit;
  }
  return found;
}

/** The rule or task about a model, or the one that denies a model which may answer instead. `null` without rules. */
export function checkRules(policy: Policy, call: PermitCall, model: string, nowMs: number): RuleHit | null {
  const { rules, providerRules, tasks, timeZone } = policy;
  if (providerRules.length > 0 && isModelAction(call.action)) {
    const denied = denyProvider(providerRules, call, model, nowMs, timeZone);
    if (denied) return denied;
  }
  if (rules.length === 0 && tasks.length === 0) return null;
  const ruled = { ...call, quote: call.quote(model) };
  const hits = [model, ...call.listFallbacks(model)].map((other): RuleHit => {
    const hit: RuleHit =
      rules.length === 0
        ? { effect: 'allow', rule: null, model: other }
        : findRule(rules, ruled, other, nowMs, timeZone);
    return hit.effect === 'deny' || tasks.length === 0 ? hit : checkTask(tasks, ruled, hit);
  });
  return hits.find((hit) => hit.effect === 'deny') ?? hits[0] ?? null;
}

/** What the task table says about a model that the rules allow. */
function checkTask(tasks: readonly Task[], call: RuledCall, hit: RuleHit): RuleHit {
  const { taskId } = call.actor;
  const task = findTask(tasks, taskId);
  if (!task) {
    const found = taskId === undefined ? 'the call names none' : `${JSON.stringify(taskId)} is none of them`;
    const known = tasks.map(({ name }) => name).join(', ');
    return {
      ...hit,
      effect: 'deny',
      task: null,
      message: `the policy allows tasks (${known}), and ${found}`,
    };
  }
  // What calls no model is bound to the task alone.
  const fault = isModelAction(call.action)
    ? findTaskFault(task, hit.model, call.name, call.quote)
    : undefined;
  return { ...hit, task: task.name, ...(fault ? { effect: 'deny', message: fault } : {}) };
}
