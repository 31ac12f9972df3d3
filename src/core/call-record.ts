/**
 * One call as every face shows it: its decision row and the settlement that belongs to it, in one flat record. Lists,
 * filters, roll-ups and exports are about these. All texts come from rows: hostile, escape them at the sink.
 */
import type { Usd } from './money.js';

/** Where a call stands. `held`: running or orphaned, its bound counts. `control`: no call, an operator's row. */
export const CALL_STATES = ['held', 'settled', 'released', 'blocked', 'control'] as const;
export type CallState = (typeof CALL_STATES)[number];

/** What stands in the action column; `control` rows are stops, grants, policy changes, key rotations and the like. */
export const RECORD_ACTIONS = ['allow', 'downgrade', 'shadow', 'block', 'control'] as const;
export type RecordAction = (typeof RECORD_ACTIONS)[number];

export interface CallRecord {
  readonly decisionId: string;
  /** From 1. */
  readonly attempt: number;
  /** The scope whose ledger holds it. */
  readonly scope: string;
  /** Place of the decision's row in its ledger, from 0, counted over all parts. */
  readonly row: number;
  /** Milliseconds since 1970; `NaN` when the row names no time. */
  readonly timestampMs: number;
  readonly action: RecordAction;
  /** In shadow: what would have been done. */
  readonly wouldAction: string;
  readonly state: CallState;
  /** Labels of the actor; empty where there is none. */
  readonly tenant: string;
  readonly user: string;
  readonly team: string;
  readonly agent: string;
  readonly task: string;
  readonly session: string;
  readonly workflow: string;
  readonly environment: string;
  readonly provider: string;
  readonly requested: string;
  readonly resolved: string;
  /** The model and provider that answered, where upstream said so. */
  readonly served: string;
  readonly servedProvider: string;
  readonly policy: string;
  /** Refusal code of a blocked call; what a control row does, such as `stop`. */
  readonly code: string;
  /** Scope key of the cap that decided. */
  readonly cap: string;
  readonly reason: string;
  readonly signer: string;
  /** `null`: not known. */
  readonly expectedUsd: Usd | null;
  readonly reservedUsd: Usd | null;
  readonly actualUsd: Usd | null;
  /** What it counts now: the actual cost; the bound while held; 0 when blocked or released; `null` when unknown. */
  readonly costUsd: Usd | null;
  readonly costSource: string;
  readonly outcome: string;
  readonly partial: boolean;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}
