/**
 * Where each cap stands in its present window: a fold over the rows of one ledger, for people who look before a cap
 * trips. Counts with the counters that decide (`budget.ts`).
 */
import { Budget, type Totals } from './budget.js';
import { type Controls, createControls, type Grant, grantedTo } from './control.js';
import { type Caller, counterKey, endOf, groupOf, printCounterScope, startOf } from './counter.js';
import type { CapGauge } from './dashboard.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { printUsd } from './money.js';
import type { Cap, Policy } from './policy.js';
import type { Receipt } from './receipt.js';
import type { LedgerFold } from './spend-store.js';
import { isCalendarWindow } from './window.js';

/** Feed it every row of one ledger, in order. */
export interface GaugeFold extends LedgerFold {
  /** The caps of the policies in force at a moment, milliseconds since 1970; fullest first. */
  list(nowMs: number): readonly CapGauge[];
  /** Stops and grants. */
  readonly controls: Controls;
  /** Hashes that rows name as in force and that were not among the policies. */
  listUnknown(): readonly string[];
}

/** How many values of a `per` cap are kept; of more, those that spent last. */
const MAX_GROUPS = 10_000;

interface Seen {
  startMs: number;
  readonly callers: Map<string, Caller>;
}

/**
 * Gauges for the ledger of `scope`. In force is, of each policy id, what the newest row that names one names; with
 * `always`, those policies are shown whatever rows say.
 */
export function createGaugeFold(
  scope: string,
  policies: Iterable<Policy>,
  always: readonly Policy[] = [],
): GaugeFold {
  const known = new Map([...policies, ...always].map((policy) => [policy.policyHash, policy]));
  const inForce = new Map<string, string>();
  const seen = new Map<string, Seen>();
  const controls = createControls();
  const caps = [...known.values()].flatMap((policy) => policy.caps);
  const budget = new Budget(caps, (cap, _sums, entry) => noteCaller(seen, cap, entry, entry.timestampMs));
  function listPolicies(): readonly Policy[] {
    const named = [...inForce.values()].flatMap((hash) => known.get(hash) ?? []);
    return [...new Set([...always, ...named])];
  }
  return {
    controls,
    apply(receipt: Receipt, timestampMs: number): void {
      budget.apply(receipt, timestampMs);
      controls.apply(receipt, timestampMs);
      notePolicies(inForce, receipt.decision);
    },
    list: (nowMs) => {
      const grants = controls.listGrants(nowMs);
      const gauges = listPolicies().flatMap((policy) =>
        policy.caps.flatMap((cap) =>
          listCallers(seen, cap, nowMs).map((caller) => {
            const totals = budget.totals(cap, nowMs, caller);
            return readGauge({ scope, policy, cap, caller, totals, grants, nowMs });
          }),
        ),
      );
      return gauges.sort((a, b) => b.share - a.share);
    },
    listUnknown: () => [...new Set(inForce.values())].filter((hash) => !known.has(hash)),
  };
}

function noteCaller(seen: Map<string, Seen>, cap: Cap, { actor, run }: Caller, atMs: number): void {
  if (cap.per === undefined && cap.window !== 'per_run') return;
  const key = counterKey(cap);
  const startMs = startOf(cap, atMs);
  let one = seen.get(key);
  if (!one || one.startMs < startMs) {
    one = { startMs, callers: new Map() };
    seen.set(key, one);
  }
  if (one.startMs !== startMs) return;
  const group = groupOf(cap, { actor, run });
  // Rows of others may hold anything here.
  const value: unknown = cap.per === undefined ? undefined : actor[cap.per];
  const label = cap.per !== undefined && typeof value === 'string' ? { [cap.per]: value } : {};
  one.callers.delete(group);
  one.callers.set(group, { actor: { ...cap.match, ...label }, run });
  if (one.callers.size > MAX_GROUPS) one.callers.delete(one.callers.keys().next().value ?? '');
}

/** Whose counters a cap keeps now. A cap that keeps one for all has that one, also before any call. */
function listCallers(seen: ReadonlyMap<string, Seen>, cap: Cap, nowMs: number): readonly Caller[] {
  if (cap.window === 'per_call') return [];
  if (cap.per === undefined && cap.window !== 'per_run') return [{ actor: cap.match, run: '' }];
  const one = seen.get(counterKey(cap));
  return one && one.startMs === startOf(cap, nowMs) ? [...one.callers.values()] : [];
}

interface GaugeFacts {
  readonly scope: string;
  readonly policy: Policy;
  readonly cap: Cap;
  readonly caller: Caller;
  readonly totals: Totals;
  readonly grants: readonly Grant[];
  readonly nowMs: number;
}

function readGauge({ scope, policy, cap, caller, totals, grants, nowMs }: GaugeFacts): CapGauge {
  const { granted } = grantedTo(cap, caller.actor, grants);
  const limit = cap.limit + granted;
  const { settled, held } = totals;
  const used = settled + held;
  const print = (amount: bigint): string => (cap.unit === 'usd' ? printUsd(amount) : String(amount));
  const resets = isCalendarWindow(cap.window);
  const span = resets ? { startMs: startOf(cap, nowMs), endMs: endOf(cap, nowMs) } : undefined;
  return {
    scope,
    policyId: policy.id,
    policyHash: policy.policyHash,
    index: cap.index,
    task: cap.task ?? null,
    action: cap.action,
    window: cap.window,
    unit: cap.unit,
    key: printCounterScope(cap, caller),
    limit: print(limit),
    settled: print(settled),
    held: print(held),
    left: print(used > limit ? 0n : limit - used),
    granted: print(granted),
    windowStartMs: span?.startMs ?? null,
    resetsAtMs: span?.endMs ?? null,
    reachedAtMs: span ? foresee(used, limit, span, nowMs) : null,
    share: measureShare(used, limit),
  };
}

/** When the limit is reached at the rate of the window so far; `null` when not before it ends. */
function foresee(
  used: bigint,
  limit: bigint,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  nowMs: number,
): number | null {
  if (used >= limit) return nowMs;
  if (used === 0n || nowMs <= startMs) return null;
  // used : elapsed = limit : whole, exactly.
  const wholeMs = Number((limit * BigInt(Math.max(1, Math.round(nowMs - startMs)))) / used);
  return startMs + wholeMs < endMs ? startMs + wholeMs : null;
}

/** Part of the limit that is used, to a millionth; for drawing. A limit of 0 is full. */
function measureShare(used: bigint, limit: bigint): number {
  if (limit <= 0n) return 1;
  return Number((used * 1_000_000n) / limit) / 1_000_000;
}

function notePolicies(inForce: Map<string, string>, row: JsonObject): void {
  // What is said in a later row about a call is still about the policy of its decision.
  const isDecision = row.entryType === undefined;
  if (!isDecision && !(row.entryType === 'control' && row.control === 'policy')) return;
  note(inForce, row.policyId, row.policyHash);
  if (!isDecision || !Array.isArray(row.policies)) return;
  for (const one of row.policies as readonly Json[]) if (isObject(one)) note(inForce, one.id, one.hash);
}

function note(inForce: Map<string, string>, id: Json | undefined, hash: Json | undefined): void {
  if (typeof id === 'string' && typeof hash === 'string' && inForce.size < MAX_GROUPS) inForce.set(id, hash);
}
