/** SHA-256 and Ed25519 by `node:crypto`: signing for the ledger, and the fastest backend to verify with. */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { encodeHex, equalBytes } from '../core/bytes.js';
import type { CryptoBackend, Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import { computeSignerFingerprint } from '../core/receipt.js';

// The fixed heads that RFC 8410 puts before the 32 bytes of a key in DER.
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const MAX_CACHED_KEYS = 256;

const publicKeys = new Map<string, KeyObject>();

/** Node's own crypto. `verifyRaw` may be called with any 32 and 64 bytes and answers `false` for nonsense. */
export const nodeBackend: CryptoBackend = {
  name: 'node',
  // In one call: half the time of `createHash` for a row, a third for a node of the tree. By way of a text, which takes
  // half as long again where a buffer of its own would be made for 32 bytes.
  sha256: (bytes) => Buffer.from(hash('sha256', bytes, 'binary'), 'binary'),
  verifyRaw: (publicKey, message, signature) => verify(null, message, importPublicKey(publicKey), signature),
};

/**
 * Holds a key pair in Node's own key store and signs with it, about 40 µs each.
 *
 * @param privateKey the 32-byte seed of RFC 8032, or 64 bytes: the seed followed by the public key
 * @param publicKey the other half where the caller has it, to be compared
 * @throws AgentGuardError KEY_MISMATCH when a length is wrong or the halves do not belong together. Key bytes appear
 *   in no message.
 */
export function createNodeSigner(privateKey: Uint8Array, publicKey?: Uint8Array): Signer {
  if (!(privateKey instanceof Uint8Array) || (privateKey.length !== 32 && privateKey.length !== 64)) {
    throw mismatch('the private key is not 32 bytes');
  }
  const key = importPrivateKey(privateKey.subarray(0, 32));
  const derived = exportPublicKey(key);
  if (privateKey.length === 64 && !equalBytes(privateKey.subarray(32), derived)) {
    throw mismatch('the two halves of the 64-byte private key do not belong together');
  }
  if (publicKey !== undefined && !isSameKey(publicKey, derived)) {
    throw mismatch('the public key does not belong to the private key');
  }
  return {
    publicKeyHex: encodeHex(derived),
    fingerprint: computeSignerFingerprint(derived),
    sign: (bytes) => sign(null, bytes, key),
  };
}

function importPublicKey(publicKey: Uint8Array): KeyObject {
  const name = encodeHex(publicKey);
  let key = publicKeys.get(name);
  if (!key) {
    key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' });
    if (publicKeys.size >= MAX_CACHED_KEYS) publicKeys.clear();
    publicKeys.set(name, key);
  }
  return key;
}

function importPrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_HEAD, seed]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    // The copy that was only needed to import is not left for a heap dump to find.
    der.fill(0);
  }
}

function exportPublicKey(privateKey: KeyObject): Uint8Array {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(SPKI_HEAD.length));
}

function isSameKey(publicKey: unknown, derived: Uint8Array): boolean {
  return publicKey instanceof Uint8Array && equalBytes(publicKey, derived);
}

function mismatch(what: string): AgentGuardError {
  return new AgentGuardError('KEY_MISMATCH', `The signing key cannot be used: ${what}.`, {
    hint: 'Give the 32-byte Ed25519 seed as privateKey and the public key derived from it as publicKey.',
  });
}
