import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  decodeHex,
  decodeUtf8,
  encodeHex,
  encodeUtf8,
  equalBytes,
  isHex,
} from '../../src/core/bytes.js';

describe('hex', () => {
  it('gives back the bytes it was made from', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(encodeHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(decodeHex(encodeHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['A0', '0', 'g0', ' 00', '00\n', '0x00', '０0'])('refuses %j', (text) => {
    expect(decodeHex(text)).toBeUndefined();
    expect(isHex(text, 1)).toBe(false);
  });

  it('of another length is not hex of that many bytes', () => {
    expect(isHex('0011', 2)).toBe(true);
    expect(isHex('0011', 1)).toBe(false);
    expect(isHex('', 1)).toBe(false);
  });
});

describe('UTF-8', () => {
  it('gives back the text it was made from, a byte order mark included', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => decodeUtf8(encodeUtf8(text)) === text));
    expect(decodeUtf8(encodeUtf8('\ufeffa'))).toBe('\ufeffa');
  });

  it.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]], [[0xe2, 0x82]]])(
    'refuses the bytes %j',
    (bytes) => {
      expect(decodeUtf8(new Uint8Array(bytes))).toBeUndefined();
    },
  );
});

describe('byte arrays', () => {
  it('are equal only with equal length and content', () => {
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true);
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false);
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2, 0]))).toBe(false);
  });

  it('are joined in order', () => {
    expect(concatBytes(new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3]))).toEqual(
      new Uint8Array([1, 2, 3]),
    );
  });
});
