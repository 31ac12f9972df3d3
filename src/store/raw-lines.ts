/** The raw lines of a ledger's parts between two places, read without the lock: the leaves of its Merkle tree. */
import * as fs from 'node:fs';
import { openPart } from './ledger-parts.js';
import { readFileLines } from './ledger-read.js';
import type { Place } from './place.js';

/**
 * Complete lines without their line feed, in order; up to the last complete one where no end is given.
 *
 * @throws AgentGuardError LEDGER_CORRUPT, HOME_UNSAFE, LEDGER_UNWRITABLE when a part cannot be used
 */
export async function* readRawLines(
  folder: string,
  from: Place,
  to?: Pick<Place, 'part' | 'offset'>,
): AsyncGenerator<Uint8Array> {
  for (let part = from.part; to === undefined || part <= to.part; part++) {
    const opened = openPart(folder, part, 'read');
    if (!opened) return;
    try {
      const start = part === from.part ? from.offset : 0;
      const end = part === to?.part ? to.offset : opened.stats.size;
      for await (const line of readFileLines(opened.fd, start, end)) yield line.bytes;
    } finally {
      fs.closeSync(opened.fd);
    }
  }
}
