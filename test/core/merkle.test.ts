import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHex, equalBytes } from '../../src/core/bytes.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import {
  appendLeaf,
  computeRoot,
  computeRootAt,
  copyFrontier,
  countStored,
  createFrontier,
  hashLeaf,
  hashNode,
  locateSubtree,
  proveConsistency,
  proveInclusion,
  type SubtreeSource,
} from '../../src/core/merkle.js';
import { verifyConsistency, verifyInclusion } from '../../src/core/merkle-proof.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';

const { sha256 } = nodeBackend;
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const leaves = Array.from({ length: 70 }, (_, i) => Buffer.from(`row ${i}`));
const hashes = leaves.map((leaf) => hashLeaf(sha256, leaf));

/** The definition of RFC 6962 §2.1, word for word. */
function rootByDefinition(part: readonly Uint8Array[]): Uint8Array {
  if (part.length === 0) return createHash('sha256').digest();
  if (part.length === 1) return part[0] as Uint8Array;
  let split = 1;
  while (split * 2 < part.length) split *= 2;
  return hashNode(sha256, rootByDefinition(part.slice(0, split)), rootByDefinition(part.slice(split)));
}

function grow(size: number) {
  const frontier = createFrontier();
  const stored = hashes.slice(0, size).flatMap((hash) => [...appendLeaf(frontier, hash, sha256)]);
  const source: SubtreeSource = (level, index) => stored[locateSubtree(level, index)] as Uint8Array;
  return { frontier, stored, source };
}

describe('the tree', () => {
  it('has the root that RFC 6962 defines, at every size', () => {
    for (let size = 0; size <= leaves.length; size++) {
      const { frontier, stored } = grow(size);
      expect(encodeHex(computeRoot(frontier, sha256))).toBe(
        encodeHex(rootByDefinition(hashes.slice(0, size))),
      );
      expect(stored).toHaveLength(countStored(size));
      expect(frontier.hashes.length).toBeLessThanOrEqual(7);
    }
    expect(encodeHex(computeRoot(createFrontier(), sha256))).toBe(EMPTY);
  });

  it('has the published root of the eight leaves of Certificate Transparency', () => {
    const inputs = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    const frontier = createFrontier();
    for (const hex of inputs)
      appendLeaf(frontier, hashLeaf(nobleBackend.sha256, Buffer.from(hex, 'hex')), sha256);
    expect(encodeHex(computeRoot(frontier, sha256))).toBe(
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    );
  });

  it('gives every earlier root from its stored hashes', () => {
    const { source } = grow(leaves.length);
    for (let size = 0; size <= leaves.length; size++) {
      expect(equalBytes(computeRootAt(source, size, sha256), rootByDefinition(hashes.slice(0, size)))).toBe(
        true,
      );
    }
  });

  it('goes on from a copy without changing the original', () => {
    const { frontier } = grow(6);
    const before = encodeHex(computeRoot(frontier, sha256));
    appendLeaf(copyFrontier(frontier), hashes[6] as Uint8Array, sha256);
    expect(encodeHex(computeRoot(frontier, sha256))).toBe(before);
  });

  it('tells a leaf from a node of the same bytes', () => {
    const [left, right] = [hashes[0] as Uint8Array, hashes[1] as Uint8Array];
    const asLeaf = hashLeaf(sha256, Buffer.concat([left, right]));
    expect(equalBytes(asLeaf, hashNode(sha256, left, right))).toBe(false);
  });
});

