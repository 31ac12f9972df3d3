/** Totals over the selected calls, and by groups: what `createSummary` gives for the same calls (core/summary.ts). */
import type { SummaryAnswer, SummaryGroup } from '../core/dashboard.js';
import { type Grouping, nameSpan, SPAN_FIELDS, type SpanField } from '../core/grouping.js';
import { compareGroups, createSums, type Group, joinSums, printTotals, type Sums } from '../core/summary.js';
import { createExactSums, type ExactSums } from './exact-sums.js';
import { readField } from './field-codes.js';
import { createPacer } from './pacer.js';
import type { Dictionaries, RowChunk } from './row-chunk.js';
import type { SelectedSpan, Selection } from './selection.js';

/** Groups that are kept apart; a summary of more is of no use to anybody. */
const MAX_GROUPS = 200_000;
const NO_CODES: readonly number[] = [];
const MONEY = ['settledUsd', 'heldUsd', 'expectedUsd', 'blockedUsd', 'billedUsd'] as const;

export async function summarize(
  selection: Selection,
  dictionaries: Dictionaries,
  grouping: Grouping,
  limit: number,
): Promise<SummaryAnswer> {
  const pace = createPacer();
  const collector = createCollector(dictionaries, grouping);
  for (const span of selection.spans()) {
    collector.add(span);
    await pace();
  }
  const total = createSums();
  const groups = collector.list();
  for (const { sums } of [...groups, ...collector.listRest()]) joinSums(total, sums);
  const shown = grouping.by.length === 0 ? [] : groups.sort(compareGroups);
  return {
    ...printTotals(total),
    by: grouping.by,
    groups: shown.slice(0, limit).map(({ key, sums }): SummaryGroup => ({ ...printTotals(sums), key })),
    omitted: Math.max(0, shown.length - limit),
  };
}

/** The counts of one group; its amounts are five sums in a row from `money` on. */
interface Counts {
  readonly key: readonly string[];
  readonly money: number;
  readonly sums: Sums;
}

function createCollector(dictionaries: Dictionaries, { by, zone }: Grouping) {
  const readers = by.map((field) => (isSpan(field) ? readSpan(field, zone) : readField(field, dictionaries)));
  const amounts = createExactSums();
  const groups = new Map<string | number, Counts>();
  const { action: actions, state: states, costSource } = dictionaries;
  const billed = costSource.encode('provider');
  const [only] = readers;
  const isSingle = readers.length < 2;
  let rest: Counts | undefined;
  function find(chunk: RowChunk, at: number): Counts {
    const codes = isSingle ? NO_CODES : readers.map((reader) => reader.codeOf(chunk, at));
    const name = isSingle ? (only?.codeOf(chunk, at) ?? 0) : codes.join();
    const known = groups.get(name);
    if (known) return known;
    if (groups.size >= MAX_GROUPS) {
      rest ??= { key: [], money: groups.size * MONEY.length, sums: createSums() };
      return rest;
    }
    const key = isSingle
      ? readers.map((reader) => reader.textOf(Number(name)))
      : readers.map((reader, index) => reader.textOf(codes[index] ?? 0));
    const made = { key, money: groups.size * MONEY.length, sums: createSums() };
    groups.set(name, made);
    return made;
  }
  return {
    add({ chunk, from, to, flags }: SelectedSpan): void {
      for (let at = from; at < to; at++) {
        if (flags[at] !== 1) continue;
        const action = actions.decode(chunk.codes.action[at] ?? 0);
        if (action === 'control') continue;
        const group = find(chunk, at);
        countCall(group.sums, action, chunk, at);
        const isBilled = chunk.codes.costSource[at] === billed;
        addMoney(amounts, group.money, states.decode(chunk.codes.state[at] ?? 0), isBilled, chunk, at);
      }
    },
    /** What no group of its own was kept for. */
    listRest: (): Group[] => (rest ? [readGroup(rest, amounts)] : []),
    list: (): Group[] => mergeByKey([...groups.values()].map((group) => readGroup(group, amounts))),
  };
}

function countCall(sums: Sums, action: string, chunk: RowChunk, at: number): void {
  sums.calls++;
  if (action === 'allow') sums.allowed++;
  else if (action === 'downgrade') sums.downgraded++;
  else if (action === 'shadow') sums.shadowed++;
  else if (action === 'block') sums.blocked++;
  sums.inputTokens += chunk.inputTokens[at] || 0;
  sums.outputTokens += chunk.outputTokens[at] || 0;
  if (chunk.costKinds[at] === 0) sums.unpriced++;
}

function addMoney(
  amounts: ExactSums,
  first: number,
  state: string,
  isBilled: boolean,
  chunk: RowChunk,
  at: number,
): void {
  if (state === 'held') amounts.addCost(first + 1, chunk, at);
  else if (state === 'blocked') amounts.addAmount(first + 3, chunk, at, 'reservedUsd');
  else if (state === 'settled') {
    amounts.addCost(first, chunk, at);
    amounts.addAmount(first + 2, chunk, at, 'expectedUsd');
    if (isBilled) amounts.addCost(first + 4, chunk, at);
  }
}

function readGroup({ key, money, sums }: Counts, amounts: ExactSums): Group {
  for (const [index, name] of MONEY.entries()) sums[name] = amounts.read(money + index);
  return { key, sums };
}

/** Codes of one value may be two. */
function mergeByKey(groups: readonly Group[]): Group[] {
  const merged = new Map<string, Group>();
  for (const group of groups) {
    const name = JSON.stringify(group.key);
    const known = merged.get(name);
    if (known) joinSums(known.sums, group.sums);
    else merged.set(name, group);
  }
  return [...merged.values()];
}

function isSpan(field: string): field is SpanField {
  return (SPAN_FIELDS as readonly string[]).includes(field);
}

/** Hours, days, weeks and months, numbered as they are met. */
function readSpan(field: SpanField, zone = 'UTC') {
  const texts: string[] = [];
  const codes = new Map<string, number>();
  return {
    codeOf(chunk: RowChunk, at: number): number {
      const text = nameSpan(field, chunk.times[at] ?? Number.NaN, zone);
      const code = codes.get(text) ?? texts.push(text) - 1;
      codes.set(text, code);
      return code;
    },
    textOf: (code: number) => texts[code] ?? '',
  };
}
