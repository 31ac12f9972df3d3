/** Who a call is for: nested labels from tenant to task, and the keys that counters are kept under. */
import {
  asFields,
  type FieldProblem,
  type Fields,
  listProblems,
  readName,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import { copyPlainData } from './plain-data.js';

/** Scope keys, widest first. The order is the specificity order of docs/policy.md. */
export const SCOPE_KEYS = [
  'tenantId',
  'teamId',
  'userId',
  'agentId',
  'taskId',
  'provider',
  'sessionId',
  'workflowId',
  'environment',
] as const;

export type ScopeKey = (typeof SCOPE_KEYS)[number];

/** A part of the organisation, or a filter over it: only the keys present must match. */
export type Selector = { readonly [K in ScopeKey]?: string };

/** The full scope of a call. `tenantId` is also the name of the ledger's folder. */
export type Scope = Selector & { readonly tenantId: string };

/** A scope read from untrusted data, or everything wrong with it. */
export type ScopeReading =
  | { readonly ok: true; readonly scope: Scope }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Policy scope and selector in one, or the keys on which they contradict each other. */
export type Narrowing =
  | { readonly ok: true; readonly match: Selector }
  | { readonly ok: false; readonly conflicts: readonly ScopeKey[] };

/** Reads a call's scope. Never throws; `path` names it in the problems. */
export function parseScope(input: unknown, path = 'scope'): ScopeReading {
  const problems = new Map<string, string>();
  const fields = asFields(copyPlainData(input, { path, name: path }, problems), path, problems);
  const scope = fields && readScope(fields);
  if (!scope || problems.size > 0) return { ok: false, problems: listProblems(problems) };
  return { ok: true, scope };
}

/** The scope in an object of a policy. Problems are noted; `undefined` when there is no usable tenant. */
export function readScope(fields: Fields): Scope | undefined {
  const selector = readSelector(fields);
  requireKeys(fields, ['tenantId']);
  return selector.tenantId === undefined ? undefined : { ...selector, tenantId: selector.tenantId };
}

/** The selector in an object of a policy: the keys that could be read. Problems are noted. */
export function readSelector(fields: Fields): Selector {
  refuseUnknownKeys(fields, SCOPE_KEYS);
  return collectScope((key) => readName(fields, key));
}

/** Whether an actor has every value that the selector names. Compared exactly: case and accents count. */
export function covers(selector: Selector, actor: { readonly [K in ScopeKey]?: unknown }): boolean {
  // By its own keys, of which most have two: a decision asks this a dozen times.
  for (const key in selector) {
    const value = selector[key as ScopeKey];
    if (value !== undefined && value !== actor[key as ScopeKey]) return false;
  }
  return true;
}

/** Whether a call of this scope lies inside a policy's scope. */
export function isInside(scope: Scope, policyScope: Selector): boolean {
  return covers(policyScope, scope);
}

/** What a cap matches: the policy's scope with the cap's selector on top. */
export function narrower(scope: Selector, selector: Selector): Narrowing {
  const conflicts = SCOPE_KEYS.filter(
    (key) => scope[key] !== undefined && selector[key] !== undefined && scope[key] !== selector[key],
  );
  if (conflicts.length > 0) return { ok: false, conflicts };
  return { ok: true, match: collectScope((key) => selector[key] ?? scope[key]) };
}

/**
 * The printed form of a selector: `tenantId=acme/teamId=engineering`, keys in the order of `SCOPE_KEYS`. Two
 * selectors print alike exactly when they name the same values: `%`, `/` and `=` in a value become `%25`, `%2F`
 * and `%3D`.
 */
export function printScopeKey(selector: Selector): string {
  let printed = '';
  for (const key of SCOPE_KEYS) {
    const value = selector[key];
    if (value !== undefined) printed += `${printed === '' ? '' : '/'}${key}=${escapeScopeValue(value)}`;
  }
  return printed;
}

/** A value as `printScopeKey` prints it. */
export function escapeScopeValue(value: string): string {
  // Most have none of the three, and every decision prints some.
  if (!/[%/=]/.test(value)) return value;
  return value.replaceAll('%', '%25').replaceAll('/', '%2F').replaceAll('=', '%3D');
}

function collectScope(pick: (key: ScopeKey) => string | undefined): Selector {
  const scope: { [K in ScopeKey]?: string } = {};
  for (const key of SCOPE_KEYS) {
    const value = pick(key);
    if (value !== undefined) scope[key] = value;
  }
  return scope;
}
