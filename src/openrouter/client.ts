/**
 * A read-only client of OpenRouter's own numbers: GET only, tries again with growing pauses, and ends within one time
 * limit for everything it does (docs/pricing.md).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentGuardError } from '../core/errors.js';
import { outOfTime } from './failure.js';
import { type JsonAnswer, requireAddress, tryGetJson, type Validators } from './http-get.js';
import { createDispatcher, type Environment } from './proxy.js';

export interface ClientOptions {
  /** For `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. */
  readonly env: Environment;
  /** For everything together: all tries, redirects and pauses of all requests. Milliseconds, > 0. */
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends everything early, with its reason. */
  readonly signal?: AbortSignal;
  /** In [0, 1): spreads the pauses of many machines whose cron starts at the same minute. */
  readonly random?: () => number;
  /** Pause before the second try; each further one is twice as long. Milliseconds. */
  readonly firstPauseMs?: number;
  /** Hears of each failed try that is followed by another. */
  readonly onRetry?: (error: AgentGuardError, pauseMs: number) => void;
}

export interface Client {
  /**
   * @throws AgentGuardError NETWORK_FAILED, UPSTREAM_REFUSED or UPSTREAM_MALFORMED; TypeError when the address is not
   *   https and not on this machine; the reason of `signal`.
   */
  getJson(url: URL, validators?: Validators): Promise<JsonAnswer>;
  close(): Promise<void>;
}

const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 500;
/** No longer pause is made, whatever `Retry-After` says. */
const MAX_PAUSE_MS = 30_000;

/** Starts the clock: `timeoutMs` counts from here. @throws AgentGuardError NETWORK_FAILED for a bad proxy setting */
export function createClient(options: ClientOptions): Client {
  const { timeoutMs, random = Math.random, firstPauseMs = FIRST_PAUSE_MS } = options;
  const dispatcher = createDispatcher(options.env);
  const endsAt = performance.now() + timeoutMs;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;

  async function getJson(url: URL, validators: Validators = {}): Promise<JsonAnswer> {
    requireAddress(url);
    let last: AgentGuardError | undefined;
    try {
      for (let tries = 1; ; tries++) {
        const tried = await tryGetJson(url, {
          dispatcher,
          signal,
          validators,
          headers: options.headers ?? {},
        });
        if (tried.ok) return tried.answer;
        last = tried.error;
        const pauseMs = tried.waitMs ?? firstPauseMs * 2 ** (tries - 1) * (0.5 + random() / 2);
        const isWorthIt = pauseMs <= MAX_PAUSE_MS && performance.now() + pauseMs < endsAt;
        if (!tried.mayPass || tries === MAX_TRIES || !isWorthIt) throw last;
        options.onRetry?.(last, pauseMs);
        await sleep(pauseMs, undefined, { signal });
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw deadline.aborted ? outOfTime(url.host, timeoutMs, last) : error;
    }
  }
  return { getJson, close: () => dispatcher.destroy() };
}
