/** The public surface of the package: guarding calls, and checking what guards leave behind. */
export { AgentGuardError, type ErrorCode, type RefusalCode } from '../core/errors.js';
export type {
  CapAction,
  Capability,
  CapWindow,
  PolicyMode,
  PolicyRule,
  PolicyTask,
  RulePolicy,
  RuleWhen,
  SpendCap,
  SpendPolicy,
} from '../core/policy.js';
export type { Receipt } from '../core/receipt.js';
export { computeSignerFingerprint } from '../core/receipt.js';
export type { Scope, Selector } from '../core/scope.js';
export type { SpendStore } from '../core/spend-store.js';
export { verifyChain, verifyEntry } from '../core/verify.js';
export { createMemoryStore } from '../store/memory-store.js';
export { AgentGuardBlockedError } from './blocked-error.js';
export type { AllowedCall } from './call.js';
export {
  type CostOverride,
  listCostOverrides,
  lockCostOverrides,
  setCostOverride,
} from './cost-overrides.js';
export type { Fetch } from './gate.js';
export type { Guarded, GuardHandle } from './openai.js';
export type {
  AlertEvent,
  CallContext,
  DecisionEvent,
  GuardConfig,
  GuardOptions,
  SigningKeys,
} from './options.js';
export type { OwnAction } from './own-action.js';
export type { PolicySource } from './policy-source.js';
export {
  type Evaluation,
  evaluatePolicy,
  type HypotheticalCall,
  type SpendCall,
  SpendGuard,
  type SpendOutcome,
} from './spend-guard.js';
export { type GuardedFetch, guardFetch, withSpendGuard } from './with-spend-guard.js';
