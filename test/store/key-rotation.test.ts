import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import type { LedgerOptions } from '../../src/store/index.js';
import { rotateKey } from '../../src/store/key-rotation.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { checkLedger } from './ledger-check.js';
import { add, makeHome, open } from './open-ledger.js';
import { loadOtherProcess } from './other-process.js';

const DISK: Partial<LedgerOptions> = { durability: 'disk' };

function rotate(home: string, reason = 'yearly') {
  return rotateKey({ home, scope: 'acme', nowMs: Date.parse('2026-10-01T12:00:00Z'), reason });
}

function verify(ledger: string, firstKey: string) {
  const verifier = createLedgerVerifier({
    backend: nodeBackend,
    path: 'ledger',
    pinnedKeys: [{ publicKeyHex: firstKey }],
  });
  for (const line of fs.readFileSync(ledger, 'latin1').split('\n').slice(0, -1))
    void verifier.push(Buffer.from(line, 'latin1'));
  return verifier.finish();
}

const codes = (report: ReturnType<typeof verify>) =>
  report.problems.map(({ code, line }) => `${code}@${line}`);

describe('a rotated key', () => {
  it('is followed from a row of the old key to the rows of the new one, and is trusted by it', async () => {
    const home = makeHome();
    const store = await open(home, DISK);
    const first = store.publicKeyHex;
    await add(store, 1);
    const row = await rotate(home);
    expect(row.publicKeyHex).toBe(first);
    expect(row.decision).toMatchObject({ entryType: 'key_rotation', retiredKeyHex: first, reason: 'yearly' });
    await add(store, 2);
    expect(store.publicKeyHex).toBe(row.decision.newKeyHex);
    expect(checkLedger(store.paths.ledger).map((each) => each.publicKeyHex === first)).toEqual([
      true,
      true,
      false,
    ]);
    const report = verify(store.paths.ledger, first);
    expect(codes(report)).toEqual([]);
    expect(report.verdicts.authentic.answer).toBe('yes');
  });

  it('leaves nothing of the old private key', async () => {
    const home = makeHome();
    const store = await open(home, DISK);
    await add(store, 1);
    const { folder, key } = store.paths;
    const before = fs.readFileSync(key, 'latin1').split('\n')[1]!;
    await rotate(home);
    expect(fs.statSync(key).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('signing.key'))).toEqual(['signing.key']);
    for (const name of fs.readdirSync(folder))
      if (fs.statSync(join(folder, name)).isFile())
        expect(fs.readFileSync(join(folder, name), 'latin1')).not.toContain(before);
  });

  it('is signed with at once by other processes that run', async () => {
    const home = makeHome();
    const other = await (await loadOtherProcess())(home);
    const store = await open(home, DISK);
    const first = store.publicKeyHex;
    await add(other, 1);
    const { decision } = await rotate(home);
    const { receipts } = await add(other, 2);
    expect(receipts[0]?.publicKeyHex).toBe(decision.newKeyHex);
    expect(other.publicKeyHex).toBe(decision.newKeyHex);
    expect(codes(verify(store.paths.ledger, first))).toEqual([]);
  });

  it('can be rotated again and again, through a snapshot', async () => {
    const home = makeHome();
    const first = (await open(home, DISK)).publicKeyHex;
    for (let n = 1; n <= 4; n++) {
      const store = await open(home, DISK);
      await add(store, n);
      await store.close();
      await rotate(home);
    }
    const store = await open(home, DISK);
    await add(store, 5);
    const report = verify(store.paths.ledger, first);
    expect(codes(report)).toEqual([]);
    expect(report.chains).toHaveLength(5);
    expect(report.verdicts.authentic.answer).toBe('yes');
  });

  it.each(['before the row', 'after the row'])('is put right after a crash %s', async (when) => {
    const home = makeHome();
    const store = await open(home, DISK);
    await add(store, 1);
    const { key } = store.paths;
    const old = fs.readFileSync(key);
    await store.close();
    if (when === 'before the row') {
      fs.writeFileSync(
        `${key}.next`,
        old.toString().replace(/\n.{10}/, (part) => part),
        { mode: 0o600 },
      );
    } else {
      await rotate(home);
      // As it was between the row and the exchange of the files.
      fs.renameSync(key, `${key}.next`);
      fs.writeFileSync(key, old, { mode: 0o600 });
    }
    const again = await open(home, DISK);
    const { receipts } = await add(again, 2);
    const wanted = when === 'before the row' ? 0 : 1;
    expect(checkLedger(store.paths.ledger).length).toBe(2 + wanted);
    expect(receipts[0]?.sequence).toBe(when === 'before the row' ? 1 : 0);
    expect(fs.existsSync(`${key}.next`)).toBe(when === 'before the row');
    const last = await rotate(home);
    expect(last.publicKeyHex).toBe(receipts[0]?.publicKeyHex);
    expect(fs.existsSync(`${key}.next`)).toBe(false);
  });

  it('that was put back, or whose successor is gone, signs nothing', async () => {
    const home = makeHome();
    const store = await open(home, DISK);
    await add(store, 1);
    const { key } = store.paths;
    const old = fs.readFileSync(key);
    await store.close();
    await rotate(home);
    fs.writeFileSync(key, old, { mode: 0o600 });
    for (const next of [undefined, old]) {
      if (next) fs.writeFileSync(`${key}.next`, next, { mode: 0o600 });
      const again = await open(home, DISK);
      await expect(add(again, 2)).rejects.toMatchObject({ code: 'KEY_RETIRED' });
      await expect(rotate(home)).rejects.toMatchObject({ code: 'KEY_RETIRED' });
      await again.close();
    }
    expect(checkLedger(store.paths.ledger)).toHaveLength(2);
  });

  it('whose place is already taken by a third key gives way to that one', async () => {
    const home = makeHome();
    const other = makeHome();
    const store = await open(home, DISK);
    await add(store, 1);
    await rotate(home);
    fs.copyFileSync((await open(other, DISK)).paths.key, store.paths.key);
    await store.close();
    const again = await open(home, DISK);
    const { receipts } = await add(again, 2);
    expect(receipts[0]?.sequence).toBe(0);
  });

  it('is not believed when somebody else wrote the row', async () => {
    const home = makeHome();
    const store = await open(home, DISK);
    await add(store, 1);
    const decision = {
      entryType: 'key_rotation',
      retiredKeyHex: 'ab'.repeat(32),
      newKeyHex: 'cd'.repeat(32),
    };
    await add(store, 2, decision);
    const { receipts } = await add(store, 3);
    expect(receipts[0]?.sequence).toBe(2);
    expect(codes(verify(store.paths.ledger, store.publicKeyHex))).toEqual([]);
  });
});
