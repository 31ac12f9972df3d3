/**
 * Keys over time (docs/receipt-format.md "Key rotation"): what the row with which a key names its
 * successor means for the rows of both.
 */
import { type LedgerState, type Row, report } from './ledger-state.js';
import { readRotation } from './rotation.js';
import { nameSigner, type SignerChain } from './signers.js';

/** A ledger of a million rotations is somebody's joke: later ones make no key trusted. */
const MAX_SUCCESSORS = 10_000;

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
