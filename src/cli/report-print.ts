/** Sums for people, for spreadsheets and for documents. */
import { printCsvLine } from '../core/csv.js';
import type { Totals } from '../core/dashboard.js';
import { parseUsd, type Usd } from '../core/money.js';
import { chooseDecimals, shortCount, shortUsd } from '../core/short-text.js';
import { measureWidth } from '../core/text-width.js';
import type { SpendReport } from './commands/report.js';
import type { CommandContext } from './context.js';
import { bold, dim, escapeText, shorten } from './print.js';

/** Longest value of a field in a table. */
const MAX_VALUE_LENGTH = 48;
const NO_VALUE = '-';
/** What stands in CSV for every group, in this order, after the fields. */
const CSV_COLUMNS = [
  'calls',
  'allowed',
  'downgraded',
  'shadowed',
  'blocked',
  'settledUsd',
  'heldUsd',
  'expectedUsd',
  'blockedUsd',
  'billedUsd',
  'unpriced',
  'inputTokens',
  'outputTokens',
] as const satisfies readonly (keyof Totals)[];

interface Column {
  readonly head: string;
  readonly print: (totals: Totals) => string;
}

/** A table that fits a terminal; amounts rounded, all digits are in the other formats. */
export function printTableReport(context: CommandContext, report: SpendReport): void {
  const { out } = context;
  const { summary } = report;
  if (summary.calls === 0) {
    out.line(`No calls${describeSpan(report)}.`);
    return;
  }
  const columns = listColumns(summary);
  const lines = listLines(report, columns);
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((cells) => measureWidth(cells[at] ?? ''))));
  const align = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => {
        const padding = ' '.repeat(Math.max(0, (widths[at] ?? 0) - measureWidth(cell)));
        return at < summary.by.length || (summary.by.length === 0 && at === 0)
          ? cell + padding
          : padding + cell;
      })
      .join('  ');
  const [head = '', ...rest] = lines.map((cells) => align(cells).trimEnd());
  printRow(context, head, true);
  for (const [at, line] of rest.entries()) printRow(context, line, at === rest.length - 1);
  out.blank();
  if (summary.omitted > 0)
    out.line(dim(`${shortCount(summary.omitted)} smaller groups are not shown (--limit).`));
  out.line(
    dim(
      `${shortCount(summary.calls)} calls${describeSpan(report)}. Nothing is proved here: verify does that.`,
    ),
  );
}

/** A row is not broken: a terminal that is too narrow wraps it as its user likes. */
function printRow({ out, io }: CommandContext, line: string, isBold: boolean): void {
  if (line.length <= io.stdout.columns) out.line(isBold ? bold(line) : line);
  else io.stdout.write(`${line}\n`);
}

function listColumns(summary: Totals): readonly Column[] {
  const decimals = chooseDecimals(usdOf(summary.settledUsd));
  const money = (head: string, of: (totals: Totals) => string): Column => ({
    head,
    print: (totals) => shortUsd(usdOf(of(totals)), decimals),
  });
  const count = (head: string, of: (totals: Totals) => number): Column => ({
    head,
    print: (totals) => shortCount(of(totals)),
  });
  const some = (column: Column, isShown: boolean): readonly Column[] => (isShown ? [column] : []);
  return [
    count('calls', (totals) => totals.calls),
    ...some(
      count('downgraded', (totals) => totals.downgraded),
      summary.downgraded > 0,
    ),
    ...some(
      count('blocked', (totals) => totals.blocked),
      summary.blocked > 0,
    ),
    count('tokens', (totals) => totals.inputTokens + totals.outputTokens),
    money('expected', (totals) => totals.expectedUsd),
    money('spent', (totals) => totals.settledUsd),
    ...some(
      money('held', (totals) => totals.heldUsd),
      summary.heldUsd !== '0',
    ),
    ...some(
      count('unpriced', (totals) => totals.unpriced),
      summary.unpriced > 0,
    ),
  ];
}

function listLines({ summary }: SpendReport, columns: readonly Column[]): readonly (readonly string[])[] {
  const print = (totals: Totals): readonly string[] => columns.map((column) => column.print(totals));
  const fields = summary.by.length === 0 ? [''] : summary.by;
  return [
    [...fields, ...columns.map((column) => column.head)],
    ...summary.groups.map((group) => [...group.key.map(showValue), ...print(group)]),
    [...fields.map((_, at) => (at === 0 ? 'total' : '')), ...print(summary)],
  ];
}

function showValue(value: string): string {
  return value === '' ? NO_VALUE : escapeText(shorten(value, MAX_VALUE_LENGTH));
}

/** ` from … to …`, in the zone's days where it is one. */
function describeSpan({ filter }: SpendReport): string {
  const { sinceMs, untilMs, zone, text } = filter;
  const iso = (ms: number): string => new Date(ms).toISOString().replace(':00.000Z', 'Z');
  const since = sinceMs === undefined ? '' : ` from ${iso(sinceMs)}`;
  const until = untilMs === undefined ? '' : ` to ${iso(untilMs)}`;
  const days = zone === 'UTC' ? '' : `, days of ${zone}`;
  return `${since}${until}${days}${text === '' ? '' : ` with ${shorten(text)}`}`;
}

/** One line for each group, exact; without groups one line of sums. */
export function printCsvReport({ io }: CommandContext, { summary }: SpendReport): void {
  const write = (line: string): void =>
    io.stdout.write(io.stdout.isTerminal ? `${escapeText(line.trimEnd())}\n` : line);
  write(printCsvLine([...summary.by, ...CSV_COLUMNS]));
  const groups = summary.by.length === 0 ? [{ ...summary, key: [] }] : summary.groups;
  for (const group of groups)
    write(printCsvLine([...group.key, ...CSV_COLUMNS.map((column) => group[column])]));
}

/** A Markdown table with its sum. */
export function printMarkdownReport({ io }: CommandContext, report: SpendReport): void {
  const { summary } = report;
  const columns = listColumns(summary);
  const [head = [], ...lines] = listLines(report, columns);
  const write = (cells: readonly string[]): void =>
    io.stdout.write(`| ${cells.map(escapeMarkdown).join(' | ')} |\n`);
  const labels = head.length - columns.length;
  write(head);
  io.stdout.write(`|${head.map((_, at) => (at < labels ? '---' : '---:')).join('|')}|\n`);
  for (const cells of lines) write(cells);
}

/** Text that means nothing to Markdown or HTML. */
function escapeMarkdown(text: string): string {
  return escapeText(text).replace(/[\\`*_{}[\]()#+!|<>&~]/g, '\\$&');
}

function usdOf(text: string): Usd {
  return parseUsd(text) ?? 0n;
}
