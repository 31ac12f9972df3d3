/**
 * What a writer must know of a ledger to add a row: its id, how many rows it has, its head, and the head of each
 * signer's chain (docs/receipt-format.md, chains and ledger order). Shared by the file and the memory store.
 */
import type { CryptoBackend, Signer } from '../core/crypto.js';
import { parseInstant } from '../core/instant.js';
import { isObject, type JsonObject } from '../core/json.js';
import type { Reading } from '../core/reading.js';
import {
  computeSignerFingerprint,
  FORMAT_VERSION,
  hashPayload,
  type Receipt,
  readReceipt,
  type SealedReceipt,
  sealReceipt,
  ZERO_HASH,
} from '../core/receipt.js';
import { readRotation } from '../core/rotation.js';
import type { Draft, LedgerFold, LedgerView } from '../core/spend-store.js';

/** Where a signer's chain ends. */
export interface ChainHead {
  readonly sequence: number;
  readonly entryHash: string;
}

export interface LedgerState {
  ledgerId: string;
  /** Whether a row already carries `ledgerId`; until then another writer's first row decides it. */
  named: boolean;
  rows: number;
  headHash: string;
  lastTimestampMs: number;
  /** By full public key, or by `fingerprint:…` for rows that do not name their key. */
  readonly chains: Map<string, ChainHead>;
  /** Names of the files in which rows of this ledger say a torn tail was put. */
  readonly tornFiles: Set<string>;
  /** Keys that named a successor, and which. */
  readonly retiredKeys: Map<string, string>;
}

/** What only the store may say of a row. */
const OWN_KEYS = ['formatVersion', 'ledgerId', 'ledgerIndex', 'ledgerPreviousHash'];

/** The state before the first row. */
export function createLedgerState(ledgerId: string): LedgerState {
  return {
    ledgerId,
    named: false,
    rows: 0,
    headHash: ZERO_HASH,
    lastTimestampMs: -Infinity,
    chains: new Map(),
    tornFiles: new Set(),
    retiredKeys: new Map(),
  };
}

/** What a step sees of the state. */
export function viewState(state: LedgerState): LedgerView {
  return { ledgerId: state.ledgerId, nextIndex: state.rows, lastTimestampMs: state.lastTimestampMs };
}

/** Reads a line and checks that its hash is its own. Signatures are left to `verify`. */
export function readRow(line: Uint8Array, backend: CryptoBackend): Reading<Receipt> {
  const reading = readReceipt(line);
  if (!reading.ok) return reading;
  const hash = Buffer.from(hashPayload(backend, reading.value)).toString('hex');
  if (hash === reading.value.entryHash) return reading;
  return { ok: false, code: 'HASH_MISMATCH', message: 'The row does not have the hash that it names.' };
}

/**
 * Why a row cannot be the next one; `undefined` when it can. Rows of other writers, which name no ledger, are taken as
 * they come: they promise no order.
 */
export function findBreak(state: LedgerState, receipt: Receipt): string | undefined {
  const { ledgerId, ledgerIndex, ledgerPreviousHash } = receipt.decision;
  if (typeof ledgerId !== 'string') return undefined;
  if (state.named && ledgerId !== state.ledgerId) return 'it belongs to another ledger';
  if (ledgerIndex !== state.rows)
    return `it names ledger index ${printPlace(ledgerIndex)}, not ${state.rows}`;
  if (ledgerPreviousHash !== state.headHash) return 'it does not name the row before it in the ledger';
  const head = headOf(state, receipt.signerFingerprint, receipt.publicKeyHex);
  if (receipt.sequence !== (head ? head.sequence + 1 : 0))
    return `it has sequence ${receipt.sequence} out of turn`;
  if (receipt.previousHash !== (head?.entryHash ?? ZERO_HASH))
    return 'it does not name its signer’s row before it';
  if (
    !head &&
    receipt.publicKeyHex &&
    computeSignerFingerprint(receipt.publicKeyHex) !== receipt.signerFingerprint
  ) {
    return 'its fingerprint is not that of its key';
  }
  return undefined;
}

