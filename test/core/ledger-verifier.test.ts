import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import { MAX_LISTED_PROBLEMS } from '../../src/core/problem-list.js';
import { readReceipt } from '../../src/core/receipt.js';
import type { FileReport, ProblemCode } from '../../src/core/report.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, LedgerWriter, problemsOf, verifyLines, writeLedger } from './ledger-fixture.js';

const SLOW = Boolean(process.env.SLOW);
const PATTERN = 'aabbabacc';
const { lines } = writeLedger(PATTERN);
const foreign = writeLedger(PATTERN, { foreign: true }).lines;

function errorsOf(report: FileReport): string[] {
  return report.problems
    .filter(({ severity }) => severity === 'error')
    .map(({ code, line }) => `${code}@${line}`);
}

function sequenceOf(index: number): number {
  return [...PATTERN.slice(0, index)].filter((letter) => letter === PATTERN[index]).length;
}

describe('a ledger of several signers', () => {
  it('is contiguous from row 0 when nothing was touched', () => {
    const report = verifyLines(lines);
    expect(problemsOf(report)).toEqual([]);
    expect(report.verdicts.contiguous.answer).toBe('yes');
    expect(report.ledgerId).toBe('0f'.repeat(16));
    expect(report.chains.map(({ rows, first, last }) => [rows, first, last])).toEqual([
      [4, 0, 3],
      [3, 0, 2],
      [2, 0, 1],
    ]);
  });

  it('shows every dropped row as one error, at the row after it', () => {
    for (let dropped = 1; dropped < lines.length - 1; dropped++) {
      const report = verifyLines(lines.toSpliced(dropped, 1));
      const sameSigner = PATTERN[dropped] === PATTERN[dropped + 1] && sequenceOf(dropped) > 0;
      expect(errorsOf(report), `row ${dropped}`).toEqual([
        `${sameSigner ? 'GAP' : 'LEDGER_ORDER_MISMATCH'}@${dropped + 1}`,
      ]);
      expect(report.verdicts.contiguous.answer).toBe('no');
    }
  });

  it('without its first rows starts late, and nothing says more than that', () => {
    const report = verifyLines(lines.slice(1));
    expect(problemsOf(report)).toEqual(['LATE_START@1']);
    expect(report.verdicts.contiguous).toMatchObject({
      answer: 'unknown',
      because: expect.stringMatching(/^Before row 1 /),
    });
  });

  it('shows every repeated row as one error, at its second place', () => {
    for (let repeated = 0; repeated < lines.length; repeated++) {
      for (let at = repeated + 1; at <= lines.length; at++) {
        const report = verifyLines(lines.toSpliced(at, 0, lines[repeated]!));
        expect(errorsOf(report), `${repeated} at ${at}`).toEqual([`DUPLICATE_SEQUENCE@${at + 1}`]);
        expect(report.verdicts.contiguous.answer).toBe('no');
      }
    }
  });

  it('shows every two swapped rows at the first of the two places, or from the second on where it then starts late', () => {
    for (let i = 0; i < lines.length; i++) {
      for (let j = i + 1; j < lines.length; j++) {
        const report = verifyLines(lines.with(i, lines[j]!).with(j, lines[i]!));
        expect(report.verdicts.contiguous.answer, `${i} and ${j}`).toBe('no');
        expect(problemsOf(report)[0], `${i} and ${j}`).toMatch(
          i === 0 ? /^LATE_START@1$/ : new RegExp(`@${i + 1}$`),
        );
        expect(
          errorsOf(report).some((error) => error.endsWith(`@${j + 1}`)),
          `${i} and ${j}`,
        ).toBe(true);
      }
    }
  });

  it('shows the removal of a whole signer where the run was, though every chain is whole', () => {
    const report = verifyLines(lines.filter((_, index) => PATTERN[index] !== 'b'));
    expect(errorsOf(report)).toEqual(['LEDGER_ORDER_MISMATCH@3', 'LEDGER_ORDER_MISMATCH@4']);
    expect(report.verdicts.contiguous.because).toContain('rows 2 to 3');
  });

  it('cannot show that rows are missing at its end, and says so', () => {
    const report = verifyLines(lines.slice(0, 5));
    expect(problemsOf(report)).toEqual([]);
    expect(report.verdicts.complete).toMatchObject({
      answer: 'unknown',
      because: expect.stringContaining('cut from the end'),
    });
  });

  it('goes on after a defect: one broken row in a long ledger is one error', () => {
    const long = writeLedger('ab'.repeat(150)).lines;
    for (const broken of [
      long.toSpliced(100, 1),
      long.with(100, '?'),
      long.with(100, long[100]!.replace('allow', 'block')),
    ]) {
      expect(errorsOf(verifyLines(broken)).length).toBe(1);
    }
  });

  it('lists 1,000 problems and counts all', () => {
    const report = verifyLines(Array.from({ length: MAX_LISTED_PROBLEMS + 234 }, () => '?'));
    expect(report.problems.length).toBe(MAX_LISTED_PROBLEMS);
    expect(report.problemCount).toBe(MAX_LISTED_PROBLEMS + 234);
    expect(report.rows).toBe(0);
  });

  it('that is empty proves nothing', () => {
    const { verdicts } = verifyLines([]);
    expect(Object.values(verdicts).map(({ answer }) => answer)).toEqual([
      'unknown',
      'unknown',
      'unknown',
      'unknown',
    ]);
  });
});

