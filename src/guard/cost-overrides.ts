/** Prices set by hand: they stand above every other source, in this process, for every guard in it. */
import { AgentGuardError } from '../core/errors.js';
import { normalizeModelId } from '../core/model-id.js';
import { parseCentsPerKtok, printCentsPerKtok } from '../core/money.js';
import type { ModelPrice } from '../core/price.js';

/** Price of one model in US cents per 1,000 tokens, ≥ 0. A number is read by its shortest decimal; text is exact. */
export interface CostOverride {
  readonly inputCentsPerKtok: number | string;
  readonly outputCentsPerKtok: number | string;
}

const overrides = new Map<string, ModelPrice>();
let locked = false;

/**
 * Sets the price of one model. Spellings that differ only in case or in dots and dashes mean the same model; a suffix
 * such as `:free` is a model of its own.
 *
 * @throws TypeError when the id is empty or an amount is not an exact decimal ≥ 0.
 * @throws AgentGuardError OVERRIDES_LOCKED after `lockCostOverrides()`.
 */
export function setCostOverride(model: string, override: CostOverride): void {
  if (locked)
    throw new AgentGuardError(
      'OVERRIDES_LOCKED',
      `the price of ${model} cannot be changed: overrides are locked`,
      {
        hint: 'set every price before lockCostOverrides()',
      },
    );
  if (typeof model !== 'string' || model.trim() === '')
    throw new TypeError('setCostOverride: model must be a non-empty string');
  const inputUsd = readPrice(model, 'inputCentsPerKtok', override?.inputCentsPerKtok);
  const outputUsd = readPrice(model, 'outputCentsPerKtok', override?.outputCentsPerKtok);
  const list = { inputUsd, outputUsd, requestUsd: 0n };
  // A price set by hand names no cache writes: they can cost up to twice the input price.
  const price = {
    model,
    identity: normalizeModelId(model),
    list,
    bound: list,
    admit: list,
    cacheWriteFactor: 2n,
  } as const;
  overrides.set(price.identity, { ...price, source: 'override' });
}

/** Every override in force, in the order in which models were first set; amounts as exact decimal text. */
export function listCostOverrides(): readonly ({ readonly model: string } & CostOverride)[] {
  return [...overrides.values()].map(({ model, list }) => ({
    model,
    inputCentsPerKtok: printCentsPerKtok(list.inputUsd),
    outputCentsPerKtok: printCentsPerKtok(list.outputUsd),
  }));
}

/** Freezes the overrides of this process: no later `setCostOverride` can loosen a price. Cannot be undone. */
export function lockCostOverrides(): void {
  locked = true;
}

/** The override for a model, whichever spelling was used. */
export function findCostOverride(model: string): ModelPrice | undefined {
  const price = overrides.get(normalizeModelId(model));
  return price === undefined || price.model === model ? price : { ...price, model };
}

function readPrice(model: string, key: string, value: unknown): bigint {
  const price = typeof value === 'number' || typeof value === 'string' ? parseCentsPerKtok(value) : undefined;
  if (price === undefined || price < 0n)
    throw new TypeError(
      `setCostOverride(${JSON.stringify(model)}): ${key} must be a decimal ≥ 0, in cents per 1,000 tokens`,
    );
  return price;
}
