/** Adding rows to a ledger file, with the lock held and the file caught up: all of a step, or nothing (design 3.3). */
import { lendUtf8 } from '../core/bytes.js';
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
  const last = rows.at(-1);
  if (!last) return;
  let text = '';
  for (const { line } of rows) text += `${line}\n`;
  const bytes = lendUtf8(text);
  const size = bytes.length;
  writeWhole(file, bytes, file.offset);
  file.offset += size;
  file.headBytes = rows.length === 1 ? size : Buffer.byteLength(last.line) + 1;
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
