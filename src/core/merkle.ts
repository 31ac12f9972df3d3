/**
 * The Merkle tree of a ledger (RFC 6962 §2.1): a leaf is the raw bytes of one complete line without its line feed. Rows
 * are added in O(log n) memory, and all stored hashes of a tree lie in one list that only ever grows.
 */
import { concatBytes } from './bytes.js';

/** SHA-256, as `CryptoBackend` has it. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** The right edge of a tree: all that is needed to add leaves and to know the root. */
export interface Frontier {
  /** Leaves so far. */
  size: number;
  /** Roots of the whole subtrees, the largest first: one for each 1 in the binary form of `size`. */
  readonly hashes: Uint8Array[];
}

/** Gives the hash of the whole subtree of 2^level leaves that has `index` such subtrees before it. */
export type SubtreeSource = (level: number, index: number) => Uint8Array;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash of a leaf: SHA-256 of 0x00 and its bytes. */
export function hashLeaf(sha256: Sha256, leaf: Uint8Array): Uint8Array {
  return sha256(concatBytes(LEAF, leaf));
}

/** Hash of two subtrees: SHA-256 of 0x01 and both hashes. */
export function hashNode(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(NODE, left, right));
}

/** A tree without leaves. */
export function createFrontier(): Frontier {
  return { size: 0, hashes: [] };
}

/** A copy that grows by itself. */
export function copyFrontier({ size, hashes }: Frontier): Frontier {
  return { size, hashes: [...hashes] };
}

/**
 * Adds a leaf by its hash. Returns the hashes that are now complete, the leaf's own first: one after the other, those of
 * all leaves are the stored hashes that `locateSubtree` counts.
 */
export function appendLeaf(frontier: Frontier, leafHash: Uint8Array, sha256: Sha256): readonly Uint8Array[] {
  const complete = [leafHash];
  let top = leafHash;
  for (let rest = frontier.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    top = hashNode(sha256, frontier.hashes.pop() as Uint8Array, top);
    complete.push(top);
  }
  frontier.hashes.push(top);
  frontier.size++;
  return complete;
}

/** Root of a tree; SHA-256 of nothing for one without leaves. */
export function computeRoot({ hashes }: Frontier, sha256: Sha256): Uint8Array {
  const [last, ...others] = hashes.toReversed();
  if (!last) return sha256(new Uint8Array());
  return others.reduce((root, left) => hashNode(sha256, left, root), last);
}

/** How many hashes are stored for a tree of `size` leaves. */
export function countStored(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest;
  return count;
}

/** Where among the stored hashes that of a whole subtree stands, from 0. */
export function locateSubtree(level: number, index: number): number {
  const lastLeaf = (index + 1) * 2 ** level - 1;
  return countStored(lastLeaf) + level;
}

/** Root of the first `size` leaves. */
export function computeRootAt(source: SubtreeSource, size: number, sha256: Sha256): Uint8Array {
  return size === 0 ? sha256(new Uint8Array()) : hashRange(source, 0, size, sha256);
}

/**
 * The inclusion proof of a leaf in the tree of the first `size` leaves (RFC 6962 §2.1.1), its sibling first.
 *
 * @throws RangeError for a leaf that is not in the tree
 */
export function proveInclusion(
  source: SubtreeSource,
  index: number,
  size: number,
  sha256: Sha256,
): readonly Uint8Array[] {
  if (!isCount(size) || !isCount(index) || index >= size) throw new RangeError(`no leaf ${index} of ${size}`);
  const proof: Uint8Array[] = [];
  let start = 0;
  for (let end = size; end - start > 1; ) {
    const middle = start + splitOf(end - start);
    const isLeft = index < middle;
    proof.push(isLeft ? hashRange(source, middle, end, sha256) : hashRange(source, start, middle, sha256));
    if (isLeft) end = middle;
    else start = middle;
  }
  return proof.reverse();
}

/**
 * The proof that the tree of the first `size` leaves begins with that of the first `earlier` (RFC 6962 §2.1.2).
 *
 * @throws RangeError for an earlier tree that is larger
 */
export function proveConsistency(
  source: SubtreeSource,
  earlier: number,
  size: number,
  sha256: Sha256,
): readonly Uint8Array[] {
  if (!isCount(size) || !isCount(earlier) || earlier > size) throw new RangeError(`${earlier} of ${size}`);
  if (earlier === 0 || earlier === size) return [];
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (end !== earlier) {
    const middle = start + splitOf(end - start);
    const isLeft = earlier <= middle;
    proof.push(isLeft ? hashRange(source, middle, end, sha256) : hashRange(source, start, middle, sha256));
    if (isLeft) end = middle;
    else start = middle;
  }
  // Whoever checks has the root of the earlier tree, so it is left out where it is a subtree of its own.
  if (start > 0) proof.push(hashRange(source, start, end, sha256));
  return proof.reverse();
}

/** Largest power of two below `size`, which is 2 or more. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** Hash of the leaves from `start` to `end`, as they stand together in a tree. */
function hashRange(source: SubtreeSource, start: number, end: number, sha256: Sha256): Uint8Array {
  const size = end - start;
  if (size === 1) return source(0, start);
  const split = splitOf(size);
  if (split * 2 === size) return source(Math.log2(size), start / size);
  const left = source(Math.log2(split), start / split);
  return hashNode(sha256, left, hashRange(source, start + split, end, sha256));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
