/** The list of the live screen: follows the stream, waits while somebody reads or paused, and finds rows in context. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from '../frame/live-region.js';
import { epoch, type Feed } from '../state/feed.js';
import { createRowList, type RowList } from '../state/row-list.js';
import { go, view } from '../state/view.js';
import { countOf } from '../text.js';
import type { TableControl } from './row-table.js';

const REREAD_MS = 250;

export interface LiveList {
  readonly list: RowList;
  readonly table: { current: TableControl | null };
  readonly paused: Signal<boolean>;
  /** New rows that are held back. */
  readonly waiting: Signal<number>;
  readonly togglePause: () => void;
  /** Lets in what was held back, and goes to the newest row. */
  readonly catchUp: () => void;
  /** Tells whether the newest row is in sight: then the list follows. */
  readonly noteTop: (isTop: boolean) => void;
  /** Drops the filter and goes to the row. */
  readonly showInContext: (ref: string) => void;
}

export function useLiveList(feed: Feed): LiveList {
  const { source } = feed;
  const { q } = view.value;
  const list = useMemo(() => createRowList(source), [source]);
  const paused = useSignal(false);
  const waiting = useSignal(0);
  const isTop = useRef(true);
  const table = useRef<TableControl | null>(null);
  const target = useRef('');

  const catchUp = (): void => {
    waiting.value = 0;
    void list.reset(view.value.q).then(() => table.current?.show(0, false));
  };
  useEffect(() => {
    waiting.value = 0;
    void list.reset(q).then(() => {
      announce(`${countOf(list.total(), 'decision')} shown`);
      return showTarget(feed, list, table, target);
    });
  }, [q, epoch.value]);
  useEffect(() => {
    const isFollowing = (): boolean => isTop.current && !paused.value;
    return followRows(feed, list, { isFollowing, waiting, table });
  }, [list]);
  return {
    list,
    table,
    paused,
    waiting,
    catchUp,
    togglePause() {
      paused.value = !paused.value;
      if (!paused.value) catchUp();
    },
    noteTop(top) {
      isTop.current = top;
      if (top && waiting.value > 0 && !paused.value) catchUp();
    },
    showInContext(ref) {
      target.current = ref;
      if (view.value.q) go({ q: '' });
      else void showTarget(feed, list, table, target);
    },
  };
}

/** Goes to the row that was asked for, once the list without a filter is there; else to the newest. */
async function showTarget(
  { source }: Feed,
  list: RowList,
  table: { readonly current: TableControl | null },
  target: { current: string },
): Promise<void> {
  const ref = target.current;
  target.current = '';
  const offset = ref ? (await source.place('', list.asOf(), ref)).offset : null;
  if (offset === null) table.current?.show(0, false);
  else {
    table.current?.show(offset + list.ahead(), true);
    table.current?.focus();
  }
}

interface Following {
  readonly isFollowing: () => boolean;
  readonly waiting: { value: number };
  readonly table: { readonly current: TableControl | null };
}

/**
 * Lets new rows in. Without a filter they are put first as they come; with one the list is read anew, at most every
 * quarter of a second. Whoever reads further down, or paused, is told how many wait.
 */
function followRows(feed: Feed, list: RowList, following: Following): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reread = (): void => {
    timer = undefined;
    if (following.isFollowing()) void list.reset(view.value.q);
  };
  const stop = feed.onEvent((event) => {
    if (event.kind === 'index') void list.grow();
    if (event.kind !== 'rows') return;
    const isFollowing = following.isFollowing();
    const before = list.ahead();
    const fresh = list.take(event.rows, isFollowing);
    if (fresh === 0) return;
    if (!isFollowing) following.waiting.value += fresh;
    else if (list.ahead() === before) timer ??= setTimeout(reread, REREAD_MS);
    else following.table.current?.shift(fresh);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
