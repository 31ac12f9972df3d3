/**
 * What the `openai` client calls things. The guarded client is a copy with the gate in its `fetch` and the decision at
 * `makeRequest()`, through which every method, list and retry passes: a refusal reaches the caller as itself, once, in
 * every calling style.
 */
import { AgentGuardError } from '../core/errors.js';
import { printUsdPerMtok } from '../core/money.js';
import { AgentGuardBlockedError, adoptPrototype } from './blocked-error.js';
import type { AllowedCall } from './call.js';
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
import { enforceAction, type OwnAction } from './own-action.js';

/** What a guarded client has besides its own members. */
export interface GuardHandle<T> {
  /** The same client for calls with other labels, such as `{ taskId, sessionId, capabilityClaim }`. Cheap. */
  with(context: CallContext): Guarded<T>;
  /** Decides something that is no model call, such as a payment, and settles its cost at once. Rejects as the calls do. */
  enforce(action: Omit<OwnAction, 'hold'>): Promise<AllowedCall>;
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

/** The members of an OpenAI-compatible client that the guard needs. */
interface Client {
  readonly baseURL: string;
  readonly fetch?: Fetch;
  readonly chat: { readonly completions: { create: unknown } };
  withOptions(options: object): Client;
  makeRequest(options: unknown, retriesRemaining: unknown, retryOf: unknown): Promise<unknown>;
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
  const { chat, withOptions, makeRequest, baseURL } = client as Partial<Client>;
  const fits =
    typeof withOptions === 'function' &&
    typeof makeRequest === 'function' &&
    typeof baseURL === 'string' &&
    typeof chat?.completions?.create === 'function';
  if (!fits)
    throw unsupported(
      'this client does not look like one of the openai package',
      'pass a client of openai 5 or 6, or give guardFetch(fetch, …) to a library that takes a fetch',
    );
  if ('$guard' in client)
    throw unsupported(
      'this client is guarded already',
      'guard the original client, or use client.$guard.with(…) for other labels',
    );
  if (Object.hasOwn(chat.completions, 'create'))
    throw unsupported(
      'chat.completions.create of this client was replaced, and a guarded copy would not have the replacement',
      'guard the client first and replace the method on the guarded one',
    );
  return client as Client;
}

function unsupported(message: string, hint: string, cause?: unknown): AgentGuardError {
  return new AgentGuardError('UNSUPPORTED_CLIENT', message, cause === undefined ? { hint } : { hint, cause });
}

function copyClient<T>(source: Client, guard: Guard, fetch: Fetch, options: object): Guarded<T> {
  const copy = cloneClient(source, { ...options, fetch: createGate(guard, fetch) });
  const base = Object.getPrototypeOf(copy) as Client;
  const handle: GuardHandle<T> = {
    with: (context) => copyClient(copy, guard.view(context), fetch, {}),
    enforce: (action) => enforceAction(guard, { ...action, hold: false }),
    close: () => guard.close(),
  };
  const members: Partial<Client> & { $guard: GuardHandle<T> } = {
    $guard: handle,
    makeRequest: (...args) => requestGuarded(copy, base, guard, args),
    withOptions: (changed: { fetch?: Fetch }) =>
      copyClient<Client>(copy, guard, changed?.fetch ?? fetch, changed),
  };
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(copy, name, { value, enumerable: false, configurable: false, writable: false });
  return copy as unknown as Guarded<T>;
}

/** The client's own copy of itself, with what was set on it after it was made, and what a subclass added. */
function cloneClient(source: Client, options: object): Client {
  const { withOptions } = Object.getPrototypeOf(source) as Client;
  let copy: Client;
  try {
    copy = withOptions.call(source, options);
  } catch (cause) {
    const hint = 'give guardFetch(fetch, …) to it as its fetch option instead';
    throw unsupported(`this client cannot be copied: ${(cause as Error).message}`, hint, cause);
  }
  const fields = copy as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(source)) {
    const isPlain = typeof value !== 'object' && typeof value !== 'function';
    const isSetLater = isPlain && value !== fields[name] && !(name in options);
    if (isSetLater || !(name in copy)) fields[name] = value;
  }
  return copy;
}

/**
 * Decides before the client builds its request, unless an earlier attempt was decided. A stop in the gate looks like a
 * broken connection to the client: what it really was is handed on instead.
 */
async function requestGuarded(
  copy: Client,
  base: Client,
  guard: Guard,
  [requested, retriesRemaining, retryOf]: Parameters<Client['makeRequest']>,
): Promise<unknown> {
  const options = (await requested) as RequestOptions;
  const carried = (options.fetchOptions as { [TICKET]?: Ticket } | undefined)?.[TICKET];
  const ticket = carried ?? (await decideRequest(copy, guard, options));
  if (!ticket) return base.makeRequest.call(copy, options, retriesRemaining, retryOf);
  if (ticket.refusal) throw ticket.refusal;
  const fetchOptions = { ...options.fetchOptions, [TICKET]: ticket };
  const decided = { ...options, ...(ticket.body ? { body: ticket.body } : {}), fetchOptions };
  try {
    return await base.makeRequest.call(copy, decided, retriesRemaining, retryOf);
  } catch (error) {
    await releaseUnsent(guard, ticket);
    throw ticket.refusal ?? explainCeiling(error, ticket);
  }
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

/** A refusal that our own price ceiling most likely caused keeps its type and words, and says so beside them. */
function explainCeiling(error: unknown, ticket: Ticket | undefined): unknown {
  const { quote } = ticket?.call.decision ?? {};
  if (ticket?.upstream?.cause !== 'price_ceiling' || quote?.kind !== 'bounded' || !(error instanceof Error))
    return error;
  const prices = `$${printUsdPerMtok(quote.admit.inputUsd)} input and $${printUsdPerMtok(quote.admit.outputUsd)} output`;
  const hint = `no endpoint of ${quote.model} may be as cheap as the price the guard knows: ${prices} per million tokens; correct the price, or set priceHeadroom above 1 in the policy`;
  return Object.assign(error, { agentguard: { code: 'price_ceiling', hint } });
}
