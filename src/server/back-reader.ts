/** The lines of a file from its end to its beginning: the newest rows of a ledger are there before the old ones are read. */
import type { FileHandle } from 'node:fs/promises';
import { MAX_LINE_BYTES } from '../core/row-reader.js';

const FIRST_BLOCK_BYTES = 262_144;
const BLOCK_BYTES = 1_048_576;
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
 * Runs of lines, the last line of the file first.
 *
 * @param end where to begin: just after a line feed, or 0.
 * @throws the system's error, or an Error when the file became shorter.
 */
export async function* readBackwards(file: FileHandle, end: number): AsyncGenerator<readonly PlacedLine[]> {
  // The beginning of this line lies before what was read.
  let rest: Uint8Array = new Uint8Array(0);
  let restEnd = end;
  let size = FIRST_BLOCK_BYTES;
  for (let from = end; from > 0; size = BLOCK_BYTES) {
    const start = Math.max(0, from - size);
    const block = await readBlock(file, start, from - start);
    const bytes = rest.length === 0 ? block : Buffer.concat([block, rest]);
    const first = start === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
    if (first > 0 || start === 0) {
      yield splitBackwards(bytes, first, start, restEnd);
      restEnd = start + first;
    }
    rest = keepRest(bytes, first > 0 || start === 0 ? first : bytes.length);
    from = start;
  }
}

/** Where the last complete line ends. */
export async function findLastLineEnd(file: FileHandle, size: number): Promise<number> {
  for (let to = size; to > 0; ) {
    const start = Math.max(0, to - FIRST_BLOCK_BYTES);
    const at = (await readBlock(file, start, to - start)).lastIndexOf(LINE_FEED);
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

/** A copy, so that the block may go; of a line that is too long only so much that it stays too long. */
function keepRest(bytes: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(0, Math.min(length, MAX_LINE_BYTES + 2)));
}

async function readBlock(file: FileHandle, start: number, size: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(size);
  for (let got = 0; got < size; ) {
    const { bytesRead } = await file.read(block, got, size - got, start + got);
    if (bytesRead === 0) throw new Error('the file became shorter while it was read');
    got += bytesRead;
  }
  return block;
}
