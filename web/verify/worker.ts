/** Verifies in a thread of its own, so that the page stays quick. It asks nobody: what it checks is handed to it. */
import type { CryptoBackend } from '../../src/core/crypto.js';
import type { FileReport } from '../../src/core/report.js';
import { chooseBackend, type SubtleVerifier } from '../../src/core/web-crypto.js';
import { createFlyingChecker } from '../verify-page/flying-signatures.js';
import { type Evidence, type EvidenceReading, readEvidence } from './evidence.js';
import { type LedgerRun, startLedgerRun } from './ledger-run.js';
import { checkReceipt, type Neighbours, type ReceiptCheck } from './receipt-steps.js';

/** What is asked, and of which run. */
export type WorkerRequest =
  | { readonly id: number; readonly ask: 'receipt'; readonly rows: Neighbours }
  | { readonly id: number; readonly ask: 'start'; readonly path: string; readonly evidence: Evidence }
  | { readonly id: number; readonly ask: 'push'; readonly part: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly ask: 'finish' };

/** The answer to the request with the same id. */
export interface WorkerAnswer {
  readonly id: number;
  readonly check?: ReceiptCheck;
  /** To `start`: how the evidence was understood. */
  readonly evidence?: Pick<EvidenceReading, 'files' | 'refusedPolicies'>;
  readonly report?: FileReport;
  readonly error?: string;
}

const backend: Promise<CryptoBackend> = chooseBackend(
  globalThis.crypto?.subtle as SubtleVerifier | undefined,
);
let run: LedgerRun | undefined;

self.onmessage = ({ data }: MessageEvent<WorkerRequest>) => {
  answer(data).then(
    (answer) => self.postMessage(answer),
    (error: unknown) => self.postMessage({ id: data.id, error: String(error) }),
  );
};

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  const { id } = request;
  switch (request.ask) {
    case 'receipt':
      return { id, check: await checkReceipt(request.rows, await backend) };
    case 'start':
      return { id, evidence: start(request.path, request.evidence, await backend) };
    case 'push':
      await run?.push(request.part);
      return { id };
    case 'finish':
      return run ? { id, report: await run.finish() } : { id };
  }
}

function start(path: string, given: Evidence, backend: CryptoBackend): NonNullable<WorkerAnswer['evidence']> {
  const { options, files, refusedPolicies } = readEvidence(given, backend);
  const checker = createFlyingChecker(backend);
  run = startLedgerRun(path, backend, { ...options, ...(checker && { checker }) });
  return { files, refusedPolicies };
}
