/** What `verify` answers: four verdicts, problems with codes, and the chains that were found (docs/cli.md). */
import type { CapAction, CapUnit, CapWindow, PolicyMode } from './policy.js';

export type Answer = 'yes' | 'no' | 'unknown';

/** One verdict and the evidence for it, in one sentence. */
export interface Verdict {
  readonly answer: Answer;
  readonly because: string;
}

export interface Verdicts {
  readonly authentic: Verdict;
  readonly contiguous: Verdict;
  readonly complete: Verdict;
  readonly lawful: Verdict;
}

/** Every code a problem can carry. docs/receipt-format.md explains each; a test produces each. */
export const PROBLEM_CODES = [
  'NOT_JSON',
  'NOT_UTF8',
  'DUPLICATE_KEY',
  'UNSAFE_NUMBER',
  'LONE_SURROGATE',
  'TOO_DEEP',
  'LINE_TOO_LONG',
  'WRONG_TYPE',
  'HASH_MISMATCH',
  'LINK_MISMATCH',
  'LEDGER_ORDER_MISMATCH',
  'GAP',
  'DUPLICATE_SEQUENCE',
  'FORK',
  'BAD_SIGNATURE',
  'WRONG_KEY',
  'EXPIRED_KEY',
  'UNKNOWN_KEY',
  'FINGERPRINT_MISMATCH',
  'TORN_TAIL',
  'LATE_START',
  'UNSIGNED_KEY',
  'TIME_BACKWARDS',
  'UNPINNED_KEY',
  'RETIRED_KEY',
  'REVOKED_KEY',
  'PART_MISSING',
  'TRUNCATED',
  'REWRITTEN',
  'LEDGER_MISSING',
  'BAD_CHECKPOINT',
  'FRESH_KEYS',
  'UNLAWFUL_DECISION',
  'CAP_EXCEEDED',
  'POLICY_MISMATCH',
  'POLICY_REPLACED',
  'OVER_BOUND',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** `error` makes a verdict "no"; `warning` and `note` do not. */
export type Severity = 'error' | 'warning' | 'note';

export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  /** Line in the file from 1; 0 when the problem is of the file as a whole. */
  readonly line: number;
  /** Sequence of the row, or `null` when the row could not be read. */
  readonly sequence: number | null;
  /** One sentence. May quote text from the ledger: hostile, escape it at the sink. */
  readonly message: string;
}

/** The rows of one signer in one file. */
export interface ChainReport {
  /** Full public key, 64 hex; or `fingerprint:<16 hex>` when no row names the key. */
  readonly signer: string;
  readonly fingerprint: string;
  readonly rows: number;
  /** Lowest and highest sequence seen. */
  readonly first: number;
  readonly last: number;
  /** Entry hash of the last row. */
  readonly head: string;
  readonly verdicts: Verdicts;
}

export interface FileReport {
  readonly path: string;
  readonly rows: number;
  /** From our own rows; `null` for rows of others. */
  readonly ledgerId: string | null;
  readonly chains: readonly ChainReport[];
  readonly problems: readonly Problem[];
  /** How many problems there were in all: `problems` lists at most 1,000 of each file. */
  readonly problemCount: number;
  readonly verdicts: Verdicts;
  /** The caps of the policies that were brought, where they counted a call. */
  readonly caps: readonly CapReport[];
}

/** One cap and the most that was ever spent in one of its windows. Texts come from policies. */
export interface CapReport {
  /** Where the policy has it: `caps[1]`. */
  readonly cap: string;
  readonly policyId: string;
  readonly policyHash: string;
  /** Of the policy. */
  readonly mode: PolicyMode;
  readonly action: CapAction;
  readonly window: CapWindow;
  readonly scopeKey: string;
  /** A cap on money has these two, … */
  readonly limitUsd?: string;
  /** Of all windows and of all that `per` tells apart. Calls that are still running count with their bound. */
  readonly highestUsd?: string;
  /** … one on requests or tokens these three: whole numbers as text. */
  readonly unit?: CapUnit;
  readonly limit?: string;
  readonly highest?: string;
  /** Whether a row decided under the policy brought a hard cap past its limit and what was granted. */
  readonly exceeded: boolean;
}

export interface VerifyReport {
  /** No verdict is "no". */
  readonly ok: boolean;
  readonly verdicts: Verdicts;
  readonly caps: readonly CapReport[];
  readonly files: readonly FileReport[];
}

/** A key the verifier knows from elsewhere. */
export interface PinnedKey {
  /** Full public key, 64 lowercase hex. */
  readonly publicKeyHex: string;
  readonly name?: string;
  /** ISO 8601 span in which rows may be signed with it; open where absent. */
  readonly validFrom?: string;
  readonly validUntil?: string;
  /** ISO 8601 time from which the key is no longer its owner's alone. */
  readonly revokedAt?: string;
}
