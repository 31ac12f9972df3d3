/** Waiting for running calls: only holds of processes that still live are worth waiting for. */
import type { Budget } from '../core/budget.js';
import type { CapCheck } from '../core/cap-check.js';
import type { Decision } from '../core/decide.js';
import type { CallFacts } from '../core/decision.js';
import type { Hold } from '../core/open-call.js';
import type { SpendStore } from '../core/spend-store.js';

/** Longest pause before a waiting call looks at the ledger again, in milliseconds. */
const LOOK_AGAIN_MS = 250;

/**
 * Waits until the ledger changes, when that can help.
 *
 * @returns whether to decide again; `false` when no living process holds what stands in the way, or time is up.
 * @throws the signal's reason when aborted.
 */
export async function awaitHolds(
  store: SpendStore,
  budget: Budget,
  ruling: { readonly decision: Decision; readonly facts: CallFacts },
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const check of ruling.decision.heldBack)
    if (!(await livingHoldsSuffice(store, budget, check, ruling.facts))) return false;
  const leftMs = deadlineMs - performance.now();
  if (leftMs <= 0) return false;
  await store.waitForChange(Math.min(leftMs, LOOK_AGAIN_MS), signal);
  return true;
}

/** Whether a cap on calls in flight has no room: some of those calls may belong to processes that are gone. */
export function isFull({ cap, tripped }: CapCheck): boolean {
  return tripped && cap.unit === 'in_flight';
}

/**
 * The calls in the way of a cap on calls in flight whose processes are gone for certain: nobody will ever settle those.
 */
export async function findAbandoned(
  store: SpendStore,
  budget: Budget,
  { decision, facts }: { readonly decision: Decision; readonly facts: CallFacts },
): Promise<readonly Hold[]> {
  const holds = decision.checks
    .filter(isFull)
    .flatMap(({ cap }) => budget.listHolds(cap, facts.timestampMs, facts));
  const instances = [...new Set(holds.map(({ instance }) => instance))].filter(
    (name) => name !== store.instanceId,
  );
  const alive = await Promise.all(instances.map((name) => store.isAlive(name)));
  const gone = new Set(instances.filter((_, index) => alive[index] === false));
  return [...new Set(holds)].filter(({ instance }) => gone.has(instance));
}

/** Whether the call would fit once every living process had settled its calls at nothing. */
async function livingHoldsSuffice(
  store: SpendStore,
  budget: Budget,
  check: CapCheck,
  facts: CallFacts,
): Promise<boolean> {
  let orphaned = 0n;
  for (const [instance, held] of budget.heldByInstance(check.cap, facts.timestampMs, facts))
    if ((await store.isAlive(instance)) !== true) orphaned += held;
  return check.spent + orphaned + check.adds <= check.limit;
}
