/** Signatures on which platforms differ, crafted from fixed numbers with the private key at hand. */
import { Point } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, encodeHex } from '../../src/core/bytes.js';

export interface CraftedSignature {
  readonly name: string;
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly valid: boolean;
}

const { n: ORDER, p: PRIME } = Point.CURVE();
const ORDER_8 = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');

/** The eight points of small order, the identity first. */
export const TORSION: readonly Point[] = listTorsion();

const SECRET = 0x1234567890abcdef1234567890abcdef1234567890abcdefn;
const NONCE = 0x0fedcba0987654321fedcba0987654321fedcba098765432n;
const KEY = Point.BASE.multiply(SECRET);

/** The first is honest. */
export function craftSignatures(): CraftedSignature[] {
  const message = new TextEncoder().encode('a row');
  const honest = sign(KEY.toBytes(), Point.BASE.multiply(NONCE).toBytes(), message);
  const s = readInteger(honest.subarray(32));
  const withS = (value: bigint) => concatBytes(honest.subarray(0, 32), writeInteger(value));
  const identity = Point.ZERO.toBytes();
  const one = (name: string, key: Uint8Array, signature: Uint8Array, text = message, valid = false) => ({
    name,
    key,
    message: text,
    signature,
    valid,
  });
  return [
    one('an honest signature', KEY.toBytes(), honest, message, true),
    one('S plus the order', KEY.toBytes(), withS(s + ORDER)),
    one('S is the order', KEY.toBytes(), withS(ORDER)),
    one('S with its highest bits set', KEY.toBytes(), withS(s | (1n << 253n))),
    one('S is zero', KEY.toBytes(), withS(0n)),
    one(
      'R has a torsion part',
      KEY.toBytes(),
      sign(KEY.toBytes(), Point.BASE.multiply(NONCE).add(ORDER_8).toBytes(), message),
    ),
    one('R is the identity', KEY.toBytes(), sign(KEY.toBytes(), identity, message, 0n)),
    one(
      'R is the identity with the sign of x set',
      KEY.toBytes(),
      sign(KEY.toBytes(), identity.with(31, 0x80), message, 0n),
    ),
    one(
      'R is the identity, not canonical',
      KEY.toBytes(),
      sign(KEY.toBytes(), writeInteger(PRIME + 1n), message, 0n),
    ),
    one('R has small order', KEY.toBytes(), sign(KEY.toBytes(), ORDER_8.toBytes(), message, 0n)),
    one(
      'A is the identity',
      identity,
      concatBytes(Point.BASE.multiply(NONCE).toBytes(), writeInteger(NONCE)),
    ),
    one(
      'A is the identity, not canonical',
      writeInteger(PRIME + 1n),
      concatBytes(Point.BASE.multiply(NONCE).toBytes(), writeInteger(NONCE)),
    ),
    one('A and R are the identity and S is zero', identity, concatBytes(identity, writeInteger(0n))),
    one(
      'A has a torsion part',
      KEY.add(ORDER_8).toBytes(),
      sign(KEY.add(ORDER_8).toBytes(), Point.BASE.multiply(NONCE).toBytes(), message),
    ),
    torsionKeyThatCancels(),
    smallOrderKeyThatCancels(),
    one('A is not on the curve', writeInteger(2n), honest),
    one('another message', KEY.toBytes(), honest, new TextEncoder().encode('another row')),
  ];
}

/** k is a multiple of 8, so that k times the torsion part vanishes and the bare equation holds. */
function torsionKeyThatCancels(): CraftedSignature {
  const key = KEY.add(ORDER_8).toBytes();
  const r = Point.BASE.multiply(NONCE).toBytes();
  for (let i = 0; ; i++) {
    const message = new TextEncoder().encode(`row ${i}`);
    if (challenge(key, r, message) % 8n !== 0n) continue;
    return {
      name: 'A has a torsion part that k cancels',
      key,
      message,
      signature: sign(key, r, message),
      valid: false,
    };
  }
}

function smallOrderKeyThatCancels(): CraftedSignature {
  const key = ORDER_8.toBytes();
  const r = Point.BASE.multiply(NONCE).toBytes();
  for (let i = 0; ; i++) {
    const message = new TextEncoder().encode(`row ${i}`);
    if (challenge(key, r, message) % 8n !== 0n) continue;
    return {
      name: 'A has small order and k cancels it',
      key,
      message,
      signature: concatBytes(r, writeInteger(NONCE)),
      valid: false,
    };
  }
}

function sign(key: Uint8Array, r: Uint8Array, message: Uint8Array, nonce = NONCE): Uint8Array {
  return concatBytes(r, writeInteger((nonce + challenge(key, r, message) * SECRET) % ORDER));
}

function challenge(key: Uint8Array, r: Uint8Array, message: Uint8Array): bigint {
  return readInteger(sha512(concatBytes(r, key, message))) % ORDER;
}

function listTorsion(): Point[] {
  const points = [Point.ZERO];
  for (let i = 1; i < 8; i++) points.push(points[i - 1]!.add(ORDER_8));
  return points;
}

function readInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(new Uint8Array(bytes).reverse())}`);
}

function writeInteger(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex')).reverse();
}
