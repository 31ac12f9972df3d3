/** Tells in plain sentences why a request failed, and whether trying again may help. */
import { AgentGuardError, type ErrorCode } from '../core/errors.js';

/** What a failed try means: the error for the caller, and whether another try may succeed. */
export interface FailedTry {
  readonly error: AgentGuardError;
  readonly mayPass: boolean;
  /** What the service asked for in `Retry-After`, in milliseconds. */
  readonly waitMs?: number;
}

interface Explanation {
  readonly text: string;
  readonly hint: string;
  readonly mayPass: boolean;
}

const CHECK_NETWORK = 'Check the network; behind a proxy, set HTTPS_PROXY.';
const TLS_HINT =
  'A company proxy that opens https needs its certificate in NODE_EXTRA_CA_CERTS; otherwise do not trust this network.';

const NETWORK: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be looked up',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  ECONNREFUSED: 'it refuses the connection',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer broke off',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
};

const CERTIFICATE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it signed its own',
  SELF_SIGNED_CERT_IN_CHAIN: 'it comes from an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it comes from an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'it comes from an authority that this machine does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it comes from an authority that this machine does not know',
  CERT_HAS_EXPIRED: 'it has expired; check also the clock of this machine',
  CERT_NOT_YET_VALID: 'it is not valid yet; check the clock of this machine',
  CERT_REVOKED: 'it was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it belongs to another name',
};

/** A fault beneath HTTP, as the error for the caller. `host` is whom we asked. */
export function explainNetworkFault(host: string, cause: unknown): FailedTry {
  const { text, hint, mayPass } = explain(cause);
  const error = new AgentGuardError('NETWORK_FAILED', `${host} cannot be asked: ${text}.`, { hint, cause });
  return { error, mayPass };
}

/** The time for all tries is over. */
export function outOfTime(host: string, timeoutMs: number, last?: AgentGuardError): AgentGuardError {
  const earlier = last === undefined ? '' : ` Before that: ${last.message}`;
  const message = `${host} gave no complete answer within ${timeoutMs / 1000} s.${earlier}`;
  return new AgentGuardError('NETWORK_FAILED', message, {
    hint: last?.hint ?? 'Try again later, or allow more time with --timeout.',
    cause: last,
  });
}

/** An answer that is complete but not what was asked for. */
export function malformed(message: string, hint: string): AgentGuardError {
  return new AgentGuardError('UPSTREAM_MALFORMED', message, { hint });
}

/** An answer whose status says no. `hasKey`: the request carried a key, of which nothing is repeated. */
export function refused(
  host: string,
  status: number,
  waitMs: number | undefined,
  hasKey: boolean,
): FailedTry {
  const mayPass = status === 429 || status === 408 || status >= 500;
  const code: ErrorCode = 'UPSTREAM_REFUSED';
  const error = new AgentGuardError(code, `${host} answered with status ${status}.`, {
    hint: hintFor(status, hasKey),
  });
  return waitMs === undefined ? { error, mayPass } : { error, mayPass, waitMs };
}

function hintFor(status: number, hasKey: boolean): string {
  if (status === 429) return 'Too many requests: try again later.';
  if (status >= 500) return 'The service has a problem: try again later.';
  if (status === 407) return 'The proxy wants a name and password: put them into HTTPS_PROXY.';
  if (status === 401 && hasKey) return 'The key is not valid there: wrong, cut short, expired or deleted.';
  if (status === 403 && hasKey)
    return 'This key may not ask for it: figures of the account need a management key.';
  if (status === 401 || status === 403) return 'A firewall or proxy may stand between; prices need no key.';
  return 'Check the address.';
}

function explain(cause: unknown): Explanation {
  for (const { name, code, message } of listCauses(cause)) {
    const certificate = CERTIFICATE[code];
    if (certificate !== undefined)
      return { text: `its TLS certificate is not valid (${certificate})`, hint: TLS_HINT, mayPass: false };
    if (/^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code))
      return { text: `no TLS connection comes about (${code})`, hint: TLS_HINT, mayPass: false };
    if (name === 'HTTPParserError')
      return { text: 'its answer is not HTTP', hint: 'Check the address and the port.', mayPass: false };
    const proxy = /Proxy response \((\d+)\)/.exec(message)?.[1];
    if (proxy !== undefined) return explainProxy(Number(proxy));
    const network = NETWORK[code];
    if (network !== undefined) return { text: network, hint: CHECK_NETWORK, mayPass: true };
  }
  const [first] = listCauses(cause);
  return { text: `an unknown fault (${first?.code || 'no code'})`, hint: CHECK_NETWORK, mayPass: false };
}

function explainProxy(status: number): Explanation {
  const hint = status === 407 ? hintFor(407, false) : 'Check HTTPS_PROXY, or name the host in NO_PROXY.';
  return { text: `the proxy answered with status ${status}`, hint, mayPass: status >= 500 };
}

/** The error and what caused it, outermost first. */
function listCauses(
  cause: unknown,
): readonly { readonly name: string; readonly code: string; readonly message: string }[] {
  const found: { name: string; code: string; message: string }[] = [];
  for (let error = cause; error instanceof Error && found.length < 5; error = error.cause) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    found.push({ name: error.name, code, message: error.message });
  }
  return found;
}
