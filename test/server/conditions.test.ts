/** Files that rotate, shrink, vanish, turn bad or come back while the dashboard reads them are shown as what they are. */
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DashboardEvent } from '../../src/core/dashboard.js';
import { type LiveIndex, openLiveIndex } from '../../src/server/live-index.js';
import { openLedger } from '../../src/store/ledger.js';
import { makeHome } from '../helpers/home.js';
import { foldLines, putParts, writeRandomLines } from './random-ledger.js';

const SOON = { timeout: 15_000 };
const lines = writeRandomLines({ seed: 11, rows: 120, badLines: false });
const print = (some: readonly string[]): string => some.map((line) => `${line}\n`).join('');

interface Watched {
  readonly index: LiveIndex;
  readonly events: DashboardEvent[];
  readonly condition: () => string | undefined;
  readonly note: () => string | null | undefined;
}

async function watch(home: string): Promise<Watched> {
  const events: DashboardEvent[] = [];
  const index = await openLiveIndex(home, null, (event) => void events.push(event));
  onTestFinished(() => index.close());
  await index.isFilled;
  return {
    index,
    events,
    condition: () => index.describeLedgers()[0]?.condition,
    note: () => index.describeLedgers()[0]?.note,
  };
}

const countCalls = ({ reading }: LiveIndex): number => reading.table.end - reading.table.first;

