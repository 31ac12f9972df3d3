import { appendFile, chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkNode } from '../../src/cli/commands/doctor.js';
import type { HealthCheck } from '../../src/cli/health.js';
import { parseCatalogue } from '../../src/core/catalogue.js';
import type { JsonObject } from '../../src/core/json.js';
import { createPriceTable, printPriceTable } from '../../src/core/price-table.js';
import { printModels } from '../../src/stand-in/catalogue.js';
import { MODEL_TABLE } from '../../src/stand-in/model-table.js';
import { openLedger } from '../../src/store/ledger.js';
import { fixedSigner, LedgerWriter, writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const DEAD = 'dead0000dead0000';
const NOW = Date.UTC(2026, 9, 1, 13);

async function makeLedger(decisions: readonly JsonObject[] = []) {
  const home = await makeHome();
  const store = await openLedger({ home, scope: 'acme' });
  for (const decision of decisions)
    await store.transact(() => ({ result: undefined, drafts: [{ decision }] }));
  await store.close();
  return { home, path: join(home, 'acme', 'decisions.ndjson') };
}

async function examine(home: string, nowMs = NOW) {
  const { code, out, err } = await runCli(['doctor', '--json'], { home, nowMs });
  expect(err).toBe('');
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: HealthCheck[] };
  expect(code).toBe(ok ? 0 : 1);
  expect(ok).toBe(checks.every((check) => check.status !== 'fail'));
  return (name: string) => checks.find((check) => check.name === name);
}

function call(decisionId: string, more: JsonObject = {}): JsonObject {
  return {
    decisionId,
    timestamp: new Date(NOW - 3_600_000).toISOString(),
    action: 'allow',
    attempt: 1,
    reservedUsd: '0.25',
    instance: DEAD,
    ...more,
  };
}

