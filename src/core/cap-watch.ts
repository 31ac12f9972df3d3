/**
 * The most that stood under each cap at the calls that it governed, and whether a row brought a hard cap past its limit:
 * from the counters alone, whatever the row says about itself (docs/receipt-format.md "lawful").
 */
import type { Attempt } from './attempts.js';
import { Budget, type Sums } from './budget.js';
import { type CapStand, createCapStand, noteDecision, noteSettlement, standsAtMost } from './cap-stand.js';
import { type Grant, grantedTo } from './control.js';
import { type Caller, counterKey } from './counter.js';
import type { JsonObject } from './json.js';
import { parseUsd, printUsd, showUsd } from './money.js';
import type { Entry } from './open-call.js';
import type { Cap, Policy } from './policy.js';
import type { Receipt } from './receipt.js';
import type { CapReport } from './report.js';
import { covers } from './scope.js';

interface Watched {
  readonly policy: Policy;
  readonly cap: Cap;
  /** By window and group, for as long as the budget keeps these. */
  readonly stands: WeakMap<Readonly<Sums>, CapStand>;
  highest: bigint;
  exceeded: boolean;
}

/** What is known of a row besides what it says. */
export interface RowFacts {
  /** The policies that a decision was made under. */
  readonly hashes: readonly string[];
  /** The call that a settlement ends. */
  readonly ended: Attempt | undefined;
  /** Whether all rows before were seen: holds whose settlements are gone would pass any cap. */
  readonly isSound: boolean;
  /** Grants in force at a moment, milliseconds since 1970. */
  readonly grantsAt: (atMs: number) => readonly Grant[];
}

/** Feed it every row, in order. */
export interface CapWatch {
  readonly budget: Budget;
  /** Counts a row. Gives what it brought past its limit, one sentence each. */
  apply(receipt: Receipt, timestampMs: number, facts: RowFacts): readonly string[];
  /** Every cap that let a call pass, with the most that then stood in one of its windows; holds that are left count. */
  list(): readonly CapReport[];
}

/** Watches every cap of these policies. */
export function createCapWatch(policies: Iterable<Policy>): CapWatch {
  const watched = [...policies].flatMap((policy) =>
    policy.caps.map(
      (cap): Watched => ({ policy, cap, stands: new WeakMap(), highest: -1n, exceeded: false }),
    ),
  );
  const ofCounter = groupByCounter(watched);
  const single = watched.filter(({ cap }) => cap.window === 'per_call');
  /** A settlement names one policy, its call may have had several. */
  const governing = new WeakMap<Entry, readonly string[]>();
  let row: RowFacts & { readonly isDecision: boolean };
  let found: string[] = [];
  const budget = new Budget(
    watched.map(({ cap }) => cap),
    (cap, sums, entry) => {
      if (row.isDecision) governing.set(entry, row.hashes);
      const hashes = governing.get(entry) ?? [];
      for (const one of ofCounter(cap)) {
        if (!hashes.includes(one.policy.policyHash)) continue;
        const stand = note(one, sums, entry, row.isDecision);
        const total = row.isDecision ? sums.settled + sums.held : standsAtMost(stand, cap.unit);
        const message = row.isSound ? findExcess(one, total, entry, row.grantsAt) : undefined;
        if (message !== undefined) found.push(message);
      }
    },
  );
  return {
    budget,
    apply(receipt, timestampMs, facts) {
      row = { ...facts, isDecision: receipt.decision.entryType === undefined };
      found = [];
      budget.apply(receipt, timestampMs);
      for (const one of single) {
        const message = noteSingle(one, receipt.decision, facts, timestampMs);
        if (message !== undefined) found.push(message);
      }
      return found;
    },
    list() {
      for (const [cap, sums] of budget.listWindows())
        for (const one of ofCounter(cap)) {
          const stand = one.stands.get(sums);
          if (stand) raise(one, standsAtMost(stand, cap.unit));
        }
      return watched.filter(({ highest }) => highest >= 0n).map(printWatched);
    },
  };
}

/** What is spent counts; a hold is the most that a running call may cost, and mostly far from it. */
function note(one: Watched, sums: Readonly<Sums>, entry: Entry, isDecision: boolean): CapStand {
  const { cap, stands } = one;
  const stand = stands.get(sums) ?? createCapStand();
  stands.set(sums, stand);
  if (isDecision) noteDecision(stand, cap.unit, sums, entry);
  else noteSettlement(stand, cap.unit, entry);
  // Calls in flight are nothing but held.
  if (cap.unit !== 'in_flight') raise(one, stand.settled);
  else if (isDecision) raise(one, sums.held);
  return stand;
}

