/**
 * Verifies a ledger row by row, in flat memory: `checkRow` is the procedure of docs/receipt-format.md. It never throws
 * on bytes it is given and never stops at the first problem.
 */
import { encodeHex } from './bytes.js';
import { createRowMemory } from './chain.js';
import type { CryptoBackend } from './crypto.js';
import { nobleBackend } from './ed25519.js';
import { printFileReport } from './file-report.js';
import { parseInstant } from './instant.js';
import { createKeyRing, isValidAt } from './key-ring.js';
import { createLedgerOrder } from './ledger-order.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import { placeInChain, placeInOrder } from './place-step.js';
import { addProblem, createProblemList } from './problem-list.js';
import { quote, type Refusal } from './reading.js';
import { hashPayload, ownValue, type Receipt, readReceipt } from './receipt.js';
import type { FileReport, PinnedKey } from './report.js';
import { readJsonLine } from './row-reader.js';
import { checkSignature } from './signature-step.js';
import { createSigners, findSigner, type SignerChain } from './signers.js';
import { count } from './verdicts.js';

export interface VerifyOptions {
  /** Default noble, which runs everywhere and is slow; see `nodeBackend` and `chooseBackend`. */
  readonly backend?: CryptoBackend;
  /** Keys whose owner the caller knows. */
  readonly pinnedKeys?: readonly PinnedKey[];
  /** Full keys, 64 hex: every row must be signed with one of them. */
  readonly allowedKeys?: readonly string[];
}

/** Checks one file. Lines go in one after the other, each after the promise of the one before, if it gave one. */
export interface LedgerVerifier {
  /** One complete line without its line feed. A promise where the backend is asynchronous: await it. */
  push(line: Uint8Array): void | Promise<void>;
  /** The bytes after the last line feed. A whole row is checked as one; anything else is a torn tail. */
  pushTornTail(bytes: Uint8Array): void | Promise<void>;
  /** The report. Call it once, after the last promise has settled. */
  finish(): FileReport;
}

const MAX_UNSIGNED_KEYS = 1000;
/** Known to be written beside the hashed part by others, for attribution: no sign of tampering. */
const HARMLESS_KEY = 'builderCode';

/**
 * Starts to verify one ledger.
 *
 * @param options `path` names the file in the report
 * @throws RangeError for a pinned or demanded key that is none.
 */
export function createLedgerVerifier(options: VerifyOptions & { readonly path: string }): LedgerVerifier {
  const ring = createKeyRing(options.pinnedKeys ?? [], options.allowedKeys);
  const state: LedgerState = {
    path: options.path,
    backend: options.backend ?? nobleBackend,
    ring,
    problems: createProblemList(),
    memory: createRowMemory(),
    signers: createSigners(ring),
    order: createLedgerOrder(),
    unsignedKeys: new Set(),
    line: 0,
    rows: 0,
    lastLedgerTimeMs: Number.NaN,
  };
  return {
    push: (line) => checkRow(state, line),
    pushTornTail: (bytes) => checkTail(state, bytes),
    finish: () => printFileReport(state),
  };
}

/** The procedure: what happens to every row, in this order. */
function checkRow(state: LedgerState, line: Uint8Array): void | Promise<void> {
  state.line++;
  // 1. Read it strictly: a row that two readers could understand differently is not looked at further.
  const reading = readReceipt(line);
  if (!reading.ok) return refuseRow(state, reading);
  // 2. Hash what it says, and compare with the hash it names.
  const row = hashRow(state, reading.value);
  // 3. Find whose row it is: by the full key, with the signed fingerprint as its label.
  const signer = attributeRow(state, row);
  // 4. Place it in its signer's chain.
  const chained = placeInChain(state, row, signer);
  // 5. Place it in the order of the whole ledger.
  placeInOrder(state, row, signer, chained);
  // 6. Compare its time with the row before it, and with the validity of its key.
  checkTime(state, row, signer);
  // 7. Name what it carries beside the signed part.
  noteUnsignedKeys(state, row);
  // 8. Check the signature over the hash. Last, because a platform may answer later.
  return signer && checkSignature(state, row, signer);
}

