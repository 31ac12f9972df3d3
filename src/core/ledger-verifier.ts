/**
 * Verifies a ledger row by row, in flat memory: `checkRow` is the procedure of docs/receipt-format.md. It never throws
 * on bytes it is given and never stops at the first problem.
 */
import { encodeHex } from './bytes.js';
import { createRowMemory } from './chain.js';
import { type BroughtCheckpoint, countLine, createCheckpointStep } from './checkpoint-step.js';
import type { CryptoBackend, SignatureChecker } from './crypto.js';
import { nobleBackend } from './ed25519.js';
import { printFileReport } from './file-report.js';
import { parseInstant } from './instant.js';
import { createKeyRing, isValidAt, type KnownKey } from './key-ring.js';
import { createLawfulStep, judgeRow } from './lawful-step.js';
import { createLedgerOrder } from './ledger-order.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import { placeInChain, placeInOrder } from './place-step.js';
import type { Policy } from './policy.js';
import { addProblem, createProblemList } from './problem-list.js';
import { quote, type Refusal } from './reading.js';
import { type HashedReceipt, readHashedReceipt, readMember } from './receipt.js';
import type { FileReport, PinnedKey, Problem } from './report.js';
import { followRotation, isAllowed } from './rotation-step.js';
import { readJsonLine } from './row-reader.js';
import { checkSignature, settleSignatures } from './signature-step.js';
import { createSigners, findSigner, type SignerChain } from './signers.js';
import { count } from './verdicts.js';

export interface VerifyOptions {
  /** Default noble, which runs everywhere and is slow; see `nodeBackend` and `chooseBackend`. */
  readonly backend?: CryptoBackend;
  /** Keys whose owner the caller knows. */
  readonly pinnedKeys?: readonly PinnedKey[];
  /** Full keys, 64 hex: every row must be signed with one of them. */
  readonly allowedKeys?: readonly string[];
  /** Checkpoints that were kept elsewhere: those of this ledger must be of its first rows. */
  readonly checkpoints?: readonly BroughtCheckpoint[];
  /** By hash: every decision made under them is made again. Absent: none is, and `lawful` stays unknown. */
  readonly policies?: ReadonlyMap<string, Policy>;
  /** Hashes of policies that must have governed every decision of ours. */
  readonly demandedPolicies?: readonly string[];
  /** Takes the signatures instead of the backend, to check them beside this thread. Await `settle` before `finish`. */
  readonly checker?: SignatureChecker;
  /** Of each chain, only the last signature is checked, by `settle`. Hashes and links are checked all the same. */
  readonly isQuick?: boolean;
}

/** Checks one file. Lines go in one after the other, each after the promise of the one before, if it gave one. */
export interface LedgerVerifier {
  /** One complete line without its line feed. A promise where the backend is asynchronous: await it. */
  push(line: Uint8Array): void | Promise<void>;
  /** Tells of a part of the ledger that is not there, by its file's name. Before the lines that come after it. */
  missPart(name: string): void;
  /** The bytes after the last line feed. A whole row is checked as one; anything else is a torn tail. */
  pushTornTail(bytes: Uint8Array): void | Promise<void>;
  /** Tells that rows which were pushed are not there any more: cut off, replaced, or gone with their file. */
  loseRows(how: 'TRUNCATED' | 'REWRITTEN' | 'LEDGER_MISSING'): void;
  /** The problems listed so far but the first `known`, in the order of the procedure. */
  listProblems(known: number): readonly Problem[];
  /** Checks what was left for the end. Needed before `finish` where a `checker` was given, or `isQuick`. */
  settle(): Promise<void>;
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
    checker: options.checker,
    isQuick: options.isQuick ?? false,
    ring,
    problems: createProblemList(),
    memory: createRowMemory(),
    signers: createSigners(ring),
    order: createLedgerOrder(),
    unsignedKeys: new Set(),
    revokedKeys: new Set(),
    checkpoints: createCheckpointStep(options.checkpoints),
    lawful: createLawfulStep(options.policies, options.demandedPolicies),
    line: 0,
    rows: 0,
    lastLedgerTimeMs: Number.NaN,
  };
  return {
    push: (line) => checkRow(state, line),
    pushTornTail: (bytes) => checkTail(state, bytes),
    missPart: (name) => missPart(state, name),
    loseRows: (how) => loseRows(state, how),
    listProblems: (known) => state.problems.listed.slice(known).map(({ problem }) => problem),
    settle: () => settleSignatures(state),
    finish: () => printFileReport(state),
  };
}

