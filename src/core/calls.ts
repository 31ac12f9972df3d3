/**
 * The calls of a ledger, each put together from its decision and settlement rows: when, which model, what it cost or at
 * most cost (docs/receipt-format.md, later rows about a call). Nothing is proved here.
 */
import type { Json, JsonObject } from './json.js';
import { maxUsd, parseCents, parseUsd, type Usd } from './money.js';
import type { Receipt } from './receipt.js';
import type { LedgerFold } from './spend-store.js';

/** One attempt of a call that was, or may have been, sent. All texts come from rows: hostile. */
export interface Call {
  readonly provider: string;
  /** The model that answered; of a call that nobody answered yet, the one that was sent. */
  readonly model: string;
  /** The model that was sent, which the prediction is about. */
  readonly askedModel: string;
  /** Time of the decision: milliseconds since 1970. */
  readonly decidedMs: number;
  /** Time of the settlement; `undefined` while there is none. */
  readonly endedMs: number | undefined;
  /** What upstream said that it billed; `undefined` when it said nothing. */
  readonly billedUsd: Usd | undefined;
  /** Otherwise the most that it can be; `undefined` when that is not known either. */
  readonly atMostUsd: Usd | undefined;
  /** What was predicted before the call. */
  readonly expectedUsd: Usd | undefined;
  readonly reservedUsd: Usd | undefined;
}

/** Reads the rows of one ledger, in order. */
export interface CallFold extends LedgerFold {
  /** Tells the calls whose cost is still open. Call it once, after the last row. */
  finish(): void;
}

interface OpenCall extends Call {
  /** Written by another program: amounts are whole cents, rounded up. */
  readonly isForeign: boolean;
}

/**
 * Tells each call once: as soon as its cost is known, otherwise at the end. Calls decided before `fromMs`, refused ones
 * and those that provably cost nothing are left out. Memory grows with the open calls, not with the ledger.
 */
export function createCallFold(onCall: (call: Call) => void, fromMs: number): CallFold {
  const open = new Map<string, OpenCall>();
  return {
    apply({ decision }: Receipt, timestampMs: number): void {
      if (decision.entryType === undefined) {
        const call = readDecision(decision, timestampMs);
        const key = keyOf(decision.decisionId, decision);
        if (call && timestampMs >= fromMs && !open.has(key)) open.set(key, call);
      } else if (decision.entryType === 'settlement') {
        const key = keyOf(decision.originalDecisionId, decision);
        const call = open.get(key);
        const settled = call && settle(call, decision, timestampMs);
        if (!settled) return;
        if (settled.isOpen) open.set(key, settled.call);
        else {
          open.delete(key);
          if (settled.call) onCall(settled.call);
        }
      }
    },
    finish(): void {
      for (const call of open.values()) onCall(call);
      open.clear();
    },
  };
}

function readDecision(row: JsonObject, decidedMs: number): OpenCall | undefined {
  if (row.action === 'block' || text(row.decisionId) === undefined || Number.isNaN(decidedMs))
    return undefined;
  const model = text(row.modelResolved) ?? text(row.modelRequested) ?? '';
  const isForeign = row.formatVersion === undefined;
  const reservedUsd = amount(row.reservedUsd);
  return {
    provider: text(row.provider) ?? '',
    model,
    askedModel: model,
    decidedMs,
    endedMs: undefined,
    billedUsd: undefined,
    atMostUsd: isForeign ? cents(row.projectedCents) : reservedUsd,
    expectedUsd: amount(row.expectedUsd),
    reservedUsd,
    isForeign,
  };
}

type Settled =
  | { readonly isOpen: true; readonly call: OpenCall }
  | { readonly isOpen: false; readonly call: OpenCall | undefined };

function settle(call: OpenCall, row: JsonObject, endedMs: number): Settled | undefined {
  const ended = Number.isNaN(endedMs) ? call.decidedMs : endedMs;
  const about: OpenCall = { ...call, model: text(row.servedModel) ?? call.model, endedMs: ended };
  const actualUsd = amount(row.actualUsd);
  if (call.isForeign) {
    const atMostUsd = actualUsd ?? cents(row.actualCents);
    return atMostUsd === undefined ? undefined : { isOpen: false, call: { ...about, atMostUsd } };
  }
  switch (row.costSource) {
    case 'released':
      return { isOpen: false, call: undefined };
    case 'provider':
      return actualUsd === undefined
        ? undefined
        : { isOpen: false, call: { ...about, billedUsd: actualUsd, atMostUsd: actualUsd } };
    case 'computed': {
      const { atMostUsd } = call;
      const most =
        actualUsd === undefined || atMostUsd === undefined ? atMostUsd : maxUsd(actualUsd, atMostUsd);
      return { isOpen: false, call: { ...about, atMostUsd: most } };
    }
    case 'reserved':
      // The truth may follow in a later row.
      return { isOpen: true, call: about };
    default:
      return undefined;
  }
}

function keyOf(id: Json | undefined, { attempt }: JsonObject): string {
  return `${text(id) ?? ''}#${typeof attempt === 'number' ? attempt : 1}`;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function amount(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'string' ? parseUsd(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function cents(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'number' ? parseCents(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}
