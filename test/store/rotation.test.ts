import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LedgerFold } from '../../src/core/spend-store.js';
import { acknowledgeLedger } from '../../src/store/acknowledge.js';
import { followLedger, type LedgerOptions, readLines } from '../../src/store/index.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';
import { loadOtherProcess } from './other-process.js';

/** About two rows. */
const SMALL: Partial<LedgerOptions> = { partBytes: 1_500 };

const partsOf = (folder: string): string[] =>
  fs
    .readdirSync(folder)
    .filter((name) => /^decisions/.test(name))
    .sort();

/** All parts as one checked ledger. */
function checkParts(folder: string): number[] {
  const whole = join(folder, 'whole');
  const newest = fs.existsSync(join(folder, 'decisions.ndjson')) ? ['decisions.ndjson'] : [];
  const names = [...partsOf(folder).filter((name) => name !== 'decisions.ndjson'), ...newest];
  fs.writeFileSync(whole, Buffer.concat(names.map((name) => fs.readFileSync(join(folder, name)))));
  const rows = checkLedger(whole);
  fs.rmSync(whole);
  return rows.map((row) => Number(row.decision.n));
}

const listFull = (folder: string): number => partsOf(folder).length - 1;

const count = (to: number, from = 0): number[] => Array.from({ length: to - from }, (_, n) => from + n);

function collect(): LedgerFold & { readonly seen: number[] } {
  const seen: number[] = [];
  return { seen, apply: (row) => void seen.push(Number(row.decision.n)) };
}

async function fill(home: string, rows: number, from = 0, options = SMALL) {
  const store = await open(home, options);
  for (let n = from; n < from + rows; n++) await add(store, n);
  return store;
}

describe('a ledger that grows beyond the size of a part', () => {
  it('goes on in the next, as one history', async () => {
    const home = makeHome();
    const { paths } = await fill(home, 9);
    expect(partsOf(paths.folder).length).toBeGreaterThan(2);
    expect(partsOf(paths.folder)[0]).toBe('decisions-000001.ndjson');
    expect(checkParts(paths.folder)).toEqual(count(9));
    expect(fs.statSync(paths.ledger).mode & 0o777).toBe(0o600);
  });

  it('is read whole by a later start, by a new fold and by a reader', async () => {
    const home = makeHome();
    await (await fill(home, 9)).close();
    const store = await open(home, SMALL);
    const fold = collect();
    store.attach(fold);
    await add(store, 9);
    const late = collect();
    store.attach(late);
    await add(store, 10);
    expect([fold.seen, late.seen]).toEqual([count(11), count(11)]);
    let lines = 0;
    for await (const run of readLines(store.paths.ledger)) lines += run.lines.length;
    expect(lines).toBe(11);
  });

  it('starts from a snapshot in a later part', async () => {
    const home = makeHome();
    await (await fill(home, 8, 0, { ...SMALL, durability: 'disk' })).close();
    const store = await open(home, SMALL);
    const { receipts } = await add(store, 8);
    expect(receipts[0]?.decision.ledgerIndex).toBe(8);
    expect(checkParts(store.paths.folder)).toEqual(count(9));
  });

  it('is followed by processes that have it open, whoever rotates', async () => {
    const home = makeHome();
    const one = await open(home, SMALL);
    const other = await (await loadOtherProcess())(home, SMALL);
    const fold = collect();
    one.attach(fold);
    for (let n = 0; n < 20; n++) await add(n % 5 < 2 ? one : other, n);
    await add(one, 20);
    expect(fold.seen).toEqual(count(21));
    expect(checkParts(one.paths.folder)).toEqual(count(21));
  });

  it('is followed by readers through every part', async () => {
    const home = makeHome();
    const store = await open(home, SMALL);
    await add(store, 0);
    const seen: number[] = [];
    const kinds: string[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const event of followLedger(store.paths.ledger, { pollMs: 5, signal: stop.signal })) {
        kinds.push(event.kind);
        if (event.kind === 'lines')
          for (const { bytes } of event.lines)
            seen.push(JSON.parse(Buffer.from(bytes).toString()).decision.n);
        if (seen.length === 12) stop.abort();
      }
    })();
    await expect.poll(() => seen).toEqual([0]);
    for (let n = 1; n < 12; n++) await add(store, n);
    await following;
    expect(seen).toEqual(count(12));
    expect(kinds).toContain('rotated');
    expect(new Set(kinds)).toEqual(new Set(['lines', 'rotated']));
  });

  it('flushes a part before the next begins, and goes on in the old one when that fails', async () => {
    const home = makeHome();
    let failures = 2;
    const store = await open(home, {
      ...SMALL,
      io: {
        fdatasyncSync: (fd) => {
          if (failures-- > 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
          fs.fdatasyncSync(fd);
        },
      },
    });
    for (let n = 0; n < 8; n++) await add(store, n);
    expect(failures).toBeLessThan(0);
    expect(checkParts(store.paths.folder)).toEqual(count(8));
  });
});

/** What a rotation leaves that was stopped between its two renames. */
function breakOffRotation(folder: string): void {
  fs.writeFileSync(join(folder, 'decisions.ndjson.next'), '', { mode: 0o600 });
  fs.renameSync(join(folder, 'decisions.ndjson'), join(folder, 'decisions-000001.ndjson'));
}

