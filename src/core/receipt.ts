/**
 * The receipt: one signed row of a ledger (docs/receipt-format.md §2).
 *
 *   {"decision":{…},"previousHash":"…64 hex","sequence":0,"signerFingerprint":"…16 hex",
 *    "entryHash":"…64 hex","signature":"…128 hex","publicKeyHex":"…64 hex"}
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { decodeHex, encodeHex, encodeUtf8, isHex, lendUtf8 } from './bytes.js';
import { canonicalize, canonicalizePlain } from './canonical-json.js';
import type { CryptoBackend, Signer } from './crypto.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { type Reading, refusal } from './reading.js';
import { MAX_DEPTH, MAX_LINE_BYTES, readJsonLine } from './row-reader.js';
import { type MemberName, readSealedRow, SealedRow } from './sealed-row.js';

/** `previousHash` of a signer's first row, and `ledgerPreviousHash` of a ledger's first row. */
export const ZERO_HASH = '0'.repeat(64);

/** Version of the row format this package writes, in each row's `decision.formatVersion`. */
export const FORMAT_VERSION = 1;

/** A row whose shape was checked; nothing about its hash or signature is. */
export interface Receipt {
  readonly sequence: number;
  readonly decision: JsonObject;
  readonly previousHash: string;
  readonly entryHash: string;
  readonly signature: string;
  readonly signerFingerprint: string;
  /** Not covered by the hash. Absent in some rows written by others. */
  readonly publicKeyHex?: string;
  /** Keys outside the format. Nothing signs them. */
  readonly unsigned: JsonObject;
}

/** A row and the hash of what it says, 32 bytes: what its `entryHash` ought to be. */
export interface HashedReceipt {
  readonly receipt: Receipt;
  readonly hash: Uint8Array;
}

/** What the hash covers: the part of a receipt that its signer vouches for. */
export type Payload = Pick<Receipt, 'decision' | 'previousHash' | 'sequence' | 'signerFingerprint'>;

/** A sealed row, as data and as the line to write, which has no line feed. */
export interface SealedReceipt {
  readonly receipt: Receipt;
  readonly line: string;
}

const HEX_BYTES = { previousHash: 32, entryHash: 32, signature: 64, signerFingerprint: 8, publicKeyHex: 32 };
const ROW_KEYS: ReadonlySet<string> = new Set(['sequence', 'decision', ...Object.keys(HEX_BYTES)]);
/** More than the bytes that a row has besides its payload. */
const SEAL_BYTES = 512;

/**
 * Reads one line of a ledger, strictly, and checks the shape of the row: keys in any order, `publicKeyHex` optional.
 * Never throws on bytes.
 */
export function readReceipt(line: Uint8Array): Reading<Receipt> {
  const sealed = readSealedRow(line);
  return sealed ? { ok: true, value: takeOut(sealed) } : readAnyRow(line);
}

/** As `readReceipt`, with the hash of what the row says. */
export function readHashedReceipt(
  line: Uint8Array,
  backend: Pick<CryptoBackend, 'sha256'>,
): Reading<HashedReceipt> {
  const sealed = readSealedRow(line);
  if (sealed)
    return { ok: true, value: { receipt: sealed, hash: backend.sha256(sealed.borrowPayload(line)) } };
  const reading = readAnyRow(line);
  if (!reading.ok) return reading;
  return { ok: true, value: { receipt: reading.value, hash: hashPayload(backend, reading.value) } };
}

/** The value of a member of the row's decision, without parsing the others where that can be helped. */
export function readMember(receipt: Receipt, name: MemberName): Json | undefined {
  return receipt instanceof SealedRow ? receipt.member(name) : ownValue(receipt.decision, name);
}

/** As plain data, which can be copied and compared. */
function takeOut(row: SealedRow): Receipt {
  const { sequence, decision, previousHash, entryHash, signature, signerFingerprint, publicKeyHex } = row;
  return {
    sequence,
    decision,
    previousHash,
    entryHash,
    signature,
    signerFingerprint,
    publicKeyHex,
    unsigned: {},
  };
}

/** The long way, for rows in any form. */
function readAnyRow(line: Uint8Array): Reading<Receipt> {
  const reading = readJsonLine(line);
  return reading.ok ? shapeReceipt(reading.value) : reading;
}

/** Checks that a JSON value has the shape of a row. Keys outside the format go into `unsigned`. */
function shapeReceipt(value: Json): Reading<Receipt> {
  if (!isObject(value)) return refusal('WRONG_TYPE', 'The line is not a JSON object.');
  for (const [key, sizeBytes] of Object.entries(HEX_BYTES)) {
    const field = ownValue(value, key);
    if (key === 'publicKeyHex' && field === undefined) continue;
    if (typeof field !== 'string' || !isHex(field, sizeBytes)) {
      return refusal('WRONG_TYPE', `The value of "${key}" is not ${2 * sizeBytes} lowercase hex digits.`);
    }
  }
  const sequence = ownValue(value, 'sequence');
  if (!isIndex(sequence)) return refusal('WRONG_TYPE', 'The value of "sequence" is not an integer from 0.');
  const decision = ownValue(value, 'decision');
  if (!isObject(decision)) return refusal('WRONG_TYPE', 'The value of "decision" is not an object.');
  return { ok: true, value: takeFields(value as JsonObject & Receipt) };
}

