/** `agentguard models [filter]`: what each model costs, where that figure comes from and how old it is. */
import type { CatalogueModel } from '../../core/catalogue.js';
import { normalizeModelId } from '../../core/model-id.js';
import { listPrices } from '../../core/model-prices.js';
import { parseCentsPerKtok, printUsdPerMtok, type Usd } from '../../core/money.js';
import { findNearest } from '../../core/nearest.js';
import { listPricings, measureTableAgeMs, type PriceTable } from '../../core/price-table.js';
import { listCostOverrides } from '../../guard/cost-overrides.js';
import { PRICE_FILE, readPriceFile } from '../../store/price-file.js';
import { unreadableError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { describeTable, showAge, showPerMtok, showTokens } from '../price-print.js';
import { bold, dim, type Part, paint } from '../print.js';

/** Prices of a synced table this old are worth a warning. */
const OLD_MS = 7 * 86_400_000;
const NEAREST = 3;

/** One line of the table. Amounts in US dollars per token. */
interface PriceRow {
  readonly id: string;
  readonly status: 'listed' | 'free' | 'routed' | 'unknown';
  readonly inputUsd: Usd | undefined;
  readonly outputUsd: Usd | undefined;
  readonly contextTokens: number | null;
  readonly varies: boolean;
  /** `held`: two prices are too far apart, the dearer rules. `endpoints`: the dearest endpoint's. */
  readonly source: 'override' | 'synced' | 'held' | 'endpoints';
}

/** Prints the models whose id or name has every word. @throws CliError when there is no table or no such model */
export async function runModelsTable(context: CommandContext, words: readonly string[]): Promise<ExitCode> {
  const table = await loadTable(context);
  const rows = listRows(table);
  const shown = rows.filter((row) => matches(row.id, findName(table, row.id), words));
  if (shown.length === 0) throw noMatch(rows, words);
  if (context.json) context.out.json(describeRows(table, shown, context.io.now()));
  else printTable(context, table, shown);
  return EXIT_CODES.ok;
}

/** The table of the home. @throws CliError when there is none or it is damaged */
export async function loadTable(context: CommandContext, name: string = PRICE_FILE): Promise<PriceTable> {
  const reading = await readPriceFile(context.home, name);
  const hint = `${suggest(context, 'models --sync-pricing')} fetches it`;
  if (reading === undefined) throw unreadableError(`there is no price table in ${context.home}`, hint);
  if (reading.table === undefined)
    throw unreadableError(reading.problem ?? 'the price table is damaged', hint);
  return reading.table;
}

/** Every model of the table, and overrides that it does not have, by id. */
function listRows(table: PriceTable): readonly PriceRow[] {
  const overrides = new Map(listOverrides().map((price) => [normalizeModelId(price.model), price]));
  const rows = table.models.map((model) => {
    const override = overrides.get(normalizeModelId(model.id));
    overrides.delete(normalizeModelId(model.id));
    return override ? overrideRow(model.id, override, model.contextLength) : syncedRow(table, model);
  });
  const others = [...overrides.values()].map((price) => overrideRow(price.model, price, null));
  return [...rows, ...others].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Prices set by hand in this process, in US dollars per token. */
function listOverrides() {
  return listCostOverrides().map(({ model, inputCentsPerKtok, outputCentsPerKtok }) => ({
    model,
    inputUsd: parseCentsPerKtok(inputCentsPerKtok) ?? 0n,
    outputUsd: parseCentsPerKtok(outputCentsPerKtok) ?? 0n,
  }));
}

function syncedRow(table: PriceTable, model: CatalogueModel): PriceRow {
  const { status, inputUsd, outputUsd, varies } = listPrices(listPricings(table, model));
  const hasEndpoints = (table.endpoints.get(model.id)?.pricings.length ?? 0) > 0;
  const source = table.heldBack.has(model.id) ? 'held' : hasEndpoints ? 'endpoints' : 'synced';
  const { id, contextLength: contextTokens } = model;
  return { id, status, inputUsd, outputUsd, contextTokens, varies, source };
}

function overrideRow(
  id: string,
  { inputUsd, outputUsd }: { readonly inputUsd: Usd; readonly outputUsd: Usd },
  contextTokens: number | null,
): PriceRow {
  return { id, status: 'listed', inputUsd, outputUsd, contextTokens, varies: false, source: 'override' };
}

function findName(table: PriceTable, id: string): string {
  return table.models.find((model) => model.id === id)?.name ?? '';
}

/** Dots and dashes are one, so that an id copied from elsewhere finds its model. */
function matches(id: string, name: string, words: readonly string[]): boolean {
  const text = `${normalizeModelId(id)} ${normalizeModelId(name)}`;
  return words.every((word) => text.includes(normalizeModelId(word)));
}

function noMatch(rows: readonly PriceRow[], words: readonly string[]) {
  // Whoever mistypes a filter often left the author out.
  const ids = new Map(
    rows.flatMap(({ id }) => [[id.split('/').at(-1) ?? id, id] as const, [id, id] as const]),
  );
  const found = findNearest(words.join(' '), [...ids.keys()], NEAREST);
  const near = [...new Set(found.map((word) => ids.get(word) ?? word))];
  const hint = near.length > 0 ? `did you mean ${near.join(', ')}?` : 'agentguard models lists them all';
  return unreadableError(`no model matches ${JSON.stringify(words.join(' '))}`, hint);
}

function printTable(context: CommandContext, table: PriceTable, rows: readonly PriceRow[]): void {
  const { out, io } = context;
  const ageMs = measureTableAgeMs(table, io.now());
  const cells = rows.map((row) => printCells(row, showAge(ageMs)));
  const head = ['model', 'in $/M', 'out $/M', 'context', 'source', 'age'];
  const widths = head.map((word, column) =>
    Math.max(word.length, ...cells.map((row) => row[column]!.length)),
  );
  out.line(bold(align(head, widths)));
  for (const [index, row] of cells.entries()) out.line(color(rows[index]!, align(row, widths)));
  out.blank();
  const count =
    rows.length === table.models.length ? `${rows.length}` : `${rows.length} of ${table.models.length}`;
  out.line([`${count} models, synced ${showAge(ageMs)} ago `, dim(`from ${table.source}`)]);
  printLegend(context, rows, ageMs);
}

function printLegend(context: CommandContext, rows: readonly PriceRow[], ageMs: number): void {
  const { out } = context;
  const has = (test: (row: PriceRow) => boolean): boolean => rows.some(test);
  if (has(({ varies }) => varies))
    out.line(dim('*          changes with the size of the prompt or the time (UTC)'), 11);
  if (has(({ status }) => status === 'routed'))
    out.line(dim('routed     has a price only once it stands for another model'), 11);
  if (has(({ status }) => status === 'unknown'))
    out.line(dim('unknown    listed without a price that can be true: calls are refused'), 11);
  if (has(({ source }) => source === 'endpoints'))
    out.line(dim('endpoints  the dearest endpoint of the model'), 11);
  if (has(({ source }) => source === 'held')) {
    const accept = suggest(context, 'models --sync-pricing --accept <id>');
    out.line(dim(`held       jumped too far to be believed: the dearer price rules until ${accept}`), 11);
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

/** Names to the left, figures to the right. */
function align(cells: readonly string[], widths: readonly number[]): string {
  const isLeft = (column: number): boolean => column === 0 || column === 4;
  return cells
    .map((cell, column) => (isLeft(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
    .join('  ');
}

function color(row: PriceRow, line: string): Part {
  if (row.source === 'held') return paint('yellow', line);
  if (row.source === 'override') return paint('cyan', line);
  return row.status === 'listed' || row.status === 'free' ? line : dim(line);
}

/** The stable JSON form of the table. */
function describeRows(table: PriceTable, rows: readonly PriceRow[], nowMs: number) {
  const perMtok = (usd: Usd | undefined): string | null => (usd === undefined ? null : printUsdPerMtok(usd));
  return {
    table: describeTable(table, nowMs),
    models: rows.map(({ inputUsd, outputUsd, ...row }) => ({
      ...row,
      inputUsdPerMtok: perMtok(inputUsd),
      outputUsdPerMtok: perMtok(outputUsd),
    })),
  };
}
