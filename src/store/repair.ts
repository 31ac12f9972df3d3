/** Mends what crashes leave in a home, without removing a row: what the next writer would mend, and what nobody would. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { openInstance } from './instance.js';
import { openLedger } from './ledger.js';
import { readOwner } from './lock.js';
import { INSTANCES_FOLDER, type ScopePaths } from './paths.js';
import { readSnapshot, SNAPSHOT_DRAFT } from './snapshot.js';
import { removeStaleSockets } from './stale.js';
import { TREE_DRAFT } from './tree.js';

/** Left by a process that ended while it made a key; never linked to its name, so never used. */
const KEY_DRAFT = /^signing\.key\.[0-9a-f]{16}\.tmp$/;
/** A draft may be under way. */
const DRAFT_AGE_MS = 60_000;

/** Removes the sockets of processes that ended. Returns what was mended, in words. @throws AgentGuardError HOME_UNSAFE */
export async function repairHome(realHome: string): Promise<readonly string[]> {
  const folder = join(realHome, INSTANCES_FOLDER);
  const before = await listNames(folder);
  if (before.length === 0) return [];
  const instance = await openInstance(realHome);
  try {
    await removeStaleSockets(realHome, instance);
  } finally {
    await instance.close();
  }
  const after = new Set(await listNames(folder));
  const removed = before.filter((name) => !after.has(name)).length;
  return removed === 0 ? [] : [`removed ${removed} left by processes that ended`];
}

/**
 * Mends a scope that has a ledger and a key: frees the lock of a dead owner, finishes or sets aside a torn tail, removes
 * drafts of dead processes, rebuilds a snapshot that is damaged or missing.
 *
 * @returns what was mended, in words.
 * @throws AgentGuardError LEDGER_* for what cannot be mended; nothing of it was changed.
 */
export async function repairScope(
  home: string,
  paths: ScopePaths,
  nowMs: number,
): Promise<readonly string[]> {
  const { folder, scope, key } = paths;
  const drafts = await removeDrafts(folder, nowMs);
  const before = await observe(paths);
  // Opening would make what is not there.
  if (!(await isThere(key)) || !before.hasLedger) return drafts;
  const store = await openLedger({ home, scope, durability: 'disk' });
  try {
    await store.transact(() => ({ result: undefined, drafts: [] }));
  } finally {
    await store.close();
  }
  return [...drafts, ...describeChange(before, await observe(paths))];
}

interface Observed {
  readonly hasLedger: boolean;
  readonly owner: string | undefined;
  readonly tornFiles: readonly string[];
  readonly size: number;
  readonly snapshot: string;
}

async function observe({ folder, ledger }: ScopePaths): Promise<Observed> {
  const names = await listNames(folder);
  const stats = await fs.stat(ledger).catch(() => undefined);
  return {
    hasLedger: names.some((name) => /^decisions(-[0-9]{6})?\.ndjson$/.test(name)),
    owner: readOwner(join(folder, 'lock')),
    tornFiles: names.filter((name) => /^torn-.*\.ndjson$/.test(name)),
    size: stats?.size ?? 0,
    snapshot: (await readSnapshot(folder)).kind,
  };
}

function describeChange(before: Observed, after: Observed): string[] {
  const mended: string[] = [];
  const torn = after.tornFiles.filter((name) => !before.tornFiles.includes(name));
  if (before.owner !== undefined && after.owner === undefined)
    mended.push('freed the lock of a process that ended');
  if (torn.length > 0) mended.push(`set a torn tail aside as ${torn.join(', ')}`);
  else if (after.size > before.size) mended.push('finished a row that lacked its line feed');
  if (before.snapshot !== 'good' && after.snapshot === 'good') mended.push('rebuilt the snapshot');
  return mended;
}

async function removeDrafts(folder: string, nowMs: number): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await listNames(folder)) {
    if (![SNAPSHOT_DRAFT, KEY_DRAFT, TREE_DRAFT].some((draft) => draft.test(name))) continue;
    const path = join(folder, name);
    const stats = await fs.lstat(path).catch(() => undefined);
    if (!stats || nowMs - stats.mtimeMs < DRAFT_AGE_MS) continue;
    await fs.rm(path, { force: true });
    removed.push(`removed ${name}, which was never finished`);
  }
  return removed;
}

async function listNames(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch(() => []);
}

async function isThere(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}
