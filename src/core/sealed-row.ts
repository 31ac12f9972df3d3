/**
 * The short way to read a row as `sealReceipt` writes it: the canonical payload first, then `entryHash`, `signature` and
 * `publicKeyHex`. The bytes that were hashed stand in the line, so nothing is printed again. Every other row, and every
 * doubt, is left to the strict reader; whatever both read, they read alike.
 */
import { decodeUtf8 } from './bytes.js';
import { skipCanonicalObject, skipInteger, standsAt } from './canonical-scan.js';
import type { Json, JsonObject } from './json.js';
import type { Receipt } from './receipt.js';
import { MAX_DEPTH, MAX_LINE_BYTES } from './row-reader.js';

/** A row as it stands in its line. Its decision is parsed when somebody asks for it. */
export class SealedRow implements Receipt {
  readonly sequence: number;
  readonly previousHash: string;
  readonly entryHash: string;
  readonly signature: string;
  readonly signerFingerprint: string;
  readonly publicKeyHex: string;
  readonly unsigned = NOTHING;
  readonly #text: string;
  readonly #spans: Spans;
  #decision: JsonObject | undefined;

  constructor(text: string, spans: Spans) {
    const { sequenceStart, sequenceEnd, previous, entryHash, signature, fingerprint, key } = spans;
    this.sequence = Number(text.slice(sequenceStart, sequenceEnd));
    this.previousHash = text.slice(previous - 64, previous);
    this.entryHash = text.slice(entryHash - 64, entryHash);
    this.signature = text.slice(signature - 128, signature);
    this.signerFingerprint = text.slice(fingerprint - 16, fingerprint);
    this.publicKeyHex = text.slice(key - 64, key);
    this.#text = text;
    this.#spans = spans;
  }

  get decision(): JsonObject {
    this.#decision ??= JSON.parse(this.#text.slice(START.length, this.#spans.decisionEnd)) as JsonObject;
    return this.#decision;
  }

  /** A member of the decision; `undefined` when there is none. */
  member(name: MemberName): Json | undefined {
    const at = 2 * MEMBER_NAMES.indexOf(name);
    const [start, end] = [this.#spans.members[at] as number, this.#spans.members[at + 1] as number];
    if (start === end) return undefined;
    // A text here has no escapes.
    if (this.#text.charCodeAt(start) === QUOTE) return this.#text.slice(start + 1, end - 1);
    return JSON.parse(this.#text.slice(start, end)) as Json;
  }

  /** The bytes that the hash is over, in memory that the next row uses again. */
  borrowPayload(line: Uint8Array): Uint8Array {
    const end = this.#spans.fingerprint + 1;
    if (payload.length <= end) payload = new Uint8Array(2 * end);
    payload.set(line.subarray(0, end));
    payload[end] = CLOSE_BRACE;
    return payload.subarray(0, end + 1);
  }
}

/** Offsets in a line: where each value ends, unless the name says otherwise. */
interface Spans {
  readonly decisionEnd: number;
  readonly previous: number;
  readonly sequenceStart: number;
  readonly sequenceEnd: number;
  readonly fingerprint: number;
  readonly entryHash: number;
  readonly signature: number;
  readonly key: number;
  /** Start and end of the value of each of `MEMBER_NAMES`; twice the same for none. */
  readonly members: readonly number[];
}

/** The members of a decision that every row is asked for. */
export const MEMBER_NAMES = [
  'entryType',
  'ledgerId',
  'ledgerIndex',
  'ledgerPreviousHash',
  'timestamp',
] as const;
export type MemberName = (typeof MEMBER_NAMES)[number];

const NOTHING = Object.freeze({});
let payload = new Uint8Array(8_192);

const START = '{"decision":';
const PREVIOUS = ',"previousHash":"';
const SEQUENCE = '","sequence":';
const FINGERPRINT = ',"signerFingerprint":"';
const HASH = '","entryHash":"';
const SIGNATURE = '","signature":"';
const KEY = '","publicKeyHex":"';
const END = '"}';
const CLOSE_BRACE = 0x7d;
const MINUS = 0x2d;
const QUOTE = 0x22;

/** The row of a line, or `undefined` for one in another form; which may be as good. */
export function readSealedRow(line: Uint8Array): SealedRow | undefined {
  if (line.length > MAX_LINE_BYTES || !standsAt(line, 0, START)) return undefined;
  const members = new Array<number>(2 * MEMBER_NAMES.length).fill(0);
  const decisionEnd = skipCanonicalObject(
    line,
    START.length,
    MAX_DEPTH - 1,
    (keyStart, keyEnd, start, end) => {
      const at = findMember(line, keyStart, keyEnd);
      if (at < 0) return;
      members[2 * at] = start;
      members[2 * at + 1] = end;
    },
  );
  const previous = skipHex(line, decisionEnd, PREVIOUS, 64);
  const sequenceStart = skipName(line, previous, SEQUENCE);
  const sequenceEnd = skipIndex(line, sequenceStart);
  const fingerprint = skipHex(line, sequenceEnd, FINGERPRINT, 16);
  const entryHash = skipHex(line, fingerprint, HASH, 64);
  const signature = skipHex(line, entryHash, SIGNATURE, 128);
  const key = skipHex(line, signature, KEY, 64);
  if (skipName(line, key, END) !== line.length) return undefined;
  // Every byte was seen to be ASCII.
  return new SealedRow(decodeUtf8(line) ?? '', {
    decisionEnd,
    previous,
    sequenceStart,
    sequenceEnd,
    fingerprint,
    entryHash,
    signature,
    key,
    members,
  });
}

function findMember(line: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < MEMBER_NAMES.length; i++) {
    const name = MEMBER_NAMES[i] as string;
    if (name.length === end - start && standsAt(line, start, name)) return i;
  }
  return -1;
}

/** Where a number from 0 ends. */
function skipIndex(line: Uint8Array, at: number): number {
  return at < 0 || line[at] === MINUS ? -1 : skipInteger(line, at);
}

/** Where the hex digits after a name end; -1 when name or digits are not there, or `at` is. */
function skipHex(line: Uint8Array, at: number, name: string, digits: number): number {
  const start = skipName(line, at, name);
  if (start < 0) return -1;
  for (let next = start; next < start + digits; next++) if (!isHexDigit(line[next])) return -1;
  return start + digits;
}

function skipName(line: Uint8Array, at: number, name: string): number {
  return at >= 0 && standsAt(line, at, name) ? at + name.length : -1;
}

function isHexDigit(code: number | undefined): boolean {
  return code !== undefined && ((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66));
}
