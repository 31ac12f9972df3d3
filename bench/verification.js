/** What it costs to check every hash, link and signature of a ledger, against the signatures alone. */
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLedgerVerifier } from '../dist/core/index.js';
import { nodeBackend } from '../dist/store/index.js';
import { fillLedger, withGuard } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const ROWS = 6_000;
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

export async function benchVerification() {
  const lines = await withGuard('process', async (guard, ledger) => {
    await fillLedger(guard, ROWS);
    return splitLines(readFileSync(ledger));
  });
  const signatures = lines.map(readSignature);
  const samples = await takeTurns(
    {
      signatures: { run: () => verifyRaw(signatures) },
      ledger: { run: () => verifyLedger(lines) },
    },
    { rounds: 3, warmUp: 1 },
  );
  const unitUs = percentile(samples.signatures, 0.5) / lines.length;
  const us = percentile(samples.ledger, 0.5) / lines.length;
  const ratio = us / unitUs;
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
  ];
}

function verifyRaw(signatures) {
  for (const { hash, key, signature } of signatures)
    if (!verify(null, hash, key, signature)) throw new Error('a signature of ours is not valid');
}

async function verifyLedger(lines) {
  const verifier = createLedgerVerifier({ path: 'bench', backend: nodeBackend });
  for (const line of lines) {
    const pending = verifier.push(line);
    if (pending) await pending;
  }
  const report = verifier.finish();
  if (report.rows !== lines.length || report.verdicts.contiguous.answer !== 'yes')
    throw new Error(`the ledger does not verify: ${JSON.stringify(report.problems[0])}`);
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
