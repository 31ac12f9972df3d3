/** The policy: caps, mode and gates, as people write it and as the guard uses it (docs/policy.md). */
import type { AlertLevel } from './alert.js';
import type { FieldProblem } from './fields.js';
import type { Approver } from './policy-signature.js';
import type { ProviderRule } from './provider-rule.js';
import type { Rule } from './rule.js';
import type { Scope, ScopeKey, Selector } from './scope.js';
import type { Task } from './task.js';

export const CAP_WINDOWS = [
  'per_call',
  'per_minute',
  'per_hour',
  'per_day',
  'per_week',
  'per_month',
  'per_run',
  'total',
] as const;
export type CapWindow = (typeof CAP_WINDOWS)[number];

/** What a cap is an amount of. */
export const CAP_UNITS = ['usd', 'requests', 'tokens', 'in_flight'] as const;
export type CapUnit = (typeof CAP_UNITS)[number];

/** Mildest first: when several caps trip, the later one in this list wins. */
export const CAP_ACTIONS = ['allow', 'shadow', 'downgrade', 'block'] as const;
export type CapAction = (typeof CAP_ACTIONS)[number];

export const POLICY_MODES = ['enforce', 'shadow'] as const;
export type PolicyMode = (typeof POLICY_MODES)[number];

/** Weakest first: a claim satisfies every requirement up to its own place. Claims are asserted, not proven. */
export const CAPABILITIES = ['read_only', 'data_write', 'payment_initiate', 'payment_execute'] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** What an old price does. */
export const STALE_PRICE_ACTIONS = ['warn', 'block'] as const;
export type StalePriceAction = (typeof STALE_PRICE_ACTIONS)[number];

export const RULE_EFFECTS = ['allow', 'deny'] as const;
export type RuleEffect = (typeof RULE_EFFECTS)[number];

export const RULE_ACTIONS = ['llm.generate', 'embedding.generate', '*'] as const;
/** What is done: `llm.generate`, `embedding.generate`, or an action of the caller's own such as `payment.execute`. */
export type CallAction = `${string}.${string}`;
/** What a rule speaks about. `*` stands for the actions of models, never for the caller's own. */
export type RuleAction = CallAction | '*';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** When a rule speaks: every condition that is named must hold. */
export interface RuleWhen {
  /** The call has these values. */
  readonly scope?: Selector | undefined;
  /** The call claims at least this. */
  readonly capability?: Capability | undefined;
  /** US dollars per million tokens, ≥ 0. Only with `allow`. */
  readonly maxInputUsdPerMtok?: number | string | undefined;
  readonly maxOutputUsdPerMtok?: number | string | undefined;
  /** Tokens that the model must be able to take. Only with `allow`. */
  readonly minContextTokens?: number | undefined;
  /** Most input tokens that the call may have. Only with `allow`. */
  readonly maxInputTokens?: number | undefined;
  /** `08:00-18:00`, the end not included; may pass midnight. */
  readonly hours?: string | undefined;
  readonly weekdays?: readonly Weekday[] | undefined;
}

/** One line of an allow and deny list as written. */
export interface PolicyRule {
  readonly effect: RuleEffect;
  readonly action: RuleAction;
  /** `model/` and a model id, in which `*` stands for any text; or `provider/` and a slug, or `provider/*`. */
  readonly resource: string;
  readonly when?: RuleWhen | undefined;
  readonly reason?: string | undefined;
}

/** One limit as written: in money, in requests, in tokens or in calls at one time. */
export interface SpendCap {
  /** US cents, ≥ 0. A number is read by its shortest decimal; text is exact. */
  readonly amountCents?: number | string | undefined;
  /** Requests, instead of money. */
  readonly maxRequests?: number | undefined;
  /** Input and output tokens together, instead of money. */
  readonly maxTokens?: number | undefined;
  /** Calls that run at one time, instead of money. Goes without a window. */
  readonly maxInFlight?: number | undefined;
  /** Required but for `maxInFlight`. */
  readonly window?: CapWindow | undefined;
  readonly action: CapAction;
  /** Model to use instead. Required with `downgrade`, an error otherwise. */
  readonly downgradeTo?: string | undefined;
  readonly reason?: string | undefined;
  /** Narrows the cap to calls whose scope has these values. */
  readonly selector?: Selector | undefined;
  /** A counter of its own for each value of this label. */
  readonly per?: ScopeKey | undefined;
  /** Parts of the amount, above 0 and at most 1, whose first crossing in a window is told. */
  readonly alertAt?: readonly (number | string)[] | undefined;
}

/** What one task may use, as written. */
export interface PolicyTask {
  /** The model id that the task is assigned; `*` stands for any text. */
  readonly model: string;
  /** The model that downgrade caps of the task use, allowed beside `model`. */
  readonly fallback?: string | undefined;
  /** Caps on the calls of this task, beside those of the policy. */
  readonly caps?: readonly SpendCap[] | undefined;
  readonly requiredCapability?: Capability | undefined;
  /** US dollars per million tokens, ≥ 0. */
  readonly maxInputUsdPerMtok?: number | string | undefined;
  readonly maxOutputUsdPerMtok?: number | string | undefined;
  readonly reason?: string | undefined;
}

