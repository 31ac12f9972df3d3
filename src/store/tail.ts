/**
 * The one read path of a ledger: all lines of a ledger or stream, or those of a ledger as it grows (design 3.3). Readers
 * hold no lock and never take an incomplete last line for a line.
 */
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { namePart } from './ledger-parts.js';
import { createLineSplitter, type Line } from './lines.js';
import { type FileIdentity, findFullPart, openNextPart, readLedgerBytes } from './part-reader.js';
import { codeOf, NO_FOLLOW } from './paths.js';

const CHUNK_BYTES = 262_144;
/** How often a followed file is looked at even when nothing announced a change. */
const POLL_MS = 500;
/** The watcher tells nothing of a change within 50 ms of another: after one, it is looked again a few times. */
const LOOK_AGAIN_MS = 25;
const LOOKS_AGAIN = 4;

/** A run of complete lines; the last run also has what follows the last line feed. */
export interface LineRun {
  readonly lines: readonly Line[];
  /** The incomplete last line, cut like a line; `undefined` in all runs but the last, and when there is none. */
  readonly tornTail: Uint8Array | undefined;
}

/**
 * All lines of a ledger, its older parts first, of another file, or of a stream such as standard input, run by run;
 * memory stays flat. Links are followed: what a person asks to be read may be anywhere.
 *
 * @throws the system's error when the file cannot be read.
 */
export async function* readLines(source: string | AsyncIterable<Uint8Array>): AsyncGenerator<LineRun> {
  const splitter = createLineSplitter();
  for await (const chunk of typeof source === 'string' ? readLedgerBytes(source) : source) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield { lines, tornTail: undefined };
  }
  const rest = splitter.rest();
  yield { lines: [], tornTail: rest.length > 0 ? rest : undefined };
}

/** What following a file brings. After `shrunk`, `replaced` or `gone` it ends: what was read is no longer what is there. */
export type FollowEvent =
  | { readonly kind: 'lines'; readonly lines: readonly Line[]; readonly endOffset: number }
  /** The part is full; what comes next is of the next one, and its offsets begin at 0. */
  | { readonly kind: 'rotated' }
  | { readonly kind: 'shrunk' | 'replaced' | 'gone' };

export interface FollowOptions {
  /** Where a line begins, in the part that is the newest when following begins. Default 0. */
  readonly fromOffset?: number | undefined;
  /** The file that `fromOffset` is of, should it be rotated away before following begins. Default: whatever is there. */
  readonly file?: FileIdentity | undefined;
  /** Ends the following, quietly. */
  readonly signal?: AbortSignal | undefined;
  /** Default 500. */
  readonly pollMs?: number | undefined;
}

/**
 * The lines of a file from an offset on, and each later one as it is completed, through every rotation. A file that does
 * not exist yet is waited for. Change notices are only a hint to look sooner; what is there is decided by offset and size.
 *
 * @throws the system's error when the file cannot be read; a link in the last component is refused.
 */
export async function* followLedger(path: string, options: FollowOptions = {}): AsyncGenerator<FollowEvent> {
  const { fromOffset = 0, signal, pollMs = POLL_MS } = options;
  const hint = await openHint(path, pollMs, signal);
  let file: fs.FileHandle | undefined;
  let from = fromOffset;
  try {
    while (!file && !signal?.aborted) {
      file = await (options.file ? openSame(path, options.file) : openIfThere(path));
      if (!file && options.file)
        return yield* end((await fs.lstat(path).catch(absentAsUndefined)) ? 'replaced' : 'gone');
      if (!file) await hint.next();
    }
    while (file && !signal?.aborted) {
      const ended = yield* followFile(path, file, from, hint, signal);
      if (ended !== 'rotated') return;
      const next = await enterNextPart(path, file, hint, signal);
      await file.close();
      file = next;
      from = 0;
      if (file) yield { kind: 'rotated' };
    }
  } finally {
    await hint.close();
    await file?.close();
  }
}

