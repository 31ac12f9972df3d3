/** Random schedules on a real ledger, held against the model; a schedule that fails is shrunk to a few steps. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { loadPackage, type Package, STEP, type Step, World } from './ledger-world.js';

const IS_BOUNDED = !process.env.SLOW;
const RUNS = Number(
  process.env.MODEL_RUNS ?? (process.env.SLOW ? 100_000 : process.env.CI_LONG ? 10_000 : 400),
);
/** A slow machine does fewer and says how many. */
const MOST_MS = 270_000;
/** Half of the time a schedule waits for the disk. */
const AT_ONCE = 4;
const HOUR = 3_600_000;
/** Mostly short, because most faults need few steps; some long, because of those that need a history. */
const schedules = fc.oneof(
  { weight: 4, arbitrary: fc.array(STEP, { minLength: 4, maxLength: 12, size: 'max' }) },
  { weight: 1, arbitrary: fc.array(STEP, { minLength: 20, maxLength: 40, size: 'max' }) },
);

/** One of `parts` equal parts of the schedules: each part is a file, so that they run side by side. */
export function describeSchedules(part: number, parts: number): void {
  const runs = Math.ceil(RUNS / parts);
  describe(`the ledger under random schedules, part ${part} of ${parts}`, () => {
    it(
      `agrees with its model in ${runs} of them (CI_LONG=1: 10,000 in all; SLOW=1: 100,000)`,
      async () => {
        const packs = [await loadPackage(), await loadPackage(), await loadPackage()];
        const seed = Number(process.env.SEED ?? randomBytes(4).readInt32BE());
        const tally = { schedules: 0, rows: 0, errors: 0 };
        const check = (n: number) =>
          fc.assert(
            fc.asyncProperty(schedules, (steps) => runSchedule(packs, steps, tally)),
            {
              ...{ seed: seed + n, numRuns: Math.ceil(runs / AT_ONCE) },
              ...(IS_BOUNDED ? { interruptAfterTimeLimit: MOST_MS } : {}),
            },
          );
        await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => check(n)));
        console.log(`ledger model: SEED=${seed}`, tally);
      },
      24 * HOUR,
    );
  });
}

interface Tally {
  schedules: number;
  rows: number;
  errors: number;
}

async function runSchedule(packs: readonly Package[], steps: readonly Step[], tally: Tally): Promise<void> {
  const world = new World(packs);
  try {
    for (const who of [0, 1, 2]) await world.start(who);
    for (const step of steps) await world.run(step);
    await world.finish();
  } finally {
    tally.schedules++;
    tally.rows += world.seen;
    tally.errors += world.errors;
    await world.end();
  }
}
