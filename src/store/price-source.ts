/** The price table as a running guard sees it: read again when the file changed, kept when the new one is bad. */
import type { PriceTable } from '../core/price-table.js';
import { readPriceFile, stampPriceFile } from './price-file.js';

/** The table in force, and what is wrong with the file, if anything. */
export interface PriceState {
  /** `undefined` while no good table was ever seen. */
  readonly table: PriceTable | undefined;
  /** Why the file on disk is not in force: damaged or unsafe. One sentence for a person; may quote the file. */
  readonly problem: string | undefined;
}

export interface PriceSource {
  /**
   * The table in force. Looks at the file at most once a second, reads it only when it changed. Never rejects. Calls at
   * the same time share one look.
   */
  read(): Promise<PriceState>;
  /** What the last `read` gave, without looking. */
  current(): PriceState;
}

const CHECK_MS = 1_000;

/** Nothing is opened or watched between calls, and nothing keeps the process alive. `elapsedMs` is for tests. */
export function createPriceSource(
  home: string,
  elapsedMs: () => number = () => performance.now(),
): PriceSource {
  let state: PriceState = { table: undefined, problem: undefined };
  let stamp: string | undefined;
  let nextCheckMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<PriceState> | undefined;

  async function look(): Promise<PriceState> {
    const seen = await stampPriceFile(home);
    if (seen !== stamp) {
      state = await readState();
      // Stamped before it was read: a file that was replaced in between is read again next time.
      stamp = seen;
    }
    nextCheckMs = elapsedMs() + CHECK_MS;
    return state;
  }
  /** A file that is gone or bad does not take away the prices that were good. */
  async function readState(): Promise<PriceState> {
    try {
      const reading = await readPriceFile(home);
      if (reading === undefined)
        return { table: state.table, problem: state.table && 'The price table is gone from the home.' };
      return { table: reading.table ?? state.table, problem: reading.problem };
    } catch (error) {
      return { table: state.table, problem: error instanceof Error ? error.message : String(error) };
    }
  }
  return {
    current: () => state,
    read() {
      if (looking) return looking;
      if (elapsedMs() < nextCheckMs) return Promise.resolve(state);
      looking = look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}
