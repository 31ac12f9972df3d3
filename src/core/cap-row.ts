/** Caps as decision rows tell them: the arithmetic of each, the one that decided, and alerts (docs/receipt-format.md). */
import type { CapCheck } from './cap-check.js';
import { addPresent, type JsonObject, type JsonRecord, present } from './json.js';
import { ceilCents, printUsd } from './money.js';
import type { Cap, Policy } from './policy.js';

/** Which of several policies a cap is of; `undefined` where there is one. */
export type PlaceOf = ReadonlyMap<Cap, number> | undefined;

/** Where there are several policies: the place of each cap's own among them. */
export function findPlaces(policies: readonly Policy[]): PlaceOf {
  if (policies.length < 2) return undefined;
  const places = new Map<Cap, number>();
  for (const [place, { caps }] of policies.entries()) for (const cap of caps) places.set(cap, place);
  return places;
}

/** The cap that decided. */
export function printCap(cap: Cap, placeOf: PlaceOf): JsonObject {
  return {
    index: cap.index,
    ...present({ policy: placeOf?.get(cap) }),
    ...(cap.unit === 'usd'
      ? { amountUsd: printUsd(cap.limit), amountCents: ceilCents(cap.limit) }
      : { unit: cap.unit, limit: String(cap.limit) }),
    window: cap.window,
    action: cap.action,
    ...present({ downgradeTo: cap.downgradeTo, reason: cap.reason, task: cap.task }),
  };
}

/**
 * One cap that was looked at, with its arithmetic. One literal in the order in which keys are hashed, as in `decisionRow`:
 * every decision prints each of its caps.
 */
export function printCheck(check: CapCheck, placeOf: PlaceOf): JsonObject {
  const row = check.cap.unit === 'usd' ? printMoney(check) : printCounts(check);
  if (check.granted > 0n) row.grantedUsd = printUsd(check.granted);
  addPresent(row, { policy: placeOf?.get(check.cap) });
  return row;
}

function printMoney(check: CapCheck): JsonRecord {
  return {
    action: check.cap.action,
    addsUsd: printUsd(check.adds),
    heldUsd: printUsd(check.held),
    index: check.cap.index,
    limitUsd: printUsd(check.limit),
    resetsAt: isoOrNull(check.resetsAtMs),
    scopeKey: check.scopeKey,
    spentUsd: printUsd(check.spent),
    tripped: check.tripped,
    window: check.cap.window,
    windowStart: isoOrNull(check.windowStartMs),
  };
}

function printCounts(check: CapCheck): JsonRecord {
  return {
    action: check.cap.action,
    adds: String(check.adds),
    held: String(check.held),
    index: check.cap.index,
    limit: String(check.limit),
    resetsAt: isoOrNull(check.resetsAtMs),
    scopeKey: check.scopeKey,
    spent: String(check.spent),
    tripped: check.tripped,
    unit: check.cap.unit,
    window: check.cap.window,
    windowStart: isoOrNull(check.windowStartMs),
  };
}

/** One entry for each level that the call crosses. */
export function printAlerts({ cap, scopeKey, alerts, resetsAtMs }: CapCheck, placeOf: PlaceOf): JsonObject[] {
  return alerts.map(({ level, spent, limit }) => ({
    index: cap.index,
    ...present({ policy: placeOf?.get(cap) }),
    threshold: level.text,
    ...(cap.unit === 'usd'
      ? { spentUsd: printUsd(spent), limitUsd: printUsd(limit) }
      : { unit: cap.unit, spent: String(spent), limit: String(limit) }),
    window: cap.window,
    scopeKey,
    resetsAt: isoOrNull(resetsAtMs),
    ...present({ reason: cap.reason }),
  }));
}

/** Ends of windows, printed: the same few for thousands of calls, and dates are slow. */
const printedTimes = new Map<number, string>();
const MAX_PRINTED_TIMES = 64;

function isoOrNull(ms: number | null): string | null {
  if (ms === null) return null;
  const known = printedTimes.get(ms);
  if (known !== undefined) return known;
  const text = new Date(ms).toISOString();
  if (printedTimes.size >= MAX_PRINTED_TIMES) printedTimes.clear();
  printedTimes.set(ms, text);
  return text;
}
