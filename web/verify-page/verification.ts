/** What the verifying thread does with what it is given: tells files apart, reads them in parts, verifies, and sums up. */
import type { BroughtCheckpoint } from '../../src/core/checkpoint-step.js';
import { reportMissingLedgers } from '../../src/core/checkpoint-step.js';
import type { CryptoBackend } from '../../src/core/crypto.js';
import { type FileOutcome, verifyRows } from '../../src/core/file-verification.js';
import { type GivenFile, HEAD_BYTES, readGivenFile } from '../../src/core/given-file.js';
import type { VerifyOptions } from '../../src/core/ledger-verifier.js';
import type { Policy } from '../../src/core/policy.js';
import type { PinnedKey, VerifyReport } from '../../src/core/report.js';
import { type RowRun, readRowRuns } from '../../src/core/row-source.js';
import { parseTlogProof } from '../../src/core/tlog-proof.js';
import { combineReports } from '../../src/core/verify.js';
import { checkReceipt, type ReceiptCheck } from '../verify/receipt-steps.js';
import { createFlyingChecker } from './flying-signatures.js';
import { groupParts, type NamedBlob } from './ledger-parts.js';

/** What is to be verified, and with what. */
export interface Task {
  readonly files: readonly NamedBlob[];
  /** A receipt from a link: it stands for itself, and is no ledger of one row. */
  readonly receipt?: Uint8Array | undefined;
  /** Full keys: every row must be signed with one of them. */
  readonly keys: readonly string[];
}

export interface Progress {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** One given file as it was understood. */
export interface Understood {
  readonly name: string;
  readonly sizeBytes: number;
  readonly kind: GivenFile['kind'] | 'unreadable';
  readonly remark?: string;
}

export interface TaskResult {
  readonly given: readonly Understood[];
  readonly outcomes: readonly FileOutcome[];
  readonly report: VerifyReport;
  /** Where one receipt was given: its line, and each step of its verification. */
  readonly single?: { readonly line: string; readonly check: ReceiptCheck } | undefined;
  readonly pinned: readonly PinnedKey[];
  readonly backend: string;
  readonly tookMs: number;
}

interface Means {
  readonly rows: NamedBlob[];
  readonly policies: Policy[];
  readonly demanded: string[];
  readonly checkpoints: BroughtCheckpoint[];
  readonly pinned: PinnedKey[];
  readonly given: Understood[];
}

/** Verifies everything. Never rejects because of the bytes. */
export async function runTask(
  task: Task,
  backend: CryptoBackend,
  tell: (progress: Progress) => void,
): Promise<TaskResult> {
  const startMs = performance.now();
  const means = await tellApart(task.files, backend);
  const checker = createFlyingChecker(backend);
  const options: VerifyOptions = {
    backend,
    ...(checker && { checker }),
    pinnedKeys: means.pinned,
    ...(task.keys.length > 0 && { allowedKeys: task.keys }),
    checkpoints: means.checkpoints,
    policies: new Map(means.policies.map((policy) => [policy.policyHash, policy])),
    demandedPolicies: means.demanded,
  };
  const outcomes: FileOutcome[] = [];
  const first: { row?: Uint8Array } = {};
  if (task.receipt) outcomes.push(await verifyShared(task.receipt, options, first));
  for (const { path, blobs, missingParts } of groupParts(means.rows)) {
    const totalBytes = blobs.reduce((size, blob) => size + blob.size, 0);
    const outcome = await verifyRows({
      path,
      runs: readRowRuns(readBlobs(blobs)),
      options,
      missingParts,
      look: (row) => (first.row ??= row.slice()),
      tell: (rows, bytes) => tell({ name: path, rows, bytes, totalBytes }),
    }).catch(() => undefined);
    if (outcome) outcomes.push(outcome);
    else means.given.push({ name: path, sizeBytes: totalBytes, kind: 'unreadable', remark: UNREADABLE });
  }
  const reports = outcomes.map(({ report }) => report);
  const missing = reportMissingLedgers(reports, means.checkpoints);
  return {
    given: means.given,
    outcomes: [...outcomes, ...missing.map((report): FileOutcome => ({ kind: 'ledger', report }))],
    report: combineReports([...reports, ...missing]),
    single: await explainSingle(outcomes, first.row, backend),
    pinned: means.pinned,
    backend: backend.name,
    tookMs: performance.now() - startMs,
  };
}

const UNREADABLE =
  'The browser cannot read it: is it a folder, or was it moved away? Give the files themselves.';

const NOT_YOURS =
  'It came inside this page, from whoever made the page, so it is left out: keys, checkpoints and policies count when you bring them.';

async function tellApart(files: readonly NamedBlob[], backend: CryptoBackend): Promise<Means> {
  const means: Means = { rows: [], policies: [], demanded: [], checkpoints: [], pinned: [], given: [] };
  for (const file of files) {
    const { name, blob } = file;
    const head = await blob
      .slice(0, HEAD_BYTES)
      .arrayBuffer()
      .catch(() => undefined);
    if (!head) {
      means.given.push({ name, sizeBytes: blob.size, kind: 'unreadable', remark: UNREADABLE });
      continue;
    }
    const what = readGivenFile({ name, sizeBytes: blob.size, head: new Uint8Array(head) }, backend);
    const isForeign = file.enclosed === true && what.kind !== 'rows' && what.kind !== 'refused';
    sortIn(means, file, isForeign ? { kind: 'refused', message: NOT_YOURS } : what);
  }
  return means;
}

function sortIn(means: Means, file: NamedBlob, what: GivenFile): void {
  const { name, blob } = file;
  const remark = what.kind === 'refused' ? what.message : what.kind === 'rows' ? what.remark : undefined;
  means.given.push({ name, sizeBytes: blob.size, kind: what.kind, ...(remark !== undefined && { remark }) });
  if (what.kind === 'rows') means.rows.push(file);
  else if (what.kind === 'checkpoint') means.checkpoints.push(what.brought);
  else if (what.kind === 'trust') means.pinned.push(...what.keys);
  else if (what.kind === 'policy') {
    means.policies.push(what.policy);
    if (what.demanded) means.demanded.push(what.policy.policyHash);
  }
}

function verifyShared(
  receipt: Uint8Array,
  options: VerifyOptions,
  first: { row?: Uint8Array },
): Promise<FileOutcome> {
  async function* once(): AsyncGenerator<RowRun> {
    yield { kind: 'receipt', rows: [receipt], tornTail: undefined, bytesRead: receipt.length };
  }
  first.row = receipt;
  return verifyRows({ path: 'the link', runs: once(), options });
}

async function explainSingle(
  outcomes: readonly FileOutcome[],
  row: Uint8Array | undefined,
  backend: CryptoBackend,
): Promise<TaskResult['single']> {
  const [only, ...others] = outcomes;
  if (!row || !only || others.length > 0 || only.report.rows !== 1) return undefined;
  const proof = only.kind === 'proof' ? parseTlogProof(row) : undefined;
  const line = new TextDecoder().decode(proof?.ok && proof.value.extra ? proof.value.extra : row);
  return { line, check: await checkReceipt({ line, before: null, chainBefore: null }, backend) };
}

/** Chunk by chunk, so that files larger than memory pass. */
async function* readBlobs(blobs: readonly Blob[]): AsyncGenerator<Uint8Array> {
  for (const blob of blobs) {
    const reader = blob.stream().getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  }
}
