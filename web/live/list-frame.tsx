/** The table in its frame: what waits above it, what is said in its place when it is empty, and the line below. */
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { RowSummary } from '../../src/core/dashboard.js';
import { Icon } from '../icons.js';
import { connection } from '../state/feed.js';
import { go, view } from '../state/view.js';
import { countOf, showCount, showText } from '../text.js';
import { EmptyState, ListProblem } from './empty.js';
import { JumpBox } from './jump-box.js';
import type { LiveList } from './live-list.js';
import { RowTable, type RowTableProps } from './row-table.js';

export interface ListFrameProps {
  readonly live: LiveList;
  readonly onOpen: (row: RowSummary) => void;
  readonly onFilter: RowTableProps['onFilter'];
  /** Set when the box for a row's number is asked for. */
  readonly jumping: Signal<boolean>;
}

export function ListFrame({ live, onOpen, onFilter, jumping }: ListFrameProps): JSX.Element {
  const { list, table, waiting } = live;
  const { q, receipt } = view.value;
  void list.version.value;
  const error = list.error.value;
  return (
    <section class="table-frame" aria-label="Decisions" aria-busy={list.q() !== q} data-q={list.q()}>
      {waiting.value > 0 && (
        <button type="button" class="button pill" onClick={live.catchUp}>
          <Icon name="up" /> {showCount(waiting.value)} new
        </button>
      )}
      {list.q() !== undefined && list.total() === 0 ? (
        <EmptyState q={q} onClear={() => go({ q: '' })} />
      ) : (
        <RowTable
          list={list}
          nowMs={Date.now()}
          openRef={receipt}
          control={table}
          onOpen={onOpen}
          onFilter={onFilter}
          onTop={live.noteTop}
        />
      )}
      {error && connection.value === 'up' && <ListProblem message={showText(error.message)} />}
      <ListFoot live={live} jumping={jumping} />
    </section>
  );
}

function ListFoot({ live, jumping }: Pick<ListFrameProps, 'live' | 'jumping'>): JSX.Element {
  const { list, table, paused } = live;
  // Its props stay the same while the list changes, so nothing else would draw it again.
  void list.version.value;
  return (
    <footer class="table-foot">
      <span class="num">{list.q() === undefined ? 'Reading…' : countOf(list.total(), 'decision')}</span>
      {view.value.q && <span class="dim">filtered</span>}
      {paused.value && <span class="paused">paused</span>}
      <JumpBox
        open={jumping}
        total={list.total()}
        onJump={(row) => table.current?.show(row - 1, true)}
        onDone={() => table.current?.focus()}
      />
    </footer>
  );
}
