/** A small price table in a home. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { createPriceTable, printPriceTable } from '../../src/core/price-table.js';
import { HAIKU, OPUS } from '../helpers/guarded-client.js';

const MODELS = [
  [HAIKU, '0.000001', '0.000005'],
  [OPUS, '0.000005', '0.000025'],
  ['openai/gpt-mini', '0.0000002', '0.0000008'],
  ['openrouter/auto', '-1', '-1'],
] as const;

export async function putPriceTable(home: string): Promise<void> {
  const data = MODELS.map(([id, prompt, completion]) => ({
    id,
    canonical_slug: id,
    name: id,
    created: 1,
    context_length: 200_000,
    architecture: { input_modalities: ['text'], output_modalities: ['text'] },
    pricing: { prompt, completion },
    top_provider: { context_length: 200_000, max_completion_tokens: 8_000, is_moderated: false },
    supported_parameters: [],
  }));
  const reading = parseCatalogue({ data });
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  const table = createPriceTable({
    models: reading.catalogue.models,
    fetchedAt: '2026-10-01T00:00:00.000Z',
    source: 'https://example.test/models',
  });
  await writeFile(join(home, 'pricing.json'), printPriceTable(table), { mode: 0o600 });
}
