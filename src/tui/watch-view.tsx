/** The live view as Ink draws it: sums, gauges, calls, one call in full, keys. Text of ledgers is escaped by the caller. */
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import type { CallRecord } from '../core/call-record.js';
import type { CapGauge } from '../core/dashboard.js';
import { parseUsd } from '../core/money.js';
import { chooseDecimals, drawBar, shortCount, shortSpan, shortUsd } from '../core/short-text.js';
import type { Sums } from '../core/summary.js';
import { fitText, measureWidth } from '../core/text-width.js';
import { type Column, chooseColumns, measureColumns } from './record-columns.js';
import { listDetails } from './record-details.js';
import { findCursor, keyOf, listShown, type WatchState } from './watch-model.js';

/** Everything on the screen. */
export interface WatchScreen {
  readonly state: WatchState;
  readonly sums: Sums;
  readonly gauges: readonly CapGauge[];
  /** Scopes whose calls are stopped. */
  readonly stopped: readonly string[];
  readonly scopes: readonly string[];
  readonly isReading: boolean;
  /** A sentence about a ledger that had to be read anew. */
  readonly note: string;
  readonly nowMs: number;
  readonly columns: number;
  readonly rows: number;
  /** Makes text from ledgers harmless in a terminal. */
  readonly escapeText: (text: string) => string;
}

const HELP = [
  ['j, ↓', 'next call'],
  ['k, ↑', 'call before'],
  ['g, G', 'newest, oldest'],
  ['PgUp, PgDn', 'a page'],
  ['Enter', 'all about a call, and back'],
  ['/', 'filter, such as user:alice cost:>0.05'],
  ['Esc', 'close, or no filter'],
  ['p', 'pause and go on'],
  ['q, Ctrl-C', 'quit'],
] as const;
const ACTION_COLORS: Readonly<Record<CallRecord['action'], string>> = {
  allow: 'green',
  downgrade: 'yellow',
  shadow: 'cyan',
  block: 'red',
  control: 'magenta',
};

/** Calls that a screen of this size shows. */
export function measurePage(rows: number, gauges: number): number {
  // Title, gauges, a rule, the head of the table, filter and keys; the last row stays free, so that nothing scrolls.
  return Math.max(1, rows - 6 - Math.min(gauges, measureGauges(rows)));
}

function measureGauges(rows: number): number {
  return rows >= 36 ? 6 : rows >= 20 ? 3 : 1;
}

export function WatchView(screen: WatchScreen): ReactNode {
  const { state, gauges, rows, columns } = screen;
  const page = measurePage(rows, gauges.length);
  return (
    <Box flexDirection="column" width={columns} height={Math.max(1, rows - 1)} overflow="hidden">
      <Title {...screen} />
      {gauges.slice(0, measureGauges(rows)).map((gauge) => (
        <Gauge
          key={`${gauge.scope} ${gauge.policyHash} ${gauge.index} ${gauge.key}`}
          gauge={gauge}
          {...screen}
        />
      ))}
      <Text dimColor>{'─'.repeat(columns)}</Text>
      <Box flexDirection="column" height={page + 1} overflow="hidden">
        {state.isHelp ? (
          <Help />
        ) : state.isDetail ? (
          <Detail {...screen} page={page + 1} />
        ) : (
          <List {...screen} page={page} />
        )}
      </Box>
      <FilterLine {...screen} />
      <Keys {...screen} />
    </Box>
  );
}

