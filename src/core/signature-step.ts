/** The signature step: checks a row's signature under its signer's key, at once or when the key becomes known. */
import { decodeHex } from './bytes.js';
import type { CryptoBackend } from './crypto.js';
import { verifyStrict } from './ed25519.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import { reserveTicket } from './problem-list.js';
import type { SignerChain } from './signers.js';

/** Signatures of one signer that are kept until its key is known; later ones stay unchecked. */
const MAX_WAITING = 1000;
const BAD_SIGNATURE = 'The signature does not fit the row and its key.';

/** Checks the row's signature, and first those that waited for this key. A promise where somebody answers later. */
export function checkSignature(state: LedgerState, row: Row, signer: SignerChain): void | Promise<void> {
  if (state.isQuick) return keepLast(state, row, signer);
  const settled = settleWaiting(state, signer);
  if (settled) return settled.then(() => checkOwnSignature(state, row, signer));
  return checkOwnSignature(state, row, signer);
}

/** Checks what was left for the end: the last signature of each chain, and those that others still check. */
export async function settleSignatures(state: LedgerState): Promise<void> {
  for (const signer of state.signers.list) {
    const { publicKeyHex, lastSignature } = signer;
    signer.lastSignature = undefined;
    if (!lastSignature) continue;
    if (publicKeyHex !== undefined) await checkLast(state, signer, publicKeyHex, lastSignature);
    else {
      signer.unchecked += signer.skipped + 1;
      signer.skipped = 0;
    }
  }
  await state.checker?.drain();
}

async function checkLast(
  state: LedgerState,
  signer: SignerChain,
  publicKeyHex: string,
  { hashes, signature, ticket, ...at }: NonNullable<SignerChain['lastSignature']>,
): Promise<void> {
  if (await fitsAny(state.backend, publicKeyHex, hashes, signature)) return;
  report(state, 'BAD_SIGNATURE', at, BAD_SIGNATURE, signer, ticket);
}

function keepLast(state: LedgerState, row: Row, signer: SignerChain): void {
  if (signer.lastSignature) signer.skipped++;
  const { line, sequence } = row;
  const { signature } = row.receipt;
  const ticket = reserveTicket(state.problems);
  signer.lastSignature = { line, sequence, hashes: listHashes(row), signature, ticket };
}

/** Where the row's hash is wrong, the signature tells which of the two was changed; neither need be reported twice. */
function listHashes({ intact, hash, receipt }: Row): readonly Uint8Array[] {
  return intact ? [hash] : [decodeHex(receipt.entryHash) ?? hash, hash];
}

function checkOwnSignature(state: LedgerState, row: Row, signer: SignerChain): void | Promise<void> {
  const { signature } = row.receipt;
  const { line, sequence, hash, timestampMs, intact } = row;
  const { publicKeyHex } = signer;
  if (publicKeyHex === undefined) {
    if (intact && signer.waiting.length < MAX_WAITING) {
      signer.waiting.push({ line, sequence, hash, signature, timestampMs });
    } else signer.unchecked++;
    return;
  }
  const ticket = reserveTicket(state.problems);
  // Not the row itself: what waits for an answer must not hold on to whole lines.
  const tell = (valid: boolean): void => {
    if (!valid) report(state, 'BAD_SIGNATURE', { line, sequence }, BAD_SIGNATURE, signer, ticket);
  };
  if (state.checker && intact) return state.checker.check(publicKeyHex, hash, signature, tell);
  return whenKnown(fitsAny(state.backend, publicKeyHex, listHashes(row), signature), tell);
}

/** Checks the rows that came before any row named their key. */
function settleWaiting(state: LedgerState, signer: SignerChain): Promise<void> | undefined {
  const { publicKeyHex, waiting } = signer;
  if (publicKeyHex === undefined || waiting.length === 0) return undefined;
  signer.waiting = [];
  return (async () => {
    for (const { hash, signature, ...row } of waiting) {
      if (await fitsAny(state.backend, publicKeyHex, [hash], signature)) continue;
      report(state, 'BAD_SIGNATURE', row, BAD_SIGNATURE, signer);
    }
  })();
}

function fitsAny(
  backend: CryptoBackend,
  publicKeyHex: string,
  hashes: readonly Uint8Array[],
  signature: string,
): boolean | Promise<boolean> {
  const key = decodeHex(publicKeyHex) ?? new Uint8Array();
  const bytes = decodeHex(signature) ?? new Uint8Array();
  const [first, ...others] = hashes;
  if (!first) return false;
  return whenKnown(verifyStrict(backend, key, first, bytes), (valid): boolean | Promise<boolean> => {
    return valid || fitsAny(backend, publicKeyHex, others, signature);
  });
}

/** Goes on at once where the platform answered at once: a promise for each row would cost more than the row. */
function whenKnown<T>(
  answer: boolean | Promise<boolean>,
  next: (valid: boolean) => T,
): T | Promise<Awaited<T>> {
  return typeof answer === 'boolean' ? next(answer) : (answer.then(next) as Promise<Awaited<T>>);
}
