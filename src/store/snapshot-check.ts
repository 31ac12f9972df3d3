/** Whether a ledger is still what its snapshot saw (docs/receipt-format.md "Snapshot"). */
import * as fs from 'node:fs';
import type { CryptoBackend } from '../core/crypto.js';
import { openPart } from './ledger-parts.js';
import { readRange } from './lines.js';
import { isSamePlace } from './place.js';
import type { Snapshot } from './snapshot.js';

/**
 * What in a ledger does not agree with its snapshot, as "has 10 bytes where its snapshot saw 20"; `undefined` when all
 * does. Only the place of the snapshot is looked at; nothing is changed.
 *
 * @throws AgentGuardError HOME_UNSAFE, LEDGER_CORRUPT, LEDGER_UNWRITABLE when a part cannot be used.
 */
export function compareWithLedger(
  folder: string,
  snapshot: Snapshot,
  backend: CryptoBackend,
): string | undefined {
  const opened = openPart(folder, snapshot.part, 'read');
  if (!opened) return snapshot.part === 0 ? 'is gone' : 'has lost its newest part';
  try {
    return describeDifference(snapshot, opened.fd, backend);
  } finally {
    fs.closeSync(opened.fd);
  }
}

function describeDifference(snapshot: Snapshot, fd: number, backend: CryptoBackend): string | undefined {
  const { size } = fs.fstatSync(fd);
  if (size < snapshot.offset) return `has ${size} bytes where its snapshot saw ${snapshot.offset}`;
  const isSame = isSamePlace(snapshot, backend, (from, length) => readRange(fd, from, length));
  return isSame ? undefined : `has another row where its snapshot saw row ${snapshot.rows}`;
}