function Title({ state, sums, scopes, isReading, stopped, escapeText, columns }: WatchScreen): ReactNode {
  const decimals = chooseDecimals(sums.settledUsd);
  const sign = state.paused ? '‖ paused' : isReading ? '… reading' : '● live';
  const figures = [
    `${shortCount(sums.calls)} ${sums.calls === 1 ? 'call' : 'calls'}`,
    `${shortUsd(sums.settledUsd, decimals)} spent`,
    ...(sums.heldUsd > 0n ? [`${shortUsd(sums.heldUsd, decimals)} held`] : []),
    ...(sums.blocked > 0 ? [`${shortCount(sums.blocked)} blocked`] : []),
  ];
  const names = scopes.map((scope) => escapeText(scope)).join(', ');
  return (
    <Box width={columns} justifyContent="space-between">
      <Box flexShrink={1} marginRight={1}>
        <Text wrap="truncate-end">
          <Text color={state.paused ? 'yellow' : 'green'}>{sign}</Text>
          {'  '}
          <Text bold>{names}</Text>
          {stopped.length > 0 ? (
            <Text color="red">{`  STOPPED: ${stopped.map((one) => escapeText(one)).join(', ')}`}</Text>
          ) : (
            ''
          )}
        </Text>
      </Box>
      <Box flexShrink={0}>
        <Text wrap="truncate-end">{figures.join('  ')}</Text>
      </Box>
    </Box>
  );
}

function Gauge({ gauge, columns, nowMs, escapeText }: WatchScreen & { readonly gauge: CapGauge }): ReactNode {
  const { share, action, window, key, unit, settled, held, limit, resetsAtMs, reachedAtMs } = gauge;
  const color = share >= 1 ? 'red' : share >= 0.8 ? 'yellow' : 'green';
  const amountOf = (text: string): bigint => (unit === 'usd' ? (parseUsd(text) ?? 0n) : BigInt(text));
  const sum = amountOf(settled) + amountOf(held);
  const most = amountOf(limit);
  const decimals = chooseDecimals(most);
  const show = (amount: bigint): string =>
    unit === 'usd' ? shortUsd(amount, decimals).replace(/(\.\d\d\d*?)0+$/, '$1') : shortCount(amount);
  const full =
    reachedAtMs === null
      ? ''
      : reachedAtMs <= nowMs
        ? ', full'
        : `, full in ${shortSpan(reachedAtMs - nowMs)}`;
  const resets = resetsAtMs === null ? '' : `, resets in ${shortSpan(resetsAtMs - nowMs)}`;
  const width = columns >= 100 ? 20 : 10;
  const amounts = `${show(sum)} of ${show(most)}${unit === 'usd' ? '' : ` ${unit}`} ${window.replace('_', ' ')}`;
  const lead = ` ${String(Math.floor(share * 100)).padStart(3)}%  `;
  const rest = columns - width - lead.length;
  const words = fitText(escapeText(amounts), Math.min(rest, columns >= 100 ? 44 : 34));
  const more = fitText(
    escapeText(`  ${action}${full || resets}  ${key.replace(/^tenantId=[^/]*\//, '')}`),
    Math.max(0, rest - measureWidth(words)),
  );
  return (
    <Text wrap="truncate-end">
      <Text color={color}>{drawBar(share, width)}</Text>
      {lead}
      {words}
      <Text dimColor>{more}</Text>
    </Text>
  );
}

function List(props: WatchScreen & { readonly page: number }): ReactNode {
  const { state, page, columns, isReading } = props;
  const shown = listShown(state);
  const at = findCursor(state, shown);
  const from = Math.max(0, Math.min(at - Math.floor(page / 2), shown.length - page));
  const layout = chooseColumns(columns);
  if (shown.length === 0) {
    const words = isReading
      ? 'Reading the ledgers …'
      : state.filterText === ''
        ? 'No calls yet. They appear here as they are decided.'
        : 'No call meets the filter. Esc takes it away.';
    return <Text dimColor>{words}</Text>;
  }
  return (
    <>
      <Row layout={layout} columns={columns} cells={layout.map((column) => column.head)} isHead />
      {shown.slice(from, from + page).map((record, index) => (
        <CallRow
          key={keyOf(record)}
          {...props}
          record={record}
          layout={layout}
          isCursor={from + index === at}
        />
      ))}
    </>
  );
}

interface CallRowProps extends WatchScreen {
  readonly record: CallRecord;
  readonly layout: readonly Column[];
  readonly isCursor: boolean;
}

