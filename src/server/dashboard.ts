/** Starts the dashboard of a home: reads its ledgers, takes a port, answers until it is closed (docs/dashboard.md). */
import { networkInterfaces } from 'node:os';
import { getRequestListener } from '@hono/node-server';
import { openHome } from '../store/paths.js';
import { createApp } from './app.js';
import { type FindFile, openDocuments } from './documents.js';
import { createEventHub } from './event-hub.js';
import { type ListenOptions, listen } from './listen.js';
import { openLiveIndex } from './live-index.js';
import { createPasses, type Passes } from './passes.js';
import { noteServer, openServeState, type RunningServer } from './serve-file.js';

export interface DashboardOptions extends ListenOptions {
  readonly home: string;
  /** The one scope to show; `null`: all. */
  readonly scope: string | null;
  readonly version: string;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
  /** Default: the page that the package brings. */
  readonly findFile?: FindFile;
}

export interface Dashboard {
  /** Such as `http://localhost:8787/`. */
  readonly url: string;
  readonly port: number;
  /** An address that lets a browser in, once, within a minute. */
  makeLink(): string;
  /** Resolves when every row that was there at the start can be shown. */
  readonly isFilled: Promise<void>;
  close(): Promise<void>;
}

/**
 * Answers as soon as it returns; old rows are read behind.
 *
 * @throws AgentGuardError PORT_TAKEN; HOME_UNSAFE and LEDGER_UNWRITABLE as `openHome`.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { scope, version, host, port: wanted, now = Date.now, findFile = openDocuments() } = options;
  const home = await openHome(options.home);
  const { secretHex } = await openServeState(home);
  const events = createEventHub();
  const index = await openLiveIndex(home, scope, events.tell);
  let handle: ReturnType<typeof getRequestListener> | undefined;
  const listening = await listen((request, response) => void handle?.(request, response), {
    port: wanted,
    host,
  }).catch((error: unknown) => {
    index.close();
    events.close();
    throw error;
  });
  const { port } = listening;
  const passes = createPasses(secretHex, port);
  const hosts = listHosts(host, port);
  const app = createApp({
    index,
    events,
    home,
    scope,
    version,
    now,
    findFile,
    passes,
    hosts,
    isLoopback: isLoopback(host),
  });
  handle = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server: RunningServer = { port, pid: process.pid, scope };
  await noteServer(home, server, true);
  const url = `http://${nameHost(host)}:${port}/`;
  return {
    url,
    port,
    makeLink: () => printLink(url, passes, now()),
    isFilled: index.isFilled,
    async close() {
      events.close();
      index.close();
      await listening.close();
      await noteServer(home, server, false).catch(() => {});
    },
  };
}

/** A link for a server that another process runs on the same home. */
export function printLink(url: string, passes: Passes, nowMs: number): string {
  return `${url}open?code=${passes.makeCode(nowMs)}`;
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string | undefined): boolean {
  return host === undefined || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function nameHost(host: string | undefined): string {
  if (host === undefined || isWildcard(host)) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}

/** The names that the server answers to. A name that somebody else made to point here is none of them. */
function listHosts(host: string | undefined, port: number): ReadonlySet<string> {
  const local = ['localhost', '127.0.0.1', '[::1]'];
  const own = host === undefined ? [] : isWildcard(host) ? listAddresses() : [nameHost(host).toLowerCase()];
  return new Set(
    [...local, ...own].flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
  );
}

function listAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
}
