/** The page's side of the verifying thread: one receipt, or a whole ledger with progress and cancel. */
import type { FileReport } from '../../src/core/report.js';
import type { DataSource } from '../state/source.js';
import type { Evidence } from './evidence.js';
import type { Neighbours, ReceiptCheck } from './receipt-steps.js';
import type { WorkerAnswer, WorkerRequest } from './worker.js';
import workerUrl from './worker.ts?worker&url';

const LINES_AT_ONCE = 2000;

type Question = WorkerRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Thread {
  ask(question: Question, moved?: Transferable[]): Promise<WorkerAnswer>;
  end(): void;
}

/** Verifies one receipt in a worker of its own. */
export async function verifyReceipt(rows: Neighbours): Promise<ReceiptCheck> {
  const thread = startThread();
  try {
    const { check } = await thread.ask({ ask: 'receipt', rows });
    if (!check) throw new Error('The verifying thread gave no answer.');
    return check;
  } finally {
    thread.end();
  }
}

export interface LedgerFindings {
  readonly report: FileReport;
  /** How the evidence was understood. */
  readonly evidence: NonNullable<WorkerAnswer['evidence']>;
}

/**
 * Reads a ledger line by line from the source and verifies every row in a worker.
 *
 * @param tell is called with the rows checked so far
 * @throws what the source throws; an `AbortError` when `signal` says so
 */
export async function verifyLedger(
  source: DataSource,
  scope: string,
  given: Evidence,
  tell: (rows: number) => void,
  signal: AbortSignal,
): Promise<LedgerFindings> {
  const thread = startThread();
  try {
    const { evidence } = await thread.ask({ ask: 'start', path: scope, evidence: given });
    let next: number | null = 0;
    // The next part is fetched while the worker checks the one before.
    let part = source.lines(scope, 0, LINES_AT_ONCE, signal);
    while (next !== null) {
      const { bytes, nextRow } = await part;
      if (nextRow !== null) part = source.lines(scope, nextRow, LINES_AT_ONCE, signal);
      await thread.ask({ ask: 'push', part: bytes }, [bytes.buffer]);
      signal.throwIfAborted();
      next = nextRow !== null && nextRow > next ? nextRow : null;
      if (next !== null) tell(next);
    }
    const { report } = await thread.ask({ ask: 'finish' });
    if (!report || !evidence) throw new Error('The verifying thread gave no answer.');
    return { report, evidence };
  } finally {
    thread.end();
  }
}

function startThread(): Thread {
  // In a page of one file the script is a blob, which browsers load from disk as a classic script only.
  const type = workerUrl.startsWith('blob:') ? 'classic' : 'module';
  const worker = new Worker(trustScript(workerUrl), { type });
  const waiting = new Map<number, { done: (answer: WorkerAnswer) => void; fail: (error: Error) => void }>();
  let last = 0;
  worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) asked?.done(data);
    else asked?.fail(new Error(data.error));
  };
  worker.onerror = (event) => {
    for (const { fail } of waiting.values())
      fail(new Error(event.message || 'The verifying thread did not start.'));
    waiting.clear();
  };
  return {
    ask: (question, moved = []) =>
      new Promise((done, fail) => {
        const id = ++last;
        waiting.set(id, { done, fail });
        worker.postMessage({ ...question, id }, moved);
      }),
    end: () => worker.terminate(),
  };
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): {
    createScriptURL(url: string): unknown;
  };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** Under Trusted Types a script's address must come from a policy. Ours knows one address: the bundled worker's. */
function trustScript(url: string): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (!types) return url;
  policy ??= types.createPolicy('agentguard', {
    createScriptURL: (asked) => {
      if (asked !== workerUrl) throw new TypeError('Not a script of this page');
      return asked;
    },
  });
  return policy.createScriptURL(url) as string;
}
