/**
 * Takes a port of the loopback interface, under both of its addresses: whoever had the other one could answer to
 * `localhost` in our place.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AgentGuardError } from '../core/errors.js';
import { codeOf } from '../store/paths.js';

export const DEFAULT_PORT = 8787;
const TRIES = 50;
/** Enough for many people's tabs; a page keeps one stream open. */
const MAX_CONNECTIONS = 1_024;
const LOOPBACK = ['127.0.0.1', '::1'];

export interface ListenOptions {
  /** Default: 8787, or the next one that is free. 0: any. */
  readonly port?: number | undefined;
  /** An address of another interface, instead of the loopback ones. */
  readonly host?: string | undefined;
}

export interface Listening {
  readonly port: number;
  readonly addresses: readonly string[];
  /** Ends all connections, also those that stream. */
  close(): Promise<void>;
}

/**
 * @throws AgentGuardError PORT_TAKEN when the given port, or all that were tried, are not free on one of the addresses.
 */
export async function listen(handler: RequestListener, options: ListenOptions = {}): Promise<Listening> {
  const { port = DEFAULT_PORT, host } = options;
  const isFixed = options.port !== undefined && port !== 0;
  for (let at = 0; at < (isFixed ? 1 : TRIES); at++) {
    const wanted = port === 0 ? 0 : port + at;
    if (wanted > 65_535) break;
    const servers = await bindAll(handler, wanted, host === undefined ? LOOPBACK : [host]);
    if (servers) return describe(servers);
  }
  throw new AgentGuardError('PORT_TAKEN', `Port ${port} is taken by another program.`, {
    hint: isFixed ? 'Choose another with --port, or leave it out.' : 'Choose one with --port.',
  });
}

/** The same port under all addresses, or `undefined` when it is taken under one. An address that the machine lacks is left out. */
async function bindAll(
  handler: RequestListener,
  port: number,
  addresses: readonly string[],
): Promise<Server[] | undefined> {
  const servers: Server[] = [];
  for (const address of addresses) {
    const [first] = servers;
    const server = await bind(handler, first ? portOf(first) : port, address).catch(
      async (cause: unknown) => {
        if (ABSENT.has(codeOf(cause)) && first) return undefined;
        await Promise.all(servers.map(closeServer));
        if (codeOf(cause) === 'EADDRINUSE') return 'taken' as const;
        throw unusable(address, port, cause);
      },
    );
    if (server === 'taken') return undefined;
    if (server) servers.push(server);
  }
  return servers;
}

/** A machine without IPv6. */
const ABSENT: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

function bind(handler: RequestListener, port: number, host: string): Promise<Server> {
  const server = createServer(
    { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 30_000 },
    handler,
  );
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', reject);
      // Running out of handles, say, must not end the process.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

function describe(servers: readonly Server[]): Listening {
  const [first] = servers;
  if (!first) throw new Error('nothing was bound');
  return {
    port: portOf(first),
    addresses: servers.map((server) => (server.address() as AddressInfo).address),
    close: async () => void (await Promise.all(servers.map(closeServer))),
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function unusable(address: string, port: number, cause: unknown): AgentGuardError {
  const what = codeOf(cause) === 'EACCES' ? 'may not be used by this user' : 'cannot be used';
  return new AgentGuardError('PORT_TAKEN', `${address} port ${port} ${what} (${codeOf(cause)}).`, {
    cause,
    hint: 'Choose another port with --port, or another address with --host.',
  });
}
