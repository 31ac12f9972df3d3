/** The page's side of its verifying thread: one task at a time, each in a thread of its own that cancelling ends. */
import type { ThreadMessage } from './page-worker.js';
import workerUrl from './page-worker.ts?worker&url';
import type { Progress, Task, TaskResult } from './verification.js';

/** @throws an `AbortError` when `signal` says so; an error when the thread cannot start */
export function runInThread(
  task: Task,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<TaskResult> {
  return new Promise((done, fail) => {
    const worker = new Worker(trustScript(workerUrl));
    const end = (): void => {
      worker.terminate();
      signal.removeEventListener('abort', cancel);
    };
    const cancel = (): void => {
      end();
      fail(signal.reason);
    };
    signal.addEventListener('abort', cancel);
    worker.onmessage = ({ data }: MessageEvent<ThreadMessage>) => {
      if (data.kind === 'progress') return tell(data.progress);
      end();
      if (data.kind === 'done') done(data.result);
      else fail(new Error(data.message));
    };
    worker.onerror = (event) => {
      end();
      fail(new Error(event.message || 'The verifying thread did not start.'));
    };
    worker.postMessage(task);
  });
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): unknown };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** Under Trusted Types a script's address must come from a policy. Ours knows one: the thread's own. */
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