describe('a ledger of others, without ledger order', () => {
  it('leaves open whether a whole signer was removed', () => {
    const without = foreign.filter((_, index) => PATTERN[index] !== 'b');
    for (const rows of [foreign, without]) {
      const report = verifyLines(rows);
      expect(problemsOf(report)).toEqual([]);
      expect(report.verdicts.contiguous.answer).toBe('unknown');
      expect(report.chains.every(({ verdicts }) => verdicts.contiguous.answer === 'yes')).toBe(true);
    }
  });

  it('still shows every row dropped inside a chain', () => {
    for (let dropped = 0; dropped < foreign.length; dropped++) {
      const next = PATTERN.indexOf(PATTERN[dropped]!, dropped + 1);
      if (next < 0) continue;
      const expected = sequenceOf(dropped) === 0 ? `LATE_START@${next}` : `GAP@${next}`;
      expect(problemsOf(verifyLines(foreign.toSpliced(dropped, 1))), `row ${dropped}`).toEqual([expected]);
    }
  });
});

describe('one defect is one error', () => {
  const a = fixedSigner(97);
  const ours = writeLedger('aaaaaa').lines;
  const theirs = writeLedger('aaaaaaaa', { foreign: true }).lines;

  /** 'aaaaaa' with other content from row `from` on, signed by the same key. */
  function writeOtherHistory(from: number): string[] {
    const writer = new LedgerWriter();
    for (let i = 0; i < 6; i++) writer.add({ signer: a, decision: i < from ? {} : { action: 'block' } });
    return writer.lines.slice(from);
  }

  it('for a second history of several rows', () => {
    expect(errorsOf(verifyLines([...ours, ...writeOtherHistory(2)]))).toEqual(['FORK@7']);
  });

  it('for a row of a second history whose parent is not there', () => {
    expect(errorsOf(verifyLines([...ours, writeOtherHistory(2)[1]!]))).toEqual(['DUPLICATE_SEQUENCE@7']);
  });

  it('and a line that could not be read excuses no later gap', () => {
    const rows = theirs.with(1, '?').toSpliced(4, 1);
    expect(errorsOf(verifyLines(rows))).toEqual(['NOT_JSON@2', 'GAP@5']);
  });

  it('and a run missing from the ledger excuses no later gap', () => {
    const rows = writeLedger('abaaaab').lines;
    expect(errorsOf(verifyLines([rows[0]!, rows[2]!, rows[4]!, rows[5]!, rows[6]!]))).toEqual([
      'LEDGER_ORDER_MISMATCH@2',
      'GAP@3',
    ]);
  });

  it('and the chain that lost rows is not contiguous, though its own gap is not listed', () => {
    const rows = writeLedger('abbaab').lines;
    const report = verifyLines(rows.toSpliced(2, 1));
    expect(errorsOf(report)).toEqual(['LEDGER_ORDER_MISMATCH@3']);
    expect(report.chains[1]?.verdicts.contiguous).toMatchObject({
      answer: 'no',
      because: expect.stringMatching(/^Line 5: 1 row /),
    });
  });

  it('for a changed fingerprint, and the row stays in the chain of its key', () => {
    const changed = ours[2]!.replace(a.fingerprint, '0'.repeat(16));
    const report = verifyLines(ours.with(2, changed));
    expect(errorsOf(report)).toEqual(['HASH_MISMATCH@3']);
    expect(report.chains.map(({ rows, verdicts }) => [rows, verdicts.authentic.answer])).toEqual([[6, 'no']]);
  });

  it('for a changed fingerprint in the first row of a signer, and no signer is made up', () => {
    const report = verifyLines(ours.with(0, ours[0]!.replace(a.fingerprint, '0'.repeat(16))));
    expect(problemsOf(report)).toEqual(['HASH_MISMATCH@1']);
    expect(report.chains.map(({ fingerprint, rows }) => [fingerprint, rows])).toEqual([[a.fingerprint, 5]]);
  });

  it('for a changed row that names no key, when a later row names it', async () => {
    const nameless = ours.map((line) => line.replace(/,"publicKeyHex":"\w+"/, ''));
    const rows = [nameless[0]!, nameless[1]!.replace('allow', 'block'), ...ours.slice(2)];
    const verifier = createLedgerVerifier({ backend: nodeBackend, path: 'nameless' });
    for (const row of rows) await verifier.push(encodeUtf8(row));
    expect(errorsOf(verifier.finish())).toEqual(['HASH_MISMATCH@2']);
  });

  it('for rows of others that rows of ours count or not', () => {
    const writer = new LedgerWriter();
    for (const [seed, foreign] of [
      [97, false],
      [98, true],
      [97, false],
    ] as const) {
      writer.add({ signer: fixedSigner(seed), foreign });
    }
    expect(problemsOf(verifyLines(writer.lines))).toEqual([]);
    const late = new LedgerWriter();
    late.add({ signer: fixedSigner(97) });
    late.add({ signer: fixedSigner(99) });
    writer.add({ signer: fixedSigner(97) });
    const rows = writer.lines.toSpliced(3, 0, late.lines[1]!);
    expect(errorsOf(verifyLines(rows))).toEqual(['LEDGER_ORDER_MISMATCH@4']);
  });

  it('and a chain whose first two rows were swapped still starts at 0', () => {
    const report = verifyLines([theirs[1]!, theirs[0]!]);
    expect(report.chains.map(({ first, last }) => [first, last])).toEqual([[0, 1]]);
  });

  it('and a clock that jumped back is one warning, in rows of others too', () => {
    const writer = new LedgerWriter();
    for (const second of [5, 3, 4, 5]) {
      writer.add({ signer: a, foreign: true, decision: { timestamp: `2026-10-01T12:00:0${second}.000Z` } });
    }
    expect(problemsOf(verifyLines(writer.lines))).toEqual(['TIME_BACKWARDS@2']);
  });

  it('and keys beside the signed part are named once, builderCode as a mere note', () => {
    const beside = ours.map((line) => line.replace(/}$/, ',"builderCode":"x","other":1}'));
    const unsigned = verifyLines(beside).problems.filter(({ code }) => code === 'UNSIGNED_KEY');
    expect(unsigned.map(({ line, severity }) => [line, severity])).toEqual([
      [1, 'note'],
      [1, 'warning'],
    ]);
  });
});

