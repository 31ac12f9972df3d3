/**
 * Sums over calls: the one place where totals are made, for the dashboard, the page and the terminal alike. Amounts are
 * added exactly.
 */
import type { CallRecord } from './call-record.js';
import type { SummaryAnswer, SummaryGroup, Totals } from './dashboard.js';
import { type Grouping, groupKeyOf } from './grouping.js';
import { printUsd, type Usd } from './money.js';

/** The part of a record that sums are made of. */
export type Summable = Pick<
  CallRecord,
  | 'action'
  | 'state'
  | 'costUsd'
  | 'costSource'
  | 'expectedUsd'
  | 'reservedUsd'
  | 'inputTokens'
  | 'outputTokens'
>;

/** `Totals` while they grow. */
export interface Sums {
  calls: number;
  allowed: number;
  downgraded: number;
  shadowed: number;
  blocked: number;
  settledUsd: Usd;
  heldUsd: Usd;
  expectedUsd: Usd;
  blockedUsd: Usd;
  billedUsd: Usd;
  unpriced: number;
  inputTokens: number;
  outputTokens: number;
}

/** Sums of no calls. */
export function createSums(): Sums {
  return {
    calls: 0,
    allowed: 0,
    downgraded: 0,
    shadowed: 0,
    blocked: 0,
    settledUsd: 0n,
    heldUsd: 0n,
    expectedUsd: 0n,
    blockedUsd: 0n,
    billedUsd: 0n,
    unpriced: 0,
    inputTokens: 0,
    outputTokens: 0,
  };
}

/** Adds one call. Operators' rows are no calls and change nothing. */
export function addTo(sums: Sums, record: Summable): void {
  switch (record.action) {
    case 'control':
      return;
    case 'allow':
      sums.allowed++;
      break;
    case 'downgrade':
      sums.downgraded++;
      break;
    case 'shadow':
      sums.shadowed++;
      break;
    case 'block':
      sums.blocked++;
  }
  sums.calls++;
  sums.inputTokens += record.inputTokens ?? 0;
  sums.outputTokens += record.outputTokens ?? 0;
  addMoney(sums, record);
}

function addMoney(sums: Sums, { state, costUsd, costSource, expectedUsd, reservedUsd }: Summable): void {
  if (costUsd === null) sums.unpriced++;
  switch (state) {
    case 'held':
      sums.heldUsd += costUsd ?? 0n;
      return;
    case 'blocked':
      sums.blockedUsd += reservedUsd ?? 0n;
      return;
    case 'settled':
      sums.settledUsd += costUsd ?? 0n;
      sums.expectedUsd += expectedUsd ?? 0n;
      if (costSource === 'provider') sums.billedUsd += costUsd ?? 0n;
  }
}

/** Adds other sums, such as those of another ledger. */
export function joinSums(sums: Sums, other: Sums): void {
  sums.calls += other.calls;
  sums.allowed += other.allowed;
  sums.downgraded += other.downgraded;
  sums.shadowed += other.shadowed;
  sums.blocked += other.blocked;
  sums.settledUsd += other.settledUsd;
  sums.heldUsd += other.heldUsd;
  sums.expectedUsd += other.expectedUsd;
  sums.blockedUsd += other.blockedUsd;
  sums.billedUsd += other.billedUsd;
  sums.unpriced += other.unpriced;
  sums.inputTokens += other.inputTokens;
  sums.outputTokens += other.outputTokens;
}

/** The sums with amounts as exact decimals of US dollars. */
export function printTotals(sums: Sums): Totals {
  const { settledUsd, heldUsd, expectedUsd, blockedUsd, billedUsd } = sums;
  return {
    ...sums,
    settledUsd: printUsd(settledUsd),
    heldUsd: printUsd(heldUsd),
    expectedUsd: printUsd(expectedUsd),
    blockedUsd: printUsd(blockedUsd),
    billedUsd: printUsd(billedUsd),
  };
}

/** One group: the values that its calls share, and their sums. */
export interface Group {
  readonly key: readonly string[];
  readonly sums: Sums;
}

/** Sums over everything and by groups. Memory grows with the groups. */
export interface Summary {
  add(record: CallRecord): void;
  readonly total: Sums;
  /** Dearest first: by what is settled or held, then by calls, then by key. */
  listGroups(): readonly Group[];
}

/** An empty summary. Without fields in `grouping` there are no groups. */
export function createSummary(grouping: Grouping): Summary {
  const total = createSums();
  const groups = new Map<string, Group>();
  const isGrouped = grouping.by.length > 0;
  return {
    total,
    add(record) {
      if (record.action === 'control') return;
      addTo(total, record);
      if (!isGrouped) return;
      const key = groupKeyOf(record, grouping);
      const name = key.length === 1 ? (key[0] ?? '') : JSON.stringify(key);
      const group = groups.get(name) ?? { key, sums: createSums() };
      groups.set(name, group);
      addTo(group.sums, record);
    },
    listGroups: () => [...groups.values()].sort(compareGroups),
  };
}

/** A summary as the dashboard's server answers it, with at most `limit` groups. */
export function describeSummary(summary: Summary, { by }: Grouping, limit: number): SummaryAnswer {
  const groups = summary.listGroups();
  const shown = groups.slice(0, limit).map(({ key, sums }): SummaryGroup => ({ ...printTotals(sums), key }));
  return { ...printTotals(summary.total), by, groups: shown, omitted: groups.length - shown.length };
}

/** The order of groups, dearest first. */
export function compareGroups(a: Group, b: Group): number {
  const [mine, yours] = [weigh(a.sums), weigh(b.sums)];
  if (mine !== yours) return mine > yours ? -1 : 1;
  if (a.sums.calls !== b.sums.calls) return b.sums.calls - a.sums.calls;
  const [first, second] = [a.key.join('\0'), b.key.join('\0')];
  return first < second ? -1 : first > second ? 1 : 0;
}

function weigh({ settledUsd, heldUsd }: Sums): Usd {
  return settledUsd + heldUsd;
}
