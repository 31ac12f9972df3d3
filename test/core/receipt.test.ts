import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import {
  computeSignerFingerprint,
  hashPayload,
  printPayload,
  readReceipt,
  sealReceipt,
  ZERO_HASH,
} from '../../src/core/receipt.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, verifyLines } from './ledger-fixture.js';

const signer = fixedSigner(7);
const START = { sequence: 0, previousHash: ZERO_HASH };
const seal = (decision: JsonObject, place = START) => sealReceipt(decision, place, signer, nodeBackend);

describe('a sealed receipt', () => {
  it('reads back as it was sealed and verifies, whatever its decision holds', () => {
    const decision = fc.dictionary(
      fc.string({ unit: 'grapheme' }),
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null)),
    );
    fc.assert(
      fc.property(decision, (content) => {
        const { receipt, line } = seal({
          ...content,
          ledgerIndex: 0,
          ledgerId: 'x',
          ledgerPreviousHash: ZERO_HASH,
          timestamp: 'no',
        });
        const reading = readReceipt(encodeUtf8(line));
        expect(reading).toEqual({
          ok: true,
          value: { ...receipt, decision: JSON.parse(JSON.stringify(receipt.decision)) },
        });
        const report = verifyLines([line]);
        expect([report.verdicts.contiguous.answer, report.problems.map(({ code }) => code)]).toEqual([
          'yes',
          ['UNPINNED_KEY'],
        ]);
      }),
      { numRuns: 200 },
    );
  });

  it('is one that strict readers take, or is refused, whatever numbers, keys and depth its decision has', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.double({ noNaN: true }),
        fc.maxSafeInteger(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom(null, true, -0, 2 ** 53, 1e21, 5e-324),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), { maxKeys: 4 }),
      ),
    }));
    let [sealed, refused] = [0, 0];
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, 55, 60, 61, 62, 63, 64), (content, depth) => {
        let line: string;
        try {
          line = seal({ a: wrap(content as Json, depth) }).line;
        } catch (error) {
          expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
          refused++;
          return;
        }
        sealed++;
        expect(readReceipt(encodeUtf8(line)).ok).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(sealed, refused)).toBeGreaterThan(50);
  });

  it('is a line that begins with the exact bytes that were hashed', () => {
    const { receipt, line } = seal({ b: 1, a: 'é' });
    const payload = `${line.slice(0, line.indexOf(',"entryHash"'))}}`;
    expect(payload).toBe(printPayload(receipt));
    expect(createHash('sha256').update(payload).digest('hex')).toBe(receipt.entryHash);
    expect(Object.keys(JSON.parse(line) as object)).toEqual([
      'decision',
      'previousHash',
      'sequence',
      'signerFingerprint',
      'entryHash',
      'signature',
      'publicKeyHex',
    ]);
    expect(line).not.toContain('\n');
  });

  it('has the same hash on every backend', () => {
    const { receipt } = seal({ a: 1 });
    expect(hashPayload(nobleBackend, receipt)).toEqual(new Uint8Array(hashPayload(nodeBackend, receipt)));
  });

  it.each([
    ['a sequence below 0', { a: 1 }, { sequence: -1, previousHash: ZERO_HASH }, RangeError],
    ['a fractional sequence', { a: 1 }, { sequence: 0.5, previousHash: ZERO_HASH }, RangeError],
    ['a previous hash that is none', { a: 1 }, { sequence: 0, previousHash: 'AB'.repeat(32) }, RangeError],
    ['a number beyond 2^53', { a: 2 ** 60 }, START, RangeError],
    ['nesting that readers refuse', { a: nest(63) }, START, RangeError],
    ['more than a megabyte', { a: 'x'.repeat(1_048_576) }, START, RangeError],
    ['half a surrogate pair', { a: '\ud83d' }, START, TypeError],
    ['NaN', { a: Number.NaN }, START, TypeError],
  ])('is never made with %s', (_, decision, place, error) => {
    expect(() => seal(decision, place)).toThrow(error);
  });
});

describe('a row', () => {
  const { line } = seal({ a: 1 });
  const row = JSON.parse(line) as Record<string, unknown>;
  const read = (changes: Record<string, unknown>) =>
    readReceipt(encodeUtf8(JSON.stringify({ ...row, ...changes })));

  it.each([
    ['sequence', [-1, 0.5, '0', null, true, undefined]],
    ['decision', [null, [], 'x', 1, undefined]],
    ['previousHash', ['', 'AB'.repeat(32), 'ab'.repeat(31), 0, null, undefined]],
    ['entryHash', ['', `${'ab'.repeat(31)}zz`, {}, undefined]],
    ['signature', ['', 'ab'.repeat(32), 'ab'.repeat(65), undefined]],
    ['signerFingerprint', ['', 'ab'.repeat(7), 'AB'.repeat(8), undefined]],
    ['publicKeyHex', ['', null, 'ab'.repeat(33)]],
  ])('with another type of %s is WRONG_TYPE and the message names it', (key, values) => {
    for (const value of values) {
      expect(read({ [key]: value })).toMatchObject({
        ok: false,
        code: 'WRONG_TYPE',
        message: expect.stringContaining(`"${key}"`),
      });
    }
  });

  it.each(['[]', '"row"', '1', 'null', 'true'])('that is %s is WRONG_TYPE', (text) => {
    expect(readReceipt(encodeUtf8(text))).toMatchObject({ code: 'WRONG_TYPE' });
  });

  it('keeps keys outside the format apart, dangerous names included', () => {
    const text = line.replace(
      /}$/,
      ',"builderCode":"b","__proto__":{"x":1},"unsigned":true,"constructor":0}',
    );
    const reading = readReceipt(encodeUtf8(text));
    const receipt = reading.ok ? reading.value : undefined;
    expect(Object.keys(receipt?.unsigned ?? {})).toEqual([
      'builderCode',
      '__proto__',
      'unsigned',
      'constructor',
    ]);
    expect(Object.getPrototypeOf(receipt?.unsigned)).toBe(Object.prototype);
    expect(receipt?.sequence).toBe(0);
  });

  it('may lack its public key', () => {
    const reading = read({ publicKeyHex: undefined });
    expect(reading.ok && 'publicKeyHex' in reading.value).toBe(false);
  });
});

describe('a fingerprint', () => {
  it('is the start of SHA-256 over the raw key', () => {
    const key = Buffer.from(signer.publicKeyHex, 'hex');
    const expected = createHash('sha256').update(key).digest('hex').slice(0, 16);
    expect([
      computeSignerFingerprint(key),
      computeSignerFingerprint(signer.publicKeyHex),
      signer.fingerprint,
    ]).toEqual([expected, expected, expected]);
  });

  it.each(['', 'AB'.repeat(32), 'ab'.repeat(31), 'zz'.repeat(32)])(
    'of %j is a mistake of the caller',
    (key) => {
      expect(() => computeSignerFingerprint(key)).toThrow(RangeError);
    },
  );
});

/** A value in so many arrays. */
function wrap(value: Json, depth: number): Json {
  return depth === 0 ? value : [wrap(value, depth - 1)];
}

function nest(depth: number): JsonObject {
  return depth === 0 ? {} : { a: nest(depth - 1) };
}
