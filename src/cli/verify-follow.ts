/** Verifies a ledger, and then each row that is appended to it, until somebody stops it or an error is found. */
import { createLedgerVerifier, type LedgerVerifier } from '../core/ledger-verifier.js';
import type { Problem } from '../core/report.js';
import { createLineSplitter } from '../store/lines.js';
import { findMissingParts, measureLedgerBytes, openParts } from '../store/part-reader.js';
import { createSignaturePool } from '../store/signature-pool.js';
import { type FollowOptions, followLedger, readLines } from '../store/tail.js';
import type { FileJob, FileOutcome } from './verify-file.js';

/** Who hears on the way. */
export interface FollowListener {
  /** Once: all rows that were there are checked. `goesOn`: and no error was among them. */
  caughtUp(rows: number, goesOn: boolean): void;
  found(problem: Problem): void;
}

const LOSSES = { shrunk: 'TRUNCATED', replaced: 'REWRITTEN', gone: 'LEDGER_MISSING' } as const;

interface Pushed {
  readonly lines: readonly { readonly bytes: Uint8Array }[];
}

/**
 * The report on all rows up to the end, which comes with the signal or with the first error.
 *
 * @throws the system's error when it cannot be read; the signal's reason before all that was there was read
 */
export async function followFile(job: FileJob, listener: FollowListener): Promise<FileOutcome> {
  const { path, options, signal } = job;
  const source = String(job.source);
  const pool = createSignaturePool();
  const verifier = createLedgerVerifier({ policies: new Map(), ...options, path, checker: pool });
  let told = 0;
  /** Tells what is new. Whether there is no error in it. */
  async function tell(): Promise<boolean> {
    await verifier.settle();
    const news = verifier.listProblems(told);
    told += news.length;
    for (const problem of news) listener.found(problem);
    return news.every(({ severity }) => severity !== 'error');
  }
  try {
    for (const name of await findMissingParts(source)) verifier.missPart(name);
    const { rows, from } = await readHistory(job, source, verifier);
    const isGood = await tell();
    listener.caughtUp(rows, isGood);
    if (isGood) {
      for await (const event of followLedger(source, { ...from, signal })) {
        if (event.kind === 'lines') await pushAll(verifier, event);
        else if (event.kind !== 'rotated') verifier.loseRows(LOSSES[event.kind]);
        if (!(await tell())) break;
      }
    }
    return { kind: 'ledger', report: verifier.finish(), selection: undefined };
  } finally {
    await pool.close();
  }
}

/** All rows that are there, and where to go on. */
async function readHistory(
  { progress, signal }: FileJob,
  source: string,
  verifier: LedgerVerifier,
): Promise<{ readonly rows: number; readonly from: Pick<FollowOptions, 'file' | 'fromOffset'> }> {
  const totalBytes = await measureLedgerBytes(source);
  const { older, newest } = await openParts(source);
  const splitter = createLineSplitter();
  let rows = 0;
  let bytesBefore = 0;
  for await (const run of readLines(older)) {
    rows += await pushAll(verifier, run);
    bytesBefore = run.lines.at(-1)?.endOffset ?? bytesBefore;
    signal.throwIfAborted();
    progress?.update(rows, bytesBefore, totalBytes);
  }
  for await (const chunk of newest?.bytes ?? []) {
    rows += await pushAll(verifier, { lines: splitter.push(chunk) });
    signal.throwIfAborted();
    progress?.update(rows, bytesBefore + splitter.offset, totalBytes);
  }
  return { rows, from: newest ? { file: newest.file, fromOffset: splitter.offset } : {} };
}

async function pushAll(verifier: LedgerVerifier, { lines }: Pushed): Promise<number> {
  for (const { bytes } of lines) await verifier.push(bytes);
  return lines.length;
}
