import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/store/index.js';
import { add, makeHome, open } from '../store/open-ledger.js';
import { runCli } from './run-cli.js';

/** A home with one ledger of `rows` rows. */
async function makeLedger(rows = 3) {
  const home = makeHome();
  const store = await openLedger({ home, scope: 'acme', durability: 'disk' });
  for (let n = 0; n < rows; n++) await add(store, n);
  await store.close();
  return { home, ...store.paths, publicKeyHex: store.publicKeyHex };
}

const rotate = (home: string, reason = 'yearly') =>
  runCli(['keys', 'rotate', '--reason', reason, '--json'], { home });

describe('agentguard keys', () => {
  it('lists the own key, its verifier key and every key of the rows', async () => {
    const { home, publicKeyHex } = await makeLedger();
    const { scopes } = JSON.parse((await runCli(['keys', '--json'], { home })).out);
    expect(scopes).toHaveLength(1);
    expect(scopes[0]).toMatchObject({
      scope: 'acme',
      publicKeyHex,
      keys: [{ publicKeyHex, rows: 3, retired: null }],
    });
    expect(scopes[0].verifierKey).toMatch(new RegExp(`^agentguard/${scopes[0].ledgerId}\\+[0-9a-f]{8}\\+`));
    expect((await runCli(['keys', 'list'], { home })).out).toContain(publicKeyHex);
  });

  it('rotates: pinned with the old key alone, the ledger stays authentic', async () => {
    const { home, publicKeyHex, key, folder } = await makeLedger();
    const before = fs.readFileSync(key, 'utf8');
    const told = JSON.parse((await rotate(home, 'left the company')).out);
    expect(told).toMatchObject({ scope: 'acme', retiredKeyHex: publicKeyHex, reason: 'left the company' });
    const store = await open(home, { durability: 'disk' });
    await add(store, 9);
    await store.close();
    for (const flags of [
      ['--public-key', publicKeyHex],
      ['--trust', 'trust.json'],
    ]) {
      fs.writeFileSync(join(home, 'trust.json'), JSON.stringify({ keys: [{ publicKeyHex }] }), {
        mode: 0o600,
      });
      const checked = await runCli(['verify', ...flags, '--require', 'authentic'], { home, cwd: home });
      expect(checked.err + checked.code).toBe('0');
    }
    const { scopes } = JSON.parse((await runCli(['keys', '--json'], { home })).out);
    expect(scopes[0].keys).toMatchObject([
      { publicKeyHex, rows: 4, successor: told.newKeyHex, reason: 'left the company' },
      { publicKeyHex: told.newKeyHex, rows: 1, successor: null },
    ]);
    expect(fs.readFileSync(key, 'utf8')).not.toBe(before);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('signing.key'))).toEqual(['signing.key']);
  });

  it('rotates many times without calling the keys fresh', async () => {
    const { home } = await makeLedger();
    for (const reason of ['one', 'two', 'three', 'four']) expect((await rotate(home, reason)).code).toBe(0);
    const { out } = await runCli(['verify', '--json'], { home });
    expect(out).not.toContain('FRESH_KEYS');
    expect(JSON.parse(out).verdicts.contiguous.answer).toBe('yes');
  });

  it('asks for a reason, a scope where there are several, and knows no other action', async () => {
    const { home } = await makeLedger();
    expect((await runCli(['keys', 'rotate'], { home })).code).toBe(2);
    expect((await runCli(['keys', 'rotate', '--reason', 'x'.repeat(300)], { home })).code).toBe(2);
    expect((await runCli(['keys', 'burn'], { home })).code).toBe(2);
    expect((await runCli(['keys', 'pin'], { home })).code).toBe(2);
    const other = await open(home, { scope: 'beta' });
    await add(other);
    expect((await runCli(['keys', 'rotate', '--reason', 'why'], { home })).code).toBe(2);
    expect((await runCli(['keys', 'rotate', '--reason', 'why', '--scope', 'gamma'], { home })).code).toBe(3);
    expect((await runCli(['keys', 'rotate', '--reason', 'why', '--scope', 'beta'], { home })).code).toBe(0);
  });

  it('pins the own key into a trust file, once, beside what is there', async () => {
    const { home, publicKeyHex } = await makeLedger();
    const trust = join(home, 'trust.json');
    const friend = {
      publicKeyHex: 'ab'.repeat(32),
      validUntil: '2027-01-01T00:00:00Z',
      revokedAt: '2026-12-01T00:00:00Z',
    };
    fs.writeFileSync(trust, JSON.stringify({ keys: [friend] }), { mode: 0o600 });
    const pin = ['keys', 'pin', '--trust', 'trust.json', '--name', 'Acme', '--json'];
    const world = { home, cwd: home };
    expect(JSON.parse((await runCli(pin, world)).out)).toMatchObject({ publicKeyHex, isNew: true });
    expect(JSON.parse((await runCli(pin, world)).out)).toMatchObject({ isNew: false });
    expect(JSON.parse(fs.readFileSync(trust, 'utf8')).keys).toEqual([friend, { publicKeyHex, name: 'Acme' }]);
    expect((await runCli(['verify', '--trust', 'trust.json', '--require', 'authentic'], world)).code).toBe(0);
  });

  it('never prints the private half', async () => {
    const { home, key } = await makeLedger();
    const secret = fs.readFileSync(key, 'utf8').split('\n')[1]!;
    for (const argv of [['keys'], ['keys', '--json'], ['keys', 'rotate', '--reason', 'why']]) {
      const { out, err } = await runCli(argv, { home });
      expect(out + err).not.toContain(secret.slice(24));
    }
  });

  it.each([
    ['revoked before a row was signed', '2026-09-30T00:00:00Z', 1, 'REVOKED_KEY'],
    ['revoked after all of them', '2026-10-02T00:00:00Z', 0, 'dated before their key was revoked'],
  ])('a trust file with a key %s', async (_what, revokedAt, code, text) => {
    const { home, publicKeyHex } = await makeLedger();
    fs.writeFileSync(join(home, 'trust.json'), JSON.stringify({ keys: [{ publicKeyHex, revokedAt }] }), {
      mode: 0o600,
    });
    const checked = await runCli(['verify', '--trust', 'trust.json'], { home, cwd: home });
    expect(checked.code).toBe(code);
    expect(checked.out.replace(/\s+/g, ' ')).toContain(text);
  });
});

