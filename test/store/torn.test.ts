import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LedgerStore } from '../../src/store/index.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';

const now = (): number => Date.UTC(2026, 9, 1, 12, 30, 15);

const tornFiles = (store: LedgerStore): string[] =>
  readdirSync(store.paths.folder).filter((name) => name.startsWith('torn-'));

/** A closed ledger of two rows. */
async function makeLedger() {
  const home = makeHome();
  const store = await open(home);
  await add(store, 0);
  await add(store, 1);
  await store.close();
  const bytes = readFileSync(store.paths.ledger);
  return { home, ledger: store.paths.ledger, bytes, firstRow: bytes.indexOf(0x0a) + 1 };
}

function expectNamed(store: LedgerStore, tornTail: unknown, bytes: Uint8Array): void {
  const [file = ''] = tornFiles(store);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(tornTail).toEqual({ file, bytes: bytes.length, sha256 });
  expect(readFileSync(join(store.paths.folder, file)).equals(bytes)).toBe(true);
}

describe('a ledger whose last row was cut by a crash', () => {
  it('at any byte sets the rest aside, names it in the next row and goes on', async () => {
    const { home, ledger, bytes, firstRow } = await makeLedger();
    const step = process.env.SLOW ? 1 : 7;
    for (let size = firstRow + 1; size < bytes.length - 1; size += step) {
      writeFileSync(ledger, bytes.subarray(0, size));
      const store = await open(home, { now });
      const { receipts } = await add(store, 2);
      const rows = checkLedger(ledger);
      expect(rows.map((row) => row.decision.n)).toEqual([0, 2]);
      const tornTail = receipts[0]?.decision.tornTail as { file: string; bytes: number };
      expect(tornTail.bytes).toBe(size - firstRow);
      expect(
        readFileSync(join(store.paths.folder, tornTail.file)).equals(bytes.subarray(firstRow, size)),
      ).toBe(true);
      await store.close();
      rmSync(join(store.paths.folder, tornTail.file));
    }
  });

  it('at its line feed only is finished, not dropped', async () => {
    const { home, ledger, bytes } = await makeLedger();
    truncateSync(ledger, bytes.length - 1);
    const store = await open(home);
    const { receipts } = await add(store, 2);
    expect(checkLedger(ledger).map((row) => row.decision.n)).toEqual([0, 1, 2]);
    expect(receipts[0]?.decision).not.toHaveProperty('tornTail');
    expect(tornFiles(store)).toEqual([]);
  });

  it('before its first line feed starts over at index 0', async () => {
    const { home, ledger, bytes } = await makeLedger();
    truncateSync(ledger, 100);
    const store = await open(home, { now });
    const { receipts } = await add(store, 2);
    expect(receipts[0]).toMatchObject({ sequence: 0, decision: { ledgerIndex: 0 } });
    expectNamed(store, receipts[0]?.decision.tornTail, bytes.subarray(0, 100));
    expect(tornFiles(store)).toEqual(['torn-20261001T123015Z-0.ndjson']);
  });

  it('is named once, and by the next row that is written, however late', async () => {
    const { home, ledger } = await makeLedger();
    appendFileSync(ledger, '{"half');
    const store = await open(home);
    await store.transact(() => ({ result: 0, drafts: [] }));
    await expect(
      store.transact(() => ({ result: 0, drafts: [{ decision: { a: Number.NaN } }] })),
    ).rejects.toThrow(TypeError);
    const named = await add(store, 2);
    expectNamed(store, named.receipts[0]?.decision.tornTail, Buffer.from('{"half'));
    expect((await add(store, 3)).receipts[0]?.decision).not.toHaveProperty('tornTail');
    await store.close();
    expect((await add(await open(home), 4)).receipts[0]?.decision).not.toHaveProperty('tornTail');
  });

  it('is still named when the process that set it aside died before its row', async () => {
    const { home, ledger } = await makeLedger();
    appendFileSync(ledger, '{"half');
    const first = await open(home);
    await first.transact(() => ({ result: 0, drafts: [] }));
    await first.close();
    const store = await open(home);
    expectNamed(store, (await add(store, 2)).receipts[0]?.decision.tornTail, Buffer.from('{"half'));
  });

  it('twice has both ends named, one a row', async () => {
    const { home, ledger } = await makeLedger();
    for (const tail of ['{"one', '{"two']) {
      appendFileSync(ledger, tail);
      const store = await open(home, { now });
      await store.transact(() => ({ result: 0, drafts: [] }));
      await store.close();
    }
    const store = await open(home);
    const { receipts } = await store.transact(() => ({
      result: 0,
      drafts: [{ decision: {} }, { decision: {} }, { decision: {} }],
    }));
    expect(receipts.map((row) => (row.decision.tornTail as { file?: string } | undefined)?.file)).toEqual([
      'torn-20261001T123015Z-0.ndjson',
      'torn-20261001T123015Z-1.ndjson',
      undefined,
    ]);
  });
});

