/** Splits the text of a JSON array into the bytes of its elements, without understanding them: that is the reader's job. */
import { MAX_LINE_BYTES } from './row-reader.js';

export interface ArraySplitter {
  /** The elements that the chunk completes. */
  push(chunk: Uint8Array): Uint8Array[];
  /** What is wrong at the end: an element that was cut off, or whatever follows the array. Else nothing. */
  end(): Uint8Array[];
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPENERS: ReadonlySet<number> = new Set([OPEN_ARRAY, 0x7b]);
const CLOSERS: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const MAX_KEPT_BYTES = MAX_LINE_BYTES + 1;

/**
 * A splitter whose memory is bounded: of an element longer than any row, only the beginning is kept. Nothing is lost on
 * the way: whatever is no element comes out as one, for the reader to refuse.
 */
export function createArraySplitter(): ArraySplitter {
  let element: number[] = [];
  let depth = 0;
  let isOpened = false;
  let hasComma = false;
  let inText = false;
  let isEscaped = false;

  function take(): Uint8Array {
    const bytes = Uint8Array.from(element);
    element = [];
    return bytes;
  }
  function keep(byte: number): void {
    if (element.length < MAX_KEPT_BYTES && (element.length > 0 || !SPACES.has(byte))) element.push(byte);
  }
  function readText(byte: number): void {
    keep(byte);
    if (isEscaped) isEscaped = false;
    else if (byte === BACKSLASH) isEscaped = true;
    else if (byte === QUOTE) inText = false;
  }
  function readOutside(byte: number): void {
    if (isOpened || byte !== OPEN_ARRAY) {
      keep(byte);
      return;
    }
    isOpened = true;
    depth = 1;
  }
  function readInside(byte: number, done: Uint8Array[]): void {
    if (CLOSERS.has(byte)) depth--;
    else if (OPENERS.has(byte)) depth++;
    if (depth === 0) {
      // After a comma an element is due: `[1,]` is not an array.
      if (element.length > 0 || hasComma) done.push(take());
    } else if (depth === 1 && byte === COMMA) {
      hasComma = true;
      done.push(take());
    } else {
      inText = byte === QUOTE;
      keep(byte);
    }
  }
  return {
    push(chunk) {
      const done: Uint8Array[] = [];
      for (const byte of chunk) {
        if (inText) readText(byte);
        else if (depth === 0) readOutside(byte);
        else readInside(byte, done);
      }
      return done;
    },
    end() {
      const left = element.length > 0 ? [take()] : [];
      // An array that nobody closed is no array: the empty element says so.
      return depth > 0 ? [...left, new Uint8Array()] : left;
    },
  };
}