describe('agentguard receipt', () => {
  it('prints the row byte for byte, over parts', async () => {
    const home = makeHome();
    const store = await openLedger({ home, scope: 'acme', durability: 'disk', partBytes: 2_000 });
    for (let n = 0; n < 9; n++) await add(store, n);
    await store.close();
    const oldest = fs.readFileSync(join(store.paths.folder, 'decisions-000001.ndjson'), 'utf8').split('\n');
    expect((await runCli(['receipt', 'd-0'], { home })).out).toBe(`${oldest[0]}\n`);
    const proof = await runCli(['receipt', 'd-8', '--proof'], { home });
    expect(proof.out).toMatch(/^c2sp\.org\/tlog-proof@v1\nextra \S+\nindex 8\n/);
  });

  it('has no proof where no checkpoint counts the row, and has one after', async () => {
    const { home, folder } = await makeLedger();
    fs.rmSync(join(folder, 'checkpoints.ndjson'));
    const none = await runCli(['receipt', 'd-1', '--proof'], { home });
    expect([none.code, none.out]).toEqual([3, '']);
    expect(none.err).toContain('agentguard checkpoint');
    // The tree was not lost with it, so the note is made again on demand.
    const store = await open(home, { durability: 'disk' });
    await add(store, 7);
    expect((await runCli(['checkpoint'], { home })).code).toBe(0);
    expect((await runCli(['receipt', 'd-1', '--proof'], { home })).code).toBe(0);
  });

  it('proves nothing of a ledger that is not what its checkpoint counted', async () => {
    const { home, ledger } = await makeLedger();
    const lines = fs.readFileSync(ledger, 'utf8');
    fs.writeFileSync(ledger, lines.replace(/}\n/, ',"x":1}\n'));
    expect((await runCli(['receipt', 'd-0', '--proof'], { home })).code).toBe(1);
    for (const lost of [false, true]) {
      if (lost) fs.rmSync(join(home, 'acme', 'tree.bin'));
      const { code } = await runCli(['receipt', 'd-1', '--proof'], { home });
      expect(code).toBe(lost ? 1 : 0);
    }
  });

  it('is not there for an id that no row has', async () => {
    const { home } = await makeLedger();
    expect((await runCli(['receipt', 'd-77'], { home })).code).toBe(3);
    expect((await runCli(['receipt'], { home })).code).toBe(2);
  });
});
