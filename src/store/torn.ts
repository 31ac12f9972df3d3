/** The end of a ledger that a crash left behind: told apart from damage, set aside, named by the next row. */
import { createHash, hash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { readReceipt } from '../core/receipt.js';
import { createLineSplitter } from './lines.js';
import { NO_FOLLOW } from './paths.js';

/** What the next row signs about a torn tail. */
export interface TornTail {
  readonly [key: string]: string | number;
  /** Name of the file beside the ledger. */
  readonly file: string;
  readonly bytes: number;
  /** SHA-256 of the file, 64 lowercase hex. */
  readonly sha256: string;
}

const TORN_FILE = /^torn-[0-9TZ]+-[0-9]+\.ndjson$/;

/**
 * Whether bytes after the last good row are what a crash leaves: no row anywhere in them. A row in them, good or bad,
 * means that something was changed or removed inside, and that is never cut away.
 */
export function isTorn(bytes: Uint8Array): boolean {
  const splitter = createLineSplitter();
  const lines = splitter.push(bytes).map((line) => line.bytes);
  return [...lines, splitter.rest()].every((line) => !readReceipt(line).ok);
}

/**
 * Writes the bytes to a new `torn-<time>-<n>.ndjson` and flushes it and the folder. Synchronous: under the lock.
 *
 * @throws the system's error; no file is left then, or each try on a full disk would leave one
 */
export function setAside(folder: string, bytes: Uint8Array, nowMs: number): TornTail {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const { file, fd } = createNumbered(folder, time);
  try {
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
    fs.fsyncSync(fd);
  } catch (cause) {
    fs.rmSync(join(folder, file), { force: true });
    throw cause;
  } finally {
    fs.closeSync(fd);
  }
  syncFolderNow(folder);
  return { file, bytes: bytes.length, sha256: hash('sha256', bytes, 'hex') };
}

/** The torn files in a folder that no row names yet: a crash came between setting them aside and the next row. */
export function findUnnamed(folder: string, named: ReadonlySet<string>): TornTail[] {
  const files = fs.readdirSync(folder).filter((name) => TORN_FILE.test(name) && !named.has(name));
  return files.sort().map((file) => describe(folder, file));
}

/** Makes new names in a folder survive a power loss. */
export function syncFolderNow(folder: string): void {
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function createNumbered(folder: string, time: string): { file: string; fd: number } {
  for (let n = 0; ; n++) {
    const file = `torn-${time}-${n}.ndjson`;
    try {
      return { file, fd: fs.openSync(join(folder, file), 'wx', 0o600) };
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    }
  }
}

function describe(folder: string, file: string): TornTail {
  const digest = createHash('sha256');
  const fd = fs.openSync(join(folder, file), fs.constants.O_RDONLY | NO_FOLLOW);
  try {
    const chunk = Buffer.alloc(65_536);
    let size = 0;
    for (let got = fs.readSync(fd, chunk); got > 0; got = fs.readSync(fd, chunk)) {
      digest.update(chunk.subarray(0, got));
      size += got;
    }
    return { file, bytes: size, sha256: digest.digest('hex') };
  } finally {
    fs.closeSync(fd);
  }
}
