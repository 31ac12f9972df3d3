/**
 * The way out of this machine: directly, or through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name.
 * Node's own `fetch` does not look at them, hence undici.
 */
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { AgentGuardError } from '../core/errors.js';
import { parseAddress } from './address.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const CONNECT_TIMEOUT_MS = 10_000;
/** Longest silence between two pieces of an answer. */
const SILENCE_TIMEOUT_MS = 30_000;

/** Connections by the proxy settings in `env`; lower-case names win. @throws AgentGuardError NETWORK_FAILED */
export function createDispatcher(env: Environment): Dispatcher {
  return new EnvHttpProxyAgent({
    httpProxy: readProxy(env, 'HTTP_PROXY'),
    httpsProxy: readProxy(env, 'HTTPS_PROXY'),
    noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
  });
}

/** Empty when none is set: undici would else look into the environment of the process itself. */
function readProxy(env: Environment, name: string): string {
  const value = env[name.toLowerCase()] ?? env[name] ?? '';
  if (value === '') return '';
  const url = parseAddress(value.includes('://') ? value : `http://${value}`);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href;
  // The value itself is not repeated: it may hold a password.
  throw new AgentGuardError('NETWORK_FAILED', `${name} is not the address of an http or https proxy.`, {
    hint: `Set ${name} to something like http://proxy.example:3128, or leave it empty.`,
  });
}
