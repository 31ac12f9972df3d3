/** The health of the home folder itself, and of the processes that announce themselves in it. */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { DEFAULT_MAX_PRICE_AGE_MS } from '../core/price-age.js';
import { measureTableAgeMs } from '../core/price-table.js';
import type { Prober } from '../store/liveness.js';
import { INSTANCES_FOLDER, isForeign, judgeFileSystem } from '../store/paths.js';
import { readPriceFile } from '../store/price-file.js';
import { explainSystemError } from './cli-error.js';
import { fail, fine, type HealthCheck, printAge, warn } from './health.js';

/** Looks at the home. The flag says whether there is one to look into. */
export async function checkHome(
  home: string,
  init: string,
): Promise<{ readonly checks: readonly HealthCheck[]; readonly isThere: boolean }> {
  const stats = await fs.stat(home).catch((cause: NodeJS.ErrnoException) => cause);
  if (stats instanceof Error) {
    const missing = stats.code === 'ENOENT';
    const check = missing
      ? warn('home', `${home} does not exist yet`, `${init} makes it, and so does the first guarded call`)
      : fail('home', `${home} ${explainSystemError(stats)}`, 'name another with --home or AGENTGUARD_HOME');
    return { checks: [check], isThere: false };
  }
  if (!stats.isDirectory())
    return { checks: [fail('home', `${home} is not a folder`, 'name another with --home')], isThere: false };
  const checks = [checkFolder('home', home, stats), await checkFileSystem(home), await checkWritable(home)];
  return { checks, isThere: true };
}

/** A folder must be nobody else's to write to. */
export function checkFolder(
  name: string,
  path: string,
  { mode, uid }: { readonly mode: number; readonly uid: number },
): HealthCheck {
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  if (mode & 0o022)
    return fail(name, `${path} may be written to by other users (${octal})`, `run: chmod 700 ${path}`);
  if (isForeign(uid))
    return fail(
      name,
      `${path} belongs to another user (uid ${uid})`,
      'run the agent as that user, or use another home',
    );
  if (mode & 0o055)
    return warn(name, `${path} may be read by other users (${octal})`, `run: chmod 700 ${path}`);
  return fine(name, `${path} (${octal})`);
}

/** The sockets of the processes that use this home. */
export async function checkInstances(home: string, prober: Prober): Promise<HealthCheck> {
  const names = await fs.readdir(join(home, INSTANCES_FOLDER)).catch(() => [] as string[]);
  const ids = names.flatMap((name) => /^([0-9a-f]{16})\.sock$/.exec(name)?.[1] ?? []);
  const tally = { alive: 0, dead: 0, absent: 0, unknown: 0 };
  for (const id of ids) tally[await prober.probe(id)]++;
  const { alive, dead, unknown } = tally;
  const stale = dead === 0 ? '' : `, ${dead} left by processes that ended`;
  const message = `${alive} running${stale}`;
  if (unknown > 0)
    return warn(
      'processes',
      `${message}; of ${unknown} it cannot be told whether they run`,
      'run doctor as their user',
    );
  return dead > 64
    ? warn('processes', message, 'the next guarded call clears them away')
    : fine('processes', message);
}

/** The synced price table. Programs may do without one and set their prices themselves. */
export async function checkPrices(home: string, nowMs: number, sync: string): Promise<HealthCheck> {
  try {
    const reading = await readPriceFile(home);
    if (reading === undefined)
      return fine('prices', 'no table is synced here: programs set their own prices');
    const { table, problem } = reading;
    if (table === undefined)
      return fail('prices', (problem ?? 'no table').replace(/\.$/, ''), `run: ${sync}`);
    const ageMs = measureTableAgeMs(table, nowMs);
    const message = `${table.models.length} models, synced ${printAge(ageMs)} ago`;
    if (ageMs > DEFAULT_MAX_PRICE_AGE_MS) return warn('prices', message, `run: ${sync}`);
    const held = table.heldBack.size;
    if (held === 0) return fine('prices', message);
    return warn('prices', `${message}; ${held} held back`, `${sync} names them; --accept takes them`);
  } catch (error) {
    if (error instanceof AgentGuardError) return fail('prices', error.message.replace(/\.$/, ''), error.hint);
    throw error;
  }
}

async function checkFileSystem(home: string): Promise<HealthCheck> {
  try {
    const problem = judgeFileSystem((await fs.statfs(home)).type, process.platform);
    if (problem === undefined) return fine('disk', 'a local file system');
    return fail('disk', `${home} is on ${problem}`, 'set AGENTGUARD_HOME to a folder on a local disk');
  } catch (cause) {
    return warn('disk', `${home} ${explainSystemError(cause)}`);
  }
}

async function checkWritable(home: string): Promise<HealthCheck> {
  const error = await fs.access(home, constants.W_OK).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error === undefined) return fine('access', 'this user may write here');
  return warn(
    'access',
    'this user may not write here: guarded calls of this user are refused',
    'run the agent as the owner of the home, or set AGENTGUARD_HOME',
  );
}
