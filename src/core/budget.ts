/**
 * What has been spent, and what running calls hold, per counter: a fold over the rows of the ledger
 * (docs/policy.md "Counters"). Whichever policy or signer wrote a row, it counts where its actor matches.
 */
import { loadBudget, type SavedBudget, saveBudget } from './budget-state.js';
import { type Caller, counterKey, endOf, groupOf, startOf } from './counter.js';
import type { Json, JsonObject } from './json.js';
import { type Entry, type Hold, readEntry, readSettled } from './open-call.js';
import type { Cap } from './policy.js';
import type { Receipt } from './receipt.js';
import { covers } from './scope.js';
import type { LedgerFold } from './spend-store.js';

/** A counter in its present window, in the unit of its cap. */
export interface Totals {
  readonly settled: bigint;
  /** Upper bounds of running calls. */
  readonly held: bigint;
  /** Estimates of the same calls, for soft caps. */
  readonly heldExpected: bigint;
  /** The most that settled and estimates together came to after a call of the window. Default: what they are now. */
  readonly peak?: bigint;
}

/** What one window of one group adds up to. */
export interface Sums {
  settled: bigint;
  held: bigint;
  heldExpected: bigint;
  peak: bigint;
}

/** Told of every change of a counter, with the call that changed it. Caps of one counter are told as one of them. */
export type CounterWatch = (cap: Cap, sums: Readonly<Sums>, entry: Entry) => void;

interface Counter {
  readonly cap: Cap;
  /** By start of the window, then by group. More than one start, for a clock that was ahead and was set back. */
  readonly windows: Map<number, Map<string, Sums>>;
  /** The window asked about last: calendars of time zones are slow. */
  startMs: number;
  endMs: number;
}

const NOTHING: Totals = { settled: 0n, held: 0n, heldExpected: 0n, peak: 0n };
const NOBODY: Caller = { actor: {}, run: '' };
const SWEEP_AT_LEAST = 1024;
/** Of each counter; the oldest goes first. */
const MAX_WINDOWS = 4;

/** Keeps the counters that `caps` need. Feed it every row of one ledger, in order. */
export class Budget implements LedgerFold {
  readonly #counters = new Map<string, Counter>();
  readonly #entries = new Map<string, Entry>();
  #sweepAt = SWEEP_AT_LEAST;

  /** Names the counters: a policy with others must not take these for its own. */
  readonly name: string;
  readonly #watch: CounterWatch | undefined;

  constructor(caps: readonly Cap[], watch?: CounterWatch) {
    this.#watch = watch;
    for (const cap of caps) {
      if (cap.window === 'per_call') continue;
      const startMs = Number.POSITIVE_INFINITY;
      this.#counters.set(counterKey(cap), { cap, windows: new Map(), startMs, endMs: startMs });
    }
    this.name = `budget 4: ${[...this.#counters.keys()].sort().join(', ')}`;
  }

