/** Verifies one file or stream, row by row, with what the caller wants to hear on the way. */
import { type FileOutcome as CoreOutcome, verifyRows } from '../core/file-verification.js';
import type { VerifyOptions } from '../core/ledger-verifier.js';
import { type Receipt, readReceipt } from '../core/receipt.js';
import { parseTlogProof } from '../core/tlog-proof.js';
import { findMissingParts, measureLedgerBytes } from '../store/part-reader.js';
import type { SignaturePool } from '../store/signature-pool.js';
import type { Progress } from './progress.js';
import { readSourceRuns } from './receipt-source.js';

/** The rows that a selector chose. */
export interface Selection {
  readonly rows: number;
  /** The first 1,000 of their lines. */
  readonly lines: readonly number[];
}

export interface FileOutcome extends CoreOutcome {
  readonly selection: Selection | undefined;
}

export interface FileJob {
  /** As it is shown. */
  readonly path: string;
  /** The file, or a stream of its bytes. */
  readonly source: string | AsyncIterable<Uint8Array>;
  readonly options: VerifyOptions;
  readonly selects?: ((receipt: Receipt) => boolean) | undefined;
  readonly progress?: Progress | undefined;
  readonly signal: AbortSignal;
}

const MAX_LISTED_LINES = 1_000;
/** About 2,000 rows of ours. */
const LARGE_BYTES = 4_000_000;

/** Verifies one file in flat memory. @throws the system's error when it cannot be read; the signal's reason. */
export async function verifyFile(job: FileJob): Promise<FileOutcome> {
  const { path, source, options, signal } = job;
  const totalBytes = typeof source === 'string' ? await measureLedgerBytes(source) : undefined;
  const selection = job.selects && createSelection(job.selects);
  const pool = options.isQuick ? undefined : await openPool(totalBytes);
  try {
    const outcome = await verifyRows({
      path,
      runs: readSourceRuns(source),
      options: {
        ...(!options.isQuick && { policies: new Map() }),
        ...options,
        ...(pool && { checker: pool }),
      },
      missingParts: typeof source === 'string' ? await findMissingParts(source) : [],
      look: selection?.look,
      tell(rows, bytesRead) {
        signal.throwIfAborted();
        job.progress?.update(rows, bytesRead, totalBytes);
      },
    });
    return { ...outcome, selection: selection?.result() };
  } finally {
    await pool?.close();
  }
}

/** Threads for a source that is large, or may be; for a small one, starting them takes longer than they save. */
async function openPool(totalBytes: number | undefined): Promise<SignaturePool | undefined> {
  if (totalBytes !== undefined && totalBytes < LARGE_BYTES) return undefined;
  const { createSignaturePool } = await import('../store/signature-pool.js');
  return createSignaturePool(totalBytes === undefined ? {} : { startAfter: 0 });
}

function createSelection(selects: (receipt: Receipt) => boolean) {
  const lines: number[] = [];
  let rows = 0;
  return {
    look(bytes: Uint8Array, line: number): void {
      const proof = parseTlogProof(bytes);
      const reading = readReceipt((proof.ok && proof.value.extra) || bytes);
      if (!reading.ok || !selects(reading.value)) return;
      rows++;
      if (lines.length < MAX_LISTED_LINES) lines.push(line);
    },
    result: (): Selection => ({ rows, lines }),
  };
}