/** The policy as written: TypeScript object or JSON. */
export interface SpendPolicy {
  /** Where editors find the schema of policies. Nothing reads it. */
  readonly $schema?: string | undefined;
  readonly id: string;
  readonly name: string;
  /** For people; nothing reads it. */
  readonly description?: string | undefined;
  readonly scope: Scope;
  readonly caps: readonly SpendCap[];
  readonly mode: PolicyMode;
  readonly version: number | string;
  /** ISO 8601. A guard refuses to decide before it. */
  readonly effectiveFrom: string;
  readonly requiredCapability?: Capability | undefined;
  /** Output tokens assumed, and sent, when a request names no maximum. Default 16,384. */
  readonly defaultMaxOutputTokens?: number | undefined;
  /** Factor ≥ 1 on the prices sent as `provider.max_price` and reserved. Default 1. */
  readonly priceHeadroom?: number | string | undefined;
  /** Age from which a price is old: days, or text such as `7d` or `12h`. Default 7 days. */
  readonly maxPriceAge?: number | string | undefined;
  /** What an old price does. Default `warn`. */
  readonly onStalePrice?: StalePriceAction | undefined;
  /** What a call without a known price does. It has no bound, so there is nothing else to choose. */
  readonly onUnknownPrice?: 'block' | undefined;
  /** IANA name of the zone whose days, weeks, months and hours count. Default UTC. */
  readonly timeZone?: string | undefined;
  /** Which models may be used: the first rule that matches decides, and without one the call is refused. */
  readonly rules?: readonly PolicyRule[] | undefined;
  /** What each task may use, by `taskId`; `*` is for all others. A call for none of them is refused. */
  readonly tasks?: { readonly [taskId: string]: PolicyTask } | undefined;
}

/** A policy of rules or tasks, without caps of its own: it says which models may be used. What is left out comes from the guard. */
export type RulePolicy = Pick<SpendPolicy, 'name'> &
  Partial<Omit<SpendPolicy, 'caps'>> &
  (Required<Pick<SpendPolicy, 'rules'>> | Required<Pick<SpendPolicy, 'tasks'>>);

/** One cap, read and compiled. */
export interface Cap {
  /** Place in `caps`, from 0; caps of tasks come after those. */
  readonly index: number;
  /** `id` of its policy. */
  readonly policyId: string;
  /** Where it is written: `caps[1]`. */
  readonly path: string;
  /** The task that it stands in. */
  readonly task: string | undefined;
  readonly unit: CapUnit;
  /** The amount, in `unit`. */
  readonly limit: bigint;
  /** `total` for calls in flight: they count for as long as they run. */
  readonly window: CapWindow;
  readonly timeZone: string;
  readonly per: ScopeKey | undefined;
  readonly action: CapAction;
  readonly downgradeTo: string | undefined;
  readonly reason: string | undefined;
  /** Lowest first. */
  readonly alertAt: readonly AlertLevel[];
  /** Calls and rows that this cap counts: policy scope and selector together. */
  readonly match: Selector;
  /** How many scope keys `match` and `per` name: the more specific key wins a tie. */
  readonly specificity: number;
  /** Printed form of `match`: `tenantId=acme/teamId=engineering`, and `/each userId` for a counter per user. */
  readonly scopeKey: string;
}

/** A policy, read and compiled. */
export interface Policy {
  readonly id: string;
  readonly name: string;
  readonly version: number | string;
  /** Empty in a policy that leaves the scope to the guard. */
  readonly scope: Selector;
  readonly mode: PolicyMode;
  readonly timeZone: string;
  /** Milliseconds since 1970. */
  readonly effectiveFromMs: number;
  readonly caps: readonly Cap[];
  /** About models. */
  readonly rules: readonly Rule[];
  readonly providerRules: readonly ProviderRule[];
  readonly tasks: readonly Task[];
  readonly requiredCapability: Capability | undefined;
  /** As written; `requestLimits` has the defaults. */
  readonly defaultMaxOutputTokens: number | undefined;
  /** `priceHeadroom` in millionths: 1_000_000n is 1. */
  readonly priceHeadroomPpm: bigint | undefined;
  /** Milliseconds. */
  readonly maxPriceAgeMs: number | undefined;
  readonly onStalePrice: StalePriceAction;
  /** SHA-256 over the canonical policy without `effectiveFrom`, 64 lowercase hex. */
  readonly policyHash: string;
  /** Who signed it, where somebody has to; not part of the hash. */
  readonly approver?: Approver | undefined;
  /** What that hash is over: all of the policy but `effectiveFrom`, as canonical JSON. */
  readonly hashedText: string;
}

/** One thing wrong with a policy: where, what, and the nearest valid spelling when there is one. */
export type PolicyProblem = FieldProblem;

/** Whether a claimed capability reaches a required one. No claim reaches nothing; no requirement asks nothing. */
export function satisfies(claim: Capability | undefined, required: Capability | undefined): boolean {
  if (required === undefined) return true;
  if (claim === undefined) return false;
  const needed = CAPABILITIES.indexOf(required);
  return needed >= 0 && CAPABILITIES.indexOf(claim) >= needed;
}

/** Whether an action calls a model. */
export function isModelAction(action: RuleAction): boolean {
  return (RULE_ACTIONS as readonly string[]).includes(action);
}

/** Whether text can be an action of the caller's own: words with dots between them, none that looks like a model's. */
export function isOwnAction(text: string): text is CallAction {
  return /^[a-z]+(\.[a-z_]+)+$/.test(text) && text.length <= 64 && !/^(llm|embedding)\./.test(text);
}

/** A policy read from untrusted data, with what is odd about it; or everything wrong with it. */
export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly PolicyProblem[] }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Output tokens assumed when neither request nor policy names a maximum. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 16_384;
