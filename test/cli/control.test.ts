import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SpendPolicy } from '../../src/core/policy.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { HAIKU, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { findControls, runCli } from './run-cli.js';

const DOCTOR_CHECKS = ['stop', 'grants', 'policy files'];
const CALL = { model: HAIKU, inputTokens: 1, maxOutputTokens: 1000 };

async function openHome(scopes: readonly string[] = ['acme'], more: Partial<SpendPolicy> = {}) {
  setCostOverride(HAIKU, { inputCentsPerKtok: 0, outputCentsPerKtok: 100 });
  const home = await makeHome();
  const guards = scopes.map((tenantId) => {
    const caps = [{ amountCents: 200, window: 'per_month', action: 'block' }] as const;
    const policy = policyOf(caps, { scope: { tenantId }, ...more });
    return new SpendGuard({ policy, config: { home, durability: 'process', waitForHoldsMs: 0 } });
  });
  for (const guard of guards) {
    onTestFinished(() => guard.close());
    await guard.settle(await guard.decide(CALL), { costUsd: 1 });
  }
  const decide = (guard = guards[0]!) =>
    guard.decide(CALL).then(
      async (allowed) => guard.settle(allowed, { costUsd: 1 }).then(() => 'allowed'),
      (error: { code: string }) => error.code,
    );
  const cli = (...argv: readonly string[]) => runCli(argv, { home, cwd: home });
  const doctor = async (scope = 'acme') => {
    const { out } = await cli('doctor', '--json');
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; message: string }[] };
    return checks.filter(({ name }) => DOCTOR_CHECKS.some((one) => name === `${scope}: ${one}`));
  };
  return { home, guards, decide, cli, doctor };
}

describe('agentguard stop', () => {
  it('stops every scope of the home, and resume lets them go on', async () => {
    const { guards, decide, cli } = await openHome(['acme', 'other']);
    const stopped = await cli('stop', '--by', 'ops', '--reason', 'runaway');
    expect(stopped).toMatchObject({ code: 0, err: '' });
    expect(stopped.out).toContain('agentguard resume');
    for (const guard of guards) expect(await decide(guard)).toBe('stopped');
    expect((await cli('resume')).code).toBe(0);
    for (const guard of guards) expect(await decide(guard)).toBe('allowed');
  });

  it('stops the scopes that are named and no other', async () => {
    const { guards, decide, cli } = await openHome(['acme', 'other', 'third']);
    expect((await cli('stop', '--scope', 'other', '--scope', 'third')).code).toBe(0);
    const ends = [];
    for (const guard of guards) ends.push(await decide(guard));
    expect(ends).toEqual(['allowed', 'stopped', 'stopped']);
  });

  it('twice writes one row, and so does resume', async () => {
    const { home, cli } = await openHome();
    for (const command of ['stop', 'stop', 'resume', 'resume', 'resume']) await cli(command);
    const rows = (await readRows(home)).map(({ decision }) => decision.control).filter(Boolean);
    expect(rows).toEqual(['stop', 'resume']);
    expect((await cli('resume')).out).toContain('was not stopped; no row was written');
  });

  it('is told by doctor and explain, with who and why as plain text', async () => {
    const { decide, cli, doctor } = await openHome();
    expect((await doctor()).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    await cli('stop', '--by', 'o\u202eps', '--reason', 'why not');
    await decide();
    const [stop] = await doctor();
    expect(stop).toMatchObject({ status: 'warn', message: expect.stringContaining('why not') });
    const told = await cli('doctor');
    expect([told.code, findControls(told.out)]).toEqual([0, []]);
    const { out } = await cli('explain');
    expect(out).toContain('all calls are stopped since');
    expect(out).toContain('the same request once calls are resumed');
  });

  it('goes on with the other scopes where one cannot be written to, and fails', async () => {
    const { home, guards, decide, cli } = await openHome(['acme', 'other']);
    await guards[0]?.close();
    const path = join(home, 'acme', 'decisions.ndjson');
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"allow"', '"allov"'));
    const { code, out, err } = await cli('stop');
    expect([code, err]).toEqual([3, expect.stringContaining('error: acme: ')]);
    expect(out).toContain('other stopped');
    expect(await decide(guards[1])).toBe('stopped');
  });

  it.each([
    [['stop', '--scope', 'nope'], 3, 'there is no scope nope'],
    [['stop', '--reason', ''], 2, '--reason must not be empty'],
    [['stop', '--reason', 'x'.repeat(257)], 2, '--reason must not be longer'],
    [['stop', '--by', 'a\nb'], 2, '--by must not contain control characters'],
    [['resume', '--scope', 'acme', '--scope', 'nope'], 3, 'there is no scope nope'],
  ])('%j ends with %i and writes nothing', async (argv, code, words) => {
    const { home, cli } = await openHome();
    const before = await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8');
    const result = await cli(...argv);
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(words)]);
    expect(await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8')).toBe(before);
  });

  it('in a home without ledgers says so, and makes none', async () => {
    const home = await makeHome();
    const { code, err } = await runCli(['stop'], { home, cwd: home });
    expect([code, err]).toEqual([3, expect.stringContaining('there is no ledger')]);
  });
});

