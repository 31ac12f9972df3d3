/**
 * The calls of a ledger as records: a decision row and the later rows about it become one `CallRecord`. Lists, filters,
 * roll-ups and exports all read this. Nothing is proved here.
 */
import type { CallRecord, RecordAction } from './call-record.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { parseCents, parseUsd, type Usd } from './money.js';
import type { Receipt } from './receipt.js';
import type { LedgerFold } from './spend-store.js';

/** A record as it is after a row. */
export interface RecordChange {
  readonly record: CallRecord;
  /** Every row of the ledger about it so far, from 0; the decision first. */
  readonly rows: readonly number[];
  /** The first that is told about this call. */
  readonly isNew: boolean;
  /** The last: its cost is known, or nothing more will be read. */
  readonly isFinal: boolean;
}

/** Reads the rows of one ledger, in order. */
export interface RecordFold extends LedgerFold {
  /** Counts lines that are no rows, so that places keep their meaning. */
  skip(lines?: number): void;
  /** Tells each call that is still open once more, as final. Call it once, after the last row. */
  finish(): void;
}

/** The part of a row that records are made of. */
export type RecordRow = Pick<Receipt, 'decision' | 'signerFingerprint'>;

/** A call whose cost is not known for good. */
export interface OpenRecord {
  readonly record: CallRecord;
  /** Written by another program: amounts are whole cents, rounded up. */
  readonly isForeign: boolean;
}

interface OpenCall extends OpenRecord {
  record: CallRecord;
  readonly rows: number[];
}

/** More calls than ever run at once; beyond it the oldest is told as final, and a later settlement of it is not seen. */
const MAX_OPEN = 262_144;
/** Reasons of rows are as long as their writer liked. */
const MAX_REASON_LENGTH = 1000;
const ACTIONS: ReadonlySet<Json | undefined> = new Set(['allow', 'downgrade', 'shadow', 'block']);

/**
 * Tells each call when it is decided and whenever a later row changes it. `scope` names the ledger. Memory grows with
 * the calls whose cost is open, not with the ledger.
 */
export function createRecordFold(scope: string, onChange: (change: RecordChange) => void): RecordFold {
  const open = new Map<string, OpenCall>();
  let nextRow = 0;

  function begin(receipt: Receipt, timestampMs: number, row: number): void {
    const { decision } = receipt;
    const record = readDecision(receipt, timestampMs, scope, row);
    const isFinal = record.state === 'blocked' || record.decisionId === '';
    const key = keyOf(record.decisionId, record.attempt);
    // A row that was written twice is one call.
    if (open.has(key)) return;
    const rows = [row];
    if (!isFinal) open.set(key, { record, rows, isForeign: decision.formatVersion === undefined });
    onChange({ record, rows, isNew: true, isFinal });
    if (open.size > MAX_OPEN) dropOldest();
  }
  function dropOldest(): void {
    for (const [key, { record, rows }] of open) {
      open.delete(key);
      onChange({ record, rows, isNew: false, isFinal: true });
      return;
    }
  }
  function continueCall(decision: JsonObject, row: number): void {
    const key = keyOf(textOf(decision.originalDecisionId), attemptOf(decision));
    const call = open.get(key);
    if (!call) return;
    call.rows.push(row);
    const record = decision.entryType === 'settlement' ? settle(call, decision) : undefined;
    if (!record) return;
    call.record = record;
    // Of a cost that nobody knows, the truth may follow.
    const isFinal = record.costSource !== 'reserved';
    if (isFinal) open.delete(key);
    onChange({ record, rows: call.rows, isNew: false, isFinal });
  }
  return {
    apply(receipt: Receipt, timestampMs: number): void {
      const { decision } = receipt;
      const row = nextRow++;
      if (decision.entryType === undefined) begin(receipt, timestampMs, row);
      else if (decision.entryType === 'settlement' || decision.entryType === 'outcome')
        continueCall(decision, row);
      else {
        const record = readControl(receipt, timestampMs, scope, row);
        onChange({ record, rows: [row], isNew: true, isFinal: true });
      }
    },
    skip(lines = 1) {
      nextRow += lines;
    },
    finish() {
      for (const { record, rows } of open.values()) onChange({ record, rows, isNew: false, isFinal: true });
      open.clear();
    },
  };
}

