import { existsSync, readFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { makeConsumer, ROOT, runBin, runNode } from '../helpers/consumer.js';
import { makeHome, readRows } from '../helpers/home.js';
import { runCli } from './run-cli.js';

const FILES = ['policy.json', 'agent.mjs'];

describe('init', () => {
  it('makes ledger, key, policy and quickstart, and prints the public key and what to do next', async () => {
    const [home, cwd] = [await makeHome(), await makeHome()];
    const { code, out, err } = await runCli(['init', '--scope', 'Acme EU'], { home, cwd });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/^made/gm)).toHaveLength(4);
    expect(out).toMatch(/^ {2}[0-9a-f]{64}$/m);
    expect(out).toContain('  npm install openai @agentguard-run/spend\n');
    expect((await stat(join(home, '%41cme%20%45%55', 'signing.key'))).mode & 0o777).toBe(0o600);
    const schema = JSON.parse(await readFile(join(cwd, FILES[0]!), 'utf8')).$schema as string;
    const shipped = schema.replace('./node_modules/@agentguard-run/spend/', '');
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(files).toContain(dirname(shipped));
    expect(existsSync(join(ROOT, shipped))).toBe(true);
    const policy = parsePolicy(JSON.parse(await readFile(join(cwd, FILES[0]!), 'utf8')), nodeBackend);
    expect(policy).toMatchObject({ ok: true, warnings: [], policy: { scope: { tenantId: 'Acme EU' } } });
  });

  it('never overwrites anything and says what was there', async () => {
    const [home, cwd] = [await makeHome(), await makeHome()];
    for (const file of FILES) await writeFile(join(cwd, file), 'mine');
    const first = await runCli(['init'], { home, cwd });
    expect(first.code).toBe(0);
    expect(first.out.match(/^exists.*left as it is/gms)).not.toBeNull();
    for (const file of FILES) expect(await readFile(join(cwd, file), 'utf8')).toBe('mine');
    const key = await readFile(join(home, 'default', 'signing.key'), 'utf8');
    const { out } = await runCli(['init', '--json'], { home, cwd });
    const { made, ...rest } = JSON.parse(out);
    expect(made.map((one: { isNew: boolean }) => one.isNew)).toEqual([false, false, false, false]);
    expect(Object.keys(rest)).toEqual(['home', 'scope', 'publicKeyHex', 'fingerprint']);
    expect(await readFile(join(home, 'default', 'signing.key'), 'utf8')).toBe(key);
  });

  it.each([
    ['an empty scope', ['init', '--scope', ''], 2],
    ['a scope that no folder can be named for', ['init', '--scope', 'x'.repeat(300)], 2],
    ['an argument too many', ['init', 'acme'], 2],
  ])('%s ends with the usage code', async (_what, argv, code) => {
    const [home, cwd] = [await makeHome(), await makeHome()];
    const result = await runCli(argv, { home, cwd });
    expect(result.code).toBe(code);
    expect(result.err).toMatch(/^agentguard: error: /);
  });

  it('a folder that is not there ends with 3', async () => {
    const home = await makeHome();
    const { code, err } = await runCli(['init'], { home, cwd: join(home, 'none') });
    expect(code).toBe(3);
    expect(err).toMatch(/(policy\.json|agent\.mjs) cannot be made: the folder does not exist/);
  });

  it('its quickstart runs, against the stand-in, and its ledger verifies', async () => {
    const [home, folder] = [await makeHome(), await makeConsumer()];
    const standIn = await startStandIn();
    try {
      expect((await runCli(['init'], { home, cwd: folder })).code).toBe(0);
      const env = {
        AGENTGUARD_HOME: home,
        OPENROUTER_API_KEY: 'sk-or-v1-none',
        OPENROUTER_BASE_URL: standIn.url,
      };
      const { code, stdout, stderr } = await runNode([join(folder, 'agent.mjs')], folder, env);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        /^allow: openai\/gpt-5-mini, \$0\.00\d+\nsettlement: openai\/gpt-5-mini, \$0\.00\d+\n/,
      );
      const [, settlement] = await readRows(home, 'default');
      expect(settlement?.decision.actualUsd).toBe(printUsd(standIn.bill.total()));
      const verified = await runBin(['verify', '--trace', 'latest'], home);
      expect(verified.code).toBe(0);
      const withoutKey = await runNode([join(folder, 'agent.mjs')], folder, {
        ...env,
        OPENROUTER_API_KEY: '',
      });
      expect(withoutKey.code).toBe(2);
      expect(withoutKey.stderr).toContain('Set OPENROUTER_API_KEY first');
    } finally {
      await standIn.close();
    }
  });
});
