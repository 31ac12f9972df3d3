/** The index in columns against the reference: the fold over the rows, the filter's meaning, the sums of core. */
import { appendFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallRecord } from '../../src/core/call-record.js';
import type { DashboardEvent } from '../../src/core/dashboard.js';
import { type GroupField, pickValue, VALUE_FIELDS } from '../../src/core/grouping.js';
import { matches, parseQuery } from '../../src/core/query.js';
import { createSeries, listSteps } from '../../src/core/series.js';
import { createSummary, describeSummary } from '../../src/core/summary.js';
import { chartSpend } from '../../src/server/column-series.js';
import { summarize } from '../../src/server/column-summary.js';
import { countFacets, FACET_FIELDS } from '../../src/server/facets.js';
import { type LiveIndex, openLiveIndex } from '../../src/server/live-index.js';
import { makeHome } from '../helpers/home.js';
import { chooseSeed } from '../helpers/random.js';
import { foldLines, putParts, writeRandomLines } from './random-ledger.js';

const NOW_MS = Date.UTC(2026, 9, 2);
const SOON = { timeout: 15_000 };
const ROUNDS = process.env.SLOW ? 60 : 4;
const FILTERS = [
  '',
  'action:block',
  '-action:block,shadow',
  'model:anthropic/*',
  'model:*gpt*',
  'user:alice (team:search or cost:<0.01)',
  '-(user:alice or user:bob)',
  'cost:>0.004',
  'cost:>=0.0042',
  'cost:<=0',
  'cost:unknown',
  'actual:0.1234567890123456789',
  'bound:>0.01',
  'expected:=5000',
  'expected:<1e-20',
  'expected:>4503.599627370495',
  'tokens:>5000',
  'tokens:unknown',
  'since:2026-10-01T06:00Z',
  'until:2026-10-01',
  'since:12h',
  'OPUS',
  'drill',
  'state:held',
  'state:settled source:computed',
  'id:0000001*',
  'id:odd*',
  'scope:acme',
  'scope:none',
  'signer:dddd*',
  'outcome:fallback',
  'policy:strict code:cap_exceeded',
];
const GROUPINGS: readonly (readonly GroupField[])[] = [
  [],
  ['model'],
  ['provider', 'user'],
  ['day', 'team'],
  ['action', 'state', 'policy'],
];

async function open(
  home: string,
  scope: string | null = null,
  tell: (event: DashboardEvent) => void = () => {},
) {
  const index = await openLiveIndex(home, scope, tell);
  onTestFinished(() => index.close());
  await index.isFilled;
  return index;
}

function select(index: LiveIndex, filter: string) {
  const reading = parseQuery(filter, NOW_MS);
  if (!reading.ok) throw new Error(`${filter}: ${reading.problem.message}`);
  return index.select(filter, reading.query);
}

function filterOf(filter: string): (record: CallRecord) => boolean {
  const reading = parseQuery(filter, NOW_MS);
  if (!reading.ok) throw new Error(filter);
  return (record) => matches(reading.query, record);
}

const listAll = (index: LiveIndex): CallRecord[] => {
  const { table } = index.reading;
  return Array.from({ length: table.end - table.first }, (_, n) => table.record(table.end - 1 - n));
};

