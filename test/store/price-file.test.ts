import { fork } from 'node:child_process';
import { chmod, mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { createPriceTable, type PriceTable, printPriceTable } from '../../src/core/price-table.js';
import {
  PREVIOUS_PRICE_FILE,
  PRICE_FILE,
  readPriceFile,
  removeStaleTables,
  replacePriceFile,
} from '../../src/store/price-file.js';
import { createPriceSource } from '../../src/store/price-source.js';
import { makeHome } from '../helpers/home.js';
import { listModels } from '../helpers/price-server.js';

const WRITER = fileURLToPath(new URL('fixtures/price-writer.mjs', import.meta.url));

function makeTable(price: string, models = 1): PriceTable {
  const ids = Array.from({ length: models }, (_, index) => [`acme/m${index}`, price]);
  const reading = parseCatalogue(listModels(Object.fromEntries(ids)));
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  const { models: list } = reading.catalogue;
  return createPriceTable({
    fetchedAt: '2026-10-01T00:00:00.000Z',
    source: 'https://x.example/',
    models: list,
  });
}

describe('the price file', () => {
  it('is absent, not an error, in a fresh home and without one', async () => {
    expect(await readPriceFile(await makeHome())).toBeUndefined();
    expect(await readPriceFile('/nonexistent/home')).toBeUndefined();
  });

  it('reads back what was written, closed to others', async () => {
    const home = await makeHome();
    await replacePriceFile(home, makeTable('1'), true);
    expect((await readPriceFile(home))?.table).toEqual(makeTable('1'));
    expect(await readdir(home)).toEqual([PRICE_FILE]);
  });

  it('is kept under the other name when it is replaced, and only then', async () => {
    const home = await makeHome();
    await replacePriceFile(home, makeTable('1'), true);
    await replacePriceFile(home, makeTable('2'), false);
    expect(await readPriceFile(home, PREVIOUS_PRICE_FILE)).toBeUndefined();
    await replacePriceFile(home, makeTable('3'), true);
    expect((await readPriceFile(home, PREVIOUS_PRICE_FILE))?.table).toEqual(makeTable('2'));
    expect((await readdir(home)).toSorted()).toEqual([PRICE_FILE, PREVIOUS_PRICE_FILE].toSorted());
  });

  it.each(['', '{', 'null', '[]', '\u0000\u0000', printPriceTable(makeTable('1')).slice(0, -3)])(
    'that is damaged is told apart from one that is missing: %j',
    async (text) => {
      const home = await makeHome();
      await writeFile(join(home, PRICE_FILE), text, { mode: 0o600 });
      const reading = await readPriceFile(home);
      expect(reading).toMatchObject({ table: undefined, problem: expect.stringContaining(PRICE_FILE) });
    },
  );

  it.each(['a link', 'a folder', 'writable by others', 'writable by the group'])(
    'that is %s is refused',
    async (kind) => {
      const home = await makeHome();
      const path = join(home, PRICE_FILE);
      if (kind === 'a folder') await mkdir(path);
      else await writeFile(kind === 'a link' ? join(home, 'real') : path, printPriceTable(makeTable('1')));
      if (kind === 'a link') await symlink(join(home, 'real'), path);
      if (kind.startsWith('writable')) await chmod(path, kind.endsWith('group') ? 0o620 : 0o602);
      await expect(readPriceFile(home)).rejects.toMatchObject({ code: 'PRICES_UNREADABLE' });
    },
  );

  it('that cannot be replaced says so, and leaves nothing behind', async () => {
    const home = await makeHome();
    await mkdir(join(home, PRICE_FILE));
    await writeFile(join(home, PRICE_FILE, 'x'), '');
    await expect(replacePriceFile(home, makeTable('1'), false)).rejects.toMatchObject({
      code: 'PRICES_UNWRITABLE',
    });
    await expect(replacePriceFile(join(home, 'gone'), makeTable('1'), false)).rejects.toMatchObject({
      code: 'PRICES_UNWRITABLE',
    });
    expect(await readdir(home)).toEqual([PRICE_FILE]);
  });

  it('loses nothing but what killed writers left when it is swept', async () => {
    const home = await makeHome();
    const kept = [
      'pricing.json',
      'pricing.previous.json',
      'pricing.0123456789abcdef.tmp.txt',
      'pricing.tmp',
      'acme',
    ];
    for (const name of [...kept, 'pricing.0123456789abcdef.tmp']) await writeFile(join(home, name), '');
    await removeStaleTables(home);
    expect((await readdir(home)).toSorted()).toEqual(kept.toSorted());
  });

  it('is whole whenever its writer is killed', async () => {
    const home = await makeHome();
    const tables = [makeTable('1', 300), makeTable('2', 300)];
    const folder = await makeHome();
    const paths = tables.map((_, index) => join(folder, `${index}.json`));
    for (const [index, path] of paths.entries()) await writeFile(path, printPriceTable(tables[index]!));
    await replacePriceFile(home, tables[0]!, false);
    const seen = new Set<string | undefined>();
    const rounds = process.env.SLOW ? 300 : 12;
    for (let round = 0; round < rounds; round++) {
      await killWriter([home, ...paths], Math.random() * 25);
      const { table } = (await readPriceFile(home)) ?? {};
      seen.add(table?.contentHash);
      const previous = await readPriceFile(home, PREVIOUS_PRICE_FILE);
      expect(previous === undefined || previous.table !== undefined, `round ${round}`).toBe(true);
    }
    // Tables of the writer, and none that is damaged.
    expect([...seen].every((hash) => tables.some(({ contentHash }) => contentHash === hash))).toBe(true);
    await removeStaleTables(home);
    const names = (await readdir(home)).filter((name) => !name.startsWith('.'));
    expect(names.toSorted()).toEqual([PRICE_FILE, PREVIOUS_PRICE_FILE].toSorted());
  });
});

describe('a running guard', () => {
  /** A source on a clock that the test moves. */
  async function open() {
    const home = await makeHome();
    const clock = { ms: 0 };
    const source = createPriceSource(home, () => clock.ms);
    const put = (text: string) => writeFile(join(home, PRICE_FILE), text, { mode: 0o600 });
    return { home, clock, source, put, prices: async () => (await source.read()).table };
  }

  it('sees no table before there is one, and then the first', async () => {
    const { home, clock, source, prices } = await open();
    expect(await source.read()).toEqual({ table: undefined, problem: undefined });
    await replacePriceFile(home, makeTable('1'), false);
    expect(await prices()).toBeUndefined();
    clock.ms = 1000;
    expect(await prices()).toEqual(makeTable('1'));
    expect(source.current().table).toEqual(makeTable('1'));
  });

  it('sees a new table a second after it last looked, and not earlier', async () => {
    const { home, clock, prices } = await open();
    await replacePriceFile(home, makeTable('1'), false);
    await prices();
    await replacePriceFile(home, makeTable('2'), false);
    clock.ms = 999;
    expect(await prices()).toEqual(makeTable('1'));
    clock.ms = 1000;
    expect(await prices()).toEqual(makeTable('2'));
  });

  it('does not read a file again that did not change', async () => {
    const { home, clock, prices } = await open();
    await replacePriceFile(home, makeTable('1'), false);
    const first = await prices();
    clock.ms = 5000;
    expect(await prices()).toBe(first);
  });

  it('sees a table of the same size and time in another file', async () => {
    const { home, clock, prices } = await open();
    const at = new Date('2026-01-01');
    await replacePriceFile(home, makeTable('1'), false);
    await utimes(join(home, PRICE_FILE), at, at);
    await prices();
    const other = join(home, 'other');
    await writeFile(other, printPriceTable(makeTable('2')), { mode: 0o600 });
    await utimes(other, at, at);
    await rename(other, join(home, PRICE_FILE));
    clock.ms = 1000;
    expect(await prices()).toEqual(makeTable('2'));
  });

  it.each(['{"half', '', 'null'])(
    'keeps the old table when the new one is bad, and says so: %j',
    async (text) => {
      const { home, clock, source, put } = await open();
      await replacePriceFile(home, makeTable('1'), false);
      await source.read();
      await put(text);
      clock.ms = 1000;
      expect(await source.read()).toEqual({
        table: makeTable('1'),
        problem: expect.stringContaining(PRICE_FILE),
      });
      await put(printPriceTable(makeTable('2')));
      clock.ms = 2000;
      expect(await source.read()).toEqual({ table: makeTable('2'), problem: undefined });
    },
  );

  it('keeps the old table when the file is gone or not safe any more', async () => {
    const { home, clock, source, put } = await open();
    await put(printPriceTable(makeTable('1')));
    await source.read();
    await chmod(join(home, PRICE_FILE), 0o666);
    await utimes(join(home, PRICE_FILE), 1, 1);
    clock.ms = 1000;
    expect(await source.read()).toMatchObject({
      table: makeTable('1'),
      problem: expect.stringContaining('other users'),
    });
    await rename(join(home, PRICE_FILE), join(home, 'away'));
    clock.ms = 2000;
    expect(await source.read()).toMatchObject({
      table: makeTable('1'),
      problem: expect.stringContaining('gone'),
    });
  });

  it('looks once for many calls at the same time', async () => {
    const { home, source } = await open();
    await replacePriceFile(home, makeTable('1'), false);
    const [first, ...others] = await Promise.all(Array.from({ length: 50 }, () => source.read()));
    expect(first?.table).toEqual(makeTable('1'));
    for (const other of others) expect(other).toBe(first);
  });
});

/** Starts a process that replaces the table over and over, and kills it after some milliseconds of that. */
function killWriter(args: readonly string[], afterMs: number): Promise<void> {
  const writer = fork(WRITER, args, { silent: true });
  return new Promise((resolve, reject) => {
    writer.once('message', () => setTimeout(() => writer.kill('SIGKILL'), afterMs));
    writer.once('exit', (code) =>
      code === null ? resolve() : reject(new Error(`the writer ended with ${code}`)),
    );
  });
}
