/** `verify --follow` and `--quick` as processes, with the real guard writing in another one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLedger } from '../../src/store/index.js';
import { writeLedger } from '../core/ledger-fixture.js';
import { BIN, ROOT, runBin } from '../helpers/consumer.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

/** Starts `verify --follow`; `until` waits for words on standard error. */
function startFollowing(home: string, ...argv: readonly string[]) {
  const child = spawn(process.execPath, [BIN, 'verify', '--follow', ...argv], {
    env: { ...process.env, AGENTGUARD_HOME: home, NO_COLOR: '1' },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += String(chunk)));
  child.stderr.on('data', (chunk) => (said.err += String(chunk)));
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const until = (words: string) => expect.poll(() => said.err, { timeout: 20_000 }).toContain(words);
  return { child, said, ended, until };
}

/** Makes guarded calls with the built package until it is killed. */
function startGuard(home: string): ChildProcess {
  const program = `
    import { SpendGuard, setCostOverride } from '${join(ROOT, 'dist/guard/index.js')}';
    setCostOverride('a/b', { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
    const policy = { id: 'p', name: 'P', scope: { tenantId: 'acme' }, mode: 'enforce', version: 1,
      effectiveFrom: '2026-01-01T00:00:00Z', caps: [{ amountCents: 100000, window: 'per_day', action: 'block' }] };
    const guard = new SpendGuard({ policy, scope: { tenantId: 'acme' }, config: { home: '${home}', durability: 'process' } });
    for (;;) {
      const allowed = await guard.decide({ model: 'a/b', inputTokens: 100, maxOutputTokens: 100 });
      await guard.settle(allowed, { costUsd: '0.0001' });
      console.log('call');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function countCalls(guard: ChildProcess, calls: number): Promise<void> {
  let seen = 0;
  await new Promise<void>((resolve) =>
    guard.stdout?.on('data', (chunk: Buffer) => {
      seen += String(chunk).split('\n').length - 1;
      if (seen >= calls) resolve();
    }),
  );
}

const lines = writeLedger('aabab').lines;
const text = (some: readonly string[]): string => some.map((line) => `${line}\n`).join('');

describe('verify --follow', () => {
  it('follows a guard that writes in another process, and Ctrl-C ends it with the report', async () => {
    const home = await makeHome();
    const guard = startGuard(home);
    await countCalls(guard, 2);
    const { child, said, ended, until } = startFollowing(home, '--json');
    await until('rows verified; following until Ctrl-C');
    await countCalls(guard, 10);
    guard.kill('SIGKILL');
    const written = (await readFile(join(home, 'acme/decisions.ndjson'), 'utf8')).split('\n').length - 1;
    // Longer than it takes to look again.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    child.kill('SIGINT');
    expect([await ended, said.err.match(/ error /g)]).toEqual([0, null]);
    const report = JSON.parse(said.out);
    expect(report.files[0].rows).toBe(written);
    expect(Number(/agentguard: (\d+) rows/.exec(said.err)?.[1])).toBeLessThan(written);
    expect(report.verdicts).toMatchObject({ contiguous: { answer: 'yes' }, lawful: { answer: 'yes' } });
  });

  it('goes on through every rotation', async () => {
    const home = await makeHome();
    const store = await openLedger({ home, scope: 'acme', durability: 'process', partBytes: 3_000 });
    onTestFinished(() => store.close().catch(() => {}));
    const add = async (n: number) => {
      const decision = { decisionId: `${n}`, timestamp: new Date().toISOString() };
      const { durable } = await store.transact(() => ({ result: 0, drafts: [{ decision }] }));
      await durable();
    };
    for (let n = 0; n < 10; n++) await add(n);
    const { child, said, ended, until } = startFollowing(home, '--json');
    await until('10 rows verified; following');
    for (let n = 10; n < 30; n++) await add(n);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    const report = JSON.parse(said.out);
    expect([report.files[0].rows, report.verdicts.contiguous.answer]).toEqual([30, 'yes']);
  });

  it('tells a warning and goes on, and ends with 1 at the first error', async () => {
    const home = await makeHome();
    const path = await putLedger(home, lines.slice(0, 2));
    const { said, ended, until } = startFollowing(home);
    await until('2 rows verified; following');
    await appendFile(path, text([lines[2]!.replace(/"}$/, '","extra":"x"}')]));
    await until('warning line 3, sequence 0, UNSIGNED_KEY');
    await appendFile(path, text([lines[4]!]));
    expect(await ended).toBe(1);
    expect(said.err).toContain('error line 4');
    expect(said.err).toMatch(/\nagentguard: error: verification failed: /);
    expect(said.out).toContain('4 rows by 2 signers');
  });

  it('waits for the rest of a line', async () => {
    const home = await makeHome();
    const path = await putLedger(home, lines.slice(0, 2));
    const [row = ''] = lines.slice(2);
    await appendFile(path, row.slice(0, 100));
    const { child, said, ended, until } = startFollowing(home, '--json');
    await until('2 rows verified; following');
    await appendFile(path, `${row.slice(100)}\n`);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    child.kill('SIGINT');
    expect([await ended, JSON.parse(said.out).files[0].rows]).toEqual([0, 3]);
  });

  it.each([
    ['shorter', 'TRUNCATED', (path: string) => truncate(path, 100)],
    [
      'another file',
      'REWRITTEN',
      async (path: string) => {
        await writeFile(`${path}.new`, text(lines.slice(0, 2)));
        await rename(`${path}.new`, path);
      },
    ],
    ['gone', 'LEDGER_MISSING', (path: string) => rm(path)],
  ])('ends with 1 when the file is %s', async (_, code, change) => {
    const home = await makeHome();
    const path = await putLedger(home, lines);
    const { said, ended, until } = startFollowing(home, '--json');
    await until('5 rows verified; following');
    await change(path);
    expect(await ended).toBe(1);
    const report = JSON.parse(said.out);
    expect(report.verdicts.complete.answer).toBe('no');
    expect(report.files[0].problems.map((problem: { code: string }) => problem.code)).toContain(code);
  });

  it('does not begin to follow a ledger that fails already: 1', async () => {
    const home = await makeHome();
    await putLedger(home, lines.toSpliced(1, 1));
    const { code, stderr } = await runBin(['verify', '--follow'], home);
    expect(code).toBe(1);
    expect(stderr).not.toContain('following');
  });

  it('ends by Ctrl-C with 4 when what was required is not proved', async () => {
    const home = await makeHome();
    await putLedger(home, lines);
    const { child, ended, until } = startFollowing(home, '--require', 'authentic');
    await until('following');
    child.kill('SIGINT');
    expect(await ended).toBe(4);
  });

  it.each([
    [['--follow', '--quick'], 'exclude each other'],
    [['--follow', '-'], 'standard input'],
    [['--follow'], 'one ledger, and here are 2'],
    [['--follow', '--trace', '00000000-0000-4000-8000-000000000000'], 'whole ledger'],
    [['--quick', '--policy', 'p.json'], '--policy would be left out'],
  ])('refuses %j', async (argv, words) => {
    const home = await makeHome();
    await putLedger(home, lines);
    await putLedger(home, writeLedger('c', { ledgerId: 'aa'.repeat(16) }).lines, 'other');
    const { code, err } = await runCli(['verify', ...argv], { home });
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
  });
});

describe('verify --quick', () => {
  it('says so in words and in JSON, and is no proof where authentic is required', async () => {
    const home = await makeHome();
    await putLedger(home, lines);
    const { out } = await runCli(['verify', '--quick'], { home });
    expect(out.replace(/\s+/g, ' ')).toContain(
      'Quick: only the last signature of each chain was checked (2 of 5)',
    );
    const { out: json } = await runCli(['verify', '--quick', '--json'], { home });
    expect(JSON.parse(json)).toMatchObject({ ok: true, quick: true });
    expect((await runCli(['verify', '--json'], { home })).out).not.toContain('"quick"');
    expect((await runCli(['verify', '--quick', '--require', 'authentic'], { home })).code).toBe(4);
    expect((await runCli(['verify', '--quick', '--require', 'lawful'], { home })).code).toBe(4);
  });
});
