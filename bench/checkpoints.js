/** What checkpoints cost the calls whose rows they count, and what it takes to prove one row of many. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { proveInclusion } from '../dist/core/merkle.js';
import { SpendGuard } from '../dist/guard/index.js';
import { nodeBackend, openLedger } from '../dist/store/index.js';
import { openSubtrees } from '../dist/store/tree.js';
import { BENCH_DIR, CALL, POLICY } from './guards.js';
import { percentile } from './measure.js';

/** Two rows each: as many as lie between two checkpoints. */
const CALLS = 512;
const TURNS = 30;
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Calls whose ledger gets a checkpoint every 1,024 rows, against calls whose ledger gets none: processor time of the
 * whole process, so that the work in the background counts in full.
 */
export async function benchCheckpoints() {
  const home = await mkdtemp(join(BENCH_DIR, 'agentguard-bench-'));
  const took = { with: [], without: [] };
  const sides = {
    with: await openSide(home, 'with', {}),
    without: await openSide(home, 'without', { checkpointRows: NEVER }),
  };
  try {
    for (let turn = -2; turn < TURNS; turn++)
      for (const [name, { guard }] of Object.entries(sides)) {
        const us = await timeCalls(guard);
        if (turn >= 0) took[name].push(us);
      }
    const [us, unitUs] = [percentile(took.with, 0.5), percentile(took.without, 0.5)];
    const ratio = us / unitUs;
    const against = 'a call without';
    return [
      {
        work: 'a call with its share of checkpoints',
        us,
        against,
        unitUs,
        ratio: `${ratio.toFixed(3)}×`,
        aim: '≤ 1.05×',
        met: ratio <= 1.05,
      },
      await timeProof(sides.with.store),
    ];
  } finally {
    for (const { guard, store } of Object.values(sides)) {
      await guard.close();
      await store.close();
    }
    await rm(home, { recursive: true, force: true });
  }
}

async function openSide(home, name, options) {
  const store = await openLedger({
    home: join(home, name),
    scope: 'bench',
    durability: 'process',
    snapshotRows: NEVER,
    ...options,
  });
  const guard = new SpendGuard({
    policy: POLICY,
    scope: { ...POLICY.scope, userId: 'alice' },
    config: { store },
  });
  return { store, guard };
}

/** Microseconds of processor time for a call, decided and settled. */
async function timeCalls(guard) {
  const before = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) await guard.settle(await guard.decide(CALL), { costUsd: '0.0042' });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

async function timeProof(store) {
  const { size, root } = await store.checkpoint();
  const start = process.hrtime.bigint();
  const source = await openSubtrees(store.paths.folder, size, root, nodeBackend);
  proveInclusion(source, size >> 1, size, nodeBackend.sha256);
  const us = Number(process.hrtime.bigint() - start) / 1000;
  return { work: `proof of one of ${size.toLocaleString('en')} rows`, us, aim: 'none' };
}
