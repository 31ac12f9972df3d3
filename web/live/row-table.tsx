/** The virtual table: a window of rows over a list of any length, moved by wheel, scroll bar, finger and keyboard. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { RowSummary } from '../../src/core/dashboard.js';
import type { TextQueryField } from '../../src/core/query-ast.js';
import type { RowList } from '../state/row-list.js';
import { COLUMNS, type Column, costInWords } from './columns.js';
import {
  moveScroll,
  placeScroll,
  type ScrollExtent,
  type ScrollPlace,
  scrollHeightOf,
  topToShow,
} from './virtual-scroll.js';

/** Rows drawn beyond either edge, so that a fast wheel meets drawn ones. */
const OVERSCAN = 6;
const SETTLE_MS = 200;

/** What the keyboard and other parts of the screen do with the table. */
export interface TableControl {
  /** Brings a place into sight, and selects it when asked. */
  show(place: number, select: boolean): void;
  move(by: number): void;
  moveCell(by: number): void;
  selected(): RowSummary | undefined;
  /** Field and value under the cell cursor. */
  term(): readonly [TextQueryField, string] | undefined;
  focus(): void;
  /** Keeps what is seen where it is when rows were put before it. */
  shift(rows: number): void;
}

export interface RowTableProps {
  readonly list: RowList;
  readonly nowMs: number;
  readonly openRef: string;
  readonly control: { current: TableControl | null };
  readonly onOpen: (row: RowSummary) => void;
  readonly onFilter: (field: TextQueryField, value: string, isNot: boolean) => void;
  /** Whether the newest row is in sight. */
  readonly onTop: (isTop: boolean) => void;
}

export function RowTable(props: RowTableProps): JSX.Element {
  const { list, control } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const place = useSignal<ScrollPlace>({ top: 0, scrollTop: 0 });
  const size = useSignal({ height: 600, rowHeight: 32 });
  const selected = useSignal(-1);
  const cell = useSignal(-1);
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  void list.version.value;

  // Read when needed: whoever holds the control calls it before the next drawing.
  const measure = (): ScrollExtent => ({ rows: list.total(), ...size.value });
  const extent = measure();
  const go = (top: number): void => {
    place.value = placeScroll(top, measure());
    if (scroller.current) scroller.current.scrollTop = place.value.scrollTop;
  };
  const onScroll = (): void => {
    const bar = scroller.current?.scrollTop ?? 0;
    if (bar !== place.value.scrollTop) place.value = moveScroll(place.value, bar, measure());
    clearTimeout(settle.current);
    // Small movements leave the bar beside the true proportion; it is put right once nobody moves it.
    settle.current = setTimeout(() => go(place.value.top), SETTLE_MS);
  };
  const show = (at: number, select: boolean): void => {
    const now = measure();
    const row = Math.min(Math.max(0, at), now.rows - 1);
    if (select) selected.value = row;
    go(topToShow(row, place.value.top, now));
  };

  control.current = {
    show,
    move: (by) =>
      show(selected.value < 0 ? Math.floor(place.value.top / extent.rowHeight) : selected.value + by, true),
    moveCell(by) {
      cell.value = Math.min(Math.max(0, cell.value + by), COLUMNS.length - 1);
    },
    selected: () => list.at(selected.value),
    term() {
      const row = list.at(selected.value);
      return row && COLUMNS[cell.value]?.term?.(row);
    },
    focus: () => scroller.current?.focus(),
    shift(rows) {
      if (selected.value >= 0) selected.value += rows;
      if (place.value.top > 0) go(place.value.top + rows * extent.rowHeight);
    },
  };

  useLayoutEffect(() => watchSize(scroller.current, (value) => (size.value = value)), []);
  const { top } = place.value;
  const first = Math.max(0, Math.floor(top / extent.rowHeight) - OVERSCAN);
  const last = Math.min(extent.rows - 1, Math.ceil((top + extent.height) / extent.rowHeight) + OVERSCAN);
  const isTop = top < extent.rowHeight;
  useEffect(() => list.want(first, last));
  useEffect(() => props.onTop(isTop), [isTop]);

  const places = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  return (
    <div
      class="table"
      role="grid"
      aria-label="Decisions, newest first"
      aria-rowcount={extent.rows + 1}
      aria-colcount={COLUMNS.length}
      aria-activedescendant={selected.value >= 0 ? `row-${selected.value}` : undefined}
      aria-multiselectable={false}
      tabIndex={0}
      ref={scroller}
      onScroll={onScroll}
    >
      <div class="table-head row" role="row" aria-rowindex={1}>
        {COLUMNS.map((column) => (
          <div key={column.name} role="columnheader" class={`cell cell-${column.name}`}>
            {column.title}
          </div>
        ))}
      </div>
      <div class="table-window" role="presentation">
        {places.map((at) => (
          <TableRow
            key={at}
            at={at}
            top={at * extent.rowHeight - top}
            row={list.at(at)}
            selected={at === selected.value}
            cell={at === selected.value ? cell.value : -1}
            table={props}
            onSelect={() => (selected.value = at)}
          />
        ))}
      </div>
      <div role="presentation" style={{ height: `${scrollHeightOf(extent)}px` }} />
    </div>
  );
}

