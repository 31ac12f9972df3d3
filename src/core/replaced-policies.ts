/** Policies that a change of their file replaced, as the ledger tells it: what is decided under one later is worth a word. */
import type { JsonObject } from './json.js';

/** Feed it every row of ours, in order. */
export interface ReplacedPolicies {
  apply(row: JsonObject, timestampMs: number): void;
  /** A sentence about the first of these policies that was replaced well before; once for each change. */
  find(hashes: readonly string[], timestampMs: number): string | undefined;
}

/** Every process that follows the file has looked by then, also one that was waiting for room. */
const GRACE_MS = 60_000;
/** Of one ledger; the one that was replaced longest ago goes first. */
const MAX_REPLACED = 1_024;

interface Change {
  readonly atMs: number;
  readonly by: string;
}

export function createReplacedPolicies(): ReplacedPolicies {
  const replaced = new Map<string, Change>();
  return {
    apply({ control, entryType, policyHash, policyHashBefore }, timestampMs) {
      if (entryType !== 'control' || control !== 'policy') return;
      if (typeof policyHash !== 'string' || typeof policyHashBefore !== 'string') return;
      replaced.delete(policyHashBefore);
      if (replaced.size >= MAX_REPLACED) replaced.delete(replaced.keys().next().value ?? '');
      replaced.set(policyHashBefore, { atMs: timestampMs, by: policyHash });
      replaced.delete(policyHash);
    },
    find(hashes, timestampMs) {
      for (const hash of hashes) {
        const change = replaced.get(hash);
        if (!change || !(timestampMs - change.atMs > GRACE_MS)) continue;
        replaced.delete(hash);
        return `The call was decided under the policy ${hash.slice(0, 8)}…, which an earlier row says was replaced by ${change.by.slice(0, 8)}….`;
      }
      return undefined;
    },
  };
}
