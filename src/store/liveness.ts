/** Asks whether another instance lives, by connecting to its socket and staying connected (design 3.3). */
import * as fs from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { codeOf } from './paths.js';
import { withSocketPath } from './socket-path.js';

/**
 * `alive`: it runs or is stopped. `dead`: its socket is there and nobody listens; it never comes back. `absent`: there
 * is no socket, cleaned up or deleted by a person. `unknown`: the system would not say.
 */
export type Liveness = 'alive' | 'dead' | 'absent' | 'unknown';

export interface Prober {
  probe(id: string): Promise<Liveness>;
  close(): void;
}

const ANSWER_TIMEOUT_MS = 2_000;
/** A connection that nobody asked about for this long is dropped. */
const IDLE_MS = 30_000;

/**
 * Connections are kept: one per pair of instances instead of one per question, since a stopped process accepts none and
 * its queue is finite, and a broken connection tells of a death at once.
 */
export function createProber(folder: string): Prober {
  const connected = new Map<string, Socket>();
  const asking = new Map<string, Promise<Liveness>>();

  async function ask(id: string): Promise<Liveness> {
    const name = `${id}.sock`;
    const stats = await fs.lstat(join(folder, name)).catch((cause: unknown) => codeOf(cause));
    if (stats === 'ENOENT') return 'absent';
    if (typeof stats === 'string') return 'unknown';
    // A plain file, as a restored backup leaves, refuses connections like a dead socket and proves nothing.
    if (!stats.isSocket()) return 'absent';
    return withSocketPath(folder, name, (path) => tryConnect(path, (socket) => keep(id, socket)));
  }
  function keep(id: string, socket: Socket): void {
    connected.set(id, socket);
    socket.once('close', () => connected.delete(id));
    socket.setTimeout(IDLE_MS, () => socket.destroy());
  }
  return {
    async probe(id) {
      const known = connected.get(id);
      if (known) {
        known.setTimeout(IDLE_MS);
        return 'alive';
      }
      const running = asking.get(id) ?? ask(id).finally(() => asking.delete(id));
      asking.set(id, running);
      return running;
    },
    close() {
      for (const socket of connected.values()) socket.destroy();
    },
  };
}

function tryConnect(path: string, onConnect: (socket: Socket) => void): Promise<Liveness> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => settle('unknown'), ANSWER_TIMEOUT_MS);
    function settle(answer: Liveness): void {
      clearTimeout(timer);
      if (answer !== 'alive' || socket.connecting) socket.destroy();
      resolve(answer);
    }
    socket.on('error', (cause) => settle(judgeError(codeOf(cause))));
    socket.once('connect', () => {
      socket.unref();
      socket.resume();
      onConnect(socket);
      settle('alive');
    });
  });
}

function judgeError(code: string): Liveness {
  if (code === 'ECONNREFUSED') return 'dead';
  if (code === 'ENOENT') return 'absent';
  // Linux, when the queue of a stopped process is full: somebody is there to be full.
  if (code === 'EAGAIN') return 'alive';
  return 'unknown';
}
