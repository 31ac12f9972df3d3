/** The published quickstart, unchanged, against the built package; only where openrouter.ai leads is different. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startStandIn } from '../src/stand-in/server.js';
import { compile, makeConsumer, runBin, runConsumer } from './helpers/consumer.js';
import { makeHome, readRows } from './helpers/home.js';
import { referenceData } from './helpers/reference-data.js';

const dataDir = referenceData;
const source = () => readFileSync(join(dataDir!, 'quickstart.ts'), 'utf8');

async function openProject(text = source()) {
  const folder = await makeConsumer();
  const compiled = await compile(folder, { 'quickstart.ts': text });
  expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
  const standIn = await startStandIn();
  onTestFinished(() => standIn.close());
  const home = await makeHome();
  const run = () => runConsumer(folder, 'quickstart.js', { home, standIn: standIn.url });
  return { home, standIn, run };
}

const QUIET = { code: 0, stdout: '', stderr: '' };

it('the reference data is there where nothing may be skipped, in CI', () => {
  expect(dataDir ?? !process.env.CI, 'AGENTGUARD_DATA must be set').toBeTruthy();
});

describe.skipIf(!dataDir)(
  'the quickstart (needs quickstart.ts in AGENTGUARD_DATA)',
  { timeout: 90_000 },
  () => {
    it('type-checks, runs, ends by itself, and verifies with its signer, rows and verdicts', async () => {
      const { home, standIn, run } = await openProject();
      expect(await run()).toEqual(QUIET);
      expect(standIn.requests.map((request) => request.path)).toEqual(['/api/v1/chat/completions']);

      const rows = await readRows(home);
      expect(rows.map((row) => [row.decision.action, row.decision.entryType])).toEqual([
        ['allow', undefined],
        ['allow', 'settlement'],
      ]);
      const verified = await runBin(['verify', '--trace', 'latest'], home);
      expect(verified.code, verified.stderr).toBe(0);
      const said = verified.stdout;
      expect(said).toContain(String(rows[0]?.signerFingerprint));
      expect(said).toMatch(/\b2 rows\b/);
      for (const verdict of ['authentic', 'contiguous', 'complete', 'lawful'])
        expect(said).toContain(verdict);
    });

    it('run three times makes one ledger of three chains in a proven order, and tells of the fresh keys', async () => {
      const { home, run } = await openProject();
      for (let i = 0; i < 3; i++) expect(await run()).toEqual(QUIET);
      expect(await readRows(home)).toHaveLength(6);

      const verified = await runBin(['verify', '--trace', 'latest', '--json'], home);
      expect(verified.code, verified.stderr).toBe(0);
      const report = JSON.parse(verified.stdout);
      expect(report.ok).toBe(true);
      expect(report.files).toHaveLength(1);
      const [file] = report.files;
      expect(file.rows).toBe(6);
      expect(file.chains.map((chain: { rows: number }) => chain.rows)).toEqual([2, 2, 2]);
      expect(file.problems.map((problem: { code: string }) => problem.code)).toContain('FRESH_KEYS');
      expect(report.verdicts.contiguous).toMatchObject({ answer: 'yes' });

      const told = await runBin(['verify', '--trace', 'latest'], home);
      expect(`${told.stdout}${told.stderr}`).toContain('FRESH_KEYS');
    });

    it('without its price overrides is refused before a sync, and runs after one: its dashed ids resolve', async () => {
      const bare = source()
        .replace(/^setCostOverride\(.*\n/gm, '')
        .replace(/^ {2}setCostOverride,\n/m, '');
      expect(bare).not.toContain('setCostOverride');
      const { home, standIn, run } = await openProject(bare);
      const refused = await run();
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('agentguard models --sync-pricing');
      const sync = await runBin(['models', '--sync-pricing', '--url', `${standIn.url}/models`], home);
      expect(sync.code, sync.stderr).toBe(0);
      expect(await run()).toEqual(QUIET);
      const decisions = (await readRows(home)).map((row) => row.decision);
      expect(decisions.map((row) => row.costSource ?? row.action)).toEqual(['block', 'allow', 'provider']);
      expect(decisions[1]?.costBasis).toMatchObject({ rateSource: 'synced' });
    });

    it('run eight times at once lets all pass: none downgraded, none blocked', async () => {
      const { home, standIn, run } = await openProject();
      expect(await Promise.all(Array.from({ length: 8 }, run))).toEqual(Array(8).fill(QUIET));
      await standIn.idle();
      expect(standIn.requests).toHaveLength(8);

      const decisions = (await readRows(home)).map((row) => row.decision);
      const actions = decisions.filter((row) => row.entryType === undefined).map((row) => row.action);
      expect(actions).toEqual(Array(8).fill('allow'));
      expect(new Set(decisions.map((row) => row.modelResolved))).toEqual(
        new Set(['anthropic/claude-opus-4-7']),
      );
      expect(decisions.filter((row) => row.costSource === 'provider')).toHaveLength(8);
      expect((await runBin(['verify', '--trace', 'latest'], home)).code).toBe(0);
    });
  },
);
