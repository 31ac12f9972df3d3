import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/core/base64.js';
import { encodeUtf8 } from '../../src/core/bytes.js';
import {
  createCheckpointKey,
  parseCheckpoint,
  printCheckpoint,
  readOrigin,
  signCheckpoint,
} from '../../src/core/checkpoint.js';
import { hashLeaf } from '../../src/core/merkle.js';
import {
  parseNote,
  parseNoteKey,
  printNote,
  printNoteKey,
  signNote,
  verifyNote,
} from '../../src/core/signed-note.js';
import { isIncluded, parseTlogProof, printTlogProof } from '../../src/core/tlog-proof.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { referenceData } from '../helpers/reference-data.js';
import { fixedSigner } from './ledger-fixture.js';

const signer = fixedSigner(97);
const ID = '0f'.repeat(16);
const ROOT = new Uint8Array(32).fill(7);
const text = signCheckpoint(ID, 1024, ROOT, signer);
const key = createCheckpointKey(ID, signer.publicKeyHex);
const TESSERA = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

function noteOf(note: string) {
  const reading = parseNote(encodeUtf8(note));
  if (!reading.ok) throw new Error(reading.message);
  return reading.value;
}

describe('base64', () => {
  it('has one text for any bytes, the one that others write', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const printed = encodeBase64(bytes);
        expect(printed).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(printed)).toEqual(bytes);
      }),
    );
  });

  it.each(['A', 'AA', 'AAA', 'AB==', 'AAB=', 'AA==\n', 'AA=A', '====', 'A-_=', ' AAAA', 'AA=='.repeat(2)])(
    'does not read %j',
    (given) => expect(decodeBase64(given)).toBeUndefined(),
  );
});

describe('a signed checkpoint', () => {
  it('reads back as it was signed, and is valid under its key alone', () => {
    const reading = parseCheckpoint(encodeUtf8(text));
    if (!reading.ok) throw new Error(reading.message);
    const { note, ...checkpoint } = reading.value;
    expect(checkpoint).toEqual({ origin: `agentguard/${ID}`, size: 1024, root: ROOT, extensions: [] });
    expect(readOrigin(checkpoint.origin)).toBe(ID);
    expect(printNote(note)).toBe(text);
    expect(verifyNote(note, [key])).toBe('valid');
    expect(verifyNote(note, [])).toBe('unknown');
    expect(verifyNote(note, [createCheckpointKey(ID, fixedSigner(98).publicKeyHex)])).toBe('unknown');
    expect(verifyNote(note, [createCheckpointKey('other', signer.publicKeyHex)])).toBe('unknown');
  });

  it('with any one byte changed is refused, unknown or bad, and never valid', () => {
    const bytes = encodeUtf8(text);
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 32]) {
        const changed = bytes.map((byte, i) => (i === at ? byte ^ bit : byte));
        const reading = parseNote(changed);
        if (reading.ok) expect(verifyNote(reading.value, [key]), `byte ${at}`).not.toBe('valid');
      }
    }
  });

  it('is valid beside signatures of strangers, and bad beside one of its key that does not fit', () => {
    const note = noteOf(text);
    const stranger = { name: 'witness.example', keyId: new Uint8Array(4), signature: new Uint8Array(80) };
    expect(verifyNote({ ...note, signatures: [stranger, ...note.signatures] }, [key])).toBe('valid');
    const [own] = note.signatures;
    const bad = { ...own!, signature: own!.signature.map((byte) => byte ^ 1) };
    expect(verifyNote({ ...note, signatures: [own!, bad] }, [key])).toBe('bad');
    const short = { ...own!, signature: own!.signature.slice(1) };
    expect(verifyNote({ ...note, signatures: [short] }, [key])).toBe('bad');
  });

  it.each([
    ['no bytes', ''],
    ['no signatures', 'a\n1\nx\n'],
    ['no text', '\n\u2014 a AAAAAAA=\n'],
    ['no line feed at the end', text.slice(0, -1)],
    ['a blank line too many', text.replace('\n\n', '\n\n\n')],
    ['a control character', text.replace('1024', '10\t24')],
    ['carriage returns', text.replaceAll('\n', '\r\n')],
    ['a hyphen for the dash', text.replace('\u2014', '-')],
    ['two spaces', text.replace('\u2014 ', '\u2014  ')],
    ['a name with a plus', text.replaceAll(ID, 'a+b')],
    ['a name with another space', text.replaceAll(ID, 'a\u00a0b')],
    ['a signature without bytes', text.replace(/ \S+\n$/, ' AAAAAA==\n')],
    ['a size with a leading zero', text.replace('1024', '01024')],
    ['a negative size', text.replace('1024', '-1')],
    ['a size beyond 2^53', text.replace('1024', '9007199254740993')],
    ['a root that is short', text.replace(encodeBase64(ROOT), encodeBase64(ROOT.slice(1)))],
    ['a root in other base64', text.replace(encodeBase64(ROOT), encodeBase64(ROOT).replace('=', ''))],
    ['no origin', text.replace(`agentguard/${ID}\n`, '\n')],
  ])('with %s is no checkpoint', (_what, given) => {
    expect(given).not.toBe(text);
    expect(parseCheckpoint(encodeUtf8(given))).toMatchObject({ ok: false, code: 'BAD_CHECKPOINT' });
  });

  it('that is no UTF-8, or as long as a book, is no checkpoint', () => {
    expect(parseCheckpoint(Uint8Array.of(0xff, 0x0a, 0x0a)).ok).toBe(false);
    expect(parseCheckpoint(encodeUtf8(`${'x'.repeat(70_000)}\n${text}`)).ok).toBe(false);
    expect(parseCheckpoint(encodeUtf8(text + text.slice(text.indexOf('\u2014')).repeat(100))).ok).toBe(false);
  });

  it('is not written for what no note can say', () => {
    expect(() => signCheckpoint('a b', 1, ROOT, signer)).toThrow(RangeError);
    expect(() => signNote('no line feed', 'name', signer)).toThrow(RangeError);
    expect(() => signNote('two\nlines\u0000\n', 'name', signer)).toThrow(RangeError);
  });

  it('keeps the lines that other logs add', () => {
    const more = printCheckpoint({ origin: 'o', size: 0, root: ROOT, extensions: ['x', 'y z'] });
    const reading = parseCheckpoint(encodeUtf8(signNote(more, 'o', signer)));
    expect(reading).toMatchObject({ ok: true, value: { size: 0, extensions: ['x', 'y z'] } });
  });
});

