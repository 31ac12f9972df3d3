/**
 * `<home>/serve.json`: the secret that cookies and codes are made from, and the servers that run on the home
 * (docs/dashboard.md "Who gets in"). Whoever may read it may read the ledgers beside it.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { codeOf, isForeign, NO_FOLLOW } from '../store/paths.js';

export const SERVE_FILE = 'serve.json';
const MAX_BYTES = 65_536;
const MAX_SERVERS = 64;

/** A server that was started on a home and did not say that it ended. */
export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** The one scope that it shows; `null`: all. */
  readonly scope: string | null;
}

export interface ServeState {
  /** 64 hex digits. */
  readonly secretHex: string;
  readonly servers: readonly RunningServer[];
}

/**
 * What the file of an opened home holds; it is made when it is missing or not readable as such a file.
 *
 * @throws AgentGuardError HOME_UNSAFE when others may read or write it, or it is a link; LEDGER_UNWRITABLE.
 */
export async function openServeState(realHome: string): Promise<ServeState> {
  const path = join(realHome, SERVE_FILE);
  const known = await readState(path);
  if (known) return known;
  const fresh: ServeState = { secretHex: randomBytes(32).toString('hex'), servers: [] };
  // Never over a file that another start made meanwhile: both must know one secret.
  await writeState(realHome, fresh, 'create');
  return (await readState(path)) ?? replaceState(realHome, fresh);
}

/** Names a server in the file, or takes it out. A start at the same moment may undo this: it is a hint only. */
export async function noteServer(realHome: string, server: RunningServer, isRunning: boolean): Promise<void> {
  const state = await openServeState(realHome);
  const others = state.servers.filter(({ port }) => port !== server.port);
  const servers = isRunning ? [...others, server].slice(-MAX_SERVERS) : others;
  await writeState(realHome, { ...state, servers }, 'replace');
}

async function replaceState(realHome: string, state: ServeState): Promise<ServeState> {
  await writeState(realHome, state, 'replace');
  return state;
}

async function readState(path: string): Promise<ServeState | undefined> {
  const file = await fs
    .open(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK)
    .catch((cause: unknown) => {
      if (codeOf(cause) === 'ENOENT') return undefined;
      throw unsafe(path, codeOf(cause) === 'ELOOP' ? 'is a symbolic link' : 'cannot be opened', cause);
    });
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw unsafe(path, 'is not a plain file');
    if (stats.mode & 0o077) throw unsafe(path, 'may be read or written by other users');
    if (isForeign(stats.uid)) throw unsafe(path, 'belongs to another user');
    return stats.size > MAX_BYTES ? undefined : parseState(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

/** Untrusted text as the state; `undefined` when it is none, as after a crash. */
function parseState(text: string): ServeState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { secretHex, servers } = (value ?? {}) as Partial<ServeState>;
  if (typeof secretHex !== 'string' || !/^[0-9a-f]{64}$/.test(secretHex)) return undefined;
  return { secretHex, servers: Array.isArray(servers) ? servers.filter(isServer) : [] };
}

function isServer(value: unknown): value is RunningServer {
  const { port, pid, scope } = (value ?? {}) as Partial<RunningServer>;
  return Number.isInteger(port) && Number.isInteger(pid) && (scope === null || typeof scope === 'string');
}

async function writeState(realHome: string, state: ServeState, mode: 'create' | 'replace'): Promise<void> {
  const path = join(realHome, SERVE_FILE);
  const fresh = join(realHome, `serve.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await fs.writeFile(fresh, `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`, {
      flag: 'wx',
      mode: 0o600,
    });
    if (mode === 'replace') await fs.rename(fresh, path);
    else
      await fs.link(fresh, path).catch((cause: unknown) => {
        if (codeOf(cause) !== 'EEXIST') throw cause;
      });
  } catch (cause) {
    throw new AgentGuardError('LEDGER_UNWRITABLE', `${path} cannot be written (${codeOf(cause)}).`, {
      cause,
      hint: 'The dashboard keeps its secret there; check that this user may write to the home.',
    });
  } finally {
    await fs.rm(fresh, { force: true }).catch(() => {});
  }
}

function unsafe(path: string, what: string, cause?: unknown): AgentGuardError {
  return new AgentGuardError('HOME_UNSAFE', `${path} ${what}.`, {
    cause,
    hint: `It lets people into the dashboard. Remove it: a new one is made.`,
  });
}
