/**
 * Checkpoints of ledgers (c2sp.org/tlog-checkpoint): how many rows a ledger has and the root of their Merkle tree, as a
 * note signed with the ledger's own key. The origin is `agentguard/` and the ledger's id.
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { decodeHex } from './bytes.js';
import type { Signer } from './crypto.js';
import { type Reading, refusal } from './reading.js';
import { isKeyName, type NoteKey, parseNote, type SignedNote, signNote } from './signed-note.js';

export interface Checkpoint {
  /** `agentguard/<ledgerId>`, or another log's own name. */
  readonly origin: string;
  /** Rows. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Lines that other logs add. */
  readonly extensions: readonly string[];
}

/** A checkpoint and the note it came in. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: SignedNote;
}

const ORIGIN = 'agentguard/';

/** The origin of a ledger's checkpoints. */
export function printOrigin(ledgerId: string): string {
  return ORIGIN + ledgerId;
}

/** The ledger of an origin; `undefined` for another log's. */
export function readOrigin(origin: string): string | undefined {
  return origin.startsWith(ORIGIN) && origin.length > ORIGIN.length ? origin.slice(ORIGIN.length) : undefined;
}

/** The key with which a ledger's checkpoints are checked. @throws RangeError for a key that is not 64 hex digits */
export function createCheckpointKey(ledgerId: string, publicKeyHex: string): NoteKey {
  const publicKey = decodeHex(publicKeyHex);
  if (publicKey?.length !== 32) throw new RangeError('A key is not 64 lowercase hex digits');
  return { name: printOrigin(ledgerId), publicKey };
}

/** The text of a checkpoint, without signatures. */
export function printCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, String(size), encodeBase64(root), ...extensions].map((line) => `${line}\n`).join('');
}

/** A ledger's checkpoint as a signed note. @throws RangeError for a ledger id that no key name can have */
export function signCheckpoint(ledgerId: string, size: number, root: Uint8Array, signer: Signer): string {
  const origin = printOrigin(ledgerId);
  return signNote(printCheckpoint({ origin, size, root, extensions: [] }), origin, signer);
}

/** Whether checkpoints of a ledger can be written: its id has to fit into the name of a key. */
export function hasCheckpoints(ledgerId: string): boolean {
  return isKeyName(printOrigin(ledgerId));
}

/** Reads a signed checkpoint strictly. Its signatures are not looked at. */
export function parseCheckpoint(bytes: Uint8Array): Reading<SignedCheckpoint> {
  const reading = parseNote(bytes);
  if (!reading.ok) return reading;
  const note = reading.value;
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  if (origin === '') return bad('names no origin');
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    return bad('names no size');
  const rootBytes = decodeBase64(root);
  if (rootBytes?.length !== 32) return bad('names no root of 32 bytes');
  if (extensions.includes('')) return bad('has an empty line');
  return { ok: true, value: { origin, size: Number(size), root: rootBytes, extensions, note } };
}

function bad(what: string): Reading<never> {
  return refusal('BAD_CHECKPOINT', `The checkpoint ${what}.`);
}
