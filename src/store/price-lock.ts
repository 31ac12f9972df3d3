/** One price sync at a time on a home, whichever process it runs in: the others wait for it (docs/pricing.md). */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentGuardError } from '../core/errors.js';
import { type Instance, openInstance } from './instance.js';
import { createLock, type Lock } from './lock.js';
import { openInnerFolder, PRICE_LOCK_FOLDER } from './paths.js';
import { removeStalePreparations, removeStaleSockets } from './stale.js';

/** Each try watches the owner this long, enough to find a dead one and rob it. */
const TRY_MS = 30;
const PAUSE_MS = 150;

/**
 * Does `work` while no other sync runs. A dead owner is robbed, a living one waited for.
 *
 * @param realHome as `openHome` returned it.
 * @throws AgentGuardError PRICES_LOCKED after `waitMs`; HOME_UNSAFE or LEDGER_UNWRITABLE when the home cannot hold a lock;
 *   the reason of `signal`; whatever `work` throws.
 */
export async function withPriceLock<T>(
  realHome: string,
  options: { readonly waitMs: number; readonly signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const folder = join(realHome, PRICE_LOCK_FOLDER);
  await openInnerFolder(folder);
  const instance = await openInstance(realHome);
  try {
    await removeStalePreparations(folder, instance);
    const lock = createLock(folder, instance);
    try {
      return await holdLock(lock, options, () => workWithLock(lock, realHome, instance, work));
    } finally {
      lock.close();
    }
  } finally {
    await instance.close();
  }
}

async function workWithLock<T>(
  lock: Lock,
  realHome: string,
  instance: Instance,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await removeStaleSockets(realHome, instance);
    return await work();
  } finally {
    lock.release();
  }
}

async function holdLock<T>(
  lock: Lock,
  { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const endsAt = performance.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await lock.acquire(TRY_MS);
      break;
    } catch (cause) {
      const isHeld = cause instanceof AgentGuardError && cause.code === 'LEDGER_LOCKED';
      if (!isHeld) throw cause;
      if (performance.now() > endsAt) throw locked(waitMs, cause);
    }
    await sleep(PAUSE_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
  return work();
}

function locked(waitMs: number, cause: AgentGuardError): AgentGuardError {
  const message = `Another price sync has held this home for ${Math.round(waitMs / 1000)} s.`;
  const hint = 'Wait for it or end it; if there is none, remove the folder .pricing in the home.';
  return new AgentGuardError('PRICES_LOCKED', message, { hint, cause });
}
