import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BIN, makeConsumer, runBin, runNode } from '../helpers/consumer.js';
import { HAIKU, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { findControls, runCli } from './run-cli.js';

const POLICY = policyOf([{ amountCents: 500, window: 'per_day', action: 'block' }]);

async function start(policy: unknown = POLICY) {
  const home = await makeHome();
  await writeFile(join(home, 'policy.json'), JSON.stringify(policy));
  const run = (...argv: string[]) => runCli(['policy', ...argv], { home, cwd: home, nowMs: 1_000 });
  return { home, run };
}

describe('policy sign', () => {
  it('makes a key that nobody else may read, signs, and is known to check', async () => {
    const { home, run } = await start();
    const made = JSON.parse((await run('sign', '--new-key', 'owner.key', '--json')).out);
    expect(made).toEqual({
      ok: true,
      keyPath: join(home, 'owner.key'),
      publicKeyHex: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await stat(join(home, 'owner.key'))).mode & 0o777).toBe(0o600);
    const before = await readFile(join(home, 'policy.json'), 'utf8');
    const { code, out, err } = await run('sign', 'policy.json', '--key', 'owner.key', '--owner', 'Finance');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`key ${made.publicKeyHex}, 1970-01-01T00:00:01.000Z`);
    expect(await readFile(join(home, 'policy.json'), 'utf8')).toBe(before);
    await writeFile(join(home, 'config.json'), JSON.stringify({ policyOwner: made.publicKeyHex }), {
      mode: 0o600,
    });
    const checked = await run('check', 'policy.json');
    expect(checked.code).toBe(0);
    expect(checked.out).toContain(`note  signed by "Finance", key ${made.publicKeyHex}`);
    const json = JSON.parse((await run('check', 'policy.json', '--json')).out);
    expect(json).toMatchObject({ ok: true, approver: { name: 'Finance', publicKeyHex: made.publicKeyHex } });
  });

  it('with --new-key and a policy does both, and signs YAML as well', async () => {
    const { home, run } = await start();
    await writeFile(
      join(home, 'rules.yaml'),
      'name: m\nrules: [{ effect: allow, action: "*", resource: model/* }]\n',
    );
    const { code, out } = await run('sign', 'rules.yaml', '--new-key', 'k', '--json');
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(out))).toEqual([
      'ok',
      'keyPath',
      'publicKeyHex',
      'signaturePath',
      'policyHash',
      'owner',
      'signedAt',
    ]);
    expect((await readdir(home)).sort()).toEqual(['k', 'policy.json', 'rules.yaml', 'rules.yaml.sig']);
  });

  it('signs again over an old signature', async () => {
    const { home, run } = await start();
    await run('sign', 'policy.json', '--new-key', 'k');
    await writeFile(join(home, 'policy.json'), JSON.stringify({ ...POLICY, version: 2 }));
    expect((await run('check', 'policy.json')).out).toContain(
      'policy.json.sig is refused: the policy was changed',
    );
    expect((await run('sign', 'policy.json', '--key', 'k')).code).toBe(0);
    expect((await run('check', 'policy.json')).out).toContain('note  signed by key');
  });

  it('refuses a policy with problems, names them, and makes no key', async () => {
    const { home, run } = await start({ ...POLICY, mode: 'enforc', vesion: 1 });
    const { code, out } = await run('sign', 'policy.json', '--new-key', 'k');
    expect(code).toBe(1);
    expect(out.match(/^problem/gm)).toHaveLength(2);
    expect(await readdir(home)).toEqual(['policy.json']);
    const json = JSON.parse((await run('sign', 'policy.json', '--new-key', 'k', '--json')).out);
    expect(json).toMatchObject({ ok: false, problems: [{ path: 'vesion' }, { path: 'mode' }] });
  });

  it('never replaces a key', async () => {
    const { home, run } = await start();
    await writeFile(join(home, 'k'), 'mine', { mode: 0o600 });
    const { code, err } = await run('sign', 'policy.json', '--new-key', 'k');
    expect(code).toBe(3);
    expect(err).toContain('is there already; nothing was changed');
    expect(await readFile(join(home, 'k'), 'utf8')).toBe('mine');
  });

  it.each<[string, (path: string) => Promise<unknown>, string]>([
    ['is not there', async () => {}, 'does not exist'],
    [
      'others may read',
      async (path) => writeFile(path, 'x').then(() => chmod(path, 0o644)),
      'may be read by other users',
    ],
    ['is no key', (path) => writeFile(path, 'x', { mode: 0o600 }), 'is not an Ed25519 private key'],
  ])('a key that %s ends with 3', async (_what, make, message) => {
    const { home, run } = await start();
    await make(join(home, 'k'));
    const { code, out, err } = await run('sign', 'policy.json', '--key', 'k');
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain(`The owner's key ${join(home, 'k')} ${message}`);
  });

  it.each([
    ['sign'],
    ['sign', 'policy.json'],
    ['sign', '--key', 'k'],
    ['sign', 'policy.json', '--key', 'k', '--new-key', 'k'],
    ['sign', 'policy.json', '--key', 'k', '--owner', ''],
    ['sign', 'policy.json', 'more.json', '--key', 'k'],
    ['check', 'policy.json', '--key', 'k'],
    ['check', 'policy.json', '--new-key', 'k'],
  ])('%s %s %s %s is no command line', async (...argv) => {
    const { run } = await start();
    const { code, out } = await run(...argv.filter((word) => word !== undefined));
    expect([code, out]).toEqual([2, '']);
  });

  it('a hostile name reaches no terminal as it is', async () => {
    const { run } = await start();
    await run('sign', 'policy.json', '--new-key', 'k', '--owner', 'x\u202ey');
    const { out } = await run('check', 'policy.json');
    expect(out).toContain('signed by');
    expect(findControls(out)).toEqual([]);
  });
});

