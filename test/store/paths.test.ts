import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listScopes, openHome, resolveHome } from '../../src/store/index.js';
import { judgeFileSystem, openScopeFolder } from '../../src/store/paths.js';
import { makeHome, open } from './open-ledger.js';

describe('the home', () => {
  it('is the given path, else AGENTGUARD_HOME, else .agentguard in the user’s home', () => {
    expect(resolveHome('/a/b', { AGENTGUARD_HOME: '/c' })).toBe('/a/b');
    expect(resolveHome(undefined, { AGENTGUARD_HOME: '/c' })).toBe('/c');
    expect(resolveHome('', { AGENTGUARD_HOME: '' })).toBe(join(homedir(), '.agentguard'));
  });

  it('and all in it is made for its owner alone', async () => {
    const home = join(makeHome(), 'new', 'home');
    const store = await open(home);
    await store.transact(() => ({ result: 0, drafts: [{ decision: {} }] }));
    const modes = [
      home,
      store.paths.folder,
      join(home, '.instances'),
      store.paths.ledger,
      store.paths.key,
    ].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600, 0o600]);
  });

  it('that others may write to is refused', async () => {
    const home = makeHome();
    chmodSync(home, 0o777);
    await expect(openHome(home)).rejects.toMatchObject({
      code: 'HOME_UNSAFE',
      hint: `Run: chmod 700 ${home}`,
    });
  });

  it('that is a file is refused', async () => {
    const path = join(makeHome(), 'file');
    writeFileSync(path, '');
    await expect(openHome(path)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });

  it('that cannot be made is refused with a way out', async () => {
    const path = join(makeHome(), 'file');
    writeFileSync(path, '');
    await expect(openHome(join(path, 'home'))).rejects.toMatchObject({
      code: 'LEDGER_UNWRITABLE',
      hint: /AGENTGUARD_HOME/,
    });
  });

  it.skipIf(process.platform !== 'linux')(
    'below a file system that makes no folders is refused at once',
    async () => {
      await expect(openHome('/proc/agentguard-nowhere/deep')).rejects.toMatchObject({
        code: 'LEDGER_UNWRITABLE',
      });
    },
  );

  it('many levels deep is made', async () => {
    const home = join(await makeHome(), 'a', 'b', 'c');
    await expect(openHome(home)).resolves.toContain('a/b/c');
  });

  it('with a NUL in its path is refused', async () => {
    await expect(openHome('/tmp/a\0b')).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });

  it.each([
    [0x6969, /NFS/],
    [0xfe534d42 | 0, /SMB/],
    [0xff534d42, /CIFS/],
    [0x01021997, /9p/],
    [0x65735546, /unknown kind/],
    [0x12345678, /unknown kind/],
  ])('on a file system of type %i is refused on Linux', (type, reason) => {
    expect(judgeFileSystem(type, 'linux')).toMatch(reason);
  });

  it.each([0xef53, 0x58465342, 0x9123683e | 0, 0x01021994, 0x794c7630])(
    'on a local one of type %i passes',
    (type) => {
      expect(judgeFileSystem(type, 'linux')).toBeUndefined();
    },
  );
});

describe('a scope folder', () => {
  it('that is a link is refused, also when it leads back into the home', async () => {
    const home = makeHome();
    mkdirSync(join(home, 'other'), { mode: 0o700 });
    symlinkSync(join(home, 'other'), join(home, 'acme'));
    await expect(openScopeFolder(home, 'acme')).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });

  it('that others may write to is refused', async () => {
    const home = makeHome();
    mkdirSync(join(home, 'acme'));
    chmodSync(join(home, 'acme'), 0o770);
    await expect(openScopeFolder(home, 'acme')).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });

  it('is listed under its scope’s name; links, files and other folders are not', async () => {
    const home = makeHome();
    for (const name of ['acme', '%41cme', 'Not-A-Scope', '.instances']) mkdirSync(join(home, name));
    symlinkSync(join(home, 'acme'), join(home, 'linked'));
    writeFileSync(join(home, 'file'), '');
    expect((await listScopes(home)).map((paths) => paths.scope)).toEqual(['Acme', 'acme']);
    expect(await listScopes(join(home, 'nowhere'))).toEqual([]);
  });
});
