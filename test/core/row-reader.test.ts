import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { canonicalize } from '../../src/core/canonical-json.js';
import { readExactNumber } from '../../src/core/exact-number.js';
import type { Json } from '../../src/core/json.js';
import { MAX_LINE_BYTES, readJsonLine } from '../../src/core/row-reader.js';

const RUNS = process.env.SLOW ? 100_000 : 2_000;

function read(text: string) {
  return readJsonLine(encodeUtf8(text));
}

function codeOf(text: string | Uint8Array): string {
  const reading = typeof text === 'string' ? read(text) : readJsonLine(text);
  return reading.ok ? 'ok' : reading.code;
}

describe('a line is read', () => {
  it('like JSON.parse reads it, when nothing in it is ambiguous', () => {
    const value = fc.jsonValue({ noNullPrototype: true } as never).filter(isExact);
    fc.assert(
      fc.property(value, fc.nat(3), (data, indent) => {
        const text = JSON.stringify(data, null, indent);
        const reading = read(text);
        expect(reading).toEqual({ ok: true, value: JSON.parse(text) });
        expect(reading.ok && canonicalize(reading.value)).toBe(canonicalize(JSON.parse(text) as Json));
      }),
      { numRuns: RUNS },
    );
  });

  it('only when JSON.parse reads it too, and with the same meaning', () => {
    const soup = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        '\\u00',
        '\\ud83d',
        'a',
        '"a"',
        '"b":',
        '1',
        '-',
        '0',
        '.5',
        'e3',
        'true',
        'null',
        ' ',
        '\t',
        '\u0000',
        '__proto__',
        '"__proto__":{',
      ),
    );
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join('');
        const reading = read(text);
        if (reading.ok) expect(canonicalize(reading.value)).toBe(canonicalize(JSON.parse(text) as Json));
        else if (reading.code === 'NOT_JSON') expect(() => JSON.parse(text)).toThrow(SyntaxError);
      }),
      { numRuns: 5 * RUNS },
    );
  });

  it('without an exception, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof readJsonLine(bytes).ok).toBe('boolean');
      }),
      { numRuns: RUNS },
    );
  });

  it('with a key named __proto__ as data, not as a prototype', () => {
    const reading = read('{"__proto__":{"polluted":1}}');
    const value = (reading.ok && reading.value) as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect('polluted' in value).toBe(false);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it.each([
    '1.0',
    '8e-06',
    '-0',
    '0e999999999999',
    '0.1',
    '1E3',
    '100e-2',
    '9007199254740992',
    '-9007199254740991',
    '123456789.000000',
    '5e-324',
  ])('when it holds the number %s, whose value every reader agrees on', (text) => {
    expect(codeOf(text)).toBe('ok');
  });
});

describe('a line is refused', () => {
  it.each([
    '0.10000000000000000555',
    '9007199254740993',
    '-9007199254740993',
    '9007199254740994',
    '1e20',
    '1e21',
    '1e400',
    '-1e400',
    '1e-400',
    '1.00000000000000000001',
    '0.30000000000000000001',
    '12345678901234567890',
    `1${'0'.repeat(30)}`,
    '4.9e-324',
  ])('as UNSAFE_NUMBER when it holds %s', (text) => {
    expect(codeOf(`[${text}]`)).toBe('UNSAFE_NUMBER');
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"":0,"":1}',
    '[{"x":{"k":1,"k":2}}]',
    '{"__proto__":1,"__proto__":2}',
    '{"\\ud83d\\ude02":1,"😂":2}',
  ])('as DUPLICATE_KEY when it is %s', (text) => {
    expect(codeOf(text)).toBe('DUPLICATE_KEY');
  });

  it.each(['"\\ud83d"', '"\\ude02\\ud83d"', '"\\ud83dx"', '{"\\udfff":1}', '"\\ud83d\\ud83d\\ude02"'])(
    'as LONE_SURROGATE when it is %s',
    (text) => {
      expect(codeOf(text)).toBe('LONE_SURROGATE');
    },
  );

  it.each([
    '',
    ' ',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '{"a":1 "b":2}',
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '- 1',
    'NaN',
    'Infinity',
    'True',
    'nul',
    '"',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\t"',
    '"a\u0000"',
    '{} {}',
    '1 2',
    "{'a':1}",
    '{a:1}',
    '// c\n1',
    '\ufeff1',
    '\u00a01',
    '[',
    '"\\',
  ])('as NOT_JSON when it is %j', (text) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(codeOf(text)).toBe('NOT_JSON');
  });

  it('as TOO_DEEP from the 65th level on', () => {
    expect(codeOf('['.repeat(64) + ']'.repeat(64))).toBe('ok');
    expect(codeOf(`[${'{},[],'.repeat(100)}0]`)).toBe('ok');
    expect(codeOf('['.repeat(65) + ']'.repeat(65))).toBe('TOO_DEEP');
    expect(codeOf(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`)).toBe('TOO_DEEP');
    expect(codeOf('['.repeat(1_000_000))).toBe('TOO_DEEP');
  });

  it('as LINE_TOO_LONG from one byte beyond 1 MiB on', () => {
    expect(codeOf(new Uint8Array(MAX_LINE_BYTES).fill(0x31))).toBe('UNSAFE_NUMBER');
    expect(codeOf(new Uint8Array(MAX_LINE_BYTES + 1).fill(0x31))).toBe('LINE_TOO_LONG');
  });

  it.each([[[0x22, 0xff, 0x22]], [[0x22, 0xc0, 0xaf, 0x22]], [[0x22, 0xed, 0xa0, 0xbd, 0x22]]])(
    'as NOT_UTF8 when it has the bytes %j',
    (bytes) => {
      expect(codeOf(new Uint8Array(bytes))).toBe('NOT_UTF8');
    },
  );

  it('quickly, even when it was made to be slow', () => {
    const size = MAX_LINE_BYTES - 10;
    for (const text of [
      `0.${'0'.repeat(size)}1`,
      `1${'0'.repeat(size)}1`,
      `"${'\\u0041'.repeat(size / 6)}`,
      '['.repeat(size),
      ' '.repeat(size),
    ]) {
      expect(codeOf(text)).not.toBe('ok');
    }
  });
});

describe('an exact number', () => {
  it('is one whose decimal value binary64 prints again', () => {
    const literal = fc
      .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: -25, max: 5 }))
      .map(([digits, exponent]) => ({ digits, exponent, text: `${digits}e${exponent}` }));
    fc.assert(
      fc.property(literal, ({ digits, exponent, text }) => {
        const exact =
          isSameDecimal(digits, exponent, String(Number(text))) && Math.abs(Number(text)) <= 2 ** 53;
        expect(readExactNumber(text)).toBe(exact ? Number(text) : undefined);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Compares as fractions of big integers: another way than the one under test. */
function isSameDecimal(digits: bigint, exponent: number, printed: string): boolean {
  const [mantissa = '', power = '0'] = printed.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const left = scale(digits, exponent);
  const right = scale(BigInt(whole + fraction), Number(power) - fraction.length);
  return left === right;
}

function scale(digits: bigint, exponent: number): bigint {
  return digits * 10n ** BigInt(exponent + 400);
}

function isExact(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) <= 2 ** 53;
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, item]) => isExact(key) && isExact(item));
}
