/**
 * What operators and guards put into a ledger about the ledger itself: a stop, its end, a grant, a change of policy
 * (docs/receipt-format.md "Keys of later rows"). A fold over the rows; `decide` is given what is in force.
 */
import { type ControlState, loadControls, saveControls } from './control-state.js';
import { parseInstant } from './instant.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { parseUsd, type Usd } from './money.js';
import type { Cap } from './policy.js';
import type { Receipt } from './receipt.js';
import { covers, SCOPE_KEYS, type Selector } from './scope.js';
import type { LedgerFold } from './spend-store.js';

/** The kill switch, thrown. Texts come from rows. */
export interface Stop {
  /** `decisionId` of the row. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly by: string | undefined;
  readonly reason: string | undefined;
}

/** More room for a while: `usd` above the limit of each money cap that it speaks of. */
export interface Grant {
  /** `decisionId` of the row. */
  readonly id: string;
  /** For decisions stamped from here, milliseconds since 1970, … */
  readonly fromMs: number;
  /** … to here, not included. */
  readonly untilMs: number;
  readonly usd: Usd;
  /** The calls that it is for. */
  readonly match: Selector;
  /** The one policy whose caps it is for; `undefined`: all that decide. */
  readonly capPolicyId: string | undefined;
  /** The one cap that it is for, by its place in the policy; `undefined`: every money cap with a window. */
  readonly capIndex: number | undefined;
  readonly by: string | undefined;
  readonly reason: string | undefined;
}

/** What the ledger knows about the file of one policy. */
export interface PolicyChange {
  readonly policyId: string;
  /** Of the change recorded last; empty before any. */
  readonly hashBefore: string;
  readonly hash: string;
  /** The edit that was refused since, if any. */
  readonly rejected: Rejection | undefined;
}

/** An edit that no guard took over. */
export interface Rejection {
  /** SHA-256 of what the file held, 64 hex; empty when it could not be read. */
  readonly contentHash: string;
  /** Where it is wrong: paths in the policy. */
  readonly paths: readonly string[];
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

/** The state after some rows. */
export interface Controls extends LedgerFold {
  readonly name: string;
  save(): Json;
  load(saved: Json): boolean;
  /** The stop in force; `undefined` while calls may be made. */
  findStop(): Stop | undefined;
  /** The grants in force at a moment, milliseconds since 1970, oldest first. */
  listGrants(atMs: number): readonly Grant[];
  /** What was last recorded about the file of a policy. */
  findPolicy(policyId: string): PolicyChange | undefined;
  /** The same for all. */
  listPolicies(): readonly PolicyChange[];
}

/** So many policies of one ledger are remembered; the one that changed longest ago goes first. */
const MAX_POLICIES = 64;
const MAX_PATHS = 20;

/** A fold that knows what is in force. Feed it every row of one ledger, in order. Rows of others change nothing. */
export function createControls(): Controls {
  let state: ControlState = { stop: undefined, grants: new Map(), policies: new Map() };
  return {
    name: 'controls 2',
    save: () => saveControls(state),
    load(saved) {
      const loaded = loadControls(saved);
      if (loaded) state = loaded;
      return loaded !== undefined;
    },
    apply({ decision }: Receipt, timestampMs: number): void {
      if (decision.entryType === 'control' && decision.formatVersion !== undefined)
        applyControl(state, decision, timestampMs);
    },
    findStop: () => state.stop,
    listGrants: (atMs) =>
      state.grants.size === 0
        ? []
        : [...state.grants.values()].filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs),
    findPolicy: (policyId) => state.policies.get(policyId),
    listPolicies: () => [...state.policies.values()],
  };
}

/** What grants add to one cap for one caller: the amount, and which of them they are. */
export function grantedTo(
  cap: Pick<Cap, 'index' | 'policyId' | 'unit' | 'window'>,
  actor: Selector,
  grants: readonly Grant[] = [],
): { readonly granted: Usd; readonly ids: readonly string[] } {
  if (grants.length === 0 || cap.unit !== 'usd') return NOTHING;
  const mine = grants.filter(
    ({ match, capIndex, capPolicyId }) =>
      (capPolicyId === undefined || capPolicyId === cap.policyId) &&
      // A limit on single calls keeps accidents small: more room in a window is no reason to lift it.
      (capIndex === undefined ? cap.window !== 'per_call' : capIndex === cap.index) &&
      covers(match, actor),
  );
  if (mine.length === 0) return NOTHING;
  return { granted: mine.reduce((sum, { usd }) => sum + usd, 0n), ids: mine.map(({ id }) => id) };
}

const NOTHING = { granted: 0n, ids: [] };

function applyControl(state: ControlState, row: JsonObject, timestampMs: number): void {
  const about = { by: text(row.by), reason: text(row.reason) };
  const id = text(row.decisionId) ?? '';
  switch (row.control) {
    case 'stop':
      // A second stop changes nothing: the first one says since when.
      state.stop ??= { id, sinceMs: Number.isNaN(timestampMs) ? 0 : timestampMs, ...about };
      return;
    case 'resume':
      state.stop = undefined;
      return;
    case 'grant': {
      const grant = readGrant(row, id, about);
      for (const [key, { untilMs }] of state.grants) if (untilMs <= timestampMs) state.grants.delete(key);
      if (grant && !state.grants.has(id)) state.grants.set(id, grant);
      return;
    }
    case 'policy':
    case 'policy_rejected':
      applyPolicy(state, row, timestampMs);
  }
}

function applyPolicy({ policies }: ControlState, row: JsonObject, timestampMs: number): void {
  const policyId = text(row.policyId);
  const hash = text(row.policyHash);
  if (policyId === undefined || hash === undefined) return;
  const known = policies.get(policyId);
  policies.delete(policyId);
  if (policies.size >= MAX_POLICIES) policies.delete(policies.keys().next().value ?? '');
  // The file now holds a policy of another name: what was refused of the old one is over.
  if (row.control === 'policy')
    for (const [other, { hash: old }] of policies) if (old === row.policyHashBefore) policies.delete(other);
  const hashBefore = row.control === 'policy' ? text(row.policyHashBefore) : known?.hashBefore;
  const rejected = row.control === 'policy' ? undefined : readRejection(row, timestampMs);
  policies.set(policyId, { policyId, hashBefore: hashBefore ?? '', hash, rejected });
}

function readRejection(row: JsonObject, timestampMs: number): Rejection {
  const paths = Array.isArray(row.problemPaths) ? row.problemPaths : [];
  return {
    contentHash: text(row.contentHash) ?? '',
    paths: paths.flatMap((path) => text(path) ?? []).slice(0, MAX_PATHS),
    sinceMs: Number.isNaN(timestampMs) ? 0 : timestampMs,
  };
}

/** `undefined` for a grant that does not say exactly what it grants: then it grants nothing. */
function readGrant(row: JsonObject, id: string, about: Pick<Grant, 'by' | 'reason'>): Grant | undefined {
  const usd = parseUsd(text(row.amountUsd) ?? '');
  const fromMs = parseInstant(text(row.from) ?? '');
  const untilMs = parseInstant(text(row.until) ?? '');
  const match = row.selector === undefined ? {} : readMatch(row.selector);
  const { capIndex, capPolicyId } = row;
  const ofPolicy = text(capPolicyId);
  if (ofPolicy !== capPolicyId) return undefined;
  const isIndex = capIndex === undefined || (Number.isSafeInteger(capIndex) && (capIndex as number) >= 0);
  if (id === '' || usd === undefined || usd <= 0n || !isIndex || !match) return undefined;
  if (fromMs === undefined || untilMs === undefined || untilMs <= fromMs) return undefined;
  const cap = { capPolicyId: ofPolicy, capIndex: capIndex as number | undefined };
  return { id, fromMs, untilMs, usd, match, ...cap, ...about };
}

/** A selector with anything unknown in it would match more than was meant. */
function readMatch(value: Json): Selector | undefined {
  if (!isObject(value)) return undefined;
  const isKnown = Object.entries(value).every(
    ([key, label]) => (SCOPE_KEYS as readonly string[]).includes(key) && typeof label === 'string',
  );
  return isKnown ? (value as Selector) : undefined;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
