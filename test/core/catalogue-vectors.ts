/** The synthetic catalogue with every trap, as JSON, as models and as a table. */
import { readFileSync } from 'node:fs';
import { type Catalogue, type CatalogueModel, parseCatalogue } from '../../src/core/catalogue.js';
import type { PricedModel } from '../../src/core/model-prices.js';

export function readVector(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/catalogue/${name}`, import.meta.url), 'utf8'));
}

export function readModelList(answer: unknown): Catalogue {
  const reading = parseCatalogue(answer);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.catalogue;
}

export const traps: Catalogue = readModelList(readVector('traps.json'));

export function findTrap(id: string): CatalogueModel {
  const model = traps.models.find((each) => each.id === id);
  if (!model) throw new Error(`no trap ${id}`);
  return model;
}

export function priceTrap(id: string): PricedModel {
  const model = findTrap(id);
  return { model, pricings: [model.pricing] };
}

/** A model of one pricing object. */
export function priceOf(pricing: object, more: object = {}): PricedModel {
  const text = { architecture: { output_modalities: ['text'] } };
  const [model] = readModelList({ data: [{ id: 'acme/one', pricing, ...text, ...more }] }).models;
  return { model: model!, pricings: [model!.pricing] };
}

/** A decimal without the zeros at its end, worked out on the text alone. */
export function trimDecimal(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}
