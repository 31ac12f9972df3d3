/** Reads ledgers call by call, in flat memory, without proving anything: for `export` and `report`. */
import { resolve } from 'node:path';
import type { CallRecord } from '../core/call-record.js';
import { readReceipt } from '../core/receipt.js';
import { createRecordFold } from '../core/record-fold.js';
import { readTimestamp } from '../store/ledger-state.js';
import { readLines } from '../store/tail.js';
import type { CommandContext } from './context.js';
import { STANDARD_INPUT } from './ledger-places.js';
import type { RecordPlace } from './record-options.js';

/** One call as it ended, or as it stands at the end of the ledger. */
export type OnCall = (record: CallRecord, rows: readonly number[]) => void;

/**
 * Tells each call once. Calls that end soon come in the order of their rows; one that ran while others were decided comes
 * when it ended.
 *
 * @returns the lines that are no receipts.
 */
export async function scanCalls({ io }: CommandContext, place: RecordPlace, onCall: OnCall): Promise<number> {
  const fold = createRecordFold(place.scope, ({ record, rows, isFinal }) => {
    if (isFinal) onCall(record, rows);
  });
  let unreadable = 0;
  for await (const line of readPlace(place, io)) {
    const reading = readReceipt(line);
    if (reading.ok) fold.apply(reading.value, readTimestamp(reading.value));
    else {
      unreadable++;
      fold.skip();
    }
  }
  fold.finish();
  return unreadable;
}

/** The complete lines of a ledger, or of standard input. */
export async function* readPlace(
  { path }: Pick<RecordPlace, 'path'>,
  { stdin, cwd, signal }: CommandContext['io'],
): AsyncGenerator<Uint8Array> {
  for await (const { lines } of readLines(path === STANDARD_INPUT ? stdin : resolve(cwd, path))) {
    signal.throwIfAborted();
    for (const { bytes } of lines) yield bytes;
  }
}
