// Usage: caller.mjs <home> <seed> <plain|faulty|threads|cluster|skewed>: 64 callers at once until it is killed or told to end by
// a line on its input. Prints "bill <decision id> <entry hash> <usd>" when a call would be sent, before anything else.
import cluster from 'node:cluster';
import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { SpendGuard, setCostOverride } from '../../dist/guard/index.js';
import { openLedger } from '../../dist/store/index.js';
import { POLICY } from './policy.mjs';

const CALLERS = 64;
const [home, seed, mode] = isMainThread ? process.argv.slice(2) : workerData;
let state = Number(seed) | 1;
let ending = false;

/** Xorshift: the same seed, the same calls. */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

const fault = (code) => Object.assign(new Error(`${code}: injected`), { code });
const FAULTY_IO = {
  writeSync(fd, bytes) {
    if (random() < 0.01) {
      fs.writeSync(fd, bytes.subarray(0, Math.floor(random() * bytes.length)));
      throw fault('ENOSPC');
    }
    return fs.writeSync(fd, bytes);
  },
  fdatasync: (fd) =>
    random() < 0.005
      ? Promise.reject(fault('EIO'))
      : new Promise((resolve, reject) => fs.fdatasync(fd, (cause) => (cause ? reject(cause) : resolve()))),
};

/** How far this process's clock is behind: none, within what a ledger forgives, or beyond. */
let behindMs = 0;
const clock = () => Date.now() - behindMs;
if (mode === 'skewed')
  setInterval(() => {
    behindMs = [0, 20_000, 7_200_000][Math.floor(random() * 3)];
  }, 400).unref();

async function callOn(guard) {
  while (!ending) {
    try {
      const maxOutputTokens = 1_000 * (1 + Math.floor(random() * 5));
      const allowed = await guard.decide({ model: 'test/model', inputTokens: 0, maxOutputTokens });
      const costUsd = `${1 + Math.floor(random() * (maxOutputTokens / 100))}e-4`;
      fs.writeSync(1, `bill ${allowed.facts.decisionId} ${allowed.receipt.entryHash} ${costUsd}\n`);
      await sleep(random() * 20);
      if (random() < 0.95) await guard.settle(allowed, { costUsd });
      else if (random() < 0.5) await guard.settle(allowed, {});
    } catch (error) {
      fs.writeSync(1, `error ${error.code ?? error}\n`);
      await sleep(20 + random() * 50);
    }
  }
}

async function run() {
  setCostOverride('test/model', { inputCentsPerKtok: 0, outputCentsPerKtok: 1 });
  const io = mode === 'faulty' ? FAULTY_IO : {};
  const durability = random() < 0.7 ? 'disk' : 'process';
  const store = await openLedger({
    home,
    scope: 'torture',
    durability,
    partBytes: 2_000_000,
    snapshotRows: 300,
    now: clock,
    io,
  });
  const config = { home, store, waitForHoldsMs: 50, clock };
  const guard = new SpendGuard({ policy: POLICY, scope: POLICY.scope, config });
  await Promise.all(Array.from({ length: CALLERS }, () => callOn(guard)));
  await guard.close();
  await store.close();
}

if (isMainThread && mode === 'threads') {
  const spawn = (n) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: [home, Number(seed) + n, 'plain'] });
    worker.on('exit', () => ending || spawn(n + 2));
    worker.on('error', (error) => fs.writeSync(1, `error ${error.code ?? error}\n`));
    // Ends in the middle of whatever it does.
    setTimeout(() => worker.terminate(), 500 + random() * 1_500);
  };
  spawn(1);
  spawn(2);
} else if (isMainThread && mode === 'cluster' && cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork();
} else {
  run().catch((error) => fs.writeSync(1, `error ${error.code ?? error}\n`));
}
if (isMainThread) {
  process.stdin.once('data', () => {
    ending = true;
    if (mode === 'threads' || (mode === 'cluster' && cluster.isPrimary)) process.exit(0);
    process.stdin.destroy();
  });
  process.stdin.once('end', () => process.exit(0));
}
