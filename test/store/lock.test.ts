import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Instance } from '../../src/store/instance.js';
import type { Liveness } from '../../src/store/liveness.js';
import { createLock, readOwner } from '../../src/store/lock.js';
import { makeHome } from './open-ledger.js';

const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';
const C = 'cccccccccccccccc';

/** An instance that thinks of all others what the test says. */
function instance(id: string, liveness: () => Liveness = () => 'alive'): Instance {
  return { id, probe: async () => liveness(), ensureListening: async () => {}, close: async () => {} };
}

function locks(liveness: () => Liveness = () => 'alive') {
  const folder = makeHome();
  const [a, b, c] = [A, B, C].map((id) => createLock(folder, instance(id, liveness))) as [Lock, Lock, Lock];
  onTestFinished(() => {});
  return { folder, path: join(folder, 'lock'), a, b, c };
}
type Lock = ReturnType<typeof createLock>;

describe('the lock', () => {
  it('is taken by one at a time and names its owner', () => {
    const { path, a, b } = locks();
    expect([a.tryAcquire(), b.tryAcquire()]).toEqual([true, false]);
    expect(readOwner(path)).toBe(A);
    a.release();
    expect(readOwner(path)).toBeUndefined();
    expect([b.tryAcquire(), a.tryAcquire()]).toEqual([true, false]);
  });

  it('leaves nothing behind once released and closed', () => {
    const { folder, a, b } = locks();
    for (const lock of [a, b, a]) {
      lock.tryAcquire();
      lock.release();
    }
    a.close();
    b.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is waited for while its owner lives, then refused, naming the owner', async () => {
    const { path, a, b } = locks();
    a.tryAcquire();
    await expect(b.acquire(60)).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      message: expect.stringContaining(A),
    });
    expect(readOwner(path)).toBe(A);
    const waiting = b.acquire(5_000);
    a.release();
    await waiting;
    expect(readOwner(path)).toBe(B);
  });

  it.each(['absent', 'unknown'] as const)(
    'of an owner that is %s is refused with a way out',
    async (liveness) => {
      const { path, a, b } = locks(() => liveness);
      a.tryAcquire();
      await expect(b.acquire(60)).rejects.toMatchObject({
        code: 'LEDGER_LOCKED',
        hint: expect.stringContaining(path),
      });
      expect(readOwner(path)).toBe(A);
    },
  );

  it('of a dead owner goes to one of several who take it', async () => {
    const { path, a, b, c } = locks(() => (readOwner(path) === A ? 'dead' : 'alive'));
    a.tryAcquire();
    const winners: string[] = [];
    await Promise.all(
      [b, c].map(async (lock, n) => {
        await lock.acquire(5_000);
        winners.push(`${n} ${readOwner(path)}`);
        expect(readOwner(path)).toBe(n === 0 ? B : C);
        lock.release();
      }),
    );
    expect(winners.sort()).toEqual([`0 ${B}`, `1 ${C}`]);
  });

  it('robbed by one who is late does not touch the next owner', async () => {
    const folder = makeHome();
    const path = join(folder, 'lock');
    const a = createLock(folder, instance(A));
    const b = createLock(folder, instance(B));
    // C learns that A is dead, and before it acts B has robbed A and owns the lock.
    const slow = createLock(folder, {
      ...instance(C),
      async probe(id) {
        if (id !== A) return 'alive';
        rmSync(join(path, A), { force: true });
        expect(b.tryAcquire() || readOwner(path) === B).toBe(true);
        return 'dead';
      },
    });
    a.tryAcquire();
    await expect(slow.acquire(100)).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      message: expect.stringContaining(B),
    });
    expect(readOwner(path)).toBe(B);
  });

  it('that a robber left empty when it died is free', () => {
    const { path, b } = locks();
    mkdirSync(path);
    expect(b.tryAcquire()).toBe(true);
    expect(readOwner(path)).toBe(B);
  });

  it('that a stranger’s file is in is not taken for free', async () => {
    const { path, b } = locks(() => 'unknown');
    mkdirSync(path);
    writeFileSync(join(path, 'note.txt'), '');
    await expect(b.acquire(60)).rejects.toMatchObject({ code: 'LEDGER_LOCKED' });
  });

  it('that is a plain file is refused', () => {
    const { path, b } = locks();
    writeFileSync(path, '');
    expect(() => b.tryAcquire()).toThrow(expect.objectContaining({ code: 'LEDGER_UNWRITABLE' }));
  });

  it('in a folder that is gone is refused', () => {
    const { folder, b } = locks();
    rmSync(folder, { recursive: true });
    expect(() => b.tryAcquire()).toThrow(expect.objectContaining({ code: 'LEDGER_UNWRITABLE' }));
  });

  it('prepared by a process that died over it is prepared again', () => {
    const { folder, a } = locks();
    mkdirSync(join(folder, `.lock-${A}.new`));
    expect(a.tryAcquire()).toBe(true);
    expect(readOwner(join(folder, 'lock'))).toBe(A);
  });

  it('removed by hand while it is held can be released and taken again', () => {
    const { path, a } = locks();
    a.tryAcquire();
    rmSync(path, { recursive: true });
    a.release();
    expect(a.tryAcquire()).toBe(true);
    expect(readOwner(path)).toBe(A);
  });
});
