import { readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Instance, openInstance } from '../../src/store/instance.js';
import { withSocketPath } from '../../src/store/socket-path.js';
import { removeStaleSockets } from '../../src/store/stale.js';
import { buildOnce, startChild } from './fixtures/children.js';
import { makeHome } from './open-ledger.js';

beforeAll(buildOnce, 120_000);

async function start(home: string): Promise<Instance> {
  const instance = await openInstance(home);
  onTestFinished(() => instance.close());
  return instance;
}

const sockets = (home: string): string[] => readdirSync(join(home, '.instances')).sort();

describe('an instance', () => {
  it('is alive to itself and to others until it closes, and then leaves nothing', async () => {
    const home = makeHome();
    const [one, other] = [await start(home), await start(home)];
    expect([await one.probe(one.id), await one.probe(other.id), await other.probe(one.id)]).toEqual(
      Array(3).fill('alive'),
    );
    await one.close();
    await one.close();
    await expect.poll(() => other.probe(one.id)).toBe('absent');
    expect(sockets(home)).toEqual([`${other.id}.sock`]);
  });

  it('that was killed is dead, seen over a connection from before too', async () => {
    const home = makeHome();
    const child = startChild('hold', home);
    const id = (await child.line()).split(' ')[1] ?? '';
    const [early, late] = [await start(home), await start(home)];
    expect(await early.probe(id)).toBe('alive');
    child.process.kill('SIGKILL');
    await child.ended;
    await expect.poll(() => early.probe(id)).toBe('dead');
    expect(await late.probe(id)).toBe('dead');
  });

  it.each(['', '..', '../x', 'ABCDEF0123456789', 'x'.repeat(16), '0123456789abcdef0'])(
    'named %j cannot be told of',
    async (id) => {
      expect(await (await start(makeHome())).probe(id)).toBe('unknown');
    },
  );

  it('without a socket, or with a plain file for one, is absent and not dead', async () => {
    const home = makeHome();
    const instance = await start(home);
    expect(await instance.probe('0123456789abcdef')).toBe('absent');
    writeFileSync(join(home, '.instances', '0123456789abcdef.sock'), '');
    expect(await instance.probe('0123456789abcdef')).toBe('absent');
  });

  it('whose socket or whole folder somebody deleted listens again', async () => {
    const home = makeHome();
    const instance = await start(home);
    unlinkSync(join(home, '.instances', `${instance.id}.sock`));
    await instance.ensureListening();
    expect(await (await start(home)).probe(instance.id)).toBe('alive');
    rmSync(join(home, '.instances'), { recursive: true });
    await instance.ensureListening();
    expect(await (await start(home)).probe(instance.id)).toBe('alive');
  });

  it('works in a home whose path is longer than a socket address, and leaves no detour behind', async () => {
    const home = join(makeHome(), 'long'.repeat(40));
    await mkdir(home, { recursive: true, mode: 0o700 });
    const [one, other] = [await start(home), await start(home)];
    expect(await one.probe(other.id)).toBe('alive');
  });

  it('refuses a home when even the detour is too long', async () => {
    const long = join(makeHome(), 'x'.repeat(120));
    await expect(withSocketPath(long, 'a.sock', async (path) => path, long)).rejects.toMatchObject({
      code: 'HOME_UNSAFE',
    });
  });

  it('refuses a home whose folder of sockets is a link', async () => {
    const home = makeHome();
    symlinkSync(makeHome(), join(home, '.instances'));
    await expect(openInstance(home)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });
});

describe('sweeping', () => {
  it('removes the sockets of the dead, except of one that owns a lock, and of no living one', async () => {
    const home = makeHome();
    const holder = startChild('hold', home);
    const owner = (await holder.line()).split(' ')[1] ?? '';
    const other = startChild('idle', home);
    await other.line();
    holder.process.kill('SIGKILL');
    other.process.kill('SIGKILL');
    await Promise.all([holder.ended, other.ended]);
    const living = await start(home);
    const sweeper = await start(home);
    await removeStaleSockets(home, sweeper);
    expect(sockets(home)).toEqual([`${owner}.sock`, `${living.id}.sock`, `${sweeper.id}.sock`].sort());
  });
});
