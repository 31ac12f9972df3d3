/**
 * The gate in a `fetch`: no request that can spend leaves without a recorded, held attempt. `guardFetch` gives it to any
 * library that takes a `fetch`; `openai.ts` puts it behind the method it guards.
 */

import type { Decision } from '../core/decide.js';
import { AgentGuardError } from '../core/errors.js';
import { requestLimits } from '../core/policy-set.js';
import { type AllowedCall, type CallRequest, unknownCost } from './call.js';
import type { Guard } from './guard.js';
import { nameModel, namePath } from './labels.js';
import { lookUpCost } from './late-truth.js';
import { meterResponse } from './meter.js';
import type { PriceBook } from './price-book.js';
import { detectProvider } from './provider.js';
import { dearerQuote, type Quoter, quoteRequest, refuseQuote, refuseUnread } from './request-quote.js';
import { findReader } from './requests/index.js';
import { listNamedProviders } from './requests/provider-routes.js';
import { asksForUsage, readRequest, rewriteBody } from './requests/spend-request.js';
import type { UpstreamRefusal } from './upstream-refusal.js';
import { release } from './usage.js';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** A decided call: the body it may send, and the attempt that its next request uses. */
export interface Ticket {
  call: AllowedCall;
  readonly provider: string;
  readonly quote: Quoter;
  readonly prices: PriceBook;
  readonly asks: Pick<CallRequest, 'action' | 'listFallbacks' | 'routes'>;
  /** The body as decided, and its JSON: exactly what may be sent. `undefined` in shadow: the caller's own. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly text: string | undefined;
  /** The body that a decision allows; `undefined` in shadow. */
  readonly rewrite: (decision: Decision) => Readonly<Record<string, unknown>> | undefined;
  /** The JSON of a repeat, whose policy may by now allow other providers or prices than `text` names. */
  retryText: string | undefined;
  /** The usage event of a stream was asked for by the guard, not by the caller. */
  hidesUsage: boolean;
  /** Whether the guard asks for that event wherever it rewrites the body. */
  readonly asksForUsage: boolean;
  /** How many answers the request asks for. */
  readonly choices: number;
  sent: boolean;
  /** What upstream's last refusal asks for. */
  upstream: UpstreamRefusal | undefined;
  /** Why a request of this ticket was stopped in the gate: the method throws it instead of a connection error. */
  refusal: unknown;
}

/** A request before it is decided. `method` in upper case. */
interface AskedRequest {
  readonly method: string;
  readonly address: string;
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
}

/** Carries the ticket from the method to the gate. Not a header: nothing of ours is ever sent. */
export const TICKET = Symbol('agentguard.ticket');

/** These never spend; everything else must be known. */
export const FREE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** Wraps a `fetch`. Requests that carry a ticket use its attempt; others are decided here. */
export function createGate(guard: Guard, fetch: Fetch): Fetch {
  return async (input, init) => {
    const ticket = (init as { [TICKET]?: Ticket } | undefined)?.[TICKET];
    if (ticket) return sendTicket(guard, fetch, input, init as RequestInit, ticket);
    const request = requestOf(input);
    const method = (init?.method ?? request?.method ?? 'GET').toUpperCase();
    if (FREE_METHODS.has(method)) return fetch(input, init);
    const address = request?.url ?? String(input);
    const body = parse(await readBody(input, init));
    const signal = init?.signal ?? signalOf(input);
    const issued = await issueTicket(guard, { method, address, body, signal });
    return send(
      guard,
      fetch,
      input,
      issued.text === undefined ? init : { ...init, body: issued.text },
      issued,
    );
  };
}

/**
 * Decides one request by its address and body.
 *
 * @throws AgentGuardBlockedError when it is refused.
 */