describe('a verifier key', () => {
  it('reads back, and is the published one of the published log', () => {
    expect(parseNoteKey(printNoteKey(key))).toEqual(key);
    const published = parseNoteKey(TESSERA);
    expect(published?.name).toBe('example.com/log/testdata');
    expect(printNoteKey(published!)).toBe(TESSERA);
  });

  it.each([
    ['another id', TESSERA.replace('33d7b496', '33d7b497')],
    ['an id in capitals', TESSERA.replace('33d7b496', '33D7B496')],
    ['another name', TESSERA.replace('testdata', 'testdatb')],
    ['another algorithm', TESSERA.replace('+AeHT', '+AuHT')],
    ['a short key', TESSERA.slice(0, -4)],
    ['nothing', ''],
  ])('with %s is none', (_what, given) => expect(parseNoteKey(given)).toBeUndefined());
});

describe('a tlog-proof', () => {
  const line = encodeUtf8('{"row":1}');
  const alone = signCheckpoint(ID, 1, hashLeaf(nodeBackend.sha256, line), signer);
  const reading = parseCheckpoint(encodeUtf8(alone));
  if (!reading.ok) throw new Error(reading.message);
  const proof = { index: 0, hashes: [], checkpoint: reading.value, extra: line };
  const printed = printTlogProof(proof);

  it('reads back, with and without its row', () => {
    expect(parseTlogProof(encodeUtf8(printed))).toEqual({ ok: true, value: proof });
    const bare = { ...proof, extra: undefined };
    expect(parseTlogProof(encodeUtf8(printTlogProof(bare)))).toEqual({ ok: true, value: bare });
    expect(isIncluded(proof, line, nodeBackend.sha256)).toBe(true);
    expect(isIncluded(proof, encodeUtf8('{"row":2}'), nodeBackend.sha256)).toBe(false);
    expect(isIncluded({ ...proof, index: 1 }, line, nodeBackend.sha256)).toBe(false);
  });

  it.each([
    ['another header', printed.replace('@v1', '@v2')],
    ['no index', printed.replace(/index 0\n/, '')],
    ['an index with a leading zero', printed.replace('index 0', 'index 00')],
    ['an index with a sign', printed.replace('index 0', 'index +0')],
    ['extra after the index', printed.replace(/(extra \S+\n)(index 0\n)/, '$2$1')],
    ['extra that is no base64', printed.replace(/extra \S+/, 'extra !')],
    ['two extras', printed.replace(/(extra \S+\n)/, '$1$1')],
    ['a hash that is short', printed.replace('index 0\n', 'index 0\nAAAA\n')],
    [
      'more hashes than any tree has',
      printed.replace('index 0\n', `index 0\n${`${encodeBase64(ROOT)}\n`.repeat(64)}`),
    ],
    ['a torn checkpoint', printed.slice(0, -2)],
    ['no checkpoint', printed.slice(0, printed.indexOf('\n\n'))],
    ['carriage returns', printed.replaceAll('\n', '\r\n')],
  ])('with %s is none', (_what, given) => {
    expect(given).not.toBe(printed);
    expect(parseTlogProof(encodeUtf8(given)).ok).toBe(false);
  });
});

describe.skipIf(!referenceData)('the published checkpoints', () => {
  const folder = join(referenceData ?? '', 'vectors/tlog');
  const names = referenceData ? readdirSync(folder) : [];

  it.each(names)('%s is read whole and is valid under the log’s key', (name) => {
    const bytes = readFileSync(join(folder, name));
    const reading = parseCheckpoint(bytes);
    if (!reading.ok) throw new Error(reading.message);
    expect(reading.value.size).toBe(Number(name.split('.')[1]));
    expect(Buffer.from(encodeUtf8(printNote(reading.value.note))).equals(bytes)).toBe(true);
    const published = parseNoteKey(TESSERA)!;
    expect(verifyNote(reading.value.note, [published])).toBe('valid');
    expect(verifyNote(reading.value.note, [{ ...published, publicKey: new Uint8Array(32) }])).toBe('unknown');
  });
});
