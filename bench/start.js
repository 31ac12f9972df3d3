/** How much longer a guard takes to start, and to decide its first call, on a ledger with history than on an empty one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLedger } from '../dist/store/index.js';
import { BENCH_DIR, POLICY, spend, withGuard } from './guards.js';
import { percentile, timeProgram } from './measure.js';

const ROWS = Number(process.env.BENCH_START_ROWS ?? 40_000);
const FIRST_CALL = fileURLToPath(new URL('first-call.js', import.meta.url));

export async function benchStart() {
  const empty = await mkdtemp(join(BENCH_DIR, 'agentguard-bench-'));
  try {
    return await withGuard('disk', async (guard, _ledger, home) => {
      await spend(guard);
      await writeHistory(home);
      await guard.close();
      const samples = { empty: [], full: [] };
      for (let round = -1; round < 9; round++)
        for (const [name, folder] of Object.entries({ empty, full: home })) {
          if (name === 'empty') await rm(join(folder, 'bench'), { recursive: true, force: true });
          const ms = timeProgram([FIRST_CALL, folder], {});
          if (round >= 0) samples[name].push(ms);
        }
      const [emptyMs, fullMs] = [percentile(samples.empty, 0.5), percentile(samples.full, 0.5)];
      return [
        {
          work: `guard starts on ${ROWS.toLocaleString('en')} rows, first call decided`,
          us: fullMs * 1000,
          against: 'on an empty ledger',
          unitUs: emptyMs * 1000,
          ratio: `${(fullMs - emptyMs).toFixed(0)} ms more`,
          aim: '≤ 100 ms more',
          met: fullMs - emptyMs <= 100,
        },
      ];
    });
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

/** Calls and settlements as a guard writes them, shortened to what its counters read. */
async function writeHistory(home) {
  const store = await openLedger({ home, scope: POLICY.scope.tenantId, durability: 'process' });
  const actor = { ...POLICY.scope, userId: 'alice', provider: 'openrouter' };
  for (let call = 0; call < ROWS / 2; call += 32) {
    const drafts = [];
    for (let n = call; n < call + 32; n++) {
      const timestamp = new Date().toISOString();
      const known = { timestamp, actor, attempt: 1 };
      const amounts = { reservedUsd: '0.007', expectedUsd: '0.004' };
      const decision = {
        ...known,
        ...amounts,
        decisionId: `h-${n}`,
        action: 'allow',
        instance: 'f'.repeat(16),
      };
      const settlement = { entryType: 'settlement', decisionId: `s-${n}`, originalDecisionId: `h-${n}` };
      const cost = { actualUsd: '0.0042', costSource: 'provider' };
      drafts.push({ decision }, { decision: { ...known, ...settlement, ...cost } });
    }
    await store.transact(() => ({ result: 0, drafts }));
  }
  await store.close();
}
