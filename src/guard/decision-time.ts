/** When a decision is made: the clock's time, held against the ledger and the policy (docs/policy.md). */
import { AgentGuardError } from '../core/errors.js';

/** Rows may be this far ahead of the clock, in milliseconds, before a decision is refused. */
const MAX_CLOCK_LAG_MS = 60_000;

/** Rows never go back in time: a clock slightly behind the ledger borrows the time of its newest row. */
export function decisionTime(nowMs: number, lastTimestampMs: number): number {
  if (nowMs >= lastTimestampMs) return nowMs;
  if (lastTimestampMs - nowMs <= MAX_CLOCK_LAG_MS) return lastTimestampMs;
  const ahead = new Date(lastTimestampMs).toISOString();
  throw new AgentGuardError(
    'CLOCK_BEHIND_LEDGER',
    `the clock says ${new Date(nowMs).toISOString()}, but the newest row of the ledger is from ${ahead}`,
    { hint: 'set the clock of this machine; until then no call is allowed' },
  );
}

/** @throws AgentGuardError POLICY_NOT_EFFECTIVE before the moment from which a policy holds. */
export function requireEffective(policyId: string, effectiveFromMs: number, nowMs: number): void {
  if (nowMs >= effectiveFromMs) return;
  const from = new Date(effectiveFromMs).toISOString();
  throw new AgentGuardError('POLICY_NOT_EFFECTIVE', `policy "${policyId}" is effective from ${from}`, {
    hint: 'wait until then, or set effectiveFrom to a moment that has passed',
  });
}
