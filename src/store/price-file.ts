/**
 * The price table on disk, `<home>/pricing.json`: read as a whole, replaced in one step, the one before it kept as
 * `pricing.previous.json` (docs/pricing.md). Whatever is killed whenever, a whole table remains.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { MAX_TABLE_LENGTH, type PriceTable, parsePriceTable, printPriceTable } from '../core/price-table.js';
import { syncFolder } from './keys.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';

export const PRICE_FILE = 'pricing.json';
export const PREVIOUS_PRICE_FILE = 'pricing.previous.json';

const TEMPORARY = /^pricing\.[0-9a-f]{16}\.tmp$/;
/** UTF-8 takes at most three bytes for one UTF-16 code unit. */
const MAX_BYTES = 3 * MAX_TABLE_LENGTH;
const SYNC_HINT = 'Run: agentguard models --sync-pricing';

/** What a table file holds, and which file on disk it was. */
export interface PriceFileReading {
  /** `undefined` when the text is no table: then `problem` says why. */
  readonly table: PriceTable | undefined;
  /** One sentence. May quote the file: hostile. */
  readonly problem: string | undefined;
  readonly stamp: string;
}

/**
 * The table of a home, or the one before it; `undefined` when there is none.
 *
 * @throws AgentGuardError PRICES_UNREADABLE when the file is a link, no plain file, writable by others, another user's,
 *   or cannot be read.
 */
export async function readPriceFile(
  home: string,
  name: string = PRICE_FILE,
): Promise<PriceFileReading | undefined> {
  const path = join(home, name);
  const file = await openPrices(path);
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw unreadable(path, 'is not a plain file');
    if (stats.mode & 0o022)
      throw unreadable(path, 'may be written to by other users', `Run: chmod 600 ${path}`);
    if (isForeign(stats.uid)) throw unreadable(path, 'belongs to another user');
    const stamp = printStamp(stats);
    if (stats.size > MAX_BYTES)
      return { table: undefined, problem: `${path} is too large for a table.`, stamp };
    return { ...parseText(path, await file.readFile('utf8')), stamp };
  } catch (cause) {
    if (cause instanceof AgentGuardError) throw cause;
    throw unreadable(path, `cannot be read (${codeOf(cause)})`, undefined, cause);
  } finally {
    await file.close();
  }
}

/** Which file the table is at present, without reading it; `undefined` when there is none or nobody may look. */
export async function stampPriceFile(home: string): Promise<string | undefined> {
  const stats = await fs.lstat(join(home, PRICE_FILE)).catch(() => undefined);
  return stats && printStamp(stats);
}

/**
 * Replaces the table of an opened home. With `keepPrevious` the present one becomes the previous one. Only the holder of
 * the price lock calls this.
 *
 * @throws AgentGuardError PRICES_UNWRITABLE; the old table is then still in place.
 */
export async function replacePriceFile(
  realHome: string,
  table: PriceTable,
  keepPrevious: boolean,
): Promise<void> {
  const path = join(realHome, PRICE_FILE);
  const fresh = join(realHome, `pricing.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeFlushed(fresh, printPriceTable(table));
    if (keepPrevious) await keepAs(path, join(realHome, PREVIOUS_PRICE_FILE));
    await fs.rename(fresh, path);
    await syncFolder(realHome);
  } catch (cause) {
    throw new AgentGuardError('PRICES_UNWRITABLE', `${path} cannot be replaced (${codeOf(cause)}).`, {
      cause,
      hint: 'Check that this user may write to the home and that the disk is not full.',
    });
  } finally {
    await fs.rm(fresh, { force: true }).catch(() => {});
  }
}

/** Removes what a killed writer left. Only the holder of the price lock calls this: nobody else writes then. */
export async function removeStaleTables(realHome: string): Promise<void> {
  const names = await fs.readdir(realHome);
  for (const name of names) if (TEMPORARY.test(name)) await fs.rm(join(realHome, name), { force: true });
}

async function openPrices(path: string): Promise<fs.FileHandle | undefined> {
  try {
    // Non-blocking: a pipe in this place must not hang the caller.
    return await fs.open(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
    if (codeOf(cause) === 'ELOOP')
      throw unreadable(path, 'is a symbolic link', 'Replace it by the file itself.');
    throw unreadable(path, `cannot be opened (${codeOf(cause)})`, undefined, cause);
  }
}

function parseText(path: string, text: string): Pick<PriceFileReading, 'table' | 'problem'> {
  const reading = parsePriceTable(text);
  if (reading.ok) return { table: reading.table, problem: undefined };
  const [first] = reading.problems;
  return { table: undefined, problem: `${path}: ${first?.path} ${first?.message}.` };
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A second name for the same file, given in one step: at no moment is either name missing. */
async function keepAs(path: string, previous: string): Promise<void> {
  const second = join(previous, '..', `pricing.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await fs.link(path, second);
    await fs.rename(second, previous);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw cause;
  } finally {
    // Where both names already were one file, rename leaves them as they are.
    await fs.rm(second, { force: true });
  }
}

/** Changes with every replacement: a new file has a new inode or a later time. */
function printStamp(stats: { dev: number; ino: number; size: number; mtimeMs: number }): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

function unreadable(path: string, what: string, hint = SYNC_HINT, cause?: unknown): AgentGuardError {
  return new AgentGuardError('PRICES_UNREADABLE', `The price table ${path} ${what}.`, { hint, cause });
}
