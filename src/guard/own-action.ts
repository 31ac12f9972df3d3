/**
 * Decisions about things that are no model calls: a payment, a message, a tool. By the same rules, capability, stop and
 * caps, and with the same receipt (docs/api.md "Actions of your own").
 */
import { nameModel } from '../core/model-names.js';
import { parseUsd, type Usd } from '../core/money.js';
import { type CallAction, type Capability, isOwnAction } from '../core/policy.js';
import type { BoundedQuote } from '../core/price.js';
import type { AllowedCall } from './call.js';
import type { Guard } from './guard.js';
import { isModelId } from './labels.js';
import type { PriceBook } from './price-book.js';

/** One thing to do, to something, for at most so much. */
export interface OwnAction {
  /** Lower-case words with dots between them: `payment.execute`. */
  readonly action: string;
  /** A kind and a name, without spaces: `payee/acme`. Both stand in the ledger: no content. */
  readonly resource: string;
  /** What this one claims, instead of the guard's claim. */
  readonly capabilityClaim?: Capability | undefined;
  /** US dollars that it costs, at most: decimal text, or a number read by its shortest decimal. Default 0. */
  readonly costUsd?: string | number | undefined;
  /** The cost stays held until the caller settles or releases it. Default: it is settled at once. */
  readonly hold?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const NO_UNIT = { inputUsd: 0n, outputUsd: 0n, requestUsd: 0n };
const NO_TOKENS = {
  inputTokens: 0,
  outputTokens: 0,
  expectedInputTokens: 0,
  expectedOutputTokens: 0,
  writesCache: false,
};
/** Nothing here has a price of its own, nor another spelling. */
const NO_PRICES: PriceBook = {
  find: (resource) => ({
    code: 'unknown_price',
    message: `${JSON.stringify(resource)} is no model`,
    hint: 'say what it costs with costUsd',
  }),
  name: (resource) => nameModel(undefined, resource),
  listCandidates: () => [],
};

/**
 * Decides one action and records the decision.
 *
 * @throws AgentGuardBlockedError when it is refused; AgentGuardError when the ledger cannot be written: then it must not
 *   be done.
 * @throws TypeError, RangeError when the action is not described as it must be.
 */
export async function enforceAction(guard: Guard, asked: OwnAction): Promise<AllowedCall> {
  const { resource, signal, capabilityClaim, hold = false } = asked;
  const action = readAction(asked.action);
  const costUsd = readCost(asked.costUsd ?? 0);
  const view = capabilityClaim === undefined ? guard : guard.view({ capabilityClaim });
  const quote = quoteStated(readResource(resource), costUsd);
  const allowed = await view.authorize({
    model: resource,
    action,
    provider: 'direct',
    path: 'direct',
    quote: () => quote,
    prices: NO_PRICES,
    listFallbacks: () => [],
    signal,
  });
  if (!hold)
    await view.settle(allowed, {
      costSource: 'computed',
      actualUsd: costUsd,
      partial: false,
      outcome: 'answered',
    });
  return allowed;
}

function readAction(action: string): CallAction {
  if (typeof action === 'string' && isOwnAction(action)) return action;
  const message = /^(llm|embedding)\./.test(String(action))
    ? `enforce: ${JSON.stringify(action)} is for models: guard the client, or use decide`
    : 'enforce: action must be lower-case words with dots between them, such as "payment.execute"';
  throw new TypeError(message);
}

function readResource(resource: string): string {
  const [, kind] = /^([a-z][a-z0-9_-]*)\/./.exec(resource) ?? [];
  if (kind !== undefined && kind !== 'model' && kind !== 'provider' && isModelId(resource)) return resource;
  throw new TypeError(
    'enforce: resource must be a kind and a name without spaces such as "payee/acme", at most 200 characters, and no model, provider or key',
  );
}

function readCost(cost: string | number): Usd {
  const usd = parseUsd(String(cost), 'up');
  if (usd !== undefined && usd >= 0n) return usd;
  throw new TypeError('enforce: costUsd must be a decimal ≥ 0, in US dollars');
}

function quoteStated(resource: string, costUsd: Usd): BoundedQuote {
  const price = {
    model: resource,
    identity: resource,
    source: 'stated',
    list: NO_UNIT,
    bound: NO_UNIT,
    admit: NO_UNIT,
    cacheWriteFactor: 1n,
  } as const;
  const sums = { expectedUsd: costUsd, reservedUsd: costUsd, bounds: NO_TOKENS };
  const units = { admit: NO_UNIT, max: NO_UNIT, hasFallbacks: false };
  return { kind: 'bounded', model: resource, identity: resource, price, ...sums, ...units };
}
