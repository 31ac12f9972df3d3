/** Reads the caps of a policy, each compiled together with the policy's scope (docs/policy.md "Caps"). */
import {
  asFields,
  describe,
  type FieldProblem,
  type Fields,
  joinPath,
  noteProblem,
  readDecimal,
  readName,
  readObject,
  readOneOf,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import type { Json } from './json.js';
import { explainLaterKey, explainLaterWindow } from './later-policy.js';
import { parseCents, type Usd } from './money.js';
import { CAP_ACTIONS, CAP_WINDOWS, type Cap, type CapAction, type SpendCap } from './policy.js';
import { narrower, printScopeKey, readSelector, type Selector } from './scope.js';

/** Longest reason, in UTF-16 code units: it stands in every receipt that the cap touches. */
export const MAX_REASON_LENGTH = 1024;

const REQUIRED_CAP_KEYS = ['amountCents', 'window', 'action'] as const;
const OPTIONAL_CAP_KEYS = ['downgradeTo', 'reason', 'selector'] as const;
const CAP_KEYS: readonly (keyof SpendCap)[] = [...REQUIRED_CAP_KEYS, ...OPTIONAL_CAP_KEYS];

/** The caps that could be read, from the key `caps`. Everything wrong with the others is noted. */
export function readCaps(fields: Fields, scope: Selector): readonly Cap[] {
  const list = fields.data.caps;
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    noteProblem(fields.problems, 'caps', `must be an array, found ${describe(list)}`);
    return [];
  }
  return list.flatMap((value: Json, index) => {
    const cap = asFields(value, joinPath('caps', index), fields.problems);
    return (cap && readCap(cap, index, scope)) ?? [];
  });
}

function readCap(fields: Fields, index: number, scope: Selector): Cap | undefined {
  requireKeys(fields, REQUIRED_CAP_KEYS);
  refuseUnknownKeys(fields, CAP_KEYS, explainLaterKey);
  const amountUsd = readAmount(fields);
  const window = readOneOf(fields, 'window', CAP_WINDOWS, explainLaterWindow);
  const action = readOneOf(fields, 'action', CAP_ACTIONS);
  const downgradeTo = readDowngradeTo(fields, action);
  const reason = readName(fields, 'reason', MAX_REASON_LENGTH);
  const match = readMatch(fields, scope);
  if (amountUsd === undefined || !window || !action) return undefined;
  const specificity = Object.keys(match).length;
  return {
    index,
    amountUsd,
    window,
    action,
    downgradeTo,
    reason,
    match,
    specificity,
    scopeKey: printScopeKey(match),
  };
}

function readMatch(fields: Fields, scope: Selector): Selector {
  const selectorFields = readObject(fields, 'selector');
  if (!selectorFields) return scope;
  const selector = readSelector(selectorFields);
  const narrowing = narrower(scope, selector);
  if (narrowing.ok) return narrowing.match;
  for (const key of narrowing.conflicts) {
    const message = `is ${describe(selector[key]!)} while the policy's scope has ${describe(scope[key]!)}: no call can match`;
    noteProblem(fields.problems, joinPath(selectorFields.path, key), message);
  }
  return scope;
}

function readDowngradeTo(fields: Fields, action: CapAction | undefined): string | undefined {
  const path = joinPath(fields.path, 'downgradeTo');
  const present = fields.data.downgradeTo !== undefined;
  if (action === 'downgrade' && !present) {
    noteProblem(
      fields.problems,
      path,
      'is missing: a cap with the action "downgrade" names the model to use instead',
    );
  } else if (action !== undefined && action !== 'downgrade' && present) {
    noteProblem(
      fields.problems,
      path,
      `goes only with the action "downgrade", and this cap's action is "${action}"`,
    );
  }
  return readName(fields, 'downgradeTo');
}

function readAmount(fields: Fields): Usd | undefined {
  const tooFine = 'has digits below 10⁻²⁴ US dollars';
  return readDecimal(fields, 'amountCents', parseCents, tooFine);
}

/** What is valid in a list of caps but probably not meant. */
export function findCapWarnings(caps: readonly Cap[]): readonly FieldProblem[] {
  if (caps.length === 0) return [{ path: 'caps', message: 'is empty: no spending is limited' }];
  const seen = new Map<string, number>();
  return caps.flatMap((cap) => {
    const path = joinPath('caps', cap.index);
    const zero = {
      path: joinPath(path, 'amountCents'),
      message: 'is 0: every call that costs anything trips this cap',
    };
    const terms = JSON.stringify([
      String(cap.amountUsd),
      cap.window,
      cap.action,
      cap.downgradeTo ?? null,
      cap.scopeKey,
    ]);
    const twin = seen.get(terms);
    seen.set(terms, twin ?? cap.index);
    const same = twin === undefined ? [] : [{ path, message: `says the same as ${joinPath('caps', twin)}` }];
    return cap.amountUsd === 0n ? [zero, ...same] : same;
  });
}
