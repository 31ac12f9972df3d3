/** `report`, `export` and `status` over ledgers that real calls made, held to the stand-in's bill and to `verify`. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_COLUMNS } from '../../src/core/csv.js';
import { parseUsd, printUsd } from '../../src/core/money.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { fixedSigner, LedgerWriter } from '../core/ledger-fixture.js';
import { ASK, HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { findControls, putLedger, runCli } from './run-cli.js';

const NOON = Date.UTC(2026, 9, 7, 12);
const DAY_MS = 86_400_000;
const CAPS = [
  { amountCents: 50, window: 'per_month', action: 'block' },
  { maxRequests: 5, window: 'per_month', action: 'block' },
] as const;

/** Three days, two users, two models, one refusal. */
async function makeWorld() {
  setPrices();
  const home = await mkdtemp(join(tmpdir(), 'agentguard-records-'));
  const clock = { nowMs: NOON };
  const standIn = await startStandIn({ now: () => clock.nowMs });
  const client = new OpenAI({ apiKey: 'sk-x', baseURL: standIn.url, maxRetries: 0 });
  const guards = ['alice', '=cmd|x'].map((userId) =>
    withSpendGuard(client, {
      policy: policyOf(CAPS),
      scope: { tenantId: 'acme', teamId: 'engineering', userId },
      config: { home, provider: 'openrouter', clock: () => clock.nowMs },
    }),
  );
  for (let at = 0; at < 6; at++) {
    const guarded = guards[at % 2]!;
    const call = guarded.chat.completions.create({ ...ASK, model: at < 3 ? HAIKU : OPUS, max_tokens: 50 });
    await call.catch((error: Error) => expect(error.name).toBe('AgentGuardBlockedError'));
    clock.nowMs += DAY_MS / 2;
  }
  for (const guarded of guards) await guarded.$guard.close();
  const bill = { total: printUsd(standIn.bill.total()), entries: standIn.bill.entries.length };
  await standIn.close();
  const cli = (...argv: readonly string[]) => runCli(argv, { home, cwd: home, nowMs: clock.nowMs });
  const json = async (...argv: readonly string[]) => JSON.parse((await cli(...argv, '--json')).out);
  return { home, bill, cli, json, nowMs: clock.nowMs };
}

let world: Awaited<ReturnType<typeof makeWorld>>;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => rm(world.home, { recursive: true, force: true }));

