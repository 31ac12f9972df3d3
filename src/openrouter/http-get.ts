/** One GET: redirects followed as far as they are safe, the body read whole and bounded, faults told apart. */
import { type Dispatcher, request } from 'undici';
import type { Json } from '../core/json.js';
import { findAddressFault, findRedirectFault, parseAddress, showAddress } from './address.js';
import { explainNetworkFault, type FailedTry, malformed, refused } from './failure.js';
import { collectBody, parseJsonBody } from './json-body.js';

/** What a service told about the age of its answer, to be asked with next time. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** A whole JSON answer, or that nothing changed since the validators that were sent. */
export type JsonAnswer =
  | { readonly kind: 'fresh'; readonly json: Json; readonly validators: Validators }
  | { readonly kind: 'unchanged' };

export interface GetOptions {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly validators: Validators;
}

type Tried = { readonly ok: true; readonly answer: JsonAnswer } | ({ readonly ok: false } & FailedTry);

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_VALIDATOR_LENGTH = 256;

/**
 * Tries once. @throws AgentGuardError UPSTREAM_MALFORMED when the answer cannot be what was asked for; `signal`'s reason
 */
export async function tryGetJson(start: URL, options: GetOptions): Promise<Tried> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    // A key is for whom it was meant: a redirect to somebody else does not take it along.
    const headers = url.origin === start.origin ? options.headers : {};
    const step = await trySend(url, { ...options, headers });
    if ('ok' in step) return step;
    url = step.next;
  }
  throw malformed(`${start.host} redirects more than ${MAX_REDIRECTS} times.`, 'Check the address.');
}

async function trySend(url: URL, options: GetOptions): Promise<Tried | { readonly next: URL }> {
  const { headers } = options;
  try {
    const response = await request(url, {
      dispatcher: options.dispatcher,
      signal: options.signal,
      headers: { accept: 'application/json', ...headers, ...printConditions(options.validators) },
    });
    return await readResponse(url, response, options);
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason;
    if (!isFault(cause)) throw cause;
    return { ok: false, ...explainNetworkFault(url.host, cause) };
  }
}

async function readResponse(url: URL, response: Dispatcher.ResponseData, options: GetOptions) {
  const { statusCode, headers, body } = response;
  if (statusCode === 200) {
    const bytes = await collectBody(url.host, body, readSize(headers['content-length']));
    const json = parseJsonBody(url.host, bytes, text(headers['content-type']));
    return { ok: true, answer: { kind: 'fresh', json, validators: readValidators(headers) } } as const;
  }
  // Nothing of another answer is of use, and it may be endless.
  body.on('error', () => {}).destroy();
  if (REDIRECTS.has(statusCode)) return { next: readRedirect(url, text(headers.location)) };
  const hasKey = options.headers.authorization !== undefined;
  if (statusCode === 304 && Object.keys(options.validators).length > 0)
    return { ok: true, answer: { kind: 'unchanged' } } as const;
  return {
    ok: false,
    ...refused(url.host, statusCode, readRetryAfter(headers['retry-after']), hasKey),
  } as const;
}

function readRedirect(from: URL, location: string): URL {
  const to = parseAddress(location, from);
  if (to === undefined) throw malformed(`${from.host} redirects to nowhere.`, 'Check the address.');
  const fault = findRedirectFault(from, to);
  if (fault !== undefined)
    throw malformed(`${from.host} redirects to ${showAddress(to)}, which ${fault}.`, 'Check the address.');
  return to;
}

/** @throws TypeError when the address may not be asked */
export function requireAddress(url: URL): void {
  const fault = findAddressFault(url);
  if (fault !== undefined) throw new TypeError(`${showAddress(url)} ${fault}`);
}

function printConditions({ etag, lastModified }: Validators): Record<string, string> {
  return {
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  };
}

function readValidators(headers: Dispatcher.ResponseData['headers']): Validators {
  const etag = text(headers.etag);
  const lastModified = text(headers['last-modified']);
  return {
    ...(isValidator(etag) ? { etag } : {}),
    ...(isValidator(lastModified) ? { lastModified } : {}),
  };
}

/** It is sent back as a header one day: only visible ASCII, and short. */
function isValidator(value: string): boolean {
  return value.length <= MAX_VALIDATOR_LENGTH && /^[\x20-\x7e]+$/.test(value);
}

/** Seconds only: a date would need a clock, and nobody sends one here. */
function readRetryAfter(value: string | string[] | undefined): number | undefined {
  return /^\d{1,6}$/.test(text(value)) ? Number(value) * 1000 : undefined;
}

function readSize(value: string | string[] | undefined): number | undefined {
  return /^\d{1,15}$/.test(text(value)) ? Number(value) : undefined;
}

function text(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Whether the error comes from the network, not from here. */
function isFault(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && !('hint' in cause);
}
