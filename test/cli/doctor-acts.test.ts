import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../src/cli/health.js';
import { openLedger } from '../../src/store/ledger.js';
import { makeHome } from '../helpers/home.js';
import { checkLedger } from '../store/ledger-check.js';
import { runCli } from './run-cli.js';

const NOW = Date.parse('2026-10-01T13:00:00.000Z');
const HOUR = 3_600_000;

async function append(home: string, count: number, atMs = NOW) {
  const store = await openLedger({ home, scope: 'acme', durability: 'disk' });
  try {
    for (let n = 0; n < count; n++) {
      const decision = { decisionId: `d-${n}`, timestamp: new Date(atMs).toISOString(), action: 'block' };
      await store.transact(() => ({ result: 0, drafts: [{ decision }] }));
    }
  } finally {
    await store.close();
  }
}

async function makeLedger() {
  const home = await makeHome();
  await append(home, 4);
  const folder = join(home, 'acme');
  return { home, folder, ledger: join(folder, 'decisions.ndjson'), snapshot: join(folder, 'snapshot.json') };
}

async function doctor(home: string, ...options: string[]) {
  const { code, out, err } = await runCli(['doctor', '--json', ...options], { home, nowMs: NOW });
  expect(err).toBe('');
  const { checks } = JSON.parse(out) as { checks: HealthCheck[] };
  return { code, of: (name: string) => checks.find((check) => check.name === name) };
}

function dropRows(ledger: string, count: number): void {
  const lines = fs.readFileSync(ledger, 'utf8').split('\n');
  fs.writeFileSync(ledger, `${lines.slice(0, -1 - count).join('\n')}\n`);
}

describe('doctor --acknowledge', () => {
  it('signs that a shorter ledger is meant to be so, and guards go on', async () => {
    const { home, ledger } = await makeLedger();
    dropRows(ledger, 2);
    await expect(append(home, 1)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    const before = await doctor(home);
    expect(before.code).toBe(1);
    expect(before.of('acme: snapshot')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/bytes where its snapshot saw/),
      fix: expect.stringContaining('doctor --acknowledge acme'),
    });
    const { code, of } = await doctor(home, '--acknowledge', 'acme', '--note', 'disk was lost');
    expect(of('acme: acknowledge')?.message).toMatch(/^signed as row 2 of /);
    expect(of('acme: snapshot')).toMatchObject({ status: 'ok' });
    expect(code).toBe(0);
    await append(home, 1);
    const rows = checkLedger(ledger);
    expect(rows).toHaveLength(4);
    expect(rows[2]?.decision).toMatchObject({
      entryType: 'acknowledgement',
      note: 'disk was lost',
      acknowledged: [{ what: 'ledger_rewritten', rows: 2, snapshot: { rows: 4 } }],
    });
  });

  it('signs the first row of a new ledger where the old one is gone', async () => {
    const { home, ledger } = await makeLedger();
    fs.rmSync(ledger);
    await expect(append(home, 1)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    expect(fs.existsSync(ledger)).toBe(false);
    await doctor(home, '--acknowledge', 'acme');
    await append(home, 1);
    expect(checkLedger(ledger).map((row) => row.decision.entryType)).toEqual(['acknowledgement', undefined]);
  });

  it('signs that a clock behind the newest row is right, and time goes on from there', async () => {
    const { home, ledger } = await makeLedger();
    await append(home, 1, NOW + 5 * HOUR);
    const before = await doctor(home);
    expect(before.of('acme: clock')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('--acknowledge acme'),
    });
    const { code, of } = await doctor(home, '--acknowledge', 'acme');
    expect([code, of('acme: clock')?.status]).toEqual([0, 'ok']);
    expect(checkLedger(ledger).at(-1)?.decision).toMatchObject({
      timestamp: new Date(NOW).toISOString(),
      acknowledged: [{ what: 'clock_behind_ledger', newest: new Date(NOW + 5 * HOUR).toISOString() }],
    });
    const store = await openLedger({ home, scope: 'acme' });
    const { result } = await store.transact((view) => ({ result: view.lastTimestampMs, drafts: [] }));
    await store.close();
    expect(result).toBe(NOW);
  });

  it('writes no row where nothing is wrong', async () => {
    const { home, ledger } = await makeLedger();
    const { of } = await doctor(home, '--acknowledge', 'acme');
    expect(of('acme: acknowledge')?.message).toMatch(/nothing/);
    expect(checkLedger(ledger)).toHaveLength(4);
  });

  it('does not make a damaged ledger whole', async () => {
    const { home, ledger } = await makeLedger();
    const lines = fs.readFileSync(ledger, 'utf8').split('\n');
    const bad = `${[lines[0], lines[2]].join('\n')}\n`;
    fs.writeFileSync(ledger, bad);
    const { code, of } = await doctor(home, '--acknowledge', 'acme');
    expect(code).toBe(1);
    expect(of('acme: acknowledge')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/damaged/),
    });
    expect(fs.readFileSync(ledger, 'utf8')).toBe(bad);
    await expect(append(home, 1)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
  });

  it('of a scope that is not there is refused and makes none', async () => {
    const { home } = await makeLedger();
    const { code, err } = await runCli(['doctor', '--acknowledge', 'other'], { home });
    expect([code, err]).toEqual([3, expect.stringContaining('no scope other')]);
    expect(fs.existsSync(join(home, 'other'))).toBe(false);
  });

  it('is what a note belongs to', async () => {
    const { home } = await makeLedger();
    expect((await runCli(['doctor', '--note', 'x'], { home })).code).toBe(2);
  });
});

