import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadOrCreateSeed, loadSeed, printKeyPem } from '../../src/store/keys.js';
import { makeHome } from './open-ledger.js';

const keyPath = (): string => join(makeHome(), 'signing.key');

describe('the ledger key', () => {
  it('is made once, for the owner alone, as PKCS#8 that other tools read', async () => {
    const path = keyPath();
    const seed = await loadOrCreateSeed(path);
    expect(await loadOrCreateSeed(path)).toEqual(seed);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const key = createPrivateKey(readFileSync(path));
    expect(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')).toEqual(Buffer.from(seed));
  });

  it('is the same for all that make it at once, and nothing else is left', async () => {
    const path = keyPath();
    const seeds = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateSeed(path)));
    expect(new Set(seeds.map((seed) => Buffer.from(seed).toString('hex'))).size).toBe(1);
    expect(readdirSync(join(path, '..'))).toEqual(['signing.key']);
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o602, 0o777])(
    'with mode %i, open to others, is refused',
    async (mode) => {
      const path = keyPath();
      await loadOrCreateSeed(path);
      chmodSync(path, mode);
      await expect(loadOrCreateSeed(path)).rejects.toMatchObject({
        code: 'KEY_UNSAFE',
        hint: `Run: chmod 600 ${path}`,
      });
    },
  );

  it('that is a link is refused', async () => {
    const path = keyPath();
    writeFileSync(`${path}.real`, printKeyPem(new Uint8Array(32)), { mode: 0o600 });
    symlinkSync(`${path}.real`, path);
    await expect(loadOrCreateSeed(path)).rejects.toMatchObject({
      code: 'KEY_UNSAFE',
      message: expect.stringMatching(/symbolic link/),
    });
  });

  it('that is a dangling link is refused, and nothing is made where it leads', async () => {
    const path = keyPath();
    symlinkSync(`${path}.elsewhere`, path);
    await expect(loadOrCreateSeed(path)).rejects.toMatchObject({ code: 'KEY_UNSAFE' });
    expect(await loadSeed(`${path}.elsewhere`)).toBeUndefined();
  });

  it('that is a folder is refused', async () => {
    const path = keyPath();
    mkdirSync(path);
    await expect(loadOrCreateSeed(path)).rejects.toMatchObject({ code: 'KEY_UNSAFE' });
  });

  it.each([
    '',
    'CANARY',
    '-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n',
    'CANARY'.repeat(1000),
  ])('of other content is refused without a word of it', async (text) => {
    const path = keyPath();
    writeFileSync(path, text, { mode: 0o600 });
    const error: unknown = await loadOrCreateSeed(path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'KEY_UNSAFE' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('CANARY');
  });

  it('cut at any byte is refused, never read as another key', async () => {
    const path = keyPath();
    const pem = printKeyPem(new Uint8Array(32).fill(7)).trimEnd();
    for (let size = 0; size < pem.length; size += 3) {
      writeFileSync(path, pem.slice(0, size), { mode: 0o600 });
      await expect(loadSeed(path)).rejects.toMatchObject({ code: 'KEY_UNSAFE' });
    }
  });

  it('of another length is a programmer’s mistake', () => {
    expect(() => printKeyPem(new Uint8Array(31))).toThrow(RangeError);
  });
});
