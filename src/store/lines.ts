/** Ranges of files, and their lines by the splitter of `core`. */
import * as fs from 'node:fs';

export { createLineSplitter, type Line } from '../core/line-splitter.js';

/** `size` bytes of a file from an offset on, or fewer at its end. @throws the system's error */
export function readRange(fd: number, from: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size);
  let got = 0;
  for (let more = 1; more > 0 && got < size; got += more) {
    more = fs.readSync(fd, bytes, got, size - got, from + got);
  }
  return bytes.subarray(0, got);
}
