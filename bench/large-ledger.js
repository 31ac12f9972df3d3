/** What it costs to verify a large ledger on all cores, quickly, and in how much memory. */
import { spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLedgerVerifier } from '../dist/core/index.js';
import { nodeBackend, readLines } from '../dist/store/index.js';
import { createSignaturePool } from '../dist/store/signature-pool.js';
import { writeBigLedger } from './big-ledger.js';
import { BENCH_DIR } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const BIN = fileURLToPath(new URL('../bin/agentguard.js', import.meta.url));
/** BENCH_VERIFY_ROWS: how large. */
const ROWS = Number(process.env.BENCH_VERIFY_ROWS ?? 20_000);
/** Rows of it whose raw signatures, and whose JSON, are measured: one thread is enough for them. */
const SAMPLE_ROWS = 5_000;
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const MAX_RSS =
  'data:text/javascript,process.on("exit",()=>console.error("maxRSS="+process.resourceUsage().maxRSS))';

export async function benchLargeLedger() {
  const home = mkdtempSync(join(BENCH_DIR, 'agentguard-bench-'));
  try {
    const path = await writeBigLedger(home, ROWS, { signed: true });
    const lines = await readSample(path);
    const signatures = lines.map(readSignature);
    const processor = { raw: [], all: [] };
    const samples = await takeTurns(
      {
        raw: { run: () => addProcessorTime(processor.raw, () => verifyRaw(signatures)) },
        parse: { run: () => lines.forEach((line) => void JSON.parse(line.toString())) },
        all: { run: () => addProcessorTime(processor.all, () => verifyFile(path)) },
        quick: { run: () => verifyQuickly(lines) },
      },
      { rounds: 3, warmUp: 1 },
    );
    const rawUs = percentile(samples.raw, 0.5) / lines.length;
    const rawProcessorUs = percentile(processor.raw, 0.5) / lines.length;
    const allProcessorUs = percentile(processor.all, 0.5) / ROWS;
    const parseUs = percentile(samples.parse, 0.5) / lines.length;
    const cores = availableParallelism();
    return [
      row(
        `full verify on ${cores} cores, a row of ${ROWS}`,
        percentile(samples.all, 0.5) / ROWS,
        `raw native verify ÷ ${cores}`,
        rawUs / cores,
        1.15,
      ),
      row(
        'the same, processor time of all threads',
        allProcessorUs,
        'raw native verify',
        rawProcessorUs,
        1.15,
      ),
      row(
        'verify --quick, a row, one thread',
        percentile(samples.quick, 0.5) / lines.length,
        'JSON.parse',
        parseUs,
        2.5,
      ),
      measureMemory(path),
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Microseconds of all threads. */
async function addProcessorTime(samples, run) {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  samples.push(user + system);
}

function row(work, us, against, unitUs, aim) {
  const ratio = us / unitUs;
  return { work, us, against, unitUs, ratio: `${ratio.toFixed(2)}×`, aim: `≤ ${aim}×`, met: ratio <= aim };
}

async function verifyFile(path) {
  const pool = createSignaturePool({ startAfter: 0 });
  try {
    const verifier = createLedgerVerifier({ path, backend: nodeBackend, checker: pool });
    for await (const { lines } of readLines(path))
      for (const { bytes } of lines) {
        const pending = verifier.push(bytes);
        if (pending) await pending;
      }
    await verifier.settle();
    demandGood(verifier.finish(), ROWS);
  } finally {
    await pool.close();
  }
}

async function verifyQuickly(lines) {
  const verifier = createLedgerVerifier({ path: 'bench', backend: nodeBackend, isQuick: true });
  for (const line of lines) verifier.push(line);
  await verifier.settle();
  demandGood(verifier.finish(), lines.length);
}

function demandGood(report, rows) {
  const { authentic, contiguous } = report.verdicts;
  if (report.rows !== rows || contiguous.answer !== 'yes' || authentic.answer === 'no')
    throw new Error(`the ledger does not verify: ${JSON.stringify(report.problems[0])}`);
}

/** The command itself, with everything it does. */
function measureMemory(path) {
  const { status, stderr } = spawnSync(process.execPath, ['--import', MAX_RSS, BIN, 'verify', path]);
  const kib = Number(/maxRSS=(\d+)/.exec(String(stderr))?.[1]);
  if (status !== 0 || !kib) throw new Error(`verify ended with ${status}: ${stderr}`);
  const megabytes = Math.round((kib * 1024) / 1e6);
  const size = Math.round(statSync(path).size / 1e6);
  return {
    work: `agentguard verify, memory at most, ${ROWS} rows, ${size} MB`,
    ratio: `${megabytes} MB`,
    aim: '≤ 150 MB',
    met: megabytes <= 150,
  };
}

function verifyRaw(signatures) {
  for (const { hash, key, signature } of signatures)
    if (!verify(null, hash, key, signature)) throw new Error('a signature of ours is not valid');
}

async function readSample(path) {
  const all = readFileSync(path);
  const lines = [];
  for (let start = 0, end = all.indexOf(10); lines.length < SAMPLE_ROWS && end >= 0; ) {
    lines.push(all.subarray(start, end));
    start = end + 1;
    end = all.indexOf(10, start);
  }
  return lines;
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
