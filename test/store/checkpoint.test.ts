import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCheckpointKey, type SignedCheckpoint } from '../../src/core/checkpoint.js';
import {
  appendLeaf,
  computeRoot,
  createFrontier,
  hashLeaf,
  proveConsistency,
  proveInclusion,
} from '../../src/core/merkle.js';
import { verifyConsistency, verifyInclusion } from '../../src/core/merkle-proof.js';
import { verifyNote } from '../../src/core/signed-note.js';
import { readCheckpoints } from '../../src/store/checkpoint-file.js';
import type { LedgerOptions, LedgerStore } from '../../src/store/index.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { openSubtrees } from '../../src/store/tree.js';
import { add, makeHome, open } from './open-ledger.js';

const { sha256 } = nodeBackend;
const DISK: Partial<LedgerOptions> = { durability: 'disk' };

/** All complete lines of all parts, oldest first. */
function linesOf(folder: string): Buffer[] {
  const parts = fs
    .readdirSync(folder)
    .filter((name) => /^decisions-\d+\.ndjson$/.test(name))
    .sort();
  const text = [...parts, 'decisions.ndjson']
    .map((name) => fs.readFileSync(join(folder, name), 'latin1'))
    .join('');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line, 'latin1'));
}

function rootOf(lines: readonly Buffer[]): Buffer {
  const frontier = createFrontier();
  for (const line of lines) appendLeaf(frontier, hashLeaf(sha256, line), sha256);
  return Buffer.from(computeRoot(frontier, sha256));
}

async function fill(store: LedgerStore, rows: number): Promise<void> {
  for (let n = 0; n < rows; n++) await add(store, n);
}

function idOf(folder: string): string {
  return JSON.parse(linesOf(folder)[0]!.toString()).decision.ledgerId;
}

const kept = (folder: string) => readCheckpoints(folder, idOf(folder));
const sizes = (checkpoints: readonly SignedCheckpoint[]) => checkpoints.map(({ size }) => size);

/** Each checkpoint counts the first rows that are there, and is signed with the ledger's key. */
async function checkAll(store: LedgerStore): Promise<readonly SignedCheckpoint[]> {
  const { folder } = store.paths;
  const lines = linesOf(folder);
  const checkpoints = await kept(folder);
  const key = createCheckpointKey(idOf(folder), store.publicKeyHex);
  for (const { size, root, note } of checkpoints) {
    expect(Buffer.from(root)).toEqual(rootOf(lines.slice(0, size)));
    expect(verifyNote(note, [key])).toBe('valid');
  }
  return checkpoints;
}

