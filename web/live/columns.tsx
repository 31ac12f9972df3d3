/** The columns of the live table: what each shows of a call, and by which field a click on it filters. */
import type { JSX } from 'preact';
import type { RowSummary } from '../../src/core/dashboard.js';
import type { TextQueryField } from '../../src/core/query-ast.js';
import { showExact, showInColumn } from '../amount.js';
import { ActionTag } from '../tag.js';
import { showCount, showText } from '../text.js';
import { showInstant, showTime } from '../time.js';

export interface Column {
  readonly name: string;
  readonly title: string;
  /** Field and value that a click filters by; nothing where the cell has no such value. */
  readonly term?: (row: RowSummary) => readonly [TextQueryField, string] | undefined;
  readonly draw: (row: RowSummary, nowMs: number) => JSX.Element | string;
  /** The whole of what `draw` may shorten. */
  readonly hover?: (row: RowSummary) => string;
}

export const COLUMNS: readonly Column[] = [
  {
    name: 'time',
    title: 'Time',
    draw: (row, nowMs) => showTime(row.timestampMs, nowMs),
    hover: (row) => showInstant(row.timestampMs),
  },
  {
    name: 'action',
    title: 'Decision',
    term: (row) => ['action', row.action],
    draw: (row) => <ActionTag action={row.action} />,
  },
  {
    name: 'model',
    title: 'Model',
    term: (row) => present('model', row.resolved || row.requested),
    draw: drawModel,
    hover: (row) => showText(modelText(row)),
  },
  labelColumn('user', 'User'),
  labelColumn('team', 'Team'),
  labelColumn('agent', 'Agent'),
  labelColumn('task', 'Task'),
  {
    name: 'tokens',
    title: 'Tokens',
    draw: drawTokens,
    hover: (row) =>
      row.inputTokens === undefined
        ? ''
        : `${showCount(row.inputTokens)} in, ${showCount(row.outputTokens ?? 0)} out`,
  },
  { name: 'cost', title: 'Cost', draw: drawCost, hover: costInWords },
  {
    name: 'why',
    title: 'Why',
    term: (row) => present('code', row.code),
    draw: (row) => showText(whyText(row), 200),
    hover: (row) => showText(whyText(row)),
  },
];

function labelColumn(name: 'user' | 'team' | 'agent' | 'task', title: string): Column {
  return {
    name,
    title,
    term: (row) => present(name, row[name]),
    draw: (row) => showText(row[name] ?? '', 120),
    hover: (row) => showText(row[name] ?? ''),
  };
}

function present(
  field: TextQueryField,
  value: string | undefined,
): readonly [TextQueryField, string] | undefined {
  return value ? [field, value] : undefined;
}

function modelText(row: RowSummary): string {
  const { requested = '', resolved = '' } = row;
  return requested && resolved && requested !== resolved
    ? `${requested} → ${resolved}`
    : resolved || requested;
}

function drawModel(row: RowSummary): JSX.Element | string {
  const { requested = '', resolved = '' } = row;
  if (!requested || !resolved || requested === resolved) return <Model id={resolved || requested} />;
  return (
    <>
      <s>
        <Model id={requested} short />
      </s>{' '}
      → <Model id={resolved} short />
    </>
  );
}

/** `anthropic/claude-opus-4.7` with its maker in the background; or without it. */
function Model({ id, short = false }: { readonly id: string; readonly short?: boolean }): JSX.Element {
  const slash = id.indexOf('/');
  return (
    <bdi>
      {slash > 0 && !short && <span class="dim">{showText(id.slice(0, slash + 1), 60)}</span>}
      {showText(id.slice(slash + 1), 120)}
    </bdi>
  );
}

function drawTokens({ inputTokens, outputTokens }: RowSummary): JSX.Element | string {
  if (inputTokens === undefined && outputTokens === undefined) return '';
  return showCount((inputTokens ?? 0) + (outputTokens ?? 0));
}

function drawCost(row: RowSummary): JSX.Element | string {
  switch (row.state) {
    case 'settled':
      return row.costUsd === null ? <span class="dim">unknown</span> : showInColumn(row.costUsd);
    case 'held':
      return <span class="held">≤ {showInColumn(row.reservedUsd)}</span>;
    case 'blocked':
    case 'released':
      return <span class="dim">not sent</span>;
    default:
      return '';
  }
}

/** What the cost cell means, for hovering and for screen readers. */
export function costInWords(row: RowSummary): string {
  switch (row.state) {
    case 'settled':
      return row.costUsd === null ? 'settled, cost unknown' : `settled: ${showExact(row.costUsd)}`;
    case 'held':
      return `not settled: at most ${showExact(row.reservedUsd)} is held`;
    case 'blocked':
      return row.reservedUsd === null
        ? 'blocked: nothing was sent'
        : `blocked: at most ${showExact(row.reservedUsd)} was not spent`;
    case 'released':
      return 'released: nothing was sent';
    default:
      return 'no call';
  }
}

function whyText(row: RowSummary): string {
  if (row.action === 'shadow' && row.wouldAction) return `would ${row.wouldAction}: ${row.reason ?? ''}`;
  return row.reason || row.code || '';
}
