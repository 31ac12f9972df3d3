/**
 * Ledgers, good and bad, made from fixed keys: each with the problems and verdicts that every verifier must find.
 * `receipt-vectors.test.ts` keeps them as files in test/vectors/receipts, for readers in other languages.
 */
import { concatBytes, encodeUtf8 } from '../../src/core/bytes.js';
import { signCheckpoint } from '../../src/core/checkpoint.js';
import type { Signer } from '../../src/core/crypto.js';
import type { JsonObject } from '../../src/core/json.js';
import type { VerifyOptions } from '../../src/core/ledger-verifier.js';
import { appendLeaf, computeRoot, createFrontier, hashLeaf } from '../../src/core/merkle.js';
import type { Receipt } from '../../src/core/receipt.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, LedgerWriter, writeLedger } from './ledger-fixture.js';

export interface ReceiptCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly options?: Pick<VerifyOptions, 'pinnedKeys' | 'allowedKeys'>;
  /** Signed notes that the verifier brings. */
  readonly checkpoints?: readonly string[];
  /** Expected, as `CODE@line`, in order of lines. */
  readonly problems: readonly string[];
  /** Expected answers: authentic, contiguous. */
  readonly answers: readonly [string, string];
  /** Expected answer, where a checkpoint was brought. */
  readonly complete?: string;
  /** Too large to keep as a file. */
  readonly generated?: true;
}

const a = fixedSigner(97);
const b = fixedSigner(98);
const ours = writeLedger('aab');
const pinA = { publicKeyHex: a.publicKeyHex };
const pinB = { publicKeyHex: b.publicKeyHex };
const PIN_BOTH = { pinnedKeys: [pinA, pinB] };
const NOTE_A = 'UNPINNED_KEY@1';

/** Every case, good ones first. */
export function listCases(): ReceiptCase[] {
  return [
    ...goodCases(),
    ...unreadableCases(),
    ...brokenCases(),
    ...keyCases(),
    ...noteCases(),
    ...checkpointCases(),
  ];
}

function goodCases(): ReceiptCase[] {
  return [
    good('one-signer', join(writeLedger('aaa').lines), { pinnedKeys: [pinA] }),
    good('two-signers', join(ours.lines), PIN_BOTH),
    good('first-row-alone', join(writeLedger('a').lines), { pinnedKeys: [pinA] }),
    good('text-of-all-kinds', join(richLedger().lines), { pinnedKeys: [pinA] }),
    good('carriage-returns', join(ours.lines.map((line) => `${line}\r`)), PIN_BOTH),
    {
      ...good(
        'foreign-insertion-order',
        join(writeLedger('aaba', { foreign: true }).receipts.map(inInsertionOrder)),
        PIN_BOTH,
      ),
      answers: ['yes', 'unknown'],
    },
    {
      ...good(
        'foreign-without-keys-but-pinned',
        join(writeLedger('aa', { foreign: true }).receipts.map(withoutKey)),
        PIN_BOTH,
      ),
      answers: ['yes', 'unknown'],
    },
    { ...good('foreign-then-ours', join(mixedLedger().lines), PIN_BOTH), answers: ['yes', 'unknown'] },
    {
      ...good(
        'key-named-later',
        join([withoutKey(ours.receipts[0]!), ours.lines[1]!, ours.lines[2]!]),
        PIN_BOTH,
      ),
    },
  ];
}

