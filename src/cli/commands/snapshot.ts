/** `agentguard snapshot`: a month of the dashboard in one file that opens from disk (docs/cli.md). */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { OptionValues } from 'commander';
import { decodeUtf8 } from '../../core/bytes.js';
import { readReceipt } from '../../core/receipt.js';
import { printNote } from '../../core/signed-note.js';
import { SNAPSHOT_VERSION, type SnapshotData, type SnapshotLedger } from '../../core/snapshot-data.js';
import { readCheckpoints } from '../../store/checkpoint-file.js';
import { readTimestamp } from '../../store/ledger-state.js';
import { readPolicies } from '../../store/policy-folder.js';
import { CliError, unreadableError, usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { openExportTarget } from '../export-target.js';
import { readPackageVersion } from '../package-version.js';
import { dim } from '../print.js';
import { findRecordPlaces, type RecordPlace, readRecordFilter } from '../record-options.js';
import { readPlace } from '../record-scan.js';

/** More rows make a file that browsers open too slowly. */
const MAX_ROWS = 50_000;
// The same place seen from the sources and from what is built of them.
const PAGE = new URL('../../../dist/web/snapshot.html', import.meta.url);
const deflate = promisify(deflateRaw);

interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Runs `snapshot`. @throws CliError when the period has no rows or too many, or the file cannot be written */
export async function runSnapshot(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  if (options.period === undefined || options.out === undefined)
    throw usageError(
      'snapshot wants a period and a file',
      'agentguard snapshot --period 2026-10 --out october.html',
    );
  const { sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER } = readRecordFilter(context, options);
  const places = await findRecordPlaces(context, [], options);
  const ledgers: SnapshotLedger[] = [];
  let left = MAX_ROWS;
  for (const place of places) {
    const ledger = await readLedger(context, place, { sinceMs, untilMs }, left);
    left -= ledger.lines.length;
    if (ledger.lines.length > 0) ledgers.push(ledger);
  }
  if (ledgers.length === 0)
    throw unreadableError(`no ledger of ${context.home} has rows in ${options.period}`);
  const data: SnapshotData = {
    version: SNAPSHOT_VERSION,
    packageVersion: readPackageVersion(),
    period: String(options.period),
    sinceMs,
    untilMs,
    madeAtMs: context.io.now(),
    ledgers,
  };
  await write(context, String(options.out), data);
  return EXIT_CODES.ok;
}

/** The lines from the first row of the span to the last one, whatever stands between them. */
async function readLedger(
  { io }: CommandContext,
  place: RecordPlace,
  { sinceMs, untilMs }: Span,
  maxRows: number,
): Promise<SnapshotLedger> {
  const lines: string[] = [];
  let [at, firstRow, end] = [0, 0, 0];
  let ledgerId: string | undefined;
  for await (const line of readPlace(place, io)) {
    const reading = readReceipt(line);
    const timestampMs = reading.ok ? readTimestamp(reading.value) : Number.NaN;
    const isInside = timestampMs >= sinceMs && timestampMs < untilMs;
    if (lines.length === 0) firstRow = at;
    if (isInside || lines.length > 0) lines.push(decodeUtf8(line) ?? '');
    if (isInside) end = lines.length;
    if (end > maxRows) throw tooMany();
    if (reading.ok && typeof reading.value.decision.ledgerId === 'string')
      ledgerId = reading.value.decision.ledgerId;
    at++;
  }
  const folder = dirname(resolve(io.cwd, place.path));
  const { policies } = await readPolicies(folder);
  const checkpoint = ledgerId === undefined ? undefined : (await readCheckpoints(folder, ledgerId)).at(-1);
  return {
    scope: place.scope,
    firstRow,
    lines: lines.slice(0, end),
    policies: Object.fromEntries(
      [...policies.values()].map((policy) => [policy.policyHash, policy.hashedText]),
    ),
    checkpoint: checkpoint ? printNote(checkpoint.note) : null,
  };
}

function tooMany(): CliError {
  return new CliError(
    EXIT_CODES.usage,
    `the period has more than ${MAX_ROWS} rows, which is more than one page can hold`,
    'take a shorter period or one --scope; for all rows: agentguard export --format bundle',
  );
}

async function write(context: CommandContext, out: string, data: SnapshotData): Promise<void> {
  const packed = await deflate(JSON.stringify(data), { level: 9 });
  const block = `<script type="application/octet-stream" id="snapshot">${packed.toString('base64')}</script>\n`;
  const target = await openExportTarget(context, out);
  try {
    await target.write(readPage().replace('<body>\n', (body) => body + block));
    await target.finish();
  } catch (error) {
    await target.discard();
    throw error;
  }
  const rows = data.ledgers.reduce((sum, ledger) => sum + ledger.lines.length, 0);
  if (context.json) context.out.json({ path: target.path, rows, sizeBytes: target.bytes });
  else if (!context.quiet)
    context.out.line([target.path ?? '', dim(`  ${rows} rows, ${Math.ceil(target.bytes / 1000)} kB`)], 2);
}

function readPage(): string {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    throw new CliError(EXIT_CODES.unreadable, 'the page is not built here', 'npm run build makes it');
  }
}
