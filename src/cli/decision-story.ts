/**
 * One decision read back from its rows: the decision, its attempts and settlements, and the arithmetic of its caps.
 * Everything comes from a file and may be anything: what is not as expected is `null`, never an error.
 */
import type { Json, JsonObject } from '../core/json.js';
import { parseUsd, printUsd, type Usd } from '../core/money.js';
import { isObject, ownValue } from '../core/receipt.js';
import type { FoundRow } from './ledger-scan.js';

/** One cap against the call. Amounts in US dollars. */
export interface CapStory {
  readonly action: string;
  readonly window: string;
  readonly scopeKey: string;
  readonly limitUsd: Usd;
  readonly spentUsd: Usd;
  readonly heldUsd: Usd;
  readonly addsUsd: Usd;
  readonly tripped: boolean;
  readonly resetsAt: string | null;
  readonly reason: string | null;
}

export interface SettlementStory {
  readonly line: number;
  readonly attempt: number;
  readonly costSource: string | null;
  readonly outcome: string | null;
  readonly actualUsd: string | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly servedModel: string | null;
  readonly servedProvider: string | null;
  readonly partial: boolean;
  readonly overBound: boolean;
}

/** Everything that the rows of one decision say. */
export interface DecisionStory {
  /** The row that is told; of several attempts the last. */
  readonly row: FoundRow;
  readonly caps: readonly CapStory[];
  /** Lines of all attempts, in order. */
  readonly attempts: readonly { readonly line: number; readonly attempt: number; readonly action: string }[];
  readonly settlements: readonly SettlementStory[];
}

/** Puts the rows of one decision together. `undefined` when none of them is a decision. */
export function composeStory(rows: readonly FoundRow[]): DecisionStory | undefined {
  const decisions = rows.filter((row) => isDecision(row.receipt.decision));
  const row = decisions.at(-1);
  if (!row) return undefined;
  return {
    row,
    caps: readCaps(row.receipt.decision),
    attempts: decisions.map(({ line, receipt }) => ({
      line,
      attempt: numberAt(receipt.decision, 'attempt') ?? 1,
      action: textAt(receipt.decision, 'action') ?? 'unknown',
    })),
    settlements: rows
      .filter(({ receipt }) => textAt(receipt.decision, 'entryType') === 'settlement')
      .map(readSettlement),
  };
}

/** Whether a row is a decision and not a later word about one. */
export function isDecision(decision: JsonObject): boolean {
  return ownValue(decision, 'entryType') === undefined && textAt(decision, 'decisionId') !== null;
}

/** What stands in the window with this call. */
export function totalOf({ spentUsd, heldUsd, addsUsd }: CapStory): Usd {
  return spentUsd + heldUsd + addsUsd;
}

/** The caps as `--json` tells them: exact decimal strings. */
export function describeCap(cap: CapStory) {
  const total = totalOf(cap);
  return {
    action: cap.action,
    window: cap.window,
    scopeKey: cap.scopeKey,
    tripped: cap.tripped,
    limitUsd: printUsd(cap.limitUsd),
    spentUsd: printUsd(cap.spentUsd),
    heldUsd: printUsd(cap.heldUsd),
    addsUsd: printUsd(cap.addsUsd),
    totalUsd: printUsd(total),
    overUsd: printUsd(total > cap.limitUsd ? total - cap.limitUsd : 0n),
    leftUsd: printUsd(total > cap.limitUsd ? 0n : cap.limitUsd - total),
    resetsAt: cap.resetsAt,
  };
}

/** Text at a key, or `null`. */
export function textAt(object: JsonObject, key: string): string | null {
  const value = ownValue(object, key);
  return typeof value === 'string' ? value : null;
}

/** A number at a key, or `null`. */
export function numberAt(object: JsonObject, key: string): number | null {
  const value = ownValue(object, key);
  return typeof value === 'number' ? value : null;
}

/** The texts of an array at a key. */
export function textsAt(object: JsonObject, key: string): readonly string[] {
  const value = ownValue(object, key);
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** An object at a key, or an empty one. */
export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = ownValue(object, key);
  return isObject(value) ? value : {};
}

/** An amount in US dollars at a key, or `undefined`. */
export function usdAt(object: JsonObject, key: string): Usd | undefined {
  const text = textAt(object, key);
  return text === null ? undefined : parseUsd(text, 'up');
}

function readCaps(decision: JsonObject): readonly CapStory[] {
  const list: Json | undefined = ownValue(decision, 'caps');
  if (!Array.isArray(list)) return [];
  const triggered = objectAt(decision, 'triggeredCap');
  return list.filter(isObject).flatMap((entry) => {
    const limitUsd = usdAt(entry, 'limitUsd');
    const addsUsd = usdAt(entry, 'addsUsd');
    if (limitUsd === undefined || addsUsd === undefined) return [];
    const isTriggered =
      numberAt(triggered, 'index') !== null && numberAt(triggered, 'index') === numberAt(entry, 'index');
    return [
      {
        action: textAt(entry, 'action') ?? 'unknown',
        window: textAt(entry, 'window') ?? 'unknown',
        scopeKey: textAt(entry, 'scopeKey') ?? '',
        limitUsd,
        spentUsd: usdAt(entry, 'spentUsd') ?? 0n,
        heldUsd: usdAt(entry, 'heldUsd') ?? 0n,
        addsUsd,
        tripped: ownValue(entry, 'tripped') === true,
        resetsAt: textAt(entry, 'resetsAt'),
        reason: isTriggered ? textAt(triggered, 'reason') : null,
      },
    ];
  });
}

function readSettlement({ line, receipt: { decision } }: FoundRow): SettlementStory {
  return {
    line,
    attempt: numberAt(decision, 'attempt') ?? 1,
    costSource: textAt(decision, 'costSource'),
    outcome: textAt(decision, 'outcome'),
    actualUsd: textAt(decision, 'actualUsd'),
    inputTokens: numberAt(decision, 'actualInputTokens'),
    outputTokens: numberAt(decision, 'actualOutputTokens'),
    servedModel: textAt(decision, 'servedModel'),
    servedProvider: textAt(decision, 'servedProvider'),
    partial: ownValue(decision, 'partial') === true,
    overBound: ownValue(decision, 'overBound') === true,
  };
}