describe('doctor', () => {
  it('finds nothing wrong with a fresh ledger, and says what it looked at', async () => {
    const { home } = await makeLedger([call('a', { action: 'block' })]);
    const { code, out, err } = await runCli(['doctor'], { home, nowMs: NOW });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const name of [
      'node',
      'package',
      'home',
      'disk',
      'access',
      'prices',
      'processes',
      'acme: key',
      'acme: lock',
      'acme: ledger',
      'acme: holds',
      'acme: torn files',
      'acme: clock',
    ])
      expect(out).toMatch(new RegExp(`^ok +${name} `, 'm'));
    expect(out).toMatch(/0 to mend, 0 to know about, \d+ fine\.\n$/);
  });

  it('prints exactly the documented keys as JSON', async () => {
    const { home } = await makeLedger();
    const report = JSON.parse((await runCli(['doctor', '--json'], { home })).out);
    expect(Object.keys(report)).toEqual(['ok', 'home', 'checks']);
    for (const check of report.checks) {
      expect(check).toMatchObject({ name: expect.any(String), message: expect.any(String) });
      expect(['ok', 'warn', 'fail']).toContain(check.status);
      expect(Object.keys(check).filter((key) => !['name', 'status', 'message', 'fix'].includes(key))).toEqual(
        [],
      );
    }
  });

  it('a home that is not there yet is no fault; one that is a file is', async () => {
    const home = await makeHome();
    expect((await examine(join(home, 'none')))('home')).toMatchObject({
      status: 'warn',
      fix: expect.stringContaining('agentguard init'),
    });
    await writeFile(join(home, 'file'), '');
    expect((await examine(join(home, 'file')))('home')).toMatchObject({ status: 'fail' });
  });

  it.each([
    [0o777, 'fail'],
    [0o720, 'fail'],
    [0o755, 'warn'],
    [0o700, 'ok'],
  ])('a home with mode %o: %s', async (mode, status) => {
    const { home } = await makeLedger();
    await chmod(home, mode);
    expect((await examine(home))('home')).toMatchObject({ status });
  });

  it('a price table that is fresh, old, broken or open to others', async () => {
    const { home } = await makeLedger();
    const reading = parseCatalogue(printModels(MODEL_TABLE));
    if (!reading.ok) throw new Error('the stand-in has no catalogue');
    const table = createPriceTable({
      source: 'https://example.com/models',
      fetchedAt: new Date(NOW).toISOString(),
      models: reading.catalogue.models,
    });
    const path = join(home, 'pricing.json');
    await writeFile(path, printPriceTable(table), { mode: 0o600 });
    expect((await examine(home))('prices')).toMatchObject({ status: 'ok' });
    expect((await examine(home, NOW + 8 * 86_400_000))('prices')).toMatchObject({
      status: 'warn',
      fix: 'run: agentguard models --sync-pricing',
    });
    await writeFile(path, 'nonsense');
    expect((await examine(home))('prices')).toMatchObject({ status: 'fail' });
    await chmod(path, 0o666);
    expect((await examine(home))('prices')).toMatchObject({ status: 'fail', fix: `Run: chmod 600 ${path}` });
  });

  it('a key that others may read, that is no key, that is a link, or that is gone', async () => {
    const { home } = await makeLedger();
    const key = join(home, 'acme', 'signing.key');
    await chmod(key, 0o644);
    expect((await examine(home))('acme: key')).toMatchObject({
      status: 'fail',
      fix: `Run: chmod 600 ${key}`,
    });
    const pem = await readFile(key, 'utf8');
    await writeFile(key, 'nonsense');
    await chmod(key, 0o600);
    expect((await examine(home))('acme: key')).toMatchObject({ status: 'fail' });
    await rm(key);
    expect((await examine(home))('acme: key')).toMatchObject({ status: 'warn' });
    await writeFile(join(home, 'elsewhere'), pem, { mode: 0o600 });
    await symlink(join(home, 'elsewhere'), key);
    expect((await examine(home))('acme: key')).toMatchObject({ status: 'fail' });
    expect((await runCli(['doctor'], { home })).out).not.toContain(pem.split('\n')[1]);
  });

  it('a lock of a living, a dead and an unknown process', async () => {
    const { home } = await makeLedger();
    const lock = join(home, 'acme', 'lock');
    await mkdir(lock);
    await writeFile(join(lock, DEAD), '');
    expect((await examine(home))('acme: lock')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining(`rm -r ${lock}`),
    });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(home, '.instances', `${DEAD}.sock`), resolve));
    onTestFinished(() => void server.close());
    const check = await examine(home);
    expect(check('acme: lock')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('which runs'),
    });
    expect(check('processes')).toMatchObject({ message: '1 running' });
  });

  it('a damaged ledger, with the row before the damage', async () => {
    const home = await makeHome();
    const { lines } = writeLedger('aab');
    await putLedger(home, lines.with(2, lines[2]!.replace('0.000128', '0.000129')));
    expect((await examine(home))('acme: ledger')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('damaged after row 2'),
      fix: expect.stringContaining('agentguard verify'),
    });
    await putLedger(home, lines.toSpliced(1, 1));
    expect((await examine(home))('acme: ledger')).toMatchObject({ status: 'fail' });
  });

  it('a torn tail and torn files', async () => {
    const { home, path } = await makeLedger([call('a', { action: 'block' })]);
    await appendFile(path, '{"decision":');
    expect((await examine(home))('acme: ledger')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('1 row, then 12 bytes'),
    });
    await writeFile(join(home, 'acme', 'torn-20261001T120000Z-0.ndjson'), 'x');
    expect((await examine(home))('acme: torn files')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('1 not yet named'),
    });
    const store = await openLedger({ home, scope: 'acme' });
    for (const id of ['b', 'c'])
      await store.transact(() => ({
        result: undefined,
        drafts: [{ decision: call(id, { action: 'block' }) }],
      }));
    await store.close();
    const check = await examine(home);
    expect(check('acme: ledger')).toMatchObject({ status: 'ok' });
    expect(check('acme: torn files')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('2, each named'),
    });
  });

  it('a ledger that is gone, a link, or open to others', async () => {
    const { home, path } = await makeLedger();
    await chmod(path, 0o666);
    expect((await examine(home))('acme: ledger')).toMatchObject({
      status: 'fail',
      fix: `run: chmod 600 ${path}`,
    });
    await rm(path);
    expect((await examine(home))('acme: ledger')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('removed'),
    });
    await symlink('/etc/hostname', path);
    expect((await examine(home))('acme: ledger')).toMatchObject({ status: 'fail' });
  });

  it('models that an override prices at zero, which disarms every cap', async () => {
    const basis = (input: string | number, output: string | number, rateSource = 'override') => ({
      costBasis: { inputCentsPerKtok: input, outputCentsPerKtok: output, rateSource },
    });
    const priced = (modelResolved: string, more: JsonObject, ageMs = 60_000) =>
      call(crypto.randomUUID(), {
        modelResolved,
        action: 'block',
        timestamp: new Date(NOW - ageMs).toISOString(),
        ...more,
      });
    const { home } = await makeLedger([
      priced('acme/long-ago', basis('0', '0'), 31 * 86_400_000),
      priced('acme/mended', basis('0', '0'), 90_000),
      priced('acme/mended', basis('0.1', '0.5'), 80_000),
      priced('acme/free-input', basis('0', '0.5')),
      priced('acme/free', basis('0', '0', 'synced')),
      priced('acme/zero', basis('0', '0')),
      priced('acme/zero-as-number', basis(0, 0)),
    ]);
    expect((await examine(home))('acme: prices')).toEqual({
      name: 'acme: prices',
      status: 'warn',
      message:
        'setCostOverride prices acme/zero, acme/zero-as-number at zero, which disarms every cap on them',
      fix: 'give the price that is billed, or remove the override and sync prices',
    });
    const { home: clean } = await makeLedger([priced('acme/zero', basis('0', '0.5'))]);
    expect((await examine(clean))('acme: prices')).toMatchObject({ status: 'ok' });
  });

  it('holds whose process ended: id, amount, age; settled ones and rows of others are none', async () => {
    const settled = {
      entryType: 'settlement',
      originalDecisionId: 'b',
      decisionId: 's',
      attempt: 1,
      actualUsd: '0.1',
      costSource: 'provider',
      timestamp: new Date(NOW).toISOString(),
    };
    const { home } = await makeLedger([call('a'), call('b'), settled]);
    expect((await examine(home))('acme: holds')).toMatchObject({
      status: 'warn',
      message: '1 call never settled, their process ended; $0.25 stays held: a $0.25 (60 min)',
    });
    const others = new LedgerWriter();
    others.add({ signer: fixedSigner(1), foreign: true });
    await putLedger(home, others.lines, 'foreign');
    expect((await examine(home))('foreign: holds')).toMatchObject({ status: 'ok' });
  });

  it.each([
    [-5_000, 'ok'],
    [30_000, 'warn'],
    [61_000, 'fail'],
  ])('a newest row %i ms ahead of the clock: %s', async (aheadMs, status) => {
    const { home } = await makeLedger([
      call('a', { action: 'block', timestamp: new Date(NOW + aheadMs).toISOString() }),
    ]);
    expect((await examine(home))('acme: clock')).toMatchObject({ status });
  });

  it('--quiet says nothing when nothing has to be mended, and only what counts when it has', async () => {
    const { home } = await makeLedger();
    expect(await runCli(['doctor', '--quiet'], { home })).toEqual({ code: 0, out: '', err: '' });
    await chmod(home, 0o777);
    const { code, out } = await runCli(['doctor', '--quiet'], { home });
    expect(code).toBe(1);
    expect(out).toMatch(/^fail {2}home/);
    expect(out).not.toMatch(/^ok/m);
  });

  it.each([
    ['20.19.0', 'ok'],
    ['24.0.0', 'ok'],
    ['20.18.9', 'fail'],
    ['18.20.0', 'fail'],
  ])('Node.js %s: %s', (version, status) => {
    expect(checkNode(version).status).toBe(status);
  });
});