/** The exact text that is hashed: canonical JSON of `{ decision, previousHash, sequence, signerFingerprint }`. */
export function printPayload(payload: Payload): string {
  return wrapDecision(canonicalize(payload.decision), payload);
}

function wrapDecision(decision: string, payload: Omit<Payload, 'decision'>): string {
  // The four keys are in canonical order and the hex values need no escapes.
  const { previousHash, sequence, signerFingerprint } = payload;
  return (
    `{"decision":${decision},"previousHash":"${previousHash}",` +
    `"sequence":${sequence},"signerFingerprint":"${signerFingerprint}"}`
  );
}

/** SHA-256 over the canonical payload: 32 bytes, what `entryHash` prints and `signature` signs. */
export function hashPayload(backend: Pick<CryptoBackend, 'sha256'>, payload: Payload): Uint8Array {
  return backend.sha256(lendUtf8(printPayload(payload)));
}

/**
 * The label of a key: the first 16 hex digits of SHA-256 over the raw 32 bytes. It names, it does not identify: two
 * keys with one label can be made with some effort.
 *
 * @throws RangeError when the key is not 32 bytes, as bytes or as lowercase hex.
 */
export function computeSignerFingerprint(publicKey: Uint8Array | string): string {
  const bytes = typeof publicKey === 'string' ? decodeHex(publicKey) : publicKey;
  if (bytes?.length !== 32)
    throw new RangeError('An Ed25519 public key has 32 bytes, 64 lowercase hex digits');
  return encodeHex(sha256(bytes)).slice(0, 16);
}

/**
 * Hashes, signs and prints a row: the canonical payload first, then `entryHash`, `signature` and `publicKeyHex`.
 *
 * @throws RangeError for a sequence or hash that no row can have, or a row that strict readers refuse: too long, too
 *   deep, a number that is not exact.
 * @throws TypeError when the decision is not JSON.
 */
export function sealReceipt(
  decision: JsonObject,
  place: { readonly sequence: number; readonly previousHash: string },
  signer: Signer,
  backend: CryptoBackend,
): SealedReceipt {
  const { sequence, previousHash } = place;
  if (!isIndex(sequence)) throw new RangeError(`${sequence} is not a sequence`);
  if (!isHex(previousHash, 32)) throw new RangeError('previousHash is not 64 lowercase hex digits');
  const { fingerprint: signerFingerprint, publicKeyHex } = signer;
  // In a row, the decision is the second level.
  const printed = canonicalizePlain(decision, MAX_DEPTH - 1);
  const text = wrapDecision(printed.text, { sequence, previousHash, signerFingerprint });
  if (!printed.isPlain) assertReadable(encodeUtf8(text));
  const bytes = lendUtf8(text);
  if (bytes.length > MAX_LINE_BYTES - SEAL_BYTES)
    throw new RangeError('The row is longer than readers accept');
  const hash = backend.sha256(bytes);
  const entryHash = encodeHex(hash);
  const signature = encodeHex(signer.sign(hash));
  const line = `${text.slice(0, -1)},"entryHash":"${entryHash}","signature":"${signature}","publicKeyHex":"${publicKeyHex}"}`;
  // Field by field: an object made by spreading gets a shape of its own each time, and all who read it pay.
  const receipt = {
    sequence,
    decision,
    previousHash,
    signerFingerprint,
    entryHash,
    signature,
    publicKeyHex,
    unsigned: {},
  };
  return { receipt, line };
}

/** Whether a value is a place in a chain or ledger: an integer from 0 that is exact. */
export function isIndex(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The value of an object's own key; keys such as `constructor` are found on every object. */
export function ownValue(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A row that its own reader would refuse must never be written. */
function assertReadable(payload: Uint8Array): void {
  const reading = readJsonLine(payload);
  if (!reading.ok) throw new RangeError(`Readers would refuse the row: ${reading.message}`);
}

function takeFields(row: JsonObject & Receipt): Receipt {
  const { sequence, decision, previousHash, entryHash, signature, signerFingerprint } = row;
  const receipt = { sequence, decision, previousHash, entryHash, signature, signerFingerprint };
  const unsigned = takeUnsigned(row);
  const publicKeyHex = ownValue(row, 'publicKeyHex');
  return typeof publicKeyHex === 'string' ? { ...receipt, publicKeyHex, unsigned } : { ...receipt, unsigned };
}

function takeUnsigned(row: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !ROW_KEYS.has(key)));
}
