/**
 * Tells what a file is that somebody gives to a verification without saying so: rows, a checkpoint, a policy, a trust file;
 * and, in one plain sentence, what it is instead when it is none of these.
 */
import { decodeUtf8 } from './bytes.js';
import { parseCheckpoint } from './checkpoint.js';
import type { BroughtCheckpoint } from './checkpoint-step.js';
import type { CryptoBackend } from './crypto.js';
import { isObject, type JsonObject } from './json.js';
import { readKeptPolicy } from './kept-policy.js';
import type { Policy } from './policy.js';
import { parsePolicy } from './policy-reader.js';
import type { PinnedKey } from './report.js';
import { MAX_LINE_BYTES, readJsonLine } from './row-reader.js';
import { parseTrustFile } from './trust-file.js';

/** Bytes of a file's beginning that tell what it is. */
export const HEAD_BYTES = MAX_LINE_BYTES;

export interface FileHead {
  readonly name: string;
  readonly sizeBytes: number;
  /** The first `HEAD_BYTES`, or all there are. */
  readonly head: Uint8Array;
}

/** What the file is good for. Texts may quote it: hostile. */
export type GivenFile =
  /** To be verified. `remark`: why there is little hope. */
  | { readonly kind: 'rows'; readonly remark?: string }
  | { readonly kind: 'checkpoint'; readonly brought: BroughtCheckpoint }
  /** `demanded`: all calls must have been decided by it. Those kept beside a ledger, named by their hash, are only known. */
  | { readonly kind: 'policy'; readonly policy: Policy; readonly demanded: boolean }
  | { readonly kind: 'trust'; readonly keys: readonly PinnedKey[] }
  /** Meant as one of these, and not usable. */
  | { readonly kind: 'refused'; readonly message: string };

/** First bytes, in hex, of what people drop by mistake. */
const SIGNS: readonly (readonly [hex: string, remark: string])[] = [
  [
    '255044462d',
    'This is a PDF document. Ask for the ledger or receipt itself: a text file, one row per line.',
  ],
  ['89504e47', 'This is an image. A picture of a receipt proves nothing; ask for the receipt as text.'],
  ['ffd8ff', 'This is an image. A picture of a receipt proves nothing; ask for the receipt as text.'],
  ['47494638', 'This is an image. A picture of a receipt proves nothing; ask for the receipt as text.'],
  ['52494646', 'This is an image, sound or film. Ask for the receipt as text.'],
  ['1f8b', 'This file is compressed with gzip. Unpack it first (gunzip), then give what comes out.'],
  ['28b52ffd', 'This file is compressed with zstd. Unpack it first, then give what comes out.'],
  ['fd377a585a', 'This file is compressed with xz. Unpack it first, then give what comes out.'],
  [
    '504b0304',
    'This is a ZIP archive or an office document. Unpack it, then give the ledger that is inside.',
  ],
  [
    'fffe',
    'This text is in UTF-16. Receipts are UTF-8: ask for the file as it was written, not saved again.',
  ],
  [
    'feff',
    'This text is in UTF-16. Receipts are UTF-8: ask for the file as it was written, not saved again.',
  ],
  ['53514c69746520', 'This is an SQLite database. Receipts are text files, one row per line.'],
  ['7f454c46', 'This is a program. Receipts are text files, one row per line.'],
  [
    '2d2d2d2d2d424547494e',
    'This is a key or certificate in PEM form. If it is a private key, nobody should have sent it to you. Receipts name public keys as 64 hex digits.',
  ],
];
const POLICY_KEYS = ['caps', 'rules', 'tasks', 'mode'];

