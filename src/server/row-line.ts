/**
 * One line of a ledger as the index reads it: with the engine's own JSON parser, three times as fast as strict reading.
 * The dashboard shows; whether a line is what it seems is verified in the page, by `core`.
 */
import { parseInstant } from '../core/instant.js';
import { isObject, type Json, type JsonObject } from '../core/json.js';
import type { RecordRow } from '../core/record-fold.js';
import { MAX_LINE_BYTES } from '../core/row-reader.js';

/** What the index takes from a line. Texts come from rows: hostile. */
export interface RowLine extends RecordRow {
  /** Milliseconds since 1970, or NaN. */
  readonly timestampMs: number;
  readonly publicKeyHex: string;
  readonly entryHash: string;
}

/** `undefined` when the line is no row. Never throws. */
export function readRowLine(bytes: Uint8Array): RowLine | undefined {
  if (bytes.length > MAX_LINE_BYTES) return undefined;
  let value: Json;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { decision, signerFingerprint, publicKeyHex, entryHash } = value as JsonObject;
  if (decision === undefined || !isObject(decision) || typeof signerFingerprint !== 'string')
    return undefined;
  const { timestamp } = decision as JsonObject;
  return {
    decision: decision as JsonObject,
    signerFingerprint,
    publicKeyHex: typeof publicKeyHex === 'string' ? publicKeyHex : '',
    entryHash: typeof entryHash === 'string' ? entryHash : '',
    timestampMs: typeof timestamp === 'string' ? (parseInstant(timestamp) ?? Number.NaN) : Number.NaN,
  };
}
