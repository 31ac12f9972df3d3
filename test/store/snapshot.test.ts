import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.js';
import type { LedgerFold } from '../../src/core/spend-store.js';
import type { LedgerOptions } from '../../src/store/index.js';
import { parseSnapshot, printSnapshot, readSnapshot } from '../../src/store/snapshot.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';
import { loadOtherProcess } from './other-process.js';

const DISK: Partial<LedgerOptions> = { durability: 'disk' };

/** Sums the `n` of rows; `applied` counts those it was given since it was made. */
function makeSum(
  name = 'sum',
): LedgerFold & { readonly applied: () => number; readonly total: () => number } {
  let total = 0;
  let applied = 0;
  return {
    name,
    apply(row) {
      total += Number(row.decision.n);
      applied++;
    },
    save: () => ({ total }),
    load(saved: Json) {
      const { total: loaded } = (saved ?? {}) as { total?: unknown };
      if (typeof loaded !== 'number') return false;
      total = loaded;
      return true;
    },
    applied: () => applied,
    total: () => total,
  };
}

/** A home with rows 1 to `rows`, closed, and a snapshot that has their sum. */
async function makeLedger(rows = 5) {
  const home = makeHome();
  const store = await open(home, DISK);
  store.attach(makeSum());
  for (let n = 1; n <= rows; n++) await add(store, n);
  await store.close();
  const { folder, ledger } = store.paths;
  return { home, folder, ledger, snapshot: join(folder, 'snapshot.json') };
}

async function reopen(home: string, options = DISK) {
  const store = await open(home, options);
  const sum = makeSum();
  store.attach(sum);
  const { receipts } = await add(store, 100);
  return { store, sum, receipts };
}

describe('a snapshot', () => {
  it('spares the next start the history, and the chains go on', async () => {
    const { home, ledger, snapshot } = await makeLedger();
    expect(fs.statSync(snapshot).mode & 0o777).toBe(0o600);
    const { sum, receipts } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([1, 115]);
    expect(receipts[0]).toMatchObject({ sequence: 5, decision: { ledgerIndex: 5 } });
    expect(checkLedger(ledger)).toHaveLength(6);
  });

  it('is followed by the rows that others wrote after it', async () => {
    const { home, snapshot } = await makeLedger();
    const old = fs.readFileSync(snapshot);
    await (await reopen(home)).store.close();
    fs.writeFileSync(snapshot, old);
    const { sum } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([2, 215]);
  });

  it('names the ledger’s time, chains and torn files as reading it would', async () => {
    const { home, folder, ledger } = await makeLedger();
    fs.appendFileSync(ledger, '{"torn');
    await (await reopen(home)).store.close();
    const reading = await readSnapshot(folder);
    if (reading.kind !== 'good') throw new Error(reading.kind);
    fs.rmSync(join(folder, 'snapshot.json'));
    await (await reopen(home)).store.close();
    const again = await readSnapshot(folder);
    if (again.kind !== 'good') throw new Error(again.kind);
    expect(reading.snapshot.tornFiles).toHaveLength(1);
    expect(again.snapshot.tornFiles).toEqual(reading.snapshot.tornFiles);
    expect(again.snapshot).toMatchObject({ ledgerId: reading.snapshot.ledgerId, rows: 7, named: true });
    expect(again.snapshot.lastTimestampMs).toBe(reading.snapshot.lastTimestampMs);
  });

  it('is taken in passing after so many rows, once they are flushed', async () => {
    const home = makeHome();
    let flush: (() => void) | undefined;
    const io = {
      fdatasync: () =>
        new Promise<void>((resolve) => {
          flush = resolve;
        }),
    };
    const store = await open(home, { snapshotRows: 3, io });
    for (let n = 0; n < 3; n++) await add(store, n);
    await expect.poll(() => flush).toBeDefined();
    expect((await readSnapshot(store.paths.folder)).kind).toBe('none');
    flush?.();
    await expect.poll(async () => (await readSnapshot(store.paths.folder)).kind).toBe('good');
  });

  it('is not written when its rows could not be flushed', async () => {
    const home = makeHome();
    const io = { fdatasync: () => Promise.reject(new Error('EIO')) };
    const store = await open(home, { snapshotRows: 2, io });
    for (let n = 0; n < 7; n++) await add(store, n);
    await store.close();
    expect(fs.readdirSync(store.paths.folder).filter((name) => name.startsWith('snapshot'))).toEqual([]);
  });

  it('keeps what folds of other policies had, and each reads on from its own place', async () => {
    const { home } = await makeLedger();
    const store = await open(home, DISK);
    const other = makeSum('other');
    store.attach(other);
    await add(store, 6);
    expect([other.applied(), other.total()]).toEqual([6, 21]);
    await store.close();
    const { sum } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([2, 121]);
  });

  it('of a process that is behind does not replace that of one that is ahead', async () => {
    const { home, folder } = await makeLedger();
    const behind = await open(home, DISK);
    behind.attach(makeSum('late'));
    await add(behind, 6);
    const elsewhere = await (await loadOtherProcess())(home, DISK);
    for (let n = 7; n < 10; n++) await add(elsewhere, n);
    await elsewhere.close();
    await behind.close();
    const reading = await readSnapshot(folder);
    expect(reading).toMatchObject({ kind: 'good', snapshot: { rows: 9 } });
    expect(reading.kind === 'good' && [...reading.snapshot.folds.keys()].sort()).toEqual(['late', 'sum']);
  });

  it('whose fold state is refused by the fold is read around', async () => {
    const { home, snapshot } = await makeLedger();
    const reading = parseSnapshot(fs.readFileSync(snapshot, 'utf8'));
    if (reading.kind !== 'good') throw new Error(reading.kind);
    const place = reading.snapshot;
    const folds = new Map([['sum', { place, state: 'nonsense' }]]);
    fs.writeFileSync(snapshot, printSnapshot({ ...reading.snapshot, folds }));
    const { sum } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([6, 115]);
  });

  it('whose fold state is of a place that the ledger does not have is read around', async () => {
    const { home, snapshot } = await makeLedger();
    const reading = parseSnapshot(fs.readFileSync(snapshot, 'utf8'));
    if (reading.kind !== 'good') throw new Error(reading.kind);
    const { offset, headHash } = reading.snapshot;
    for (const change of [
      { rows: 99 },
      { offset: offset - 1 },
      { headHash: headHash.replace(/^./, 'x') },
      { part: 3 },
    ]) {
      const place = { ...reading.snapshot, ...change };
      const text = printSnapshot({
        ...reading.snapshot,
        folds: new Map([['sum', { place, state: { total: 7 } }]]),
      });
      fs.writeFileSync(snapshot, text);
      const store = await open(home);
      const sum = makeSum();
      store.attach(sum);
      await store.transact(() => ({ result: 0, drafts: [] }));
      expect([sum.applied(), sum.total()]).toEqual([5, 15]);
      await store.close();
    }
  });
});

