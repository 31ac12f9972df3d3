/** Long work in slices, so that the event loop stays free for whoever waits. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one slice may take, in milliseconds. */
const SLICE_MS = 8;

/** Call it between two pieces of work: it lets others in when the slice is over. */
export type Pacer = () => Promise<void> | undefined;

/** A pacer for one piece of work. */
export function createPacer(sliceMs = SLICE_MS): Pacer {
  let startMs = performance.now();
  return () => {
    if (performance.now() - startMs < sliceMs) return undefined;
    return nextTurn().then(() => {
      startMs = performance.now();
    });
  };
}
