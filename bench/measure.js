/** Timing: percentiles, runs that take turns, and the line that says on what machine. */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

const FILE_SYSTEMS = new Map([
  [0xef53, 'ext'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
]);

/** One line: a table without its machine says nothing. `folder` is where the ledgers are. */
export function describeMachine(folder) {
  const { type } = statfsSync(folder);
  const disk = FILE_SYSTEMS.get(type) ?? `file system 0x${type.toString(16)}`;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const cores = availableParallelism();
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${cores} cores, ${memory}, ${disk}, Node ${process.versions.node}, ${process.platform}`;
}

/** The value below which `share` of the samples lie. */
export function percentile(samples, share) {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * Times several tasks in turn, so that a slow second of the machine meets all of them. Microseconds per run, after a
 * warm-up that is thrown away.
 */
export async function takeTurns(tasks, { rounds, warmUp }) {
  const samples = Object.fromEntries(Object.keys(tasks).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      const start = process.hrtime.bigint();
      await task.run();
      const tookUs = Number(process.hrtime.bigint() - start) / 1000;
      await task.after?.();
      if (round >= 0) samples[name].push(tookUs);
    }
  }
  return samples;
}

/** Milliseconds until a Node program ended, start to exit. @throws Error when it failed. */
export function timeProgram(args, env = {}) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}
