import { randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '../../src/core/checkpoint.js';
import {
  type Deflate,
  decodeShareFragment,
  encodeShareFragment,
  type Inflate,
  MAX_FRAGMENT_CHARS,
  MAX_SHARED_BYTES,
} from '../../src/core/share-link.js';
import { printTlogProof } from '../../src/core/tlog-proof.js';
import { fixedSigner, writeLedger } from './ledger-fixture.js';

const [row = ''] = writeLedger('a').lines;
const line = Buffer.from(row);

const primed: Deflate = async (bytes, dictionary) => ({
  data: deflateRawSync(bytes, { level: 9, dictionary }),
  primed: true,
});
/** As browsers do it. */
const plain: Deflate = async (bytes) => ({ data: deflateRawSync(bytes), primed: false });
const inflate: Inflate = async (bytes, maxOutputLength) => {
  try {
    return inflateRawSync(bytes, { maxOutputLength });
  } catch {
    return undefined;
  }
};
const wrap = (bytes: Uint8Array, head = '1.'): string => head + Buffer.from(bytes).toString('base64url');

function proofOf(hashes: number): Uint8Array {
  const note = signCheckpoint('0f'.repeat(16), 2 ** hashes, randomBytes(32), fixedSigner(1));
  const checkpoint = parseCheckpoint(Buffer.from(note));
  if (!checkpoint.ok) throw new Error(checkpoint.message);
  const list = Array.from({ length: hashes }, () => randomBytes(32));
  return Buffer.from(printTlogProof({ index: 1, hashes: list, checkpoint: checkpoint.value, extra: line }));
}

describe('a link to a receipt', () => {
  it.each([
    ['with the dictionary', primed],
    ['without', plain],
  ])('gives back the bytes that went in, %s', async (_what, deflate) => {
    for (const shared of [
      { kind: 'receipt', bytes: line },
      { kind: 'proof', bytes: proofOf(10) },
    ] as const) {
      const reading = await decodeShareFragment(`#${await encodeShareFragment(shared, deflate)}`, inflate);
      if (!reading.ok) throw new Error(reading.message);
      expect(reading.value.kind).toBe(shared.kind);
      expect(Buffer.from(reading.value.bytes).equals(shared.bytes)).toBe(true);
    }
  });

  it('of any line without a line feed comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), async (bytes) => {
        const whole = bytes.filter((byte) => byte !== 10);
        fc.pre(whole.length > 0);
        const reading = await decodeShareFragment(
          await encodeShareFragment({ kind: 'receipt', bytes: whole }, primed),
          inflate,
        );
        expect(reading.ok && Buffer.from(reading.value.bytes).equals(whole)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('of something that is no proof with a receipt inside cannot be made', async () => {
    await expect(encodeShareFragment({ kind: 'proof', bytes: line }, plain)).rejects.toThrow(RangeError);
  });
});

describe('a fragment that is no link gives a sentence', () => {
  const bomb = deflateRawSync(Buffer.alloc(MAX_SHARED_BYTES + 1, 0x61));
  it.each<[string, string, RegExp]>([
    ['nothing', '', /no receipt/],
    ['an anchor', '#how-it-works', /no receipt/],
    ['markup', '#<img src=x onerror=alert(1)>', /no receipt/],
    ['another version', '#2.abcd', /version 2/],
    ['a version of the future', '#9999d.abcd', /newer page/],
    ['no data', '#1.', /unpacked/],
    ['base64 of the other alphabet', '#1.ab+/', /no receipt/],
    ['data that is not compressed', wrap(Buffer.from('hello')), /unpacked/],
    ['the bytes of nothing', wrap(deflateRawSync(Buffer.alloc(0))), /unpacked/],
    ['a bomb', wrap(bomb), /unpacked/],
    ['a bomb after the dictionary', wrap(bomb, '1d.'), /unpacked/],
    ['a cut link', wrap(deflateRawSync(line).subarray(0, 300)), /unpacked/],
    ['a row and something that is no proof', wrap(deflateRawSync(Buffer.from(`${row}\nhello`))), /proof/],
    ['two rows', wrap(deflateRawSync(Buffer.from(`${row}\n${row}`))), /proof/],
    ['too many characters', `1.${'A'.repeat(MAX_FRAGMENT_CHARS)}`, /longer than/],
  ])('%s', async (_what, fragment, says) => {
    const reading = await decodeShareFragment(fragment, inflate);
    expect(reading.ok).toBe(false);
    expect(reading.ok ? '' : reading.message).toMatch(says);
  });

  it('whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `1.${text}`),
        ),
        async (text) => {
          const reading = await decodeShareFragment(text, inflate);
          expect(reading.ok || reading.message.endsWith('.')).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
