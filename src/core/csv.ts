/** CSV as spreadsheets read it (RFC 4180), with texts that cannot become formulas. */
import type { CallRecord } from './call-record.js';
import { printUsd, type Usd } from './money.js';

/** What a spreadsheet would take for the start of a formula, in ASCII and in its full-width forms. */
const FORMULA = /^[\s\u200b-\u200f\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;
/** Text without any of its own separators or quotes, wherever the spreadsheet's language sets them. */
const PLAIN = /^[A-Za-z0-9_./:@ -]*$/;

type Cell = string | number | boolean | null;

/** One line with its end. Numbers stay numbers; empty for `null`. */
export function printCsvLine(cells: readonly Cell[]): string {
  return `${cells.map(printCell).join(',')}\r\n`;
}

function printCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell);
  const safe = FORMULA.test(cell) ? `'${cell}` : cell;
  return PLAIN.test(safe) ? safe : `"${safe.replaceAll('"', '""')}"`;
}

/** The columns of a call, in the order of the file. Amounts are exact decimals of US dollars. */
export const RECORD_COLUMNS = [
  'timestamp',
  'scope',
  'row',
  'decisionId',
  'attempt',
  'action',
  'wouldAction',
  'state',
  'tenant',
  'team',
  'user',
  'agent',
  'task',
  'session',
  'workflow',
  'environment',
  'provider',
  'requested',
  'resolved',
  'served',
  'servedProvider',
  'policy',
  'code',
  'cap',
  'reason',
  'signer',
  'expectedUsd',
  'reservedUsd',
  'actualUsd',
  'costUsd',
  'costSource',
  'outcome',
  'partial',
  'inputTokens',
  'outputTokens',
] as const;

type RecordColumn = (typeof RECORD_COLUMNS)[number];

/** A call as a flat JSON object: what `RECORD_COLUMNS` names. The time is ISO 8601, `null` when there is none. */
export function flattenRecord(record: CallRecord): Readonly<Record<RecordColumn, Cell>> {
  const flat = {} as Record<RecordColumn, Cell>;
  for (const column of RECORD_COLUMNS) flat[column] = cellOf(record, column);
  return flat;
}

function cellOf(record: CallRecord, column: RecordColumn): Cell {
  switch (column) {
    case 'timestamp':
      return printTime(record.timestampMs);
    case 'expectedUsd':
    case 'reservedUsd':
    case 'actualUsd':
    case 'costUsd':
      return print(record[column]);
    default:
      return record[column];
  }
}

/** The first line of a file of calls. */
export function printRecordHead(): string {
  return printCsvLine(RECORD_COLUMNS);
}

/** One call as a line. */
export function printRecordLine(record: CallRecord): string {
  return printCsvLine(RECORD_COLUMNS.map((column) => cellOf(record, column)));
}

function printTime(atMs: number): string | null {
  // Rows may claim any year; dates end at ±8.64e15.
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : null;
}

function print(amount: Usd | null): string | null {
  return amount === null ? null : printUsd(amount);
}
