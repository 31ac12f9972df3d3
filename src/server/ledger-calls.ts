/**
 * Puts the calls of one ledger together from lines that come from both ends: new ones forwards as they are written, old
 * ones backwards, where a settlement is met before the decision that it belongs to.
 */
import type { CallRecord } from '../core/call-record.js';
import type { Json, JsonObject } from '../core/json.js';
import { attemptOf, keyOf, readControl, readDecision, settle } from '../core/record-fold.js';
import type { RelatedRows } from './related-rows.js';
import type { RowLine } from './row-line.js';
import type { RowOrigin, RowTable } from './row-table.js';

/** Later rows whose decision was not met; beyond it the oldest go, and their calls stay as decided. */
const MAX_WAITING = 262_144;

/** A call that was read backwards and waits for its place among those of other ledgers. */
export interface OldCall {
  readonly record: CallRecord;
  readonly origin: RowOrigin;
  /** Chain of related rows. */
  readonly related: number;
  /** Set while its cost may still change. */
  readonly openKey: string | undefined;
  readonly isForeign: boolean;
}

export interface LedgerCalls {
  /** The next line of the newest part. Returns the position of the call that it begins or changes. */
  addNew(line: RowLine, origin: RowOrigin): number | undefined;
  /** The line before all that were read. Returns the call whose first row it is. */
  addOld(line: RowLine, origin: RowOrigin): OldCall | undefined;
  /** Puts an old call below all others. */
  place(call: OldCall): void;
}

interface OpenCall {
  readonly position: number;
  readonly isForeign: boolean;
}

interface Waiting {
  /** Newest first. */
  readonly settlements: JsonObject[];
  chain: number;
}

export function createLedgerCalls(scope: string, table: RowTable, related: RelatedRows): LedgerCalls {
  const open = new Map<string, OpenCall>();
  const waiting = new Map<string, Waiting>();

  function openWaiting(key: string): Waiting {
    const found = waiting.get(key) ?? { settlements: [], chain: -1 };
    waiting.set(key, found);
    const [oldest] = waiting.size > MAX_WAITING ? waiting.keys() : [];
    if (oldest !== undefined) waiting.delete(oldest);
    return found;
  }
  function continueCall({ decision }: RowLine, origin: RowOrigin): number | undefined {
    const key = keyOf(textOf(decision.originalDecisionId), attemptOf(decision));
    const call = open.get(key);
    if (!call) {
      // Its decision is older than what was read so far, or nowhere.
      const later = openWaiting(key);
      later.chain = related.add(origin, later.chain);
      if (decision.entryType === 'settlement') later.settlements.unshift(decision);
      return undefined;
    }
    const { position, isForeign } = call;
    table.setRelated(position, related.add(origin, table.related(position)));
    if (decision.entryType !== 'settlement') return undefined;
    const settled = settle({ record: table.record(position), isForeign }, decision);
    if (!settled) return undefined;
    table.replace(position, settled);
    if (!mayChange(settled)) open.delete(key);
    return position;
  }
  return {
    addNew(line, origin) {
      const { decision } = line;
      if (isLater(decision)) return continueCall(line, origin);
      const record = readFirst(line, scope);
      const key = keyOf(record.decisionId, record.attempt);
      // A row that was written twice is one call.
      if (open.has(key)) return undefined;
      const position = table.add(record, origin, 'above');
      if (staysOpen(record)) open.set(key, { position, isForeign: isForeign(decision) });
      return position;
    },
    addOld(line, origin) {
      const { decision } = line;
      if (isLater(decision)) {
        const later = openWaiting(keyOf(textOf(decision.originalDecisionId), attemptOf(decision)));
        later.chain = related.link(later.chain, related.add(origin, -1));
        if (decision.entryType === 'settlement') later.settlements.push(decision);
        return undefined;
      }
      const first = readFirst(line, scope);
      const key = keyOf(first.decisionId, first.attempt);
      const later = staysOpen(first) ? waiting.get(key) : undefined;
      if (later) waiting.delete(key);
      const foreign = isForeign(decision);
      const { record, isOpen } = settleAll(first, foreign, later?.settlements ?? []);
      const openKey = isOpen ? key : undefined;
      return { record, origin, related: later?.chain ?? -1, openKey, isForeign: foreign };
    },
    place({ record, origin, related: chain, openKey, isForeign: foreign }) {
      // A row about it may have come while it waited.
      const later = openKey === undefined ? undefined : waiting.get(openKey);
      if (openKey !== undefined) waiting.delete(openKey);
      const now = settleAll(record, foreign, later?.settlements ?? []);
      const position = table.add(now.record, origin, 'below');
      table.setRelated(position, later ? related.link(later.chain, chain) : chain);
      if (openKey !== undefined && now.isOpen) open.set(openKey, { position, isForeign: foreign });
    },
  };
}

function readFirst(line: RowLine, scope: string): CallRecord {
  const read = line.decision.entryType === undefined ? readDecision : readControl;
  return read(line, line.timestampMs, scope, 0);
}

function settleAll(first: CallRecord, foreign: boolean, newestFirst: readonly JsonObject[]) {
  let record = first;
  for (const row of newestFirst.toReversed()) {
    const settled = settle({ record, isForeign: foreign }, row);
    record = settled ?? record;
    if (settled && !mayChange(settled)) return { record, isOpen: false };
  }
  return { record, isOpen: staysOpen(first) };
}

/** A row about a call that another row began. */
function isLater({ entryType }: JsonObject): boolean {
  return entryType === 'settlement' || entryType === 'outcome';
}

function isForeign({ formatVersion }: JsonObject): boolean {
  return formatVersion === undefined;
}

function staysOpen({ state, decisionId }: CallRecord): boolean {
  return state !== 'blocked' && state !== 'control' && decisionId !== '';
}

/** Of a settled call: whether the truth about its cost may follow. */
function mayChange({ costSource }: CallRecord): boolean {
  return costSource === 'reserved';
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
