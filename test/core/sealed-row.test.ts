import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHex } from '../../src/core/bytes.js';
import { canonicalize } from '../../src/core/canonical-json.js';
import { skipCanonicalObject } from '../../src/core/canonical-scan.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { printPayload, readHashedReceipt, readMember, readReceipt } from '../../src/core/receipt.js';
import { MAX_DEPTH, readJsonLine } from '../../src/core/row-reader.js';
import { MEMBER_NAMES, readSealedRow } from '../../src/core/sealed-row.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, LedgerWriter, writeLedger } from './ledger-fixture.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const [line = ''] = writeLedger('a').lines;
const skips = (text: string, levels = 8): boolean =>
  skipCanonicalObject(bytesOf(text), 0, levels) === bytesOf(text).length;

/** A line of ours with another decision, whose seal need not fit. */
function withDecision(text: string): string {
  const end = line.indexOf(',"previousHash"');
  return `{"decision":${text}${line.slice(end)}`;
}

/** What both ways must agree on whenever the short one answers. */
function compareWays(text: string): 'short' | 'long' {
  const bytes = bytesOf(text);
  const sealed = readSealedRow(bytes);
  if (!sealed) return 'long';
  const strict = readJsonLine(bytes);
  if (!strict.ok) throw new Error(`the short way read what the strict reader refuses: ${text}`);
  const { unsigned, ...receipt } = { ...sealed, unsigned: sealed.unsigned, decision: sealed.decision };
  expect(receipt).toEqual(strict.value);
  expect(unsigned).toEqual({});
  expect(new TextDecoder().decode(sealed.borrowPayload(bytes))).toBe(printPayload(sealed));
  for (const name of MEMBER_NAMES) expect(readMember(sealed, name)).toEqual(receipt.decision[name]);
  return 'short';
}

describe('the short way to read a row', () => {
  it('reads what our writer writes, with the hash that the long way finds', () => {
    expect(compareWays(line)).toBe('short');
    const spaced = bytesOf(line.replace('{"decision":', '{ "decision":'));
    const [short, long] = [bytesOf(line), spaced].map((each) => readHashedReceipt(each, nodeBackend));
    if (!short?.ok || !long?.ok) throw new Error('not read');
    expect(readSealedRow(spaced)).toBeUndefined();
    expect(encodeHex(short.value.hash)).toBe(encodeHex(long.value.hash));
    expect(readReceipt(bytesOf(line))).toEqual(readReceipt(spaced));
  });

  it('finds the same members and payload as the long way in any decision', () => {
    const decisions = fc.dictionary(fc.oneof(fc.constantFrom(...MEMBER_NAMES), fc.string()), fc.jsonValue());
    let short = 0;
    fc.assert(
      fc.property(decisions, (decision) => {
        let text: string;
        try {
          text = canonicalize(decision as JsonObject as Json);
        } catch {
          return;
        }
        if (compareWays(withDecision(text)) === 'short') short++;
      }),
      { numRuns: process.env.SLOW ? 20_000 : 500 },
    );
    expect(short).toBeGreaterThan(20);
  });

  it('never reads a changed line in another way than the strict reader', () => {
    const writer = new LedgerWriter();
    writer.add({ signer: fixedSigner(1), decision: { a: [1, -2, { b: 'c' }], entryType: 'x', z: {} } });
    const [base = ''] = writer.lines;
    const pieces = [
      '"',
      '\\',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      ' ',
      '0',
      '-',
      '.',
      'e',
      'é',
      '\u007f',
      'a',
      '1',
    ];
    let short = 0;
    fc.assert(
      fc.property(
        fc.nat(base.length),
        fc.nat(3),
        fc.array(fc.constantFrom(...pieces), { maxLength: 3 }),
        (at, cut, put) => {
          if (compareWays(base.slice(0, at) + put.join('') + base.slice(at + cut)) === 'short') short++;
        },
      ),
      { numRuns: process.env.SLOW ? 100_000 : 3_000 },
    );
    // Otherwise nothing was compared.
    expect(short).toBeGreaterThan(50);
  });

  it.each([
    ['keys out of order', '{"b":1,"a":2}'],
    ['a key twice', '{"a":1,"a":2}'],
    ['a key before its own beginning', '{"ab":1,"a":2}'],
    ['an escape', '{"a":"\\n"}'],
    ['a letter beyond ASCII', '{"a":"é"}'],
    ['a control character', '{"a":"\u0001"}'],
    ['a delete character', '{"a":"\u007f"}'],
    ['a space', '{"a": 1}'],
    ['a fraction', '{"a":1.5}'],
    ['an exponent', '{"a":1e5}'],
    ['a needless zero', '{"a":01}'],
    ['minus zero', '{"a":-0}'],
    ['sixteen digits', '{"a":1234567890123456}'],
    ['a word that is none', '{"a":nul}'],
    ['a comma at the end', '{"a":1,}'],
    ['a comma at the end of a list', '{"a":[1,]}'],
    ['a missing value', '{"a":}'],
    ['a text that does not end', '{"a":"b'],
    ['nothing', ''],
    ['a list', '[]'],
  ])('leaves %s to the strict reader', (_, text) => {
    expect(skips(text)).toBe(false);
    if (text !== '') expect(readSealedRow(bytesOf(withDecision(text)))).toBeUndefined();
  });

  it.each(['{}', '{"a":1,"ab":2,"b":-3}', '{"":{"a":[]},"a":[[],{},null,true,false,0]}'])(
    'knows %s as canonical',
    (text) => expect(skips(text)).toBe(true),
  );

  it('reads to the same depth as the strict reader', () => {
    const nest = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
    expect(compareWays(withDecision(nest(MAX_DEPTH - 1)))).toBe('short');
    expect(readSealedRow(bytesOf(withDecision(nest(MAX_DEPTH))))).toBeUndefined();
    expect(readReceipt(bytesOf(withDecision(nest(MAX_DEPTH))))).toMatchObject({
      ok: false,
      code: 'TOO_DEEP',
    });
  });

  it.each([
    ['an unsigned key', line.replace('"}', '","builderCode":"x"}')],
    ['a negative sequence', line.replace('"sequence":0', '"sequence":-1')],
    ['uppercase hex', line.replace(/"entryHash":"./, '"entryHash":"A')],
    ['a short hash', line.replace(/"entryHash":"./, '"entryHash":"')],
    ['something after the row', `${line} `],
    ['a row without its end', line.slice(0, -1)],
    ['a decision that is a list', withDecision('[]')],
  ])('leaves %s to the strict reader', (_, text) => {
    expect(text).not.toBe(line);
    expect(readSealedRow(bytesOf(text))).toBeUndefined();
  });
});
