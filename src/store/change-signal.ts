/** Tells waiters that a ledger may have changed: at once for rows of this process, by looking for those of others. */
import type { CancelSignal } from '../core/spend-store.js';

const POLL_MS = 25;

export interface ChangeSignal {
  /** Wakes everybody, after what is already under way has had its turn. */
  notify(): void;
  /** Resolves at the next change or after `timeoutMs`. Rejects with the signal's reason. */
  wait(timeoutMs: number, signal?: CancelSignal): Promise<void>;
}

/** @param looksChanged whether others have written what this process does not know yet; asked only while somebody waits. */
export function createChangeSignal(looksChanged: () => boolean = () => false): ChangeSignal {
  const wakers = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let isWaking = false;

  function wakeAll(): void {
    for (const wake of [...wakers]) wake();
  }
  function look(): void {
    if (looksChanged()) wakeAll();
    if (wakers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }
  function wait(timeoutMs: number, signal?: CancelSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const settle = (act: () => void) => () => {
        clearTimeout(timeout);
        wakers.delete(wake);
        signal?.removeEventListener('abort', abort);
        act();
      };
      const wake = settle(resolve);
      const abort = settle(() => reject(signal?.reason));
      const timeout = setTimeout(wake, timeoutMs);
      wakers.add(wake);
      signal?.addEventListener('abort', abort, { once: true });
      timer ??= setInterval(look, POLL_MS);
    });
  }
  function wakeLater(): void {
    // Later, because a caller that has just been answered by the same batch of steps is only now about to wait.
    if (isWaking) return;
    isWaking = true;
    setImmediate(() => {
      isWaking = false;
      wakeAll();
    });
  }
  return { notify: wakeLater, wait };
}
