/** Which ledgers and which calls `export`, `report` and `status` are about, from their options. */
import { basename, dirname } from 'node:path';
import type { OptionValues } from 'commander';
import { firstMomentOf, isTimeZone } from '../core/local-time.js';
import { parseQuery, type Query, type TimeQueryField } from '../core/query.js';
import { parseMoment } from '../core/query-values.js';
import { unreadableError, usageError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { listHomeLedgers, listNamedFiles, STANDARD_INPUT } from './ledger-places.js';
import { selectLedgers } from './reconcile-ledgers.js';

/** A ledger to read, and the name of its scope. */
export interface RecordPlace {
  /** As it is shown. */
  readonly path: string;
  readonly scope: string;
}

/** The ledgers that were named, or those of the home. @throws CliError for one that cannot be read */
export async function findRecordPlaces(
  context: CommandContext,
  paths: readonly string[],
  { scope }: OptionValues,
): Promise<readonly RecordPlace[]> {
  if (paths.length === 0) {
    const places = selectLedgers(context, await listHomeLedgers(context), scope);
    return places.map((place) => ({ path: place.path, scope: place.scope ?? nameScope(place.path) }));
  }
  if (scope !== undefined) throw usageError('--scope chooses a ledger of the home: name a file or a scope');
  const { places, faults } = await listNamedFiles(context.io.cwd, paths);
  const [fault] = faults;
  if (fault) throw unreadableError(`${fault.path} ${fault.message}`);
  return places.map(({ path }) => ({ path, scope: nameScope(path) }));
}

/** The calls that are meant, and in which words. */
export interface RecordFilter {
  readonly query: Query;
  /** As it was typed. */
  readonly text: string;
  /** Milliseconds since 1970; `undefined`: open. The second not included. */
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly zone: string;
}

/** Reads `--filter`, `--since`, `--until`, `--period` and `--time-zone`. @throws CliError */
export function readRecordFilter({ io }: CommandContext, options: OptionValues): RecordFilter {
  const zone = readZone(options.timeZone);
  const text = options.filter === undefined ? '' : String(options.filter);
  const reading = parseQuery(text, io.now());
  if (!reading.ok) {
    const { message, hint, at, length } = reading.problem;
    const where = ` (--filter, character ${at + 1}${length > 1 ? ` to ${at + length}` : ''})`;
    throw usageError(
      `${message.replace(/\.$/, '')}${where}`,
      hint || 'docs/filter-language.md explains filters',
    );
  }
  const { sinceMs, untilMs } = readTimes(options, zone, io.now());
  const terms: Query[] = [
    ...(reading.query.kind === 'all' ? [] : [reading.query]),
    ...timeTerm('since', sinceMs),
    ...timeTerm('until', untilMs),
  ];
  const query: Query = terms.length === 0 ? { kind: 'all' } : { kind: 'and', parts: terms };
  return { query, text, sinceMs, untilMs, zone };
}

function readTimes({ since, until, period }: OptionValues, zone: string, nowMs: number) {
  if (period !== undefined && (since !== undefined || until !== undefined))
    throw usageError('--period stands for --since and --until: give one or the other');
  if (period !== undefined) return readPeriod(String(period), zone);
  const sinceMs = readTime('since', since, zone, nowMs);
  const untilMs = readTime('until', until, zone, nowMs);
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
    throw usageError(`--since ${since} is not before the end of --until ${until}`);
  return { sinceMs, untilMs };
}

/** A day or month is one of the zone; other moments are what filters take. */
function readTime(field: TimeQueryField, value: unknown, zone: string, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = String(value);
  const ms =
    readCalendar(text, zone)?.[field === 'since' ? 'sinceMs' : 'untilMs'] ?? parseMoment(field, text, nowMs);
  if (ms !== undefined && Number.isFinite(ms)) return ms;
  throw usageError(
    `--${field} takes a day, a month, a moment or a span such as 2h, found ${JSON.stringify(text)}`,
    `such as --${field} 2026-10-01`,
  );
}

function readPeriod(text: string, zone: string) {
  const span = readCalendar(text, zone);
  if (span) return span;
  throw usageError(
    `--period takes a year, month or day, found ${JSON.stringify(text)}`,
    'such as --period 2026-10',
  );
}

/** `2026`, `2026-10` or `2026-10-07` by the zone's calendar. */
function readCalendar(text: string, zone: string) {
  if (!/^\d{4}(-\d\d){0,2}$/.test(text)) return undefined;
  const [from, to] = (['since', 'until'] as const).map((field) => parseMoment(field, text, 0));
  if (from === undefined || to === undefined) return undefined;
  return { sinceMs: firstMomentOf(zone, from), untilMs: firstMomentOf(zone, to) };
}

function readZone(value: unknown): string {
  if (value === undefined) return 'UTC';
  const zone = String(value);
  if (isTimeZone(zone)) return zone;
  throw usageError(`--time-zone takes a name such as Europe/Berlin, found ${JSON.stringify(zone)}`);
}

function timeTerm(field: TimeQueryField, atMs: number | undefined): readonly Query[] {
  return atMs === undefined ? [] : [{ kind: 'time', field, atMs, text: String(atMs) }];
}

function nameScope(path: string): string {
  return path === STANDARD_INPUT ? path : basename(dirname(path)) || path;
}
