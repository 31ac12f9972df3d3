/** Calls as the dashboard's page gets them: amounts as text, what is empty left out. */
import type { CallRecord } from './call-record.js';
import type { RowSummary } from './dashboard.js';
import { printUsd, type Usd } from './money.js';

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
