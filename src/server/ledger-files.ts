/** The files of one ledger as they lie there when reading begins. Nothing is mended, and no link is followed. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { listFullParts, namePart } from '../store/ledger-parts.js';
import type { FileIdentity } from '../store/part-reader.js';
import { codeOf, LEDGER_FILE, NO_FOLLOW, type ScopePaths } from '../store/paths.js';
import { findLastLineEnd, type PlacedLine, readBackwards } from './back-reader.js';

/** One file, open. */
export interface OpenPart {
  /** From 0, the oldest. */
  readonly part: number;
  readonly file: fs.FileHandle;
  readonly identity: FileIdentity;
  /** Where its last complete line ends. */
  readonly endOffset: number;
}

export interface LedgerFiles {
  /** Full parts, oldest first. */
  readonly full: readonly number[];
  readonly newest: OpenPart | undefined;
  /** Bytes of complete lines. */
  readonly sizeBytes: number;
  /** Name of the part before which one is missing. */
  readonly gapBefore: string | undefined;
}

/** `undefined` when the scope has no ledger. @throws the system's error when the newest part cannot be read */
export async function openLedgerFiles({ folder, ledger }: ScopePaths): Promise<LedgerFiles | undefined> {
  const file = await openPlainFile(ledger);
  const full = listParts(folder);
  if (!file && full.length === 0) return undefined;
  const sizes = await Promise.all(full.map((part) => sizeOf(join(folder, namePart(part)))));
  const newest = file && (await describePart(file, (full.at(-1) ?? -1) + 1));
  const gap = full.find((part, index) => part !== index);
  return {
    full,
    newest,
    sizeBytes: sizes.reduce((sum, size) => sum + size, newest?.endOffset ?? 0),
    gapBefore: gap === undefined ? undefined : namePart(gap),
  };
}

/** The name of the file that holds a part. @param newest number of the newest part */
export function nameOfPart(part: number, newest: number): string {
  return part === newest ? LEDGER_FILE : namePart(part);
}

/** Lines of all files, the newest first, with the part that they are in. @throws the system's error */
export async function* readOldLines(
  { full, newest }: LedgerFiles,
  folder: string,
): AsyncGenerator<{ readonly part: number; readonly lines: readonly PlacedLine[] }> {
  if (newest)
    for await (const lines of readBackwards(newest.file, newest.endOffset))
      yield { part: newest.part, lines };
  for (const part of full.toReversed()) {
    const file = await fs.open(join(folder, namePart(part)), fs.constants.O_RDONLY | NO_FOLLOW);
    try {
      const { endOffset } = await describePart(file, part);
      for await (const lines of readBackwards(file, endOffset)) yield { part, lines };
    } finally {
      await file.close();
    }
  }
}

async function describePart(file: fs.FileHandle, part: number): Promise<OpenPart> {
  const { ino, dev, size } = await file.stat();
  return { part, file, identity: { ino, dev }, endOffset: await findLastLineEnd(file, size) };
}

function listParts(folder: string): readonly number[] {
  try {
    return listFullParts(folder);
  } catch {
    return [];
  }
}

async function openPlainFile(path: string): Promise<fs.FileHandle | undefined> {
  const { O_RDONLY, O_NONBLOCK } = fs.constants;
  const file = await fs.open(path, O_RDONLY | O_NONBLOCK | NO_FOLLOW).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  });
  if (!file || (await file.stat()).isFile()) return file;
  await file.close();
  throw Object.assign(new Error(`${path} is not a plain file`), { code: 'EINVAL' });
}

async function sizeOf(path: string): Promise<number> {
  return fs.stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
