/**
 * The most that was spent under each cap, and whether a row brought a hard cap past its limit: from the counters alone,
 * whatever the row says about itself (docs/receipt-format.md "lawful").
 */
import { Budget, type Entry, type Sums } from './budget.js';
import { type Grant, grantedTo } from './control.js';
import { type Caller, counterKey } from './counter.js';
import type { JsonObject } from './json.js';
import { parseUsd, printUsd, showUsd } from './money.js';
import type { Cap, Policy } from './policy.js';
import type { Receipt } from './receipt.js';
import type { CapReport } from './report.js';
import { covers } from './scope.js';

interface Watched {
  readonly policy: Policy;
  readonly cap: Cap;
  highest: bigint;
  exceeded: boolean;
}

/** Feed it every row, in order. */
export interface CapWatch {
  readonly budget: Budget;
  /**
   * Counts a row.
   *
   * @param hashes the policies that the row was decided under
   * @param grantsAt grants in force at a moment, milliseconds since 1970
   * @returns what the row brought past its limit, one sentence each.
   */
  apply(
    receipt: Receipt,
    timestampMs: number,
    hashes: readonly string[],
    grantsAt: (atMs: number) => readonly Grant[],
  ): readonly string[];
  /** Every cap that counted a call, with the most that was spent in one of its windows; holds that are left count. */
  list(): readonly CapReport[];
}

/** Watches every cap of these policies. */
export function createCapWatch(policies: Iterable<Policy>): CapWatch {
  const watched = [...policies].flatMap((policy) =>
    policy.caps.map((cap): Watched => ({ policy, cap, highest: -1n, exceeded: false })),
  );
  const ofCounter = groupByCounter(watched);
  const single = watched.filter(({ cap }) => cap.window === 'per_call');
  let row: { readonly hashes: readonly string[]; readonly grantsAt: (atMs: number) => readonly Grant[] };
  let found: string[] = [];
  const budget = new Budget(
    watched.map(({ cap }) => cap),
    (cap, sums, entry) => {
      for (const one of ofCounter(cap)) {
        note(one, sums);
        const message = row.hashes.includes(one.policy.policyHash)
          ? findExcess(one, sums, entry, row.grantsAt)
          : undefined;
        if (message !== undefined) found.push(message);
      }
    },
  );
  return {
    budget,
    apply(receipt, timestampMs, hashes, grantsAt) {
      row = { hashes, grantsAt };
      found = [];
      budget.apply(receipt, timestampMs);
      for (const one of single) {
        const message = noteSingle(one, receipt.decision, hashes, grantsAt(timestampMs));
        if (message !== undefined) found.push(message);
      }
      return found;
    },
    list() {
      for (const [cap, { settled, held }] of budget.listWindows())
        for (const one of ofCounter(cap)) if (settled + held > one.highest) one.highest = settled + held;
      return watched.filter(({ highest }) => highest >= 0n).map(printWatched);
    },
  };
}

/** What is spent counts; a hold is the most that a running call may cost, and mostly far from it. */
function note(one: Watched, { settled, held }: Readonly<Sums>): void {
  // Calls in flight are nothing but held.
  const stands = one.cap.unit === 'in_flight' ? held : settled;
  if (stands > one.highest) one.highest = stands;
}

function findExcess(
  one: Watched,
  sums: Readonly<Sums>,
  entry: Entry,
  grantsAt: (atMs: number) => readonly Grant[],
): string | undefined {
  const { policy, cap } = one;
  if (policy.mode !== 'enforce' || cap.action !== 'block') return undefined;
  const total = sums.settled + sums.held;
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
  hashes: readonly string[],
  grants: readonly Grant[],
): string | undefined {
  const { policy, cap } = one;
  if (cap.unit !== 'usd') return undefined;
  const caller = readCaller(row);
  if (!covers(cap.match, caller.actor)) return undefined;
  const isEnd = row.entryType === 'settlement';
  if (!isEnd && (row.entryType !== undefined || row.action === 'block')) return undefined;
  const text = isEnd ? row.actualUsd : row.reservedUsd;
  const usd = typeof text === 'string' ? parseUsd(text, 'up') : undefined;
  if (usd === undefined) return undefined;
  if (isEnd && usd > one.highest) one.highest = usd;
  const isHard = policy.mode === 'enforce' && cap.action === 'block' && hashes.includes(policy.policyHash);
  const limit = cap.limit + grantedTo(cap, caller.actor, grants).granted;
  if (!isHard || usd <= limit) return undefined;
  if (isEnd && row.overBound !== true) return undefined;
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