export async function issueTicket(guard: Guard, asked: AskedRequest): Promise<Ticket> {
  const { method, address, body, signal } = asked;
  const { policies, provider: configured } = guard.setup;
  const provider = detectProvider(address, configured);
  const path = pathOf(address);
  const reader = findReader(method, path);
  const recorded = reader?.path ?? namePath(path);
  const plain = toPlain(body);
  const request = reader && readRequest(reader, plain);
  const prices = await guard.readPrices();
  const quote = request
    ? quoteRequest(request, requestLimits(policies), provider, prices)
    : reader
      ? refuseUnread()
      : refuseQuote(recorded);
  const model = nameModel(plain);
  const asks = {
    action: recorded.endsWith('/embeddings') ? 'embedding.generate' : 'llm.generate',
    listFallbacks: (sent: string) => (request && sent === request.model ? request.fallbacks : []),
    routes: request ? listNamedProviders(request.body) : [],
  } as const;
  const call = await guard.authorize({ model, provider, path: recorded, quote, prices, signal, ...asks });
  // The bound of an enforced call must hold upstream, also under a cap in shadow; the shadow mode touches nothing.
  const rewrite = ({ parts, quote: decided, routes }: Decision) =>
    request && decided.kind === 'bounded' && parts.some(({ policy }) => policy.mode === 'enforce')
      ? rewriteBody(request, decided, provider, routes)
      : undefined;
  const sent = rewrite(call.decision);
  const addsUsage = request !== undefined && asksForUsage(request, provider);
  return {
    call,
    provider,
    quote,
    prices,
    asks,
    body: sent,
    text: sent && JSON.stringify(sent),
    rewrite,
    retryText: undefined,
    asksForUsage: addsUsage,
    hidesUsage: sent !== undefined && addsUsage,
    choices: request?.choices ?? 1,
    sent: false,
    upstream: undefined,
    refusal: undefined,
  };
}

/** Releases a ticket whose request never left. */
export async function releaseUnsent(guard: Guard, ticket: Ticket): Promise<void> {
  if (!ticket.sent) await guard.settleOrWarn(ticket.call, release());
}

async function sendTicket(
  guard: Guard,
  fetch: Fetch,
  input: string | URL | Request,
  init: RequestInit,
  ticket: Ticket,
) {
  const { [TICKET]: _, ...rest } = init as RequestInit & { [TICKET]?: Ticket };
  try {
    requireUnchanged(rest.body, ticket);
    if (ticket.sent) await retryTicket(guard, ticket, rest.signal ?? undefined);
  } catch (error) {
    // An abort or a time limit while it waited is the client's own: it knows its signal and its error for it.
    if (!rest.signal?.aborted) ticket.refusal = error;
    throw error;
  }
  ticket.sent = true;
  const { retryText } = ticket;
  return send(guard, fetch, input, retryText === undefined ? rest : { ...rest, body: retryText }, ticket);
}

function requireUnchanged(body: unknown, ticket: Ticket): void {
  if (ticket.text === undefined || body === ticket.text) return;
  throw new AgentGuardError('REQUEST_CHANGED', 'the request was changed after it had been decided', {
    hint: 'remove the hook that rewrites request bodies, or use guardFetch beneath it',
  });
}

/** A client's own repeat of a request: a decision and a hold of its own, and what that decision allows to be sent. */
async function retryTicket(guard: Guard, ticket: Ticket, signal: AbortSignal | undefined): Promise<void> {
  const { call, provider, prices, asks } = ticket;
  const { path } = call.facts;
  ticket.call = await guard.authorize({
    model: call.decision.modelResolved,
    provider,
    path,
    // In shadow the body stays what the first attempt made it, whose prices may be dearer than those of now.
    quote: (model, nowMs) => dearerQuote(ticket.quote(model, nowMs), call.decision.quote),
    prices,
    ...asks,
    signal,
    retryOf: call,
  });
  const body = ticket.rewrite(ticket.call.decision);
  if (!body) return;
  ticket.retryText = JSON.stringify(body);
  ticket.hidesUsage ||= ticket.asksForUsage;
}

