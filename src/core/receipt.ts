/**
 * The receipt: one signed row of a ledger (docs/receipt-format.md §2).
 *
 *   {"decision":{…},"previousHash":"…64 hex","sequence":0,"signerFingerprint":"…16 hex",
 *    "entryHash":"…64 hex","signature":"…128 hex","publicKeyHex":"…64 hex"}
 */
import type { JsonObject } from './json.js';

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
