/** Decisions as they happen: filter, sums, values and the table, and the keys that move through them. */
import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { RowSummary } from '../../src/core/dashboard.js';
import { addTerm, printTerm, type TextQueryField } from '../../src/core/query.js';
import { ExportMenu } from '../frame/export-menu.js';
import { Icon } from '../icons.js';
import type { Feed } from '../state/feed.js';
import { go, view } from '../state/view.js';
import { Facets } from './facets.js';
import { FilterBox, type FilterBoxProps } from './filter-box.js';
import { ListFrame } from './list-frame.js';
import { useLiveFigures } from './live-figures.js';
import { type LiveList, useLiveList } from './live-list.js';
import { SumStrip } from './sum-strip.js';
import { useTableKeys } from './table-keys.js';

export function LiveScreen({ feed }: { readonly feed: Feed }): JSX.Element {
  const { source } = feed;
  const live = useLiveList(feed);
  const { known, facets, sums, series } = useLiveFigures(source, view.value.q);
  const facetsOpen = useSignal(false);
  const jumping = useSignal(false);
  const input = useRef<HTMLInputElement | null>(null);
  const jump = (): void => {
    jumping.value = true;
  };
  const { table, showInContext, togglePause } = live;
  useTableKeys({ table, input, open, filter, showInContext, jump, pause: togglePause });
  return (
    <div class={`live${facetsOpen.value ? ' facets-open' : ''}`}>
      <Toolbar feed={feed} live={live} facets={known} input={input} facetsOpen={facetsOpen} />
      <SumStrip sums={sums} series={series} />
      <div class="live-body">
        <Facets facets={facets} onFilter={filter} />
        <ListFrame live={live} onOpen={open} onFilter={filter} jumping={jumping} />
      </div>
    </div>
  );
}

interface ToolbarProps extends Pick<FilterBoxProps, 'facets' | 'input'> {
  readonly feed: Feed;
  readonly live: LiveList;
  readonly facetsOpen: Signal<boolean>;
}

function Toolbar({ feed, live, facets, input, facetsOpen }: ToolbarProps): JSX.Element {
  const { q } = view.value;
  const { paused, table, togglePause } = live;
  return (
    <div class="toolbar">
      <FilterBox
        q={q}
        facets={facets}
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
      {feed.source.live && (
        <button type="button" class="button" aria-pressed={paused.value} onClick={togglePause}>
          <Icon name={paused.value ? 'play' : 'pause'} />
          <span class="wide">{paused.value ? 'Resume' : 'Pause'}</span>
        </button>
      )}
      <ExportMenu source={feed.source} q={q} />
    </div>
  );
}

function filter(field: TextQueryField, value: string, isNot: boolean): void {
  go({ q: addTerm(view.value.q, printTerm(field, value, isNot)) });
}

function open(row: RowSummary): void {
  go({ receipt: row.ref });
}
