/** What a decision costs before a call is sent: against the raw signature, and against the raw signature on disk. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Budget } from '../dist/core/budget.js';
import { decide } from '../dist/core/decide.js';
import { parsePolicy } from '../dist/core/policy-reader.js';
import { quoteCall } from '../dist/core/price.js';
import { CALL, POLICY, spend, withGuard } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const { privateKey } = generateKeyPairSync('ed25519');
const hash = randomBytes(32);
const signRaw = () => void sign(null, hash, privateKey);

/** A decision as the caller waits for it; settling it is not timed. */
function decisionTask(guard) {
  let allowed;
  return {
    run: async () => {
      allowed = await guard.decide(CALL);
    },
    after: () => guard.settle(allowed, { costUsd: '0.0042' }),
  };
}

/** Policy, counters, signature and append, with `durability: 'process'`. */
export async function benchDecision() {
  const samples = await withGuard('process', async (guard) => {
    const first = await guard.decide(CALL);
    await guard.settle(first, { costUsd: '0' });
    const arithmetic = { run: prepareArithmetic(first) };
    const tasks = { sign: { run: signRaw }, decision: decisionTask(guard), arithmetic };
    return takeTurns(tasks, { rounds: 3_000, warmUp: 1_000 });
  });
  const unit = percentile(samples.sign, 0.5);
  const p50 = percentile(samples.decision, 0.5);
  const p99 = percentile(samples.decision, 0.99);
  return [
    row("decision, 'process', p50", p50, 'raw sign', unit, 2.5),
    row("decision, 'process', p99", p99, 'raw sign', unit, 8),
    {
      work: 'raw sign, p99 of the same run',
      us: percentile(samples.sign, 0.99),
      aim: 'none: what the machine adds',
    },
    arithmeticRow(percentile(samples.arithmetic, 0.5)),
  ];
}

/** The same, flushed: against one signature, one append and one fdatasync. */
export async function benchDurableDecision() {
  const samples = await withGuard('disk', async (guard, ledger, home) => {
    await spend(guard);
    const line = readFileSync(ledger);
    const file = openSync(join(home, 'raw'), 'a');
    const raw = () => {
      signRaw();
      writeSync(file, line, 0, line.length >> 1);
      fdatasyncSync(file);
    };
    const tasks = { raw: { run: raw }, decision: decisionTask(guard) };
    const taken = await takeTurns(tasks, { rounds: 300, warmUp: 50 });
    closeSync(file);
    return taken;
  });
  const unit = percentile(samples.raw, 0.5);
  return [
    row(
      "decision, 'disk', p50",
      percentile(samples.decision, 0.5),
      'raw sign + append + fdatasync',
      unit,
      1.5,
    ),
  ];
}

/** Calls per second with 64 at once: flushes are shared, so the disk should hardly show. */
export async function benchConcurrency() {
  const rates = { process: [], disk: [] };
  for (let turn = 0; turn < 3; turn++)
    for (const durability of ['process', 'disk'])
      rates[durability].push(await withGuard(durability, (guard) => rateOf(guard, 4_000)));
  const [memory, disk] = [percentile(rates.process, 0.5), percentile(rates.disk, 0.5)];
  return [
    {
      work: "64 calls at once, 'disk'",
      us: 1e6 / disk,
      against: "'process'",
      unitUs: 1e6 / memory,
      ratio: `${Math.round((disk / memory) * 100)} % of its throughput`,
      aim: '≥ 80 %',
      met: disk / memory >= 0.8,
    },
  ];
}

/** Nothing may grow with history. */
export async function benchGrowth() {
  const [early, late] = await withGuard('process', async (guard) => {
    const once = async () =>
      percentile((await takeTurns({ d: decisionTask(guard) }, { rounds: 500, warmUp: 300 })).d, 0.5);
    await rateOf(guard, 500);
    const atFirst = await once();
    await rateOf(guard, 20_000);
    return [atFirst, await once()];
  });
  return [row('decision at 40,000 rows, p50', late, 'the same at 2,000 rows', early, 1.2)];
}

async function rateOf(guard, calls) {
  await spend(guard);
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await spend(guard);
  };
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: 64 }, worker));
  return calls / (Number(process.hrtime.bigint() - start) / 1e9);
}

/** `decide` alone, over the policy's own counters, with the bound worked out anew each time. */
function prepareArithmetic({ decision, facts }) {
  const { policy } = parsePolicy(POLICY, { sha256: (bytes) => createHash('sha256').update(bytes).digest() });
  const budget = new Budget(policy.caps);
  const { price, bounds } = decision.quote;
  const call = {
    actor: facts.actor,
    model: CALL.model,
    quote: () => quoteCall(price, bounds, 1_000_000n),
  };
  return () => void decide(policy, (cap, atMs) => budget.totals(cap, atMs), call, Date.now());
}

function row(work, us, against, unitUs, aim) {
  const ratio = us / unitUs;
  return { work, us, against, unitUs, ratio: `${ratio.toFixed(2)}×`, aim: `≤ ${aim}×`, met: ratio <= aim };
}

function arithmeticRow(us) {
  return { work: 'policy arithmetic alone, p50', us, aim: '≤ 10 µs', met: us <= 10 };
}