function raise(one: Watched, amount: bigint): void {
  if (amount > one.highest) one.highest = amount;
}

function findExcess(
  one: Watched,
  total: bigint,
  entry: Entry,
  grantsAt: (atMs: number) => readonly Grant[],
): string | undefined {
  const { policy, cap } = one;
  if (policy.mode !== 'enforce' || cap.action !== 'block') return undefined;
  if (total <= cap.limit) return undefined;
  // A settlement within its bound takes nothing that the decision had not taken, whatever the limit is by now.
  if (entry.settled !== undefined && entry.settled[cap.unit] <= entry.reserved[cap.unit]) return undefined;
  const limit = cap.limit + grantedTo(cap, entry.actor, grantsAt(entry.timestampMs)).granted;
  if (total <= limit) return undefined;
  one.exceeded = true;
  const over =
    entry.settled === undefined ? 'The call' : 'The settlement, which is above the bound of its call,';
  return `${over} brings ${describe(cap, limit)} to ${show(cap, total)}.`;
}

/** Caps on single calls keep no counter. Only money is known of a call that has ended. */
function noteSingle(
  one: Watched,
  row: JsonObject,
  { hashes, ended, isSound, grantsAt }: RowFacts,
  timestampMs: number,
): string | undefined {
  const { policy, cap } = one;
  const isEnd = row.entryType === 'settlement';
  const governs = (isEnd ? (ended?.hashes ?? hashes) : hashes).includes(policy.policyHash);
  if (cap.unit !== 'usd' || !governs) return undefined;
  const caller = readCaller(row);
  if (!covers(cap.match, caller.actor)) return undefined;
  if (!isEnd && (row.entryType !== undefined || row.action === 'block')) return undefined;
  const text = isEnd ? row.actualUsd : row.reservedUsd;
  const usd = typeof text === 'string' ? parseUsd(text, 'up') : undefined;
  if (usd === undefined) return undefined;
  if (isEnd) raise(one, usd);
  const limit = cap.limit + grantedTo(cap, caller.actor, grantsAt(timestampMs)).granted;
  if (!isSound || policy.mode !== 'enforce' || cap.action !== 'block' || usd <= limit) return undefined;
  // Within its bound a call takes nothing that its decision had not taken.
  if (isEnd && (ended?.reservedUsd === undefined ? row.overBound !== true : usd <= ended.reservedUsd))
    return undefined;
  one.exceeded = true;
  return `${isEnd ? 'The call has cost' : 'The call may cost'} ${show(cap, usd)} under ${describe(cap, limit)}.`;
}

function readCaller({ actor }: JsonObject): Pick<Caller, 'actor'> {
  return {
    actor: typeof actor === 'object' && actor !== null && !Array.isArray(actor) ? actor : {},
  } as Caller;
}

function printWatched({ policy, cap, highest, exceeded }: Watched): CapReport {
  const about = {
    cap: cap.path,
    policyId: policy.id,
    policyHash: policy.policyHash,
    action: cap.action,
    mode: policy.mode,
    window: cap.window,
    scopeKey: cap.scopeKey,
  };
  const amounts =
    cap.unit === 'usd'
      ? { limitUsd: printUsd(cap.limit), highestUsd: printUsd(highest) }
      : { unit: cap.unit, limit: String(cap.limit), highest: String(highest) };
  return { ...about, ...amounts, exceeded };
}

function describe(cap: Cap, limit: bigint): string {
  const span = cap.unit === 'in_flight' ? '' : ` ${cap.window}`;
  return `the cap ${show(cap, limit)}${span} (${cap.scopeKey})`;
}

function show({ unit }: Cap, amount: bigint): string {
  return unit === 'usd' ? showUsd(amount) : `${amount} ${unit.replace('_', ' ')}`;
}

/** The caps of each counter, by any one of them: a budget tells of them all as one. */
function groupByCounter(watched: readonly Watched[]): (cap: Cap) => readonly Watched[] {
  const byKey = new Map<string, Watched[]>();
  const byCap = new Map<Cap, Watched[]>();
  for (const one of watched) {
    if (one.cap.window === 'per_call') continue;
    const key = counterKey(one.cap);
    const list = byKey.get(key) ?? [];
    list.push(one);
    byKey.set(key, list);
    byCap.set(one.cap, list);
  }
  return (cap) => byCap.get(cap) ?? [];
}
