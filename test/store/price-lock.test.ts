import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInstance } from '../../src/store/instance.js';
import { PRICE_LOCK_FOLDER } from '../../src/store/paths.js';
import { withPriceLock } from '../../src/store/price-lock.js';
import { removeStaleSockets } from '../../src/store/stale.js';
import { makeHome } from '../helpers/home.js';
import { putDeadOwner } from './dead-owner.js';

const WAIT = { waitMs: 10_000 };

describe('the price lock', () => {
  it('lets one work at a time, each in turn', async () => {
    const home = await makeHome();
    let inside = 0;
    const turns = Array.from({ length: 4 }, (_, turn) =>
      withPriceLock(home, WAIT, async () => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 10));
        inside--;
        return turn;
      }),
    );
    expect(await Promise.all(turns)).toEqual([0, 1, 2, 3]);
  });

  it('is free again after work that failed, and passes the failure on', async () => {
    const home = await makeHome();
    const fault = new Error('no');
    await expect(withPriceLock(home, WAIT, () => Promise.reject(fault))).rejects.toBe(fault);
    expect(await withPriceLock(home, WAIT, async () => 'again')).toBe('again');
  });

  it('leaves nothing behind', async () => {
    const home = await makeHome();
    await withPriceLock(home, WAIT, async () => {});
    expect(await readdir(join(home, PRICE_LOCK_FOLDER))).toEqual([]);
    expect(await readdir(join(home, '.instances'))).toEqual([]);
  });

  it('is not waited for without end while its owner lives', async () => {
    const home = await makeHome();
    await withPriceLock(home, WAIT, async () => {
      const second = withPriceLock(home, { waitMs: 50 }, async () => 'robbed');
      await expect(second).rejects.toMatchObject({ code: 'PRICES_LOCKED' });
    });
  });

  it('stops waiting when it is told to', async () => {
    const home = await makeHome();
    const controller = new AbortController();
    await withPriceLock(home, WAIT, async () => {
      const second = withPriceLock(home, { ...WAIT, signal: controller.signal }, async () => 'robbed');
      controller.abort(new Error('enough'));
      await expect(second).rejects.toThrow('enough');
    });
  });

  it('is taken from a dead owner at once, also after the sockets of the dead were swept', async () => {
    const home = await makeHome();
    await putDeadOwner(home);
    const instance = await openInstance(home);
    await removeStaleSockets(home, instance);
    await instance.close();
    expect(await withPriceLock(home, { waitMs: 1_000 }, async () => 'mine')).toBe('mine');
  });
});
