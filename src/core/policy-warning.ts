/** What `policy check` finds in a policy that is valid but probably not meant (docs/cli.md, policy). */

export const WARNING_CODES = [
  'cap_never_trips',
  'cap_odd',
  'ceiling_too_low',
  'downgrade_dearer',
  'downgrade_denied',
  'downgrade_unpriced',
  'model_unknown',
  'nothing_allowed',
  'rule_unreachable',
  'task_denied',
] as const;
export type WarningCode = (typeof WARNING_CODES)[number];

export interface PolicyWarning {
  readonly code: WarningCode;
  /** Where: `rules[2].resource`. */
  readonly path: string;
  /** Reads on from the path. */
  readonly message: string;
}