  save(): Json {
    return saveBudget({ sums: this.#listSums(), entries: this.#entries.values() });
  }

  load(saved: Json): boolean {
    const budget: SavedBudget | undefined = loadBudget(saved);
    const sums = new Map(budget?.sums);
    if (!budget || sums.size !== this.#counters.size) return false;
    for (const key of sums.keys()) if (!this.#counters.has(key)) return false;
    for (const [key, { windows }] of this.#counters) {
      windows.clear();
      for (const [startMs, group, sum] of sums.get(key) ?? []) openGroups(windows, startMs).set(group, sum);
    }
    this.#entries.clear();
    for (const entry of budget.entries) this.#entries.set(entryKey(entry.decisionId, entry.attempt), entry);
    this.#sweepAt = Math.max(SWEEP_AT_LEAST, this.#entries.size * 2);
    return true;
  }

  /** The counter of a windowed cap for one caller at a moment: zero when its window has not been written to. */
  totals(cap: Cap, atMs: number, caller: Caller = NOBODY): Totals {
    const counter = this.#counters.get(counterKey(cap));
    return (counter && findSums(counter, atMs, caller)) ?? NOTHING;
  }

  /** The running calls that a windowed cap counts for one caller at a moment, as upper bounds by process. */
  heldByInstance(cap: Cap, atMs: number, caller: Caller = NOBODY): ReadonlyMap<string, bigint> {
    const held = new Map<string, bigint>();
    for (const { instance, reserved } of this.listHolds(cap, atMs, caller))
      held.set(instance, (held.get(instance) ?? 0n) + reserved[cap.unit]);
    return held;
  }

  /** The running calls that a windowed cap counts for one caller at a moment. Cost: proportional to all open calls. */
  listHolds(cap: Cap, atMs: number, caller: Caller = NOBODY): readonly Hold[] {
    const counter = this.#counters.get(counterKey(cap));
    if (!counter) return [];
    const startMs = startOf(cap, atMs);
    const group = groupOf(cap, caller);
    return [...this.#entries.values()].filter(
      (entry) =>
        entry.settled === undefined &&
        windowOf(counter, entry.timestampMs) === startMs &&
        covers(cap.match, entry.actor) &&
        groupOf(cap, entry) === group,
    );
  }

  /** Whether an attempt is decided and not settled in any way. */
  isRunning({ decisionId, attempt }: Pick<Hold, 'decisionId' | 'attempt'>): boolean {
    const entry = this.#entries.get(entryKey(decisionId, attempt));
    return entry !== undefined && entry.settled === undefined;
  }

  apply(receipt: Receipt, timestampMs: number): void {
    const row = receipt.decision;
    if (row.entryType === undefined) this.#applyDecision(row, timestampMs);
    else if (row.entryType === 'settlement') this.#applySettlement(row);
  }

  #applyDecision(row: JsonObject, timestampMs: number): void {
    const { decisionId } = row;
    if (
      typeof decisionId !== 'string' ||
      decisionId === '' ||
      Number.isNaN(timestampMs) ||
      row.action === 'block'
    )
      return;
    const attempt = typeof row.attempt === 'number' ? row.attempt : 1;
    const key = entryKey(decisionId, attempt);
    if (this.#entries.has(key)) return;
    const entry = readEntry(row, decisionId, attempt, timestampMs);
    if (!this.#opensWindows(entry)) return;
    this.#entries.set(key, entry);
    this.#count(entry, 1n);
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
  }

  #applySettlement(row: JsonObject): void {
    const attempt = typeof row.attempt === 'number' ? row.attempt : 1;
    const { originalDecisionId } = row;
    const key = entryKey(typeof originalDecisionId === 'string' ? originalDecisionId : '', attempt);
    const entry = this.#entries.get(key);
    const settled = entry && readSettled(row, entry);
    if (!entry || !settled) return;
    const known = row.costSource !== 'reserved';
    // A second "we do not know" must not replace what is already counted.
    if (!known && entry.settled !== undefined) return;
    this.#count(entry, -1n);
    entry.settled = settled;
    this.#count(entry, 1n);
    if (known) this.#entries.delete(key);
  }

  #count(entry: Entry, sign: 1n | -1n): void {
    for (const counter of this.#counters.values()) {
      const { match, unit } = counter.cap;
      const sums = covers(match, entry.actor) ? findSums(counter, entry.timestampMs, entry) : undefined;
      if (!sums) continue;
      if (entry.settled === undefined) {
        sums.held += sign * entry.reserved[unit];
        sums.heldExpected += sign * entry.expected[unit];
        const stands = sums.settled + sums.heldExpected;
        if (sign > 0n && stands > sums.peak) sums.peak = stands;
      } else sums.settled += sign * entry.settled[unit];
      if (sign > 0n) this.#watch?.(counter.cap, sums, entry);
    }
  }

  /** Whether a call attempt is known and not settled for good: a second decision of it would not be counted. */
  isOpen(decisionId: string, attempt: number): boolean {
    return this.#entries.has(entryKey(decisionId, attempt));
  }

  /** Every window that is kept, with what it adds up to. */
  *listWindows(): Generator<readonly [cap: Cap, sums: Readonly<Sums>]> {
    for (const { cap, windows } of this.#counters.values())
      for (const groups of windows.values()) for (const sums of groups.values()) yield [cap, sums];
  }

  /** Makes the windows that a new call counts in; says whether there are any. */
  #opensWindows(entry: Entry): boolean {
    let counts = false;
    for (const counter of this.#counters.values()) {
      const { cap, windows } = counter;
      if (!covers(cap.match, entry.actor)) continue;
      counts = true;
      const startMs = windowOf(counter, entry.timestampMs);
      if (!windows.has(startMs) && windows.size >= MAX_WINDOWS) windows.delete(Math.min(...windows.keys()));
      const groups = openGroups(windows, startMs);
      const group = groupOf(cap, entry);
      if (!groups.has(group)) groups.set(group, { settled: 0n, held: 0n, heldExpected: 0n, peak: 0n });
    }
    return counts;
  }

  /** Whether a window that is kept counts this call. */
  #matters(entry: Entry): boolean {
    for (const counter of this.#counters.values()) {
      // Whatever becomes known of a call that ended, it is not in flight again.
      if (counter.cap.unit === 'in_flight' && entry.settled !== undefined) continue;
      if (covers(counter.cap.match, entry.actor) && findSums(counter, entry.timestampMs, entry)) return true;
    }
    return false;
  }

  #listSums(): [string, [number, string, Sums][]][] {
    return [...this.#counters].map(([key, { windows }]) => [
      key,
      [...windows].flatMap(([startMs, groups]) =>
        [...groups].map(([group, sums]): [number, string, Sums] => [startMs, group, sums]),
      ),
    ]);
  }

  /** Forgets calls whose windows have all passed: a late settlement of theirs changes no present counter. */
  #sweep(): void {
    for (const [key, entry] of this.#entries) if (!this.#matters(entry)) this.#entries.delete(key);
    this.#sweepAt = Math.max(SWEEP_AT_LEAST, this.#entries.size * 2);
  }
}

function findSums(counter: Counter, atMs: number, caller: Caller): Sums | undefined {
  return counter.windows.get(windowOf(counter, atMs))?.get(groupOf(counter.cap, caller));
}

/** Start of the window of a moment, remembered for the next one. */
function windowOf(counter: Counter, atMs: number): number {
  if (atMs < counter.startMs || atMs >= counter.endMs) {
    counter.startMs = startOf(counter.cap, atMs);
    counter.endMs = endOf(counter.cap, atMs);
  }
  return counter.startMs;
}

function openGroups(windows: Counter['windows'], startMs: number): Map<string, Sums> {
  const groups = windows.get(startMs) ?? new Map<string, Sums>();
  windows.set(startMs, groups);
  return groups;
}

function entryKey(decisionId: string, attempt: number): string {
  return `${decisionId}#${attempt}`;
}