describe('report', () => {
  it('sums to the bill, to the last digit, as a whole and over its groups', async () => {
    const { bill, json } = world;
    const report = await json('report', '--by', 'user,model,day');
    expect(report).toMatchObject({ calls: 6, allowed: 5, blocked: 1, unpriced: 0, omitted: 0, heldUsd: '0' });
    expect({ settled: report.settledUsd, billed: report.billedUsd, calls: bill.entries }).toEqual({
      settled: bill.total,
      billed: bill.total,
      calls: 5,
    });
    const sum = report.groups.reduce(
      (total: bigint, one: { settledUsd: string }) => total + parseUsd(one.settledUsd)!,
      0n,
    );
    expect(printUsd(sum)).toBe(bill.total);
  });

  it('takes what the filter and the time say', async () => {
    const { json } = world;
    const count = async (...argv: readonly string[]) => (await json('report', ...argv)).calls;
    expect(await count('--filter', 'action:block')).toBe(1);
    expect(await count('--filter', `model:${HAIKU}`)).toBe(3);
    expect(await count('--since', '2026-10-08', '--until', '2026-10-08')).toBe(2);
    expect(await count('--period', '2026-10-08')).toBe(2);
    expect(await count('--period', '2026-11')).toBe(0);
    expect(await count('--period', '2026-10-07', '--time-zone', 'Pacific/Kiritimati')).toBe(0);
    expect(await count('--filter', 'since:1d')).toBe(2);
    expect(await count('--scope', 'acme')).toBe(6);
  });

  it('groups by the days of a zone', async () => {
    const report = await world.json('report', '--by', 'day', '--time-zone', 'Pacific/Kiritimati');
    const days = report.groups.map((one: { key: string[] }) => one.key[0]).sort();
    expect(days).toEqual(['2026-10-08', '2026-10-09', '2026-10-10']);
  });

  it('says the same in each format', async () => {
    const { cli, bill } = world;
    const [table, csv, md] = await Promise.all(
      ['table', 'csv', 'md'].map((format) => cli('report', '--by', 'user', '--format', format)),
    );
    expect([table!.code, csv!.code, md!.code]).toEqual([0, 0, 0]);
    expect(table!.out).toMatch(/^total +6 +1 /m);
    const spent = csv!.out
      .split('\r\n')
      .slice(1, -1)
      .map((line) => parseUsd(line.split(',').at(6)!)!);
    expect(printUsd(spent.reduce((sum, one) => sum + one, 0n))).toBe(bill.total);
    expect(csv!.out).toContain(`"'=cmd|x",`);
    expect(md!.out).toContain('| =cmd\\|x | 3 |');
    expect(md!.out.split('\n')[1]).toBe('|---|---:|---:|---:|---:|---:|');
  });

  it('without fields is one sum', async () => {
    const { out } = await world.cli('report', '--by', '', '--format', 'csv');
    expect(out.trim().split('\r\n')).toHaveLength(2);
  });

  it.each([
    [['--by', 'modle'], 'did you mean model?'],
    [['--filter', 'usr:x'], 'did you mean user:?'],
    [['--filter', 'cost:x'], 'such as cost:>0.05'],
    [['--since', 'soon'], 'such as --since 2026-10-01'],
    [['--since', '2026-10-02', '--until', '2026-10-01'], ''],
    [['--period', '2026-13'], 'such as --period 2026-10'],
    [['--period', '2026-10', '--since', '1h'], ''],
    [['--time-zone', 'Mars'], ''],
    [['--format', 'xml'], ''],
    [['--limit', '0'], ''],
    [['acme', '--scope', 'acme'], ''],
  ])('refuses %j', async (argv, hint) => {
    const { code, out, err } = await world.cli('report', ...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(hint);
  });

  it.each([[['--scope', 'none']], [['nowhere.ndjson']]])('finds nothing in %j', async (argv) => {
    expect((await world.cli('report', ...argv)).code).toBe(3);
  });

  it('lets no text of a ledger steer the terminal, in any format', async () => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    const userId = 'a\u001b[31m\u202e\r\n| <b>';
    writer.add({ signer: fixedSigner(1), decision: { actor: { tenantId: 'acme', userId }, provider: 'x' } });
    await putLedger(home, writer.lines);
    for (const argv of [
      ['report', '--by', 'user'],
      ['report', '--by', 'user', '--format', 'md'],
      ['report', '--by', 'user', '--format', 'csv'],
      ['report', '--by', 'user', '--json'],
      ['export', '--format', 'csv'],
      ['export', '--format', 'json'],
      ['export'],
      ['status'],
    ]) {
      const { code, out } = await runCli(argv, { home, cwd: home, isTerminal: true, columns: 120 });
      expect({ argv, code, controls: findControls(out) }).toEqual({ argv, code: 0, controls: [] });
    }
    const { out } = await runCli(['report', '--by', 'user', '--format', 'md'], { home, cwd: home });
    expect(out.split('\n').filter((line) => line !== '')).toHaveLength(4);
  });

  it('names how many lines are no receipts', async () => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    writer.add({ signer: fixedSigner(1) });
    await putLedger(home, [...writer.lines, 'not a receipt', '{}']);
    const { code, err } = await runCli(['report'], { home, cwd: home });
    expect(code).toBe(0);
    expect(err).toContain('2 lines are no receipts');
  });
});