describe('a damaged snapshot', () => {
  it('is noticed at every byte, ignored and replaced by a good one', async () => {
    const { home, folder, snapshot } = await makeLedger(2);
    const good = fs.readFileSync(snapshot);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      expect(parseSnapshot(bad.toString('utf8')).kind, `byte ${at}`).toBe('bad');
    }
    for (const text of ['', '{}', 'x', good.subarray(0, -20), Buffer.concat([good, good])]) {
      fs.writeFileSync(snapshot, text);
      const { sum, store } = await reopen(home);
      expect(sum.applied()).toBeGreaterThan(2);
      await store.close();
      expect((await readSnapshot(folder)).kind).toBe('good');
    }
  });

  it.each([
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
    ['without chains', (text: string) => text.replace('"chains":', '"chainz":')],
    ['with a negative offset', (text: string) => text.replace(/"offset":/, '"offset":-')],
    ['with a head longer than the file', (text: string) => text.replace(/"headBytes":/, '"headBytes":9')],
  ])('%s and a right checksum is not used', async (_, change) => {
    const { home, snapshot } = await makeLedger();
    const state = change(fs.readFileSync(snapshot, 'utf8').slice(88, -2));
    const { createHash } = await import('node:crypto');
    const checksum = createHash('sha256').update(state).digest('hex');
    fs.writeFileSync(snapshot, `{"checksum":"${checksum}","state":${state}}\n`);
    const { sum } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([6, 115]);
  });

  it.each([
    [
      'a link',
      (path: string) => {
        fs.renameSync(path, `${path}.x`);
        fs.symlinkSync(`${path}.x`, path);
      },
    ],
    ['open to others', (path: string) => fs.chmodSync(path, 0o622)],
    [
      'a folder',
      (path: string) => {
        fs.rmSync(path);
        fs.mkdirSync(path);
      },
    ],
  ])('that is %s is not used', async (_, change) => {
    const { home, snapshot } = await makeLedger();
    change(snapshot);
    const { sum } = await reopen(home);
    expect([sum.applied(), sum.total()]).toEqual([6, 115]);
  });
});

describe('a ledger that is not what its snapshot saw', () => {
  const rewrites: [string, (ledger: string) => void][] = [
    ['cut by a byte', (ledger) => fs.truncateSync(ledger, fs.statSync(ledger).size - 1)],
    [
      'cut by a row',
      (ledger) =>
        fs.writeFileSync(ledger, `${fs.readFileSync(ledger, 'utf8').split('\n').slice(0, 4).join('\n')}\n`),
    ],
    ['emptied', (ledger) => fs.truncateSync(ledger, 0)],
    ['removed', (ledger) => fs.rmSync(ledger)],
    [
      'other in its last row',
      (ledger) => fs.writeFileSync(ledger, fs.readFileSync(ledger, 'utf8').replace('"n":5', '"n":6')),
    ],
  ];

  it.each(rewrites)('because it was %s is refused, again and again, and not touched', async (_, change) => {
    const { home, ledger, snapshot } = await makeLedger();
    const before = fs.readFileSync(snapshot);
    change(ledger);
    const left = fs.existsSync(ledger) ? fs.readFileSync(ledger) : undefined;
    for (let n = 0; n < 2; n++)
      await expect(open(home)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN', hint: /--acknowledge/ });
    expect(fs.existsSync(ledger) ? fs.readFileSync(ledger) : undefined).toEqual(left);
    expect(fs.readFileSync(snapshot)).toEqual(before);
  });

  it('because it is another ledger is refused', async () => {
    const [one, other] = [await makeLedger(), await makeLedger(9)];
    fs.copyFileSync(other.ledger, one.ledger);
    await expect(open(one.home)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
  });
});
