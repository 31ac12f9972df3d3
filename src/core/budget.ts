/**
 * What has been spent, and what running calls hold, per counter: a fold over the rows of the ledger
 * (docs/policy.md "Counters"). Whichever policy or signer wrote a row, it counts where its actor matches.
 */
import { loadBudget, type SavedBudget, saveBudget } from './budget-state.js';
import type { Json, JsonObject } from './json.js';
import { parseCents, parseUsd, type Usd } from './money.js';
import type { Cap } from './policy.js';
import type { Receipt } from './receipt.js';
import { covers, type Selector } from './scope.js';
import type { LedgerFold } from './spend-store.js';
import { type CountedWindow, windowStartMs } from './window.js';

/** One decided call attempt that is not settled for good. */
export interface Hold {
  readonly decisionId: string;
  readonly attempt: number;
  readonly timestampMs: number;
  readonly actor: Selector;
  readonly reservedUsd: Usd;
  readonly expectedUsd: Usd;
  /** The process that runs the call; empty in rows written by others. */
  readonly instance: string;
}

/** A counter in its present window. */
export interface Totals {
  readonly settledUsd: Usd;
  /** Upper bounds of running calls. */
  readonly heldUsd: Usd;
  /** Estimates of the same calls, for soft caps. */
  readonly heldExpectedUsd: Usd;
}

/** A hold, or a call whose cost may still become known. */
export interface Entry extends Hold {
  /** Counted amount so far, and whether it is still only a hold. */
  settledUsd: Usd | undefined;
}

/** What one window adds up to. */
export interface Sums {
  settledUsd: Usd;
  heldUsd: Usd;
  heldExpectedUsd: Usd;
}

interface Counter {
  readonly match: Selector;
  readonly window: CountedWindow;
  /** By start of the window. More than one, for a clock that was ahead and was set back. */
  readonly sums: Map<number, Sums>;
}