async function send(
  guard: Guard,
  fetch: Fetch,
  input: string | URL | Request,
  init: RequestInit | undefined,
  ticket: Ticket,
): Promise<Response> {
  const { call, choices, hidesUsage } = ticket;
  // In shadow nothing of the request is changed, and so nothing is asked for.
  const changes = (ticket.body ?? ticket.retryText) !== undefined && ticket.provider === 'openrouter';
  let response: Response;
  try {
    response = await fetch(input, changes ? askForRoutes(input, init) : init);
  } catch (error) {
    await guard.settleOrWarn(call, neverLeft(error) ? release() : unknownCost(call, outcomeOf(error)));
    throw error;
  }
  const onRefusal = (refusal: UpstreamRefusal) => {
    ticket.upstream = refusal;
  };
  const lookUp = createLookUp(guard, fetch, input, init, ticket);
  const signal = init?.signal ?? signalOf(input);
  return meterResponse(
    { guard, call, choices, hidesUsage, ceilingSent: changes, onRefusal, lookUp, signal },
    response,
  );
}

function createLookUp(
  guard: Guard,
  fetch: Fetch,
  input: string | URL | Request,
  init: RequestInit | undefined,
  { provider }: Ticket,
) {
  if (!guard.setup.lookUpBrokenAnswers || provider !== 'openrouter') return undefined;
  const address = requestOf(input)?.url ?? String(input);
  if (!URL.canParse(address)) return undefined;
  const authorization = askForRoutes(input, init).headers.get('authorization') ?? undefined;
  return (generationId: string) =>
    lookUpCost({ fetch, address, authorization, generationId, signal: guard.closing });
}

/** OpenRouter then tells which models and providers it tried before the one that answered. */
function askForRoutes(input: string | URL | Request, init: RequestInit | undefined) {
  const given = init?.headers ?? requestOf(input)?.headers;
  // Headers of another implementation are known by their entries alone.
  const headers = new Headers(isIterable(given) ? [...given] : given);
  if (!headers.has('x-openrouter-metadata')) headers.set('x-openrouter-metadata', 'enabled');
  // The body was rewritten: a length that the caller worked out no longer fits.
  headers.delete('content-length');
  return { ...init, headers };
}

/** Failures that happen before a byte of the request is on the wire. Anything else may have been billed. */
const UNSENT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
]);

/** System calls of name lookup and connecting. The same error codes from others may come after the body left. */
const CONNECT_CALLS = new Set(['connect', 'getaddrinfo']);

function neverLeft(error: unknown): boolean {
  for (
    let cause: unknown = error, depth = 0;
    cause instanceof Error && depth < 5;
    cause = cause.cause, depth++
  ) {
    const { code, syscall } = cause as { code?: unknown; syscall?: unknown };
    if (typeof code === 'string' && UNSENT_CODES.has(code)) return true;
    if (typeof syscall === 'string' && CONNECT_CALLS.has(syscall)) return true;
    if (cause instanceof AggregateError && cause.errors.length > 0 && cause.errors.every(neverLeft))
      return true;
  }
  return false;
}

function outcomeOf(error: unknown): 'aborted' | 'failed' {
  return error instanceof Error && error.name === 'AbortError' ? 'aborted' : 'failed';
}

async function readBody(
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<string | undefined> {
  const body = init?.body;
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array || body instanceof ArrayBuffer) return new TextDecoder().decode(body);
  if (body == null) return requestOf(input)?.clone().text();
  return undefined;
}

function signalOf(input: string | URL | Request): AbortSignal | undefined {
  return requestOf(input)?.signal ?? undefined;
}

/**
 * The request object that a `fetch` was given, known by its shape: there are others than the platform's own class.
 *
 * @throws TypeError for anything that is neither an address nor such an object: it could hide a call.
 */
function requestOf(input: unknown): Request | undefined {
  if (typeof input === 'string' || input instanceof URL) return undefined;
  const { href, url, method } = (input ?? {}) as { href?: unknown; url?: unknown; method?: unknown };
  if (typeof url === 'string' && typeof method === 'string') return input as Request;
  if (typeof href === 'string') return undefined;
  throw new TypeError('a guarded fetch takes an address or a Request');
}

function isIterable(value: unknown): value is Iterable<[string, string]> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** What would really be sent: no getters, no `toJSON` that answers differently the second time. */
function toPlain(body: unknown): unknown {
  const text = JSON.stringify(body);
  return text === undefined ? undefined : parse(text);
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The path without query; never the host, which the provider names. */
function pathOf(address: string): string {
  return new URL(address, 'http://localhost').pathname;
}
