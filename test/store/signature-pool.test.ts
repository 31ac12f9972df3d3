import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import {
  createSignaturePool,
  type SignaturePool,
  type SignaturePoolOptions,
} from '../../src/store/signature-pool.js';
import { problemsOf, writeLedger } from '../core/ledger-fixture.js';
import { makeMutatedLedger } from '../core/mutated-ledgers.js';
import { buildOnce } from './fixtures/children.js';

const RUNS = process.env.SLOW ? 10_000 : 1_000;
/** Threads run the built package. */
const workerUrl = new URL('../../dist/store/signature-worker.js', import.meta.url);
const encoder = new TextEncoder();
buildOnce();

async function verify(lines: readonly Uint8Array[], pool: SignaturePool) {
  const verifier = createLedgerVerifier({
    path: 'x',
    backend: nodeBackend,
    policies: new Map(),
    checker: pool,
  });
  for (const line of lines) await verifier.push(line);
  await verifier.settle();
  return verifier.finish();
}

function openPool(options: SignaturePoolOptions): SignaturePool {
  const pool = createSignaturePool({ startAfter: 0, workerUrl, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

/** A ledger with bad signatures in the given lines. */
function breakSignatures(rows: number, lines: readonly number[]): Uint8Array[] {
  return writeLedger('ab'.repeat(rows / 2)).lines.map((line, i) =>
    encoder.encode(
      lines.includes(i + 1)
        ? line.replace(/"signature":"(.)/, (_, digit) => `"signature":"${digit === '0' ? 1 : 0}`)
        : line,
    ),
  );
}

describe('a verification with other threads', () => {
  const pools = [1, 2, 3].map((threads) => {
    const pool = createSignaturePool({
      threads,
      startAfter: 0,
      batchRows: [1, 3, 128][threads - 1]!,
      workerUrl,
    });
    afterAll(() => pool.close());
    return pool;
  });

  it(`gives the report of the plain way, byte for byte, on ${RUNS} damaged ledgers`, async () => {
    vi.resetModules();
    vi.doMock('../../src/core/sealed-row.js', async (original) => ({
      ...(await original<object>()),
      readSealedRow: () => undefined,
    }));
    const plain = await import('../../src/core/ledger-verifier.js');
    const { nodeBackend: backend } = await import('../../src/store/node-crypto.js');
    vi.doUnmock('../../src/core/sealed-row.js');
    const answers = new Map<string, number>();
    for (let seed = 0; seed < RUNS; seed++) {
      const lines = makeMutatedLedger(seed);
      const verifier = plain.createLedgerVerifier({ path: 'x', backend, policies: new Map() });
      for (const line of lines) await verifier.push(line);
      const expected = JSON.stringify(verifier.finish());
      const real = JSON.stringify(await verify(lines, pools[seed % pools.length]!));
      if (real !== expected)
        expect({ seed, report: JSON.parse(real) }).toEqual({ seed, report: JSON.parse(expected) });
      for (const [, code = ''] of expected.matchAll(/"code":"(\w+)"/g))
        answers.set(code, (answers.get(code) ?? 0) + 1);
    }
    // Else the comparison said little.
    for (const code of [
      'BAD_SIGNATURE',
      'HASH_MISMATCH',
      'GAP',
      'DUPLICATE_KEY',
      'FINGERPRINT_MISMATCH',
      'NOT_JSON',
    ])
      expect([code, (answers.get(code) ?? 0) > RUNS / 100]).toEqual([code, true]);
  });

  it('lists the first thousand of many bad signatures, and counts all, in the order of the file', async () => {
    const rows = 1_400;
    const lines = breakSignatures(
      rows,
      Array.from({ length: rows }, (_, i) => i + 1),
    );
    const report = await verify(lines, openPool({ threads: 3, batchRows: 7 }));
    const bad = report.problems.filter(({ code }) => code === 'BAD_SIGNATURE');
    expect(bad.map(({ line }) => line)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    expect(report.problemCount).toBeGreaterThanOrEqual(rows);
    expect(report.verdicts.authentic.because).toMatch(/^Line 1:/);
  });

  it('starts no thread for a small ledger', async () => {
    const pool = openPool({ startAfter: 100, workerUrl: new URL('file:///none.js') });
    expect(problemsOf(await verify(breakSignatures(20, [3]), pool))).toEqual(['BAD_SIGNATURE@3']);
  });
});

describe('a thread that', () => {
  const on = (code: string): string => `import { parentPort } from 'node:worker_threads';${code}`;
  const SPOILT: readonly (readonly [string, string])[] = [
    ['cannot be started', 'not JavaScript'],
    ['ends at once', 'process.exit(0)'],
    ['throws at its first batch', on(`parentPort.on('message', () => { throw new Error('x') })`)],
    ['ends at its first batch', on(`parentPort.on('message', () => process.exit(7))`)],
    ['answers without looking', on(`parentPort.on('message', ({ id }) => parentPort.postMessage(id))`)],
    [
      'writes something that is no answer',
      on(
        `parentPort.on('message', ({ id, memory }) => { new Uint8Array(memory).fill(7); parentPort.postMessage(id) })`,
      ),
    ],
    [
      'answers what it was not asked, and ends',
      on(
        `parentPort.on('message', () => { parentPort.postMessage(999); setTimeout(() => process.exit(1), 5) })`,
      ),
    ],
  ];

  it.each(SPOILT)('%s makes no bad signature good', async (name, code) => {
    const pool = openPool({
      threads: 2,
      batchRows: 4,
      workerUrl: new URL(`data:text/javascript,${encodeURIComponent(code)}`),
    });
    const report = await verify(breakSignatures(60, [1, 30, 60]), pool);
    const found = problemsOf(report);
    // Whoever writes over the signatures makes more of them bad, never fewer.
    if (name.startsWith('writes')) expect(report.verdicts.authentic.answer).toBe('no');
    else expect(found).toEqual(['BAD_SIGNATURE@1', 'BAD_SIGNATURE@30', 'BAD_SIGNATURE@60']);
  });

  it('dies beside others leaves its work to the main thread', async () => {
    const dies = on(`import { threadId } from 'node:worker_threads';
      const { nodeBackend } = await import('${new URL('./node-crypto.js', workerUrl)}');
      const { verifyStrict } = await import('${new URL('../core/ed25519.js', workerUrl)}');
      const { openBatch } = await import('${new URL('./signature-batch.js', workerUrl)}');
      let batches = 0;
      parentPort.on('message', ({ id, memory, count }) => {
        if (threadId % 2 === 0 && ++batches > 2) process.exit(9);
        const batch = openBatch(memory);
        for (let at = 0; at < count; at++) {
          const { publicKey, hash, signature } = batch.read(at);
          batch.answer(at, verifyStrict(nodeBackend, publicKey, hash, signature));
        }
        parentPort.postMessage(id);
      });`);
    const url = new URL(`data:text/javascript,${encodeURIComponent(dies)}`);
    const report = await verify(
      breakSignatures(200, [5, 100, 199]),
      openPool({ threads: 2, batchRows: 3, workerUrl: url }),
    );
    expect(problemsOf(report)).toEqual(['BAD_SIGNATURE@5', 'BAD_SIGNATURE@100', 'BAD_SIGNATURE@199']);
  });

  it('is ended with the pool, whose unanswered signatures nobody hears of', async () => {
    const pool = openPool({
      threads: 1,
      batchRows: 2,
      workerUrl: new URL(
        `data:text/javascript,${encodeURIComponent(on(`parentPort.on('message', () => {})`))}`,
      ),
    });
    let told = 0;
    for (let i = 0; i < 4; i++)
      pool.check('00'.repeat(32), new Uint8Array(32), '00'.repeat(64), () => told++);
    await pool.close();
    expect(told).toBe(0);
  });
});

describe('a signature of the wrong form', () => {
  it.each([
    ['a short key', '00', new Uint8Array(32), '00'.repeat(64)],
    ['a key that is no hex', 'zz'.repeat(32), new Uint8Array(32), '00'.repeat(64)],
    ['a short hash', '00'.repeat(32), new Uint8Array(31), '00'.repeat(64)],
    ['a short signature', '00'.repeat(32), new Uint8Array(32), '00'],
  ])('is invalid: %s', async (_, key, hash, signature) => {
    const pool = openPool({ threads: 1 });
    const answers: boolean[] = [];
    pool.check(key, hash, signature, (valid) => answers.push(valid));
    await pool.drain();
    expect(answers).toEqual([false]);
  });
});
