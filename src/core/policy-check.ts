/** Everything in a valid policy that is probably not meant (docs/cli.md, policy). */
import { findCapConflicts } from './cap-conflicts.js';
import { findModelConflicts } from './model-conflicts.js';
import type { Policy, PolicyProblem } from './policy.js';
import type { PolicyWarning } from './policy-warning.js';
import type { PriceTable } from './price-table.js';
import { findRuleConflicts } from './rule-conflicts.js';

/** The warnings of the reader, `fromReader`, and those of rules, caps and models; without a table, no prices. */
export function checkPolicy(
  policy: Policy,
  fromReader: readonly PolicyProblem[],
  table: PriceTable | undefined,
): readonly PolicyWarning[] {
  return [
    ...fromReader.map(({ path, message }) => ({ code: 'cap_odd' as const, path, message })),
    ...findRuleConflicts(policy),
    ...findCapConflicts(policy),
    ...findModelConflicts(policy, table),
  ];
}
