/** Adding rows to a ledger file, with the lock held and the file caught up: all of a step, or nothing (design 3.3). */
import type { SealedReceipt } from '../core/receipt.js';
import { unwritable } from './ledger-errors.js';
import type { LedgerFile } from './ledger-file.js';
import { addRow } from './ledger-state.js';
import type { TornTail } from './torn.js';

/** Torn tails that the next rows have to name. */
export function listUnnamed(file: LedgerFile): readonly TornTail[] {
  return file.torn?.filter((torn) => !file.state.tornFiles.has(torn.file)) ?? [];
}

/** Appends rows with one write. @throws AgentGuardError LEDGER_UNWRITABLE, nothing having been written */
export function appendRows(file: LedgerFile, rows: readonly SealedReceipt[]): void {
  const lines = rows.map((row) => Buffer.from(`${row.line}\n`));
  const bytes = lines.length === 1 && lines[0] ? lines[0] : Buffer.concat(lines);
  writeWhole(file, bytes, file.offset);
  file.offset += bytes.length;
  file.headBytes = lines.at(-1)?.length ?? file.headBytes;
  for (const { receipt } of rows) file.onRow(receipt, addRow(file.state, receipt));
}

/** One write at the end of the file, which is at `size`; what a failed one left is cut off again. */
export function writeWhole(file: LedgerFile, bytes: Uint8Array, size: number): void {
  let cause: unknown;
  try {
    const written = file.io.writeSync(file.fd, bytes);
    if (written === bytes.length) return;
    cause = new Error(`only ${written} of ${bytes.length} bytes were written`);
  } catch (error) {
    cause = error;
  }
  try {
    file.io.ftruncateSync(file.fd, size);
  } catch {
    // The next one to hold the lock finds a torn tail there and sets it aside.
    file.poisoned = true;
  }
  throw unwritable(file.path, cause);
}
