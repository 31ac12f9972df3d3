/**
 * Where things are: the home, one folder per scope, and the checks that make them safe to write to: owned by us, closed
 * to others, on a local file system, reached through no symbolic link (design rules: docs/threat-model.md).
 */
import { constants, type Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { decodeScopeName, encodeScopeName } from './scope-folder.js';

/** Opens fail on a symbolic link in the last component. */
export const NO_FOLLOW = constants.O_NOFOLLOW;
export const LEDGER_FILE = 'decisions.ndjson';
const KEY_FILE = 'signing.key';
export const INSTANCES_FOLDER = '.instances';
/** Holds the lock of the price sync. */
export const PRICE_LOCK_FOLDER = '.pricing';

export interface ScopePaths {
  readonly scope: string;
  readonly folder: string;
  readonly ledger: string;
  readonly key: string;
}

/** The home: the given path, else `AGENTGUARD_HOME`, else `~/.agentguard`. Absolute; nothing is created or checked. */
export function resolveHome(home?: string, env: NodeJS.ProcessEnv = process.env): string {
  return resolve(home || env.AGENTGUARD_HOME || join(homedir(), '.agentguard'));
}

/** The paths of a scope. @throws AgentGuardError SCOPE_NAME_INVALID */
export function locateScope(home: string, scope: string): ScopePaths {
  const folder = join(home, encodeScopeName(scope));
  return { scope, folder, ledger: join(folder, LEDGER_FILE), key: join(folder, KEY_FILE) };
}

/** Every scope with a folder under the home, by name; empty when there is no home. Links are not followed. */
export async function listScopes(home: string): Promise<readonly ScopePaths[]> {
  const entries = await fs.readdir(home, { withFileTypes: true }).catch(absentAsEmpty);
  const scopes = entries.filter((entry) => entry.isDirectory()).map((entry) => decodeScopeName(entry.name));
  return scopes
    .filter((scope) => scope !== undefined)
    .sort()
    .map((scope) => locateScope(home, scope));
}

/**
 * Creates the home when it is missing and checks it. Returns its real path.
 *
 * @throws AgentGuardError HOME_UNSAFE when it is no folder, belongs to or is writable by others, or lies on a file system
 *   where locks between machines cannot be trusted; LEDGER_UNWRITABLE when it cannot be created.
 */
export async function openHome(home: string): Promise<string> {
  if (home.includes('\0')) throw unsafe('The home path contains a NUL character');
  await makeFolder(home, true);
  const real = await fs.realpath(home);
  await checkFolder(real);
  const { type } = await fs.statfs(real);
  const problem = judgeFileSystem(type, process.platform);
  if (problem) throw unsafe(`${real} is on ${problem}`, 'Set AGENTGUARD_HOME to a folder on a local disk.');
  return real;
}

/** Creates a folder of a scope inside an opened home and checks it. @throws as `openHome`, and SCOPE_NAME_INVALID */
export async function openScopeFolder(realHome: string, scope: string): Promise<ScopePaths> {
  const paths = locateScope(realHome, scope);
  await openInnerFolder(paths.folder);
  return paths;
}

/** Creates and checks a folder directly inside an opened home. @throws as `openHome` */
export async function openInnerFolder(folder: string): Promise<void> {
  await makeFolder(folder, false);
  await checkFolder(folder);
  if ((await fs.realpath(folder)) !== folder) throw unsafe(`${folder} leads out of the home`);
}

/**
 * Why a file system, by its `statfs` type, cannot hold a home; `undefined` when it can. On Linux only known local ones
 * pass: FUSE may be anything, and 9p, NFS and SMB share files between kernels that do not share sockets.
 */
export function judgeFileSystem(type: number, platform: NodeJS.Platform): string | undefined {
  const magic = type >>> 0;
  const network = NETWORK.get(magic);
  if (network) return `${network}, a network file system, where a lock between processes cannot be safe`;
  if (platform !== 'linux' || LOCAL.has(magic)) return undefined;
  return `a file system of unknown kind (0x${magic.toString(16)}), where a lock between processes may not be safe`;
}

const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
  [0x01021997, '9p'],
]);

/** ext, XFS, Btrfs, tmpfs, ramfs, overlay, ZFS, F2FS, bcachefs, JFS, ReiserFS, NILFS, eCryptfs. */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e,
  0x3153464a, 0x52654973, 0x3434, 0xf15f,
]);

async function makeFolder(path: string, recursive: boolean): Promise<void> {
  // One level at a time: where a parent exists and still answers ENOENT, as below /proc, Node's own recursion never ends.
  const parent = dirname(path);
  if (recursive && parent !== path && !(await exists(parent))) await makeFolder(parent, true);
  try {
    await fs.mkdir(path, { mode: 0o700 });
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return;
    throw new AgentGuardError('LEDGER_UNWRITABLE', `${path} cannot be created (${codeOf(cause)}).`, {
      cause,
      hint: 'Set AGENTGUARD_HOME to a folder that this user may write to.',
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

async function checkFolder(path: string): Promise<void> {
  const stats = await fs.lstat(path);
  if (stats.isSymbolicLink()) throw unsafe(`${path} is a symbolic link`);
  if (!stats.isDirectory()) throw unsafe(`${path} is not a folder`);
  if (stats.mode & 0o022) throw unsafe(`${path} may be written to by other users`, `Run: chmod 700 ${path}`);
  if (isForeign(stats.uid)) throw unsafe(`${path} belongs to another user`);
}

/** Whether a file of this owner is another user's. The superuser may use anybody's. */
export function isForeign(uid: number): boolean {
  const own = process.getuid?.();
  return own !== undefined && own !== 0 && uid !== own;
}

/** The `code` of a system error, or `unknown`. */
export function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

function absentAsEmpty(cause: unknown): Dirent[] {
  if (codeOf(cause) === 'ENOENT') return [];
  throw cause;
}

function unsafe(message: string, hint = 'Set AGENTGUARD_HOME to a folder of your own.'): AgentGuardError {
  return new AgentGuardError('HOME_UNSAFE', `${message}.`, { hint });
}
