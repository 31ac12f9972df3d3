/**
 * The index that the dashboard asks: the present reading of all ledgers, its filters, and news about it. It reads anew
 * by itself when a ledger was cut, exchanged or restored.
 */
import type { DashboardEvent, LedgerBrief, LedgerCondition } from '../core/dashboard.js';
import type { Query } from '../core/query.js';
import type { LedgerSource, SourceListener } from './ledger-source.js';
import { compileQuery } from './predicate.js';
import { openReading, type Reading } from './reading.js';
import { printRow } from './row-summary.js';
import { createSelection, type Selection } from './selection.js';

/** How long news may wait for more of its kind, in milliseconds. */
const ROWS_DELAY_MS = 10;
const STATE_DELAY_MS = 250;
/** How often files are looked at for what no notice tells of. */
const INSPECT_MS = 1_000;
/** A ledger that changes all the time must not be read all the time. */
const REREAD_MS = 3_000;
/** More rows at once than anybody follows with their eyes: readers are told to read anew. */
const MAX_EVENT_ROWS = 1_000;
const MAX_SELECTIONS = 24;

export interface LiveIndex {
  readonly reading: Reading;
  /** The calls that a filter selects, up to date. `key` names the filter. */
  select(key: string, query: Query): Promise<Selection>;
  describeLedgers(): readonly LedgerBrief[];
  /** Resolves when the newest rows are there, or there are none. */
  readonly hasFirst: Promise<void>;
  /** Resolves when all rows of the present reading are there. */
  readonly isFilled: Promise<void>;
  close(): void;
}

/** Reads all ledgers of a home, or the one of a scope, and goes on reading until it is closed. */
export async function openLiveIndex(
  home: string,
  scope: string | null,
  tell: (event: DashboardEvent) => void,
): Promise<LiveIndex> {
  const memory = new Map<string, { readonly condition: LedgerCondition; readonly note: string }>();
  const selections = new Map<string, Selection>();
  const changed = { positions: new Set<number>(), ledgers: new Set<string>() };
  let isClosed = false;
  let isRereading = false;
  let rereadAtMs = 0;
  let noteFirst = (): void => {};
  const hasFirst = new Promise<void>((resolve) => {
    noteFirst = resolve;
  });

  const tellRows = delay(ROWS_DELAY_MS, () => {
    const positions = [...changed.positions].sort((a, b) => a - b);
    changed.positions.clear();
    const { table } = reading;
    if (positions.length > MAX_EVENT_ROWS) tell({ kind: 'lost', asOf: table.end });
    else if (positions.length > 0) {
      const rows = positions.map((position) => printRow(table.record(position), reading.refOf(position)));
      tell({ kind: 'rows', asOf: table.end, rows });
    }
  });
  const tellState = delay(STATE_DELAY_MS, () => {
    for (const one of describeLedgers())
      if (changed.ledgers.has(one.scope)) tell({ kind: 'ledger', ledger: one });
    changed.ledgers.clear();
  });
  const tellProgress = delay(STATE_DELAY_MS, () => {
    tell({ kind: 'index', index: reading.progress(), asOf: reading.table.end });
  });
  const listener: SourceListener = {
    onCall(position) {
      changed.positions.add(position);
      tellRows.soon();
    },
    onChange({ paths }) {
      changed.ledgers.add(paths.scope);
      tellState.soon();
    },
    onBroken({ paths }: LedgerSource, condition, note) {
      memory.set(paths.scope, { condition, note });
      void reread();
    },
  };

  let reading = await openReading(home, scope, listener, memory);
  let isFilled = fill();
  const timer = setInterval(() => void look(), INSPECT_MS);

  function fill(): Promise<void> {
    reading.table.onReplace((position) => {
      for (const selection of selections.values()) selection.retest(position);
    });
    return reading.fill(() => {
      noteFirst();
      tellProgress.soon();
    });
  }
  async function look(): Promise<void> {
    await reading.inspect();
    if (!isClosed && (await reading.findNew())) await reread();
    else if (reading.closed.length > 0) tellState.soon();
  }
  async function reread(): Promise<void> {
    if (isRereading || isClosed) return;
    isRereading = true;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, rereadAtMs - Date.now())));
    rereadAtMs = Date.now() + REREAD_MS;
    isRereading = false;
    if (isClosed) return;
    reading.close();
    reading = await openReading(home, scope, listener, memory);
    selections.clear();
    changed.positions.clear();
    isFilled = fill();
    tell({ kind: 'lost', asOf: reading.table.end });
  }
  function describeLedgers(): readonly LedgerBrief[] {
    const open = [...reading.sources.values()].map((source) => source.describe());
    const closed = reading.closed.map(
      ({ paths, note }): LedgerBrief => ({ ...UNREAD, scope: paths.scope, note }),
    );
    return [...open, ...closed].sort((a, b) => (a.scope < b.scope ? -1 : 1));
  }
  return {
    get reading() {
      return reading;
    },
    async select(key, query) {
      const found =
        selections.get(key) ??
        createSelection(reading.table, compileQuery(query, reading.table.dictionaries));
      // The one that was asked for longest ago goes first.
      selections.delete(key);
      selections.set(key, found);
      const [oldest] = selections.size > MAX_SELECTIONS ? selections.keys() : [];
      if (oldest !== undefined) selections.delete(oldest);
      await found.refresh();
      return found;
    },
    describeLedgers,
    hasFirst,
    get isFilled() {
      return isFilled;
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      for (const one of [tellRows, tellState, tellProgress]) one.cancel();
      reading.close();
    },
  };
}

const UNREAD = {
  ledgerId: null,
  rows: 0,
  bytes: 0,
  condition: 'unreadable',
  lastTimestampMs: null,
} as const satisfies Partial<LedgerBrief>;

/** Runs a piece of work once for all that asked for it within a time. */
function delay(ms: number, work: () => void): { soon(): void; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    soon() {
      timer ??= setTimeout(() => {
        timer = undefined;
        work();
      }, ms);
    },
    cancel: () => clearTimeout(timer),
  };
}
