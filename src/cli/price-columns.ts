/** The price table as it stands on a screen: columns, marks and what they mean (docs/pricing.md, The models command). */
import type { Usd } from '../core/money.js';
import { measureTableAgeMs, type PriceTable } from '../core/price-table.js';
import { type CommandContext, suggest } from './context.js';
import { showAge, showPerMtok, showTokens } from './price-print.js';
import { bold, dim, type Part, paint } from './print.js';

const HEAD = ['model', 'in $/M', 'out $/M', 'context', 'source', 'age'] as const;
/** Names to the left, figures to the right. */
const LEFT_COLUMNS: readonly number[] = [0, 4];
const GAP = '  ';
const LEGEND_INDENT = 11;
/** Prices of a synced table this old are worth a warning. */
const OLD_MS = 7 * 86_400_000;

/** One line of the table. Amounts in US dollars per token. */
export interface PriceRow {
  readonly id: string;
  readonly status: 'listed' | 'free' | 'routed' | 'unknown';
  readonly inputUsd: Usd | undefined;
  readonly outputUsd: Usd | undefined;
  readonly contextTokens: number | null;
  readonly varies: boolean;
  /** `held`: two prices are too far apart, the dearer rules. `endpoints`: the dearest endpoint's. */
  readonly source: 'override' | 'synced' | 'held' | 'endpoints';
}

/** Prints the rows, how many of the table they are, and what their marks mean. */
export function printPriceTable(context: CommandContext, table: PriceTable, rows: readonly PriceRow[]): void {
  const { out, io } = context;
  const ageMs = measureTableAgeMs(table, io.now());
  const cells = rows.map((row) => printCells(row, showAge(ageMs)));
  const widths = measureColumns(cells, out.isTerminal ? io.stdout.columns : Number.POSITIVE_INFINITY);
  out.line(bold(align(HEAD, widths)));
  for (const [index, row] of cells.entries()) {
    const [id = '', ...figures] = row;
    const isLong = id.length > widths[0]!;
    if (isLong) out.line(color(rows[index]!, id));
    out.line(color(rows[index]!, align(isLong ? ['', ...figures] : row, widths)));
  }
  out.blank();
  const all = table.models.length;
  const count = rows.length === all ? `${all}` : `${rows.length} of ${all}`;
  out.line([`${count} models, synced ${showAge(ageMs)} ago `, dim(`from ${table.source}`)]);
  printLegend(context, rows, ageMs);
}

/** As wide as what stands in them; ids get what a terminal leaves, and longer ones a line of their own. */
function measureColumns(cells: readonly (readonly string[])[], columns: number): readonly number[] {
  const [ids = 0, ...others] = HEAD.map((word, column) =>
    Math.max(word.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const rest = others.reduce((sum, width) => sum + GAP.length + width, 0);
  return [Math.min(ids, Math.max(HEAD[0].length, columns - rest)), ...others];
}

function align(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const width = widths[column] ?? 0;
      return LEFT_COLUMNS.includes(column) ? cell.padEnd(width) : cell.padStart(width);
    })
    .join(GAP);
}

function printLegend(context: CommandContext, rows: readonly PriceRow[], ageMs: number): void {
  const { out } = context;
  const has = (test: (row: PriceRow) => boolean): boolean => rows.some(test);
  if (has(({ varies }) => varies))
    out.line(dim('*          changes with the size of the prompt or the time (UTC)'), LEGEND_INDENT);
  if (has(({ status }) => status === 'routed'))
    out.line(dim('routed     has a price only once it stands for another model'), LEGEND_INDENT);
  if (has(({ status }) => status === 'unknown'))
    out.line(dim('unknown    listed without a price that can be true: calls are refused'), LEGEND_INDENT);
  if (has(({ source }) => source === 'endpoints'))
    out.line(dim('endpoints  the dearest endpoint of the model'), LEGEND_INDENT);
  if (has(({ source }) => source === 'held')) {
    const accept = suggest(context, 'models --sync-pricing --accept <id>');
    out.line(
      dim(`held       jumped too far to be believed: the dearer price rules until ${accept}`),
      LEGEND_INDENT,
    );
  }
  if (ageMs > OLD_MS)
    out.line(paint('yellow', `The table is older than 7 days: ${suggest(context, 'models --sync-pricing')}`));
}

function printCells(row: PriceRow, age: string): readonly string[] {
  const mark = row.varies ? '*' : '';
  const price = (usd: Usd | undefined): string => {
    if (row.status === 'routed' || row.status === 'unknown') return row.status;
    return usd === undefined ? '?' : `${row.status === 'free' ? 'free' : showPerMtok(usd)}${mark}`;
  };
  const shownAge = row.source === 'override' ? '-' : age;
  return [
    row.id,
    price(row.inputUsd),
    price(row.outputUsd),
    showTokens(row.contextTokens),
    row.source,
    shownAge,
  ];
}

function color(row: PriceRow, line: string): Part {
  if (row.source === 'held') return paint('yellow', line);
  if (row.source === 'override') return paint('cyan', line);
  return row.status === 'listed' || row.status === 'free' ? line : dim(line);
}
