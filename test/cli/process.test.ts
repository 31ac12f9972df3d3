/** The built command as a process: exit codes, pipes, signals, a home that it may not write. */
import { spawn } from 'node:child_process';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLedger } from '../core/ledger-fixture.js';
import { BIN, makeConsumer, ROOT, runBin, runNode } from '../helpers/consumer.js';
import { makeHome } from '../helpers/home.js';
import { putLedger } from './run-cli.js';

/** Runs a shell line with `$AGENTGUARD` as the command. */
function runShell(
  line: string,
  home: string,
  options: { uid?: number } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      AGENTGUARD_HOME: home,
      NO_COLOR: '',
      AGENTGUARD: `${process.execPath} ${BIN}`,
    };
    const child = spawn('bash', ['-c', line], { env, cwd: '/', ...options });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
  });
}

async function makeLedger(pattern = 'aab') {
  const home = await makeHome();
  const path = await putLedger(home, writeLedger(pattern).lines);
  return { home, path };
}

describe('the built command', () => {
  it('verifies, names the chains and verdicts, and uses no colour without a terminal', async () => {
    const { home, path } = await makeLedger();
    const { code, out, err } = await runShell('$AGENTGUARD verify', home);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(path);
    expect(out).not.toContain('\u001b');
  });

  it('fails a damaged ledger in words, with a line for logs: 1', async () => {
    const { home, path } = await makeLedger();
    await writeFile(path, (await readFile(path, 'utf8')).replace('0.000128', '0.000129'));
    const { code, stdout, stderr } = await runBin(['verify'], home);
    expect(code).toBe(1);
    expect(stdout).toContain('FAILED');
    expect(stderr).toMatch(/^agentguard: error: verification failed: .*, line 1: /);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('reads standard input to its end', async () => {
    const { home, path } = await makeLedger();
    const { code, out } = await runShell(`$AGENTGUARD verify - < ${path}`, home);
    expect(code).toBe(0);
    expect(out).toContain('3 rows by 2 signers');
    expect((await runShell(`cat ${path} | $AGENTGUARD verify -`, home)).code).toBe(0);
    expect((await runShell(`$AGENTGUARD verify <(cat ${path})`, home)).code).toBe(0);
  });

  it.each([
    ['verify', 'verify'],
    ['verify --json', 'verify --json'],
    ['demo', 'demo'],
    ['help', 'help'],
  ])('%s ends cleanly when its reader leaves', async (_name, command) => {
    const { home } = await makeLedger('abcdefghijklmnopqrstuvwxyz'.repeat(8));
    const { code, out, err } = await runShell(
      `$AGENTGUARD ${command} | head -1; echo "codes \${PIPESTATUS[*]}"`,
      home,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/\ncodes 0 0\n$/);
  });

  it('with both outputs closed still ends with its own code', async () => {
    const { home } = await makeLedger();
    expect((await runShell('$AGENTGUARD verify >&- 2>&-', home)).code).toBe(0);
    expect((await runShell('$AGENTGUARD verify /none >&- 2>&-', home)).code).toBe(3);
  });

  it('Ctrl-C ends it while it waits for input, with 130 and without a word', async () => {
    const home = await makeHome();
    const child = spawn(process.execPath, [BIN, 'verify', '-'], {
      env: { ...process.env, AGENTGUARD_HOME: home },
    });
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
    // More than a pipe holds: once it is gone, the command reads, and waits for more.
    await new Promise((resolve) => child.stdin.write(Buffer.alloc(4_000_000, 0x78), resolve));
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, said: Buffer.concat(said).toString() }).toEqual({ code: 130, said: '' });
  });

  it('Ctrl-C in the demo leaves a ledger that verifies', async () => {
    const home = await makeHome();
    const child = spawn(process.execPath, [BIN, 'demo'], { env: { ...process.env, AGENTGUARD_HOME: home } });
    const err: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // The first call was told: the demo is in the middle of its story.
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (chunk: Buffer) => chunk.includes('1  allow') && resolve()),
    );
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, err: Buffer.concat(err).toString() }).toEqual({ code: 130, err: '' });
    expect((await runBin(['verify', '--trace', 'latest'], home)).code).toBe(0);
  });

  it('without a build says how to make one', async () => {
    const folder = await makeConsumer();
    await cp(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
    const { code, stderr } = await runNode([join(folder, 'bin/agentguard.js')], folder);
    expect(code).toBe(3);
    expect(stderr).toBe('agentguard: error: this checkout is not built yet\nhint: npm run build\n');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'doctor works on a home that its user may neither write nor own (needs root to become another user)',
    async () => {
      const { home } = await makeLedger();
      await runBin(['demo', '--quiet'], home);
      await chmod(home, 0o755);
      const { code, out, err } = await runShell('$AGENTGUARD doctor', home, { uid: 65_534 });
      expect({ code, err }).toEqual({ code: 1, err: '' });
      expect(out).toMatch(/^fail {2}home +.* belongs to another user/m);
      expect(out).toMatch(/^warn {2}access +this user may not write here/m);
    },
  );
});