describe('a changed byte', () => {
  const small = writeLedger('aab').lines.map(encodeUtf8);

  function verifyChanged(row: number, at: number, mask: number): string[] {
    const changed = small[row]!.with(at, small[row]![at]! ^ mask);
    return problemsOf(verifyLines(small.with(row, changed)));
  }

  it('is reported at its own row and at no other, wherever it stands', () => {
    for (let row = 0; row < small.length; row++) {
      for (let at = 0; at < small[row]!.length; at++) {
        for (const mask of SLOW ? [1, 2, 4, 8, 16, 32, 64, 128, 255] : [1, 0x20]) {
          const problems = verifyChanged(row, at, mask);
          const place = `row ${row}, byte ${at}, mask ${mask}`;
          expect(problems.length, place).toBeGreaterThan(0);
          expect(
            problems.every((problem) => problem.endsWith(`@${row + 1}`)),
            `${place}: ${problems}`,
          ).toBe(true);
        }
      }
    }
  });

  it('in a hash, a signature, a key or anything signed has its own code', () => {
    const text = writeLedger('aab').lines[1]!;
    const codeFor = (key: string) => {
      const changed = text.replace(new RegExp(`("${key}":"[^"]*)(.)"`), (_, start: string, last: string) => {
        return `${start}${last === '1' ? '2' : '1'}"`;
      });
      return problemsOf(verifyLines(writeLedger('aab').lines.with(1, changed)));
    };
    const hexFlips: [string, ProblemCode][] = [
      ['entryHash', 'HASH_MISMATCH'],
      ['previousHash', 'HASH_MISMATCH'],
      ['signerFingerprint', 'HASH_MISMATCH'],
      ['ledgerPreviousHash', 'HASH_MISMATCH'],
      ['expectedUsd', 'HASH_MISMATCH'],
      ['signature', 'BAD_SIGNATURE'],
      ['publicKeyHex', 'FINGERPRINT_MISMATCH'],
    ];
    for (const [key, code] of hexFlips) expect(codeFor(key), key).toEqual([`${code}@2`]);
  });
});