describe('a ledger that is watched', () => {
  it('is empty before its first row, and not after', async () => {
    const home = await makeHome();
    const path = await putParts(home, [], 1);
    const { index, condition } = await watch(home);
    expect(condition()).toBe('empty');
    await fs.appendFile(path, print(lines.slice(0, 3)));
    await expect.poll(condition, SOON).toBe('ok');
    expect(index.describeLedgers()[0]?.rows).toBe(3);
  });

  it('appears by itself in a home that had none', async () => {
    const home = await makeHome();
    const { index } = await watch(home);
    expect(index.describeLedgers()).toEqual([]);
    await putParts(home, lines, 2, 'late');
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length);
    await expect.poll(() => countCalls(index), SOON).toBe(foldLines(lines).length);
  });

  it('that was empty when it appeared numbers its rows, and its file is open once', async () => {
    const home = await makeHome();
    const { index } = await watch(home);
    const path = await putParts(home, [], 1, 'late');
    await expect.poll(() => index.reading.sources.has('late'), SOON).toBe(true);
    await fs.appendFile(path, print(lines));
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length);
    const { table } = index.reading;
    expect(table.record(table.end - 1).row).toBeGreaterThanOrEqual(0);
    if (process.platform !== 'linux') return;
    const links = (await fs.readdir('/proc/self/fd')).map((fd) =>
      fs.readlink(`/proc/self/fd/${fd}`).catch(() => ''),
    );
    expect((await Promise.all(links)).filter((target) => target === path)).toHaveLength(1);
  });

  it('that shrinks is shown as shrunk, with what is left, also later', async () => {
    const home = await makeHome();
    const path = await putParts(home, lines, 1);
    const { index, events, condition, note } = await watch(home);
    const { instance } = index.reading;
    await fs.truncate(path, Buffer.byteLength(print(lines.slice(0, 40))));
    await expect.poll(() => index.reading.instance, SOON).not.toBe(instance);
    await index.isFilled;
    expect(countCalls(index)).toBe(foldLines(lines.slice(0, 40)).length);
    expect([condition(), note()]).toEqual([
      'shrunk',
      expect.stringMatching(/became shorter .* from \d+ to \d+ bytes/),
    ]);
    expect(events.map(({ kind }) => kind)).toContain('lost');
    await fs.appendFile(path, print(lines.slice(40, 42)));
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(42);
    expect(condition()).toBe('shrunk');
  });

  it('that vanishes keeps what was read, says so, and recovers when it is back', async () => {
    const home = await makeHome();
    const path = await putParts(home, lines, 1);
    const { index, condition } = await watch(home);
    const calls = countCalls(index);
    await fs.rename(path, join(home, 'away'));
    await expect.poll(condition, SOON).toBe('gone');
    expect(countCalls(index)).toBe(calls);
    await fs.rename(join(home, 'away'), path);
    await expect.poll(condition, SOON).toBe('replaced');
    await index.isFilled;
    expect(countCalls(index)).toBe(calls);
  });

  it('that is replaced by another is shown as replaced, with the rows of the other', async () => {
    const home = await makeHome();
    const path = await putParts(home, lines, 1);
    const { index, condition } = await watch(home);
    await fs.writeFile(join(home, 'other'), print(lines.slice(0, 30)), { mode: 0o600 });
    await fs.rename(join(home, 'other'), path);
    await expect.poll(condition, SOON).toBe('replaced');
    await expect.poll(() => countCalls(index), SOON).toBe(foldLines(lines.slice(0, 30)).length);
  });

  it('with an incomplete last line is torn until that is moved away, and no row is lost', async () => {
    const home = await makeHome();
    const path = await putParts(home, lines, 1);
    const { index, condition } = await watch(home);
    const { instance } = index.reading;
    await fs.appendFile(path, '{"decision":{"action":"all');
    await expect.poll(condition, SOON).toBe('torn');
    await fs.truncate(path, Buffer.byteLength(print(lines)));
    await expect.poll(condition, SOON).toBe('ok');
    await fs.appendFile(path, print(lines.slice(0, 1)));
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(lines.length + 1);
    expect(index.reading.instance).toBe(instance);
  });

  it('with a line that is no row names the place, and shows the others', async () => {
    const home = await makeHome();
    await putParts(home, [...lines.slice(0, 5), '{"decision":', ...lines.slice(5)], 1);
    const { index, condition, note } = await watch(home);
    expect(condition()).toBe('unreadable');
    expect(note()).toContain(`decisions.ndjson, byte ${Buffer.byteLength(print(lines.slice(0, 5)))}`);
    expect(countCalls(index)).toBe(foldLines(lines).length);
  });

  it('with a line of three megabytes, or of zeros, goes on', async () => {
    const home = await makeHome();
    const long = `{"decision":{"x":"${'y'.repeat(3_000_000)}"}}`;
    await putParts(home, [...lines.slice(0, 60), long, '\0'.repeat(5_000), ...lines.slice(60)], 2);
    const { index, condition } = await watch(home);
    expect(condition()).toBe('unreadable');
    expect(countCalls(index)).toBe(foldLines(lines).length);
    expect(index.describeLedgers()[0]?.rows).toBe(lines.length + 2);
  });

  it('without one of its parts names the gap', async () => {
    const home = await makeHome();
    const folder = dirname(await putParts(home, lines, 4));
    await fs.rm(join(folder, 'decisions-000002.ndjson'));
    const { condition, note } = await watch(home);
    expect([condition(), note()]).toEqual([
      'unreadable',
      'The part before decisions-000003.ndjson is missing.',
    ]);
  });

  it('that is a link, or a folder, is not read', async () => {
    const home = await makeHome();
    const path = await putParts(home, lines, 1);
    await fs.rename(path, join(home, 'away'));
    await fs.symlink(join(home, 'away'), path);
    await fs.mkdir(join(home, 'beta', 'decisions.ndjson'), { recursive: true });
    const { index } = await watch(home);
    expect(countCalls(index)).toBe(0);
    expect(index.describeLedgers().map(({ scope, condition }) => [scope, condition])).toEqual([
      ['acme', 'unreadable'],
      ['beta', 'unreadable'],
    ]);
  });

  it('that is rotated again and again is one history, without a break', async () => {
    const home = await makeHome();
    const store = await openLedger({ home, scope: 'acme', durability: 'process', partBytes: 3_000 });
    onTestFinished(() => store.close());
    const add = (n: number) =>
      store.transact(() => ({
        result: 0,
        drafts: [
          {
            decision: {
              timestamp: new Date().toISOString(),
              decisionId: `call-${n}`,
              action: 'block',
              actor: { tenantId: 'acme' },
              attempt: 1,
            },
          },
        ],
      }));
    for (let n = 0; n < 5; n++) await add(n);
    const { index, condition } = await watch(home);
    const { instance } = index.reading;
    for (let n = 5; n < 40; n++) await add(n);
    await expect.poll(() => index.describeLedgers()[0]?.rows, SOON).toBe(40);
    const { table } = index.reading;
    const rows = Array.from({ length: 40 }, (_, n) => table.record(table.end - 1 - n));
    expect(rows.map(({ decisionId, row }) => `${decisionId} ${row}`)).toEqual(
      Array.from({ length: 40 }, (_, n) => `call-${39 - n} ${39 - n}`),
    );
    expect([condition(), index.reading.instance]).toEqual(['ok', instance]);
    expect(
      (await fs.readdir(join(home, 'acme'))).filter((name) => /^decisions-/.test(name)).length,
    ).toBeGreaterThan(5);
  });
});
