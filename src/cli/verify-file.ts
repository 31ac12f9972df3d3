/** Verifies one file or stream, row by row, with what the caller wants to hear on the way. */

import { readPolicyLine } from '../core/bundle.js';
import { createLedgerVerifier, type LedgerVerifier, type VerifyOptions } from '../core/ledger-verifier.js';
import { type Receipt, readReceipt } from '../core/receipt.js';
import type { FileReport } from '../core/report.js';
import { verifyEntry } from '../core/verify.js';
import { nodeBackend } from '../store/node-crypto.js';
import { findMissingParts, measureLedgerBytes } from '../store/part-reader.js';
import type { Progress } from './progress.js';
import { readRowRuns, type SourceKind } from './receipt-source.js';

/** The rows that a selector chose. */
export interface Selection {
  readonly rows: number;
  /** The first 1,000 of their lines. */
  readonly lines: readonly number[];
}

export interface FileOutcome {
  readonly kind: SourceKind;
  readonly report: FileReport;
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

/** Verifies one file in flat memory. @throws the system's error when it cannot be read; the signal's reason. */
export async function verifyFile(job: FileJob): Promise<FileOutcome> {
  const { path, source, options, signal } = job;
  const totalBytes = typeof source === 'string' ? await measureLedgerBytes(source) : undefined;
  const runs = readRowRuns(source);
  const policies = new Map(options.policies);
  let verifier: LedgerVerifier | undefined;
  const selection = job.selects && createSelection(job.selects);
  let kind: SourceKind = 'ledger';
  let line = 0;
  let onlyRow: Uint8Array | undefined;
  for await (const run of runs) {
    signal.throwIfAborted();
    kind = run.kind;
    for (const attachment of run.attachments ?? []) {
      const policy = readPolicyLine(attachment, nodeBackend);
      if (policy) policies.set(policy.policyHash, policy);
    }
    // With the first row: the policies of a bundle stand before it.
    if (run.rows.length > 0 || run.tornTail)
      verifier ??= await startVerifier({ ...job, options: { ...options, policies } }, kind);
    for (const row of run.rows) {
      line++;
      selection?.look(row, line);
      await verifier?.push(row);
    }
    if (kind === 'receipt') onlyRow = run.rows[0];
    if (run.tornTail) {
      selection?.look(run.tornTail, line + 1);
      await verifier?.pushTornTail(run.tornTail);
    }
    job.progress?.update(line, run.bytesRead, totalBytes);
  }
  const report = (verifier ?? createLedgerVerifier({ ...options, path })).finish();
  if (!onlyRow) return { kind, report, selection: selection?.result() };
  // A receipt by itself says less than a ledger of one row: what that is, is decided in one place.
  const { verdicts, problems } = await verifyEntry(onlyRow, options);
  const alone = { ...report, verdicts, problems, problemCount: problems.length };
  return { kind, report: alone, selection: selection?.result() };
}

async function startVerifier({ path, source, options }: FileJob, kind: SourceKind): Promise<LedgerVerifier> {
  // A checkpoint counts lines as they stand in a ledger; in a list or printed out they are other bytes.
  const { checkpoints: _, ...others } = options;
  const verifier = createLedgerVerifier({
    ...(kind === 'ledger' || kind === 'bundle' ? options : others),
    path,
  });
  const missing = typeof source === 'string' ? await findMissingParts(source) : [];
  for (const name of missing) verifier.missPart(name);
  return verifier;
}

function createSelection(selects: (receipt: Receipt) => boolean) {
  const lines: number[] = [];
  let rows = 0;
  return {
    look(bytes: Uint8Array, line: number): void {
      const reading = readReceipt(bytes);
      if (!reading.ok || !selects(reading.value)) return;
      rows++;
      if (lines.length < MAX_LISTED_LINES) lines.push(line);
    },
    result: (): Selection => ({ rows, lines }),
  };
}
