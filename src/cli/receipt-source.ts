/** Rows of whatever somebody names as a ledger: a file with its older parts, or a stream (core/row-source.ts). */
import { type RowRun, readRowRuns } from '../core/row-source.js';
import { readLedgerBytes } from '../store/part-reader.js';

/** All rows of a file or stream, in flat memory. @throws the system's error when it cannot be read. */
export function readSourceRuns(source: string | AsyncIterable<Uint8Array>): AsyncGenerator<RowRun> {
  return readRowRuns(typeof source === 'string' ? readLedgerBytes(source) : source);
}
