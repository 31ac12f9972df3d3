/**
 * One receipt, checked step by step as docs/receipt-format.md says, so that each step can be shown. `verifyEntry` gives
 * the verdict; the steps only tell how it came about.
 */
import { decodeHex, encodeHex, encodeUtf8, equalBytes } from '../../src/core/bytes.js';
import type { CryptoBackend } from '../../src/core/crypto.js';
import { verifyStrict } from '../../src/core/ed25519.js';
import {
  computeSignerFingerprint,
  hashPayload,
  ownValue,
  printPayload,
  type Receipt,
  readReceipt,
  ZERO_HASH,
} from '../../src/core/receipt.js';
import { type EntryReport, verifyEntry } from '../../src/core/verify.js';

/** `unknown`: nothing speaks against it, but it could not be shown. */
export type StepAnswer = 'yes' | 'no' | 'unknown';

export interface Step {
  readonly title: string;
  readonly answer: StepAnswer;
  /** One sentence. May quote the row: hostile. */
  readonly says: string;
  /** Figures as they were compared. */
  readonly figures: readonly (readonly [string, string])[];
}

/** The lines around a receipt, as far as there are any. The server names them; their hashes are computed here. */
export interface Neighbours {
  readonly line: string;
  readonly before: string | null;
  readonly chainBefore: string | null;
}

export interface ReceiptCheck {
  readonly ok: boolean;
  readonly backend: string;
  readonly steps: readonly Step[];
  readonly report: EntryReport;
  /** The bytes that are hashed, as text. */
  readonly canonical: string | null;
}

/** Checks one receipt with all that is known about its neighbours. Never rejects because of the receipt. */
export async function checkReceipt(rows: Neighbours, backend: CryptoBackend): Promise<ReceiptCheck> {
  const report = await verifyEntry(rows.line, { backend });
  const bytes = encodeUtf8(rows.line);
  const reading = readReceipt(bytes);
  if (!reading.ok) {
    const step: Step = {
      title: 'Read strictly',
      answer: 'no',
      says: reading.message,
      figures: [['problem', reading.code]],
    };
    return { ok: false, backend: backend.name, steps: [step], report, canonical: null };
  }
  const receipt = reading.value;
  const canonical = printPayload(receipt);
  const hash = hashPayload(backend, receipt);
  const steps = [
    readStep(bytes.length),
    canonicalStep(canonical),
    hashStep(receipt, encodeHex(hash)),
    chainStep(receipt, rows.chainBefore, backend),
    orderStep(receipt, rows.before, backend),
    keyStep(receipt),
    await signatureStep(receipt, hash, backend),
  ].filter((step) => step !== undefined);
  const ok = report.ok && steps.every(({ answer }) => answer !== 'no');
  return { ok, backend: backend.name, steps, report, canonical };
}

function readStep(size: number): Step {
  return {
    title: 'Read strictly',
    answer: 'yes',
    says: 'One JSON object that no two readers could understand differently: no key twice, no inexact number.',
    figures: [['line', `${size} bytes`]],
  };
}

function canonicalStep(canonical: string): Step {
  return {
    title: 'Canonical bytes',
    answer: 'yes',
    says: 'Decision, previous hash, sequence and fingerprint, printed the one way RFC 8785 allows.',
    figures: [['bytes', String(encodeUtf8(canonical).length)]],
  };
}

function hashStep(receipt: Receipt, real: string): Step {
  const same = receipt.entryHash === real;
  return {
    title: 'Hash',
    answer: same ? 'yes' : 'no',
    says: same
      ? 'SHA-256 over those bytes is the hash that the row names.'
      : 'The row does not say what its hash was made from: it was changed after it was signed.',
    figures: [
      ['computed', real],
      ['in the row', receipt.entryHash],
    ],
  };
}

function chainStep(receipt: Receipt, before: string | null, backend: CryptoBackend): Step {
  const title = 'Link to the signer’s row before';
  if (receipt.sequence === 0) {
    const first = receipt.previousHash === ZERO_HASH;
    return {
      title,
      answer: first ? 'yes' : 'no',
      says: first
        ? 'The first row of its signer.'
        : 'The first row of a signer links to nothing; this one does.',
      figures: [],
    };
  }
  return linkStep(title, receipt.previousHash, before, backend);
}

/** Rows of others have no ledger order: then there is no such step. */
function orderStep(receipt: Receipt, before: string | null, backend: CryptoBackend): Step | undefined {
  const named = ownValue(receipt.decision, 'ledgerPreviousHash');
  if (typeof named !== 'string' || named === ZERO_HASH) return undefined;
  return linkStep('Link to the ledger’s row before', named, before, backend);
}

function linkStep(title: string, named: string, before: string | null, backend: CryptoBackend): Step {
  if (before === null)
    return {
      title,
      answer: 'unknown',
      says: 'The row before it was not found.',
      figures: [['named', named]],
    };
  const reading = readReceipt(encodeUtf8(before));
  if (!reading.ok)
    return {
      title,
      answer: 'unknown',
      says: 'The row before it cannot be read.',
      figures: [['named', named]],
    };
  const real = encodeHex(hashPayload(backend, reading.value));
  const same = real === named;
  return {
    title,
    answer: same ? 'yes' : 'no',
    says: same
      ? `It names the hash of row ${reading.value.sequence} of that chain, computed here from that row.`
      : 'It names another row than the one that stands before it: something was removed, inserted or changed.',
    figures: [
      ['computed', real],
      ['named', named],
    ],
  };
}

function keyStep(receipt: Receipt): Step {
  const { publicKeyHex, signerFingerprint } = receipt;
  const title = 'Key';
  if (publicKeyHex === undefined)
    return { title, answer: 'unknown', says: 'The row does not carry its key.', figures: [] };
  const real = computeSignerFingerprint(publicKeyHex);
  const same = real === signerFingerprint;
  return {
    title,
    answer: same ? 'yes' : 'no',
    says: same
      ? 'The public key is the one that the signed fingerprint names. Whose it is, this page cannot know.'
      : 'The public key is not the one that the signed fingerprint names.',
    figures: [
      ['key', publicKeyHex],
      ['fingerprint', real],
    ],
  };
}

async function signatureStep(receipt: Receipt, hash: Uint8Array, backend: CryptoBackend): Promise<Step> {
  const key = decodeHex(receipt.publicKeyHex ?? '');
  const signature = decodeHex(receipt.signature);
  const title = 'Signature';
  const named = decodeHex(receipt.entryHash);
  if (key?.length !== 32 || !signature)
    return { title, answer: 'unknown', says: 'Without its key nobody can check it.', figures: [] };
  const valid = await verifyStrict(backend, key, hash, signature);
  const overNamed = !valid && named !== undefined && !equalBytes(named, hash);
  return {
    title,
    answer: valid ? 'yes' : 'no',
    says: valid
      ? `Ed25519 over the 32 bytes of the hash is valid, checked by ${backend.name === 'webcrypto' ? 'this browser' : backend.name}.`
      : `Ed25519 over the computed hash is not valid${overNamed ? ': it belongs to what the row said before' : ''}.`,
    figures: [['signature', receipt.signature]],
  };
}
