/** Models that a policy names, against its own rules and a price table (docs/cli.md, policy). */
import { joinPath } from './fields.js';
import { resolveModel } from './identity.js';
import { normalizeModelId } from './model-id.js';
import { nameModel } from './model-names.js';
import { listPrices } from './model-prices.js';
import { printUsdPerMtok, type Usd } from './money.js';
import { findNearest } from './nearest.js';
import { type Cap, isModelAction, type Policy } from './policy.js';
import type { PolicyWarning } from './policy-warning.js';
import { listPricings, type PriceTable } from './price-table.js';
import { findRule, fits, type ModelPattern, type Rule, type RuleConditions } from './rule.js';
import { includes } from './rule-conflicts.js';

/** One place of a policy that names models. */
interface Naming {
  readonly path: string;
  readonly pattern: ModelPattern;
}

interface ListedPair {
  readonly inputUsd: Usd;
  readonly outputUsd: Usd;
}

const UNQUOTED = {
  kind: 'unbounded',
  model: '',
  identity: '',
  code: 'unknown_price',
  message: '',
  reason: '',
  hint: '',
} as const;
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

/** Without a table only what the policy says about itself is found. */
export function findModelConflicts(policy: Policy, table: PriceTable | undefined): readonly PolicyWarning[] {
  const byTable = table
    ? [...findUnknown(policy, table), ...findLowCeilings(policy, table), ...findOddTargets(policy, table)]
    : [];
  return [...byTable, ...findDenied(policy, table)];
}

/** Names that no model of the table has: above all a deny with a slip lets the model pass. */
function findUnknown(policy: Policy, table: PriceTable): readonly PolicyWarning[] {
  return listNamings(policy).flatMap(({ path, pattern }) => {
    const near = findMissing(table, pattern);
    if (!near) return [];
    const close = near.length > 0 ? `; close to it: ${near.join(', ')}` : '';
    const message = `names no model of the price table${close}`;
    return [{ code: 'model_unknown', path, message }];
  });
}

/** The nearest ids when nothing has this name; `undefined` when something has. */
function findMissing(table: PriceTable, pattern: ModelPattern): readonly string[] | undefined {
  if (pattern.parts.length === 1) {
    const found = resolveModel(table, pattern.text);
    return found.kind === 'unknown' ? found.nearest.slice(0, 3) : undefined;
  }
  if (listMatching(table, pattern).length > 0) return undefined;
  return findNearest(
    pattern.text.replaceAll('*', ''),
    table.models.map(({ id }) => id),
    3,
  );
}

/** Ceilings below the listed price of every model that they are about. */
function findLowCeilings(policy: Policy, table: PriceTable): readonly PolicyWarning[] {
  const rules = policy.rules.map(({ index, pattern, when }) => ({
    path: joinPath('rules', index),
    pattern,
    ...when,
  }));
  const tasks = policy.tasks.map(({ name, model, maxInputUsd, maxOutputUsd }) => ({
    path: joinPath('tasks', name),
    pattern: model,
    maxInputUsd,
    maxOutputUsd,
  }));
  return [...rules, ...tasks].flatMap(({ path, pattern, maxInputUsd, maxOutputUsd }) => {
    const prices = listMatching(table, pattern).map((model) => priceOf(table, model.id));
    const isTooDear = (price: ListedPair | undefined) =>
      price !== undefined &&
      ((maxInputUsd !== undefined && price.inputUsd > maxInputUsd) ||
        (maxOutputUsd !== undefined && price.outputUsd > maxOutputUsd));
    if (prices.length === 0 || !prices.every(isTooDear)) return [];
    const message = `has a price ceiling below every listed price of ${pattern.text}: it allows nothing`;
    return [{ code: 'ceiling_too_low', path, message }];
  });
}

/** Targets without a price, which are refused, and those that cost more than a model they stand in for. */
function findOddTargets(policy: Policy, table: PriceTable): readonly PolicyWarning[] {
  return listDowngrades(policy).flatMap(({ cap, path, target }): readonly PolicyWarning[] => {
    if (resolveModel(table, target).kind === 'unknown') return [];
    const price = priceOf(table, target);
    if (!price) {
      const message = `is ${target}, which has no price of its own: a downgrade to it is refused`;
      return [{ code: 'downgrade_unpriced', path, message }];
    }
    const cheaper = listSources(policy, cap).find((source) => isCheaper(priceOf(table, source), price));
    if (cheaper === undefined) return [];
    const message = `is ${target} at ${show(price)}, dearer than ${cheaper} at ${show(priceOf(table, cheaper))}`;
    return [{ code: 'downgrade_dearer', path, message }];
  });
}

