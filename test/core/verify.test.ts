import { describe, expect, it } from 'vitest';
import { combineReports, verifyChain, verifyEntry } from '../../src/core/verify.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, verifyLines, writeLedger } from './ledger-fixture.js';

const { lines, receipts } = writeLedger('aab');
const a = { publicKeyHex: fixedSigner(97).publicKeyHex };
const options = { backend: nodeBackend, pinnedKeys: [a] };

describe('a single receipt', () => {
  it.each([
    ['an object', JSON.parse(lines[1]!) as unknown],
    ['a line', lines[1]],
    ['bytes', new TextEncoder().encode(lines[1])],
  ])('is authentic as %s, and its neighbours stay unknown', async (_, entry) => {
    const report = await verifyEntry(entry, options);
    expect(report).toMatchObject({ ok: true, signer: a.publicKeyHex, sequence: 1, problems: [] });
    expect([report.verdicts.authentic.answer, report.verdicts.contiguous.answer]).toEqual(['yes', 'unknown']);
  });

  it('needs no options: noble verifies everywhere', async () => {
    const report = await verifyEntry(lines[0]);
    expect([report.ok, report.verdicts.authentic.answer]).toEqual([true, 'unknown']);
  });

  it('that was changed is not ok', async () => {
    const report = await verifyEntry({ ...(JSON.parse(lines[0]!) as object), sequence: 1 }, options);
    expect(report.ok).toBe(false);
    expect(report.problems.map(({ code }) => code)).toEqual(['HASH_MISMATCH']);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no');
      },
    },
  );
  it.each([
    [undefined],
    [null],
    [1],
    [1n],
    ['\ud83d'],
    [() => 0],
    [Symbol('s')],
    [new Date()],
    [cyclic],
    [hostile],
    [{ a: Number.NaN }],
    [[]],
  ])('that is none is refused without an exception (case %#)', async (entry) => {
    const report = await verifyEntry(entry, options);
    expect([report.ok, report.signer, report.sequence]).toEqual([false, null, null]);
    expect(['NOT_JSON', 'WRONG_TYPE']).toContain(report.problems[0]?.code);
  });
});

describe('a list of receipts', () => {
  it('is verified in its order, from any iterable', async () => {
    async function* stream() {
      yield* lines;
    }
    for (const entries of [lines, receiptObjects(), new Set(lines), stream()]) {
      const report = await verifyChain(entries, options);
      expect([report.ok, report.verdicts.contiguous.answer, report.files[0]?.rows]).toEqual([true, 'yes', 3]);
    }
  });

  it('with a row missing is not ok', async () => {
    const report = await verifyChain([lines[0], lines[2]], options);
    expect([report.ok, report.verdicts.contiguous.answer]).toEqual([false, 'no']);
  });

  it('passes on what its source throws', async () => {
    function* broken() {
      yield lines[0];
      throw new Error('disk');
    }
    await expect(verifyChain(broken(), options)).rejects.toThrow('disk');
  });
});

describe('several files', () => {
  const good = {
    ...verifyLines(lines, { pinnedKeys: [a, { publicKeyHex: fixedSigner(98).publicKeyHex }] }),
    path: 'good',
  };
  const bad = { ...verifyLines(lines.toSpliced(1, 1), options), path: 'bad' };

  it('have the worst verdict of all, and name the file', () => {
    const { ok, verdicts } = combineReports([good, bad]);
    expect(ok).toBe(false);
    expect(verdicts.contiguous).toMatchObject({ answer: 'no', because: expect.stringMatching(/^bad: /) });
    expect(verdicts.authentic).toMatchObject({ answer: 'unknown', because: expect.stringMatching(/^bad: /) });
  });

  it('prove nothing when there are none', () => {
    expect(combineReports([])).toMatchObject({ ok: true, verdicts: { authentic: { answer: 'unknown' } } });
  });
});

function receiptObjects(): unknown[] {
  return receipts.map(({ unsigned: _, ...receipt }) => receipt);
}