interface TableRowProps {
  readonly at: number;
  readonly top: number;
  readonly row: RowSummary | undefined;
  readonly selected: boolean;
  readonly cell: number;
  readonly table: RowTableProps;
  readonly onSelect: () => void;
}

function TableRow({ at, top, row, selected, cell, table, onSelect }: TableRowProps): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    onSelect();
    const target = (event.target as Element).closest('[data-term]');
    const column = COLUMNS.find(({ name }) => name === target?.getAttribute('data-term'));
    const term = row && column?.term?.(row);
    if (term && !event.ctrlKey && !event.metaKey) table.onFilter(term[0], term[1], event.altKey);
    else if (row) table.onOpen(row);
  };
  const state = row ? ` is-${row.action}${row.ref === table.openRef ? ' is-open' : ''}` : ' is-loading';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys for all of its rows
    <div
      class={`row${state}${selected ? ' is-selected' : ''}`}
      role="row"
      id={`row-${at}`}
      aria-rowindex={at + 2}
      aria-selected={selected}
      tabIndex={-1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onClick}
    >
      {COLUMNS.map((column, index) => (
        <TableCell key={column.name} column={column} row={row} active={index === cell} nowMs={table.nowMs} />
      ))}
    </div>
  );
}

interface TableCellProps {
  readonly column: Column;
  readonly row: RowSummary | undefined;
  readonly active: boolean;
  readonly nowMs: number;
}

function TableCell({ column, row, active, nowMs }: TableCellProps): JSX.Element {
  const classes = `cell cell-${column.name}${active ? ' is-active' : ''}`;
  if (!row) return <div role="gridcell" class={classes} />;
  const canFilter = column.term?.(row) !== undefined;
  return (
    <div role="gridcell" class={classes} title={column.hover?.(row) || undefined}>
      <span class={canFilter ? 'value can-filter' : 'value'} data-term={canFilter ? column.name : undefined}>
        {column.draw(row, nowMs)}
      </span>
      {column.name === 'cost' && <span class="sr-only"> ({costInWords(row)})</span>}
    </div>
  );
}

/** Tells the height of the window and of a row, which the style sheet makes higher on narrow screens. */
function watchSize(
  element: HTMLElement | null,
  tell: (size: { height: number; rowHeight: number }) => void,
): () => void {
  if (!element) return () => undefined;
  const read = (): void => {
    const rowHeight = Number.parseInt(getComputedStyle(element).getPropertyValue('--row-height'), 10) || 32;
    const head = element.querySelector('.table-head')?.clientHeight ?? 0;
    tell({ height: Math.max(rowHeight, element.clientHeight - head), rowHeight });
  };
  const observer = new ResizeObserver(read);
  observer.observe(element);
  read();
  return () => observer.disconnect();
}
