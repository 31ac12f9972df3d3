/**
 * One reading of all ledgers of a home: their calls in one table, newest first, the old ones filled in behind. When a
 * ledger turns out to be another one than was read, a new reading takes its place (`live-index.ts`).
 */
import { randomBytes } from 'node:crypto';
import type { IndexProgress, LedgerCondition } from '../core/dashboard.js';
import { codeOf, listScopes, locateScope, type ScopePaths } from '../store/paths.js';
import { createLedgerCalls, type OldCall } from './ledger-calls.js';
import { openLedgerFiles } from './ledger-files.js';
import { LedgerSource, type SourceListener } from './ledger-source.js';
import { createPacer } from './pacer.js';
import { createRelatedRows, type RelatedRows } from './related-rows.js';
import { printRef } from './row-summary.js';
import { createRowTable, type RowTable } from './row-table.js';

/** A ledger that cannot even be opened. */
export interface ClosedLedger {
  readonly paths: ScopePaths;
  readonly note: string;
}

/** What was seen to happen to a ledger in an earlier reading. */
export type Memory = ReadonlyMap<string, { readonly condition: LedgerCondition; readonly note: string }>;

export interface Reading {
  /** Names it: another one has other positions. */
  readonly instance: string;
  readonly table: RowTable;
  readonly related: RelatedRows;
  /** By scope. */
  readonly sources: ReadonlyMap<string, LedgerSource>;
  readonly closed: readonly ClosedLedger[];
  progress(): IndexProgress;
  /** Names the row at a position. */
  refOf(position: number): string;
  /** Reads the old calls, newest first over all ledgers. `onProgress` is called now and then. */
  fill(onProgress: () => void): Promise<void>;
  /** Adds ledgers that came since; says whether one has a past, so that all must be read anew. */
  findNew(): Promise<boolean>;
  /** Looks at the condition of every ledger. */
  inspect(): Promise<void>;
  close(): void;
}

/** @param scope the only one to read; `null`: all. */
export async function openReading(
  home: string,
  scope: string | null,
  listener: SourceListener,
  memory: Memory,
): Promise<Reading> {
  const sources = new Map<string, LedgerSource>();
  const closed = new Map<string, ClosedLedger>();
  const stop = new AbortController();
  const related = createRelatedRows();
  const table = createRowTable((of, place) => sources.get(of)?.facts.rowOf(place) ?? -1);

  async function add(paths: ScopePaths): Promise<'none' | 'new' | 'old'> {
    try {
      const files = await openLedgerFiles(paths);
      if (!files) return 'none';
      const source = new LedgerSource(paths, files, createLedgerCalls(paths.scope, table, related), listener);
      const known = memory.get(paths.scope);
      if (known) source.remember(known.condition, known.note);
      sources.set(paths.scope, source);
      closed.delete(paths.scope);
      void source.follow(stop.signal);
      return files.sizeBytes > 0 ? 'old' : 'new';
    } catch (cause) {
      closed.set(paths.scope, { paths, note: `It cannot be opened (${codeOf(cause)}).` });
      return 'none';
    }
  }
  const list = async (): Promise<readonly ScopePaths[]> =>
    scope === null ? await listScopes(home).catch(() => []) : [locateScope(home, scope)];
  for (const paths of await list()) await add(paths);
  return {
    instance: randomBytes(8).toString('hex'),
    table,
    related,
    sources,
    get closed() {
      return [...closed.values()];
    },
    progress() {
      const all = [...sources.values()];
      return {
        doneBytes: all.reduce((sum, { doneBytes }) => sum + doneBytes, 0),
        totalBytes: all.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
      };
    },
    refOf(position) {
      const { part, offset } = table.origin(position);
      const folder = sources.get(table.scopeOf(position))?.paths.folder ?? '';
      return printRef(folder, part, offset);
    },
    fill: (onProgress) => fillOld([...sources.values()], onProgress, stop.signal),
    async findNew() {
      let hasPast = false;
      for (const paths of await list()) {
        if (sources.has(paths.scope)) continue;
        hasPast = (await add(paths)) === 'old' || hasPast;
        await sources.get(paths.scope)?.leaveOld();
      }
      return hasPast;
    },
    async inspect() {
      for (const source of sources.values()) await source.inspect();
    },
    close: () => stop.abort(),
  };
}

interface Run {
  readonly source: LedgerSource;
  readonly runs: AsyncGenerator<readonly OldCall[]>;
  calls: readonly OldCall[];
  at: number;
  /** A call without a time stands with the one after it. */
  timeMs: number;
}

/** Merges the ledgers by time. Within one, rows keep the order of the file whatever their clocks said. */
async function fillOld(
  sources: readonly LedgerSource[],
  onProgress: () => void,
  signal: AbortSignal,
): Promise<void> {
  const open: Run[] = [];
  for (const source of sources) {
    const run = { source, runs: source.readOld(), calls: [], at: 0, timeMs: Number.POSITIVE_INFINITY };
    if (await advance(run)) open.push(run);
  }
  const pace = createPacer();
  while (open.length > 0 && !signal.aborted) {
    const run = open.reduce((newest, one) => (one.timeMs > newest.timeMs ? one : newest));
    const call = run.calls[run.at++];
    if (call) run.source.place(call);
    if (run.at >= run.calls.length) onProgress();
    if (run.at < run.calls.length) noteTime(run);
    else if (!(await advance(run))) open.splice(open.indexOf(run), 1);
    const pause = pace();
    if (pause) await pause;
  }
  for (const { runs } of open) await runs.return(undefined);
  onProgress();
}

/** Makes the next call of a ledger the one to place; says whether there is one. */
async function advance(run: Run): Promise<boolean> {
  while (run.at >= run.calls.length) {
    const { done, value } = await run.runs.next();
    if (done) return false;
    run.calls = value;
    run.at = 0;
  }
  noteTime(run);
  return true;
}

function noteTime(run: Run): void {
  const timeMs = run.calls[run.at]?.record.timestampMs ?? Number.NaN;
  if (!Number.isNaN(timeMs)) run.timeMs = timeMs;
}
