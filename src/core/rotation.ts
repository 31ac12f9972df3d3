/** A row with which the key of a ledger names its successor (docs/receipt-format.md "Key rotation"). */
import { isHex } from './bytes.js';
import type { JsonObject } from './json.js';
import { ownValue, type Receipt, readMember } from './receipt.js';

/** What a rotation row says. */
export interface Rotation {
  /** Full keys, 64 hex. */
  readonly retiredKeyHex: string;
  readonly newKeyHex: string;
}

/** What a rotation row is made from. */
export interface RotationFacts extends Rotation {
  /** UUID of the row. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  readonly tenantId: string;
  /** Why, in the operator's words. */
  readonly reason: string;
}

const ROTATION = 'key_rotation';

/** The row, to be signed with the key that retires. */
export function rotationRow(facts: RotationFacts): JsonObject {
  const { id, timestampMs, tenantId, retiredKeyHex, newKeyHex, reason } = facts;
  return {
    entryType: ROTATION,
    decisionId: id,
    timestamp: new Date(timestampMs).toISOString(),
    actor: { tenantId },
    retiredKeyHex,
    newKeyHex,
    reason,
  };
}

/** The rotation that a row of that kind tells; `undefined` for any other row, and for one that is not its own key's. */
export function readRotation(receipt: Receipt): Rotation | undefined {
  if (readMember(receipt, 'entryType') !== ROTATION) return undefined;
  const retiredKeyHex = ownValue(receipt.decision, 'retiredKeyHex');
  const newKeyHex = ownValue(receipt.decision, 'newKeyHex');
  if (typeof retiredKeyHex !== 'string' || retiredKeyHex !== receipt.publicKeyHex) return undefined;
  if (typeof newKeyHex !== 'string' || !isHex(newKeyHex, 32) || newKeyHex === retiredKeyHex) return undefined;
  return { retiredKeyHex, newKeyHex };
}
