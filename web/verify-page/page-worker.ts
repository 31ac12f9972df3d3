/** The thread of the verify page. It can ask nobody: it works under the page's own content policy. */
import { chooseBackend, type SubtleVerifier } from '../../src/core/web-crypto.js';
import { type Progress, runTask, type Task, type TaskResult } from './verification.js';

export type ThreadMessage =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly message: string };

const TELL_EVERY_MS = 100;

self.onmessage = ({ data }: MessageEvent<Task>) => {
  run(data).then(
    (result) => post({ kind: 'done', result }),
    (error: unknown) => post({ kind: 'failed', message: String(error) }),
  );
};

async function run(task: Task): Promise<TaskResult> {
  // On plain http there is no WebCrypto; the portable backend gives the same answers, more slowly.
  const backend = await chooseBackend(globalThis.crypto?.subtle as SubtleVerifier | undefined);
  let toldMs = performance.now();
  return runTask(task, backend, (progress) => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    post({ kind: 'progress', progress });
  });
}

function post(message: ThreadMessage): void {
  self.postMessage(message);
}
