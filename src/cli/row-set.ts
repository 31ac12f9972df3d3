/** A set of places in a ledger: one bit for each row, so that millions fit. */

export interface RowSet {
  /** `row` from 0. */
  add(row: number): void;
  has(row: number): boolean;
}

const FIRST_BYTES = 4096;

/** An empty set. It grows with the highest row. */
export function createRowSet(): RowSet {
  let bits = new Uint8Array(FIRST_BYTES);
  return {
    add(row) {
      const at = Math.floor(row / 8);
      if (at >= bits.length) {
        const larger = new Uint8Array(Math.max(at + 1, bits.length * 2));
        larger.set(bits);
        bits = larger;
      }
      bits[at]! |= 1 << (row % 8);
    },
    has: (row) => ((bits[Math.floor(row / 8)] ?? 0) & (1 << (row % 8))) !== 0,
  };
}