/** Says what a file is. Never throws. */
export function readGivenFile(file: FileHead, backend: Pick<CryptoBackend, 'sha256'>): GivenFile {
  const { name, sizeBytes, head } = file;
  if (sizeBytes === 0) return rows('The file is empty.');
  const remark = findSign(head);
  if (remark) return rows(remark);
  if (startsWith(head, 'agentguard/')) return readCheckpoint(name, head);
  if (/\.ya?ml$/i.test(name))
    return refused(
      'Policies in YAML are not read here: ask for the policy as JSON, or verify with agentguard.',
    );
  const text = decodeUtf8(head.subarray(0, lastWhole(head)));
  if (text === undefined)
    return rows(head.includes(0) ? 'This is a binary file. Receipts are text.' : undefined);
  const start = text.trimStart();
  if (start === '') return rows('The file holds nothing but blanks.');
  if (start.startsWith('<')) return rows('This is a web page or XML. Ask for the receipt or ledger itself.');
  if (!/^[{[]/.test(start)) return rows(describeText(start));
  if (sizeBytes > head.length) return rows();
  const reading = readJsonLine(head);
  return reading.ok && isObject(reading.value) ? readObject(file, reading.value, backend) : rows();
}

function readObject(
  { name, head }: FileHead,
  value: JsonObject,
  backend: Pick<CryptoBackend, 'sha256'>,
): GivenFile {
  if ('decision' in value || 'agentguardBundle' in value) return rows();
  if (Array.isArray(value.keys)) return readTrust(head);
  if ('verdicts' in value && 'files' in value)
    return rows('This is the result of a verification, not what was verified. Give the ledger itself.');
  if (!POLICY_KEYS.some((key) => key in value))
    return rows('This is JSON, but no receipt: it has no "decision".');
  const [, hash] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
  const kept = hash === undefined ? undefined : readKeptPolicy(head, hash, backend);
  if (kept?.ok) return { kind: 'policy', policy: kept.value, demanded: false };
  if (kept) return refused(`The policy ${name} is not what its name says: ${kept.message}`);
  const policy = parsePolicy(value, backend);
  if (policy.ok) return { kind: 'policy', policy: policy.policy, demanded: true };
  const [first] = policy.problems;
  return refused(`It looks like a policy, but is none: ${first?.path} ${first?.message}.`);
}

function readTrust(head: Uint8Array): GivenFile {
  const trust = parseTrustFile(head);
  if (trust.ok) return { kind: 'trust', keys: trust.keys };
  const [first] = trust.problems;
  return refused(`It looks like a trust file, but is none: ${first?.path} ${first?.message}.`);
}

function readCheckpoint(name: string, head: Uint8Array): GivenFile {
  const reading = parseCheckpoint(head);
  if (reading.ok) return { kind: 'checkpoint', brought: { name, checkpoint: reading.value } };
  return refused(`It looks like a checkpoint, but cannot be used: ${reading.message}`);
}

function describeText(start: string): string | undefined {
  if (start.startsWith('c2sp.org/tlog-proof@')) return undefined;
  const [first = ''] = start.split('\n', 1);
  if (/([,;\t]).*\1/.test(first) && !first.includes('{'))
    return 'This is a table (CSV). Tables are not signed: ask for the rows themselves, as agentguard export writes them.';
  return 'This is a text, but no receipt: a receipt is one JSON object, {"decision": …}.';
}

function findSign(head: Uint8Array): string | undefined {
  const start = Array.from(head.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return SIGNS.find(([hex]) => start.startsWith(hex))?.[1];
}

/** Where the last whole character ends: a head may be cut inside of one. */
function lastWhole(head: Uint8Array): number {
  if (head.length < HEAD_BYTES) return head.length;
  let end = head.length;
  while (end > 0 && ((head[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  return Math.max(0, end - 1);
}

function startsWith(head: Uint8Array, text: string): boolean {
  return decodeUtf8(head.subarray(0, text.length)) === text;
}

function rows(remark?: string): GivenFile {
  return remark === undefined ? { kind: 'rows' } : { kind: 'rows', remark };
}

function refused(message: string): GivenFile {
  return { kind: 'refused', message };
}
