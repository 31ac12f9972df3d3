/** `agentguard export`: the calls that a filter selects, or a whole ledger to hand to an auditor (docs/cli.md, export). */
import type { OptionValues } from 'commander';
import { flattenRecord, printRecordHead, printRecordLine } from '../../core/csv.js';
import { matches, type Query } from '../../core/query.js';
import { writeBundle } from '../bundle.js';
import { usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { type ExportTarget, openExportTarget } from '../export-target.js';
import { STANDARD_INPUT } from '../ledger-places.js';
import { paint } from '../print.js';
import { findRecordPlaces, type RecordPlace, readRecordFilter } from '../record-options.js';
import { readPlace, scanCalls } from '../record-scan.js';
import { createRowSet } from '../row-set.js';

const FORMATS = ['ndjson', 'csv', 'json', 'bundle'] as const;
type Format = (typeof FORMATS)[number];

/** What was written. */
interface Written {
  readonly calls: number;
  readonly rows: number;
  readonly unreadableLines: number;
}

/** Runs `export`. @throws CliError */
export async function runExport(
  context: CommandContext,
  options: OptionValues,
  paths: readonly string[],
): Promise<ExitCode> {
  const format = readFormat(context, options.format);
  const { query } = readRecordFilter(context, options);
  const places = await findRecordPlaces(context, paths, options);
  if (format === 'bundle') requireWhole(context, query, places);
  const out = options.out === undefined ? undefined : String(options.out);
  const target = await openExportTarget(context, out);
  try {
    const written = await write(context, format, { places, query, target });
    await target.finish();
    tell(context, written, target);
  } catch (error) {
    await target.discard();
    throw error;
  }
  return EXIT_CODES.ok;
}

interface ExportJob {
  readonly places: readonly RecordPlace[];
  readonly query: Query;
  readonly target: ExportTarget;
}

function write(context: CommandContext, format: Format, job: ExportJob): Promise<Written> {
  switch (format) {
    case 'ndjson':
      return writeRows(context, job);
    case 'csv':
      return writeCsv(context, job);
    case 'json':
      return writeJson(context, job);
    case 'bundle':
      return writeBundle(context, job.places[0]!, job.target);
  }
}

/** The rows themselves, as they stand in the ledger: each can be verified alone. Two readings, in flat memory. */
async function writeRows(context: CommandContext, { places, query, target }: ExportJob): Promise<Written> {
  if (places.some(({ path }) => path === STANDARD_INPUT))
    throw usageError('--format ndjson reads a ledger twice and cannot take standard input');
  let [calls, rows, unreadableLines] = [0, 0, 0];
  for (const place of places) {
    const chosen = createRowSet();
    unreadableLines += await scanCalls(context, place, (record, about) => {
      if (!matches(query, record)) return;
      calls++;
      for (const row of about) chosen.add(row);
    });
    let row = 0;
    for await (const line of readPlace(place, context.io)) {
      if (!chosen.has(row++)) continue;
      rows++;
      await target.write(`${Buffer.from(line).toString('utf8')}\n`);
    }
  }
  return { calls, rows, unreadableLines };
}

async function writeCsv(context: CommandContext, job: ExportJob): Promise<Written> {
  await job.target.write(printRecordHead());
  return writeCalls(context, job, (record) => printRecordLine(record));
}

async function writeJson(context: CommandContext, job: ExportJob): Promise<Written> {
  await job.target.write('[');
  let separator = '\n';
  const written = await writeCalls(context, job, (record) => {
    const text = `${separator}${JSON.stringify(flattenRecord(record))}`;
    separator = ',\n';
    return text;
  });
  await job.target.write('\n]\n');
  return written;
}

async function writeCalls(
  context: CommandContext,
  { places, query, target }: ExportJob,
  print: (record: Parameters<typeof flattenRecord>[0]) => string,
): Promise<Written> {
  let [calls, unreadableLines] = [0, 0];
  for (const place of places)
    unreadableLines += await scanCalls(context, place, (record) => {
      if (!matches(query, record)) return;
      calls++;
      target.add(print(record));
    });
  return { calls, rows: calls, unreadableLines };
}

function tell(
  context: CommandContext,
  { calls, rows, unreadableLines }: Written,
  target: ExportTarget,
): void {
  const { notes, out, json, quiet } = context;
  if (unreadableLines > 0)
    notes.line([
      paint('yellow', 'note'),
      `: ${unreadableLines} lines are no receipts and are left out. ${suggest(context, 'verify')} names them.`,
    ]);
  if (target.path === undefined) return;
  if (json) out.json({ path: target.path, calls, rows, unreadableLines, bytes: target.bytes });
  else if (!quiet) out.line(`${target.path}: ${calls} calls, ${rows} rows, ${target.bytes} bytes`);
}

/** A bundle proves something because nothing is left out. */
function requireWhole(context: CommandContext, query: Query, places: readonly RecordPlace[]): void {
  if (query.kind !== 'all')
    throw usageError('a bundle holds a whole ledger: it takes no filter and no period');
  if (places.length !== 1)
    throw usageError(
      `a bundle holds one ledger, and there are ${places.length}`,
      `${suggest(context, `export --format bundle --scope ${places[0]?.scope ?? 'name'}`)} chooses one`,
    );
}

function readFormat({ json }: CommandContext, value: unknown): Format {
  if (value === undefined) return json ? 'json' : 'ndjson';
  const format = FORMATS.find((one) => one === value);
  if (format !== undefined) return format;
  throw usageError(`--format takes ${FORMATS.join(', ')}, found ${JSON.stringify(String(value))}`);
}
