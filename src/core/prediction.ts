/** Predicted against billed, per model: what the estimates and bounds of settled calls were, and what upstream billed. */
import type { Call } from './calls.js';
import type { ModelNamer } from './model-namer.js';
import { ONE_USD, type Usd } from './money.js';

/** The sums of one model over calls whose bill is known. */
export interface Prediction {
  /** The model that was sent, as written by the first of these calls. Hostile. */
  readonly model: string;
  readonly calls: number;
  readonly expectedUsd: Usd;
  readonly reservedUsd: Usd;
  readonly billedUsd: Usd;
}

export interface PredictionBook {
  /** Counts a call with an estimate and a bill; leaves any other out. */
  add(call: Call): void;
  /** By model, the most billed first. */
  list(): readonly Prediction[];
}

export function createPredictionBook(nameOf: ModelNamer): PredictionBook {
  const sums = new Map<string, Prediction>();
  return {
    add({ askedModel, billedUsd, expectedUsd, reservedUsd }) {
      if (billedUsd === undefined || expectedUsd === undefined || reservedUsd === undefined) return;
      const name = nameOf(askedModel);
      const sum = sums.get(name) ?? NOTHING;
      sums.set(name, {
        model: sum.model || askedModel,
        calls: sum.calls + 1,
        expectedUsd: sum.expectedUsd + expectedUsd,
        reservedUsd: sum.reservedUsd + reservedUsd,
        billedUsd: sum.billedUsd + billedUsd,
      });
    },
    list: () => [...sums.values()].toSorted((a, b) => (a.billedUsd < b.billedUsd ? 1 : -1)),
  };
}

/** Billed ÷ predicted in units of 10⁻²⁴, rounded half up to four decimals. `undefined` when nothing was predicted. */
export function measureRatio({ billedUsd }: Prediction, predictedUsd: Usd): bigint | undefined {
  if (predictedUsd <= 0n) return undefined;
  const tenThousandths = (billedUsd * 20_000n + predictedUsd) / (2n * predictedUsd);
  return (tenThousandths * ONE_USD) / 10_000n;
}

const NOTHING: Prediction = { model: '', calls: 0, expectedUsd: 0n, reservedUsd: 0n, billedUsd: 0n };
