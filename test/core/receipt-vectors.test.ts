import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { parseCheckpoint } from '../../src/core/checkpoint.js';
import type { CryptoBackend } from '../../src/core/crypto.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import { type FileReport, PROBLEM_CODES } from '../../src/core/report.js';
import { createWebCryptoBackend } from '../../src/core/web-crypto.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { listCases, type ReceiptCase } from './receipt-cases.js';

const FOLDER = new URL('../vectors/receipts/', import.meta.url);
const cases = listCases();
const stored = cases.filter((entry) => !entry.generated);

/** Problems of a whole home or folder, which no one file shows. */
const NOT_OF_ONE_FILE = ['LEDGER_MISSING', 'PART_MISSING'];
/** Problems of policies, which are brought beside the file: lawful-breach.test.ts produces each. */
const OF_POLICIES = ['UNLAWFUL_DECISION', 'CAP_EXCEEDED', 'POLICY_MISMATCH', 'POLICY_REPLACED', 'OVER_BOUND'];

function bringCheckpoint(text: string, at: number) {
  const reading = parseCheckpoint(encodeUtf8(text));
  if (!reading.ok) throw new Error(reading.message);
  return { name: `checkpoint ${at + 1}`, checkpoint: reading.value };
}

async function verifyCase(entry: ReceiptCase, backend: CryptoBackend): Promise<FileReport> {
  const verifier = createLedgerVerifier({
    ...entry.options,
    checkpoints: (entry.checkpoints ?? []).map(bringCheckpoint),
    backend,
    path: entry.name,
  });
  let start = 0;
  for (let end = entry.bytes.indexOf(10); end >= 0; end = entry.bytes.indexOf(10, start)) {
    await verifier.push(entry.bytes.subarray(start, end));
    start = end + 1;
  }
  await verifier.pushTornTail(entry.bytes.subarray(start));
  return verifier.finish();
}

function printIndex(): string {
  const entries = stored.map(
    ({ name, options, checkpoints, problems, answers: [authentic, contiguous], complete }) => {
      const answers = { authentic, contiguous, ...(complete !== undefined && { complete }) };
      return {
        file: `${name}.ndjson`,
        ...options,
        ...(checkpoints && { checkpoints }),
        problems,
        ...answers,
      };
    },
  );
  return `${JSON.stringify(entries, null, 2)}\n`;
}

if (process.env.UPDATE_VECTORS) {
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, bytes } of stored) writeFileSync(new URL(`${name}.ndjson`, FOLDER), bytes);
  writeFileSync(new URL('index.json', FOLDER), printIndex());
}

describe.each([nodeBackend, createWebCryptoBackend(globalThis.crypto.subtle), nobleBackend])(
  'with $name, the verifier finds in the ledger',
  (backend) => {
    it.each(cases)('$name exactly the problems $problems', async (entry) => {
      const report = await verifyCase(entry, backend);
      const found = report.problems.map(({ code, line }) => `${code}@${line}`);
      expect(found.toSorted()).toEqual(entry.problems.toSorted());
      expect([report.verdicts.authentic.answer, report.verdicts.contiguous.answer]).toEqual(entry.answers);
      expect(report.verdicts.complete.answer).toBe(entry.complete ?? 'unknown');
      expect(report.problemCount).toBe(report.problems.length);
    });
  },
);

describe('the receipt vectors', () => {
  it('produce every problem code', () => {
    const codes = new Set(cases.flatMap(({ problems }) => problems.map((problem) => problem.split('@')[0])));
    expect([...codes, ...NOT_OF_ONE_FILE, ...OF_POLICIES].toSorted()).toEqual([...PROBLEM_CODES].toSorted());
  });

  it('have more bad ledgers than good ones', () => {
    const bad = cases.filter(({ problems }) => problems.length > 0);
    expect(bad.length).toBeGreaterThan(cases.length - bad.length);
  });

  it('are the files in test/vectors/receipts, byte for byte', () => {
    expect(existsSync(FOLDER), 'UPDATE_VECTORS=1 writes them').toBe(true);
    for (const { name, bytes } of stored) {
      expect(readFileSync(new URL(`${name}.ndjson`, FOLDER)).equals(bytes), name).toBe(true);
    }
    expect(readFileSync(new URL('index.json', FOLDER), 'utf8')).toBe(printIndex());
    expect(readdirSync(FOLDER).length).toBe(stored.length + 1);
  });
});
