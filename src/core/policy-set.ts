/** Several policies for one guard: what they have in common, and what they leave to each other. */
import { DEFAULT_MAX_OUTPUT_TOKENS, type Policy } from './policy.js';
import { narrower, type Selector } from './scope.js';

/** What a request is bounded and sent with. */
export interface RequestLimits {
  /** Output tokens assumed, and sent, when a request names no maximum. */
  readonly defaultMaxOutputTokens: number;
  /** Factor on the prices in the bound, in millionths: 1_000_000n is 1. */
  readonly priceHeadroomPpm: bigint;
}

const PPM = 1_000_000n;

/** The lowest that any of these policies names; those in shadow mode have no say beside one that enforces. */
export function requestLimits(policies: readonly Policy[]): RequestLimits {
  const enforcing = policies.filter(({ mode }) => mode === 'enforce');
  const asked = enforcing.length > 0 ? enforcing : policies;
  const headrooms = asked.flatMap(({ priceHeadroomPpm }) => priceHeadroomPpm ?? []);
  const outputs = asked.flatMap(({ defaultMaxOutputTokens }) => defaultMaxOutputTokens ?? []);
  return {
    defaultMaxOutputTokens: outputs.length > 0 ? Math.min(...outputs) : DEFAULT_MAX_OUTPUT_TOKENS,
    priceHeadroomPpm: headrooms.reduce((low, next) => (next < low ? next : low), headrooms[0] ?? PPM),
  };
}

/** The scope inside all of these policies: every value that one of them names. `undefined` when two contradict. */
export function joinScopes(policies: readonly Pick<Policy, 'scope'>[]): Selector | undefined {
  let joined: Selector = {};
  for (const { scope } of policies) {
    const narrowing = narrower(joined, scope);
    if (!narrowing.ok) return undefined;
    joined = narrowing.match;
  }
  return joined;
}
