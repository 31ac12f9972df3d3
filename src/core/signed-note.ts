/**
 * Signed notes (c2sp.org/signed-note) with Ed25519 keys: a text, an empty line, and signature lines.
 *
 *   agentguard/5f1c…\n1024\nCsUY…xqM2I=\n\n— agentguard/5f1c… Az3grlgt…\n
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { concatBytes, decodeHex, decodeUtf8, encodeHex, encodeUtf8, equalBytes } from './bytes.js';
import type { Signer } from './crypto.js';
import { nobleBackend, verifyStrict } from './ed25519.js';
import { quote, type Reading, refusal } from './reading.js';

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  /** The four bytes that say which key of that name. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** Ends with a line feed; this is what is signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A key that notes are checked with. */
export interface NoteKey {
  readonly name: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** `unknown`: no signature is by a key that was given. `bad`: one is, and it does not fit. */
export type NoteAnswer = 'valid' | 'unknown' | 'bad';

const MAX_NOTE_BYTES = 65_536;
const MAX_SIGNATURES = 100;
/** Ed25519 over the text itself. */
const ED25519 = Uint8Array.of(1);
const SIGNATURE_LINE = /^\u2014 (?<name>[^ ]+) (?<base64>[^ ]+)$/;
const NO_NAME = /[\p{White_Space}+]/u;

/** Whether a text can be the name of a key. */
export function isKeyName(name: string): boolean {
  return name !== '' && !NO_NAME.test(name) && !hasControl(name);
}

/** Which key of a name: the first four bytes of SHA-256 over name, line feed, algorithm and key. */
export function computeKeyId({ name, publicKey }: NoteKey): Uint8Array {
  const bytes = concatBytes(encodeUtf8(`${name}\n`), ED25519, publicKey);
  return nobleBackend.sha256(bytes).slice(0, 4);
}

/** A key as verifiers are given it: `name+id+base64`. */
export function printNoteKey(key: NoteKey): string {
  const body = encodeBase64(concatBytes(ED25519, key.publicKey));
  return `${key.name}+${encodeHex(computeKeyId(key))}+${body}`;
}

/** The inverse of `printNoteKey`; `undefined` for anything else, also for another algorithm or a wrong id. */
export function parseNoteKey(text: string): NoteKey | undefined {
  const [, name, id, body] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  const bytes = body === undefined ? undefined : decodeBase64(body);
  if (name === undefined || bytes?.length !== 33 || bytes[0] !== 1 || !isKeyName(name)) return undefined;
  const key = { name, publicKey: bytes.slice(1) };
  return encodeHex(computeKeyId(key)) === id ? key : undefined;
}

/** Signs a text that ends with a line feed. @throws RangeError for a text or name that no note can have */
export function signNote(text: string, name: string, signer: Signer): string {
  if (!isNoteText(text) || !isKeyName(name)) throw new RangeError('no such note can be written');
  const publicKey = decodeHex(signer.publicKeyHex) ?? new Uint8Array();
  const keyId = computeKeyId({ name, publicKey });
  return printNote({ text, signatures: [{ name, keyId, signature: signer.sign(encodeUtf8(text)) }] });
}

export function printNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, keyId, signature }) => {
    return `\u2014 ${name} ${encodeBase64(concatBytes(keyId, signature))}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** Reads a note strictly: what is read prints as the same bytes. */
export function parseNote(bytes: Uint8Array): Reading<SignedNote> {
  if (bytes.length > MAX_NOTE_BYTES) return bad(`is longer than ${MAX_NOTE_BYTES} bytes`);
  const whole = decodeUtf8(bytes);
  if (whole === undefined) return bad('is not UTF-8');
  const split = whole.lastIndexOf('\n\n');
  if (split < 0) return bad('has no empty line before its signatures');
  const text = whole.slice(0, split + 1);
  const lines = whole.slice(split + 2).split('\n');
  if (!isNoteText(text)) return bad('holds control characters or no text');
  if (lines.pop() !== '' || lines.length === 0) return bad('does not end with a signature line');
  if (lines.length > MAX_SIGNATURES) return bad(`has more than ${MAX_SIGNATURES} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (!signature) return bad(`has a signature line of no known form: ${quote(line)}`);
    signatures.push(signature);
  }
  const note = { text, signatures };
  return printNote(note) === whole ? { ok: true, value: note } : bad('is not written as notes are');
}

/**
 * Checks a note with the keys that are known: one valid signature is enough, and one that does not fit is too much. By
 * the portable backend, about 2 ms each: notes are few, and the answer is there at once on every platform.
 */
export function verifyNote(note: SignedNote, keys: readonly NoteKey[]): NoteAnswer {
  let answer: NoteAnswer = 'unknown';
  const message = encodeUtf8(note.text);
  for (const { name, keyId, signature } of note.signatures) {
    const named = keys.filter((key) => key.name === name && equalBytes(computeKeyId(key), keyId));
    if (named.length === 0) continue;
    let fits = false;
    for (const { publicKey } of named) {
      fits ||= verifyStrict(nobleBackend, publicKey, message, signature) === true;
    }
    if (!fits) return 'bad';
    answer = 'valid';
  }
  return answer;
}

function parseSignature(line: string): NoteSignature | undefined {
  const { name, base64 } = SIGNATURE_LINE.exec(line)?.groups ?? {};
  const bytes = base64 === undefined ? undefined : decodeBase64(base64);
  if (name === undefined || !bytes || bytes.length <= 4 || !isKeyName(name)) return undefined;
  return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}

function isNoteText(text: string): boolean {
  return text.length > 1 && text.endsWith('\n') && !hasControl(text.replaceAll('\n', ''));
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20) return true;
  return false;
}

function bad(what: string): Reading<never> {
  return refusal('BAD_CHECKPOINT', `The note ${what}.`);
}
