/** Deciding and settling by hand, for callers whose model calls are not HTTP requests the guard can read. */
import { decideAll } from '../core/decide-all.js';
import { parseUsd, printUsd } from '../core/money.js';
import type { Capability, CapWindow, RulePolicy, SpendPolicy } from '../core/policy.js';
import { requestLimits } from '../core/policy-set.js';
import type { Scope } from '../core/scope.js';
import type { AllowedCall } from './call.js';
import { Guard } from './guard.js';
import { type CallContext, type GuardOptions, type GuardSetup, readOptions } from './options.js';
import { enforceAction, type OwnAction } from './own-action.js';
import { createPriceBook, type PriceBook } from './price-book.js';
import { type Quoter, quoteModel } from './request-quote.js';
import { release, settleAnswer } from './usage.js';

/** One call to decide, in tokens. */
export interface SpendCall {
  readonly model: string;
  /** The most input tokens it may be billed for, ≥ 0. */
  readonly inputTokens: number;
  /** The most output tokens it may be billed for, ≥ 0. The caller must hold the model to it. */
  readonly maxOutputTokens: number;
  /** What the call does, for rules. Default `llm.generate`. */
  readonly action?: 'llm.generate' | 'embedding.generate' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a call turned out to cost. Without a cost and without both counts, its bound stays spent. */
export interface SpendOutcome {
  /** US dollars as billed: decimal text, or a number read by its shortest decimal. */
  readonly costUsd?: string | number | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  /** The answer was cut short. */
  readonly partial?: boolean | undefined;
}

/** Caps, receipts and waiting as in `withSpendGuard`, with the call itself left to the caller. */
export class SpendGuard {
  readonly #guard: Guard;

  /** @throws as `withSpendGuard`. */
  constructor(options: GuardOptions | Guard) {
    this.#guard = options instanceof Guard ? options : new Guard(readOptions(options));
  }

  /** The same guard for calls with other labels. */
  with(context: CallContext): SpendGuard {
    return new SpendGuard(this.#guard.view(context));
  }

  /**
   * Decides one call. Use `allowed.decision.modelResolved`, then `settle` or `release` it: until then its bound is held.
   *
   * @throws AgentGuardBlockedError when it is refused.
   * @throws AgentGuardError when the ledger cannot be written; nothing may be sent then.
   */
  async decide(call: SpendCall): Promise<AllowedCall> {
    const { setup } = this.#guard;
    const prices = await this.#guard.readPrices();
    return this.#guard.authorize({
      model: call.model,
      provider: setup.provider ?? 'direct',
      path: 'direct',
      quote: quoteTokens(call, setup, prices),
      prices,
      action: call.action ?? 'llm.generate',
      listFallbacks: listNothing,
      signal: call.signal,
    });
  }

