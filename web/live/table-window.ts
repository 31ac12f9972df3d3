/** Which rows of the virtual table are drawn, which one is selected, and what moves both. */
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { COLUMNS } from './columns.js';
import type { RowTableProps, TableControl } from './row-table.js';
import { moveScroll, placeScroll, type ScrollExtent, type ScrollPlace, topToShow } from './virtual-scroll.js';

/** Rows drawn beyond either edge, so that a fast wheel meets drawn ones. */
const OVERSCAN = 6;
const SETTLE_MS = 200;

export interface TableWindow {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly extent: ScrollExtent;
  /** Pixels of the list above the window. */
  readonly top: number;
  /** First and last place that is drawn. */
  readonly first: number;
  readonly last: number;
  readonly selected: Signal<number>;
  readonly cell: Signal<number>;
  readonly onScroll: () => void;
}

export function useTableWindow(props: RowTableProps): TableWindow {
  const { list } = props;
  const selected = useSignal(-1);
  const cell = useSignal(-1);
  const scroll = useScroll(() => list.total());
  const { extent, place } = scroll;
  props.control.current = createControl(props, scroll, selected, cell);

  const { top } = place.value;
  const first = Math.max(0, Math.floor(top / extent.rowHeight) - OVERSCAN);
  const last = Math.min(extent.rows - 1, Math.ceil((top + extent.height) / extent.rowHeight) + OVERSCAN);
  const isTop = top < extent.rowHeight;
  useEffect(() => list.want(first, last));
  useEffect(() => props.onTop(isTop), [isTop]);
  return { scroller: scroll.scroller, extent, top, first, last, selected, cell, onScroll: scroll.onScroll };
}

interface Scroll {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly place: Signal<ScrollPlace>;
  readonly extent: ScrollExtent;
  /** The extent now: whoever holds the control asks before the next drawing. */
  measure(): ScrollExtent;
  go(top: number): void;
  onScroll(): void;
}

function useScroll(total: () => number): Scroll {
  const scroller = useRef<HTMLDivElement>(null);
  const place = useSignal<ScrollPlace>({ top: 0, scrollTop: 0 });
  const size = useSignal({ height: 600, rowHeight: 32 });
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLayoutEffect(
    () =>
      watchSize(scroller.current, (value) => {
        size.value = value;
      }),
    [],
  );
  const measure = (): ScrollExtent => ({ rows: total(), ...size.value });
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
  return { scroller, place, extent: measure(), measure, go, onScroll };
}

function createControl(
  { list }: RowTableProps,
  { scroller, place, extent, measure, go }: Scroll,
  selected: Signal<number>,
  cell: Signal<number>,
): TableControl {
  const show = (at: number, select: boolean): void => {
    const now = measure();
    const row = Math.min(Math.max(0, at), now.rows - 1);
    if (select) selected.value = row;
    go(topToShow(row, place.value.top, now));
  };
  return {
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
