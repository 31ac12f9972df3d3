/** A snapshot as a source: the answers of the dashboard's server, made in the page by the same core from rows inside the file. */
import { encodeUtf8 } from '../../src/core/bytes.js';
import type { LedgerDetail, RowSummary } from '../../src/core/dashboard.js';
import { createFacets } from '../../src/core/facets.js';
import { GROUP_FIELDS, type GroupField, VALUE_FIELDS, type ValueField } from '../../src/core/grouping.js';
import { matches, parseQuery } from '../../src/core/query.js';
import { printRow } from '../../src/core/row-summary.js';
import { createSeries, listSteps } from '../../src/core/series.js';
import type { SnapshotData } from '../../src/core/snapshot-data.js';
import { createSummary, describeSummary } from '../../src/core/summary.js';
import { type DataSource, SourceError } from '../state/source.js';
import { type ListedCall, type ReadLedger, readLedger } from './snapshot-ledger.js';

interface Placed extends ListedCall {
  readonly ref: string;
}

export function createStaticSource(data: SnapshotData): DataSource {
  // The moment that the snapshot shows: no window after its period has begun.
  const nowMs = Math.min(data.madeAtMs, data.untilMs - 1);
  const ledgers = data.ledgers.map(readLedger);
  const all = listNewestFirst(ledgers);
  let last: { readonly q: string; readonly calls: readonly Placed[] } = { q: '', calls: all };

  function select(q: string): readonly Placed[] {
    if (q === last.q) return last.calls;
    const reading = parseQuery(q, nowMs);
    if (!reading.ok) throw new SourceError(400, 'bad_query', reading.problem.message, reading.problem.hint);
    const { query } = reading;
    last = { q, calls: q === '' ? all : all.filter(({ record }) => matches(query, record)) };
    return last.calls;
  }
  const describe = (ledger: ReadLedger): LedgerDetail => describeLedger(ledger);
  return {
    live: false,
    status: async () => ({
      version: data.packageVersion,
      instance: 'snapshot',
      home: `snapshot of ${data.period}, made ${new Date(data.madeAtMs).toISOString().slice(0, 10)}`,
      scope: null,
      nowMs,
      startedAtMs: data.madeAtMs,
      index: { doneBytes: 1, totalBytes: 1 },
      asOf: all.length,
      ledgers: ledgers.map(describe),
    }),
    rows: async ({ q, offset, limit }) => {
      const calls = select(q);
      const rows = calls.slice(offset, offset + limit).map(print);
      return { asOf: all.length, total: calls.length, offset, rows };
    },
    place: async (q, _asOf, ref) => {
      const offset = select(q).findIndex((call) => call.ref === ref);
      return offset < 0 ? { offset: null, ref: null } : { offset, ref };
    },
    callAt: async (scope, row) => {
      const found = all
        .filter(({ record }) => record.scope === scope && record.row <= row)
        .reduce<Placed | undefined>(
          (best, one) => (best && best.record.row > one.record.row ? best : one),
          undefined,
        );
      return found ? { offset: all.indexOf(found), ref: found.ref } : { offset: null, ref: null };
    },
    facets: async (q) => {
      const facets = createFacets();
      for (const { record } of select(q)) facets.add(record);
      return facets.describe();
    },
    summary: async (q, by, limit) => {
      const grouping = { by: by.filter(isGroupField) };
      const summary = createSummary(grouping);
      for (const { record } of select(q)) summary.add(record);
      return describeSummary(summary, grouping, limit);
    },
    series: async ({ q, by, stepMs, sinceMs, untilMs }) => {
      const field = VALUE_FIELDS.find((one) => one === by) ?? ('model' as ValueField);
      const series = createSeries(field, listSteps(sinceMs, untilMs, stepMs));
      for (const { record } of select(q)) series.add(record);
      return series.describe();
    },
    caps: async () => ({
      nowMs,
      gauges: ledgers.flatMap(({ gauges }) => gauges.list(nowMs)).sort((a, b) => b.share - a.share),
      stops: [],
      unknownPolicies: [...new Set(ledgers.flatMap(({ gauges }) => gauges.listUnknown()))],
    }),
    receipt: async (ref) => answerReceipt(ledgers, all, ref),
    ledgers: async () => ({ ledgers: ledgers.map(describe) }),
    lines: async (scope, fromRow, limit) => {
      const lines = ledgers.find((ledger) => ledger.data.scope === scope)?.data.lines ?? [];
      const part = lines.slice(fromRow, fromRow + limit);
      const bytes = new Uint8Array(encodeUtf8(part.map((line) => `${line}\n`).join('')));
      return { bytes, nextRow: fromRow + limit < lines.length ? fromRow + limit : null };
    },
    policies: async () => ({ policies: ledgers.flatMap(listPolicies) }),
    models: async () => ({ table: null, models: [] }),
    exportUrl: () => '',
    subscribe: (listener) => {
      listener({ kind: 'up' });
      return () => {};
    },
  };
}

