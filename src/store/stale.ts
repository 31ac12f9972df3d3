/** Sweeps up what instances that died left behind: their sockets and their prepared lock folders. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from './instance.js';
import { readOwner, removePrepared } from './lock.js';
import { INSTANCES_FOLDER, listScopes, PRICE_LOCK_FOLDER } from './paths.js';

/** At most this many are looked at in one sweep; the next one goes on. */
const MAX_SWEPT = 64;
/** With more scopes than this, sockets stay: looking through all locks would cost more than they do. */
const MAX_SCOPES = 256;

/**
 * Removes the sockets of dead instances that own no lock. A dead instance takes none any more, so whoever owns none now
 * never will; the socket of one that does must stay, since it is the proof that the lock may be robbed.
 */
export async function removeStaleSockets(realHome: string, instance: Instance): Promise<void> {
  const folder = join(realHome, INSTANCES_FOLDER);
  const ids = (await fs.readdir(folder)).map((name) => /^([0-9a-f]{16})\.sock$/.exec(name)?.[1]);
  const others = ids.filter((id) => id !== undefined && id !== instance.id).slice(0, MAX_SWEPT) as string[];
  const dead = new Set<string>();
  for (const id of others) if ((await instance.probe(id)) === 'dead') dead.add(id);
  if (dead.size === 0) return;
  const scopes = await listScopes(realHome);
  if (scopes.length > MAX_SCOPES) return;
  for (const scope of scopes) dead.delete(readOwner(join(scope.folder, 'lock')) ?? '');
  dead.delete(readOwner(join(realHome, PRICE_LOCK_FOLDER, 'lock')) ?? '');
  for (const id of dead) await fs.rm(join(folder, `${id}.sock`), { force: true });
}

/** Removes the lock folders that instances prepared in a scope and, dead or cleared away, will not use. */
export async function removeStalePreparations(scopeFolder: string, instance: Instance): Promise<void> {
  const names = await fs.readdir(scopeFolder);
  const ids = names.map((name) => /^\.lock-([0-9a-f]{16})(?:\.new|\.gone)?$/.exec(name)?.[1]);
  for (const id of new Set(ids.filter((each) => each !== undefined).slice(0, MAX_SWEPT))) {
    if (id === instance.id) continue;
    const liveness = await instance.probe(id);
    // Should an absent one live after all, it prepares again.
    if (liveness === 'dead' || liveness === 'absent') removePrepared(join(scopeFolder, `.lock-${id}`));
  }
}
