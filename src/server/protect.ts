/**
 * What every request must pass before anything is looked at (docs/threat-model.md "The dashboard"): Host first, then
 * method, length, Origin, where the browser says that it comes from, and for data the cookie.
 */
import type { MiddlewareHandler } from 'hono';
import type { ErrorAnswer } from '../core/dashboard.js';
import type { Passes } from './passes.js';

/** Longest path with query, in characters. */
export const MAX_URL_LENGTH = 8_192;

/** Sent with every answer, also with refusals. Documents replace the content policy by their own. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-store',
};

export interface Protection {
  readonly passes: Passes;
  /** Values that the Host header may have, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Browsers tell where a request comes from only to addresses that they trust, of which loopback is one. */
  readonly isLoopback: boolean;
}

interface Refusal {
  readonly status: 401 | 403 | 405 | 414 | 421;
  readonly code: string;
  readonly message: string;
}

/** The first handler of the app. Nothing is served, read or logged for a request that it refuses. */
export function createProtect(protection: Protection): MiddlewareHandler {
  return async (c, next) => {
    const refusal = judge(c.req.raw, protection);
    if (refusal) {
      if (refusal.status === 405) c.header('Allow', 'GET, HEAD');
      const { status, code, message } = refusal;
      c.res = c.json({ error: { code, message } } satisfies ErrorAnswer, status);
    } else await next();
    for (const [name, value] of Object.entries(SAFE_HEADERS))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  };
}

/** Why a request is refused; `undefined` when it passes. */
function judge({ method, url, headers }: Request, protection: Protection): Refusal | undefined {
  const { hosts, passes, isLoopback } = protection;
  const host = headers.get('host')?.toLowerCase() ?? '';
  if (!hosts.has(host)) return refuse(421, 'host_refused', 'This name is not an address of this dashboard.');
  if (method !== 'GET' && method !== 'HEAD')
    return refuse(405, 'method_refused', 'The dashboard only answers GET and HEAD.');
  const { pathname, search } = new URL(url);
  if (pathname.length + search.length > MAX_URL_LENGTH)
    return refuse(414, 'address_too_long', `An address has at most ${MAX_URL_LENGTH} characters here.`);
  const origin = headers.get('origin');
  if (origin !== null && origin.toLowerCase() !== `http://${host}`)
    return refuse(403, 'origin_refused', 'Other pages may not ask this dashboard.');
  const isData = pathname === '/api' || pathname.startsWith('/api/');
  if (!mayComeFrom(headers.get('sec-fetch-site'), isData && isLoopback))
    return refuse(403, 'site_refused', 'Type the address into the browser; other pages may not lead here.');
  if (isData && !passes.hasCookie(headers.get('cookie') ?? undefined))
    return refuse(
      401,
      'session_required',
      'Run "agentguard serve" once more and open the link that it prints.',
    );
  return undefined;
}

/** The word of a browser, which pages cannot forge: data only for the own page, documents also for a typed address. */
function mayComeFrom(site: string | null, isStrict: boolean): boolean {
  return isStrict ? site === 'same-origin' : site === null || site === 'same-origin' || site === 'none';
}

function refuse(status: Refusal['status'], code: string, message: string): Refusal {
  return { status, code, message };
}
