/** Reads the caps of a policy, each compiled together with the policy's scope (docs/policy.md "Caps"). */
import { readAlertLevels } from './alert.js';
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
import { parseCents } from './money.js';
import {
  CAP_ACTIONS,
  CAP_WINDOWS,
  type Cap,
  type CapAction,
  type CapUnit,
  type CapWindow,
  type SpendCap,
} from './policy.js';
import { narrower, printScopeKey, readSelector, SCOPE_KEYS, type ScopeKey, type Selector } from './scope.js';

/** Longest reason, in UTF-16 code units: it stands in every receipt that the cap touches. */
export const MAX_REASON_LENGTH = 1024;

const AMOUNT_KEYS = ['amountCents', 'maxRequests', 'maxTokens', 'maxInFlight'] as const;
const OPTIONAL_CAP_KEYS = [
  ...AMOUNT_KEYS,
  'window',
  'downgradeTo',
  'reason',
  'selector',
  'per',
  'alertAt',
] as const;
const CAP_KEYS: readonly (keyof SpendCap)[] = ['action', ...OPTIONAL_CAP_KEYS];

const AMOUNT_NAMES = {
  usd: 'amountCents',
  requests: 'maxRequests',
  tokens: 'maxTokens',
  in_flight: 'maxInFlight',
} as const;

/** Where a list of caps stands, and what its caps take from there. */
export interface CapPlace {
  readonly policyId: string;
  readonly scope: Selector;
  readonly timeZone: string;
  /** Index of the first cap. */
  readonly firstIndex: number;
  readonly task?: string | undefined;
  /** The model of a downgrade cap that names none. */
  readonly fallback?: string | undefined;
}

/** The caps that could be read, from the key `caps`. Everything wrong with the others is noted. */
export function readCapList(fields: Fields, place: CapPlace): readonly Cap[] {
  const list = fields.data.caps;
  if (list === undefined) return [];
  const path = joinPath(fields.path, 'caps');
  if (!Array.isArray(list)) {
    noteProblem(fields.problems, path, `must be an array, found ${describe(list)}`);
    return [];
  }
  return list.flatMap((value: Json, index) => {
    const cap = asFields(value, joinPath(path, index), fields.problems);
    return (cap && readCap(cap, place.firstIndex + index, place)) ?? [];
  });
}

function readCap(fields: Fields, index: number, place: CapPlace): Cap | undefined {
  requireKeys(fields, ['action']);
  refuseUnknownKeys(fields, CAP_KEYS);
  const window = readWindow(fields);
  const amount = readAmount(fields, window);
  const action = readOneOf(fields, 'action', CAP_ACTIONS);
  const downgradeTo = readDowngradeTo(fields, action, place.fallback);
  const reason = readName(fields, 'reason', MAX_REASON_LENGTH);
  const match = readMatch(fields, place.scope);
  const per = readPer(fields, match);
  const alertAt = readAlertLevels(fields);
  if (!amount || !window || !action) return undefined;
  const { unit, limit } = amount;
  const specificity = Object.keys(match).length + (per === undefined ? 0 : 1);
  const each = per === undefined ? [] : [`each ${per}`];
  return {
    index,
    policyId: place.policyId,
    path: fields.path,
    task: place.task,
    unit,
    limit,
    window,
    timeZone: place.timeZone,
    per,
    action,
    downgradeTo,
    reason,
    alertAt,
    match,
    specificity,
    // A part without "=" is no value of a label.
    scopeKey: [printScopeKey(match), ...each].filter((part) => part !== '').join('/'),
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

function readDowngradeTo(
  fields: Fields,
  action: CapAction | undefined,
  fallback: string | undefined,
): string | undefined {
  const path = joinPath(fields.path, 'downgradeTo');
  const present = fields.data.downgradeTo !== undefined;
  if (action === 'downgrade' && !present) {
    if (fallback !== undefined) return fallback;
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

/** Calls in flight count for as long as they run: in no window but the one that never ends. */
function readWindow(fields: Fields): CapWindow | undefined {
  if (fields.data.maxInFlight === undefined) {
    requireKeys(fields, ['window']);
    return readOneOf(fields, 'window', CAP_WINDOWS);
  }
  for (const key of ['window', 'alertAt'])
    if (fields.data[key] !== undefined)
      noteProblem(
        fields.problems,
        joinPath(fields.path, key),
        'does not go with maxInFlight: a call counts for as long as it runs',
      );
  return 'total';
}

interface Amount {
  readonly unit: CapUnit;
  readonly limit: bigint;
}

/** Exactly one of money, requests, tokens and calls in flight. */
function readAmount(fields: Fields, window: CapWindow | undefined): Amount | undefined {
  const named = AMOUNT_KEYS.filter((key) => fields.data[key] !== undefined);
  if (named.length === 0) requireKeys(fields, ['amountCents']);
  for (const key of named.slice(1))
    noteProblem(
      fields.problems,
      joinPath(fields.path, key),
      `stands beside ${named[0]}: one cap limits one thing; write two caps`,
    );
  const usd = readDecimal(fields, 'amountCents', parseCents, 'has digits below 10⁻²⁴ US dollars');
  const requests = readWhole(fields, 'maxRequests');
  const tokens = readWhole(fields, 'maxTokens');
  if (requests !== undefined && window === 'per_call')
    noteProblem(
      fields.problems,
      joinPath(fields.path, 'maxRequests'),
      'does not go with the window "per_call": a call is always one request',
    );
  const inFlight = readWhole(fields, 'maxInFlight');
  if (usd !== undefined) return { unit: 'usd', limit: usd };
  if (requests !== undefined) return { unit: 'requests', limit: requests };
  if (tokens !== undefined) return { unit: 'tokens', limit: tokens };
  return inFlight === undefined ? undefined : { unit: 'in_flight', limit: inFlight };
}

function readWhole(fields: Fields, key: string): bigint | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  const message = `must be a whole number of at least 0, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

function readPer(fields: Fields, match: Selector): ScopeKey | undefined {
  const per = readOneOf(fields, 'per', SCOPE_KEYS);
  const path = joinPath(fields.path, 'per');
  if (per !== undefined && match[per] !== undefined)
    noteProblem(fields.problems, path, `is "${per}", of which this cap counts one value only`);
  if (per !== undefined && fields.data.window === 'per_call')
    noteProblem(fields.problems, path, 'does not go with the window "per_call", which has no counter');
  return per;
}

/** What is valid in a list of caps but probably not meant. */
export function findCapWarnings(caps: readonly Cap[]): readonly FieldProblem[] {
  const seen = new Map<string, string>();
  return caps.flatMap((cap) => {
    const { path } = cap;
    const zero = {
      path: joinPath(path, AMOUNT_NAMES[cap.unit]),
      message: 'is 0: every call that costs anything trips this cap',
    };
    const terms = JSON.stringify([
      cap.unit,
      String(cap.limit),
      cap.window,
      cap.action,
      cap.downgradeTo ?? null,
      cap.scopeKey,
    ]);
    const twin = seen.get(terms);
    seen.set(terms, twin ?? path);
    const same = twin === undefined ? [] : [{ path, message: `says the same as ${twin}` }];
    return cap.limit === 0n ? [zero, ...same] : same;
  });
}
