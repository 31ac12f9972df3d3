/** The lines of a file from its end to its beginning: the newest rows of a ledger are there before the old ones are read. */
import type { FileHandle } from 'node:fs/promises';
import { MAX_LINE_BYTES } from '../core/row-reader.js';

const BLOCK_BYTES = 262_144;
/** Kept of a line that is too long: enough to see that it is. */
const MAX_REST_BYTES = MAX_LINE_BYTES + 2;
const LINE_FEED = 0x0a;

/** A line and where it lies. */
export interface PlacedLine {
  /** Without the line feed. Of a line that is too long to be read only a part that is too long as well. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** In the file, with the line feed. */
  readonly length: number;
}

/**
 * Runs of lines, the last line of the file first. The bytes of a run are good until the next one is asked for.
 *
 * @param end where to begin: just after a line feed, or 0.
 * @throws the system's error, or an Error when the file became shorter.
 */
export async function* readBackwards(file: FileHandle, end: number): AsyncGenerator<readonly PlacedLine[]> {
  // One buffer for the whole file: a fresh one for each block would keep the garbage collector busy.
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES + MAX_REST_BYTES);
  // Beginning of the buffer: of a line that begins before what was read.
  let restLength = 0;
  let restEnd = end;
  for (let from = end; from > 0; ) {
    const start = Math.max(0, from - BLOCK_BYTES);
    const size = from - start;
    buffer.copyWithin(size, 0, restLength);
    await fill(file, buffer.subarray(0, size), start);
    const bytes = buffer.subarray(0, size + restLength);
    const feed = bytes.indexOf(LINE_FEED);
    // Without a line feed inside, all of it belongs to one line that begins further up.
    const isInside = feed < 0 || (feed === bytes.length - 1 && start > 0);
    const first = start === 0 ? 0 : isInside ? bytes.length : feed + 1;
    if (first < bytes.length) {
      yield splitBackwards(bytes, first, start, restEnd);
      restEnd = start + first;
    }
    restLength = Math.min(first, MAX_REST_BYTES);
    from = start;
  }
}

/** Where the last complete line ends. */
export async function findLastLineEnd(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let to = size; to > 0; ) {
    const start = Math.max(0, to - BLOCK_BYTES);
    const block = buffer.subarray(0, to - start);
    await fill(file, block, start);
    const at = block.lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
    to = start;
  }
  return 0;
}

function splitBackwards(bytes: Uint8Array, first: number, base: number, endOffset: number): PlacedLine[] {
  const lines: PlacedLine[] = [];
  let end = endOffset;
  let stop = bytes.length;
  // The last byte is the line feed of the last line, unless its middle was dropped.
  while (stop > first) {
    const feed = stop - 2 < first ? -1 : bytes.lastIndexOf(LINE_FEED, stop - 2);
    const start = feed < first ? first : feed + 1;
    lines.push({
      bytes: bytes.subarray(start, stop - 1),
      offset: base + start,
      length: end - (base + start),
    });
    stop = start;
    end = base + start;
  }
  return lines;
}

async function fill(file: FileHandle, block: Uint8Array, start: number): Promise<void> {
  for (let got = 0; got < block.length; ) {
    const { bytesRead } = await file.read(block, got, block.length - got, start + got);
    if (bytesRead === 0) throw new Error('the file became shorter while it was read');
    got += bytesRead;
  }
}
