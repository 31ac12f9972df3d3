import { describe, expect, it } from 'vitest';
import { createKeyRing } from '../../src/core/key-ring.js';
import { createSigners, findSigner } from '../../src/core/signers.js';
import { writeLedger } from './ledger-fixture.js';

const { receipts } = writeLedger('ab', { foreign: true });
const [first, second] = receipts as [(typeof receipts)[0], (typeof receipts)[0]];

describe('a row that names no key', () => {
  it('belongs to the chain it is linked to, when two keys share its fingerprint', () => {
    const signers = createSigners(createKeyRing([], undefined));
    const one = findSigner(signers, first, true, 1).signer!;
    const two = findSigner(signers, second, true, 2).signer!;
    // Two keys with one label: made by hand, because finding a pair takes 2^32 tries.
    signers.byFingerprint.set(first.signerFingerprint, [one, two]);
    one.chain.head.hashes = ['11'.repeat(32)];
    two.chain.head.hashes = ['22'.repeat(32)];
    const { publicKeyHex: _, ...nameless } = first;
    const find = (previousHash: string) => findSigner(signers, { ...nameless, previousHash }, true, 3).signer;
    expect(find('11'.repeat(32))).toBe(one);
    expect(find('22'.repeat(32))).toBe(two);
    expect(find('33'.repeat(32))).toBe(one);
  });

  it('opens a chain of its own only when its hash is right', () => {
    const signers = createSigners(createKeyRing([], undefined));
    const { publicKeyHex: _, ...nameless } = first;
    expect(findSigner(signers, nameless, false, 1).signer).toBeUndefined();
    expect(signers.list).toEqual([]);
    expect(findSigner(signers, nameless, true, 1).signer?.publicKeyHex).toBeUndefined();
    expect(findSigner(signers, first, true, 2).signer).toBe(signers.list[0]);
    expect(signers.list.map(({ publicKeyHex }) => publicKeyHex)).toEqual([first.publicKeyHex]);
  });
});
