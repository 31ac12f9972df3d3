/** Waiting that ends early when the client goes or the stand-in closes. */

/** Resolves after `ms` milliseconds, or at once on abort; 0 only lets other events happen first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      clearImmediate(soon);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = ms > 0 ? setTimeout(done, ms) : undefined;
    const soon = ms > 0 ? undefined : setImmediate(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Resolves on abort only. */
export function waitForAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
