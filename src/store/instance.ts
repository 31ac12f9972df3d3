/**
 * Who is alive: each process, and each worker thread, that opens a ledger listens on a Unix socket of its own under
 * `<home>/.instances` (design 3.3). Whoever can connect knows that it lives.
 *
 * The kernel answers for the process: it accepts while the process runs or is stopped, and refuses after a kill or after
 * the worker thread ended, across PID namespaces too. A process id with its start time tells none of these apart.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { createProber, type Liveness } from './liveness.js';
import { codeOf, INSTANCES_FOLDER, openInnerFolder } from './paths.js';
import { withSocketPath } from './socket-path.js';

/** How often a running instance looks whether its socket is still there. */
const PRESENCE_CHECK_MS = 2_000;

export const INSTANCE_ID = /^[0-9a-f]{16}$/;

export interface Instance {
  /** 16 lowercase hex, random. */
  readonly id: string;
  /** Whether the instance behind an id lives. */
  probe(id: string): Promise<Liveness>;
  /** Listens again if somebody deleted the socket. */
  ensureListening(): Promise<void>;
  /** Idempotent. The caller holds no lock any more. */
  close(): Promise<void>;
}

/**
 * Starts to listen under an opened home. Never keeps the process running, handles no signals.
 *
 * @throws AgentGuardError HOME_UNSAFE when the home cannot hold sockets.
 */
export async function openInstance(realHome: string): Promise<Instance> {
  const folder = join(realHome, INSTANCES_FOLDER);
  await openInnerFolder(folder);
  const id = randomBytes(8).toString('hex');
  const path = join(folder, `${id}.sock`);
  const prober = createProber(folder);
  let listener = await listen(folder, id);
  let closed = false;
  let checking: Promise<void> | undefined;

  async function restore(): Promise<void> {
    if (closed || (await isSocket(path))) return;
    await openInnerFolder(folder);
    const previous = listener;
    listener = await listen(folder, id);
    previous.stop();
  }
  function ensureListening(): Promise<void> {
    checking ??= restore().finally(() => {
      checking = undefined;
    });
    return checking;
  }
  const timer = setInterval(() => void ensureListening().catch(() => {}), PRESENCE_CHECK_MS);
  timer.unref();

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    clearInterval(timer);
    await checking?.catch(() => {});
    prober.close();
    await fs.rm(path, { force: true });
    listener.stop();
  }
  const probe = (other: string): Promise<Liveness> =>
    other === id
      ? Promise.resolve('alive')
      : INSTANCE_ID.test(other)
        ? prober.probe(other)
        : Promise.resolve('unknown');
  return { id, probe, ensureListening, close };
}

interface Listener {
  /** Breaks the connections too: they say that the instance lives. */
  stop(): void;
}

/**
 * Binds under one name and renames to the other: the platform deletes the name it bound when the server closes, and this
 * one must outlive its owner, refusing connections, since a missing socket proves nothing.
 */
async function listen(folder: string, id: string): Promise<Listener> {
  const bound = `${id}.new`;
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.on('error', () => {});
    socket.unref();
    socket.resume();
  });
  try {
    await withSocketPath(folder, bound, (path) => startServer(server, path));
    await fs.rename(join(folder, bound), join(folder, `${id}.sock`));
  } catch (cause) {
    server.close();
    if (cause instanceof AgentGuardError) throw cause;
    throw new AgentGuardError('HOME_UNSAFE', `${folder} cannot hold a socket (${codeOf(cause)}).`, { cause });
  }
  return {
    stop() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

function startServer(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // `exclusive`: in a cluster the primary would listen instead and answer for workers that died.
    server.listen({ path, exclusive: true }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve();
    });
    server.unref();
  });
}

async function isSocket(path: string): Promise<boolean> {
  const stats = await fs.lstat(path).catch(() => undefined);
  return stats?.isSocket() === true;
}