/** Follows one part to its end. @returns `rotated` when it became a full one and was read whole. */
async function* followFile(
  path: string,
  file: fs.FileHandle,
  fromOffset: number,
  hint: Hint,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowEvent, 'rotated' | undefined> {
  const { ino, dev } = await file.stat();
  const splitter = createLineSplitter(fromOffset);
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let readTo = fromOffset;
  let isFull = false;
  let looksAgain = 0;
  while (!signal?.aborted) {
    if ((await file.stat()).size < readTo) return yield* end('shrunk');
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, readTo);
    readTo += bytesRead;
    const lines = splitter.push(Buffer.from(buffer.subarray(0, bytesRead)));
    if (lines.length > 0) yield { kind: 'lines', lines, endOffset: splitter.offset };
    if (bytesRead > 0) {
      looksAgain = LOOKS_AGAIN;
      continue;
    }
    if (isFull) return 'rotated';
    const there = await fs.lstat(path).catch(absentAsUndefined);
    if (there?.ino === ino && there.dev === dev)
      await hint.next(looksAgain-- > 0 ? LOOK_AGAIN_MS : undefined);
    // Once more: its last rows may have come between the two looks.
    else if ((await findFullPart(path, { ino, dev })) !== undefined) isFull = true;
    else return yield* end(there ? 'replaced' : 'gone');
  }
  return undefined;
}

async function* end(kind: 'shrunk' | 'replaced' | 'gone'): AsyncGenerator<FollowEvent, undefined> {
  yield { kind };
  return undefined;
}

async function enterNextPart(
  path: string,
  file: fs.FileHandle,
  hint: Hint,
  signal: AbortSignal | undefined,
): Promise<fs.FileHandle | undefined> {
  const identity = await file.stat();
  while (!signal?.aborted) {
    const part = await findFullPart(path, identity);
    const next = part === undefined ? undefined : await openNextPart(path, part);
    if (next) return next;
    await hint.next();
  }
  return undefined;
}

interface Hint {
  /** Resolves when there may be something new: a notice since the last call, the poll time or the one given, or the end. */
  next(withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

async function openHint(path: string, pollMs: number, signal: AbortSignal | undefined): Promise<Hint> {
  // Loaded here, so that writing a ledger costs no file watcher.
  const { watch } = await import('chokidar');
  const watcher = watch(path, { ignoreInitial: true, followSymlinks: false, persistent: true });
  let noticed = false;
  let wake: (() => void) | undefined;
  const notice = (): void => {
    noticed = true;
    wake?.();
  };
  // A watcher that fails, for want of handles say, leaves the poll.
  watcher.on('all', notice).on('error', () => {});
  signal?.addEventListener('abort', notice);
  return {
    async next(withinMs = pollMs) {
      const poll = new AbortController();
      const noticeOrWake = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (!noticed) {
        await Promise.race([
          noticeOrWake,
          sleep(withinMs, undefined, { signal: poll.signal }).catch(() => {}),
        ]);
        poll.abort();
      }
      noticed = false;
    },
    async close() {
      signal?.removeEventListener('abort', notice);
      await watcher.close();
    },
  };
}

/** The newest part, or the full one that it became meanwhile. */
async function openSame(path: string, wanted: FileIdentity): Promise<fs.FileHandle | undefined> {
  for (const folder = dirname(path); ; ) {
    const part = await findFullPart(path, wanted);
    const file = await openIfThere(part === undefined ? path : join(folder, namePart(part)));
    const stats = await file?.stat();
    if (stats?.ino === wanted.ino && stats.dev === wanted.dev) return file;
    await file?.close();
    // Rotated between the two looks: once more.
    if ((await findFullPart(path, wanted)) === undefined) return undefined;
  }
}

async function openIfThere(path: string): Promise<fs.FileHandle | undefined> {
  return fs.open(path, fs.constants.O_RDONLY | NO_FOLLOW).catch(absentAsUndefined);
}

function absentAsUndefined(cause: unknown): undefined {
  if (codeOf(cause) === 'ENOENT') return undefined;
  throw cause;
}