describe('hostile bytes', () => {
  it('never throw, and never pass for rows', () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map(encodeUtf8),
      fc.constantFrom(...lines.map(encodeUtf8)),
      fc.tuple(fc.constantFrom(...lines), fc.nat(), fc.nat(255)).map(([row, at, byte]) => {
        const bytes = encodeUtf8(row);
        return bytes.with(at % bytes.length, byte);
      }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.uint8Array({ maxLength: 20 }), (rows, tail) => {
        const verifier = createLedgerVerifier({ backend: nodeBackend, path: 'hostile' });
        for (const row of rows) verifier.push(row);
        verifier.pushTornTail(tail);
        const report = verifier.finish();
        const readable = rows.filter((row) => readReceipt(row).ok).length;
        expect(report.rows).toBe(readable);
        if (readable < rows.length) expect(report.verdicts.authentic.answer).toBe('no');
        expect(report.problems.every(({ line: at }) => at >= 0 && at <= rows.length + 1)).toBe(true);
      }),
      { numRuns: SLOW ? 20_000 : 500 },
    );
  });

  it('in the order of the rows of a ledger never make it contiguous', () => {
    const order = fc.shuffledSubarray(
      lines.map((_, index) => index),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(order, (indexes) => {
        const report = verifyLines(indexes.map((index) => lines[index]!));
        const prefix = indexes.every((value, at) => value === at);
        expect(report.verdicts.contiguous.answer === 'yes').toBe(prefix);
      }),
      { numRuns: SLOW ? 5_000 : 300 },
    );
  });

  it('with far jumps in their numbers cost no more than others', () => {
    const writer = new LedgerWriter();
    writer.add({ signer: fixedSigner(1), decision: {} });
    const jump = {
      ledgerId: writer.ledgerId,
      ledgerIndex: Number.MAX_SAFE_INTEGER,
      ledgerPreviousHash: '0'.repeat(64),
    };
    writer.add({ signer: fixedSigner(1), foreign: true, decision: jump });
    expect(errorsOf(verifyLines(writer.lines))).toEqual(['LEDGER_ORDER_MISMATCH@2']);
  });
});

