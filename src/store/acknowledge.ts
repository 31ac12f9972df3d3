/** An operator's word that a ledger which guards refuse is meant to be as it is: a signed row (docs/receipt-format.md). */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../core/json.js';
import type { Receipt } from '../core/receipt.js';
import type { LedgerView } from '../core/spend-store.js';
import { openLedger } from './ledger.js';
import { lacksNewest } from './ledger-parts.js';
import { nodeBackend } from './node-crypto.js';
import { locateScope } from './paths.js';
import { readSnapshot, type Snapshot } from './snapshot.js';
import { compareWithLedger } from './snapshot-check.js';

/** Rows may be this far ahead of the clock before guards refuse. */
export const MAX_CLOCK_LAG_MS = 60_000;

export interface AcknowledgeOptions {
  /** An existing home. */
  readonly home: string;
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Why, in the operator's words; goes into the row. */
  readonly note?: string | undefined;
}

/**
 * Signs what guards of a scope refuse to go on with: a ledger unlike its snapshot, a clock behind the newest row. Guards
 * that start afterwards go on. Returns the row, or `undefined` when there was nothing to acknowledge.
 *
 * @throws AgentGuardError as `openLedger`, and LEDGER_CORRUPT for a ledger whose rows do not hold together: that has to
 *   be restored, no word makes it whole.
 */
export async function acknowledgeLedger(options: AcknowledgeOptions): Promise<Receipt | undefined> {
  const { home, scope } = options;
  const { folder } = locateScope(home, scope);
  const reading = await readSnapshot(folder);
  const given = reading.kind === 'good' ? reading.snapshot : undefined;
  const difference = given
    ? compareWithLedger(folder, given, nodeBackend)
    : lacksNewest(folder)
      ? 'has lost its newest part'
      : undefined;
  const ignoresSnapshot = difference !== undefined;
  const store = await openLedger({ home, scope, durability: 'disk', ignoresSnapshot });
  try {
    const { receipts, durable } = await store.transact((view) => {
      const seen = [
        ...(difference !== undefined ? [describeRewrite(given, view, difference)] : []),
        ...describeClock(view, options.nowMs),
      ];
      return {
        result: undefined,
        drafts: seen.length > 0 ? [{ decision: draftRow(options, view, seen) }] : [],
      };
    });
    await durable();
    return receipts[0];
  } finally {
    await store.close();
  }
}

function describeRewrite(given: Snapshot | undefined, view: LedgerView, what: string): JsonObject {
  const { ledgerId, rows, headHash } = given ?? {};
  const snapshot = given ? ({ ledgerId, rows, headHash } as JsonObject) : null;
  return { what: 'ledger_rewritten', message: `The ledger ${what}.`, snapshot, rows: view.nextIndex };
}

function describeClock({ lastTimestampMs }: LedgerView, nowMs: number): JsonObject[] {
  if (lastTimestampMs - nowMs <= MAX_CLOCK_LAG_MS) return [];
  return [{ what: 'clock_behind_ledger', newest: printTime(lastTimestampMs), clock: printTime(nowMs) }];
}

/** A clock that is acknowledged is the time of the row, and so of the rows after it. */
function draftRow(
  { scope, nowMs, note }: AcknowledgeOptions,
  { lastTimestampMs }: LedgerView,
  acknowledged: readonly JsonObject[],
): JsonObject {
  const isBehind = lastTimestampMs - nowMs > MAX_CLOCK_LAG_MS;
  return {
    entryType: 'acknowledgement',
    decisionId: randomUUID(),
    timestamp: printTime(isBehind ? nowMs : Math.max(nowMs, lastTimestampMs)),
    actor: { tenantId: scope },
    acknowledged,
    ...(note !== undefined && { note }),
  };
}

function printTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
