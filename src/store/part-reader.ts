/** The bytes of a rotated ledger for its readers: all parts in order as one history (docs/receipt-format.md "Parts"). */
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSameFile, listFullParts, namePart } from './ledger-parts.js';
import { codeOf, LEDGER_FILE } from './paths.js';

const CHUNK_BYTES = 262_144;
/** A part with a number out of this world must not make a list as long. */
const MAX_NAMED = 100;

/** What makes two looks see one file. */
export interface FileIdentity {
  readonly ino: number;
  readonly dev: number;
}

/**
 * What a file holds. `decisions.ndjson` stands for its whole ledger: the full parts beside it come first. A part that is
 * missing is left out; the rows after it name a place that the rows before it do not lead to.
 *
 * @throws the system's error when there is nothing to read.
 */
export async function* readLedgerBytes(path: string): AsyncGenerator<Uint8Array> {
  if (basename(path) !== LEDGER_FILE) {
    yield* readFile(await fs.open(path, 'r'));
    return;
  }
  const { full, newest } = await openHistory(path);
  try {
    yield* readParts(path, full);
    if (newest) yield* readFile(newest);
  } finally {
    await newest?.close();
  }
}

/** A ledger by its parts. */
export interface OpenedParts {
  /** Bytes of the full parts. */
  readonly older: AsyncGenerator<Uint8Array>;
  /** Which file the newest part is, and its bytes; `undefined` while there is none. */
  readonly newest: { readonly file: FileIdentity; readonly bytes: AsyncGenerator<Uint8Array> } | undefined;
}

/**
 * As `readLedgerBytes`, for whoever goes on to follow the newest part. Read all of both: that closes the files.
 *
 * @throws the system's error when there is nothing to read
 */
export async function openParts(path: string): Promise<OpenedParts> {
  const { full, newest } =
    basename(path) === LEDGER_FILE ? await openHistory(path) : { full: [], newest: await fs.open(path, 'r') };
  const older = readParts(path, full);
  return { older, newest: newest && { file: await newest.stat(), bytes: readFile(newest) } };
}

/** Bytes in all files that `readLedgerBytes` reads. @throws the system's error when there is nothing to read */
export async function measureLedgerBytes(path: string): Promise<number> {
  const parts = basename(path) === LEDGER_FILE ? await findFullParts(path) : [];
  const stats = await fs.stat(path).catch((cause: unknown) => {
    if (parts.length === 0) throw cause;
  });
  let size = stats?.size ?? 0;
  for (const part of parts) size += (await fs.stat(join(dirname(path), namePart(part)))).size;
  return size;
}

/** Names of parts between the oldest and the newest that are there, and are not there themselves. */
export async function findMissingParts(path: string): Promise<readonly string[]> {
  const parts = basename(path) === LEDGER_FILE ? await findFullParts(path) : [];
  const [oldest = 0] = parts;
  const all = Array.from({ length: (parts.at(-1) ?? oldest) - oldest }, (_, at) => oldest + at);
  return all
    .filter((part) => !parts.includes(part))
    .slice(0, MAX_NAMED)
    .map(namePart);
}

/** Which full part beside `path` a file is now; `undefined` when none. */
export async function findFullPart(path: string, file: FileIdentity): Promise<number | undefined> {
  for (const part of (await findFullParts(path)).reverse()) {
    const stats = await fs.lstat(join(dirname(path), namePart(part))).catch(() => undefined);
    if (stats && isSameFile(stats, file)) return part;
  }
  return undefined;
}

/** Opens the part after a full one, full or newest; `undefined` while there is none. */
export async function openNextPart(path: string, part: number): Promise<fs.FileHandle | undefined> {
  const full = join(dirname(path), namePart(part + 1));
  for (;;) {
    const opened = await openIfThere(full);
    if (opened) return opened;
    const newest = await openIfThere(path);
    if (!(await isThere(full))) return newest;
    // Rotated between the two looks.
    await newest?.close();
  }
}

/** The newest part, opened first, and the full ones: a rotation in between must neither hide a part nor show it twice. */
async function openHistory(path: string) {
  for (;;) {
    const newest = await openIfThere(path);
    const full = await findFullParts(path);
    if (!newest && full.length === 0) return { full, newest: await fs.open(path, 'r') };
    if (!newest || (await findFullPart(path, await newest.stat())) === undefined) return { full, newest };
    await newest.close();
  }
}

async function* readParts(path: string, parts: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield* readFile(await fs.open(join(dirname(path), namePart(part)), 'r'));
}

async function findFullParts(path: string): Promise<number[]> {
  try {
    return listFullParts(dirname(path));
  } catch {
    return [];
  }
}

async function openIfThere(path: string): Promise<fs.FileHandle | undefined> {
  return fs.open(path, 'r').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  });
}

async function isThere(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

async function* readFile(file: fs.FileHandle): AsyncGenerator<Uint8Array> {
  yield* file.createReadStream({ highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
}