describe('doctor --repair', () => {
  it('finds nothing to mend in a good home, and changes nothing', async () => {
    const { home, ledger } = await makeLedger();
    const before = fs.readFileSync(ledger);
    const { code, of } = await doctor(home, '--repair');
    expect([code, of('repair')?.message]).toEqual([0, expect.stringMatching(/^nothing to mend/)]);
    expect(fs.readFileSync(ledger)).toEqual(before);
  });

  it.each([
    ['a damaged snapshot', 'snapshot.json', 'not one', /rebuilt the snapshot/],
    ['a draft of a key', 'signing.key.0123456789abcdef.tmp', 'x', /removed signing\.key\./],
    ['a draft of a snapshot', 'snapshot.json.0123456789abcdef.tmp', 'x', /removed snapshot\.json\./],
  ])('mends %s', async (_, name, text, message) => {
    const { home, folder } = await makeLedger();
    fs.writeFileSync(join(folder, name), text);
    fs.utimesSync(join(folder, name), NOW / 1000 - 3600, NOW / 1000 - 3600);
    if (name === 'snapshot.json') expect((await doctor(home)).of('acme: snapshot')?.status).toBe('warn');
    const { code, of } = await doctor(home, '--repair');
    expect([code, of('acme: repair')?.message]).toEqual([0, expect.stringMatching(message)]);
    expect(of('acme: snapshot')?.status).toBe('ok');
    const kept = [
      'checkpoints.ndjson',
      'decisions.ndjson',
      'signing.key',
      'snapshot.json',
      'tree.bin',
      'tree.json',
    ];
    expect(fs.readdirSync(folder).sort()).toEqual(kept);
  });

  it('leaves a draft alone that is being written', async () => {
    const { home, folder } = await makeLedger();
    const draft = join(folder, 'snapshot.json.0123456789abcdef.tmp');
    fs.writeFileSync(draft, 'x');
    fs.utimesSync(draft, NOW / 1000, NOW / 1000);
    await doctor(home, '--repair');
    expect(fs.existsSync(draft)).toBe(true);
  });

  it('sets a torn tail aside and finishes a row without its line feed, removing no row', async () => {
    const { home, folder, ledger } = await makeLedger();
    fs.appendFileSync(ledger, '{"half');
    expect((await doctor(home, '--repair')).of('acme: repair')?.message).toMatch(
      /set a torn tail aside as torn-/,
    );
    expect(checkLedger(ledger)).toHaveLength(4);
    const torn = fs.readdirSync(folder).find((name) => name.startsWith('torn-'));
    expect(fs.readFileSync(join(folder, torn ?? ''), 'utf8')).toBe('{"half');
    // As a crash leaves it: the snapshot is older.
    fs.rmSync(join(folder, 'snapshot.json'));
    fs.truncateSync(ledger, fs.statSync(ledger).size - 1);
    expect((await doctor(home, '--repair')).of('acme: repair')?.message).toMatch(/finished a row/);
    expect(checkLedger(ledger)).toHaveLength(4);
  });

  it('finishes a rotation that was broken off', async () => {
    const { home, folder, ledger } = await makeLedger();
    fs.writeFileSync(join(folder, 'decisions.ndjson.next'), '', { mode: 0o600 });
    fs.renameSync(ledger, join(folder, 'decisions-000001.ndjson'));
    expect((await doctor(home)).of('acme: ledger')).toMatchObject({ status: 'warn' });
    const { of } = await doctor(home, '--repair');
    expect(of('acme: ledger')).toMatchObject({ status: 'ok', message: expect.stringMatching(/^4 rows/) });
  });

  it('frees the lock of a process that was killed with it in hand, and removes its socket', async () => {
    const { home, folder } = await makeLedger();
    const script = `
      const { openLedger } = await import(${JSON.stringify(new URL('../../dist/store/index.js', import.meta.url).href)});
      const store = await openLedger({ home: ${JSON.stringify(home)}, scope: 'acme' });
      await store.transact(() => { process.kill(process.pid, 'SIGKILL'); });`;
    expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal).toBe('SIGKILL');
    expect(fs.readdirSync(join(folder, 'lock'))).toHaveLength(1);
    const { code, of } = await doctor(home, '--repair');
    expect([code, of('acme: repair')?.message]).toEqual([0, expect.stringMatching(/freed the lock/)]);
    expect(of('acme: lock')?.message).toBe('free');
    await doctor(home, '--repair');
    expect(fs.readdirSync(join(home, '.instances')).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('mends nothing in a ledger that was rewritten, and names it', async () => {
    const { home, ledger } = await makeLedger();
    dropRows(ledger, 1);
    const before = fs.readFileSync(ledger);
    const { code, of } = await doctor(home, '--repair');
    expect([code, of('acme: repair')?.status, of('acme: snapshot')?.status]).toEqual([1, 'fail', 'fail']);
    expect(fs.readFileSync(ledger)).toEqual(before);
  });

  it('makes no ledger or key where none is', async () => {
    const home = await makeHome();
    fs.mkdirSync(join(home, 'empty'), { mode: 0o700 });
    await doctor(home, '--repair');
    expect(fs.readdirSync(join(home, 'empty'))).toEqual([]);
  });
});

describe('a rotated ledger', () => {
  it('is verified and looked at as one history, and a missing part is a gap that is named', async () => {
    const home = await makeHome();
    const store = await openLedger({ home, scope: 'acme', durability: 'process', partBytes: 600 });
    for (let n = 0; n < 9; n++) {
      const decision = { decisionId: `d-${n}`, timestamp: new Date(NOW).toISOString(), action: 'block' };
      await store.transact(() => ({ result: 0, drafts: [{ decision }] }));
    }
    await store.close();
    const verified = JSON.parse((await runCli(['verify', '--json'], { home })).out);
    expect(verified).toMatchObject({ ok: true, files: [{ rows: 9 }] });
    expect((await doctor(home)).of('acme: ledger')?.message).toMatch(/^9 rows/);
    fs.rmSync(join(home, 'acme', 'decisions-000002.ndjson'));
    const broken = await runCli(['verify', '--json'], { home });
    expect(broken.code).toBe(1);
    const codes = JSON.parse(broken.out).files[0].problems.map((problem: { code: string }) => problem.code);
    expect(codes).toContain('GAP');
    expect((await doctor(home)).of('acme: ledger')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/decisions-000002\.ndjson is missing/),
    });
  });
});
