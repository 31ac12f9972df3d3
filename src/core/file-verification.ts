/** Verifies whatever holds receipts, run by run, for the command line and for the page alike: one outcome for the same bytes. */
import { readPolicyLine } from './bundle.js';
import { nobleBackend } from './ed25519.js';
import { createLedgerVerifier, type LedgerVerifier, type VerifyOptions } from './ledger-verifier.js';
import { verifyProof } from './proof-verification.js';
import type { FileReport } from './report.js';
import type { RowRun, SourceKind } from './row-source.js';
import { verifyEntry } from './verify.js';

export interface FileOutcome {
  readonly kind: SourceKind;
  readonly report: FileReport;
}

export interface RowsJob {
  /** As it is shown. */
  readonly path: string;
  readonly runs: AsyncIterable<RowRun>;
  readonly options: VerifyOptions;
  /** Names of parts of the ledger that are not there. */
  readonly missingParts?: readonly string[];
  /** Hears every row with its line, from 1. */
  readonly look?: ((row: Uint8Array, line: number) => void) | undefined;
  /** Hears how far it is, after each run. May throw to stop. */
  readonly tell?: ((rows: number, bytesRead: number) => void) | undefined;
}

/** Verifies one source in flat memory. @throws what the source or `tell` throws */
export async function verifyRows(job: RowsJob): Promise<FileOutcome> {
  const { path, options, look } = job;
  const policies = new Map(options.policies);
  let verifier: LedgerVerifier | undefined;
  let kind: SourceKind = 'ledger';
  let line = 0;
  let only: Uint8Array | undefined;
  for await (const run of job.runs) {
    kind = run.kind;
    for (const attachment of run.attachments ?? []) {
      const policy = readPolicyLine(attachment, options.backend ?? nobleBackend);
      if (policy) policies.set(policy.policyHash, policy);
    }
    // With the first row: the policies of a bundle stand before it.
    if (kind !== 'proof' && (run.rows.length > 0 || run.tornTail))
      verifier ??= startVerifier(job, { ...options, ...(options.policies && { policies }) }, kind);
    for (const row of run.rows) {
      line++;
      look?.(row, line);
      await verifier?.push(row);
    }
    if (kind === 'receipt' || kind === 'proof') only = run.rows[0];
    if (run.tornTail) {
      look?.(run.tornTail, line + 1);
      await verifier?.pushTornTail(run.tornTail);
    }
    job.tell?.(line, run.bytesRead);
  }
  if (kind === 'proof' && only) return { kind, report: await verifyProof(only, path, options) };
  await verifier?.settle();
  const report = (verifier ?? createLedgerVerifier({ ...options, path })).finish();
  return { kind, report: only ? await narrow(report, only, options) : report };
}

/** A receipt by itself says less than a ledger of one row: what that is, is decided in one place. */
async function narrow(report: FileReport, row: Uint8Array, options: VerifyOptions): Promise<FileReport> {
  const { verdicts, problems } = await verifyEntry(row, options);
  return { ...report, verdicts, problems, problemCount: problems.length };
}

function startVerifier(
  { path, missingParts }: RowsJob,
  options: VerifyOptions,
  kind: SourceKind,
): LedgerVerifier {
  // A checkpoint counts lines as they stand in a ledger; in a list or printed out they are other bytes.
  const { checkpoints: _, ...others } = options;
  const verifier = createLedgerVerifier({
    ...(kind === 'ledger' || kind === 'bundle' ? options : others),
    path,
  });
  for (const name of missingParts ?? []) verifier.missPart(name);
  return verifier;
}
