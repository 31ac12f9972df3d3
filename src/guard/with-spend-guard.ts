/** The two ways to guard calls over HTTP: a client of the `openai` package, or a `fetch` for any other library. */
import type { AllowedCall } from './call.js';
import { createGate, type Fetch } from './gate.js';
import { Guard } from './guard.js';
import { type Guarded, guardClient } from './openai.js';
import { type CallContext, type GuardOptions, readOptions } from './options.js';
import { enforceAction, type OwnAction } from './own-action.js';

/**
 * Returns a copy of an OpenAI-compatible client whose every call is decided, recorded and settled. Synchronous: files
 * are opened at the first call. The copy has the client's own type, plus `$guard`.
 *
 * @throws AgentGuardError POLICY_INVALID, SCOPE_MISMATCH, KEY_MISMATCH, UNSUPPORTED_CLIENT.
 * @throws TypeError, RangeError when an option is not what it should be.
 */
export function withSpendGuard<T extends object>(client: T, options: GuardOptions): Guarded<T> {
  return guardClient(client, new Guard(readOptions(options)));
}

/** A guarded `fetch`. */
export interface GuardedFetch extends Fetch {
  readonly $guard: {
    /** The same `fetch` for calls with other labels. */
    with(context: CallContext): GuardedFetch;
    /** Decides something that is no model call, such as a payment, and settles its cost at once. */
    enforce(action: Omit<OwnAction, 'hold'>): Promise<AllowedCall>;
    /** Settles what is still running as unknown, flushes, and lets go of the ledger. */
    close(): Promise<void>;
  };
}

/**
 * Wraps a `fetch` for libraries that take one. Each request is one decision; a refusal rejects with
 * `AgentGuardBlockedError`.
 *
 * @throws as `withSpendGuard`.
 */
export function guardFetch(fetch: Fetch, options: GuardOptions): GuardedFetch {
  if (typeof fetch !== 'function') throw new TypeError('guardFetch: fetch must be a function');
  return wrapFetch(fetch, new Guard(readOptions(options)));
}

function wrapFetch(fetch: Fetch, guard: Guard): GuardedFetch {
  const $guard = {
    with: (context: CallContext) => wrapFetch(fetch, guard.view(context)),
    enforce: (action: Omit<OwnAction, 'hold'>) => enforceAction(guard, { ...action, hold: false }),
    close: () => guard.close(),
  };
  return Object.assign(createGate(guard, fetch), { $guard });
}
