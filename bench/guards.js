/** Guards and ledgers to measure: real files in a folder of their own, a policy with the caps that people have. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpendGuard, setCostOverride } from '../dist/guard/index.js';

const MODEL = 'anthropic/claude-haiku-4.5';
export const CALL = { model: MODEL, inputTokens: 2_000, maxOutputTokens: 1_000 };

export const POLICY = {
  id: 'bench',
  name: 'Bench',
  scope: { tenantId: 'bench', teamId: 'engineering' },
  caps: [
    { amountCents: 5_000_000, window: 'per_day', action: 'downgrade', downgradeTo: 'openai/gpt-5-mini' },
    { amountCents: 20_000_000, window: 'per_day', action: 'block', reason: 'hard daily ceiling' },
    { amountCents: 5_000_000, window: 'per_minute', action: 'block', reason: 'runaway loop' },
  ],
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-01-01T00:00:00Z',
};

export function setPrices() {
  setCostOverride(MODEL, { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
  setCostOverride('openai/gpt-5-mini', { inputCentsPerKtok: 0.025, outputCentsPerKtok: 0.2 });
}

/** BENCH_DIR: a folder on the disk to measure. Default: the system's folder for temporary files. */
export const BENCH_DIR = process.env.BENCH_DIR ?? tmpdir();

/** Runs `work` with a guard in a new home, and removes the home. */
export async function withGuard(durability, work) {
  const home = await mkdtemp(join(BENCH_DIR, 'agentguard-bench-'));
  const scope = { ...POLICY.scope, userId: 'alice' };
  const guard = new SpendGuard({ policy: POLICY, scope, config: { home, durability } });
  try {
    return await work(guard, join(home, 'bench', 'decisions.ndjson'), home);
  } finally {
    await guard.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** One call from decision to settlement. */
export async function spend(guard) {
  const allowed = await guard.decide(CALL);
  await guard.settle(allowed, { costUsd: '0.0042' });
}

/** Writes calls, several at once, until a ledger has this many rows: two to a call. */
export async function fillLedger(guard, rows) {
  const atOnce = 64;
  for (let written = 0; written < rows; written += 2 * atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, (rows - written) / 2) }, () => spend(guard)));
}
