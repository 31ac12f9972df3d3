/** Ed25519 by WebCrypto: browsers on https pages, workers, and Node's own copy of it. */
import { sha256 } from '@noble/hashes/sha2.js';
import { decodeHex, encodeHex } from './bytes.js';
import type { CryptoBackend } from './crypto.js';
import { nobleBackend, verifyStrict } from './ed25519.js';

/** The part of a `SubtleCrypto` that verifying needs; `core` knows no platform types. */
export interface SubtleVerifier {
  importKey(
    format: 'raw',
    key: Uint8Array<ArrayBuffer>,
    algorithm: { name: 'Ed25519' },
    extractable: boolean,
    usages: ['verify'],
  ): Promise<unknown>;
  verify(
    algorithm: { name: 'Ed25519' },
    // biome-ignore lint/suspicious/noExplicitAny: a CryptoKey, whose type belongs to the platform
    key: any,
    signature: Uint8Array<ArrayBuffer>,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

const ED25519 = { name: 'Ed25519' } as const;
const MAX_CACHED_KEYS = 256;

/**
 * WebCrypto as a backend. Hashes are made with noble, because WebCrypto's are asynchronous and dearer than the bytes
 * of a row are worth. `verifyRaw` rejects where the platform has no Ed25519: see `chooseBackend`.
 */
export function createWebCryptoBackend(subtle: SubtleVerifier): CryptoBackend {
  const keys = new Map<string, Promise<unknown>>();
  return {
    name: 'webcrypto',
    sha256: (bytes) => sha256(bytes),
    async verifyRaw(publicKey, message, signature) {
      const key = await importKey(subtle, keys, publicKey);
      return subtle.verify(ED25519, key, new Uint8Array(signature), new Uint8Array(message));
    },
  };
}

/** WebCrypto where it is present and verifies a published Ed25519 signature, otherwise noble. Never rejects. */
export async function chooseBackend(subtle: SubtleVerifier | undefined): Promise<CryptoBackend> {
  if (!subtle) return nobleBackend;
  const backend = createWebCryptoBackend(subtle);
  try {
    return (await passesKnownSignature(backend)) ? backend : nobleBackend;
  } catch {
    return nobleBackend;
  }
}

function importKey(
  subtle: SubtleVerifier,
  keys: Map<string, Promise<unknown>>,
  publicKey: Uint8Array,
): Promise<unknown> {
  const name = encodeHex(publicKey);
  let key = keys.get(name);
  if (!key) {
    key = subtle.importKey('raw', new Uint8Array(publicKey), ED25519, false, ['verify']);
    if (keys.size >= MAX_CACHED_KEYS) keys.clear();
    keys.set(name, key);
  }
  return key;
}

/** RFC 8032, section 7.1, test 1: a signature over the empty message. */
async function passesKnownSignature(backend: CryptoBackend): Promise<boolean> {
  const key = decodeHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  const signature = decodeHex(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
  return (
    key !== undefined && signature !== undefined && verifyStrict(backend, key, new Uint8Array(), signature)
  );
}
