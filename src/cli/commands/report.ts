/** `agentguard report`: who spent what, by any fields and by days or months (docs/cli.md, report). */
import type { OptionValues } from 'commander';
import type { SummaryAnswer } from '../../core/dashboard.js';
import { GROUP_FIELDS, type GroupField } from '../../core/grouping.js';
import { findNearest } from '../../core/nearest.js';
import { matches } from '../../core/query.js';
import { createSummary, describeSummary } from '../../core/summary.js';
import { usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { paint } from '../print.js';
import { findRecordPlaces, type RecordFilter, readRecordFilter } from '../record-options.js';
import { scanCalls } from '../record-scan.js';
import { printCsvReport, printMarkdownReport, printTableReport } from '../report-print.js';

const FORMATS = ['table', 'csv', 'json', 'md'] as const;
const DEFAULT_BY = 'model';

/** The sums and what they are of. */
export interface SpendReport {
  readonly summary: SummaryAnswer;
  readonly filter: RecordFilter;
  readonly ledgers: readonly string[];
  /** Lines of these ledgers that are no receipts. */
  readonly unreadableLines: number;
}

/** Runs `report`. @throws CliError */
export async function runReport(
  context: CommandContext,
  options: OptionValues,
  paths: readonly string[],
): Promise<ExitCode> {
  const by = readFields(String(options.by ?? DEFAULT_BY));
  const format = readFormat(context, options.format);
  const limit = readLimit(options.limit);
  const filter = readRecordFilter(context, options);
  const places = await findRecordPlaces(context, paths, options);
  const grouping = { by, zone: filter.zone };
  const summary = createSummary(grouping);
  let unreadableLines = 0;
  for (const place of places)
    unreadableLines += await scanCalls(context, place, (record) => {
      if (matches(filter.query, record)) summary.add(record);
    });
  printReport(context, format, {
    summary: describeSummary(summary, grouping, limit),
    filter,
    ledgers: places.map((place) => place.path),
    unreadableLines,
  });
  return EXIT_CODES.ok;
}

/** The stable JSON form. */
export function describeSpend({ summary, filter, ledgers, unreadableLines }: SpendReport) {
  const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    since: iso(filter.sinceMs),
    until: iso(filter.untilMs),
    timeZone: filter.zone,
    filter: filter.text,
    ledgers,
    unreadableLines,
    ...summary,
  };
}

function printReport(context: CommandContext, format: (typeof FORMATS)[number], report: SpendReport): void {
  switch (format) {
    case 'json':
      context.out.json(describeSpend(report));
      break;
    case 'csv':
      printCsvReport(context, report);
      break;
    case 'md':
      printMarkdownReport(context, report);
      break;
    case 'table':
      printTableReport(context, report);
  }
  if (report.unreadableLines > 0)
    context.notes.line([
      paint('yellow', 'note'),
      `: ${report.unreadableLines} lines are no receipts and are not in the sums. ${suggest(context, 'verify')} names them.`,
    ]);
}

function readFields(text: string): readonly GroupField[] {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const field = GROUP_FIELDS.find((one) => one === name);
      if (field !== undefined) return field;
      const [near] = findNearest(name, GROUP_FIELDS);
      throw usageError(
        `--by knows no field ${JSON.stringify(name)}`,
        near === undefined ? `fields are ${GROUP_FIELDS.join(', ')}` : `did you mean ${near}?`,
      );
    });
}

function readFormat({ json }: CommandContext, value: unknown): (typeof FORMATS)[number] {
  if (value === undefined) return json ? 'json' : 'table';
  const format = FORMATS.find((one) => one === value);
  if (format === undefined || (json && format !== 'json'))
    throw usageError(`--format takes ${FORMATS.join(', ')}; --json stands for --format json`);
  return format;
}

function readLimit(value: unknown): number {
  if (value === undefined) return Number.MAX_SAFE_INTEGER;
  const text = String(value);
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageError(`--limit takes a number of groups from 1, found ${JSON.stringify(text)}`);
}