describe('the index of a ledger', () => {
  const seed = chooseSeed();
  const ledgers = Array.from({ length: ROUNDS }, (_, n) => ({
    seed: seed + n,
    rows: 40 + 131 * n,
    foreign: n % 4 === 3,
    parts: 1 + (n % 3),
  }));

  it.each(ledgers)('has the calls that the fold has: seed $seed', async (ledger) => {
    const home = await makeHome();
    const lines = writeRandomLines(ledger);
    await putParts(home, lines, ledger.parts);
    const index = await open(home);
    expect(listAll(index)).toEqual(foldLines(lines));
  });

  it.each(ledgers)('has them also when half came while it was watched: seed $seed', async (ledger) => {
    const home = await makeHome();
    const lines = writeRandomLines(ledger);
    const half = lines.length >> 1;
    const path = await putParts(home, lines.slice(0, half), ledger.parts);
    const index = await open(home);
    // In pieces that end in the middle of a line.
    const rest = lines
      .slice(half)
      .map((line) => `${line}\n`)
      .join('');
    for (let at = 0; at < rest.length; at += 7_001) await appendFile(path, rest.slice(at, at + 7_001));
    const expected = foldLines(lines);
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length);
    expect(listAll(index)).toEqual(expected);
  });

  it.each(ledgers)('filters, counts, sums and charts as the reference does: seed $seed', async (ledger) => {
    const home = await makeHome();
    const lines = writeRandomLines(ledger);
    await putParts(home, lines, ledger.parts);
    const index = await open(home);
    const records = foldLines(lines);
    const { dictionaries, end } = index.reading.table;
    for (const filter of FILTERS) {
      const selection = await select(index, filter);
      const expected = records.filter(filterOf(filter));
      const rows = selection
        .list(end, 0, records.length + 1)
        .map((position) => index.reading.table.record(position));
      expect(rows, filter).toEqual(expected);
      expect(selection.count(end), filter).toBe(expected.length);
      expect(await countFacets(selection, dictionaries), filter).toEqual(naiveFacets(expected));
      for (const by of GROUPINGS) {
        const summary = createSummary({ by });
        for (const record of expected) summary.add(record);
        expect(await summarize(selection, dictionaries, { by }, 5), `${filter} by ${by}`).toEqual(
          describeSummary(summary, { by }, 5),
        );
      }
      const steps = listSteps(NOW_MS - 36 * 3_600_000, NOW_MS, 3_600_000);
      const series = createSeries('model', steps);
      for (const record of expected) series.add(record);
      expect(await chartSpend(selection, dictionaries, 'model', steps), filter).toEqual(series.describe());
    }
  });

  it('merges ledgers by time, and keeps the order of each file', async () => {
    const home = await makeHome();
    const [a, b] = ['acme', 'beta'].map((scope, n) =>
      writeRandomLines({ seed: seed + n, rows: 120, scope, badLines: false }),
    );
    await putParts(home, a!, 2, 'acme');
    await putParts(home, b!, 1, 'beta');
    const index = await open(home);
    const all = listAll(index);
    for (const [scope, lines] of [
      ['acme', a!],
      ['beta', b!],
    ] as const)
      expect(all.filter((record) => record.scope === scope)).toEqual(foldLines(lines, scope));
    const known = all
      .filter(({ timestampMs }) => !Number.isNaN(timestampMs))
      .map(({ timestampMs }) => timestampMs);
    const jumps = known.filter((atMs, n) => n > 0 && atMs > known[n - 1]! + 180_000);
    expect(jumps).toEqual([]);
  });

  it('shows one scope and nothing of another', async () => {
    const home = await makeHome();
    for (const scope of ['acme', 'beta'])
      await putParts(home, writeRandomLines({ seed, rows: 50, scope }), 1, scope);
    const index = await open(home, 'beta');
    expect(index.describeLedgers().map(({ scope }) => scope)).toEqual(['beta']);
    expect(new Set(listAll(index).map(({ scope }) => scope))).toEqual(new Set(['beta']));
  });
});

describe('a list', () => {
  it('keeps its offsets for a mark while rows arrive, and knows the place of each', async () => {
    const home = await makeHome();
    const lines = writeRandomLines({ seed: 5, rows: 300 });
    const path = await putParts(home, lines.slice(0, 200), 1);
    const index = await open(home);
    const selection = await select(index, '-action:control');
    const mark = index.reading.table.end;
    const before = selection.list(mark, 10, 20);
    await appendFile(
      path,
      lines
        .slice(200)
        .map((line) => `${line}\n`)
        .join(''),
    );
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length);
    await selection.refresh();
    expect(index.reading.table.end).toBeGreaterThan(mark);
    expect(selection.list(mark, 10, 20)).toEqual(before);
    for (const [n, position] of before.entries()) expect(selection.offsetOf(mark, position)).toBe(10 + n);
    expect(selection.offsetOf(mark, index.reading.table.end - 1)).toBeUndefined();
  });

  it('lets a call that changes enter and leave', async () => {
    const home = await makeHome();
    const lines = writeRandomLines({ seed: 9, rows: 400, badLines: false });
    const path = await putParts(home, lines.slice(0, 250), 1);
    const index = await open(home);
    const [held, settled] = [await select(index, 'state:held'), await select(index, 'state:settled')];
    const counts = [held.count(Infinity), settled.count(Infinity)];
    await appendFile(
      path,
      lines
        .slice(250)
        .map((line) => `${line}\n`)
        .join(''),
    );
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length);
    await Promise.all([held.refresh(), settled.refresh()]);
    const records = foldLines(lines);
    const now = ['held', 'settled'].map((state) => records.filter((record) => record.state === state).length);
    expect([held.count(Infinity), settled.count(Infinity)]).toEqual(now);
    expect(now).not.toEqual(counts);
  });
});

function naiveFacets(records: readonly CallRecord[]) {
  const fields = FACET_FIELDS.map((field) => {
    expect(VALUE_FIELDS).toContain(field);
    const counts = new Map<string, number>();
    for (const record of records) {
      const value = pickValue(record, field);
      if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts].map(([value, count]) => ({ value, count }));
    return [field, values.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, 20)];
  });
  return { total: records.length, fields: Object.fromEntries(fields) };
}
