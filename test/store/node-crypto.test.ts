import * as noble from '@noble/ed25519';
import { describe, expect, it } from 'vitest';
import { verifyStrict } from '../../src/core/ed25519.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';

const seed = new Uint8Array(32).fill(5);
const other = new Uint8Array(32).fill(6);
const publicKey = await noble.getPublicKeyAsync(seed);
const otherKey = await noble.getPublicKeyAsync(other);

describe('a signer', () => {
  it('has the key and the signatures that noble has for the same seed', async () => {
    const signer = createNodeSigner(seed, publicKey);
    const hash = nodeBackend.sha256(new Uint8Array([1]));
    expect(signer.publicKeyHex).toBe(Buffer.from(publicKey).toString('hex'));
    expect(new Uint8Array(signer.sign(hash))).toEqual(await noble.signAsync(hash, seed));
    expect(verifyStrict(nodeBackend, publicKey, hash, signer.sign(hash))).toBe(true);
  });

  it('takes the seed alone, or with its public key behind it', () => {
    const both = new Uint8Array([...seed, ...publicKey]);
    expect(createNodeSigner(seed).publicKeyHex).toBe(createNodeSigner(both).publicKeyHex);
  });

  it('leaves the caller his seed as it was', () => {
    createNodeSigner(seed);
    expect(seed).toEqual(new Uint8Array(32).fill(5));
  });

  it.each([
    ['halves of two pairs', seed, otherKey],
    ['a 64-byte key of two pairs', new Uint8Array([...seed, ...otherKey]), undefined],
    ['a short seed', seed.subarray(1), undefined],
    ['a long seed', new Uint8Array(33), undefined],
    ['no bytes', new Uint8Array(), undefined],
    ['hex in place of bytes', 'ab'.repeat(32), undefined],
    ['nothing', undefined, undefined],
    ['a short public key', seed, publicKey.subarray(1)],
    ['a public key in hex', seed, Buffer.from(publicKey).toString('hex')],
  ])('is refused for %s, and no key appears in the error', (_, privateKey, key) => {
    let error: unknown;
    try {
      createNodeSigner(privateKey as Uint8Array, key as Uint8Array | undefined);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'KEY_MISMATCH', hint: expect.any(String) });
    expect(JSON.stringify([String(error), (error as { hint: string }).hint])).not.toMatch(/0505|5,5|abab/);
  });
});
