/**
 * Keys over time (docs/receipt-format.md "Key rotation"): a row with which a key names its successor, and what follows
 * from it for the rows of both.
 */
import { isHex } from './bytes.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import { ownValue, type Receipt } from './receipt.js';
import { nameSigner, type SignerChain } from './signers.js';

/** What a rotation row says. */
export interface Rotation {
  /** Full keys, 64 hex. */
  readonly retiredKeyHex: string;
  readonly newKeyHex: string;
}

export const ROTATION = 'key_rotation';
/** A ledger of a million rotations is somebody's joke: later ones make no key trusted. */
const MAX_SUCCESSORS = 10_000;

/** The rotation that a row of that kind tells; `undefined` for any other row, and for one that is not its own key's. */
export function readRotation(receipt: Receipt): Rotation | undefined {
  if (ownValue(receipt.decision, 'entryType') !== ROTATION) return undefined;
  const retiredKeyHex = ownValue(receipt.decision, 'retiredKeyHex');
  const newKeyHex = ownValue(receipt.decision, 'newKeyHex');
  if (typeof retiredKeyHex !== 'string' || retiredKeyHex !== receipt.publicKeyHex) return undefined;
  if (typeof newKeyHex !== 'string' || !isHex(newKeyHex, 32) || newKeyHex === retiredKeyHex) return undefined;
  return { retiredKeyHex, newKeyHex };
}

/** Reports a row of a key that had retired, and takes note of a row with which one retires. */
export function followRotation(state: LedgerState, row: Row, signer: SignerChain | undefined): void {
  if (!signer || !row.intact) return;
  if (signer.retiredLine !== undefined) {
    const message = `The key had named its successor in line ${signer.retiredLine} and must not sign any more.`;
    report(state, 'RETIRED_KEY', row, message, signer);
    return;
  }
  const rotation = readRotation(row.receipt);
  if (rotation?.retiredKeyHex !== signer.publicKeyHex || !rotation) return;
  signer.retiredLine = row.line;
  const { byKey, successors } = state.signers;
  const isFree = !byKey.has(rotation.newKeyHex) && !successors.has(rotation.newKeyHex);
  if (isFree && successors.size < MAX_SUCCESSORS) successors.set(rotation.newKeyHex, signer);
}

/** Whether a key is known: pinned, or named by one that is and whose rows all hold. */
export function isTrusted(signer: SignerChain): boolean {
  for (let at: SignerChain | undefined = signer; at; at = at.vouchedBy) {
    if (at.pin) return true;
    // Its rotation row may be the one that is false.
    if (at.vouchedBy && at.vouchedBy.faults.authentic !== undefined) return false;
  }
  return false;
}

/** Whether one of the demanded keys signed, or named those that did, one after the other. */
export function isAllowed(signer: SignerChain, allowed: ReadonlySet<string>): boolean {
  for (let at: SignerChain | undefined = signer; at; at = at.vouchedBy) {
    if (allowed.has(nameSigner(at))) return true;
  }
  return false;
}
