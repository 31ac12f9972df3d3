/** A place in a ledger between two rows: where it lies, and what tells whether it is still the same place. */

import { isHex } from '../core/bytes.js';
import type { CryptoBackend } from '../core/crypto.js';
import type { Json, JsonObject } from '../core/json.js';
import { isIndex, ZERO_HASH } from '../core/receipt.js';
import { MAX_LINE_BYTES } from '../core/row-reader.js';
import { readRow } from './ledger-state.js';

export interface Place {
  /** Which file of a rotated ledger, from 0, the oldest. */
  readonly part: number;
  /** In that file, just after a row. */
  readonly offset: number;
  /** Rows before it, in all parts. */
  readonly rows: number;
  /** `entryHash` of the row before it. */
  readonly headHash: string;
  /** Length of that row with its line feed; 0 at the start of a file. */
  readonly headBytes: number;
}

/** Before the first row. */
export const ORIGIN: Place = { part: 0, offset: 0, rows: 0, headHash: ZERO_HASH, headBytes: 0 };

/** Reads a place from untrusted JSON. */
export function loadPlace(saved: JsonObject): Place | undefined {
  const { part, offset, rows, headHash, headBytes } = saved;
  if (![part, offset, rows, headBytes].every((each: Json | undefined) => isIndex(each))) return undefined;
  if (typeof headHash !== 'string' || !isHex(headHash, 32)) return undefined;
  const place = { part, offset, rows, headHash, headBytes } as Place;
  return place.headBytes <= Math.min(place.offset, MAX_LINE_BYTES + 1) ? place : undefined;
}

/**
 * Whether the row before a place is still the one that was there.
 *
 * @param read gives `size` bytes of the place's file from `from` on, or fewer at its end.
 */
export function isSamePlace(
  place: Place,
  backend: CryptoBackend,
  read: (from: number, size: number) => Uint8Array,
): boolean {
  // At the start of a file there is no row before it to look at.
  if (place.headBytes === 0) return place.offset === 0;
  const bytes = read(place.offset - place.headBytes, place.headBytes);
  if (bytes.length !== place.headBytes || bytes.at(-1) !== 0x0a) return false;
  const reading = readRow(bytes.subarray(0, -1), backend);
  return reading.ok && reading.value.entryHash === place.headHash;
}
