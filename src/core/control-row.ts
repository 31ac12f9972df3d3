/** The rows that stop a ledger, end that, grant more, or tell of a policy's file (docs/receipt-format.md). Pure. */
import type { JsonObject } from './json.js';
import { printUsd, type Usd } from './money.js';
import type { Policy } from './policy.js';
import type { Selector } from './scope.js';

/** What all these rows have. */
export interface ControlFacts {
  /** UUID of the row. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  readonly tenantId: string;
}

/** An operator's word: who, and why, as they tell it themselves. */
export interface OperatorWords {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** What a grant gives. */
export interface GrantTerms {
  /** > 0. */
  readonly usd: Usd;
  /** Milliseconds since 1970; the second not included. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The calls that it is for; empty: all. */
  readonly selector: Selector;
  /** The one policy whose caps it is for. */
  readonly capPolicyId?: string | undefined;
  /** The one cap that it is for, from 0. */
  readonly capIndex?: number | undefined;
}

/** Longest `by` and `reason`, in UTF-16 code units. */
export const MAX_OPERATOR_TEXT = 256;

/** No call is allowed after this row. */
export function stopRow(facts: ControlFacts, words: OperatorWords): JsonObject {
  return { ...head(facts, 'stop'), ...wordsOf(words) };
}

/** Calls are decided again after this row. */
export function resumeRow(facts: ControlFacts, words: OperatorWords): JsonObject {
  return { ...head(facts, 'resume'), ...wordsOf(words) };
}

/** More room for a while. @throws RangeError for an amount or a span that is none */
export function grantRow(facts: ControlFacts, terms: GrantTerms, words: OperatorWords): JsonObject {
  const { usd, fromMs, untilMs, selector, capPolicyId, capIndex } = terms;
  if (usd <= 0n || untilMs <= fromMs) throw new RangeError('A grant gives more than nothing, for some time');
  return {
    ...head(facts, 'grant'),
    amountUsd: printUsd(usd),
    from: new Date(fromMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    ...(Object.keys(selector).length > 0 ? { selector: { ...selector } as JsonObject } : {}),
    ...(capPolicyId === undefined ? {} : { capPolicyId }),
    ...(capIndex === undefined ? {} : { capIndex }),
    ...wordsOf(words),
  };
}

/** The file of a policy changed, and calls are decided by what it says now. */
export function policyChangeRow(facts: ControlFacts, before: Policy, now: Policy): JsonObject {
  return { ...head(facts, 'policy'), ...policyKeys(now), policyHashBefore: before.policyHash };
}

/** The file of a policy changed into something that is none: calls are decided by the policy before it. */
export function policyRejectedRow(
  facts: ControlFacts,
  inForce: Policy,
  rejected: { readonly contentHash: string | undefined; readonly paths: readonly string[] },
): JsonObject {
  return {
    ...head(facts, 'policy_rejected'),
    ...policyKeys(inForce),
    contentHash: rejected.contentHash ?? null,
    problemPaths: rejected.paths,
  };
}

function head({ id, timestampMs, tenantId }: ControlFacts, control: string): JsonObject {
  const timestamp = new Date(timestampMs).toISOString();
  return { timestamp, actor: { tenantId }, decisionId: id, entryType: 'control', control };
}

function policyKeys({ id, version, policyHash }: Policy): JsonObject {
  return {
    policyId: id,
    policyVersion: Number.isInteger(version) ? version : String(version),
    policyHash,
  };
}

function wordsOf({ by, reason }: OperatorWords): JsonObject {
  return { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}
