/**
 * What a decision knew of model names beyond their spelling, small enough to stand in its row: only what the catalogue
 * added, and of the names in a policy only those whose answer it changed (docs/receipt-format.md "given").
 */
import { isObject, type Json, type JsonObject } from './json.js';
import { expandNames, type ModelNames, type NameFacts, type NameModel, nameModel } from './model-names.js';
import type { Policy } from './policy.js';
import { allows, denies, type ModelPattern } from './rule.js';

/** Names that a policy writes out, compiled once. */
const literals = new WeakMap<Policy, readonly ModelPattern[]>();
/**
 * Evidence by the names of the asked model, which are one object as long as the catalogue is the same, and in there by
 * the other models and the policies.
 */
const remembered = new WeakMap<ModelNames, Map<string, JsonObject | undefined>>();
/** Lists of models come from callers: what is remembered of them stays bounded. */
const MAX_REMEMBERED = 256;

/**
 * Evidence about the models of one call under its policies, the asked model first; `undefined` where spelling alone says
 * it all. Constant time for what was asked before.
 */
export function printNameEvidence(
  policies: readonly Policy[],
  models: readonly string[],
  name: NameModel,
): JsonObject | undefined {
  const [asked = ''] = models;
  const names = name(asked);
  // The same object: there is no catalogue.
  if (names === nameModel(undefined, asked)) return undefined;
  const known = remembered.get(names) ?? new Map<string, JsonObject | undefined>();
  remembered.set(names, known);
  const key = JSON.stringify([models, policies.map(({ policyHash }) => policyHash)]);
  if (known.has(key)) return known.get(key);
  if (known.size >= MAX_REMEMBERED) known.clear();
  const evidence = collect(policies, models, name);
  known.set(key, evidence);
  return evidence;
}

/** The names that a row vouches for; any other id is known by its spelling. `undefined` when it is no evidence. */
export function readNameEvidence(value: Json | undefined): NameModel | undefined {
  const known = new Map<string, ModelNames>();
  if (value === undefined) return (written) => nameModel(undefined, written);
  if (!isObject(value)) return undefined;
  for (const [written, json] of Object.entries(value)) {
    const facts = readFacts(json);
    if (!facts) return undefined;
    known.set(written, expandNames(written, facts));
  }
  return (written) => known.get(written) ?? nameModel(undefined, written);
}

function collect(
  policies: readonly Policy[],
  models: readonly string[],
  name: NameModel,
): JsonObject | undefined {
  const patterns = policies.flatMap(listLiterals);
  const isRuled = policies.some(({ rules, tasks }) => rules.length > 0 || tasks.length > 0);
  const spell: NameModel = (written) => nameModel(undefined, written);
  // Where models are only compared by identity, ids that compare alike either way need no evidence.
  const isMoved = patterns.some((pattern) =>
    models.some((model) => allows(pattern, name(model), name) !== allows(pattern, spell(model), spell)),
  );
  if (!isRuled && !isMoved) return undefined;
  const evidence = new Map<string, JsonObject>();
  for (const model of models) note(evidence, model, name(model));
  // All models are told as the catalogue has them. Of the others, those that a model's answer depends on.
  for (const pattern of patterns) {
    const isSame = models.every((model) => {
      const names = name(model);
      return (
        allows(pattern, names, name) === allows(pattern, names, spell) &&
        denies(pattern, names, name) === denies(pattern, names, spell)
      );
    });
    if (!isSame) note(evidence, pattern.text, name(pattern.text));
  }
  return evidence.size === 0 ? undefined : Object.fromEntries(evidence);
}

function note(evidence: Map<string, JsonObject>, written: string, names: ModelNames): void {
  const plain = nameModel(undefined, written);
  const { id, identity, isKnown, contextTokens, isOpen } = names;
  if (!isKnown && isOpen === plain.isOpen) return;
  const known = {
    id,
    ...(identity === id ? {} : { identity }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
  evidence.set(written, isKnown ? known : { isOpen });
}

/** Every single model that a policy names: in rules, tasks and downgrades. */
function listLiterals(policy: Policy): readonly ModelPattern[] {
  const found = literals.get(policy);
  if (found) return found;
  const patterns = [
    ...policy.rules.map(({ pattern }) => pattern),
    ...policy.tasks.flatMap(({ model, fallback }) => (fallback ? [model, fallback] : [model])),
    ...policy.caps.flatMap(({ downgradeTo }) =>
      downgradeTo === undefined ? [] : [{ text: downgradeTo, parts: [downgradeTo] }],
    ),
  ].filter(({ parts }) => parts.length === 1);
  literals.set(policy, patterns);
  return patterns;
}

function readFacts(json: Json): NameFacts | undefined {
  if (!isObject(json)) return undefined;
  const { id, identity, contextTokens, isOpen } = json;
  if (id !== undefined && typeof id !== 'string') return undefined;
  if (identity !== undefined && typeof identity !== 'string') return undefined;
  if (contextTokens !== undefined && typeof contextTokens !== 'number') return undefined;
  if (isOpen !== undefined && typeof isOpen !== 'boolean') return undefined;
  return { id, identity, contextTokens, isOpen };
}
