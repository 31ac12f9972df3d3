/** Changing the ledger's own key: a row, signed with the old one, that names the new one (docs/receipt-format.md). */
import { randomUUID } from 'node:crypto';
import type { Receipt } from '../core/receipt.js';
import { rotationRow } from '../core/rotation.js';
import { writeNextKey } from './key-successor.js';
import { openLedger } from './ledger.js';

export interface RotationRequest {
  /** An existing home. */
  readonly home: string;
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Why, in the operator's words; goes into the row. */
  readonly reason: string;
}

/**
 * Lets the ledger's key name a new one, which signs from the next row on, in every running process. The old private key
 * is destroyed: whoever still has a copy of it can sign no row that verifies.
 *
 * @returns the rotation row, signed with the old key
 * @throws AgentGuardError as `openLedger`
 */
export async function rotateKey({ home, scope, nowMs, reason }: RotationRequest): Promise<Receipt> {
  const store = await openLedger({ home, scope, durability: 'disk' });
  try {
    const { receipts, durable } = await store.transact((view) => {
      const retiredKeyHex = store.publicKeyHex;
      const newKeyHex = writeNextKey(store.paths.key);
      const timestampMs = Math.max(nowMs, view.lastTimestampMs);
      const facts = { id: randomUUID(), timestampMs, tenantId: scope, retiredKeyHex, newKeyHex, reason };
      return { result: undefined, drafts: [{ decision: rotationRow(facts) }] };
    });
    await durable();
    // Any step after the row finishes the change.
    await store.transact(() => ({ result: undefined, drafts: [] }));
    return receipts[0] as Receipt;
  } finally {
    await store.close();
  }
}
