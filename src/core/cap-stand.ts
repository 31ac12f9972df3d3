/**
 * What stood under one cap at the decisions that it governed. Counters also have what was spent under other policies, as
 * before and after an edit: that counts towards the limit when a call is decided, and is nothing that this cap let pass.
 */
import type { Sums } from './budget.js';
import type { Entry } from './open-call.js';
import type { CapUnit } from './policy.js';

/** One counter in one window, as the calls of one policy found and left it. Amounts are in the unit of the cap. */
export interface CapStand {
  /** What was settled at the last decision, and what those calls have settled since. */
  settled: bigint;
  /** Calls of the policy that have not ended. */
  readonly running: Set<Entry>;
  /** What each call is counted with in `settled`. */
  readonly counted: WeakMap<Entry, bigint>;
}

export function createCapStand(): CapStand {
  return { settled: 0n, running: new Set(), counted: new WeakMap() };
}

/** Takes in a decision that the cap governed. */
export function noteDecision(stand: CapStand, unit: CapUnit, sums: Readonly<Sums>, entry: Entry): void {
  stand.settled = sums.settled;
  if (entry.settled === undefined) stand.running.add(entry);
  else stand.counted.set(entry, entry.settled[unit]);
}

/** Takes in what such a call has cost, or is now known to have cost. */
export function noteSettlement(stand: CapStand, unit: CapUnit, entry: Entry): void {
  const amount = entry.settled?.[unit] ?? 0n;
  stand.settled += amount - (stand.counted.get(entry) ?? 0n);
  stand.counted.set(entry, amount);
  stand.running.delete(entry);
}

/** Settled, and the bounds of the calls that still run. Cost: proportional to those. */
export function standsAtMost({ settled, running }: CapStand, unit: CapUnit): bigint {
  let total = settled;
  for (const { reserved } of running) total += reserved[unit];
  return total;
}