describe('a rotation that was broken off', () => {
  it('before the next part had its name is finished by whoever comes next', async () => {
    const home = makeHome();
    const first = await fill(home, 1);
    const running = await (await loadOtherProcess())(home);
    await add(running, 1);
    await first.close();
    const { folder } = running.paths;
    breakOffRotation(folder);
    const store = await open(home);
    const { receipts } = await add(store, 2);
    expect(receipts[0]?.decision.ledgerIndex).toBe(2);
    await add(running, 3);
    expect(checkParts(folder)).toEqual(count(4));
    expect(partsOf(folder)).toHaveLength(2);
  });

  it('leaves a missing newest part that is no new ledger', async () => {
    const home = makeHome();
    const { paths, close } = await fill(home, 3, 0, {});
    await close();
    breakOffRotation(paths.folder);
    const store = await open(home);
    const { receipts } = await add(store, 3);
    expect(receipts[0]).toMatchObject({ sequence: 3, decision: { ledgerIndex: 3 } });
    expect(partsOf(paths.folder)).toEqual(['decisions-000001.ndjson', 'decisions.ndjson']);
  });

  it('before anything was renamed changes nothing', async () => {
    const home = makeHome();
    const store = await fill(home, 2);
    fs.writeFileSync(join(store.paths.folder, 'decisions.ndjson.next'), '', { mode: 0o600 });
    for (let n = 2; n < 9; n++) await add(store, n);
    expect(checkParts(store.paths.folder)).toEqual(count(9));
  });
});

describe('a part that is not what it was', () => {
  it('because the newest was taken away refuses who starts, and who had not read it yet, until acknowledged', async () => {
    const home = makeHome();
    const behind = await fill(home, 1);
    const ahead = await (await loadOtherProcess())(home, SMALL);
    for (let n = 1; n < 9; n++) await add(ahead, n);
    await ahead.close();
    const { folder, ledger } = behind.paths;
    fs.rmSync(join(folder, 'snapshot.json'), { force: true });
    fs.rmSync(ledger);
    const lost = { code: 'LEDGER_REWRITTEN', message: expect.stringContaining('has lost its newest part') };
    await expect(add(behind, 9)).rejects.toMatchObject(lost);
    const starting = await open(home, SMALL);
    await expect(add(starting, 9)).rejects.toMatchObject(lost);
    expect(fs.existsSync(ledger)).toBe(false);
    await Promise.allSettled([behind.close(), starting.close()]);
    const row = await acknowledgeLedger({ home, scope: 'acme', nowMs: Date.now() });
    expect(row?.decision.acknowledged).toMatchObject([{ what: 'ledger_rewritten', snapshot: null }]);
    await expect(add(await open(home, SMALL), 9)).resolves.toBeDefined();
  });

  it.each([9, 15])('because it is gone is a named gap, and nothing is written (%d rows)', async (rows) => {
    const home = makeHome();
    const { paths, close } = await fill(home, rows);
    await close();
    fs.rmSync(join(paths.folder, 'decisions-000002.ndjson'));
    const before = partsOf(paths.folder);
    const store = await open(home, SMALL);
    await expect(add(store, 9)).rejects.toMatchObject({
      code: 'LEDGER_CORRUPT',
      message: expect.stringMatching(/decisions-000002.ndjson (is missing|may be missing)/),
    });
    expect(partsOf(paths.folder)).toEqual(before);
  });

  it('because the newest is as it was once refuses who had read none of it, by the snapshot', async () => {
    const home = makeHome();
    const behind = await fill(home, 1);
    const ahead = await (await loadOtherProcess())(home, { partBytes: 3_000, durability: 'disk' });
    for (let n = 1; n < 9; n++) await add(ahead, n);
    await ahead.close();
    const { folder, ledger } = behind.paths;
    const { state } = JSON.parse(fs.readFileSync(join(folder, 'snapshot.json'), 'utf8'));
    const bytes = fs.readFileSync(ledger);
    const older = bytes.subarray(0, bytes.indexOf(0x0a) + 1);
    expect([state.part, state.offset > older.length]).toEqual([listFull(folder), true]);
    fs.writeFileSync(ledger, older);
    await expect(add(behind, 9)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    expect(fs.readFileSync(ledger)).toEqual(older);
  });

  it('because it is gone before the first is refused at once', async () => {
    const home = makeHome();
    const { paths, close } = await fill(home, 9);
    await close();
    fs.rmSync(join(paths.folder, 'decisions-000001.ndjson'));
    await expect(open(home, SMALL)).rejects.toMatchObject({
      code: 'LEDGER_CORRUPT',
      message: expect.stringMatching(/000001/),
    });
  });

  it.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, -3)],
    ['torn', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('{"half')])],
  ])('because a full one was %s is damage, never cut away', async (_, change) => {
    const home = makeHome();
    const { paths, close } = await fill(home, 9);
    await close();
    const full = join(paths.folder, 'decisions-000001.ndjson');
    const changed = change(fs.readFileSync(full));
    fs.writeFileSync(full, changed);
    const store = await open(home, SMALL);
    await expect(add(store, 9)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    expect(fs.readFileSync(full)).toEqual(changed);
  });

  it('because another was put in its place refuses a running process', async () => {
    const home = makeHome();
    const store = await fill(home, 1);
    fs.renameSync(store.paths.ledger, join(store.paths.folder, 'x'));
    fs.writeFileSync(store.paths.ledger, '', { mode: 0o600 });
    await expect(add(store, 1)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
  });
});
