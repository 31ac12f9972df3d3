import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';

describe('a ledger changed behind the back of a running store', () => {
  const tricks: [string, (ledger: string) => void][] = [
    ['cut', (ledger) => truncateSync(ledger, statSync(ledger).size - 1)],
    ['emptied', (ledger) => truncateSync(ledger, 0)],
    ['deleted', (ledger) => rmSync(ledger)],
    ['replaced by a copy', replaceByCopy],
    ['replaced by a link', replaceByLink],
  ];

  it.each(tricks)('by being %s refuses for good', async (_, change) => {
    const store = await open(makeHome());
    await add(store);
    await add(store);
    const before = readFileSync(store.paths.ledger);
    change(store.paths.ledger);
    await expect(add(store)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    rmSync(store.paths.ledger, { force: true });
    writeFileSync(store.paths.ledger, before);
    await expect(add(store)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
  });

  it('by a row that repeats, skips or forges one refuses and writes nothing', async () => {
    const home = makeHome();
    const store = await open(home);
    await add(store, 0);
    await add(store, 1);
    const good = readFileSync(store.paths.ledger);
    const [first = '', second = ''] = good.toString().split('\n');
    for (const extra of [
      first,
      second,
      second.replace('"n":1', '"n":2'),
      second.replaceAll('"ledgerIndex":1', '"ledgerIndex":2'),
    ]) {
      writeFileSync(store.paths.ledger, good);
      appendFileSync(store.paths.ledger, `${extra}\n`);
      await expect(add(store)).rejects.toMatchObject({
        code: 'LEDGER_CORRUPT',
        message: expect.stringMatching(/after row 2/),
      });
      expect(readFileSync(store.paths.ledger, 'utf8')).toBe(`${good}${extra}\n`);
    }
    writeFileSync(store.paths.ledger, good);
    await add(store, 2);
    expect(checkLedger(store.paths.ledger)).toHaveLength(3);
  });

  it('by rows of another ledger refuses', async () => {
    const [store, other] = [await open(makeHome()), await open(makeHome())];
    await add(store);
    await add(other);
    appendFileSync(store.paths.ledger, readFileSync(other.paths.ledger));
    await expect(add(store)).rejects.toMatchObject({
      code: 'LEDGER_CORRUPT',
      message: expect.stringMatching(/another ledger/),
    });
  });

  it('by every single byte of a ledger that is opened refuses, or the row is not covered by its hash', async () => {
    const home = makeHome();
    const store = await open(home);
    for (let n = 0; n < 3; n++) await add(store, n);
    await store.close();
    const good = readFileSync(store.paths.ledger);
    const firstRow = good.indexOf(0x0a);
    const hashed = good.indexOf('"entryHash"') + 78;
    const step = process.env.SLOW ? 1 : 23;
    for (let at = 0; at < hashed && at < firstRow; at += step) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      writeFileSync(store.paths.ledger, bad);
      const opened = await open(home);
      await expect(add(opened)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
      await opened.close();
      expect(readFileSync(store.paths.ledger)).toEqual(bad);
    }
  });
});

describe('a ledger file', () => {
  it('that is a link is refused', async () => {
    const home = makeHome();
    const store = await open(home);
    await store.close();
    renameSync(store.paths.ledger, join(home, 'elsewhere'));
    symlinkSync(join(home, 'elsewhere'), store.paths.ledger);
    await expect(open(home)).rejects.toMatchObject({
      code: 'HOME_UNSAFE',
      message: expect.stringMatching(/symbolic link/),
    });
  });

  it('that others may write to is refused', async () => {
    const home = makeHome();
    const store = await open(home);
    await store.close();
    chmodSync(store.paths.ledger, 0o622);
    await expect(open(home)).rejects.toMatchObject({ code: 'HOME_UNSAFE', hint: /chmod 600/ });
  });

  it('that is a folder is refused', async () => {
    const home = makeHome();
    const store = await open(home);
    await store.close();
    rmSync(store.paths.ledger);
    mkdirSync(store.paths.ledger);
    await expect(open(home)).rejects.toMatchObject({
      code: expect.stringMatching(/HOME_UNSAFE|LEDGER_UNWRITABLE/),
    });
  });
});

function replaceByCopy(ledger: string): void {
  writeFileSync(`${ledger}.x`, readFileSync(ledger));
  renameSync(`${ledger}.x`, ledger);
}

function replaceByLink(ledger: string): void {
  renameSync(ledger, `${ledger}.x`);
  symlinkSync(`${ledger}.x`, ledger);
}