  /**
   * Decides something that is no model call, such as a payment, and settles its cost at once; with `hold`, `settle` or
   * `release` it as after `decide`.
   *
   * @throws as `decide`; TypeError when the action is not described as it must be.
   */
  enforce(action: OwnAction): Promise<AllowedCall> {
    return enforceAction(this.#guard, action);
  }

  /**
   * Records what the call cost. A second settlement of the same call is ignored.
   *
   * @throws TypeError when `costUsd` is not a decimal ≥ 0.
   * @throws RangeError when a count is not a whole number ≥ 0.
   */
  async settle(allowed: AllowedCall, outcome: SpendOutcome): Promise<void> {
    const costUsd = outcome.costUsd === undefined ? undefined : parseUsd(String(outcome.costUsd), 'up');
    if (outcome.costUsd !== undefined && (costUsd === undefined || costUsd < 0n))
      throw new TypeError('settle: costUsd must be a decimal ≥ 0, in US dollars');
    const count = (name: string, value: number | undefined) =>
      value === undefined ? undefined : readCount(name, value);
    const inputTokens = count('inputTokens', outcome.inputTokens);
    const outputTokens = count('outputTokens', outcome.outputTokens);
    const facts = { costUsd, inputTokens, outputTokens };
    await this.#guard.settle(allowed, settleAnswer(allowed, facts, outcome.partial ? 'cut' : 'complete'));
  }

  /** Gives the held bound back: only for a call that provably was not sent. */
  async release(allowed: AllowedCall): Promise<void> {
    await this.#guard.settle(allowed, release());
  }

  /** Settles what is still running as unknown, flushes, and lets go of the ledger. */
  close(): Promise<void> {
    return this.#guard.close();
  }
}

/** A hypothetical call, for `evaluatePolicy`. */
export interface HypotheticalCall extends SpendCall {
  readonly scope?: Scope | undefined;
  readonly capabilityClaim?: Capability | undefined;
  /** Milliseconds since 1970. Default: now. */
  readonly atMs?: number | undefined;
  /** US dollars already counted by a cap, as decimal text. Default: nothing. */
  readonly spent?:
    | ((cap: CapLabel) => { readonly settledUsd: string; readonly heldUsd?: string })
    | undefined;
}

export interface CapLabel {
  /** Place in `policy.caps`, from 0. */
  readonly index: number;
  readonly window: CapWindow;
  readonly scopeKey: string;
}

/** What would be decided. Amounts are exact decimal strings in US dollars, `null` without a known price. */
export interface Evaluation {
  readonly action: 'allow' | 'shadow' | 'downgrade' | 'block';
  readonly modelResolved: string;
  readonly reasons: readonly string[];
  readonly refusalCode: string | null;
  readonly expectedUsd: string | null;
  readonly reservedUsd: string | null;
}

/**
 * Decides a hypothetical call without a ledger: nothing is read, written or held. Prices are the overrides.
 *
 * @throws AgentGuardError POLICY_INVALID, SCOPE_MISMATCH.
 * @throws TypeError when `spent` answers with something that is not a decimal.
 */
export function evaluatePolicy(policy: SpendPolicy | RulePolicy, call: HypotheticalCall): Evaluation {
  const setup = readOptions({ policy, scope: call.scope, capabilityClaim: call.capabilityClaim });
  const totals = (cap: CapLabel) => {
    const { settledUsd = '0', heldUsd = '0' } = call.spent?.(cap) ?? {};
    const held = readAmount(heldUsd);
    return { settled: readAmount(settledUsd), held, heldExpected: held };
  };
  const prices = createPriceBook(undefined);
  const nowMs = call.atMs ?? Date.now();
  const quoter = quoteTokens(call, setup, prices);
  const asked = {
    actor: setup.scope,
    run: setup.scope.sessionId ?? 'hypothetical',
    model: call.model,
    capabilityClaim: setup.capabilityClaim,
    quote: (model: string) => quoter(model, nowMs),
    action: call.action ?? 'llm.generate',
    name: prices.name,
    listFallbacks: () => [],
    listCandidates: () => prices.listCandidates(call.model),
  };
  const decision = decideAll(setup.policies, totals, asked, nowMs);
  const { quote } = decision;
  return {
    action: decision.action,
    modelResolved: decision.modelResolved,
    reasons: decision.reasons,
    refusalCode: decision.refusal?.code ?? null,
    expectedUsd: quote.kind === 'bounded' ? printUsd(quote.expectedUsd) : null,
    reservedUsd: quote.kind === 'bounded' ? printUsd(quote.reservedUsd) : null,
  };
}

function listNothing(): readonly string[] {
  return [];
}

function quoteTokens(call: SpendCall, setup: GuardSetup, book: PriceBook): Quoter {
  const inputTokens = readCount('inputTokens', call.inputTokens);
  const outputTokens = readCount('maxOutputTokens', call.maxOutputTokens);
  const bounds = {
    inputTokens,
    outputTokens,
    expectedInputTokens: inputTokens,
    expectedOutputTokens: outputTokens,
    writesCache: false,
  };
  const { priceHeadroomPpm } = requestLimits(setup.policies);
  return (model, nowMs) => quoteModel(book, model, { inputTokens, nowMs }, () => bounds, priceHeadroomPpm);
}

function readCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a whole number of tokens ≥ 0`);
}

function readAmount(text: string): bigint {
  const usd = parseUsd(text);
  if (usd === undefined) throw new TypeError(`spent: ${JSON.stringify(text)} is not a decimal in US dollars`);
  return usd;
}