function unreadableCases(): ReceiptCase[] {
  const [line = ''] = ours.lines;
  const text = (from: string, to: string) => encodeUtf8(line.replace(from, to));
  const cut = (name: string, code: string, bytes: Uint8Array, generated?: true): ReceiptCase => ({
    name,
    bytes: concatBytes(bytes, encodeUtf8('\n'), join(ours.lines.slice(1))),
    options: PIN_BOTH,
    problems: [`${code}@1`],
    answers: ['no', 'no'],
    ...(generated && { generated }),
  });
  return [
    cut('not-json', 'NOT_JSON', text('"decision":', '"decision"=')),
    cut('empty-line', 'NOT_JSON', new Uint8Array()),
    cut('byte-order-mark', 'NOT_JSON', encodeUtf8(`\ufeff${line}`)),
    cut(
      'not-utf8',
      'NOT_UTF8',
      text('alice', 'alic?').map((byte) => (byte === 0x3f ? 0xff : byte)),
    ),
    cut('duplicate-key', 'DUPLICATE_KEY', text('"action":"allow"', '"action":"allow","action":"block"')),
    cut(
      'duplicate-key-escaped',
      'DUPLICATE_KEY',
      text('"action":"allow"', '"action":"allow","\\u0061ction":"block"'),
    ),
    cut('unsafe-integer', 'UNSAFE_NUMBER', text('"sequence":0', '"sequence":9007199254740993')),
    cut(
      'unsafe-fraction',
      'UNSAFE_NUMBER',
      text('"formatVersion":1', '"formatVersion":1.00000000000000000001'),
    ),
    cut('lone-surrogate', 'LONE_SURROGATE', text('alice', 'alice\\ud83d')),
    cut(
      'too-deep',
      'TOO_DEEP',
      text('"triggeredCap":null', `"triggeredCap":${'['.repeat(63)}${']'.repeat(63)}`),
    ),
    cut('line-too-long', 'LINE_TOO_LONG', text('alice', 'a'.repeat(1_048_576)), true),
    cut('sequence-is-text', 'WRONG_TYPE', text('"sequence":0', '"sequence":"0"')),
    cut(
      'hash-in-uppercase',
      'WRONG_TYPE',
      encodeUtf8(
        line.replace(/"entryHash":"\w+"/, (part) => part.replace(/:"\w+/, (hex) => hex.toUpperCase())),
      ),
    ),
    cut('not-an-object', 'WRONG_TYPE', encodeUtf8('[]')),
  ];
}

function brokenCases(): ReceiptCase[] {
  const { lines } = writeLedger('aaaaa');
  const bad = (
    name: string,
    problem: readonly string[],
    rows: readonly string[],
    answer = 'yes',
  ): ReceiptCase => ({
    name,
    bytes: join(rows),
    options: PIN_BOTH,
    problems: problem,
    answers: [answer as 'yes', 'no'],
  });
  const changed = lines[2]!.replace('0.000128', '0.000129');
  return [
    bad('amount-changed', ['HASH_MISMATCH@3'], lines.with(2, changed), 'no'),
    bad('row-dropped', ['GAP@3'], lines.toSpliced(2, 1)),
    bad(
      'row-repeated',
      ['TIME_BACKWARDS@4', 'DUPLICATE_SEQUENCE@4'].toSorted(),
      lines.toSpliced(3, 0, lines[1]!),
    ),
    bad(
      'rows-swapped',
      ['GAP@3', 'LINK_MISMATCH@4', 'TIME_BACKWARDS@4'],
      lines.with(2, lines[3]!).with(3, lines[2]!),
    ),
    bad('signer-run-removed', ['LEDGER_ORDER_MISMATCH@3'], writeLedger('aabba').lines.toSpliced(2, 2)),
    bad('row-rewritten-by-its-signer', ['LINK_MISMATCH@4'], lines.with(2, rewritten(2))),
    bad('two-histories', ['FORK@4'], lines.toSpliced(3, 0, rewritten(2))),
    bad(
      'row-of-another-ledger',
      ['LEDGER_ORDER_MISMATCH@3', 'TIME_BACKWARDS@3'],
      lines.toSpliced(2, 0, writeLedger('b', { ledgerId: 'ff'.repeat(16) }).lines[0]!),
    ),
    bad(
      'foreign-row-put-in',
      ['LEDGER_ORDER_MISMATCH@4'],
      lines.toSpliced(2, 0, writeLedger('b', { foreign: true }).lines[0]!),
    ),
    bad('ledger-index-is-text', ['WRONG_TYPE@1'], ledgerIndexAsText(), 'no'),
  ];
}

function keyCases(): ReceiptCase[] {
  const { lines, receipts } = writeLedger('aaa');
  const otherSignature = lines[1]!.replace(receipts[1]!.signature, receipts[0]!.signature);
  const otherKey = lines[1]!.replace(a.publicKeyHex, b.publicKeyHex);
  const entry = (
    name: string,
    rows: readonly string[],
    problems: readonly string[],
    answers: ReceiptCase['answers'],
    options: ReceiptCase['options'] = PIN_BOTH,
  ): ReceiptCase => ({
    name,
    bytes: join(rows),
    problems,
    answers,
    options,
  });
  return [
    entry('signature-of-another-row', lines.with(1, otherSignature), ['BAD_SIGNATURE@2'], ['no', 'yes']),
    entry('key-exchanged', lines.with(1, otherKey), ['FINGERPRINT_MISMATCH@2'], ['no', 'yes']),
    entry('key-not-demanded', lines, ['WRONG_KEY@1', NOTE_A], ['no', 'yes'], {
      allowedKeys: [b.publicKeyHex],
    }),
    entry('key-expired', lines, ['EXPIRED_KEY@3'], ['no', 'yes'], {
      pinnedKeys: [{ ...pinA, validUntil: '2026-10-01T12:00:01.500Z' }],
    }),
    entry(
      'key-unknown',
      writeLedger('aa').receipts.map(withoutKey),
      ['UNKNOWN_KEY@1'],
      ['unknown', 'unknown'],
      {},
    ),
    entry('key-not-pinned', lines, [NOTE_A], ['unknown', 'yes'], {}),
    entry('key-rotated', rotatedLedger('aRbb'), [], ['yes', 'yes'], { pinnedKeys: [pinA] }),
    entry('key-rotated-and-demanded', rotatedLedger('aRbb'), [], ['yes', 'yes'], {
      allowedKeys: [a.publicKeyHex],
    }),
    entry('key-rotated-back', rotatedLedger('aRbSa'), ['RETIRED_KEY@5'], ['no', 'yes']),
    entry('key-retired-signs-on', rotatedLedger('aRba'), ['RETIRED_KEY@4', 'UNPINNED_KEY@3'], ['no', 'yes'], {
      pinnedKeys: [pinA],
    }),
    entry('key-signed-before-it-was-named', rotatedLedger('abRb'), ['UNPINNED_KEY@2'], ['unknown', 'yes'], {
      pinnedKeys: [pinA],
    }),
    entry('key-revoked', lines, ['REVOKED_KEY@1', 'REVOKED_KEY@3'], ['no', 'yes'], {
      pinnedKeys: [{ ...pinA, revokedAt: '2026-10-01T12:00:01.500Z' }],
    }),
    entry('key-revoked-and-pinned-again', lines, ['REVOKED_KEY@1', 'REVOKED_KEY@3'], ['no', 'yes'], {
      pinnedKeys: [{ ...pinA, revokedAt: '2026-10-01T12:00:01.500Z' }, pinA],
    }),
    entry('key-expired-and-pinned-again', lines, ['EXPIRED_KEY@3'], ['no', 'yes'], {
      pinnedKeys: [{ ...pinA, validUntil: '2026-10-01T12:00:01.500Z' }, pinA],
    }),
    entry('key-revoked-later', lines, ['REVOKED_KEY@1'], ['yes', 'yes'], {
      pinnedKeys: [{ ...pinA, revokedAt: '2026-10-01T12:00:03.000Z' }],
    }),
    entry('three-keys', writeLedger('abc').lines, ['FRESH_KEYS@0', 'UNPINNED_KEY@1'], ['unknown', 'yes'], {}),
  ];
}

function noteCases(): ReceiptCase[] {
  const { lines } = writeLedger('aaa');
  const note = (
    name: string,
    bytes: Uint8Array,
    problems: readonly string[],
    contiguous = 'yes',
  ): ReceiptCase => ({
    name,
    bytes,
    problems,
    answers: ['yes', contiguous],
    options: PIN_BOTH,
  });
  const beside = (key: string) => lines.map((line) => line.replace(/}$/, `,"${key}":"x"}`));
  return [
    note('unsigned-key', join(beside('verified')), ['UNSIGNED_KEY@1']),
    note('builder-code', join(beside('builderCode')), ['UNSIGNED_KEY@1']),
    note('late-start', join(lines.slice(1)), ['LATE_START@1'], 'unknown'),
    note('time-backwards', join(clockJumpedBack()), ['TIME_BACKWARDS@2']),
    note('torn-tail', concatBytes(join(lines), encodeUtf8('{"decision":{"act')), ['TORN_TAIL@4']),
    note('nul-bytes-at-the-end', concatBytes(join(lines), new Uint8Array(64)), ['TORN_TAIL@4']),
    note('last-line-feed-missing', join(lines).subarray(0, -1), ['TORN_TAIL@3']),
  ];
}

function checkpointCases(): ReceiptCase[] {
  const { lines } = writeLedger('aaaaaa');
  const forked = [...lines.slice(0, 2), ...writeLedger('aaaaaa', { suffix: 2 }).lines.slice(2)];
  const entry = (
    name: string,
    rows: readonly string[],
    checkpoints: readonly string[],
    problems: readonly string[],
    complete: string,
  ): ReceiptCase => ({
    name,
    bytes: join(rows),
    options: { pinnedKeys: [pinA] },
    checkpoints,
    problems,
    answers: ['yes', 'yes'],
    complete,
  });
  const four = checkpointOf(lines.slice(0, 4));
  const broken = four.replace('\n4\n', '\n3\n');
  const rotated = rotatedLedger('aR');
  const brokenOfNamed = checkpointOf(rotated, b).replace('\n2\n', '\n1\n');
  return [
    entry('checkpoint-fits', lines, [four], [], 'yes'),
    entry('checkpoints-fit', lines, [four, checkpointOf(lines), checkpointOf([])], [], 'yes'),
    entry('checkpoint-of-no-rows', lines, [checkpointOf([])], [], 'unknown'),
    entry('checkpoint-by-a-stranger-fits', lines, [checkpointOf(lines, b)], [], 'yes'),
    entry('checkpoint-of-another-ledger', lines, [checkpointOf(lines, a, 'ff'.repeat(16))], [], 'unknown'),
    entry('rows-cut-from-the-end', lines.slice(0, 3), [four], ['TRUNCATED@0'], 'no'),
    entry('suffix-rewritten-with-the-true-key', forked, [four], ['REWRITTEN@0'], 'no'),
    entry(
      'two-histories-checkpointed',
      lines,
      [four, checkpointOf(forked.slice(0, 4))],
      ['REWRITTEN@0'],
      'no',
    ),
    entry('checkpoint-changed', lines, [broken], ['BAD_CHECKPOINT@0'], 'no'),
    entry('checkpoint-of-a-named-key', rotated, [checkpointOf(rotated, b)], [], 'yes'),
    entry('checkpoint-of-a-named-key-changed', rotated, [brokenOfNamed], ['BAD_CHECKPOINT@0'], 'no'),
    {
      ...entry(
        'cut-and-resealed-with-another-key',
        writeLedger('bbbbbb').lines,
        [four],
        ['REWRITTEN@0', 'UNPINNED_KEY@1'],
        'no',
      ),
      answers: ['unknown', 'yes'],
    },
    {
      ...entry('checkpoint-and-late-start', lines.slice(1), [four], ['LATE_START@1'], 'unknown'),
      answers: ['yes', 'unknown'],
    },
  ];
}

/** The checkpoint of lines, signed by the ledger's key. */
export function checkpointOf(
  rows: readonly string[],
  signer: Signer = a,
  ledgerId = '0f'.repeat(16),
): string {
  const { sha256 } = nodeBackend;
  const frontier = createFrontier();
  for (const row of rows) appendLeaf(frontier, hashLeaf(sha256, encodeUtf8(row)), sha256);
  return signCheckpoint(ledgerId, rows.length, computeRoot(frontier, sha256), signer);
}

/** A ledger in which `R` is the row with which key a names key b, and `S` that with which b names a again. */
function rotatedLedger(pattern: string): string[] {
  const writer = new LedgerWriter();
  const rotation = (from: Signer, to: Signer) => ({
    signer: from,
    decision: {
      entryType: 'key_rotation',
      retiredKeyHex: from.publicKeyHex,
      newKeyHex: to.publicKeyHex,
    },
  });
  for (const letter of pattern) {
    if (letter === 'R') writer.add(rotation(a, b));
    else if (letter === 'S') writer.add(rotation(b, a));
    else writer.add({ signer: fixedSigner(letter.charCodeAt(0)) });
  }
  return writer.lines;
}

function good(name: string, bytes: Uint8Array, options: NonNullable<ReceiptCase['options']>): ReceiptCase {
  return { name, bytes, options, problems: [], answers: ['yes', 'yes'] };
}

function richLedger(): LedgerWriter {
  const writer = new LedgerWriter();
  const decision: JsonObject = {
    empty: { object: {}, list: [], text: '' },
    escapes: '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028',
    signs: 'é € 😂 \ufb33 עִברִית \u202e',
    numbers: [0, -1, 0.5, 1e-7, 123456789012345, 9007199254740991, 0.000001],
    constants: [true, false, null],
    '€': 1,
    '\ud83d\ude02': 2,
    '\ufb33': 3,
    '10': 4,
    '9': 5,
  };
  writer.add({ signer: a, decision });
  return writer;
}

function mixedLedger(): LedgerWriter {
  const writer = new LedgerWriter();
  writer.add({ signer: b, foreign: true });
  writer.add({ signer: b, foreign: true });
  writer.add({ signer: a });
  writer.add({ signer: b });
  return writer;
}

/** Row `index` of 'aaaaa' with other content, hashed and signed by its signer. */
function rewritten(index: number): string {
  const writer = writeLedger('a'.repeat(index));
  writer.add({ signer: a, decision: { expectedUsd: '0.000001' } });
  return writer.lines[index]!;
}

function ledgerIndexAsText(): string[] {
  const writer = new LedgerWriter();
  writer.add({
    signer: a,
    foreign: true,
    decision: { ledgerIndex: '0', ledgerId: 'x', ledgerPreviousHash: '' },
  });
  return writer.lines;
}

function clockJumpedBack(): string[] {
  const writer = new LedgerWriter();
  writer.add({ signer: a, decision: { timestamp: '2026-10-01T12:00:00.000Z' } });
  writer.add({ signer: a, decision: { timestamp: '2026-10-01T11:59:59.999Z' } });
  writer.add({ signer: a, decision: { timestamp: '2026-10-01T11:59:59.999Z' } });
  return writer.lines;
}

function inInsertionOrder({ unsigned: _, ...receipt }: Receipt): string {
  const { sequence, decision, previousHash, entryHash, signature, signerFingerprint, publicKeyHex } = receipt;
  return JSON.stringify({
    sequence,
    decision,
    previousHash,
    entryHash,
    signature,
    signerFingerprint,
    publicKeyHex,
  });
}

function withoutKey({ unsigned: _, publicKeyHex: __, ...receipt }: Receipt): string {
  return JSON.stringify(receipt);
}

function join(lines: readonly string[]): Uint8Array {
  return encodeUtf8(lines.map((line) => `${line}\n`).join(''));
}
