/** What the live view holds and how keys change it: pure, so that every key can be tested without a terminal. */
import type { CallRecord } from '../core/call-record.js';
import { matches, parseQuery, type Query, type QueryProblem } from '../core/query.js';
import { addTo, createSums, joinSums, type Sums } from '../core/summary.js';

/** Calls that are kept, the newest. Sums are over all. */
export const MAX_RECORDS = 5000;

export interface WatchState {
  /** Oldest first. */
  readonly records: readonly CallRecord[];
  readonly query: Query;
  readonly filterText: string;
  /** What is being typed after `/`; `undefined`: nothing. */
  readonly draft: string | undefined;
  readonly problem: QueryProblem | undefined;
  /** The call that the cursor is on, as `keyOf` names it; `undefined`: the newest, whichever that is. */
  readonly cursor: string | undefined;
  readonly isDetail: boolean;
  readonly isHelp: boolean;
  /** The list as it was when it was paused. */
  readonly paused: readonly CallRecord[] | undefined;
  readonly isDone: boolean;
}

/** The view before anything was read. @throws RangeError for a filter that cannot be read */
export function createWatchState(filterText: string, nowMs: number): WatchState {
  const reading = parseQuery(filterText, nowMs);
  if (!reading.ok) throw new RangeError(reading.problem.message);
  return {
    records: [],
    query: reading.query,
    filterText,
    draft: undefined,
    problem: undefined,
    cursor: undefined,
    isDetail: false,
    isHelp: false,
    paused: undefined,
    isDone: false,
  };
}

/** Names a call as long as its ledger is there. */
export function keyOf({ scope, row }: CallRecord): string {
  return `${row} ${scope}`;
}

/** The calls that the filter takes, newest first. */
export function listShown({ records, paused, query }: WatchState): readonly CallRecord[] {
  return (paused ?? records).filter((record) => matches(query, record)).reverse();
}

/** Place of the cursor in the list; 0 when its call is not in it. */
export function findCursor({ cursor }: WatchState, shown: readonly CallRecord[]): number {
  if (cursor === undefined) return 0;
  return Math.max(
    0,
    shown.findIndex((record) => keyOf(record) === cursor),
  );
}

/** A key as the terminal sends it. */
export interface Key {
  /** What it types; empty for others. */
  readonly input: string;
  readonly name?: 'up' | 'down' | 'pageUp' | 'pageDown' | 'enter' | 'escape' | 'backspace' | undefined;
  readonly isControl?: boolean | undefined;
}

/** The state after a key. `page` is how many calls the screen shows. */
export function pressKey(state: WatchState, key: Key, page: number, nowMs: number): WatchState {
  if (key.isControl && key.input === 'c') return { ...state, isDone: true };
  if (state.draft !== undefined) return editFilter(state, state.draft, key, nowMs);
  if (state.isHelp) return { ...state, isHelp: false };
  switch (key.name ?? key.input) {
    case 'q':
      return { ...state, isDone: true };
    case '?':
      return { ...state, isHelp: true };
    case '/':
      return { ...state, draft: state.filterText, problem: undefined };
    case 'p':
    case ' ':
      return { ...state, paused: state.paused ? undefined : state.records };
    case 'enter':
      return { ...state, isDetail: !state.isDetail };
    case 'escape':
      return state.isDetail ? { ...state, isDetail: false } : clearFilter(state);
    default:
      return moveCursor(state, key, page);
  }
}

function clearFilter(state: WatchState): WatchState {
  return { ...state, query: { kind: 'all' }, filterText: '', problem: undefined, cursor: undefined };
}

function moveCursor(state: WatchState, key: Key, page: number): WatchState {
  const shown = listShown(state);
  const at = findCursor(state, shown);
  const to = targetOf(key, at, page, shown.length);
  if (to === undefined) return state;
  const clamped = Math.min(Math.max(0, to), Math.max(0, shown.length - 1));
  const record = shown[clamped];
  // On the newest call the cursor stays with whichever is the newest.
  return { ...state, cursor: clamped === 0 || !record ? undefined : keyOf(record) };
}

