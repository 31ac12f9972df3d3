/** The price table of the home, for the page. */
import type { ModelsAnswer } from '../core/dashboard.js';
import { parseInstant } from '../core/instant.js';
import { listPrices } from '../core/model-prices.js';
import { printUsdPerMtok, type Usd } from '../core/money.js';
import { listPricings, type PriceTable } from '../core/price-table.js';
import { readPriceFile, stampPriceFile } from '../store/price-file.js';

/** Reads the table when its file changed, and prints it once. A table that cannot be used is shown as none. */
export function createModelReader(home: string): () => Promise<ModelsAnswer> {
  let stamp: string | undefined;
  let answer: ModelsAnswer = NO_TABLE;
  return async () => {
    const now = await stampPriceFile(home);
    if (now === undefined) return NO_TABLE;
    if (now === stamp) return answer;
    const reading = await readPriceFile(home).catch(() => undefined);
    answer = reading?.table ? printModels(reading.table) : NO_TABLE;
    stamp = now;
    return answer;
  };
}

const NO_TABLE: ModelsAnswer = { table: null, models: [] };

function printModels(table: PriceTable): ModelsAnswer {
  const { fetchedAt, source, contentHash } = table;
  return {
    table: { fetchedAtMs: parseInstant(fetchedAt) ?? 0, source, hash: contentHash },
    models: table.models.map((model) => {
      const { inputUsd, outputUsd } = listPrices(listPricings(table, model));
      return {
        id: model.id,
        inputUsdPerMtok: print(inputUsd),
        outputUsdPerMtok: print(outputUsd),
        contextTokens: model.contextLength,
      };
    }),
  };
}

function print(usd: Usd | undefined): string | null {
  return usd === undefined ? null : printUsdPerMtok(usd);
}
