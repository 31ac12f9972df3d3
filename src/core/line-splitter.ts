/** Bytes into lines, for every reader of a ledger. An incomplete last line is never given out as a line. */
import { concatBytes } from './bytes.js';
import { MAX_LINE_BYTES } from './row-reader.js';

export interface Line {
  /**
   * Without the line feed. Of a line longer than readers accept only the first 1 MiB + 1 byte is kept, so that memory
   * stays bounded and whoever reads it finds it too long.
   */
  readonly bytes: Uint8Array;
  /** Offset in the file just after the line feed. */
  readonly endOffset: number;
}

export interface LineSplitter {
  /** The lines that the chunk completes. They may share its memory. */
  push(chunk: Uint8Array): Line[];
  /** What follows the last line feed, cut like a line; empty after a complete line. */
  rest(): Uint8Array;
  /** Offset just after the last complete line. */
  readonly offset: number;
}

const LINE_FEED = 0x0a;
const MAX_KEPT_BYTES = MAX_LINE_BYTES + 1;

/** A splitter for chunks that follow each other from `fromOffset` on, where a line begins. */
export function createLineSplitter(fromOffset = 0): LineSplitter {
  let offset = fromOffset;
  let readTo = fromOffset;
  let parts: Uint8Array[] = [];
  let kept = 0;

  function keep(part: Uint8Array): void {
    const room = MAX_KEPT_BYTES - kept;
    if (part.length === 0 || room === 0) return;
    // A copy, which `slice` of a Node Buffer is not: the caller may fill its buffer again.
    parts.push(new Uint8Array(part.subarray(0, room)));
    kept += Math.min(part.length, room);
  }
  function take(last: Uint8Array): Uint8Array {
    if (kept === 0) return last.length > MAX_KEPT_BYTES ? last.subarray(0, MAX_KEPT_BYTES) : last;
    keep(last);
    return rest();
  }
  function rest(): Uint8Array {
    return parts.length === 1 && parts[0] ? parts[0] : concatBytes(...parts);
  }
  function push(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      offset = readTo + end + 1;
      lines.push({ bytes: take(chunk.subarray(start, end)), endOffset: offset });
      parts = [];
      kept = 0;
      start = end + 1;
    }
    keep(chunk.subarray(start));
    readTo += chunk.length;
    return lines;
  }
  return {
    push,
    rest,
    get offset() {
      return offset;
    },
  };
}