describe('keys', () => {
  const a = fixedSigner(97);
  const c = fixedSigner(99);

  it('that are pinned make a ledger authentic, one missing makes it unknown', () => {
    const all = ['a', 'b', 'c'].map((letter) => ({
      publicKeyHex: fixedSigner(letter.charCodeAt(0)).publicKeyHex,
    }));
    expect(verifyLines(lines, { pinnedKeys: all }).verdicts.authentic.answer).toBe('yes');
    expect(verifyLines(lines, { pinnedKeys: all.slice(1) }).verdicts.authentic.answer).toBe('unknown');
  });

  it('demanded by the caller exclude all others, rows without a key included', () => {
    const report = verifyLines(lines, { allowedKeys: [a.publicKeyHex, c.publicKeyHex] });
    expect(errorsOf(report)).toEqual(['WRONG_KEY@3']);
    expect(report.chains.map(({ verdicts }) => verdicts.authentic.answer)).toEqual(['yes', 'no', 'yes']);
    const nameless = writeLedger('b').lines.map((line) => line.replace(/,"publicKeyHex":"\w+"/, ''));
    expect(errorsOf(verifyLines(nameless, { allowedKeys: [a.publicKeyHex] }))).toEqual(['WRONG_KEY@1']);
  });

  it('that no row names are found among the pins, and a wrong signature under them shows', () => {
    const strip = (line: string) => line.replace(/,"publicKeyHex":"\w+"/, '');
    const [first = '', second = ''] = writeLedger('aa').lines;
    const forged = strip(second).replace(/"signature":"\w{4}/, '"signature":"0000');
    const options = { pinnedKeys: [{ publicKeyHex: a.publicKeyHex }] };
    expect(problemsOf(verifyLines([strip(first), strip(second)], options))).toEqual([]);
    expect(problemsOf(verifyLines([strip(first), forged], options))).toEqual(['BAD_SIGNATURE@2']);
  });

  it('named only by a later row are used for the rows before it', async () => {
    const [first = '', second = ''] = writeLedger('aa').lines;
    const forged = first
      .replace(/,"publicKeyHex":"\w+"/, '')
      .replace(/"signature":"\w{4}/, '"signature":"0000');
    const verifier = createLedgerVerifier({ backend: nodeBackend, path: 'late key' });
    await verifier.push(encodeUtf8(forged));
    await verifier.push(encodeUtf8(second));
    expect(problemsOf(verifier.finish())).toEqual(['BAD_SIGNATURE@1']);
  });

  it('that are no keys are a mistake of the caller', () => {
    for (const publicKeyHex of ['', 'AB'.repeat(32), 'ab'.repeat(31)]) {
      expect(() => verifyLines([], { allowedKeys: [publicKeyHex] })).toThrow(RangeError);
      expect(() => verifyLines([], { pinnedKeys: [{ publicKeyHex }] })).toThrow(RangeError);
    }
    expect(() =>
      verifyLines([], { pinnedKeys: [{ publicKeyHex: a.publicKeyHex, validFrom: 'monday' }] }),
    ).toThrow(RangeError);
  });
});

describe('memory', () => {
  it('reports an old row that comes again long after it was forgotten', () => {
    const writer = new LedgerWriter();
    // Signatures cost the time and decide nothing here.
    const signer = { ...fixedSigner(97), sign: () => new Uint8Array(64) };
    for (let i = 0; i < 17_000; i++) writer.add({ signer });
    const backend = { ...nodeBackend, verifyRaw: () => true };
    const rows = [...writer.lines, writer.lines[3]!].map((line) =>
      line.replace(/"signature":"\w{2}/, '"signature":"02'),
    );
    const report = verifyLines(rows, { backend });
    expect(errorsOf(report)).toEqual(['DUPLICATE_SEQUENCE@17001']);
  });
});
