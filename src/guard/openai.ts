/**
 * What the `openai` client calls things. The guarded client is a copy with the gate in its `fetch` and the decision at
 * `request()`, through which every method passes: a refusal reaches the caller as itself, once, in every calling style.
 */
import { AgentGuardError } from '../core/errors.js';
import { printUsdPerMtok } from '../core/money.js';
import { AgentGuardBlockedError, adoptPrototype } from './blocked-error.js';
import {
  createGate,
  type Fetch,
  FREE_METHODS,
  issueTicket,
  releaseUnsent,
  TICKET,
  type Ticket,
} from './gate.js';
import type { Guard } from './guard.js';
import type { CallContext } from './options.js';

/** What a guarded client has besides its own members. */
export interface GuardHandle<T> {
  /** The same client for calls with other labels, such as `{ taskId, sessionId, capabilityClaim }`. Cheap. */
  with(context: CallContext): Guarded<T>;
  /** Settles what is still running as unknown, flushes, and lets go of the ledger. */
  close(): Promise<void>;
}

export type Guarded<T> = T & { readonly $guard: GuardHandle<T> };

interface RequestOptions {
  readonly method: string;
  readonly path: string;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null;
  readonly fetchOptions?: object;
}

interface AnswerPromise {
  asResponse(): Promise<unknown>;
}

/** The members of an OpenAI-compatible client that the guard needs. */
interface Client {
  readonly baseURL: string;
  readonly fetch?: Fetch;
  readonly chat: { readonly completions: { create: unknown } };
  withOptions(options: object): Client;
  request(options: unknown, remainingRetries?: number | null): AnswerPromise;
  makeRequest?(options: unknown, retriesRemaining: unknown, retryOf: unknown): Promise<unknown>;
  buildURL?(path: string, query: unknown): string;
}

/**
 * Makes a guarded copy of a client; the client itself stays as it is.
 *
 * @throws AgentGuardError UNSUPPORTED_CLIENT when the client does not have the members of the `openai` package.
 */
export function guardClient<T extends object>(client: T, guard: Guard): Guarded<T> {
  const source = readClient(client);
  return copyClient<T>(source, guard, source.fetch ?? globalThis.fetch, {});
}

function readClient(client: object): Client {
  const { chat, withOptions, request, baseURL } = client as Partial<Client>;
  const fits =
    typeof withOptions === 'function' &&
    typeof request === 'function' &&
    typeof baseURL === 'string' &&
    typeof chat?.completions?.create === 'function';
  if (!fits)
    throw new AgentGuardError(
      'UNSUPPORTED_CLIENT',
      'this client does not look like one of the openai package',
      {
        hint: 'pass a client of openai 5 or 6, or give guardFetch(fetch, …) to a library that takes a fetch',
      },
    );
  if ('$guard' in client)
    throw new AgentGuardError('UNSUPPORTED_CLIENT', 'this client is guarded already', {
      hint: 'guard the original client, or use client.$guard.with(…) for other labels',
    });
  return client as Client;
}

function copyClient<T>(source: Client, guard: Guard, fetch: Fetch, options: object): Guarded<T> {
  const { withOptions } = Object.getPrototypeOf(source) as Client;
  const copy = withOptions.call(source, { ...options, fetch: createGate(guard, fetch) });
  const base = Object.getPrototypeOf(copy) as Client;
  const handle: GuardHandle<T> = {
    with: (context) => copyClient(copy, guard.view(context), fetch, {}),
    close: () => guard.close(),
  };
  const members: Partial<Client> & { $guard: GuardHandle<T> } = {
    $guard: handle,
    request: (requested, remainingRetries) => requestGuarded(copy, base, guard, requested, remainingRetries),
    withOptions: (changed: { fetch?: Fetch }) =>
      copyClient<Client>(copy, guard, changed?.fetch ?? fetch, changed),
  };
  const { makeRequest } = base;
  if (makeRequest)
    members.makeRequest = (...args) => throwRefusal(args[0], () => makeRequest.apply(copy, args));
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(copy, name, { value, enumerable: false, configurable: false, writable: false });
  return copy as unknown as Guarded<T>;
}

/** Decides before the client builds its request; the client awaits its options, so its own promise type survives. */
function requestGuarded(
  copy: Client,
  base: Client,
  guard: Guard,
  requested: unknown,
  remainingRetries: number | null | undefined,
): AnswerPromise {
  let ticket: Ticket | undefined;
  const decided = Promise.resolve(requested).then(async (options) => {
    const known = options as RequestOptions;
    ticket = await decideRequest(copy, guard, known);
    if (!ticket) return known;
    const fetchOptions = { ...known.fetchOptions, [TICKET]: ticket };
    return { ...known, ...(ticket.body ? { body: ticket.body } : {}), fetchOptions };
  });
  const answer = base.request.call(copy, decided, remainingRetries ?? null);
  // `asResponse` looks at the outcome without reading the body; the caller still gets the error itself.
  answer.asResponse().then(undefined, () => {
    if (ticket) releaseUnsent(guard, ticket).catch((error: Error) => process.emitWarning(error));
  });
  return answer;
}

/** The ticket of a request that may spend; none for one that cannot, or that was aborted while it waited. */
async function decideRequest(
  copy: Client,
  guard: Guard,
  options: RequestOptions,
): Promise<Ticket | undefined> {
  const method = options.method.toUpperCase();
  if (FREE_METHODS.has(method)) return undefined;
  const address = copy.buildURL
    ? copy.buildURL(options.path, options.query)
    : `${copy.baseURL}${options.path}`;
  const signal = options.signal ?? undefined;
  try {
    return await issueTicket(guard, { method, address, body: options.body, signal });
  } catch (error) {
    // The client sees that its signal is aborted and throws its own error for it.
    if (signal?.aborted) return undefined;
    const { OpenAIError } = copy.constructor as { OpenAIError?: unknown };
    throw error instanceof AgentGuardBlockedError ? adoptPrototype(error, OpenAIError) : error;
  }
}

/** A stop in the gate looks like a broken connection to the client: this hands on what it really was. */
async function throwRefusal(options: unknown, send: () => Promise<unknown>): Promise<unknown> {
  const { fetchOptions } = ((await options) ?? {}) as { fetchOptions?: { [TICKET]?: Ticket } };
  const ticket = fetchOptions?.[TICKET];
  if (ticket?.refusal) throw ticket.refusal;
  try {
    return await send();
  } catch (error) {
    if (ticket?.refusal) throw ticket.refusal;
    throw explainCeiling(error, ticket);
  }
}

/** A refusal that our own price ceiling most likely caused keeps its type and words, and says so beside them. */
function explainCeiling(error: unknown, ticket: Ticket | undefined): unknown {
  const { quote } = ticket?.call.decision ?? {};
  if (ticket?.upstream?.cause !== 'price_ceiling' || quote?.kind !== 'bounded' || !(error instanceof Error))
    return error;
  const prices = `$${printUsdPerMtok(quote.admit.inputUsd)} input and $${printUsdPerMtok(quote.admit.outputUsd)} output`;
  const hint = `no endpoint of ${quote.model} may be as cheap as the price the guard knows: ${prices} per million tokens; correct the price, or set priceHeadroom above 1 in the policy`;
  return Object.assign(error, { agentguard: { code: 'price_ceiling', hint } });
}
