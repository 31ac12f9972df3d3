/**
 * A window onto a list of any length: pages are fetched where somebody looks, a few are kept. The list is that of one
 * moment (`asOf`), so places keep their meaning while one scrolls; rows that arrived later are put before it.
 */
import { signal } from '@preact/signals';
import type { RowSummary } from '../../src/core/dashboard.js';
import type { DataSource } from './source.js';

const PAGE_ROWS = 200;
const MAX_PAGES = 40;
/** Beyond this many rows put before it, the list is read anew. */
const MAX_AHEAD = 2000;

export interface RowList {
  /** Grows with every change of what the other methods answer. */
  readonly version: { readonly value: number };
  readonly error: { readonly value: Error | undefined };
  /** Filter that the rows are of; `undefined` before the first answer. */
  readonly q: () => string | undefined;
  readonly total: () => number;
  /** Moment that the list is of; to find places in it. */
  readonly asOf: () => number;
  /** Row at a place, newest first; `undefined` while it is on its way. */
  readonly at: (place: number) => RowSummary | undefined;
  /** How many rows stand before the list's own moment. */
  readonly ahead: () => number;
  /** Fetches what is missing of the places `from` to `to`. */
  readonly want: (from: number, to: number) => void;
  /** Reads the list anew, at this moment. */
  readonly reset: (q: string) => Promise<void>;
  /** Older rows joined at the end. */
  readonly grow: () => Promise<void>;
  /** Takes rows that were written or changed; new ones are put first when `insert`. Says how many were new. */
  readonly take: (rows: readonly RowSummary[], insert: boolean) => number;
}

export function createRowList(source: DataSource): RowList {
  const version = signal(0);
  const error = signal<Error | undefined>(undefined);
  let q: string | undefined;
  let asOf = 0;
  let total = 0;
  let ahead: RowSummary[] = [];
  let pages = new Map<number, readonly RowSummary[]>();
  let pending = new Map<number, AbortController>();
  let newest = new Map<string, number>();
  let round = 0;

  const changed = (): void => {
    version.value++;
  };

  const note = (row: RowSummary): boolean => {
    if (row.row <= (newest.get(row.scope) ?? -1)) return false;
    newest.set(row.scope, row.row);
    return true;
  };

  const load = async (page: number): Promise<void> => {
    const stop = new AbortController();
    pending.set(page, stop);
    try {
      const request = { q: q ?? '', asOf, offset: page * PAGE_ROWS, limit: PAGE_ROWS };
      const answer = await source.rows(request, stop.signal);
      pages.set(page, answer.rows);
      total = answer.total;
      error.value = undefined;
    } catch (cause) {
      if (!stop.signal.aborted) error.value = cause as Error;
    } finally {
      if (pending.get(page) === stop) pending.delete(page);
    }
    if (!stop.signal.aborted) changed();
  };

  const forgetFar = (first: number, last: number): void => {
    for (const [page, stop] of pending)
      if (page < first || page > last) {
        stop.abort();
        pending.delete(page);
      }
    for (const page of pages.keys()) {
      if (pages.size <= MAX_PAGES) return;
      if (page < first || page > last) pages.delete(page);
    }
  };

  const replace = (row: RowSummary): void => {
    const place = ahead.findIndex(({ ref }) => ref === row.ref);
    if (place >= 0) ahead[place] = row;
    for (const [page, rows] of pages) {
      const at = rows.findIndex(({ ref }) => ref === row.ref);
      if (at >= 0) pages.set(page, rows.with(at, row));
    }
  };

  return {
    version,
    error,
    q: () => q,
    total: () => total + ahead.length,
    asOf: () => asOf,
    ahead: () => ahead.length,
    at(place) {
      if (place < ahead.length) return ahead[ahead.length - 1 - place];
      const own = place - ahead.length;
      return pages.get(Math.floor(own / PAGE_ROWS))?.[own % PAGE_ROWS];
    },
    want(from, to) {
      if (q === undefined) return;
      const first = Math.max(0, Math.floor((from - ahead.length) / PAGE_ROWS));
      const last = Math.max(
        0,
        Math.floor((Math.min(to, total + ahead.length - 1) - ahead.length) / PAGE_ROWS),
      );
      forgetFar(first, last);
      for (let page = first; page <= last; page++)
        if (!pages.has(page) && !pending.has(page) && page * PAGE_ROWS < total) void load(page);
    },
    async reset(next) {
      const mine = ++round;
      for (const stop of pending.values()) stop.abort();
      try {
        const answer = await source.rows({ q: next, offset: 0, limit: PAGE_ROWS });
        if (mine !== round) return;
        q = next;
        asOf = answer.asOf;
        total = answer.total;
        ahead = [];
        pages = new Map([[0, answer.rows]]);
        pending = new Map();
        newest = new Map(newest);
        for (const row of answer.rows) note(row);
        error.value = undefined;
      } catch (cause) {
        if (mine === round) error.value = cause as Error;
      }
      if (mine === round) changed();
    },
    async grow() {
      if (q === undefined) return;
      const mine = round;
      const answer = await source.rows({ q, asOf, offset: 0, limit: 1 }).catch(() => undefined);
      if (!answer || mine !== round || answer.total === total) return;
      // The page that ended the list has more rows now.
      pages.delete(Math.floor(total / PAGE_ROWS));
      if (total < PAGE_ROWS) pages.set(0, (await source.rows({ q, asOf, offset: 0, limit: PAGE_ROWS })).rows);
      total = answer.total;
      changed();
    },
    take(rows, insert) {
      const fresh = rows.filter((row) => {
        const isNew = note(row);
        if (!isNew) replace(row);
        return isNew;
      });
      if (insert && q === '' && ahead.length < MAX_AHEAD) ahead.push(...fresh);
      changed();
      return fresh.length;
    },
  };
}
