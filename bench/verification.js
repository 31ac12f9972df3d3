/** What it costs to check every hash, link and signature of a ledger, against the signatures alone. */
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLedgerVerifier } from '../dist/core/index.js';
import { nodeBackend } from '../dist/store/index.js';
import { readPolicies } from '../dist/store/policy-folder.js';
import { fillLedger, withGuard } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const ROWS = 6_000;
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

export async function benchVerification() {
  const { lines, policies } = await withGuard('process', async (guard, ledger) => {
    await fillLedger(guard, ROWS);
    const kept = await readPolicies(dirname(ledger));
    return { lines: splitLines(readFileSync(ledger)), policies: kept.policies };
  });
  const signatures = lines.map(readSignature);
  const samples = await takeTurns(
    {
      signatures: { run: () => verifyRaw(signatures) },
      ledger: { run: () => verifyLedger(lines) },
      lawful: { run: () => verifyLedger(lines, policies) },
    },
    { rounds: 3, warmUp: 1 },
  );
  const unitUs = percentile(samples.signatures, 0.5) / lines.length;
  const us = percentile(samples.ledger, 0.5) / lines.length;
  const ratio = us / unitUs;
  const lawfulUs = percentile(samples.lawful, 0.5) / lines.length;
  return [
    {
      work: `full verify, a row of ${lines.length}, one thread`,
      us,
      against: 'raw native verify',
      unitUs,
      ratio: `${ratio.toFixed(2)}×`,
      aim: '≤ 1.15×, divided by cores',
      met: ratio <= 1.15,
    },
    {
      work: 'the same with every decision made again',
      us: lawfulUs,
      against: 'full verify',
      unitUs: us,
      ratio: `${(lawfulUs / us).toFixed(2)}×`,
      aim: '≤ 1.3×',
      met: lawfulUs / us <= 1.3,
    },
  ];
}

function verifyRaw(signatures) {
  for (const { hash, key, signature } of signatures)
    if (!verify(null, hash, key, signature)) throw new Error('a signature of ours is not valid');
}

async function verifyLedger(lines, policies) {
  const verifier = createLedgerVerifier({
    path: 'bench',
    backend: nodeBackend,
    ...(policies && { policies }),
  });
  for (const line of lines) {
    const pending = verifier.push(line);
    if (pending) await pending;
  }
  const report = verifier.finish();
  if (report.rows !== lines.length || report.verdicts.contiguous.answer !== 'yes')
    throw new Error(`the ledger does not verify: ${JSON.stringify(report.problems[0])}`);
  if (policies && report.verdicts.lawful.answer !== 'yes') throw new Error(report.verdicts.lawful.because);
}

const keys = new Map();

function readSignature(line) {
  const { entryHash, signature, publicKeyHex } = JSON.parse(line.toString());
  let key = keys.get(publicKeyHex);
  if (!key) {
    const der = Buffer.concat([SPKI_HEAD, Buffer.from(publicKeyHex, 'hex')]);
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    keys.set(publicKeyHex, key);
  }
  return { hash: Buffer.from(entryHash, 'hex'), key, signature: Buffer.from(signature, 'hex') };
}

function splitLines(bytes) {
  const lines = [];
  for (let start = 0, end = bytes.indexOf(10); end >= 0; start = end + 1, end = bytes.indexOf(10, start))
    lines.push(bytes.subarray(start, end));
  return lines;
}
