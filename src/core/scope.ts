/** Who a call is for: nested labels from tenant to task, and the keys that counters are kept under. */

/** Scope keys, widest first. The order is the specificity order of docs/policy.md. */
export const SCOPE_KEYS = [
  'tenantId',
  'teamId',
  'userId',
  'agentId',
  'taskId',
  'provider',
  'sessionId',
  'workflowId',
  'environment',
] as const;

export type ScopeKey = (typeof SCOPE_KEYS)[number];

/** A part of the organisation, or a filter over it: only the keys present must match. */
export type Selector = { readonly [K in ScopeKey]?: string };

/** The full scope of a call. `tenantId` is also the name of the ledger's folder. */
export type Scope = Selector & { readonly tenantId: string };
