/**
 * The files of a rotated ledger: `decisions-000001.ndjson`, the oldest, and so on; `decisions.ndjson` is the newest
 * (docs/receipt-format.md "Parts"). A part is numbered from 0; it gets its number in the name when it is full.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { corrupt, unwritable } from './ledger-errors.js';
import { codeOf, isForeign, LEDGER_FILE, NO_FOLLOW } from './paths.js';
import { syncFolderNow } from './torn.js';

/**
 * The next part while a rotation is under way: made before the newest gets its number, so that a newest part that is
 * missing without it was not left out by a crash but taken away.
 */
const NEXT_FILE = `${LEDGER_FILE}.next`;
const FULL_PART = /^decisions-([0-9]{6})\.ndjson$/;
const MAX_PART = 999_998;

export interface OpenPart {
  readonly fd: number;
  readonly stats: fs.Stats;
}

/** The name that a part has once it is full. */
export function namePart(part: number): string {
  if (part > MAX_PART) throw new RangeError(`a ledger has no part ${part}`);
  return `decisions-${String(part + 1).padStart(6, '0')}.ndjson`;
}

/** The numbers of the full parts in a folder, ascending; gaps show. */
export function listFullParts(folder: string): number[] {
  const numbers = fs.readdirSync(folder).map((name) => FULL_PART.exec(name)?.[1]);
  return numbers
    .filter((number) => number !== undefined && number !== '000000')
    .map((number) => Number(number) - 1)
    .sort((a, b) => a - b);
}

/** `read`: nothing can be written. `append`: what is there. `create`: a missing newest part is made. */
export type PartMode = 'read' | 'append' | 'create';

/**
 * Opens a part, whether it is full or the newest; `undefined` when it is not there yet. To `create`, the lock is held, or
 * no other part can be there.
 *
 * @throws AgentGuardError LEDGER_CORRUPT when later parts are there and this one is not; HOME_UNSAFE, LEDGER_UNWRITABLE.
 */
export function openPart(folder: string, part: number, mode: PartMode): OpenPart | undefined {
  const full = join(folder, namePart(part));
  const existing = mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR;
  for (;;) {
    const opened = openFile(full, existing);
    if (opened) return opened;
    requireNoGap(folder, part);
    const newest = openFile(join(folder, LEDGER_FILE), existing);
    // Rotated between the two looks: what has the newest name is a later part.
    if (fs.existsSync(full)) {
      if (newest) fs.closeSync(newest.fd);
      continue;
    }
    if (newest || mode !== 'create') return newest;
    return openFile(join(folder, LEDGER_FILE), fs.constants.O_RDWR | fs.constants.O_CREAT);
  }
}

/** With the lock: makes the newest part a full one, and an empty one the newest. @throws the system's error */
export function renameParts(folder: string, part: number): void {
  fs.closeSync(fs.openSync(join(folder, NEXT_FILE), fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600));
  syncFolderNow(folder);
  fs.renameSync(join(folder, LEDGER_FILE), join(folder, namePart(part)));
  finishRenaming(folder);
}

/** With the lock: gives the next part its name, if a rotation got that far. Says false when there is none. */
export function finishRenaming(folder: string): boolean {
  try {
    fs.renameSync(join(folder, NEXT_FILE), join(folder, LEDGER_FILE));
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return false;
    throw unwritable(join(folder, LEDGER_FILE), cause);
  }
}

/** Whether full parts are there without a newest one, and no rotation was under way. */
export function lacksNewest(folder: string): boolean {
  const isThere = (name: string) => fs.existsSync(join(folder, name));
  return listFullParts(folder).length > 0 && !isThere(LEDGER_FILE) && !isThere(NEXT_FILE);
}

/** Whether two looks at a file saw the same one. */
export function isSameFile(
  a: { readonly ino: number; readonly dev: number },
  b: { readonly ino: number; readonly dev: number },
): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function requireNoGap(folder: string, part: number): void {
  const later = listFullParts(folder).find((number) => number > part);
  if (later === undefined) return;
  throw corrupt(join(folder, namePart(part)), `is missing, and ${namePart(later)} is there.`);
}

function openFile(path: string, flags: number): OpenPart | undefined {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(path, O_APPEND | O_NONBLOCK | NO_FOLLOW | flags, 0o600);
  } catch (cause) {
    if (codeOf(cause) === 'ELOOP') throw unsafe(path, 'is a symbolic link');
    if (!(flags & O_CREAT) && codeOf(cause) === 'ENOENT') return undefined;
    throw unwritable(path, cause);
  }
  try {
    const stats = fs.fstatSync(fd);
    checkFile(path, stats);
    if (stats.size === 0 && flags !== O_RDONLY) syncFolderNow(join(path, '..'));
    return { fd, stats };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function checkFile(path: string, stats: fs.Stats): void {
  if (!stats.isFile()) throw unsafe(path, 'is not a plain file');
  if (stats.mode & 0o022) throw unsafe(path, 'may be written to by other users', `Run: chmod 600 ${path}`);
  if (isForeign(stats.uid)) throw unsafe(path, 'belongs to another user');
}

function unsafe(path: string, what: string, hint = 'Move it away or restore it.'): AgentGuardError {
  return new AgentGuardError('HOME_UNSAFE', `The ledger ${path} ${what}.`, { hint });
}
