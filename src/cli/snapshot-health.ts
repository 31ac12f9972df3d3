/** The health of a scope's snapshot: a cache that spares a start the history, and a witness of how long it was. */
import { AgentGuardError } from '../core/errors.js';
import { count } from '../core/verdicts.js';
import { nodeBackend } from '../store/node-crypto.js';
import type { ScopePaths } from '../store/paths.js';
import { readSnapshot } from '../store/snapshot.js';
import { compareWithLedger } from '../store/snapshot-check.js';
import { fail, fine, type HealthCheck, warn } from './health.js';

export interface SnapshotWorld {
  readonly paths: ScopePaths;
  readonly repair: string;
  readonly acknowledge: string;
}

/** Looks at a snapshot and whether the ledger is what it saw. Never throws because of what it finds. */
export async function checkSnapshot(name: string, world: SnapshotWorld): Promise<HealthCheck> {
  const { folder } = world.paths;
  const reading = await readSnapshot(folder);
  if (reading.kind === 'none') return fine(name, 'none yet; a start reads the whole ledger');
  if (reading.kind === 'bad')
    return warn(
      name,
      `it ${reading.why}: ignored, a start reads the whole ledger`,
      `the next guarded call replaces it, and so does: ${world.repair}`,
    );
  try {
    const difference = compareWithLedger(folder, reading.snapshot, nodeBackend);
    if (difference === undefined)
      return fine(name, `of ${count(reading.snapshot.rows, 'row')}, as the ledger`);
    return fail(
      name,
      `the ledger ${difference}: guards refuse to start`,
      `restore the ledger from a backup; if it is meant to be so, run: ${world.acknowledge}`,
    );
  } catch (error) {
    if (!(error instanceof AgentGuardError)) throw error;
    return fail(name, error.message.replace(/\.$/, ''), error.hint);
  }
}
