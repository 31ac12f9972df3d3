import * as fs from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { LedgerFold } from '../../src/core/spend-store.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';

const fault = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

function collect(): LedgerFold & { readonly seen: unknown[] } {
  const seen: unknown[] = [];
  return { seen, apply: (row) => void seen.push(row.decision.n) };
}

/** A store whose next write does what the test says. */
async function openFaulty() {
  const state = { write: undefined as ((fd: number, bytes: Uint8Array) => number) | undefined, cut: true };
  const store = await open(makeHome(), {
    io: {
      writeSync(fd, bytes) {
        const { write } = state;
        state.write = undefined;
        return write ? write(fd, bytes) : fs.writeSync(fd, bytes);
      },
      ftruncateSync(fd, size) {
        if (!state.cut) throw fault('EIO');
        fs.ftruncateSync(fd, size);
      },
    },
  });
  const fold = collect();
  store.attach(fold);
  await add(store, 0);
  return { store, state, fold };
}

describe('a write that fails', () => {
  const failures: [string, (fd: number, bytes: Uint8Array) => number][] = [
    [
      'with ENOSPC',
      () => {
        throw fault('ENOSPC');
      },
    ],
    [
      'with EIO after half the bytes',
      (fd, bytes) => {
        fs.writeSync(fd, bytes.subarray(0, 50));
        throw fault('EIO');
      },
    ],
    ['by being short', (fd, bytes) => fs.writeSync(fd, bytes.subarray(0, bytes.length - 1))],
    ['by writing nothing', () => 0],
  ];

  it.each(failures)('%s is reported, cut back and felt by no fold', async (_, write) => {
    const { store, state, fold } = await openFaulty();
    const before = fs.readFileSync(store.paths.ledger);
    state.write = write;
    await expect(add(store, 1)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE', hint: /disk/ });
    expect(fs.readFileSync(store.paths.ledger).equals(before)).toBe(true);
    expect(fold.seen).toEqual([0]);
    await add(store, 2);
    expect(checkLedger(store.paths.ledger).map((row) => row.decision.n)).toEqual([0, 2]);
  });

  it('fails its own step only: others of the same batch are written', async () => {
    const { store, state } = await openFaulty();
    state.write = () => 0;
    const results = await Promise.allSettled([add(store, 1), add(store, 2), add(store, 3)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(checkLedger(store.paths.ledger).map((row) => row.decision.n)).toEqual([0, 2, 3]);
  });

  it('and cannot be cut back leaves a torn tail that the next step sets aside', async () => {
    const { store, state, fold } = await openFaulty();
    state.write = (fd, bytes) => fs.writeSync(fd, bytes.subarray(0, 50));
    state.cut = false;
    await expect(add(store, 1)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    await expect(add(store, 2)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    state.cut = true;
    const { receipts } = await add(store, 3);
    expect(receipts[0]?.decision.tornTail).toMatchObject({ bytes: 50 });
    expect(fold.seen).toEqual([0, 3]);
    expect(checkLedger(store.paths.ledger).map((row) => row.decision.n)).toEqual([0, 3]);
  });

  it('of a line feed that finishes a row leaves the row for the next step', async () => {
    const { store, state } = await openFaulty();
    await add(store, 1);
    await store.close();
    fs.truncateSync(store.paths.ledger, fs.statSync(store.paths.ledger).size - 1);
    const again = await open(store.paths.folder.replace(/\/acme$/, ''), {
      io: {
        writeSync(fd, bytes) {
          if (bytes.length === 1 && state.cut) {
            state.cut = false;
            throw fault('ENOSPC');
          }
          return fs.writeSync(fd, bytes);
        },
      },
    });
    await expect(add(again, 2)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    await add(again, 3);
    expect(checkLedger(again.paths.ledger).map((row) => row.decision.n)).toEqual([0, 1, 3]);
  });
});

describe('a flush', () => {
  let answerAll = false;
  const waiting = new Set<() => void>();
  afterEach(() => {
    answerAll = true;
    for (const succeed of waiting) succeed();
    waiting.clear();
  });

  /** A store whose flushes wait until the test answers them, or is over. */
  async function openFlushing() {
    answerAll = false;
    const flushes: { succeed: () => void; fail: () => void }[] = [];
    const store = await open(makeHome(), {
      durability: 'disk',
      io: {
        fdatasync: () =>
          new Promise((resolve, reject) => {
            if (answerAll) resolve();
            waiting.add(resolve);
            flushes.push({ succeed: resolve, fail: () => reject(fault('EIO')) });
          }),
      },
    });
    return { store, flushes };
  }

  it('is shared by all who wait when it starts, and later ones share the next', async () => {
    const { store, flushes } = await openFlushing();
    const first = (await add(store, 0)).durable();
    const early = (await add(store, 1)).durable();
    const late = (await add(store, 2)).durable();
    expect(flushes).toHaveLength(1);
    flushes[0]?.succeed();
    await first;
    await expect.poll(() => flushes.length).toBe(2);
    flushes[1]?.succeed();
    await Promise.all([early, late]);
    await add(store, 3);
    expect(flushes).toHaveLength(2);
    const closing = store.close();
    await expect.poll(() => flushes.length).toBe(3);
    flushes[2]?.succeed();
    await closing;
  });

  it('is not started for rows that an earlier one covered', async () => {
    const { store, flushes } = await openFlushing();
    const written = [await add(store, 0), await add(store, 1)];
    const second = written[1]?.durable();
    flushes[0]?.succeed();
    await second;
    await written[0]?.durable();
    expect(flushes).toHaveLength(1);
  });

  it('that fails fails everybody who waits for it or after it, and is never tried again', async () => {
    const { store, flushes } = await openFlushing();
    const [one, two] = [await add(store, 0), await add(store, 1)];
    const waiting = [one.durable(), two.durable(), (await add(store, 2)).durable()];
    flushes[0]?.fail();
    const results = await Promise.allSettled(waiting);
    expect(results.map((result) => result.status)).toEqual(Array(3).fill('rejected'));
    await expect(one.durable()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    expect(flushes).toHaveLength(1);
  });

  it('that failed is followed by a reopened file whose rows flush anew', async () => {
    const { store, flushes } = await openFlushing();
    const lost = (await add(store, 0)).durable();
    flushes[0]?.fail();
    await expect(lost).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    const next = await add(store, 1);
    const durable = next.durable();
    expect(flushes).toHaveLength(2);
    flushes[1]?.succeed();
    await durable;
    expect(checkLedger(store.paths.ledger).map((row) => row.decision.n)).toEqual([0, 1]);
  });

  it('that failed and lost rows makes the ledger a rewritten one', async () => {
    const { store, flushes } = await openFlushing();
    await add(store, 0);
    const { length } = fs.readFileSync(store.paths.ledger);
    const lost = (await add(store, 1)).durable();
    flushes[0]?.fail();
    await expect(lost).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
    const size = fs.statSync(store.paths.ledger).size;
    const fd = fs.openSync(store.paths.ledger, 'r+');
    fs.writeSync(fd, Buffer.alloc(size - length), 0, size - length, length);
    fs.closeSync(fd);
    await expect(add(store, 2)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
  });

  it('is not asked for with process durability', async () => {
    const store = await open(makeHome(), { io: { fdatasync: () => Promise.reject(fault('EIO')) } });
    await (await add(store)).durable();
    await store.close();
  });
});

describe('a folder that cannot be written to', () => {
  const isRoot = process.getuid?.() === 0;

  it.skipIf(isRoot)('refuses to open (skipped for the superuser, whom no mode stops)', async () => {
    const home = makeHome();
    fs.chmodSync(home, 0o500);
    await expect(open(home)).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' });
  });

  it('as far as writes tell refuses the step with the reason', async () => {
    const { store, state } = await openFaulty();
    state.write = () => {
      throw fault('EROFS');
    };
    await expect(add(store, 1)).rejects.toMatchObject({
      code: 'LEDGER_UNWRITABLE',
      message: expect.stringMatching(/EROFS/),
    });
  });

  it('because it is gone refuses the step', async () => {
    const store = await open(makeHome());
    await add(store, 0);
    fs.rmSync(store.paths.folder, { recursive: true });
    await expect(add(store, 1)).rejects.toMatchObject({
      code: expect.stringMatching(/LEDGER_(UNWRITABLE|REWRITTEN)/),
    });
  });
});