describe('policy check, where config.json pins an owner', () => {
  it('an unsigned policy is refused, with its other state told', async () => {
    const { home, run } = await start();
    await writeFile(join(home, 'config.json'), JSON.stringify({ policyOwner: 'ab'.repeat(32) }), {
      mode: 0o600,
    });
    const { code, out } = await run('check', 'policy.json');
    expect(code).toBe(1);
    expect(out).toContain('problem  policy.json.sig is missing: config.json pins an owner');
    expect(out).toContain('Refused, for 1 problem.');
    await run('sign', 'policy.json', '--new-key', 'k');
    const other = JSON.parse((await run('check', 'policy.json', '--json')).out);
    expect(other).toMatchObject({ ok: false, approver: null, policy: { id: 'test' } });
    expect(other.problems[0].message).toContain("which is not the owner's");
  });

  it('settings with a problem are told as one', async () => {
    const { home, run } = await start();
    await writeFile(join(home, 'config.json'), '{"policyOwner":5}', { mode: 0o600 });
    const { code, out } = await run('check', 'policy.json');
    expect(code).toBe(1);
    expect(out).toContain('problem  config.json the settings');
  });
});

it('in real processes: signed it runs, altered it does not, signed again it runs', async () => {
  const [home, folder] = [await makeHome(), await makeConsumer()];
  const agent = `
    import { setCostOverride, SpendGuard } from '@agentguard-run/spend';
    setCostOverride('${HAIKU}', { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
    const guard = new SpendGuard({ policy: './policy.json' });
    const allowed = await guard.decide({ model: '${HAIKU}', inputTokens: 1, maxOutputTokens: 1 })
      .catch((error) => { console.log(error.code); process.exit(1); });
    await guard.release(allowed);
    await guard.close();
    console.log('decided');`;
  await writeFile(join(folder, 'agent.mjs'), agent);
  const policyPath = join(folder, 'policy.json');
  await writeFile(policyPath, JSON.stringify(POLICY));
  const bin = (...args: string[]) => runNode([BIN, 'policy', ...args], folder, { AGENTGUARD_HOME: home });
  const run = () => runNode(['agent.mjs'], folder, { AGENTGUARD_HOME: home });
  const signed = JSON.parse((await bin('sign', 'policy.json', '--new-key', 'owner.key', '--json')).stdout);
  await writeFile(join(home, 'config.json'), JSON.stringify({ policyOwner: signed.publicKeyHex }), {
    mode: 0o600,
  });
  expect(await run()).toMatchObject({ code: 0, stdout: 'decided\n' });
  await writeFile(policyPath, JSON.stringify({ ...POLICY, caps: [] }));
  expect(await run()).toMatchObject({ code: 1, stdout: 'POLICY_SIGNATURE_INVALID\n' });
  expect((await bin('sign', 'policy.json', '--key', 'owner.key')).code).toBe(0);
  expect(await run()).toMatchObject({ code: 0, stdout: 'decided\n' });
  const rows = await readRows(home);
  const approvers = rows.flatMap(({ decision }) => decision.policyApprover ?? []);
  expect(approvers).toHaveLength(2);
  expect((await runBin(['verify'], home)).code).toBe(0);
}, 30_000);
