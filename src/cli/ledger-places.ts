/** Which ledgers are meant: those of the home, or files that were named. */
import * as fs from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { listFullParts } from '../store/ledger-parts.js';
import { LEDGER_FILE, listScopes } from '../store/paths.js';
import { explainSystemError, unreadableError } from './cli-error.js';
import { type CommandContext, suggest } from './context.js';

/** One file, or standard input, to be read as receipts. */
export interface LedgerPlace {
  /** As it is shown: a path, or `-`. */
  readonly path: string;
  /** The scope of a ledger in the home; `undefined` for a file that was named. */
  readonly scope: string | undefined;
}

/** Why a place cannot be read. */
export interface PlaceFault {
  readonly path: string;
  /** Reads on from the path: "is a folder, …". */
  readonly message: string;
}

/** Places to read, and those that cannot be. */
export interface Places {
  readonly places: readonly LedgerPlace[];
  readonly faults: readonly PlaceFault[];
}

export const STANDARD_INPUT = '-';

/**
 * Every ledger in the home, by scope name. Links are not followed.
 * @throws CliError when there is no home or no ledger in it.
 */
export async function listHomeLedgers(context: CommandContext): Promise<Places> {
  const { home } = context;
  await requireFolder(context);
  const places: LedgerPlace[] = [];
  const faults: PlaceFault[] = [];
  for (const { scope, ledger, folder } of await listScopes(home)) {
    const fault = await inspectLedger(ledger, folder);
    if (fault === undefined) places.push({ path: ledger, scope });
    else if (fault !== '') faults.push({ path: ledger, message: fault });
  }
  if (places.length === 0 && faults.length === 0)
    throw unreadableError(
      `there is no ledger in ${home}`,
      `${suggest(context, 'demo')} makes one to look at, ${suggest(context, 'init')} one for your agent`,
    );
  return { places, faults };
}

/** The files that were named; a scope's folder stands for its ledger. */
export async function listNamedFiles(cwd: string, paths: readonly string[]): Promise<Places> {
  const places: LedgerPlace[] = [];
  const faults: PlaceFault[] = [];
  for (const name of new Set(paths)) {
    const place = await findFile(cwd, name);
    if ('message' in place) faults.push(place);
    else places.push(place);
  }
  return { places, faults };
}

async function requireFolder(context: CommandContext): Promise<void> {
  const { home } = context;
  const stats = await fs.stat(home).catch((cause: NodeJS.ErrnoException) => cause);
  if (stats instanceof Error) {
    const hint = `${suggest(context, 'demo')} makes one, or name another with --home`;
    throw unreadableError(`the home ${home} ${explainSystemError(stats)}`, hint);
  }
  if (!stats.isDirectory()) throw unreadableError(`the home ${home} is not a folder`);
}

/** What keeps a ledger of the home from being read; empty when it is merely not there. */
async function inspectLedger(path: string, folder: string): Promise<string | undefined> {
  const stats = await fs.lstat(path).catch((cause: NodeJS.ErrnoException) => cause);
  // Without its newest part, the full ones are still a ledger.
  if (stats instanceof Error && stats.code === 'ENOENT')
    return listFullParts(folder).length > 0 ? undefined : '';
  if (stats instanceof Error) return explainSystemError(stats);
  if (stats.isSymbolicLink()) return 'is a symbolic link; a ledger of the home must not be one';
  return stats.isFile() ? undefined : 'is not a plain file';
}

async function findFile(cwd: string, name: string): Promise<LedgerPlace | PlaceFault> {
  if (name === STANDARD_INPUT) return { path: name, scope: undefined };
  const path = resolve(cwd, name);
  const stats = await fs.stat(path).catch((cause: unknown) => cause as Error);
  if (stats instanceof Error) return { path: name, message: explainSystemError(stats) };
  if (!stats.isDirectory()) return { path: name, scope: undefined };
  const inside = join(path, LEDGER_FILE);
  const ledger = await fs.stat(inside).catch(() => undefined);
  if (ledger?.isFile()) return { path: join(name, LEDGER_FILE), scope: undefined };
  return { path: name, message: `is a folder without a ${LEDGER_FILE}; use --home for a folder of scopes` };
}
