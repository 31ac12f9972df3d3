/** Verifying in one call: single receipts, lists of them, and the reports of several files as one. */
import { encodeUtf8 } from './bytes.js';
import { canonicalize } from './canonical-json.js';
import type { Json } from './json.js';
import { createLedgerVerifier, type LedgerVerifier, type VerifyOptions } from './ledger-verifier.js';
import type { FileReport, Problem, Verdicts, VerifyReport } from './report.js';
import { combineVerdicts, isOk } from './verdicts.js';

/** What can be said about one receipt on its own. */
export interface EntryReport {
  /** No verdict is "no". */
  readonly ok: boolean;
  readonly verdicts: Verdicts;
  readonly problems: readonly Problem[];
  /** Full key, `fingerprint:…` where it is not known, `null` where the receipt could not be read. */
  readonly signer: string | null;
  readonly sequence: number | null;
}

const ALONE = 'A single receipt: the rows before and after it were not seen.';
const LONE_SURROGATE = /\p{Surrogate}/u;
const NOT_DATA = encodeUtf8('?');

/**
 * Verifies one receipt: an object, a line of text, or the bytes of a line. Lines are read strictly; an object went
 * through some parser already, so what that parser hid cannot be seen any more.
 *
 * Never rejects because of the receipt.
 * @throws RangeError for a pinned or demanded key that is none.
 */
export async function verifyEntry(entry: unknown, options: VerifyOptions = {}): Promise<EntryReport> {
  const { checkpoints: _, ...others } = options;
  const file = await verifyAll([entry], 'receipt', others);
  // A lone receipt neither starts late nor is it too few keys: those notes are about ledgers.
  const problems = file.problems.filter((problem) => problem.code !== 'LATE_START');
  const contiguous = file.verdicts.contiguous;
  const verdicts: Verdicts = {
    ...file.verdicts,
    contiguous: contiguous.answer === 'no' ? contiguous : { answer: 'unknown', because: ALONE },
  };
  const [chain] = file.chains;
  return {
    ok: isOk(verdicts),
    verdicts,
    problems,
    signer: chain?.signer ?? null,
    sequence: chain?.first ?? null,
  };
}

/**
 * Verifies the receipts of one ledger, in its order: each an object, a line of text, or the bytes of a line.
 * Never rejects because of a receipt; errors of the iterable itself pass through.
 * @throws RangeError for a pinned or demanded key that is none.
 */
export async function verifyChain(
  entries: Iterable<unknown> | AsyncIterable<unknown>,
  options: VerifyOptions & { readonly path?: string } = {},
): Promise<VerifyReport> {
  return combineReports([await verifyAll(entries, options.path ?? 'receipts', options)]);
}

/** One report for several files: the worst of their verdicts, and the caps of all. */
export function combineReports(files: readonly FileReport[]): VerifyReport {
  const verdicts = combineVerdicts(files.map(({ path, verdicts }) => ({ name: path, verdicts })));
  return { ok: isOk(verdicts), verdicts, caps: files.flatMap((file) => file.caps), files };
}

async function verifyAll(
  entries: Iterable<unknown> | AsyncIterable<unknown>,
  path: string,
  options: VerifyOptions,
): Promise<FileReport> {
  const verifier: LedgerVerifier = createLedgerVerifier({ ...options, path });
  for await (const entry of entries) await verifier.push(encodeEntry(entry));
  await verifier.settle();
  return verifier.finish();
}

function encodeEntry(entry: unknown): Uint8Array {
  if (entry instanceof Uint8Array) return entry;
  if (typeof entry === 'string') return LONE_SURROGATE.test(entry) ? NOT_DATA : encodeUtf8(entry);
  try {
    return encodeUtf8(canonicalize(entry as Json));
  } catch {
    // Not JSON data: the row reader says so, at the row's own place.
    return NOT_DATA;
  }
}
