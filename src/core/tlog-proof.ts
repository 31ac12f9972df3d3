/**
 * Inclusion proofs as text (c2sp.org/tlog-proof): one row's place in a checkpoint. Ours carry the row's own line as
 * `extra`, so that one small file is the receipt and its proof.
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { decodeUtf8, encodeUtf8 } from './bytes.js';
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.js';
import { hashLeaf, type Sha256 } from './merkle.js';
import { verifyInclusion } from './merkle-proof.js';
import { type Reading, refusal } from './reading.js';
import { printNote } from './signed-note.js';

export interface TlogProof {
  /** Place of the row, from 0. */
  readonly index: number;
  /** The row's sibling first. */
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: SignedCheckpoint;
  /** Whatever the writer added; ours is the line of the row without its line feed. */
  readonly extra: Uint8Array | undefined;
}

/** Above 1 MiB of row in base64, 63 hashes and a note. */
export const MAX_PROOF_BYTES = 2_097_152;
/** A tree of 2^53 leaves has no longer proof. */
const MAX_HASHES = 63;
const HEADER = 'c2sp.org/tlog-proof@v1';

/** Whether bytes begin as such a proof does. */
export function isTlogProof(bytes: Uint8Array): boolean {
  return decodeUtf8(bytes.subarray(0, HEADER.length + 1)) === `${HEADER}\n`;
}

export function printTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    HEADER,
    ...(extra ? [`extra ${encodeBase64(extra)}`] : []),
    `index ${index}`,
    ...hashes.map(encodeBase64),
  ];
  return `${lines.join('\n')}\n\n${printNote(checkpoint.note)}`;
}

/** Reads a proof strictly: what is read prints as the same bytes. Nothing in it is checked yet. */
export function parseTlogProof(bytes: Uint8Array): Reading<TlogProof> {
  if (bytes.length > MAX_PROOF_BYTES) return bad(`is longer than ${MAX_PROOF_BYTES} bytes`);
  const text = decodeUtf8(bytes);
  if (text === undefined) return bad('is not UTF-8');
  const split = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(0, split)).split('\n');
  if (split < 0 || header !== HEADER) return bad(`does not begin with ${HEADER} and a proof`);
  const extra = lines[0]?.startsWith('extra ') ? decodeBase64(lines.shift()?.slice(6) ?? '') : undefined;
  const index = readIndex(lines.shift());
  if (index === undefined) return bad('names no index');
  if (lines.length > MAX_HASHES) return bad(`has more than ${MAX_HASHES} hashes`);
  const hashes = lines.map(decodeBase64).filter((hash) => hash?.length === 32) as Uint8Array[];
  if (hashes.length !== lines.length) return bad('holds a hash that is not 32 bytes in base64');
  const checkpoint = parseCheckpoint(encodeUtf8(text.slice(split + 2)));
  if (!checkpoint.ok) return checkpoint;
  const proof = { index, hashes, checkpoint: checkpoint.value, extra };
  return printTlogProof(proof) === text ? { ok: true, value: proof } : bad('is not written as proofs are');
}

/** Whether a line (without its line feed) is the row that the proof's checkpoint counts at the proof's index. */
export function isIncluded(
  { index, hashes, checkpoint }: TlogProof,
  line: Uint8Array,
  sha256: Sha256,
): boolean {
  const { size, root } = checkpoint;
  return verifyInclusion({ index, size, leafHash: hashLeaf(sha256, line), root, proof: hashes }, sha256);
}

function readIndex(line: string | undefined): number | undefined {
  const [, digits] = /^index (0|[1-9][0-9]{0,15})$/.exec(line ?? '') ?? [];
  const index = Number(digits);
  return Number.isSafeInteger(index) ? index : undefined;
}

function bad(what: string): Reading<never> {
  return refusal('BAD_CHECKPOINT', `The proof ${what}.`);
}