/** Adds a row to the state. Returns its own time in milliseconds since 1970, `NaN` when it has none. */
export function addRow(state: LedgerState, receipt: Receipt): number {
  const { ledgerId, tornTail } = receipt.decision;
  if (typeof ledgerId === 'string' && !state.named) {
    state.ledgerId = ledgerId;
    state.named = true;
  }
  state.rows++;
  state.headHash = receipt.entryHash;
  const { sequence, entryHash } = receipt;
  state.chains.set(chainKey(receipt.signerFingerprint, receipt.publicKeyHex), { sequence, entryHash });
  if (isObject(tornTail) && typeof tornTail.file === 'string') state.tornFiles.add(tornTail.file);
  const rotation = readRotation(receipt);
  if (rotation) state.retiredKeys.set(rotation.retiredKeyHex, rotation.newKeyHex);
  const timestampMs = readTimestamp(receipt);
  if (!Number.isNaN(timestampMs)) state.lastTimestampMs = timestampMs;
  return timestampMs;
}

/** A row's own time in milliseconds since 1970, `NaN` when it has none. */
export function readTimestamp(receipt: Receipt): number {
  const { timestamp } = receipt.decision;
  return typeof timestamp === 'string' ? (parseInstant(timestamp) ?? Number.NaN) : Number.NaN;
}

/** Gives a row to every fold. */
export function feed(folds: Iterable<LedgerFold>, receipt: Receipt, timestampMs: number): void {
  for (const fold of folds) fold.apply(receipt, timestampMs);
}

/**
 * Seals drafts as the next rows, one after the other; the state stays as it is. `tornTails` are named by the first rows,
 * one each.
 *
 * @throws TypeError, RangeError when a decision cannot be a row.
 */
export function sealDrafts(
  state: LedgerState,
  drafts: readonly Draft[],
  ownSigner: Signer,
  backend: CryptoBackend,
  tornTails: readonly JsonObject[] = [],
): SealedReceipt[] {
  const sealed: SealedReceipt[] = [];
  const heads = new Map<string, ChainHead>();
  let ledgerPreviousHash = state.headHash;
  for (const [i, draft] of drafts.entries()) {
    const signer = draft.signer ?? ownSigner;
    const head = heads.get(signer.publicKeyHex) ?? headOf(state, signer.fingerprint, signer.publicKeyHex);
    const tornTail = tornTails[i];
    const ledgerIndex = state.rows + i;
    const decision = placeDecision(draft.decision, state.ledgerId, ledgerIndex, ledgerPreviousHash, tornTail);
    const place = { sequence: head ? head.sequence + 1 : 0, previousHash: head?.entryHash ?? ZERO_HASH };
    const row = sealReceipt(decision, place, signer, backend);
    heads.set(signer.publicKeyHex, row.receipt);
    ledgerPreviousHash = row.receipt.entryHash;
    sealed.push(row);
  }
  return sealed;
}

/** A decision with its place in the ledger, whatever it says about that itself. */
function placeDecision(
  decision: JsonObject,
  ledgerId: string,
  ledgerIndex: number,
  ledgerPreviousHash: string,
  tornTail: JsonObject | undefined,
): JsonObject {
  if (tornTail || OWN_KEYS.some((key) => Object.hasOwn(decision, key))) {
    const place = { formatVersion: FORMAT_VERSION, ledgerId, ledgerIndex, ledgerPreviousHash };
    return { ...decision, ...place, ...(tornTail && { tornTail }) };
  }
  // The place first: adding keys after the spread of so many takes five times as long and three times the memory.
  return { formatVersion: FORMAT_VERSION, ledgerId, ledgerIndex, ledgerPreviousHash, ...decision };
}

function headOf(
  state: LedgerState,
  fingerprint: string,
  publicKeyHex: string | undefined,
): ChainHead | undefined {
  return (
    state.chains.get(chainKey(fingerprint, publicKeyHex)) ??
    state.chains.get(chainKey(fingerprint, undefined))
  );
}

function chainKey(fingerprint: string, publicKeyHex: string | undefined): string {
  return publicKeyHex ?? `fingerprint:${fingerprint}`;
}

function printPlace(value: unknown): string {
  return Number.isSafeInteger(value) ? String(value) : 'of a wrong type';
}