describe('export', () => {
  it('gives exactly the calls of the filter, in each format', async () => {
    const { cli, json } = world;
    const rows = (await cli('export', '--filter', 'user:alice')).out.trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).decision.actor.userId)).toEqual(Array(6).fill('alice'));
    const calls = await json('export', '--filter', 'user:alice');
    expect(calls.map((one: { user: string }) => one.user)).toEqual(['alice', 'alice', 'alice']);
    expect(Object.keys(calls[0])).toEqual([...RECORD_COLUMNS]);
    const csv = (await cli('export', '--format', 'csv', '--filter', 'action:block')).out.split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv[1]).toContain(`"'=cmd|x"`);
    expect((await cli('export', '--filter', 'user:nobody')).out).toBe('');
    expect(await json('export', '--filter', 'user:nobody')).toEqual([]);
  });

  it('gives rows as they stand in the ledger, each a receipt that verifies', async () => {
    const { cli, home } = world;
    const ledger = await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8');
    expect((await cli('export')).out).toBe(ledger);
    const [first = ''] = (await cli('export', '--filter', 'action:block')).out.split('\n');
    const { code } = await runCli(['verify', '-'], {
      home,
      stdin: JSON.stringify(JSON.parse(first), null, 2),
    });
    expect(code).toBe(0);
  });

  it('writes a file that is there whole or not at all', async () => {
    const { cli } = world;
    const folder = await makeHome();
    const path = join(folder, 'calls.csv');
    await writeFile(path, 'old');
    const { code, out } = await cli('export', '--format', 'csv', '--out', path, '--json');
    expect(code).toBe(0);
    const text = await readFile(path, 'utf8');
    expect(JSON.parse(out)).toEqual({
      path,
      calls: 6,
      rows: 6,
      unreadableLines: 0,
      bytes: Buffer.byteLength(text),
    });
    expect(Object.keys(JSON.parse(await exportExample()))).toEqual(Object.keys(JSON.parse(out)));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['calls.csv']);
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = await makeHome();
    const gone = join(world.home, 'acme', 'none.ndjson');
    const { code } = await world.cli('export', gone, '--out', join(folder, 'x'));
    expect(code).toBe(3);
    expect(await readdir(folder)).toEqual([]);
    await mkdir(join(folder, 'taken'));
    expect((await world.cli('export', '--out', join(folder, 'taken'))).code).toBe(3);
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('never replaces a file of the home, also through a link', async () => {
    const { cli, home } = world;
    const ledger = join(home, 'acme', 'decisions.ndjson');
    const before = await readFile(ledger, 'utf8');
    const folder = await makeHome();
    await symlink(join(home, 'acme'), join(folder, 'way'));
    for (const path of [ledger, join(home, 'x.csv'), join(folder, 'way', 'decisions.ndjson')])
      expect((await cli('export', '--out', path)).code).toBe(2);
    expect(await readFile(ledger, 'utf8')).toBe(before);
  });

  it.each([
    [['--format', 'xml']],
    [['--format', 'bundle', '--filter', 'user:alice']],
    [['--format', 'bundle', '--period', '2026-10']],
    [['-', '--format', 'ndjson']],
  ])('refuses %j', async (argv) => {
    const { code, out } = await world.cli('export', ...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('a bundle', () => {
  const bundle = async () => (await world.cli('export', '--format', 'bundle')).out;
  const verify = async (text: string) => {
    const { code, out } = await runCli(['verify', '-', '--json'], { home: world.home, stdin: text });
    return { code, report: JSON.parse(out) };
  };

  it('proves the ledger and its decisions without anything beside it', async () => {
    const { code, report } = await verify(await bundle());
    expect(code).toBe(0);
    expect(report.files[0]).toMatchObject({ kind: 'bundle', rows: 11 });
    expect(report.verdicts.contiguous.answer).toBe('yes');
    expect(report.verdicts.lawful.answer).toBe('yes');
  });

  it('has the rows of the ledger byte for byte', async () => {
    const lines = (await bundle()).split('\n');
    const { attachments } = JSON.parse(lines[0]!);
    const ledger = await readFile(join(world.home, 'acme', 'decisions.ndjson'), 'utf8');
    expect(lines.slice(1 + attachments).join('\n')).toBe(ledger);
  });

  it('without its policies, or with another text, proves no decision lawful', async () => {
    const [head = '', ...lines] = (await bundle()).split('\n');
    const policies = lines.filter((line) => line.startsWith('{"policy":'));
    expect(policies).toHaveLength(1);
    const rest = lines.filter((line) => !line.startsWith('{"policy":'));
    const fewer = JSON.stringify({ ...JSON.parse(head), attachments: JSON.parse(head).attachments - 1 });
    const without = await verify([fewer, ...rest].join('\n'));
    expect(without.report.verdicts.lawful.answer).toBe('unknown');
    const changed = policies[0]!.replace('50', '51');
    expect(changed).not.toBe(policies[0]);
    const other = await verify([head, changed, ...rest].join('\n'));
    expect(other.report.verdicts.lawful.answer).toBe('unknown');
  });

  it('with a changed row, one row fewer, or an untrue head fails', async () => {
    const lines = (await bundle()).split('\n');
    const broken = [
      lines.map((line) => line.replace('"userId":"alice"', '"userId":"mallo"')),
      lines.toSpliced(-4, 1),
      lines.map((line) => line.replace('"agentguardBundle":1', '"agentguardBundle":2')),
      lines.map((line) => line.replace(/"attachments":\d+/, '"attachments":0')),
    ];
    for (const one of broken) expect((await verify(one.join('\n'))).code).toBe(1);
  });
});

describe('the head of a bundle', () => {
  it('that counts rows as attachments hides none', async () => {
    const { out } = await world.cli('export', '--format', 'bundle');
    const text = out.replace(/"attachments":\d+/, '"attachments":7');
    const { code, out: report } = await runCli(['verify', '-', '--json'], { home: world.home, stdin: text });
    expect({ code, rows: JSON.parse(report).files[0].rows }).toEqual({ code: 0, rows: 11 });
  });
});

describe('status', () => {
  it('has each cap of the policy in force, as the rows count', async () => {
    const status = await world.json('status');
    const { gauges, unknownPolicies, rows } = status.scopes[0];
    expect({ ok: status.ok, rows, unknownPolicies }).toEqual({ ok: true, rows: 11, unknownPolicies: [] });
    expect(
      gauges.map((one: { unit: string; settled: string; left: string }) => [one.unit, one.settled, one.left]),
    ).toEqual([
      ['requests', '5', '0'],
      ['usd', world.bill.total, printUsd(parseUsd('0.5')! - parseUsd(world.bill.total)!)],
    ]);
  });

  it('with --check fails as soon as a cap is that full', async () => {
    const { cli, nowMs, home } = world;
    const full = await cli('status', '--check');
    expect({ code: full.code, err: full.err }).toEqual({
      code: 1,
      err: 'agentguard: error: the block cap per_month of tenantId=acme is 100 % full\n',
    });
    const later = await runCli(['status', '--check', '80%', '--quiet'], { home, nowMs: nowMs + 31 * DAY_MS });
    expect(later).toEqual({ code: 0, out: '', err: '' });
    for (const threshold of ['0', '101%', '2', 'x', '-1'])
      expect((await cli('status', `--check=${threshold}`)).code).toBe(2);
  });

  it('warns of lines that are no receipts, also when it is quiet, and counts no row for them', async () => {
    const home = await makeHome();
    await putLedger(home, ['garbage', '{"a":1}']);
    const { code, out, err } = await runCli(['status', '--check', '--quiet'], { home });
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('2 lines are no receipts and in no cap');
    const { scopes } = JSON.parse((await runCli(['status', '--json'], { home })).out);
    expect(scopes[0]).toMatchObject({ rows: 0, unreadableLines: 2 });
  });

  it('shows the caps of a policy that no row names yet', async () => {
    const home = await makeHome();
    await putLedger(home, []);
    await writeFile(join(home, 'p.json'), JSON.stringify(policyOf([CAPS[0]])));
    const bare = await runCli(['status'], { home, cwd: home });
    expect(bare.out).toContain('status --policy agentguard-policy.json');
    const { out } = await runCli(['status', '--policy', 'p.json'], { home, cwd: home });
    expect(out).toMatch(/0% {2}block \$0\.50 per month {2}tenantId=acme/);
  });

  it('says what it cannot show: a policy whose text is not there', async () => {
    const home = await makeHome();
    const ledger = await readFile(join(world.home, 'acme', 'decisions.ndjson'), 'utf8');
    await putLedger(home, ledger.trimEnd().split('\n'));
    const { out } = await runCli(['status'], { home, cwd: home });
    expect(out).toMatch(/The policy [0-9a-f]{12}… is in force, and its text is not beside the ledger/);
  });

  it('shows a stop and a grant, and --check fails while calls are stopped', async () => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    const control = (decision: Record<string, string>) =>
      writer.add({ signer: fixedSigner(1), decision: { entryType: 'control', ...decision } });
    control({
      control: 'grant',
      amountUsd: '5',
      from: '2026-10-01T00:00:00Z',
      until: '2026-10-09T00:00:00Z',
      by: 'cfo',
    });
    control({ control: 'stop', reason: 'audit', by: 'ops' });
    await putLedger(home, writer.lines);
    const { code, out, err } = await runCli(['status', '--check'], { home, cwd: home, nowMs: NOON });
    expect(code).toBe(1);
    expect(out).toMatch(/STOPPED .* by ops: audit/);
    expect(out).toMatch(/grant \$5\.00 more for 1d 12h by cfo/);
    expect(err).toContain('all calls of acme are stopped');
  });
});

describe('watch', () => {
  it.each([[['watch']], [['watch', '--json']], [['watch', '--filter', 'usr:x']]])(
    'refuses %j where nobody looks',
    async (argv) => expect((await world.cli(...argv)).code).toBe(2),
  );
});

/** The example of docs/cli.md. */
async function exportExample(): Promise<string> {
  const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  return /```json export\n([\s\S]*?)\n```/.exec(text)?.[1] ?? '';
}
