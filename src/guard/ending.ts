/** How a call ended, and the rows that say so. */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../core/json.js';
import { fallbackRow, type Settlement, settlementRow } from '../core/settlement.js';
import type { AllowedCall } from './call.js';

/** What is known of a call that ended. */
export interface Ending {
  readonly call: AllowedCall;
  readonly settlement: Settlement;
}

/** The rows of one call that ended: routes tried in vain, and what it cost. */
export function endingRows({ call, settlement }: Ending, nowMs: number): JsonObject[] {
  const { decision, facts } = call;
  const routes = settlement.fallbacks ?? [];
  const fallbacks = routes.map((route) => fallbackRow(decision, facts, route, randomUUID(), nowMs));
  return [...fallbacks, settlementRow(decision, facts, settlement, randomUUID(), nowMs)];
}
