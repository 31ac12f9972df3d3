/** Random choices that a printed seed repeats. */

export interface Random {
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** The seed that `SEED` names, or one of this moment. */
export function chooseSeed(): number {
  const named = Number(process.env.SEED);
  return process.env.SEED !== undefined && Number.isSafeInteger(named) ? named : Date.now() % 2 ** 31;
}

/** A linear congruential generator over 2^64 (constants of Knuth's MMIX); its high bits are used. */
export function createRandom(seed: number): Random {
  let state = BigInt(seed);
  const next = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & (2n ** 64n - 1n);
    return Number(state >> 32n) / 2 ** 32;
  };
  return {
    int: (below) => Math.floor(next() * below),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
}
