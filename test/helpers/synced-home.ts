/** A home whose price table is what a stand-in publishes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { createPriceTable, printPriceTable } from '../../src/core/price-table.js';
import { makeHome } from './home.js';

/** One published model, as JSON. */
export type PublishedModel = Record<string, unknown> & {
  readonly id: string;
  pricing: Record<string, unknown>;
};

/** Makes the home. `edit` may change each model before it is read. */
export async function makeSyncedHome(
  url: string,
  edit: (model: PublishedModel) => void = () => {},
): Promise<string> {
  const home = await makeHome();
  const published = (await (await fetch(`${url}/models`)).json()) as { data: PublishedModel[] };
  for (const model of published.data) edit(model);
  const reading = parseCatalogue(published as never);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  const { models } = reading.catalogue;
  const table = createPriceTable({ models, fetchedAt: '2026-11-20T00:00:00.000Z', source: `${url}/models` });
  await writeFile(join(home, 'pricing.json'), printPriceTable(table), { mode: 0o600 });
  return home;
}