const NOTHING: Totals = { settledUsd: 0n, heldUsd: 0n, heldExpectedUsd: 0n };
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

  constructor(caps: readonly Cap[]) {
    for (const cap of caps) {
      if (cap.window === 'per_call') continue;
      this.#counters.set(counterKey(cap), { match: cap.match, window: cap.window, sums: new Map() });
    }
    this.name = `budget 1: ${[...this.#counters.keys()].sort().join(', ')}`;
  }

  save(): Json {
    return saveBudget({ sums: this.#listSums(), entries: this.#entries.values() });
  }

  load(saved: Json): boolean {
    const budget: SavedBudget | undefined = loadBudget(saved);
    const sums = new Map(budget?.sums);
    if (!budget || sums.size !== this.#counters.size) return false;
    for (const key of sums.keys()) if (!this.#counters.has(key)) return false;
    for (const [key, counter] of this.#counters) {
      counter.sums.clear();
      for (const [startMs, sum] of sums.get(key) ?? []) counter.sums.set(startMs, sum);
    }
    this.#entries.clear();
    for (const entry of budget.entries) this.#entries.set(entryKey(entry.decisionId, entry.attempt), entry);
    this.#sweepAt = Math.max(SWEEP_AT_LEAST, this.#entries.size * 2);
    return true;
  }

  /** The counter of a windowed cap at a moment: zero when its window has not been written to. */
  totals(cap: Cap, atMs: number): Totals {
    const counter = this.#counters.get(counterKey(cap));
    return counter?.sums.get(windowStartMs(counter.window, atMs)) ?? NOTHING;
  }

  /** The running calls that a windowed cap counts at a moment, as upper bounds by process. */
  heldByInstance(cap: Cap, atMs: number): ReadonlyMap<string, Usd> {
    const held = new Map<string, Usd>();
    const counter = this.#counters.get(counterKey(cap));
    if (!counter) return held;
    const startMs = windowStartMs(counter.window, atMs);
    for (const entry of this.#entries.values()) {
      if (entry.settledUsd !== undefined || windowStartMs(counter.window, entry.timestampMs) !== startMs)
        continue;
      if (covers(counter.match, entry.actor))
        held.set(entry.instance, (held.get(entry.instance) ?? 0n) + entry.reservedUsd);
    }
    return held;
  }

  apply(receipt: Receipt, timestampMs: number): void {
    const row = receipt.decision;
    if (row.entryType === undefined) this.#applyDecision(row, timestampMs);
    else if (row.entryType === 'settlement') this.#applySettlement(row);
  }

  #applyDecision(row: JsonObject, timestampMs: number): void {
    const decisionId = text(row.decisionId);
    if (!decisionId || Number.isNaN(timestampMs) || row.action === 'block') return;
    const attempt = typeof row.attempt === 'number' ? row.attempt : 1;
    const key = entryKey(decisionId, attempt);
    if (this.#entries.has(key)) return;
    const reservedUsd = amount(row.reservedUsd);
    const foreignUsd = row.formatVersion === undefined ? cents(row.projectedCents) : undefined;
    const entry: Entry = {
      decisionId,
      attempt,
      timestampMs,
      actor: actorOf(row.actor),
      reservedUsd: reservedUsd ?? 0n,
      expectedUsd: amount(row.expectedUsd) ?? 0n,
      instance: text(row.instance) ?? '',
      // Rows of others keep no hold: what they projected counts until their settlement corrects it.
      settledUsd: foreignUsd,
    };
    if (!this.#opensWindows(entry)) return;
    this.#entries.set(key, entry);
    this.#count(entry, 1n);
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
  }

  #applySettlement(row: JsonObject): void {
    const attempt = typeof row.attempt === 'number' ? row.attempt : 1;
    const key = entryKey(text(row.originalDecisionId) ?? '', attempt);
    const entry = this.#entries.get(key);
    const actualUsd =
      amount(row.actualUsd) ?? (row.formatVersion === undefined ? cents(row.actualCents) : undefined);
    if (!entry || actualUsd === undefined) return;
    const known = row.costSource !== 'reserved';
    // A second "we do not know" must not replace what is already counted.
    if (!known && entry.settledUsd !== undefined) return;
    this.#count(entry, -1n);
    entry.settledUsd = actualUsd;
    this.#count(entry, 1n);
    if (known) this.#entries.delete(key);
  }

  #count(entry: Entry, sign: 1n | -1n): void {
    for (const counter of this.#counters.values()) {
      if (!covers(counter.match, entry.actor)) continue;
      const sums = counter.sums.get(windowStartMs(counter.window, entry.timestampMs));
      if (!sums) continue;
      if (entry.settledUsd === undefined) {
        sums.heldUsd += sign * entry.reservedUsd;
        sums.heldExpectedUsd += sign * entry.expectedUsd;
      } else sums.settledUsd += sign * entry.settledUsd;
    }
  }

  /** Makes the windows that a new call counts in; says whether there are any. */
  #opensWindows(entry: Entry): boolean {
    let counts = false;
    for (const { match, window, sums } of this.#counters.values()) {
      if (!covers(match, entry.actor)) continue;
      counts = true;
      const startMs = windowStartMs(window, entry.timestampMs);
      if (sums.has(startMs)) continue;
      if (sums.size >= MAX_WINDOWS) sums.delete(Math.min(...sums.keys()));
      sums.set(startMs, { settledUsd: 0n, heldUsd: 0n, heldExpectedUsd: 0n });
    }
    return counts;
  }

  /** Whether a window that is kept counts this call. */
  #matters(entry: Entry): boolean {
    for (const { match, window, sums } of this.#counters.values())
      if (sums.has(windowStartMs(window, entry.timestampMs)) && covers(match, entry.actor)) return true;
    return false;
  }

  #listSums(): [string, [number, Sums][]][] {
    return [...this.#counters].map(([key, counter]) => [key, [...counter.sums]]);
  }

  /** Forgets calls whose windows have all passed: a late settlement of theirs changes no present counter. */
  #sweep(): void {
    for (const [key, entry] of this.#entries) if (!this.#matters(entry)) this.#entries.delete(key);
    this.#sweepAt = Math.max(SWEEP_AT_LEAST, this.#entries.size * 2);
  }
}

function entryKey(decisionId: string, attempt: number): string {
  return `${decisionId}#${attempt}`;
}

function counterKey(cap: Cap): string {
  return `${cap.window} ${cap.scopeKey}`;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function amount(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'string' ? parseUsd(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function cents(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'number' ? parseCents(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function actorOf(value: Json | undefined): Selector {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Selector) : {};
}