describe('checkpoints', () => {
  it('are written at a clean close and go on where they ended', async () => {
    const home = makeHome();
    for (const rows of [3, 1, 0, 5]) {
      const store = await open(home, DISK);
      await fill(store, rows);
      await store.close();
    }
    const store = await open(home, DISK);
    expect(sizes(await checkAll(store))).toEqual([3, 4, 9]);
    for (const name of ['checkpoints.ndjson', 'tree.bin', 'tree.json'])
      expect(fs.statSync(join(store.paths.folder, name)).mode & 0o777).toBe(0o600);
  });

  it('are written every so many rows, and none for rows that only others wrote', async () => {
    const home = makeHome();
    const store = await open(home, { ...DISK, checkpointRows: 4 });
    const reader = await open(home, DISK);
    await fill(store, 13);
    await reader.close();
    await store.close();
    const found = sizes(await checkAll(store));
    expect(found.at(-1)).toBe(13);
    expect(found.length).toBeGreaterThan(1);
    expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
  });

  it('count over rotated parts', async () => {
    const store = await open(makeHome(), { ...DISK, partBytes: 2_000, checkpointRows: 5 });
    await fill(store, 24);
    await store.close();
    expect(
      fs.readdirSync(store.paths.folder).filter((name) => /^decisions-/.test(name)).length,
    ).toBeGreaterThan(2);
    expect(sizes(await checkAll(store)).at(-1)).toBe(24);
  });

  it.each(['tree.bin', 'tree.json', 'checkpoints.ndjson'])(
    'are right when %s is gone, torn or nonsense',
    async (name) => {
      const home = makeHome();
      const first = await open(home, DISK);
      await fill(first, 6);
      await first.close();
      const path = join(first.paths.folder, name);
      const whole = fs.readFileSync(path);
      for (const bytes of [
        undefined,
        Buffer.alloc(0),
        whole.subarray(0, whole.length - 7),
        Buffer.alloc(64),
      ]) {
        if (bytes) fs.writeFileSync(path, bytes);
        else fs.rmSync(path);
        const store = await open(home, DISK);
        await fill(store, 1);
        await store.close();
        const checkpoints = await checkAll(store);
        const last = checkpoints.at(-1)!;
        expect(last.size).toBe(linesOf(store.paths.folder).length);
        const source = await openSubtrees(store.paths.folder, last.size, last.root, nodeBackend);
        expect(source).toBeDefined();
      }
    },
  );

  it('begin anew where the ledger is another one than the tree', async () => {
    const [home, other] = [makeHome(), makeHome()];
    for (const each of [home, other]) {
      const store = await open(each, DISK);
      await fill(store, each === home ? 3 : 7);
      await store.close();
    }
    for (const name of ['tree.bin', 'tree.json'])
      fs.copyFileSync(join(other, 'acme', name), join(home, 'acme', name));
    const store = await open(home, DISK);
    await fill(store, 6);
    await store.close();
    expect(sizes(await checkAll(store))).toEqual([3, 9]);
  });

  it('are not written for rows that nobody flushed, a few of them', async () => {
    const store = await open(makeHome(), { durability: 'process' });
    await fill(store, 3);
    await store.close();
    expect(await kept(store.paths.folder)).toEqual([]);
  });

  it('never keep a decision from being made: a file that cannot be written is left alone', async () => {
    const store = await open(makeHome(), { ...DISK, checkpointRows: 2 });
    fs.mkdirSync(join(store.paths.folder, 'tree.bin'));
    fs.mkdirSync(join(store.paths.folder, 'checkpoints.ndjson'));
    await fill(store, 7);
    await store.close();
    expect(linesOf(store.paths.folder)).toHaveLength(7);
  });

  it('are there on demand, also of no new rows, and not of none', async () => {
    const store = await open(makeHome(), DISK);
    expect(await store.checkpoint()).toBeUndefined();
    await fill(store, 3);
    const once = await store.checkpoint();
    const again = await store.checkpoint();
    expect([once?.size, again?.size]).toEqual([3, 3]);
    expect(again?.root).toEqual(once?.root);
    await store.close();
    expect(sizes(await checkAll(store))).toEqual([3]);
  });
});

describe('the stored tree', () => {
  it('proves each row and each earlier checkpoint, from its file and without it', async () => {
    const store = await open(makeHome(), { ...DISK, checkpointRows: 7, partBytes: 3_000 });
    await fill(store, 30);
    await store.close();
    const { folder } = store.paths;
    const checkpoints = await checkAll(store);
    const { size, root } = checkpoints.at(-1)!;
    const lines = linesOf(folder);
    for (const isThere of [true, false]) {
      if (!isThere) fs.rmSync(join(folder, 'tree.bin'));
      const source = (await openSubtrees(folder, size, root, nodeBackend))!;
      for (const [index, line] of lines.entries()) {
        const proof = proveInclusion(source, index, size, sha256);
        expect(verifyInclusion({ index, size, root, proof, leafHash: hashLeaf(sha256, line) }, sha256)).toBe(
          true,
        );
      }
      for (const earlier of checkpoints) {
        const proof = proveConsistency(source, earlier.size, size, sha256);
        const claim = { earlierSize: earlier.size, earlierRoot: earlier.root, size, root, proof };
        expect(verifyConsistency(claim, sha256)).toBe(true);
      }
    }
  });

  it('is not opened for a root that the ledger does not have', async () => {
    const store = await open(makeHome(), DISK);
    await fill(store, 5);
    await store.close();
    const { folder } = store.paths;
    expect(await openSubtrees(folder, 5, new Uint8Array(32), nodeBackend)).toBeUndefined();
    expect(await openSubtrees(folder, 6, new Uint8Array(32), nodeBackend)).toBeUndefined();
  });
});
