/** Caps that can never decide anything, because another cap of the policy refuses first (docs/cli.md, policy). */
import { showUsd } from './money.js';
import type { Cap, CapUnit, CapWindow, Policy } from './policy.js';
import type { PolicyWarning } from './policy-warning.js';
import { covers } from './scope.js';

/** Each window lies inside one of every later window here. Weeks are not inside months. */
const NESTED: readonly CapWindow[] = ['per_call', 'per_minute', 'per_hour', 'per_day', 'per_month', 'total'];

/** Every cap that another one leaves nothing to do, once each. */
export function findCapConflicts({ caps }: Policy): readonly PolicyWarning[] {
  return caps.flatMap((cap) => {
    // A cap that never decides may still be there for its alerts.
    const first =
      cap.alertAt.length > 0 ? undefined : caps.find((other) => other !== cap && precedes(other, cap));
    if (!first) return [];
    const limit = `${showAmount(first.unit, first.limit)} ${first.window}`;
    const message =
      cap.action === 'block'
        ? `never trips: ${first.path} refuses at ${limit} already`
        : `comes too late: ${first.path} refuses at ${limit}, before this one downgrades`;
    return [{ code: 'cap_never_trips', path: cap.path, message }];
  });
}

/** Whether `block` counts everything that `cap` counts, over as long a window, and allows no more. */
function precedes(block: Cap, cap: Cap): boolean {
  if (block.action !== 'block' || block.unit !== cap.unit || !isCountedBy(cap, block)) return false;
  if (!contains(block.window, cap.window)) return false;
  if (cap.action === 'block')
    return block.limit < cap.limit || (block.limit === cap.limit && differs(block, cap));
  // Over one call a downgrade makes the addition smaller, and the cap that blocks then has room.
  return cap.action === 'downgrade' && cap.window !== 'per_call' && block.limit < cap.limit;
}

function isCountedBy(cap: Cap, block: Cap): boolean {
  const sameCounter = block.per === undefined || block.per === cap.per;
  return (
    sameCounter && covers(block.match, cap.match) && (block.task === undefined || block.task === cap.task)
  );
}

function contains(outer: CapWindow, inner: CapWindow): boolean {
  if (outer === inner || outer === 'total') return true;
  if (outer === 'per_week')
    return NESTED.indexOf(inner) >= 0 && NESTED.indexOf(inner) <= NESTED.indexOf('per_day');
  const [out, within] = [NESTED.indexOf(outer), NESTED.indexOf(inner)];
  return within >= 0 && within < out;
}

/** Of two that are equal the reader tells already. */
function differs(block: Cap, cap: Cap): boolean {
  return block.window !== cap.window || block.scopeKey !== cap.scopeKey;
}

function showAmount(unit: CapUnit, amount: bigint): string {
  return unit === 'usd' ? showUsd(amount) : `${amount} ${unit.replace('_', ' ')}`;
}
