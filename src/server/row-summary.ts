/** Calls as the page gets them: amounts as text, what is empty left out; and the names of rows. */
import { basename } from 'node:path';
import type { CallRecord } from '../core/call-record.js';
import type { RowSummary } from '../core/dashboard.js';
import { printUsd, type Usd } from '../core/money.js';

/** Where a row's line lies, by its scope's folder. */
export interface RowRef {
  readonly folder: string;
  readonly part: number;
  readonly offset: number;
}

const REF = /^([a-z0-9_%-]{1,200})\.([0-9]{1,6})\.([0-9]{1,15})$/;

/** Names a row for as long as its ledger is there: the parts of a ledger keep their numbers. */
export function printRef(folder: string, part: number, offset: number): string {
  return `${basename(folder)}.${part}.${offset}`;
}

/** `undefined` for text that names no row. */
export function parseRef(text: string): RowRef | undefined {
  const [, folder, part, offset] = REF.exec(text) ?? [];
  return folder === undefined ? undefined : { folder, part: Number(part), offset: Number(offset) };
}

/** A call for the page. */
export function printRow(record: CallRecord, ref: string): RowSummary {
  const { decisionId, attempt, scope, row, action, state, timestampMs, partial } = record;
  const summary: Record<string, unknown> = { ref, decisionId, attempt, scope, row, action, state };
  for (const [key, value] of Object.entries(record))
    if (typeof value === 'string' && value !== '') summary[key] = value;
  summary.timestampMs = Number.isNaN(timestampMs) ? null : timestampMs;
  for (const key of ['expectedUsd', 'reservedUsd', 'actualUsd', 'costUsd'] as const)
    summary[key] = printAmount(record[key]);
  if (partial) summary.partial = true;
  for (const key of ['inputTokens', 'outputTokens'] as const)
    if (record[key] !== null) summary[key] = record[key];
  return summary as unknown as RowSummary;
}

function printAmount(amount: Usd | null): string | null {
  return amount === null ? null : printUsd(amount);
}
