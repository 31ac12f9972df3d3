import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { startLedgerRun } from '../../web/verify/ledger-run.js';
import { checkReceipt, type ReceiptCheck } from '../../web/verify/receipt-steps.js';

const signer = createNodeSigner(new Uint8Array(32).fill(7));
const first = seal({ action: 'allow', userId: 'alice' }, 0, ZERO_HASH);
const second = seal(
  { action: 'block', userId: 'bob', ledgerPreviousHash: first.entryHash },
  1,
  first.entryHash,
);
const rows = { line: second.line, before: first.line, chainBefore: first.line };

function seal(
  decision: JsonObject,
  sequence: number,
  previousHash: string,
): { line: string; entryHash: string } {
  const { line, receipt } = sealReceipt(decision, { sequence, previousHash }, signer, nodeBackend);
  return { line, entryHash: receipt.entryHash };
}

function answers(check: ReceiptCheck): Record<string, string> {
  return Object.fromEntries(check.steps.map(({ title, answer }) => [title, answer]));
}

describe('a receipt checked step by step', () => {
  it('holds at every step when nobody changed it', async () => {
    const check = await checkReceipt(rows, nodeBackend);
    expect(check.ok).toBe(true);
    expect(check.steps).toHaveLength(7);
    expect(new Set(Object.values(answers(check)))).toEqual(new Set(['yes']));
  });

  it('fails at hash and signature when a word was changed', async () => {
    const check = await checkReceipt({ ...rows, line: second.line.replace('bob', 'eve') }, nodeBackend);
    expect(check.ok).toBe(false);
    expect(answers(check)).toMatchObject({ Hash: 'no', Signature: 'no', Key: 'yes' });
  });

  it('fails at the signature when the hash was changed along', async () => {
    const forged = second.line.replace('bob', 'eve');
    const { steps } = await checkReceipt({ ...rows, line: forged }, nodeBackend);
    const real = steps.find(({ title }) => title === 'Hash')?.figures[0]?.[1] ?? '';
    const check = await checkReceipt({ ...rows, line: forged.replace(second.entryHash, real) }, nodeBackend);
    expect(check.ok).toBe(false);
    expect(answers(check)).toMatchObject({ Hash: 'yes', Signature: 'no' });
  });

  it('fails at the link when the row before was changed', async () => {
    const before = first.line.replace('alice', 'mallory');
    const check = await checkReceipt({ ...rows, before, chainBefore: before }, nodeBackend);
    expect(check.ok).toBe(false);
    expect(answers(check)).toMatchObject({
      Hash: 'yes',
      'Link to the signer’s row before': 'no',
      'Link to the ledger’s row before': 'no',
    });
  });

  it('fails at the key when another one is put in', async () => {
    const other = createNodeSigner(new Uint8Array(32).fill(8)).publicKeyHex;
    const check = await checkReceipt(
      { ...rows, line: second.line.replace(signer.publicKeyHex, other) },
      nodeBackend,
    );
    expect(check.ok).toBe(false);
    expect(answers(check)).toMatchObject({ Key: 'no', Signature: 'no' });
  });

  it('does not claim a link to a row that nobody showed', async () => {
    const check = await checkReceipt({ ...rows, before: null, chainBefore: null }, nodeBackend);
    expect(check.ok).toBe(true);
    expect(answers(check)).toMatchObject({ 'Link to the signer’s row before': 'unknown' });
  });

  it('fails a first row that links to something', async () => {
    const odd = seal({ action: 'allow' }, 0, first.entryHash);
    const check = await checkReceipt({ line: odd.line, before: null, chainBefore: null }, nodeBackend);
    expect(check.ok).toBe(false);
  });

  it.each(['', '{}', 'null', '[]', '{"a":1,"a":2}', '\ud800', '{"decision":'])(
    'refuses %j without an exception',
    async (line) => {
      const check = await checkReceipt({ line, before: line, chainBefore: line }, nodeBackend);
      expect(check.ok).toBe(false);
      expect(check.steps[0]).toMatchObject({ title: 'Read strictly', answer: 'no' });
    },
  );
});

describe('a ledger checked in parts', () => {
  const bytes = new TextEncoder().encode(`${first.line}\n${second.line}\n`);

  it.each([1, 7, 500, 100_000])('gives one report, %i bytes at a time', async (size) => {
    const run = startLedgerRun('acme', nodeBackend);
    for (let at = 0; at < bytes.length; at += size) await run.push(bytes.subarray(at, at + size));
    const report = await run.finish();
    expect(report).toMatchObject({ rows: 2, path: 'acme' });
    expect(report.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('reports a torn tail', async () => {
    const run = startLedgerRun('acme', nodeBackend);
    await run.push(bytes.subarray(0, bytes.length - 40));
    const { problems } = await run.finish();
    expect(problems.map(({ code }) => code)).toContain('TORN_TAIL');
  });
});
