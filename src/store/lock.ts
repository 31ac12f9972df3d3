/**
 * The lock between processes: a folder `<scope>/lock` that holds one empty file named for its owner (design 3.3).
 *
 * - **Take**: `rename('.lock-<me>', 'lock')`, a folder prepared with the file `<me>` in it. The kernel replaces a missing
 *   or empty `lock` and refuses a filled one, in one step: of many takers one wins.
 * - **Release**: rename it back.
 * - **Rob the dead**: `unlink('lock/<dead>')`, which leaves an empty, free lock. It names whom it robs, so it cannot hit
 *   anybody else, however late it comes: an instance found dead never lives again, and nobody else has its name. Two
 *   robbers do the same thing twice and then compete by taking; a robber killed half-way leaves a free lock.
 *
 * Only `dead` is robbed (see liveness.ts). An owner that is stopped, or of whom nothing is known, is waited for and then
 * named in a refusal. The owner holds the lock only within one synchronous run, never across an `await`.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { AgentGuardError } from '../core/errors.js';
import { INSTANCE_ID, type Instance } from './instance.js';
import type { Liveness } from './liveness.js';
import { codeOf } from './paths.js';

/** How long `acquire` waits for a living owner unless told otherwise. */
const LOCK_WAIT_MS = 30_000;
/** Turns of the event loop that are tried before sleeping: most holds last well under a millisecond. */
const EAGER_TRIES = 4;
const MAX_SLEEP_MS = 8;
/** How long one owner is watched before it is asked whether it lives, and between questions. */
const FIRST_PROBE_MS = 4;
const NEXT_PROBE_MS = 100;

export interface Lock {
  /** Takes the lock if it is free. @throws AgentGuardError LEDGER_UNWRITABLE */
  tryAcquire(): boolean;
  /**
   * Takes the lock, waiting without blocking the event loop.
   * @throws AgentGuardError LEDGER_LOCKED after `waitMs`, naming the owner; LEDGER_UNWRITABLE.
   */
  acquire(waitMs?: number): Promise<void>;
  release(): void;
  /** Removes what `acquire` needs. The lock is not held. */
  close(): void;
}

/** The lock of one scope folder for one instance. At most one per pair: holders of the same name share it. */
export function createLock(folder: string, instance: Instance): Lock {
  const lockPath = join(folder, 'lock');
  const ownPath = join(folder, `.lock-${instance.id}`);

  function tryAcquire(): boolean {
    try {
      fs.renameSync(ownPath, lockPath);
      return true;
    } catch (cause) {
      const code = codeOf(cause);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return readOwner(lockPath) === instance.id;
      if (code !== 'ENOENT') throw unusable(lockPath, cause);
    }
    prepare(ownPath, instance.id);
    return tryAcquire();
  }

  async function acquire(waitMs = LOCK_WAIT_MS): Promise<void> {
    const startedAt = performance.now();
    const watch = createOwnerWatch(lockPath, instance);
    for (let tries = 0; !tryAcquire(); tries++) {
      const waitedMs = performance.now() - startedAt;
      if (await watch.robIfDead(waitedMs)) continue;
      if (waitedMs > waitMs) throw locked(lockPath, watch.owner(), watch.liveness(), waitMs);
      if (tries < EAGER_TRIES) await nextTurn();
      else await sleep(Math.min(MAX_SLEEP_MS, 1 + Math.random() * tries));
    }
  }

  function release(): void {
    try {
      fs.renameSync(lockPath, ownPath);
    } catch {
      // Somebody removed or filled the one or the other by hand. What is left of ours must not stand in the way.
      removeName(lockPath, instance.id);
    }
  }

  function close(): void {
    removePrepared(ownPath);
  }

  return { tryAcquire, acquire, release, close };
}

/** Should that fail too, the next try finds the lock its own and goes on. */
function removeName(lockPath: string, id: string): void {
  try {
    fs.unlinkSync(join(lockPath, id));
  } catch {
    // Nothing of ours is there any more.
  }
}

/** Watches who holds a lock, asks now and then whether the holder lives, and frees the lock of a dead one. */
function createOwnerWatch(lockPath: string, instance: Instance) {
  let owner: string | undefined;
  let liveness: Liveness | undefined;
  let nextProbeMs = FIRST_PROBE_MS;
  return {
    owner: () => owner,
    liveness: () => liveness,
    async robIfDead(waitedMs: number): Promise<boolean> {
      if (waitedMs < nextProbeMs) return false;
      const current = readOwner(lockPath);
      if (current !== owner) {
        owner = current;
        liveness = undefined;
        // A lock that changes hands is in use: only one owner seen twice is worth a question.
        nextProbeMs = waitedMs + FIRST_PROBE_MS;
        return false;
      }
      nextProbeMs = waitedMs + NEXT_PROBE_MS;
      if (owner === undefined) return false;
      liveness = await instance.probe(owner);
      if (liveness !== 'dead') return false;
      removeName(lockPath, owner);
      owner = undefined;
      nextProbeMs = waitedMs + FIRST_PROBE_MS;
      return true;
    },
  };
}

/** Whose lock it is: an instance id, some other name that stands in the way, or `undefined` when it is free. */
export function readOwner(lockPath: string): string | undefined {
  try {
    const names = fs.readdirSync(lockPath);
    return names.find((name) => INSTANCE_ID.test(name)) ?? names[0];
  } catch (cause) {
    return codeOf(cause) === 'ENOENT' ? undefined : '?';
  }
}

/** Filled under another name: a folder taken for the lock without an owner's name in it would be a free lock. */
function prepare(ownPath: string, id: string): void {
  const fresh = `${ownPath}.new`;
  try {
    // Not recursive: a scope folder that is gone must not come back empty.
    if (!fs.existsSync(fresh)) fs.mkdirSync(fresh, { mode: 0o700 });
    fs.writeFileSync(join(fresh, id), '', { mode: 0o600 });
    fs.renameSync(fresh, ownPath);
  } catch (cause) {
    throw unusable(ownPath, cause);
  }
}

/**
 * Removes a prepared folder. It is renamed first: one that were emptied under its own name could be taken for the lock
 * by an owner that lives after all, and a lock without a name is no lock.
 */
export function removePrepared(ownPath: string): void {
  const grave = `${ownPath}.gone`;
  try {
    fs.renameSync(ownPath, grave);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') return;
  }
  fs.rmSync(grave, { recursive: true, force: true });
  fs.rmSync(`${ownPath}.new`, { recursive: true, force: true });
}

function unusable(path: string, cause: unknown): AgentGuardError {
  return new AgentGuardError('LEDGER_UNWRITABLE', `The lock ${path} cannot be taken (${codeOf(cause)}).`, {
    cause,
    hint: 'Check that the folder exists, that this user may write to it and that the disk is not full.',
  });
}

function locked(
  path: string,
  owner: string | undefined,
  liveness: Liveness | undefined,
  waitMs: number,
): AgentGuardError {
  const who = owner === undefined ? 'others, in turn' : `instance ${owner}`;
  if (owner === undefined || liveness === 'alive' || liveness === undefined) {
    return new AgentGuardError(
      'LEDGER_LOCKED',
      `The ledger lock ${path} was held by ${who} for ${waitMs} ms.`,
      {
        hint: 'The owner lives: it may be stopped or overloaded. Continue or end that process.',
      },
    );
  }
  const message = `The ledger lock ${path} is held by ${who}, and it cannot be told whether that process lives.`;
  return new AgentGuardError('LEDGER_LOCKED', message, {
    hint: `When no process uses this ledger any more, remove the folder ${path}.`,
  });
}
