import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import type { LedgerFold, SpendStore } from '../../src/core/spend-store.js';
import { createMemoryStore, createNodeSigner, nodeBackend, type openLedger } from '../../src/store/index.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';

const otherKey = createNodeSigner(new Uint8Array(32).fill(9));

function collect(): LedgerFold & { readonly seen: unknown[]; readonly times: number[] } {
  const seen: unknown[] = [];
  const times: number[] = [];
  return {
    seen,
    times,
    apply(row, timeMs) {
      seen.push(row.decision.n);
      times.push(timeMs);
    },
  };
}

/** Rows as an older writer left them: hashed, signed and chained, without ledger order. */
function foreignRows(count: number): string {
  let text = '';
  let previousHash = ZERO_HASH;
  for (let sequence = 0; sequence < count; sequence++) {
    const row = sealReceipt(
      { decisionId: `f${sequence}` },
      { sequence, previousHash },
      otherKey,
      nodeBackend,
    );
    previousHash = row.receipt.entryHash;
    text += `${row.line}\n`;
  }
  return text;
}

const stores: [string, () => Promise<SpendStore>][] = [
  ['on disk', () => open(makeHome())],
  ['in memory', async () => createMemoryStore()],
];

describe.each(stores)('a store %s', (_, make) => {
  it('gives each step the index and time of the rows before it', async () => {
    const store = await make();
    const first = await store.transact((view) => ({ result: view, drafts: [] }));
    expect(first.result).toMatchObject({ nextIndex: 0, lastTimestampMs: -Infinity });
    await store.transact(() => ({
      result: 0,
      drafts: [{ decision: { timestamp: '2026-10-01T00:00:00.000Z' } }, { decision: {} }],
    }));
    const later = await store.transact((view) => ({ result: view, drafts: [] }));
    expect(later.result).toEqual({
      ledgerId: first.result.ledgerId,
      nextIndex: 2,
      lastTimestampMs: Date.UTC(2026, 9, 1),
    });
  });

  it('signs id, order and format into each row, over whatever a draft says of them', async () => {
    const store = await make();
    const lies = { ledgerId: 'x', ledgerIndex: 99, ledgerPreviousHash: 'x', formatVersion: 0 };
    const { receipts } = await store.transact((view) => ({
      result: view,
      drafts: [{ decision: lies }, { decision: lies }],
    }));
    const [one, two] = receipts;
    expect(one?.decision.ledgerId).toMatch(/^[0-9a-f]{32}$/);
    expect(one?.decision).toMatchObject({ ledgerIndex: 0, ledgerPreviousHash: ZERO_HASH, formatVersion: 1 });
    expect(two?.decision).toMatchObject({ ledgerIndex: 1, ledgerPreviousHash: one?.entryHash });
    expect(two).toMatchObject({ sequence: 1, previousHash: one?.entryHash });
  });

  it('keeps one chain for each key', async () => {
    const store = await make();
    const drafts = [
      { decision: {} },
      { decision: {}, signer: otherKey },
      { decision: {} },
      { decision: {}, signer: otherKey },
    ];
    const { receipts } = await store.transact(() => ({ result: 0, drafts }));
    expect(receipts.map((row) => row.sequence)).toEqual([0, 0, 1, 1]);
    expect(receipts[3]?.previousHash).toBe(receipts[1]?.entryHash);
    expect(receipts[1]?.publicKeyHex).toBe(otherKey.publicKeyHex);
  });

  it('writes nothing when a step throws, and gives the error to its caller alone', async () => {
    const store = await make();
    const failing = store.transact(() => {
      throw new RangeError('mine');
    });
    const fine = store.transact((view) => ({ result: view.nextIndex, drafts: [{ decision: {} }] }));
    await expect(failing).rejects.toThrow('mine');
    expect((await fine).result).toBe(0);
  });

  it.each([[{ a: Number.NaN }], [{ a: '\ud800' }], [{ a: undefined }], [{ a: () => 0 }]])(
    'writes none of a step’s rows when one cannot be a row (%o)',
    async (bad) => {
      const store = await make();
      const drafts = [{ decision: {} }, { decision: bad as never }];
      await expect(store.transact(() => ({ result: 0, drafts }))).rejects.toThrow(TypeError);
      expect((await store.transact((view) => ({ result: view.nextIndex, drafts: [] }))).result).toBe(0);
    },
  );

  it('runs steps in the order of the calls, each seeing the rows before it', async () => {
    const store = await make();
    const results = await Promise.all(Array.from({ length: 200 }, (_, n) => add(store, n)));
    expect(results.map(({ result }) => result.nextIndex)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('feeds a fold all history before the next step, then each row, and none after it was detached', async () => {
    const store = await make();
    for (let n = 0; n < 5; n++) await add(store, n);
    const fold = collect();
    store.attach(fold);
    store.attach(fold);
    const { result } = await store.transact(() => ({
      result: fold.seen.slice(),
      drafts: [{ decision: { n: 5 } }],
    }));
    expect(result).toEqual([0, 1, 2, 3, 4]);
    expect(fold.seen).toEqual([0, 1, 2, 3, 4, 5]);
    expect(fold.times).toEqual([...Array(5).fill(Date.UTC(2026, 9, 1, 12)), Number.NaN]);
    store.detach(fold);
    await add(store, 6);
    expect(fold.seen).toHaveLength(6);
  });

  it('feeds a fold that is attached while steps are queued before the next of them', async () => {
    const store = await make();
    const fold = collect();
    const first = store.transact(() => {
      store.attach(fold);
      return { result: 0, drafts: [{ decision: { n: 0 } }] };
    });
    const second = store.transact(() => ({ result: fold.seen.slice(), drafts: [] }));
    await first;
    expect((await second).result).toEqual([0]);
  });

  it('wakes who waits for a change, also one that came just before waiting', async () => {
    const store = await make();
    const waiting = store.waitForChange(20_000);
    await add(store);
    await waiting;
    const step = add(store);
    await step.then(() => store.waitForChange(20_000));
  });

  it('lets a wait end by its time or by its signal', async () => {
    const store = await make();
    await store.waitForChange(1);
    const controller = new AbortController();
    const waiting = store.waitForChange(20_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(store.waitForChange(20_000, controller.signal)).rejects.toThrow('enough');
  });

  it('is alive to itself, and an unheard-of instance is not', async () => {
    const store = await make();
    expect(await store.isAlive(store.instanceId)).toBe(true);
    expect(await store.isAlive('0123456789abcdef')).toBe(false);
  });

  it('refuses steps once it is closed', async () => {
    const store = await make();
    const last = add(store);
    await store.close();
    await store.close();
    expect((await last).receipts).toHaveLength(1);
    await expect(add(store)).rejects.toMatchObject({ code: 'LEDGER_CLOSED' });
  });
});

describe('a ledger on disk', () => {
  it('goes on where it ended: same id, key and chain', async () => {
    const home = makeHome();
    const before = await open(home);
    await add(before, 0);
    await before.close();
    const after = await open(home);
    const fold = collect();
    after.attach(fold);
    await add(after, 1);
    expect(fold.seen).toEqual([0, 1]);
    const rows = checkLedger(after.paths.ledger);
    expect(rows.map((row) => [row.sequence, row.decision.ledgerId])).toEqual(
      rows.map((_row, i) => [i, rows[0]?.decision.ledgerId]),
    );
    expect(row0(rows).publicKeyHex).toBe(after.publicKeyHex);
  });

  it('is one for all handles of a process, and lives until the last is closed', async () => {
    const home = makeHome();
    const [one, two] = await Promise.all([open(home), open(home)]);
    expect(one.instanceId).toBe(two.instanceId);
    const fold = collect();
    one.attach(fold);
    await Promise.all([add(one, 1), add(two, 2)]);
    expect(fold.seen).toEqual([1, 2]);
    await one.close();
    await add(two, 3);
    expect(fold.seen).toEqual([1, 2]);
    await two.close();
    const again = await open(home);
    await add(again, 4);
    expect(checkLedger(again.paths.ledger).map((row) => row.decision.n)).toEqual([1, 2, 3, 4]);
  });

  it('is kept in order by the lock when the module is loaded twice', async () => {
    const home = makeHome();
    const built: { openLedger: typeof openLedger } = await import('../../dist/store/index.js' as string);
    const [one, two] = [
      await open(home),
      await built.openLedger({ home, scope: 'acme', durability: 'disk' }),
    ];
    expect(one.instanceId).not.toBe(two.instanceId);
    await Promise.all(Array.from({ length: 100 }, (_, n) => add(n % 2 ? one : two, n)));
    expect(await one.isAlive(two.instanceId)).toBe(true);
    await two.close();
    expect(checkLedger(one.paths.ledger)).toHaveLength(100);
  });

  it('leaves nothing but its rows and its key behind when closed', async () => {
    const home = makeHome();
    const store = await open(home);
    await add(store);
    await store.close();
    expect(readdirSync(store.paths.folder).sort()).toEqual(['decisions.ndjson', 'signing.key']);
    expect(readdirSync(join(home, '.instances'))).toEqual([]);
  });

  it('with rows of an older writer goes on at their physical count and head', async () => {
    const store = await open(makeHome());
    writeFileSync(store.paths.ledger, foreignRows(3));
    const fold = collect();
    store.attach(fold);
    const { receipts } = await add(store);
    const rows = checkLedger(store.paths.ledger);
    expect(receipts[0]?.decision).toMatchObject({ ledgerIndex: 3, ledgerPreviousHash: rows[2]?.entryHash });
    expect(fold.seen).toHaveLength(4);
    const own = await store.transact(() => ({ result: 0, drafts: [{ decision: {}, signer: otherKey }] }));
    expect(own.receipts[0]).toMatchObject({ sequence: 3, previousHash: rows[2]?.entryHash });
  });

  it('is read before the lock is taken when much is new, and the event loop turns meanwhile', async () => {
    const home = makeHome();
    const first = await open(home);
    for (let n = 0; n < 300; n++) await add(first, n, { padding: 'x'.repeat(1000) });
    await first.close();
    const store = await open(home);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    expect((await add(store)).result.nextIndex).toBe(300);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('wakes who waits when another process writes', async () => {
    const home = makeHome();
    const built: { openLedger: typeof openLedger } = await import('../../dist/store/index.js' as string);
    const [one, two] = [
      await open(home),
      await built.openLedger({ home, scope: 'acme', durability: 'process' }),
    ];
    await add(one);
    const waiting = one.waitForChange(20_000);
    await add(two);
    await waiting;
    await two.close();
  });
});

function row0<T>(rows: readonly T[]): T {
  const [first] = rows;
  if (first === undefined) throw new Error('no rows');
  return first;
}