/** The procedure: what happens to every row, in this order. */
function checkRow(state: LedgerState, line: Uint8Array): void | Promise<void> {
  state.line++;
  if (state.checkpoints) countLine(state.checkpoints, line, state.backend.sha256);
  // 1. Read it strictly: a row that two readers could understand differently is not looked at further.
  // 2. Hash what it says, and compare with the hash it names.
  const reading = readHashedReceipt(line, state.backend);
  if (!reading.ok) return refuseRow(state, reading);
  const row = createRow(state, reading.value);
  // 3. Find whose row it is: by the full key, with the signed fingerprint as its label.
  const signer = attributeRow(state, row);
  // 4. Place it in its signer's chain.
  const chained = placeInChain(state, row, signer);
  // 5. Place it in the order of the whole ledger.
  placeInOrder(state, row, signer, chained);
  // 6. Compare its time with the row before it, and with the validity of its key.
  checkTime(state, row, signer);
  // 7. Follow its key to the successor that it names, and let no retired key sign.
  followRotation(state, row, signer);
  // 8. Name what it carries beside the signed part.
  noteUnsignedKeys(state, row);
  // 9. Decide its call again, from its policy and the rows before it.
  judgeRow(state, row, signer);
  // 10. Check the signature over the hash. Last, because a platform may answer later.
  return signer && checkSignature(state, row, signer);
}

function refuseRow(state: LedgerState, refusal: Refusal): void {
  state.memory.holes++;
  report(state, refusal.code, { line: state.line, sequence: null }, refusal.message);
}

function createRow(state: LedgerState, { receipt, hash }: HashedReceipt): Row {
  state.rows++;
  const { sequence, entryHash } = receipt;
  const realHash = encodeHex(hash);
  const timestamp = readMember(receipt, 'timestamp');
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
  if (!allowed || isAllowed(signer, allowed)) return;
  const key = publicKeyHex ?? `with the fingerprint ${fingerprint}`;
  const message = `The first of the rows signed with the key ${key}, which is not one of the keys demanded.`;
  report(state, 'WRONG_KEY', row, message, signer);
}

function checkTime(state: LedgerState, row: Row, signer: SignerChain | undefined): void {
  if (!signer || !row.intact) return;
  const inLedger = readMember(row.receipt, 'ledgerIndex') !== undefined;
  const { timestampMs } = row;
  if (timestampMs < signer.lastTimestampMs || (inLedger && timestampMs < state.lastLedgerTimeMs)) {
    report(state, 'TIME_BACKWARDS', row, 'The row is dated earlier than the row before it.', signer);
  }
  // One clock that jumped back is one warning, so each row is compared with the one before and not with the newest.
  signer.lastTimestampMs = timestampMs;
  if (inLedger) state.lastLedgerTimeMs = timestampMs;
  if (signer.pin) checkPin(state, row, signer, signer.pin);
}

function checkPin(state: LedgerState, row: Row, signer: SignerChain, pin: KnownKey): void {
  if (!isValidAt(pin, row.timestampMs)) {
    const message = 'The row is dated outside the time for which its key is pinned.';
    report(state, 'EXPIRED_KEY', row, message, signer);
  }
  if (pin.revokedAtMs === Infinity) return;
  // A row without a date is as late as any.
  if (!(row.timestampMs < pin.revokedAtMs)) {
    report(state, 'REVOKED_KEY', row, 'The row is dated after its key was revoked.', signer);
  } else if (!state.revokedKeys.has(pin.publicKeyHex)) {
    state.revokedKeys.add(pin.publicKeyHex);
    const message =
      'The first of the rows dated before their key was revoked: whoever has the key could have dated them so; a checkpoint from before shows which are older.';
    const { line, sequence } = row;
    addProblem(state.problems, 'REVOKED_KEY', { line, sequence }, message, { severity: 'warning' });
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

function missPart(state: LedgerState, name: string): void {
  // The rows after it will show what was in it; here it is named.
  const message = `The part ${name} of the ledger is not there, and a later part is.`;
  report(state, 'PART_MISSING', { line: 0, sequence: null }, message);
}

const LOSSES = {
  TRUNCATED: 'The file has become shorter: rows that were seen are cut off.',
  REWRITTEN: 'Another file stands in the place of the one whose rows were seen.',
  LEDGER_MISSING: 'The file whose rows were seen is gone.',
};

function loseRows(state: LedgerState, how: keyof typeof LOSSES): void {
  report(state, how, { line: 0, sequence: null }, LOSSES[how]);
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