function CallRow({ record, layout, columns, isCursor, escapeText }: CallRowProps): ReactNode {
  const cells = layout.map((column) => escapeText(column.print(record)));
  return (
    <Row
      layout={layout}
      columns={columns}
      cells={cells}
      isCursor={isCursor}
      color={ACTION_COLORS[record.action]}
      isDim={record.state === 'held'}
    />
  );
}

interface RowProps {
  readonly layout: readonly Column[];
  readonly columns: number;
  readonly cells: readonly string[];
  readonly isHead?: boolean;
  readonly isCursor?: boolean;
  readonly color?: string;
  readonly isDim?: boolean;
}

/** One text of exactly the width of the screen: what stands there before never shows through. */
function Row({
  layout,
  columns,
  cells,
  isHead = false,
  isCursor = false,
  color,
  isDim = false,
}: RowProps): ReactNode {
  const widths = measureColumns(layout, columns - 2);
  return (
    <Text bold={isCursor} dimColor={isHead || (isDim && !isCursor)} wrap="truncate-end">
      {isCursor ? '▸ ' : '  '}
      {layout.map((column, index) => {
        const width = widths[index] ?? 0;
        const cell = fitText(cells[index] ?? '', width, column.isRight ? 'right' : 'left');
        const gap = index === layout.length - 1 ? '' : ' ';
        return column.head === 'action' && color !== undefined ? (
          <Text key={column.head} color={color}>{`${cell}${gap}`}</Text>
        ) : (
          `${cell}${gap}`
        );
      })}
    </Text>
  );
}

function Detail({ state, page, columns, escapeText }: WatchScreen & { readonly page: number }): ReactNode {
  const shown = listShown(state);
  const record = shown[findCursor(state, shown)];
  if (!record) return <Text dimColor>No call is chosen.</Text>;
  const width = 14;
  return (
    <>
      {listDetails(record)
        .slice(0, page)
        .map(([label, value]) => (
          <Box key={label} width={columns}>
            <Box width={width} flexShrink={0}>
              <Text dimColor>{label}</Text>
            </Box>
            <Box flexShrink={1}>
              <Text wrap={label === 'reason' ? 'wrap' : 'truncate-end'}>{escapeText(value)}</Text>
            </Box>
          </Box>
        ))}
    </>
  );
}

function Help(): ReactNode {
  return (
    <>
      {HELP.map(([key, words]) => (
        <Box key={key}>
          <Box width={14} flexShrink={0}>
            <Text bold>{key}</Text>
          </Box>
          <Text wrap="truncate-end">{words}</Text>
        </Box>
      ))}
    </>
  );
}

/** The filter; while it is typed, with a caret, or what is wrong with it. */
function FilterLine({ state, note, escapeText }: WatchScreen): ReactNode {
  const { draft, problem, filterText } = state;
  if (draft !== undefined)
    return (
      <Text wrap="truncate-start">
        <Text bold>/ </Text>
        {escapeText(draft)}
        <Text inverse> </Text>
        {problem ? (
          <Text color="red">{`  ${escapeText(problem.message)} ${escapeText(problem.hint)}`}</Text>
        ) : (
          ''
        )}
      </Text>
    );
  if (filterText !== '') return <Text wrap="truncate-end">{`filter: ${escapeText(filterText)}`}</Text>;
  return (
    <Text dimColor wrap="truncate-end">
      {note === '' ? ' ' : escapeText(note)}
    </Text>
  );
}

function Keys({ state, columns }: WatchScreen): ReactNode {
  const keys =
    state.draft === undefined
      ? ['j/k move', 'Enter detail', '/ filter', state.paused ? 'p go on' : 'p pause', '? keys', 'q quit']
      : ['Enter apply', 'Esc cancel', 'Ctrl-U clear'];
  return (
    <Text dimColor wrap="truncate-end">
      {keys.join(columns >= 60 ? '   ' : '  ')}
    </Text>
  );
}
