/**
 * Ed25519 by one rule on every platform (docs/receipt-format.md, signatures). Platforms agree on honest signatures and
 * differ on crafted ones, so the checks that some of them miss are made here, before they are asked.
 */
import { Point } from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, encodeHex, equalBytes } from './bytes.js';
import type { CryptoBackend } from './crypto.js';

/** The order of the base point, L. */
const ORDER = Point.CURVE().n;
/** 2²⁵⁵ − 19, the field prime. */
const PRIME = Point.CURVE().p;
const MAX_CACHED_KEYS = 4096;

/** The y coordinates of the eight points whose order divides 8, of both signs: orders 1, 2, 4, and 8 twice. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  1n,
  PRIME - 1n,
  0n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

const SMALL_ORDER_BYTES: ReadonlySet<number> = new Set(Array.from(SMALL_ORDER_Y, (y) => Number(y & 255n)));

/** Keys looked at before. Pure memory of a pure function: it changes the speed and nothing else. */
const soundKeys = new Map<string, boolean>();

/**
 * Whether the signature is valid under the rule: S < L; A and R canonical and not of small order; A without a torsion
 * part; and R equal, as bytes, to the encoding of S·B − k·A. Anything of a wrong length is invalid.
 *
 * Costs about 2 ms for the first signature of a key, and what the backend costs after that.
 */
export function verifyStrict(
  backend: CryptoBackend,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean | Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  if (!isBelowOrder(signature.subarray(32))) return false;
  if (!isCanonicalEncoding(r) || isSmallOrder(r)) return false;
  if (!isSoundKey(publicKey)) return false;
  return backend.verifyRaw(publicKey, message, signature);
}

/** Whether a key can have valid signatures at all: a canonical point of the prime-order group, not the identity. */
export function isSoundKey(publicKey: Uint8Array): boolean {
  const name = encodeHex(publicKey);
  const known = soundKeys.get(name);
  if (known !== undefined) return known;
  const sound = publicKey.length === 32 && inspectKey(publicKey);
  if (soundKeys.size >= MAX_CACHED_KEYS) soundKeys.clear();
  soundKeys.set(name, sound);
  return sound;
}

/** Pure JavaScript: the portable fallback, ten times slower than a platform's own. */
export const nobleBackend: CryptoBackend = {
  name: 'noble',
  sha256: (bytes) => sha256(bytes),
  verifyRaw: verifyWithPoints,
};

/**
 * The equation itself. Not noble's own `verify`, whose strict mode multiplies by the cofactor and so accepts an R with
 * a torsion part that other platforms refuse.
 */
function verifyWithPoints(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  const s = readScalar(signature.subarray(32));
  const a = readPoint(publicKey);
  if (!a || s >= ORDER) return false;
  const k = readScalar(sha512(concatBytes(r, publicKey, message))) % ORDER;
  const expected = Point.BASE.multiply(s, false).add(a.negate().multiply(k, false));
  return equalBytes(expected.toBytes(), r);
}

function inspectKey(publicKey: Uint8Array): boolean {
  if (!isCanonicalEncoding(publicKey) || isSmallOrder(publicKey)) return false;
  return readPoint(publicKey)?.isTorsionFree() ?? false;
}

function readPoint(encoding: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(encoding);
  } catch {
    return undefined;
  }
}

// The next three are asked for every signature: one look at a byte or two decides nearly all honest ones, and spares
// them a number of 256 bits.

function isBelowOrder(scalar: Uint8Array): boolean {
  // L is 2^252 and a little more.
  return (scalar[31] as number) < 0x10 || readScalar(scalar) < ORDER;
}

function isCanonicalEncoding(encoding: Uint8Array): boolean {
  // All bits of y but the lowest five are set from 2^255 - 32 on.
  return encoding[30] !== 0xff || readY(encoding) < PRIME;
}

function isSmallOrder(encoding: Uint8Array): boolean {
  return SMALL_ORDER_BYTES.has(encoding[0] as number) && SMALL_ORDER_Y.has(readY(encoding));
}

/** The y coordinate of an encoded point: 255 bits, the sign of x left off. */
function readY(encoding: Uint8Array): bigint {
  return readScalar(encoding) & ((1n << 255n) - 1n);
}

/** A little-endian integer. */
function readScalar(bytes: Uint8Array): bigint {
  // A copy by `new`: the `slice` of Node's Buffer is a view, and reversing it would turn the caller's bytes around.
  return BigInt(`0x${encodeHex(new Uint8Array(bytes).reverse())}`);
}