/** The record of a decision's row. Feed nothing else. */
export function readDecision(
  receipt: RecordRow,
  timestampMs: number,
  scope: string,
  row: number,
): CallRecord {
  const { decision } = receipt;
  const action = (ACTIONS.has(decision.action) ? decision.action : 'allow') as RecordAction;
  const isBlocked = action === 'block';
  const isForeign = decision.formatVersion === undefined;
  const reservedUsd = amount(decision.reservedUsd);
  const foreignUsd = isForeign ? cents(decision.projectedCents) : null;
  const refusal = objectOf(decision.refusal);
  return {
    ...readPlace(receipt, timestampMs, scope, row),
    action,
    wouldAction: textOf(decision.wouldAction),
    // Rows of others hold nothing: what they projected counts until their settlement corrects it.
    state: isBlocked ? 'blocked' : foreignUsd === null ? 'held' : 'settled',
    requested: textOf(decision.modelRequested),
    resolved: textOf(decision.modelResolved),
    policy: textOf(decision.policyId),
    code: textOf(refusal.code),
    cap: textOf(decision.triggeredScopeKey),
    reason: reasonOf(decision.reasons),
    expectedUsd: amount(decision.expectedUsd) ?? foreignUsd,
    reservedUsd,
    costUsd: isBlocked ? 0n : (foreignUsd ?? reservedUsd),
    costSource: isBlocked || foreignUsd === null ? '' : 'projected',
  };
}

/** The record of a row that is no call's: an operator's, or a program's about the ledger. */
export function readControl(receipt: RecordRow, timestampMs: number, scope: string, row: number): CallRecord {
  const { decision } = receipt;
  return {
    ...readPlace(receipt, timestampMs, scope, row),
    action: 'control',
    state: 'control',
    policy: textOf(decision.policyId),
    code: textOf(decision.control) || textOf(decision.entryType),
    reason: (textOf(decision.reason) || textOf(decision.note)).slice(0, MAX_REASON_LENGTH),
    costUsd: 0n,
  };
}

/** What all rows have; the rest empty. */
function readPlace(
  { decision, signerFingerprint }: RecordRow,
  timestampMs: number,
  scope: string,
  row: number,
): CallRecord {
  const actor = objectOf(decision.actor);
  return {
    decisionId: textOf(decision.decisionId),
    attempt: attemptOf(decision),
    scope,
    row,
    timestampMs,
    action: 'allow',
    wouldAction: '',
    state: 'held',
    tenant: textOf(actor.tenantId),
    user: textOf(actor.userId),
    team: textOf(actor.teamId),
    agent: textOf(actor.agentId),
    task: textOf(actor.taskId),
    session: textOf(actor.sessionId),
    workflow: textOf(actor.workflowId),
    environment: textOf(actor.environment),
    provider: textOf(decision.provider) || textOf(actor.provider),
    requested: '',
    resolved: '',
    served: '',
    servedProvider: '',
    policy: '',
    code: '',
    cap: '',
    reason: '',
    signer: signerFingerprint,
    expectedUsd: null,
    reservedUsd: null,
    actualUsd: null,
    costUsd: null,
    costSource: '',
    outcome: '',
    partial: false,
    inputTokens: null,
    outputTokens: null,
  };
}

/** The record with its cost; `undefined` when the row says nothing new about it. Counts what counters count. */
export function settle({ record, isForeign }: OpenRecord, row: JsonObject): CallRecord | undefined {
  const costSource = textOf(row.costSource);
  // A second "we do not know" must not replace what is known.
  if (costSource === 'reserved' && record.costSource === 'reserved') return undefined;
  const actualUsd = amount(row.actualUsd) ?? (isForeign ? cents(row.actualCents) : null);
  if (actualUsd === null && row.actualUsd !== null) return undefined;
  return {
    ...record,
    state: costSource === 'released' ? 'released' : 'settled',
    served: textOf(row.servedModel),
    servedProvider: textOf(row.servedProvider),
    actualUsd,
    costUsd: actualUsd ?? record.reservedUsd,
    costSource,
    outcome: textOf(row.outcome),
    partial: row.partial === true,
    inputTokens: countOf(row.actualInputTokens),
    outputTokens: countOf(row.actualOutputTokens),
  };
}

/** Names an attempt of a call in its ledger. */
export function keyOf(decisionId: string, attempt: number): string {
  return `${decisionId}#${attempt}`;
}

/** Which attempt of a call a row is about, from 1. */
export function attemptOf({ attempt }: JsonObject): number {
  return typeof attempt === 'number' ? attempt : 1;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(value: Json | undefined): JsonObject {
  return value !== undefined && isObject(value) ? value : {};
}

function reasonOf(reasons: Json | undefined): string {
  if (!Array.isArray(reasons)) return '';
  const texts = reasons.slice(0, 20).filter((one) => typeof one === 'string');
  return texts.join('; ').slice(0, MAX_REASON_LENGTH);
}

function amount(value: Json | undefined): Usd | null {
  const usd = typeof value === 'string' ? parseUsd(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? null : usd;
}

function cents(value: Json | undefined): Usd | null {
  const usd = typeof value === 'number' ? parseCents(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? null : usd;
}

function countOf(value: Json | undefined): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