function isGroupField(text: string): text is GroupField {
  return (GROUP_FIELDS as readonly string[]).includes(text);
}

function print({ record, ref }: Placed): RowSummary {
  return printRow(record, ref);
}

function listNewestFirst(ledgers: readonly ReadLedger[]): readonly Placed[] {
  const calls = ledgers.flatMap(({ calls }, at) =>
    calls.map((call): Placed => ({ ...call, ref: `${at}.${call.record.row}` })),
  );
  const timeOf = ({ record }: Placed): number => record.timestampMs || 0;
  return calls.sort((a, b) => timeOf(b) - timeOf(a) || b.record.row - a.record.row);
}

async function answerReceipt(ledgers: readonly ReadLedger[], all: readonly Placed[], ref: string) {
  const [, at, row] = /^(\d+)\.(\d+)$/.exec(ref) ?? [];
  const ledger = ledgers[Number(at)];
  const index = Number(row) - (ledger?.data.firstRow ?? 0);
  const line = ledger?.data.lines[index];
  if (!ledger || line === undefined)
    throw new SourceError(404, 'not_found', 'This row is not in the snapshot.');
  const { lines, firstRow, scope } = ledger.data;
  const call = all.find((one) => one.record.scope === scope && one.rows.includes(Number(row)));
  return {
    ref,
    scope,
    row: Number(row),
    file: 'decisions.ndjson',
    line,
    before: lines[index - 1] ?? null,
    after: lines[index + 1] ?? null,
    chainBefore: ledger.findInChain(index, -1),
    chainAfter: ledger.findInChain(index, 1),
    related: (call?.rows ?? [])
      .filter((other) => other !== Number(row))
      .map((other) => ({ ref: `${at}.${other}`, row: other, line: lines[other - firstRow] ?? '' })),
  };
}

function describeLedger({ data, signers, ledgerId, headHash, firstMs, lastMs }: ReadLedger): LedgerDetail {
  const bytes = data.lines.reduce((size, line) => size + line.length + 1, 0);
  return {
    scope: data.scope,
    ledgerId,
    rows: data.lines.length,
    bytes,
    condition: 'ok',
    note: null,
    lastTimestampMs: lastMs,
    folder: '',
    files: [{ name: 'decisions.ndjson', bytes }],
    signers,
    headHash,
    firstTimestampMs: firstMs,
    checkpoint: data.checkpoint,
  };
}

function listPolicies({ data, policies, calls }: ReadLedger) {
  return policies.map((policy) => {
    const made = calls.filter(({ record }) => record.policy === policy.id);
    const times = made.map(({ record }) => record.timestampMs).filter(Number.isFinite);
    return {
      scope: data.scope,
      policyHash: policy.policyHash,
      policyId: policy.id,
      version: String(policy.version),
      firstMs: times[0] ?? null,
      lastMs: times.at(-1) ?? null,
      decisions: made.length,
      text: policy.hashedText,
    };
  });
}
