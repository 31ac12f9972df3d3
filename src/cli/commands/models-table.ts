/** `agentguard models [filter]`: what each model costs, where that figure comes from and how old it is. */
import type { CatalogueModel } from '../../core/catalogue.js';
import { normalizeModelId } from '../../core/model-id.js';
import { listPrices } from '../../core/model-prices.js';
import { parseCentsPerKtok, printUsdPerMtok, type Usd } from '../../core/money.js';
import { findNearest } from '../../core/nearest.js';
import { listPricings, type PriceTable } from '../../core/price-table.js';
import { listCostOverrides } from '../../guard/cost-overrides.js';
import { PRICE_FILE, readPriceFile } from '../../store/price-file.js';
import { unreadableError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { type PriceRow, printPriceTable } from '../price-columns.js';
import { describeTable } from '../price-print.js';

const NEAREST = 3;

/** Prints the models whose id or name has every word. @throws CliError when there is no table or no such model */
export async function runModelsTable(context: CommandContext, words: readonly string[]): Promise<ExitCode> {
  const table = await loadTable(context);
  const rows = listRows(table);
  const shown = rows.filter((row) => matches(row.id, findName(table, row.id), words));
  if (shown.length === 0) throw noMatch(rows, words);
  if (context.json) context.out.json(describeRows(table, shown, context.io.now()));
  else printPriceTable(context, table, shown);
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
