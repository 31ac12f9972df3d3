/**
 * One decision read back from its rows: the decision, its attempts and settlements, and the arithmetic of its caps.
 * Everything comes from a file and may be anything: what is not as expected is `null`, never an error.
 */
import { isObject, type Json, type JsonObject } from '../core/json.js';
import { parseUsd, printUsd, type Usd } from '../core/money.js';
import { CAP_UNITS, type CapUnit } from '../core/policy.js';
import { ownValue } from '../core/receipt.js';
import type { FoundRow } from './ledger-scan.js';

const COUNT = /^\d{1,40}$/;

/** One cap against the call. Amounts are in its unit: US dollars, requests or tokens. */
export interface CapStory {
  readonly unit: CapUnit;
  readonly action: string;
  readonly window: string;
  readonly scopeKey: string;
  /** With what grants add. */
  readonly limit: bigint;
  /** What of it comes from grants. */
  readonly granted: bigint;
  readonly spent: bigint;
  readonly held: bigint;
  readonly adds: bigint;
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

/** A model or provider that upstream tried in vain before the one that answered. */
export interface RouteStory {
  readonly line: number;
  readonly attempt: number;
  readonly model: string | null;
  readonly provider: string | null;
  readonly httpStatus: number | null;
}

/** Everything that the rows of one decision say. */
export interface DecisionStory {
  /** The row that is told; of several attempts the last. */
  readonly row: FoundRow;
  readonly caps: readonly CapStory[];
  /** Lines of all attempts, in order. */
  readonly attempts: readonly { readonly line: number; readonly attempt: number; readonly action: string }[];
  readonly routes: readonly RouteStory[];
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
    routes: rows.filter(({ receipt }) => textAt(receipt.decision, 'outcome') === 'fallback').map(readRoute),
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
export function totalOf({ spent, held, adds }: CapStory): bigint {
  return spent + held + adds;
}

/** The caps as `--json` tells them: exact decimal strings, whose keys say where they are US dollars. */
export function describeCap(cap: CapStory) {
  const { unit, action, window, scopeKey, tripped, limit, spent, held, adds, resetsAt } = cap;
  const total = totalOf(cap);
  const over = total > limit ? total - limit : 0n;
  const left = total > limit ? 0n : limit - total;
  const amounts = { limit, spent, held, adds, total, over, left };
  const printed = Object.entries(amounts).map(([name, amount]) =>
    unit === 'usd' ? [`${name}Usd`, printUsd(amount)] : [name, String(amount)],
  );
  return {
    action,
    window,
    scopeKey,
    tripped,
    ...(unit === 'usd' ? {} : { unit }),
    ...Object.fromEntries(printed),
    ...(cap.granted > 0n ? { grantedUsd: printUsd(cap.granted) } : {}),
    resetsAt,
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
    const amounts = readAmounts(entry);
    if (!amounts) return [];
    const isTriggered =
      numberAt(triggered, 'index') !== null && numberAt(triggered, 'index') === numberAt(entry, 'index');
    return [
      {
        ...amounts,
        granted: usdAt(entry, 'grantedUsd') ?? 0n,
        action: textAt(entry, 'action') ?? 'unknown',
        window: textAt(entry, 'window') ?? 'unknown',
        scopeKey: textAt(entry, 'scopeKey') ?? '',
        tripped: ownValue(entry, 'tripped') === true,
        resetsAt: textAt(entry, 'resetsAt'),
        reason: isTriggered ? textAt(triggered, 'reason') : null,
      },
    ];
  });
}

/** `undefined` for a unit that is not known, and where limit or addition cannot be read. */
function readAmounts(
  entry: JsonObject,
): Pick<CapStory, 'unit' | 'limit' | 'spent' | 'held' | 'adds'> | undefined {
  const named = ownValue(entry, 'unit');
  const unit = named === undefined ? 'usd' : CAP_UNITS.find((one) => one === named);
  if (unit === undefined) return undefined;
  const read = (name: string) => (unit === 'usd' ? usdAt(entry, `${name}Usd`) : countAt(entry, name));
  const limit = read('limit');
  const adds = read('adds');
  if (limit === undefined || adds === undefined) return undefined;
  return { unit, limit, spent: read('spent') ?? 0n, held: read('held') ?? 0n, adds };
}

function countAt(object: JsonObject, key: string): bigint | undefined {
  const text = textAt(object, key);
  return text !== null && COUNT.test(text) ? BigInt(text) : undefined;
}

function readRoute({ line, receipt: { decision } }: FoundRow): RouteStory {
  return {
    line,
    attempt: numberAt(decision, 'attempt') ?? 1,
    model: textAt(decision, 'attemptedModel'),
    provider: textAt(decision, 'attemptedProvider'),
    httpStatus: numberAt(decision, 'httpStatus'),
  };
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
