/** The real outside world: this process, its streams and its signals. */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, relative, sep } from 'node:path';
import { EXIT_CODES } from './exit-codes.js';
import type { CliIo, Output } from './io.js';

/** Binds the outside world to this process. */
export function createProcessIo(): CliIo {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: wrapStream(process.stdout),
    stderr: wrapStream(process.stderr),
    cwd: process.cwd(),
    userDir: homedir(),
    invokedAs: nameInvocation(process.argv[1] ?? '', process.cwd()),
    now: Date.now,
    elapsedMs: () => performance.now(),
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    signal: listenForInterrupt(),
  };
}

/** How somebody would start the same program again, from the path of its script. */
export function nameInvocation(script: string, cwd: string): string {
  if (script.includes(`${sep}node_modules${sep}`)) return 'npx agentguard';
  if (basename(script) !== 'agentguard.js') return 'agentguard';
  const path = relative(cwd, script);
  return `node ${path.startsWith('..') ? script : path}`;
}

/** The first Ctrl-C asks; a second one ends the process at once. */
function listenForInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    controller.abort();
    // Nobody waits for input any more.
    process.stdin.destroy();
  });
  return controller.signal;
}

function wrapStream(stream: NodeJS.WriteStream): Output {
  let isOpen = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader may leave whenever it has seen enough; anything else lost what was to be said.
    if (isOpen && error.code !== 'EPIPE') process.exitCode = EXIT_CODES.unreadable;
    isOpen = false;
  });
  return {
    write(text) {
      if (isOpen) stream.write(text);
    },
    isTerminal: stream.isTTY === true && process.env.TERM !== 'dumb',
    columns: stream.columns ?? 80,
  };
}
