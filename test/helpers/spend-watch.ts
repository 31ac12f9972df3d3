/** A second opinion on a ledger's money: counts its rows without any code of the guard or its counters. */
import { parseUsd, type Usd } from '../../src/core/money.js';
import type { Selector } from '../../src/core/scope.js';

type Decision = Readonly<Record<string, unknown>>;

/** A cap to be held: calls whose actor has all these values, per day (UTC) or per hour of their decision. */
export interface WatchedCap {
  readonly match: Selector;
  readonly window: 'per_hour' | 'per_day';
  readonly limitUsd: Usd;
}

export interface SpendWatch {
  /** Counts one row. */
  add(row: Decision): void;
  /** Everything settled or held. */
  total(): Usd;
  /** The highest that each cap ever stood at, in any of its windows. */
  readonly highest: readonly Usd[];
  /** Attempts that were let pass and have no settlement. */
  listOpen(): readonly string[];
}

interface Entry {
  readonly actor: Readonly<Record<string, unknown>>;
  readonly at: string;
  usd: Usd;
  settled: boolean;
}

/** Counts rows in the order of the ledger. */
export function createSpendWatch(caps: readonly WatchedCap[]): SpendWatch {
  const entries = new Map<string, Entry>();
  const sums = caps.map(() => new Map<string, Usd>());
  const highest: Usd[] = caps.map(() => 0n);
  let total: Usd = 0n;
  const move = (entry: Entry, usd: Usd) => {
    const difference = usd - entry.usd;
    entry.usd = usd;
    total += difference;
    for (const [at, cap] of caps.entries()) {
      if (!Object.entries(cap.match).every(([key, value]) => entry.actor[key] === value)) continue;
      const window = entry.at.slice(0, cap.window === 'per_day' ? 10 : 13);
      const sum = (sums[at]?.get(window) ?? 0n) + difference;
      sums[at]?.set(window, sum);
      if (sum > highest[at]!) highest[at] = sum;
    }
  };
  return {
    add(row) {
      if (row.entryType === undefined && row.action !== 'block') {
        const actor = row.actor as Entry['actor'];
        const entry: Entry = { actor, at: String(row.timestamp), usd: 0n, settled: false };
        entries.set(`${row.decisionId}#${row.attempt}`, entry);
        move(entry, parseUsd(String(row.reservedUsd))!);
      } else if (row.entryType === 'settlement') {
        const entry = entries.get(`${row.originalDecisionId}#${row.attempt}`);
        if (!entry) throw new Error(`a settlement of nothing: ${String(row.originalDecisionId)}`);
        if (entry.settled) throw new Error(`settled twice: ${String(row.originalDecisionId)}`);
        entry.settled = true;
        move(entry, parseUsd(String(row.actualUsd))!);
      }
    },
    total: () => total,
    highest,
    listOpen: () => [...entries].filter(([, entry]) => !entry.settled).map(([key]) => key),
  };
}
