import { describe, expect, it } from 'vitest';
import type { VerifyOptions } from '../../src/core/ledger-verifier.js';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import { verifyChain } from '../../src/core/verify.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, LedgerWriter, problemsOf, writeLedger } from './ledger-fixture.js';
import { makeMutatedLedger } from './mutated-ledgers.js';

async function verifyQuickly(lines: readonly (string | Uint8Array)[], options: VerifyOptions = {}) {
  const { files } = await verifyChain(lines, { backend: nodeBackend, ...options, isQuick: true });
  const [report] = files;
  if (!report) throw new Error('no report');
  return report;
}

const damage = (line: string): string =>
  line.replace(/"signature":"(.)/, (_, digit) => `"signature":"${digit === '0' ? 1 : 0}`);
const allowedKeys = [fixedSigner(97).publicKeyHex, fixedSigner(98).publicKeyHex];

describe('a quick verification', () => {
  it('says what it left out, even under pinned keys', async () => {
    const { verdicts } = await verifyQuickly(writeLedger('ababa').lines, { allowedKeys });
    expect(verdicts.authentic.answer).toBe('unknown');
    expect(verdicts.authentic.because).toMatch(
      /^Quick: only the last signature of each chain was checked \(2 of 5\)/,
    );
    expect(verdicts.contiguous.answer).toBe('yes');
    expect(verdicts.lawful).toEqual({ answer: 'unknown', because: 'Quick: no decision was made again.' });
  });

  it('says no less than a full one where each signer has one row', async () => {
    const { verdicts } = await verifyQuickly(writeLedger('ab').lines, { allowedKeys });
    expect(verdicts.authentic.answer).toBe('yes');
  });

  it('asks the platform once for each chain', async () => {
    let asked = 0;
    const backend = {
      ...nodeBackend,
      verifyRaw: (...of: Parameters<typeof nodeBackend.verifyRaw>) => {
        asked++;
        return nodeBackend.verifyRaw(...of);
      },
    };
    await verifyQuickly(writeLedger('aabbbaac').lines, { backend });
    expect(asked).toBe(3);
  });

  it('does not see a damaged signature before the last of its chain, and does not claim to', async () => {
    const lines = writeLedger('aaab').lines.map((line, i) => (i === 1 ? damage(line) : line));
    const report = await verifyQuickly(lines, { allowedKeys });
    expect(problemsOf(report)).toEqual([]);
    expect(report.verdicts.authentic.answer).toBe('unknown');
  });

  it.each([
    ['of the last row', 3],
    ['of the last row of a signer who stopped', 1],
  ])('finds a damaged signature %s', async (_, at) => {
    const lines = writeLedger('aabb').lines.map((line, i) => (i === at ? damage(line) : line));
    const report = await verifyQuickly(lines);
    expect(problemsOf(report)).toEqual([`BAD_SIGNATURE@${at + 1}`]);
    expect(report.verdicts.authentic.answer).toBe('no');
  });

  it.each([
    ['a changed amount', (lines: string[]) => lines.with(2, lines[2]!.replace('0.000128', '0.000001'))],
    ['a missing row', (lines: string[]) => lines.toSpliced(2, 1)],
    ['a row twice', (lines: string[]) => lines.toSpliced(2, 0, lines[2]!)],
    ['two swapped rows', (lines: string[]) => lines.with(1, lines[2]!).with(2, lines[1]!)],
    ['a line that is no JSON', (lines: string[]) => lines.with(2, '{')],
  ])('finds %s as a full one does', async (_, change) => {
    const lines = change([...writeLedger('aabab').lines]);
    const full = await verifyChain(lines, { backend: nodeBackend });
    const quick = await verifyQuickly(lines);
    expect(problemsOf(quick)).toEqual(problemsOf(full.files[0]!));
    expect(quick.verdicts.contiguous.answer).toBe('no');
  });

  it('finds in damaged ledgers all that a full one finds, but for signatures', async () => {
    for (let seed = 0; seed < (process.env.SLOW ? 3_000 : 300); seed++) {
      const lines = makeMutatedLedger(seed);
      const full = (await verifyChain(lines, { backend: nodeBackend })).files[0]!;
      const quick = await verifyQuickly(lines);
      const others = (found: string[]) => found.filter((one) => !one.startsWith('BAD_SIGNATURE'));
      const withoutKeys = (found: string[]) => others(found).filter((one) => !one.startsWith('UNKNOWN_KEY'));
      expect({ seed, found: withoutKeys(problemsOf(quick)) }).toEqual({
        seed,
        found: withoutKeys(problemsOf(full)),
      });
      // What a full one doubts, a quick one never believes.
      for (const name of ['authentic', 'contiguous'] as const)
        if (quick.verdicts[name].answer === 'yes')
          expect([seed, full.verdicts[name].answer]).toEqual([seed, 'yes']);
    }
  });

  it('does not believe rows whose key nobody named', async () => {
    const lines = writeLedger('aaa').lines.map((line) => line.replace(/,"publicKeyHex":"[0-9a-f]*"/, ''));
    const { verdicts } = await verifyQuickly(lines);
    expect([verdicts.authentic.answer, verdicts.contiguous.answer]).toEqual(['unknown', 'unknown']);
    expect(verdicts.authentic.because).toContain('3 rows of 3');
  });

  it('does not believe a history that somebody without the key made up to the last row', async () => {
    const forged = new LedgerWriter();
    const { publicKeyHex, fingerprint } = fixedSigner(97);
    const impostor = { publicKeyHex, fingerprint, sign: (hash: Uint8Array) => fixedSigner(9).sign(hash) };
    for (let i = 0; i < 4; i++) forged.add({ signer: impostor });
    const report = await verifyQuickly(forged.lines);
    expect(problemsOf(report)).toEqual(['BAD_SIGNATURE@4']);
  });
});

describe('rows that were seen and are gone', () => {
  it.each(['TRUNCATED', 'REWRITTEN', 'LEDGER_MISSING'] as const)('make the ledger incomplete: %s', (how) => {
    const verifier = createLedgerVerifier({ path: 'x', backend: nodeBackend });
    for (const line of writeLedger('aa').lines) verifier.push(new TextEncoder().encode(line));
    verifier.loseRows(how);
    const { verdicts, problems } = verifier.finish();
    expect(verdicts.complete.answer).toBe('no');
    expect(problems.find(({ code }) => code === how)).toMatchObject({ line: 0, severity: 'error' });
  });
});
