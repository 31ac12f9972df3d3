/** Reads single lines and runs of lines where the index found them, exactly as they lie in the files. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { namePart } from '../store/ledger-parts.js';
import { codeOf, LEDGER_FILE, NO_FOLLOW } from '../store/paths.js';
import type { LedgerSource } from './ledger-source.js';

const LINE_FEED = 0x0a;
const MAX_OPEN = 16;

/** Open files of ledgers, for one answer. */
export interface LineFiles {
  /** Bytes of a part from an offset on, fewer at its end. @throws the system's error */
  read(source: LedgerSource, part: number, offset: number, length: number): Promise<Buffer>;
  /** One line without its line feed; `undefined` when there is no whole line of that length any more. */
  readLine(source: LedgerSource, part: number, offset: number, length: number): Promise<string | undefined>;
  sizeOf(source: LedgerSource, part: number): Promise<number>;
  close(): Promise<void>;
}

export function openLineFiles(): LineFiles {
  // Promises, so that whoever asks while a file is being opened gets the same one.
  const open = new Map<string, Promise<fs.FileHandle>>();
  async function find(source: LedgerSource, part: number): Promise<fs.FileHandle> {
    const key = `${source.paths.folder}/${part}`;
    const known = open.get(key);
    if (known) return known;
    const [oldest] = open.size >= MAX_OPEN ? open.keys() : [];
    const file = openPart(source.paths.folder, part, part === source.part);
    open.set(key, file);
    file.catch(() => open.delete(key));
    if (oldest !== undefined) await closeOne(oldest);
    return file;
  }
  async function closeOne(key: string): Promise<void> {
    const file = open.get(key);
    open.delete(key);
    // Whoever asked for it was told why it could not be opened.
    await (await file?.catch(() => undefined))?.close();
  }
  async function read(source: LedgerSource, part: number, offset: number, length: number): Promise<Buffer> {
    const file = await find(source, part);
    const bytes = Buffer.allocUnsafe(length);
    let got = 0;
    for (let more = 1; more > 0 && got < length; got += more)
      more = (await file.read(bytes, got, length - got, offset + got)).bytesRead;
    return bytes.subarray(0, got);
  }
  return {
    read,
    async readLine(source, part, offset, length) {
      const bytes = await read(source, part, offset, length);
      const isLine = bytes.length === length && bytes.indexOf(LINE_FEED) === length - 1;
      return isLine ? bytes.subarray(0, -1).toString('utf8') : undefined;
    },
    sizeOf: async (source, part) => (await (await find(source, part)).stat()).size,
    close: async () => void (await Promise.all([...open.keys()].map(closeOne))),
  };
}

/** A part under the name that it has now: it gets another one when it is full. */
async function openPart(folder: string, part: number, mayBeNewest: boolean): Promise<fs.FileHandle> {
  const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | NO_FOLLOW;
  const full = join(folder, namePart(part));
  try {
    return await fs.open(full, flags);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT' || !mayBeNewest) throw cause;
  }
  const newest = await fs.open(join(folder, LEDGER_FILE), flags);
  const isFullNow = await fs.lstat(full).catch(() => undefined);
  if (!isFullNow) return newest;
  await newest.close();
  return fs.open(full, flags);
}