function targetOf({ name, input }: Key, at: number, page: number, length: number): number | undefined {
  switch (name ?? input) {
    case 'j':
    case 'down':
      return at + 1;
    case 'k':
    case 'up':
      return at - 1;
    case 'pageDown':
      return at + page;
    case 'pageUp':
      return at - page;
    case 'g':
      return 0;
    case 'G':
      return length - 1;
    default:
      return undefined;
  }
}

function editFilter(state: WatchState, draft: string, key: Key, nowMs: number): WatchState {
  switch (key.name) {
    case 'escape':
      return { ...state, draft: undefined, problem: undefined };
    case 'backspace':
      return { ...state, draft: Array.from(draft).slice(0, -1).join(''), problem: undefined };
    case 'enter': {
      const reading = parseQuery(draft, nowMs);
      if (!reading.ok) return { ...state, problem: reading.problem };
      const { query } = reading;
      return {
        ...state,
        query,
        filterText: draft.trim(),
        draft: undefined,
        cursor: undefined,
        problem: undefined,
      };
    }
    default:
      if (key.isControl && key.input === 'u') return { ...state, draft: '', problem: undefined };
      return key.isControl || key.input === ''
        ? state
        : { ...state, draft: draft + key.input, problem: undefined };
  }
}

/** Calls as they come, and as they change. Keeps the newest `MAX_RECORDS`. */
export interface RecordKeeper {
  /** `isFinal`: it will not change again. */
  put(record: CallRecord, isFinal: boolean): void;
  /** Oldest first; the same array until something was put. */
  list(): readonly CallRecord[];
  /** Over every call there ever was. */
  total(): Sums;
  /** Over the calls that are kept. */
  sum(query: Query): Sums;
  /** Forgets a ledger that is read anew. */
  forget(scope: string): void;
}

interface ScopeCalls {
  readonly final: Sums;
  readonly open: Map<number, CallRecord>;
}

/** An empty keeper. Memory grows with the calls that are open. */
export function createRecordKeeper(): RecordKeeper {
  const kept = new Map<string, CallRecord>();
  const scopes = new Map<string, ScopeCalls>();
  let list: readonly CallRecord[] | undefined;
  function count(record: CallRecord, isFinal: boolean): void {
    const calls = scopes.get(record.scope) ?? { final: createSums(), open: new Map() };
    scopes.set(record.scope, calls);
    if (!isFinal) {
      calls.open.set(record.row, record);
      return;
    }
    calls.open.delete(record.row);
    addTo(calls.final, record);
  }
  function listKept(): readonly CallRecord[] {
    list ??= sortByTime(kept).slice(-MAX_RECORDS);
    return list;
  }
  return {
    put(record, isFinal) {
      count(record, isFinal);
      kept.set(keyOf(record), record);
      list = undefined;
      // In one go, now and then: the list has to be sorted for it.
      if (kept.size < MAX_RECORDS * 2) return;
      for (const old of sortByTime(kept).slice(0, MAX_RECORDS)) kept.delete(keyOf(old));
    },
    list: listKept,
    total() {
      const sums = createSums();
      for (const { final, open } of scopes.values()) {
        joinSums(sums, final);
        for (const record of open.values()) addTo(sums, record);
      }
      return sums;
    },
    sum(query) {
      const sums = createSums();
      for (const record of listKept()) if (matches(query, record)) addTo(sums, record);
      return sums;
    },
    forget(scope) {
      for (const [key, record] of kept) if (record.scope === scope) kept.delete(key);
      scopes.delete(scope);
      list = undefined;
    },
  };
}

/** By time, and within a ledger by place; a row without a time is old. */
function sortByTime(kept: ReadonlyMap<string, CallRecord>): readonly CallRecord[] {
  const timeOf = ({ timestampMs }: CallRecord): number => (Number.isNaN(timestampMs) ? 0 : timestampMs);
  return [...kept.values()].sort((a, b) => timeOf(a) - timeOf(b) || a.row - b.row);
}
