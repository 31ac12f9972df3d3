/**
 * What a decision knew of model names beyond their spelling, small enough to stand in its row: only what the catalogue
 * added, and of the names in a policy only those whose answer it changed (docs/receipt-format.md "given").
 */
import { isObject, type Json, type JsonObject } from './json.js';
import { expandNames, type ModelNames, type NameFacts, type NameModel, nameModel } from './model-names.js';
import type { Policy } from './policy.js';
import { allows, denies, type ModelPattern } from './rule.js';

/** Facts by written id. */
type Evidence = Map<string, JsonObject>;

/** Names that a policy writes out, compiled once. */
const literals = new WeakMap<Policy, readonly ModelPattern[]>();
/** What the catalogue changed about a model under a policy. Names are one object as long as the catalogue is the same. */
const remembered = new WeakMap<ModelNames, WeakMap<Policy, Evidence>>();

/** Evidence about the models of one call under its policies; `undefined` where spelling alone says it all. */
export function printNameEvidence(
  policies: readonly Policy[],
  models: readonly string[],
  name: NameModel,
): JsonObject | undefined {
  let all: Evidence | undefined;
  for (const model of models) {
    const names = name(model);
    // The same object: there is no catalogue.
    if (names === nameModel(undefined, model)) continue;
    for (const policy of policies)
      for (const [written, facts] of recall(policy, model, names, name)) {
        all ??= new Map();
        all.set(written, facts);
      }
  }
  return all && Object.fromEntries(all);
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

function recall(policy: Policy, model: string, names: ModelNames, name: NameModel): Evidence {
  const byPolicy = remembered.get(names) ?? new WeakMap<Policy, Evidence>();
  remembered.set(names, byPolicy);
  const found = byPolicy.get(policy) ?? collect(policy, model, names, name);
  byPolicy.set(policy, found);
  return found;
}

function collect(policy: Policy, model: string, names: ModelNames, name: NameModel): Evidence {
  const evidence: Evidence = new Map();
  const spelled: NameModel = (written) => (written === model ? names : nameModel(undefined, written));
  for (const pattern of listLiterals(policy)) {
    const isSame =
      allows(pattern, names, name) === allows(pattern, names, spelled) &&
      denies(pattern, names, name) === denies(pattern, names, spelled);
    if (!isSame) note(evidence, pattern.text, name(pattern.text));
  }
  // Where models are only compared by identity, two ids that compare alike either way need no evidence.
  const isRuled = policy.rules.length > 0 || policy.tasks.length > 0;
  const isMoved = listLiterals(policy).some((pattern) => {
    const plain = nameModel(undefined, model);
    return allows(pattern, names, name) !== allows(pattern, plain, (text) => nameModel(undefined, text));
  });
  if (isRuled || isMoved) note(evidence, model, names);
  return evidence;
}

function note(evidence: Evidence, written: string, names: ModelNames): void {
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
