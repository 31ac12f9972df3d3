/** Checks Merkle proofs (RFC 9162 §2.1.3.2 and §2.1.4.2). Everything but the leaf's own bytes may come from an enemy. */
import { equalBytes } from './bytes.js';
import { hashNode, type Sha256 } from './merkle.js';

/** A leaf that is said to be in a tree. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  /** The leaf's sibling first. */
  readonly proof: readonly Uint8Array[];
}

/** A tree that is said to begin with an earlier one. */
export interface ConsistencyClaim {
  readonly earlierSize: number;
  readonly earlierRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

const HASH_BYTES = 32;

/** Whether the proof shows that the leaf is in the tree. */
export function verifyInclusion(claim: InclusionClaim, sha256: Sha256): boolean {
  const { index, size, leafHash, root, proof } = claim;
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (![leafHash, root, ...proof].every(isHash)) return false;
  let [at, last] = [index, size - 1];
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) return false;
    const isRight = at % 2 === 1 || at === last;
    hash = isRight ? hashNode(sha256, sibling, hash) : hashNode(sha256, hash, sibling);
    if (isRight) [at, last] = skipMissing(at, last);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
}

/** Whether the proof shows that nothing of the earlier tree was changed or removed. */
export function verifyConsistency(claim: ConsistencyClaim, sha256: Sha256): boolean {
  const { earlierSize, earlierRoot, size, root, proof } = claim;
  if (!isCount(earlierSize) || !isCount(size) || earlierSize > size) return false;
  if (![earlierRoot, root, ...proof].every(isHash)) return false;
  if (earlierSize === size) return proof.length === 0 && equalBytes(earlierRoot, root);
  if (earlierSize === 0) return proof.length === 0 && equalBytes(earlierRoot, sha256(new Uint8Array()));
  const path = isPowerOfTwo(earlierSize) && proof.length > 0 ? [earlierRoot, ...proof] : proof;
  const [first, ...others] = path;
  if (!first) return false;
  let [at, last] = [earlierSize - 1, size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [earlier, hash] = [first, first];
  for (const each of others) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      earlier = hashNode(sha256, each, earlier);
      hash = hashNode(sha256, each, hash);
      [at, last] = skipMissing(at, last);
    } else hash = hashNode(sha256, hash, each);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(earlier, earlierRoot) && equalBytes(hash, root);
}

/** Goes up past the levels at which the right edge of the tree has no sibling. */
function skipMissing(at: number, last: number): [number, number] {
  let place: [number, number] = [at, last];
  while (place[0] % 2 === 0 && place[0] !== 0) place = [half(place[0]), half(place[1])];
  return place;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}
