/** What is in force in a ledger, as JSON and back, for its snapshot (docs/receipt-format.md "Snapshot"). */
import type { Grant, PolicyChange, Rejection, Stop } from './control.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { SCOPE_KEYS, type Selector } from './scope.js';

/** What the rows so far put into force. */
export interface ControlState {
  stop: Stop | undefined;
  /** By id, in the order of their rows. */
  readonly grants: Map<string, Grant>;
  /** By policy id, the one that changed last at the end. */
  readonly policies: Map<string, PolicyChange>;
}

/** Amounts are whole numbers of the smallest unit of money (core/money.ts), as text. */
export function saveControls({ stop, grants, policies }: ControlState): Json {
  return {
    stop: stop ? [stop.id, stop.sinceMs, stop.by ?? null, stop.reason ?? null] : null,
    grants: Array.from(grants.values(), saveGrant),
    policies: Array.from(policies.values(), savePolicy),
  };
}

/** The inverse of `saveControls`; `undefined` for anything else. Never throws. */
export function loadControls(saved: Json): ControlState | undefined {
  if (!isObject(saved) || saved.stop === undefined) return undefined;
  const stop = saved.stop === null ? undefined : loadStop(saved.stop);
  if (stop === undefined && saved.stop !== null) return undefined;
  const grants = loadAll(saved.grants, loadGrant);
  const policies = loadAll(saved.policies, loadPolicy);
  if (!grants || !policies) return undefined;
  return {
    stop,
    grants: new Map(grants.map((grant) => [grant.id, grant])),
    policies: new Map(policies.map((policy) => [policy.policyId, policy])),
  };
}

function saveGrant(grant: Grant): Json {
  const { id, fromMs, untilMs, usd, match, capPolicyId, capIndex, by, reason } = grant;
  return [
    id,
    fromMs,
    untilMs,
    `${usd}`,
    { ...match } as JsonObject,
    capIndex ?? null,
    by ?? null,
    reason ?? null,
    capPolicyId ?? null,
  ];
}

function savePolicy({ policyId, hashBefore, hash, rejected }: PolicyChange): Json {
  const refused = rejected ? [rejected.contentHash, [...rejected.paths], rejected.sinceMs] : null;
  return [policyId, hashBefore, hash, refused];
}

function loadStop(saved: Json): Stop | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [id, sinceMs, by, reason] = saved;
  if (typeof id !== 'string' || !isMoment(sinceMs) || !isText(by) || !isText(reason)) return undefined;
  return { id, sinceMs, by: by ?? undefined, reason: reason ?? undefined };
}

function loadGrant(saved: Json): Grant | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [id, fromMs, untilMs, usd, match, capIndex, by, reason, capPolicyId] = saved;
  if (typeof id !== 'string' || !isMoment(fromMs) || !isMoment(untilMs) || !isSelector(match))
    return undefined;
  if (typeof usd !== 'string' || !/^[1-9]\d{0,60}$/.test(usd) || !isText(by) || !isText(reason))
    return undefined;
  if ((capIndex !== null && !isMoment(capIndex)) || !isText(capPolicyId)) return undefined;
  return {
    id,
    fromMs,
    untilMs,
    usd: BigInt(usd),
    match,
    capPolicyId: capPolicyId ?? undefined,
    capIndex: capIndex ?? undefined,
    by: by ?? undefined,
    reason: reason ?? undefined,
  };
}

function loadPolicy(saved: Json): PolicyChange | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [policyId, hashBefore, hash, refused] = saved;
  if (typeof policyId !== 'string' || typeof hashBefore !== 'string' || typeof hash !== 'string')
    return undefined;
  if (refused === null) return { policyId, hashBefore, hash, rejected: undefined };
  const rejected = refused === undefined ? undefined : loadRejection(refused);
  return rejected && { policyId, hashBefore, hash, rejected };
}

function loadRejection(saved: Json): Rejection | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [contentHash, paths, sinceMs] = saved;
  if (typeof contentHash !== 'string' || !Array.isArray(paths) || !isMoment(sinceMs)) return undefined;
  if (!paths.every((path) => typeof path === 'string')) return undefined;
  return { contentHash, paths: paths as string[], sinceMs };
}

function loadAll<T>(saved: Json | undefined, load: (one: Json) => T | undefined): T[] | undefined {
  if (!Array.isArray(saved)) return undefined;
  const loaded = saved.map(load);
  return loaded.every((one) => one !== undefined) ? (loaded as T[]) : undefined;
}

/** A whole number ≥ 0. */
function isMoment(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: Json | undefined): value is string | null {
  return value === null || typeof value === 'string';
}

function isSelector(value: Json | undefined): value is JsonObject & Selector {
  if (value === undefined || !isObject(value)) return false;
  return Object.entries(value).every(
    ([key, label]) => (SCOPE_KEYS as readonly string[]).includes(key) && typeof label === 'string',
  );
}