describe('agentguard doctor', () => {
  it('tells of an edit of a policy file that guards refused, until the file is mended', async () => {
    const { home, doctor } = await openHome();
    const path = join(home, 'policy.json');
    const policy = policyOf([{ amountCents: 0, window: 'per_month', action: 'block' }]);
    await writeFile(path, JSON.stringify(policy));
    const guard = new SpendGuard({ policy: path, config: { home, durability: 'process' } });
    onTestFinished(() => guard.close());
    const told = () =>
      guard.decide(CALL).then(
        () => '',
        async () => (await doctor())[2]?.message,
      );
    expect(await told()).toBe('no edit was refused');
    await writeFile(path, JSON.stringify({ ...policy, caps: [{ windw: 1 }] }));
    await expect.poll(told, { timeout: 5_000 }).toContain('the file of "test" is refused since 0 s (caps[0]');
    await writeFile(path, JSON.stringify(policy));
    await expect.poll(told, { timeout: 5_000 }).toBe('no edit was refused');
  });
});

describe('agentguard grant', () => {
  it('gives room until its end, and doctor, explain and --json tell of it', async () => {
    const { decide, cli, doctor } = await openHome();
    expect([await decide(), await decide()]).toEqual(['allowed', 'cap_exceeded']);
    const { code, out } = await cli('grant', '--usd', '1.00', '--until', '2h', '--by', 'cfo', '--json');
    const [{ decision }] = (JSON.parse(out) as { scopes: [{ decision: Record<string, string> }] }).scopes;
    expect([code, decision]).toEqual([
      0,
      expect.objectContaining({ control: 'grant', amountUsd: '1', by: 'cfo' }),
    ]);
    expect(Date.parse(decision.until!) - Date.parse(decision.from!)).toBe(7_200_000);
    expect([await decide(), await decide()]).toEqual(['allowed', 'cap_exceeded']);
    const [, grants] = await doctor();
    expect(grants).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('1 grant in force: $1.00 more'),
    });
    expect((await cli('explain')).out).toContain('block $3.00 ($1.00 of it granted) per month');
    const told = JSON.parse((await cli('explain', '--json')).out) as { caps: object[] };
    expect(told.caps[0]).toMatchObject({ limitUsd: '3', grantedUsd: '1' });
  });

  it('that names another policy than the guard has gives nothing', async () => {
    const { decide, cli } = await openHome();
    await decide();
    expect((await cli('grant', '--usd', '1', '--policy', 'other')).out).toContain('of the policy other');
    expect(await decide()).toBe('cap_exceeded');
    await cli('grant', '--usd', '1', '--policy', 'test');
    expect(await decide()).toBe('allowed');
  });

  it('is for the calls that its flags name', async () => {
    const { guards, decide, cli } = await openHome();
    await decide();
    await cli('grant', '--usd', '1', '--user', 'alice', '--task', 't', '--cap', '0');
    expect(await decide()).toBe('cap_exceeded');
    expect(await decide(guards[0]?.with({ userId: 'alice' }))).toBe('cap_exceeded');
    expect(await decide(guards[0]?.with({ userId: 'alice', taskId: 't' }))).toBe('allowed');
  });

  it.each([
    [['--usd', '0'], '--usd takes an amount above 0'],
    [['--usd', '-5'], '--usd takes an amount above 0'],
    [['--usd', 'lots'], '--usd takes an amount above 0'],
    [[], '--usd takes an amount above 0'],
    [['--usd', '1', '--until', '2'], '--until takes a time'],
    [['--usd', '1', '--until', '0h'], '--until takes a time'],
    [['--usd', '1', '--until', '400d'], '--until takes a time'],
    [['--usd', '1', '--until', '2020-01-01T00:00:00Z'], '--until takes a time'],
    [['--usd', '1', '--until', 'tomorrow'], '--until takes a time'],
    [['--usd', '1', '--cap', 'x'], '--cap takes the place'],
    [['--usd', '1', '--policy', ''], '--policy must not be empty'],
    [['--usd', '1', '--user', ''], '--user must not be empty'],
  ])('%j is refused', async (argv, words) => {
    const { cli, doctor } = await openHome();
    const { code, err } = await cli('grant', ...argv);
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
    expect((await doctor())[1]).toMatchObject({ status: 'ok' });
  });

  it('needs the name of the scope where there are several', async () => {
    const { cli } = await openHome(['acme', 'other']);
    const { code, err } = await cli('grant', '--usd', '1');
    expect([code, err]).toEqual([2, expect.stringContaining('a grant is for one scope')]);
    expect((await cli('grant', '--usd', '1', '--scope', 'other')).code).toBe(0);
  });
});

describe('explain', () => {
  it('tells of an action of the caller’s own what it is and what it was said to cost', async () => {
    const { guards, cli } = await openHome();
    await guards[0]?.enforce({ action: 'payment.execute', resource: 'payee/acme', costUsd: '0.5' });
    const { out } = await cli('explain');
    expect(out).toMatch(/action +payment\.execute/);
    expect(out).toContain('cost $0.5 (as the program said)');
    expect(out).not.toContain('model ');
  });
});