describe('proofs', () => {
  it('show every row of every size, and no other row, size or root', () => {
    const { source } = grow(leaves.length);
    for (let size = 1; size <= 40; size++) {
      const root = rootByDefinition(hashes.slice(0, size));
      for (let index = 0; index < size; index++) {
        const proof = proveInclusion(source, index, size, sha256);
        const claim = { index, size, root, proof, leafHash: hashes[index] as Uint8Array };
        expect(verifyInclusion(claim, sha256)).toBe(true);
        const wrong = [
          { ...claim, leafHash: hashes[(index + 1) % leaves.length] as Uint8Array },
          { ...claim, index: size },
          { ...claim, index: -1 },
          { ...claim, index: index + 0.5 },
          { ...claim, root: hashes[69] as Uint8Array },
          { ...claim, proof: [...proof, root] },
          { ...claim, proof: [root, ...proof] },
          ...(proof.length > 0 ? [{ ...claim, proof: proof.slice(1) }] : []),
          ...(proof.length > 0 ? [{ ...claim, proof: proof.slice(0, -1) }] : []),
          ...(size > 1 ? [{ ...claim, index: (index + 1) % size }] : []),
        ];
        expect(wrong.filter((each) => verifyInclusion(each, sha256))).toEqual([]);
      }
    }
  });

  it('show that a tree extends each earlier one, and that a different one does not', () => {
    const { source } = grow(leaves.length);
    for (let size = 0; size <= 40; size++) {
      const root = rootByDefinition(hashes.slice(0, size));
      for (let earlierSize = 0; earlierSize <= size; earlierSize++) {
        const earlierRoot = rootByDefinition(hashes.slice(0, earlierSize));
        const proof = proveConsistency(source, earlierSize, size, sha256);
        const claim = { earlierSize, earlierRoot, size, root, proof };
        expect(verifyConsistency(claim, sha256)).toBe(true);
        const wrong = [
          { ...claim, earlierRoot: hashes[69] as Uint8Array },
          { ...claim, proof: [...proof, root] },
          { ...claim, earlierSize: size + 1 },
          ...(proof.length > 0 ? [{ ...claim, proof: proof.slice(1) }] : []),
          ...(earlierSize > 0 ? [{ ...claim, root: hashes[69] as Uint8Array }] : []),
        ];
        expect(wrong.filter((each) => verifyConsistency(each, sha256))).toEqual([]);
      }
    }
  });

  it('hold where JavaScript numbers are past 32 bits', () => {
    const size = 2 ** 40 + 2 ** 33 + 5;
    const source: SubtreeSource = (level, index) => sha256(Buffer.from(`${level}:${index}`));
    const indexes = fc.oneof(
      fc.integer({ min: 0, max: size - 1 }),
      fc.integer({ min: 2 ** 40, max: size - 1 }),
    );
    fc.assert(
      fc.property(indexes, (index) => {
        const proof = proveInclusion(source, index, size, sha256);
        expect(proof.length).toBeLessThanOrEqual(41);
        expect(locateSubtree(0, index)).toBeLessThan(countStored(size));
      }),
      { numRuns: 100 },
    );
  });

  it('are refused for rows and sizes that are not there', () => {
    const { source } = grow(4);
    expect(() => proveInclusion(source, 4, 4, sha256)).toThrow(RangeError);
    expect(() => proveInclusion(source, -1, 4, sha256)).toThrow(RangeError);
    expect(() => proveConsistency(source, 5, 4, sha256)).toThrow(RangeError);
  });
});

interface InclusionCase {
  readonly name: string;
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly name: string;
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');

describe.skipIf(!referenceData)('the published proofs', () => {
  it('are accepted or refused as published: inclusion', () => {
    const cases = readReferenceJson('vectors/merkle/inclusion.json') as readonly InclusionCase[];
    expect(cases.length).toBeGreaterThan(80);
    const wrong = cases.filter(({ leafIdx, treeSize, root, leafHash, proof, wantErr }) => {
      const claim = { index: leafIdx, size: treeSize, root: bytesOf(root), leafHash: bytesOf(leafHash) };
      return verifyInclusion({ ...claim, proof: (proof ?? []).map(bytesOf) }, sha256) === wantErr;
    });
    expect(wrong.map((each) => each.name)).toEqual([]);
  });

  it('are accepted or refused as published: consistency', () => {
    const cases = readReferenceJson('vectors/merkle/consistency.json') as readonly ConsistencyCase[];
    expect(cases.length).toBeGreaterThan(80);
    const wrong = cases.filter(({ size1, size2, root1, root2, proof, wantErr }) => {
      const claim = { earlierSize: size1, earlierRoot: bytesOf(root1), size: size2, root: bytesOf(root2) };
      return verifyConsistency({ ...claim, proof: (proof ?? []).map(bytesOf) }, sha256) === wantErr;
    });
    expect(wrong.map((each) => each.name)).toEqual([]);
  });
});
