/**
 * The calls that a ledger allowed last, by id: which policies governed them, and whether a row that says it repeats one
 * does. A repeat is not downgraded any more, so a made-up one would pass soft caps. Memory is bounded.
 */
import { isObject, type JsonObject } from './json.js';
import { parseUsd, type Usd } from './money.js';

/** The last attempt of a call that was let through. */
export interface Attempt {
  readonly attempt: number;
  /** Of the policies that decided it. */
  readonly hashes: readonly string[];
  /** `undefined` where it had no bound. */
  readonly reservedUsd: Usd | undefined;
  /** What was sent, for whom: the same for every attempt of a call. */
  readonly sent: string;
}

/** What is wrong with a row's place among the attempts of its call; `forgotten`: the call may be too long ago. */
export type AttemptFault = { readonly message: string } | 'forgotten';

export interface Attempts {
  /** Remembers a decision of ours, unless it refused. */
  add(row: JsonObject, hashes: readonly string[]): void;
  findFault(row: JsonObject): AttemptFault | undefined;
  /** The attempt that a settlement ends, unless a later one was let through since, or it is too long ago. */
  find(settlement: JsonObject): Attempt | undefined;
}

/** A client repeats a call within minutes. */
const MAX_CALLS = 32_768;
const MAX_HASH_LISTS = 1_024;

export function createAttempts(maxCalls = MAX_CALLS): Attempts {
  const calls = new Map<string, Attempt>();
  /** The same few lists stand in every row. */
  const lists = new Map<string, readonly string[]>();
  let hasForgotten = false;

  function share(hashes: readonly string[]): readonly string[] {
    const key = hashes.join();
    const known = lists.get(key);
    if (known) return known;
    if (lists.size >= MAX_HASH_LISTS) lists.clear();
    lists.set(key, hashes);
    return hashes;
  }

  return {
    add(row, hashes) {
      const { decisionId, attempt, action, reservedUsd, modelResolved } = row;
      if (typeof decisionId !== 'string' || typeof attempt !== 'number' || action === 'block') return;
      calls.delete(decisionId);
      if (calls.size >= maxCalls) {
        hasForgotten = true;
        calls.delete(calls.keys().next().value ?? '');
      }
      calls.set(decisionId, {
        attempt,
        hashes: share(hashes),
        reservedUsd: typeof reservedUsd === 'string' ? parseUsd(reservedUsd) : undefined,
        sent: describe(row, modelResolved),
      });
    },
    findFault(row) {
      const { decisionId, attempt, modelRequested } = row;
      if (typeof decisionId !== 'string' || typeof attempt !== 'number') return undefined;
      const last = calls.get(decisionId);
      if (attempt === 1) return last && { message: 'The row decides again what an earlier row has decided.' };
      if (!last && hasForgotten) return 'forgotten';
      if (last?.attempt !== attempt - 1)
        return {
          message: `The row is attempt ${attempt} of a call without an attempt ${attempt - 1} before.`,
        };
      if (last.sent !== describe(row, modelRequested))
        return { message: 'The row says that it repeats a call, which was another one.' };
      return undefined;
    },
    find({ originalDecisionId, attempt = 1 }) {
      const last = typeof originalDecisionId === 'string' ? calls.get(originalDecisionId) : undefined;
      return last?.attempt === attempt ? last : undefined;
    },
  };
}

function describe({ actor, path, capabilityClaim }: JsonObject, model: JsonObject[string] | undefined) {
  // Labels in the order of their names: rows may have them in any.
  const labels = isObject(actor) ? Object.entries(actor).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
  return JSON.stringify([model ?? null, path ?? null, capabilityClaim ?? null, ...labels]);
}