/** Models that the policy sends calls to and its own rules never allow. */
function findDenied(policy: Policy, table: PriceTable | undefined): readonly PolicyWarning[] {
  const targets = listDowngrades(policy).flatMap(({ path, target }): readonly PolicyWarning[] => {
    const why = findDenial(policy, table, target);
    return why === undefined
      ? []
      : [{ code: 'downgrade_denied', path, message: `is ${target}, which ${why}` }];
  });
  const tasks = policy.tasks.flatMap(({ name, model }): readonly PolicyWarning[] => {
    const why = model.parts.length > 1 ? undefined : findDenial(policy, table, model.text);
    const path = joinPath(joinPath('tasks', name), 'model');
    return why === undefined
      ? []
      : [{ code: 'task_denied', path, message: `is ${model.text}, which ${why}` }];
  });
  return [...targets, ...tasks];
}

/** Conditions are read in favour of the model: those of an allow as met, those of a deny as not. */
function findDenial(policy: Policy, table: PriceTable | undefined, model: string): string | undefined {
  if (policy.rules.length === 0) return undefined;
  const rules = policy.rules.flatMap((rule): readonly Rule[] => {
    if (rule.effect === 'deny')
      return Object.values(rule.when).every((one) => one === undefined) ? [rule] : [];
    return [{ ...rule, when: NO_CONDITIONS }];
  });
  const name = (written: string) => nameModel(table, written);
  const call = { actor: { tenantId: '' }, action: 'llm.generate', name, quote: UNQUOTED } as const;
  const { effect, rule } = findRule(rules, call, model, 0, 'UTC');
  if (effect === 'allow') return undefined;
  return rule ? `rules[${rule.index}] denies (${rule.resource})` : 'no rule allows';
}

function listNamings(policy: Policy): readonly Naming[] {
  const aboutModels = policy.rules.filter(({ action }) => isModelAction(action));
  const rules = aboutModels.map(({ index, pattern }) => ({
    path: joinPath(joinPath('rules', index), 'resource'),
    pattern,
  }));
  const tasks = policy.tasks.flatMap(({ name, model, fallback }) => {
    const path = joinPath('tasks', name);
    const other = fallback ? [{ path: joinPath(path, 'fallback'), pattern: fallback }] : [];
    return [{ path: joinPath(path, 'model'), pattern: model }, ...other];
  });
  const named = [...rules, ...tasks];
  const targets = listDowngrades(policy).map(({ path, target }) => ({ path, pattern: literal(target) }));
  // A task's fallback is the target of its caps: told once.
  return [
    ...named,
    ...targets.filter(({ pattern }) => !tasks.some((task) => includes(task.pattern, pattern))),
  ];
}

function listDowngrades({ caps }: Policy) {
  return caps.flatMap((cap) =>
    cap.downgradeTo === undefined
      ? []
      : [{ cap, path: joinPath(cap.path, 'downgradeTo'), target: cap.downgradeTo }],
  );
}

/** The models that calls may have asked for, as far as the policy names them one by one. */
function listSources({ rules, tasks }: Policy, { task }: Cap): readonly string[] {
  const assigned = tasks.filter(({ name }) => task === undefined || name === task).map(({ model }) => model);
  const allowed = rules.filter(({ effect }) => effect === 'allow').map(({ pattern }) => pattern);
  const patterns = task === undefined ? [...assigned, ...allowed] : assigned;
  return patterns.filter(({ parts }) => parts.length === 1).map(({ text }) => text);
}

function listMatching(table: PriceTable, { parts, text }: ModelPattern) {
  const found = parts.length === 1 ? resolveModel(table, text) : undefined;
  if (found) return found.kind === 'known' ? [found.model] : [];
  return table.models.filter(({ id }) => fits(parts, normalizeModelId(id)));
}

function priceOf(table: PriceTable, written: string): ListedPair | undefined {
  const found = resolveModel(table, written);
  if (found.kind !== 'known') return undefined;
  const { inputUsd, outputUsd } = listPrices(listPricings(table, found.model));
  return inputUsd === undefined || outputUsd === undefined ? undefined : { inputUsd, outputUsd };
}

function isCheaper(source: ListedPair | undefined, target: ListedPair): boolean {
  if (!source || source.inputUsd > target.inputUsd || source.outputUsd > target.outputUsd) return false;
  return source.inputUsd < target.inputUsd || source.outputUsd < target.outputUsd;
}

function show(price: ListedPair | undefined): string {
  return price
    ? `$${printUsdPerMtok(price.inputUsd)} and $${printUsdPerMtok(price.outputUsd)} per million tokens`
    : '';
}

function literal(text: string): ModelPattern {
  return { text, parts: [normalizeModelId(text)] };
}
