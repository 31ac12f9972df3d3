/** The virtual table: a window of rows over a list of any length, moved by wheel, scroll bar, finger and keyboard. */
import type { JSX } from 'preact';
import type { RowSummary } from '../../src/core/dashboard.js';
import type { TextQueryField } from '../../src/core/query-ast.js';
import type { RowList } from '../state/row-list.js';
import { COLUMNS, type Column, costInWords } from './columns.js';
import { useTableWindow } from './table-window.js';
import { scrollHeightOf } from './virtual-scroll.js';

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
  const { list } = props;
  void list.version.value;
  const { scroller, extent, top, first, last, selected, cell, onScroll } = useTableWindow(props);
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
      <TableHead />
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

function TableHead(): JSX.Element {
  return (
    <div class="table-head row" role="row" aria-rowindex={1}>
      {COLUMNS.map((column) => (
        <div key={column.name} role="columnheader" class={`cell cell-${column.name}`}>
          {column.title}
        </div>
      ))}
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
