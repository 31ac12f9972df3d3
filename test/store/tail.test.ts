import {
  appendFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FollowEvent, type FollowOptions, followLedger, readLines } from '../../src/store/index.js';
import { createLineSplitter } from '../../src/store/lines.js';
import { makeHome } from './open-ledger.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

async function readAll(source: string | AsyncIterable<Uint8Array>) {
  const lines: string[] = [];
  let tornTail: string | undefined;
  for await (const run of readLines(source)) {
    expect(tornTail).toBeUndefined();
    lines.push(...run.lines.map((line) => text(line.bytes)));
    tornTail = run.tornTail && text(run.tornTail);
  }
  return { lines, tornTail };
}

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('lines', () => {
  it('are the same however the bytes are cut, and an incomplete last one is none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[ab\n]{0,40}$/),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        async (content, sizes) => {
          const { lines, tornTail } = await readAll(chunksOf(Buffer.from(content), sizes));
          const parts = content.split('\n');
          expect(tornTail ?? '').toBe(parts.at(-1));
          expect(lines).toEqual(parts.slice(0, -1));
        },
      ),
    );
  });

  it('know where they end', () => {
    const splitter = createLineSplitter(100);
    expect(splitter.push(Buffer.from('ab\n\nc')).map((line) => line.endOffset)).toEqual([103, 104]);
    expect(splitter.push(Buffer.from('d\ne')).map((line) => line.endOffset)).toEqual([107]);
    expect([splitter.offset, text(splitter.rest())]).toEqual([107, 'e']);
  });

  it('do not change when the reader fills its buffer again', () => {
    const splitter = createLineSplitter();
    const buffer = Buffer.from('abc');
    splitter.push(buffer);
    buffer.fill('x');
    expect(text(splitter.push(Buffer.from('\n'))[0]?.bytes ?? buffer)).toBe('abc');
  });

  it('longer than 1 MiB are cut to 1 MiB and a byte, whole or in chunks, and the next one is read', async () => {
    const content = Buffer.concat([
      Buffer.alloc(3_000_000, 0x61),
      Buffer.from('\nnext\n'),
      Buffer.alloc(2_000_000, 0x62),
    ]);
    for (const sizes of [[content.length], [65_536]]) {
      const { lines, tornTail } = await readAll(chunksOf(content, sizes));
      expect(lines.map((line) => line.length)).toEqual([1_048_577, 4]);
      expect(tornTail).toHaveLength(1_048_577);
    }
  });

  it('of a file that is not there are an error', async () => {
    await expect(readAll(join(makeHome(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('of an empty file are none', async () => {
    const path = join(makeHome(), 'empty');
    writeFileSync(path, '');
    expect(await readAll(path)).toEqual({ lines: [], tornTail: undefined });
  });
});

/** Follows a file; `next` gives what came, lines as text. */
function follow(path: string, options: FollowOptions = {}) {
  const controller = new AbortController();
  const events = followLedger(path, { pollMs: 50, signal: controller.signal, ...options });
  onTestFinished(() => controller.abort());
  const show = (event: FollowEvent | undefined) =>
    event?.kind === 'lines' ? event.lines.map((line) => text(line.bytes)) : event?.kind;
  return {
    controller,
    next: async () => show((await events.next()).value ?? undefined),
    async lines(count: number) {
      const all: string[] = [];
      while (all.length < count) all.push(...((await this.next()) as string[]));
      return all;
    },
  };
}

describe('following a ledger', () => {
  it('needs no poll for a line that comes right after another', async () => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, 'one\n');
    const follower = follow(path, { pollMs: 600_000 });
    expect(await follower.lines(1)).toEqual(['one']);
    for (const line of ['two', 'three', 'four', 'five']) {
      const next = follower.lines(1);
      appendFileSync(path, `${line}\n`);
      expect(await next).toEqual([line]);
    }
  });

  it('begins in the file that was meant, also when that was rotated away before', async () => {
    const home = makeHome();
    const path = join(home, 'decisions.ndjson');
    writeFileSync(path, 'one\ntwo\n');
    const file = statSync(path);
    renameSync(path, join(home, 'decisions-000001.ndjson'));
    writeFileSync(path, 'three\n');
    const follower = follow(path, { fromOffset: 4, file });
    expect(await follower.next()).toEqual(['two']);
    expect(await follower.next()).toBe('rotated');
    expect(await follower.next()).toEqual(['three']);
    const other = { ino: file.ino + 1_000_000, dev: file.dev };
    expect(await follow(path, { file: other }).next()).toBe('replaced');
    expect(await follow(join(home, 'none'), { file: other }).next()).toBe('gone');
  });

  it('gives what is there, then each line when it is complete and not before', async () => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, 'one\ntwo\nthr');
    const follower = follow(path);
    expect(await follower.lines(2)).toEqual(['one', 'two']);
    const next = follower.next();
    appendFileSync(path, 'ee');
    appendFileSync(path, '\nfo');
    expect(await next).toEqual(['three']);
  });

  it('starts at an offset', async () => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, 'one\ntwo\n');
    expect(await follow(path, { fromOffset: 4 }).next()).toEqual(['two']);
  });

  it('waits for a file that does not exist yet', async () => {
    const path = join(makeHome(), 'ledger');
    const follower = follow(path);
    const next = follower.next();
    writeFileSync(path, 'one\n');
    expect(await next).toEqual(['one']);
  });

  it('loses no line while another writes', async () => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, '');
    const follower = follow(path);
    const all = follower.lines(500);
    for (let n = 0; n < 500; n++) {
      appendFileSync(path, `${n}`);
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      appendFileSync(path, '\n');
    }
    expect(await all).toEqual(Array.from({ length: 500 }, (_, n) => String(n)));
  });

  const ends: [string, (path: string) => void][] = [
    ['shrunk', (path) => truncateSync(path, 2)],
    ['gone', (path) => rmSync(path)],
    ['replaced', replace],
  ];
  it.each(ends)('tells that the file is %s, and ends', async (kind, change) => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, 'one\n');
    const follower = follow(path);
    expect(await follower.lines(1)).toEqual(['one']);
    change(path);
    expect(await follower.next()).toBe(kind);
    expect(await follower.next()).toBeUndefined();
  });

  it('ends quietly when told to', async () => {
    const path = join(makeHome(), 'ledger');
    writeFileSync(path, '');
    const follower = follow(path, { pollMs: 20_000 });
    const next = follower.next();
    setTimeout(() => follower.controller.abort(), 20);
    expect(await next).toBeUndefined();
  });

  it('does not follow a link', async () => {
    const home = makeHome();
    writeFileSync(join(home, 'target'), 'one\n');
    symlinkSync(join(home, 'target'), join(home, 'ledger'));
    await expect(follow(join(home, 'ledger')).next()).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

function replace(path: string): void {
  writeFileSync(`${path}.new`, 'other\n');
  renameSync(`${path}.new`, path);
}
