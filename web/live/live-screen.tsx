/** Decisions as they happen: filter, sums, facets and the table, and the keys that move through them. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { RowSummary } from '../../src/core/dashboard.js';
import { addTerm, printTerm, type TextQueryField } from '../../src/core/query.js';
import { ExportMenu } from '../frame/export-menu.js';
import { announce } from '../frame/live-region.js';
import { Icon } from '../icons.js';
import { connection, epoch, type Feed, pulse, status } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import { createRowList } from '../state/row-list.js';
import { go, view } from '../state/view.js';
import { countOf, showCount, showText } from '../text.js';
import { EmptyState, ListProblem } from './empty.js';
import { Facets } from './facets.js';
import { FilterBox } from './filter-box.js';
import { JumpBox } from './jump-box.js';
import { RowTable, type TableControl } from './row-table.js';
import { SumStrip } from './sum-strip.js';
import { useTableKeys } from './table-keys.js';

const DAY_MS = 86_400_000;
const STEP_MS = 1_800_000;
const REREAD_MS = 250;

export function LiveScreen({ feed }: { readonly feed: Feed }): JSX.Element {
  const { source } = feed;
  const { q, receipt } = view.value;
  const list = useMemo(() => createRowList(source), [source]);
  const paused = useSignal(false);
  const waiting = useSignal(0);
  const isTop = useRef(true);
  const facetsOpen = useSignal(false);
  const jumping = useSignal(false);
  const table = useRef<TableControl | null>(null);
  const target = useRef('');
  const input = useRef<HTMLInputElement | null>(null);

  const catchUp = (): void => {
    waiting.value = 0;
    void list.reset(view.value.q).then(() => table.current?.show(0, false));
  };
  const filter = (field: TextQueryField, value: string, isNot: boolean): void =>
    go({ q: addTerm(view.value.q, printTerm(field, value, isNot)) });
  const open = (row: RowSummary): void => go({ receipt: row.ref });
  const showInContext = (ref: string): void => {
    target.current = ref;
    if (view.value.q) go({ q: '' });
    else void showTarget();
  };
  /** Goes to the row that was asked for, once the list without a filter is there; else to the newest. */
  const showTarget = async (): Promise<void> => {
    const ref = target.current;
    target.current = '';
    const offset = ref ? (await source.place('', list.asOf(), ref)).offset : null;
    if (offset === null) table.current?.show(0, false);
    else {
      table.current?.show(offset + list.ahead(), true);
      table.current?.focus();
    }
  };

  useEffect(() => {
    waiting.value = 0;
    void list.reset(q).then(() => {
      announce(`${countOf(list.total(), 'decision')} shown`);
      return showTarget();
    });
  }, [q, epoch.value]);
  useEffect(
    () => followRows(feed, list, { isFollowing: () => isTop.current && !paused.value, waiting, table }),
    [list],
  );
  useTableKeys({
    table,
    input,
    open,
    filter,
    showInContext,
    jump: () => (jumping.value = true),
    pause: () => (paused.value = !paused.value),
  });

  // What can be filtered by is suggested from everything, not from what is left of it.
  const known = useResource((signal) => source.facets('', signal), [epoch.value]).value;
  const facets = useResource((signal) => source.facets(q, signal), [q, pulse.value, epoch.value]).value;
  const sums = useResource((signal) => source.summary(q, [], 0, signal), [q, pulse.value, epoch.value]).value;
  const series = useResource(
    (signal) => {
      const untilMs = Math.ceil((status.value?.nowMs ?? Date.now()) / STEP_MS) * STEP_MS;
      return source.series({ q, by: 'model', stepMs: STEP_MS, sinceMs: untilMs - DAY_MS, untilMs }, signal);
    },
    [q, pulse.value, epoch.value],
  ).value;

  void list.version.value;
  const isRead = list.q() !== undefined;
  const isEmpty = isRead && list.total() === 0;
  return (
    <div class={`live${facetsOpen.value ? ' facets-open' : ''}`}>
      <div class="toolbar">
        <FilterBox
          q={q}
          facets={known}
          input={input}
          onChange={(next) => go({ q: next }, 'replace')}
          onLeave={() => table.current?.focus()}
        />
        <button
          type="button"
          class="button only-narrow"
          aria-label="Filter by value"
          aria-expanded={facetsOpen.value}
          onClick={() => (facetsOpen.value = !facetsOpen.value)}
        >
          <Icon name="filter" />
          <span class="word">Values</span>
        </button>
        {source.live && (
          <button
            type="button"
            class="button"
            aria-pressed={paused.value}
            onClick={() => {
              paused.value = !paused.value;
              if (!paused.value) catchUp();
            }}
          >
            <Icon name={paused.value ? 'play' : 'pause'} />
            <span class="wide">{paused.value ? 'Resume' : 'Pause'}</span>
          </button>
        )}
        <ExportMenu source={source} q={q} />
      </div>
      <SumStrip sums={sums} series={series} />
      <div class="live-body">
        <Facets facets={facets} onFilter={filter} />
        <section class="table-frame" aria-label="Decisions" aria-busy={list.q() !== q}>
          {waiting.value > 0 && (
            <button type="button" class="button pill" onClick={catchUp}>
              <Icon name="up" /> {showCount(waiting.value)} new
            </button>
          )}
          {isEmpty ? (
            <EmptyState q={q} onClear={() => go({ q: '' })} />
          ) : (
            <RowTable
              list={list}
              nowMs={Date.now()}
              openRef={receipt}
              control={table}
              onOpen={open}
              onFilter={filter}
              onTop={(top) => {
                isTop.current = top;
                if (top && waiting.value > 0 && !paused.value) catchUp();
              }}
            />
          )}
          {list.error.value && connection.value === 'up' && (
            <ListProblem message={showText(list.error.value.message)} />
          )}
          <footer class="table-foot">
            <span class="num">{isRead ? countOf(list.total(), 'decision') : 'Reading…'}</span>
            {q && <span class="dim">filtered</span>}
            {paused.value && <span class="paused">paused</span>}
            <JumpBox
              open={jumping}
              total={list.total()}
              onJump={(row) => table.current?.show(row - 1, true)}
              onDone={() => table.current?.focus()}
            />
          </footer>
        </section>
      </div>
    </div>
  );
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
function followRows(feed: Feed, list: ReturnType<typeof createRowList>, following: Following): () => void {
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
