/** A refused call, as the caller catches it: one sentence for a person, stable fields for a program (docs/errors.md). */
import { type CapCheck, remainingOf } from '../core/cap-check.js';
import type { Decision } from '../core/decide.js';
import { AgentGuardError, type RefusalCode } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { printUsd } from '../core/money.js';
import type { CapUnit } from '../core/policy.js';
import type { Receipt } from '../core/receipt.js';

/** Thrown before anything is sent. Amounts are exact decimal strings in US dollars. */
export class AgentGuardBlockedError extends AgentGuardError {
  static override readonly brand: string = 'AgentGuardBlockedError';
  override readonly name = 'AgentGuardBlockedError';
  declare readonly code: RefusalCode;
  readonly reasons: readonly string[];
  /** The cap that refused, as the receipt shows it; `null` when no cap did. */
  readonly cap: JsonObject | null;
  /** The rule that refused, as the receipt shows it; `null` when no rule did. */
  readonly rule: JsonObject | null;
  readonly scopeKey: string | null;
  /** What the next four are amounts of: `usd`, `requests` or `tokens`. */
  readonly unit: CapUnit | null;
  readonly limit: string | null;
  readonly spent: string | null;
  /** Upper bounds of running calls under the same cap. */
  readonly held: string | null;
  readonly remaining: string | null;
  /** ISO 8601: when the window of the cap starts anew; `null` for a cap per call. */
  readonly resetsAt: string | null;
  /** How long to wait before it may pass; `null` when waiting does not help. */
  readonly retryAfterMs: number | null;
  /** Models that the policy would let pass right now, cheapest first. */
  readonly alternatives: readonly string[];
  /** The signed decision, and the receipt that holds it. */
  readonly decision: JsonObject;
  readonly receipt: Receipt;

  constructor(decision: Decision, receipt: Receipt, nowMs: number) {
    const { refusal } = decision;
    if (!refusal) throw new TypeError('only a refused decision makes an AgentGuardBlockedError');
    super(refusal.code, `${refusal.message}; ${refusal.hint}`, { hint: refusal.hint });
    const { check } = refusal;
    this.reasons = decision.reasons;
    this.cap = (receipt.decision.triggeredCap ?? null) as JsonObject | null;
    const { rule } = receipt.decision;
    this.rule = refusal.code === 'rule_denied' ? ((rule ?? null) as JsonObject | null) : null;
    this.scopeKey = check ? check.scopeKey : null;
    this.unit = check ? check.cap.unit : null;
    this.limit = check ? printAmount(check.cap.unit, check.limit) : null;
    this.spent = check ? printAmount(check.cap.unit, check.spent) : null;
    this.held = check ? printAmount(check.cap.unit, check.held) : null;
    this.remaining = check ? printAmount(check.cap.unit, remainingOf(check)) : null;
    this.resetsAt = check?.resetsAtMs == null ? null : new Date(check.resetsAtMs).toISOString();
    this.retryAfterMs = retryAfter(refusal.code, check, nowMs);
    this.alternatives = refusal.alternatives;
    this.decision = receipt.decision;
    this.receipt = receipt;
  }
}

function printAmount(unit: CapUnit, amount: bigint): string {
  return unit === 'usd' ? printUsd(amount) : String(amount);
}

/** A running call may end any moment; a full window only when it resets. */
function retryAfter(code: RefusalCode, check: CapCheck | null, nowMs: number): number | null {
  if (code === 'held') return 1_000;
  return check?.resetsAtMs == null ? null : Math.max(0, check.resetsAtMs - nowMs);
}

/**
 * Makes a refusal pass as one of a client's own errors too. The helpers of the `openai` client re-wrap whatever is not
 * an `OpenAIError`; with its prototype below ours they hand the refusal on as it is.
 */
export function adoptPrototype(error: AgentGuardBlockedError, base: unknown): AgentGuardBlockedError {
  if (typeof base !== 'function' || !(base.prototype instanceof Error)) return error;
  const ours = Object.getOwnPropertyDescriptors(AgentGuardBlockedError.prototype);
  return Object.setPrototypeOf(error, Object.create(base.prototype, ours));
}