function refuseRow(state: LedgerState, refusal: Refusal): void {
  state.memory.holes++;
  report(state, refusal.code, { line: state.line, sequence: null }, refusal.message);
}

function hashRow(state: LedgerState, receipt: Receipt): Row {
  state.rows++;
  const { sequence, entryHash, decision } = receipt;
  const hash = hashPayload(state.backend, receipt);
  const realHash = encodeHex(hash);
  const timestamp = ownValue(decision, 'timestamp');
  const timestampMs = (typeof timestamp === 'string' ? parseInstant(timestamp) : undefined) ?? Number.NaN;
  const intact = realHash === entryHash;
  return { line: state.line, sequence, receipt, hash, realHash, intact, timestampMs };
}

function attributeRow(state: LedgerState, row: Row): SignerChain | undefined {
  const signers = state.signers.list.length;
  const { signer, keyMismatch } = findSigner(state.signers, row.receipt, row.intact, row.line);
  if (!row.intact) {
    report(state, 'HASH_MISMATCH', row, 'The row does not say what its "entryHash" was made from.', signer);
  } else if (keyMismatch) {
    const message = `"publicKeyHex" is not the key that the signed fingerprint ${row.receipt.signerFingerprint} names.`;
    report(state, 'FINGERPRINT_MISMATCH', row, message, signer);
  }
  if (signer && state.signers.list.length > signers) noteWrongKey(state, row, signer);
  if (signer) signer.rows++;
  return signer;
}

function noteWrongKey(state: LedgerState, row: Row, signer: SignerChain): void {
  const { publicKeyHex, fingerprint } = signer;
  const { allowed } = state.ring;
  if (!allowed || (publicKeyHex !== undefined && allowed.has(publicKeyHex))) return;
  const key = publicKeyHex ?? `with the fingerprint ${fingerprint}`;
  const message = `The first of the rows signed with the key ${key}, which is not one of the keys demanded.`;
  report(state, 'WRONG_KEY', row, message, signer);
}

function checkTime(state: LedgerState, row: Row, signer: SignerChain | undefined): void {
  if (!signer || !row.intact) return;
  const inLedger = Object.hasOwn(row.receipt.decision, 'ledgerIndex');
  const { timestampMs } = row;
  if (timestampMs < signer.lastTimestampMs || (inLedger && timestampMs < state.lastLedgerTimeMs)) {
    report(state, 'TIME_BACKWARDS', row, 'The row is dated earlier than the row before it.', signer);
  }
  // One clock that jumped back is one warning, so each row is compared with the one before and not with the newest.
  signer.lastTimestampMs = timestampMs;
  if (inLedger) state.lastLedgerTimeMs = timestampMs;
  if (signer.pin && !isValidAt(signer.pin, timestampMs)) {
    report(
      state,
      'EXPIRED_KEY',
      row,
      'The row is dated outside the time for which its key is pinned.',
      signer,
    );
  }
}

function noteUnsignedKeys(state: LedgerState, row: Row): void {
  const { line, sequence } = row;
  for (const key of Object.keys(row.receipt.unsigned)) {
    if (state.unsignedKeys.has(key)) continue;
    if (state.unsignedKeys.size < MAX_UNSIGNED_KEYS) state.unsignedKeys.add(key);
    const harmless = key === HARMLESS_KEY;
    const message = `The key ${quote(key)} stands beside the signed part, here first: anybody may have written it.`;
    addProblem(
      state.problems,
      'UNSIGNED_KEY',
      { line, sequence },
      message,
      harmless ? { severity: 'note' } : {},
    );
  }
}

function checkTail(state: LedgerState, bytes: Uint8Array): void | Promise<void> {
  if (bytes.length === 0) return;
  const tail = { line: state.line + 1, sequence: null };
  if (!readJsonLine(bytes).ok) {
    const message = `${count(bytes.length, 'byte')} after the last complete line are no row: a write was cut off.`;
    return addProblem(state.problems, 'TORN_TAIL', tail, message);
  }
  const message = 'The last line has no line feed; it is complete and was checked as a row.';
  addProblem(state.problems, 'TORN_TAIL', tail, message, { severity: 'note' });
  return checkRow(state, bytes);
}