describe('a ledger after a power loss', () => {
  const tails: [string, (row: Uint8Array) => Uint8Array][] = [
    ['NUL bytes', () => Buffer.alloc(5000)],
    ['NUL bytes with line feeds in them', () => Buffer.from('\0\0\n\0\n\n\0\0\n')],
    ['several lines of garbage', () => Buffer.from('{"a":1\n\xff\xfe\n]]\n')],
    ['an empty line', () => Buffer.from('\n')],
    ['half a row and NUL bytes', (row) => Buffer.concat([row.subarray(0, 300), Buffer.alloc(700)])],
    ['a row with a NUL in it and its line feed', (row) => Buffer.from(row).fill(0, 40, 60)],
    ['a line of more than 1 MiB', () => Buffer.alloc(1_200_000, 0x61)],
    ['JSON that is no row', () => Buffer.from('{}\n[]\n1\n')],
  ];

  it.each(tails)('that ends in %s sets that aside and goes on', async (_, makeTail) => {
    const { home, ledger, bytes, firstRow } = await makeLedger();
    const tail = makeTail(bytes.subarray(0, firstRow));
    appendFileSync(ledger, tail);
    const store = await open(home);
    const { receipts } = await add(store, 2);
    expect(checkLedger(ledger).map((row) => row.decision.n)).toEqual([0, 1, 2]);
    expectNamed(store, receipts[0]?.decision.tornTail, tail);
  });

  it.each(tails.slice(0, 6))(
    'that has %s before a good row is refused, and nothing of it is cut',
    async (_, makeTail) => {
      const { home, ledger, bytes, firstRow } = await makeLedger();
      const damage = makeTail(bytes.subarray(0, firstRow));
      const gap = damage.at(-1) === 0x0a ? damage : Buffer.concat([damage, Buffer.from('\n')]);
      const damaged = Buffer.concat([bytes.subarray(0, firstRow), gap, bytes.subarray(firstRow)]);
      writeFileSync(ledger, damaged);
      const store = await open(home);
      await expect(add(store)).rejects.toMatchObject({
        code: 'LEDGER_CORRUPT',
        message: expect.stringMatching(/after row 1/),
      });
      expect(readFileSync(ledger).equals(damaged)).toBe(true);
      expect(tornFiles(store)).toEqual([]);
    },
  );

  it('whose last row is whole but has a wrong hash is refused: a crash does not do that', async () => {
    const { home, ledger, bytes } = await makeLedger();
    const changed = Buffer.from(bytes.toString().replace('"n":1', '"n":7'));
    writeFileSync(ledger, changed);
    await expect(add(await open(home))).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    writeFileSync(ledger, changed.subarray(0, -1));
    await expect(add(await open(home))).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
  });

  it('under a running store is mended too', async () => {
    const home = makeHome();
    const store = await open(home);
    await add(store, 0);
    appendFileSync(store.paths.ledger, Buffer.alloc(10));
    const { receipts } = await add(store, 1);
    expectNamed(store, receipts[0]?.decision.tornTail, Buffer.alloc(10));
    expect(checkLedger(store.paths.ledger)).toHaveLength(2);
  });
});
