import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildOnce, type Child, startChild } from './fixtures/children.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';

beforeAll(buildOnce, 120_000);

const ledgerOf = (home: string) => join(home, 'acme', 'decisions.ndjson');
const kills = process.env.SLOW ? 100 : 15;
const robberies = process.env.SLOW ? 60 : 8;

describe('several processes on one ledger', () => {
  it('two that append 1,000 rows each leave one unbroken chain and no lost row', async () => {
    const home = makeHome();
    const children = [
      startChild('append', home, '1000', 'process'),
      startChild('append', home, '1000', 'process'),
    ];
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0]);
    const rows = checkLedger(ledgerOf(home));
    expect(rows).toHaveLength(2000);
    expect(new Set(rows.map((row) => row.publicKeyHex)).size).toBe(1);
    expect(new Set(rows.map((row) => row.decision.decisionId)).size).toBe(2000);
  });

  it('four that start at once in an empty home agree on one key and one ledger id', async () => {
    const home = makeHome();
    const children = Array.from({ length: 4 }, () => startChild('append', home, '20', 'disk'));
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0, 0]);
    const rows = checkLedger(ledgerOf(home));
    expect(rows).toHaveLength(80);
    expect(new Set(rows.map((row) => row.decision.ledgerId)).size).toBe(1);
    expect(readdirSync(join(home, 'acme')).sort()).toEqual([
      'checkpoints.ndjson',
      'decisions.ndjson',
      'signing.key',
      'snapshot.json',
      'tree.bin',
      'tree.json',
    ]);
  });

  it(`a writer killed ${kills} times while appending leaves a ledger that opens and has every durable row`, async () => {
    const home = makeHome();
    let durable = -1;
    for (let n = 0; n < kills; n++) {
      const child = startChild('append', home, '0', n % 2 ? 'disk' : 'process');
      for (let rows = 0; rows < 3 + ((n * 7) % 20); rows++) durable = Number(await child.line());
      child.process.kill('SIGKILL');
      await child.ended;
      const store = await open(home);
      const { receipts } = await add(store);
      expect(receipts[0]?.decision.ledgerIndex).toBeGreaterThan(durable);
      await store.close();
      checkLedger(ledgerOf(home));
    }
  }, 120_000);

  it(`three writers that rob ${robberies} owners killed with the lock in hand lose no row and break no chain`, async () => {
    const home = makeHome();
    const writers = [0, 1, 2].map(() => startChild('append', home, '0', 'process', '20'));
    const written = new Set<number>();
    const hear = async (writer: Child) => written.add(Number(await writer.line()));
    for (let n = 0; n < robberies; n++) {
      const owner = startChild('hold', home);
      await owner.line();
      owner.process.kill('SIGKILL');
      for (const writer of writers) await hear(writer);
    }
    for (const writer of writers) {
      writer.process.kill('SIGKILL');
      await writer.ended;
    }
    const store = await open(home);
    await add(store);
    expect(written.size).toBe(3 * robberies);
    expect(checkLedger(ledgerOf(home)).length).toBeGreaterThan(Math.max(...written));
  }, 120_000);
});

describe('the owner of the lock', () => {
  it('is not robbed while it is stopped', async () => {
    const home = makeHome();
    const child = startChild('hold', home);
    const owner = (await child.line()).split(' ')[1] ?? '';
    child.process.kill('SIGSTOP');
    const store = await open(home, { lockWaitMs: 400 });
    await expect(add(store)).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      message: expect.stringContaining(owner),
    });
    expect(await store.isAlive(owner)).toBe(true);
    expect(readdirSync(join(home, 'acme', 'lock'))).toEqual([owner]);
  });

  it('is replaced once it is dead, by exactly one of several waiting processes at a time', async () => {
    const home = makeHome();
    const child = startChild('hold', home);
    const owner = (await child.line()).split(' ')[1] ?? '';
    const waiting = [1, 2, 3].map(() => startChild('append', home, '30', 'process'));
    const store = await open(home);
    const row = add(store);
    child.process.kill('SIGKILL');
    expect((await row).receipts).toHaveLength(1);
    expect(await store.isAlive(owner)).toBe(false);
    expect(await Promise.all(waiting.map((each) => each.ended))).toEqual([0, 0, 0]);
    expect(checkLedger(ledgerOf(home))).toHaveLength(91);
  });

  it('is replaced when it was a worker thread that ended in a living process', async () => {
    const home = makeHome();
    const worker = new Worker(new URL('./fixtures/hold-in-worker.mjs', import.meta.url), {
      workerData: home,
    });
    const owner = await new Promise<string>((resolve) => worker.once('message', resolve));
    const store = await open(home);
    const row = add(store);
    await worker.terminate();
    expect((await row).receipts).toHaveLength(1);
    expect(await store.isAlive(owner)).toBe(false);
  });

  it('is replaced when it was killed while stopped', async () => {
    const home = makeHome();
    const child = startChild('hold', home);
    await child.line();
    child.process.kill('SIGSTOP');
    const store = await open(home);
    const row = add(store);
    child.process.kill('SIGKILL');
    expect((await row).receipts).toHaveLength(1);
  });
});
