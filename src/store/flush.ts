/** Shared flushes: concurrent callers wait for one `fdatasync`, and a failed one is never tried again (design 3.3). */
import { AgentGuardError } from '../core/errors.js';
import { codeOf } from './paths.js';

export interface Flusher {
  /**
   * Resolves when the first `size` bytes of the file are on disk.
   * @throws AgentGuardError LEDGER_UNWRITABLE when a flush of this handle failed, now or earlier.
   */
  flush(size: number): Promise<void>;
  /** All that was written is known to be on disk by other means, and no more will be. */
  finish(): void;
  /** Resolves when no flush runs or waits, however they ended. */
  settle(): Promise<void>;
}

/**
 * @param sync flushes the file once.
 * @param measure how many bytes are written now: what a flush started now covers.
 */
export function createFlusher(sync: () => Promise<void>, measure: () => number): Flusher {
  let flushedTo = 0;
  let failure: AgentGuardError | undefined;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function start(): Promise<void> {
    const covers = measure();
    next = undefined;
    try {
      await sync();
      flushedTo = Math.max(flushedTo, covers);
    } catch (cause) {
      failure = new AgentGuardError(
        'LEDGER_UNWRITABLE',
        `The ledger could not be flushed (${codeOf(cause)}).`,
        {
          cause,
          hint: 'Check the disk. Rows of this moment may not survive a power loss; nothing was sent for them.',
        },
      );
      throw failure;
    }
  }
  function begin(): Promise<void> {
    // After a failed flush the system may count the lost pages as clean, so that a second one would succeed in vain.
    if (failure) return Promise.reject(failure);
    running = start().finally(() => {
      running = undefined;
    });
    return running;
  }
  return {
    async flush(size) {
      if (failure) throw failure;
      if (size <= flushedTo) return;
      // A running flush began before these bytes were written, as far as anybody knows.
      if (running) next ??= running.then(begin, begin);
      return next ?? begin();
    },
    finish() {
      flushedTo = Number.POSITIVE_INFINITY;
    },
    async settle() {
      while (running) await (next ?? running).catch(() => {});
    },
  };
}
