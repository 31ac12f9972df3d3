/** How old a price may be: under a policy that says so, one from an older table counts as none (docs/policy.md "Old prices"). */
import { describe, type Fields, joinPath, noteProblem } from './fields.js';
import type { Policy } from './policy.js';
import type { Quote } from './price.js';

/** Age from which prices are warned about, where no policy names another, in milliseconds. */
export const DEFAULT_MAX_PRICE_AGE_MS = 7 * 86_400_000;

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** A year and a day: an older table is no price list. */
const LONGEST_MS = 366 * 86_400_000;

interface QuotedCall {
  readonly quote: (model: string) => Quote;
}

/** The lowest age that any of these policies names, else the default: milliseconds. */
export function maxPriceAgeMs(policies: readonly Pick<Policy, 'maxPriceAgeMs'>[]): number {
  const named = policies.flatMap((policy) => policy.maxPriceAgeMs ?? []);
  return named.length > 0 ? Math.min(...named) : DEFAULT_MAX_PRICE_AGE_MS;
}

/** The call as these policies see it: for one that blocks by old prices, an older one is no price. */
export function withFreshPrices<T extends QuotedCall>(
  policies: readonly Policy[],
  call: T,
  nowMs: number,
): T {
  const blocking = policies.filter(({ onStalePrice }) => onStalePrice === 'block');
  if (blocking.length === 0) return call;
  const maxAgeMs = maxPriceAgeMs(blocking);
  return { ...call, quote: (model) => refuseStale(call.quote(model), maxAgeMs, nowMs) };
}

function refuseStale(quote: Quote, maxAgeMs: number, nowMs: number): Quote {
  const table = quote.kind === 'bounded' ? quote.price.table : undefined;
  if (!table) return quote;
  // A time that cannot be read is no proof of freshness.
  if (nowMs - Date.parse(table.fetchedAt) <= maxAgeMs) return quote;
  const message = `the price of ${JSON.stringify(quote.model)} is from ${table.fetchedAt}, which is older than the policy allows`;
  const { model, identity } = quote;
  const hint = 'agentguard models --sync-pricing fetches the prices of today';
  return { kind: 'unbounded', model, identity, code: 'stale_price', message, reason: message, hint };
}

/** The key `maxPriceAge`: days as a whole number, or text such as `7d`, `12h` and `30m`. In milliseconds. */
export function readMaxPriceAge(fields: Fields): number | undefined {
  const value = fields.data.maxPriceAge;
  if (value === undefined) return undefined;
  const [, count = '', unit = 'd'] =
    /^(\d{1,6})([mhd])$/.exec(typeof value === 'string' ? value : `${value}d`) ?? [];
  const ageMs = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (count !== '' && ageMs > 0 && ageMs <= LONGEST_MS) return ageMs;
  noteProblem(
    fields.problems,
    joinPath(fields.path, 'maxPriceAge'),
    `must be a number of days, or text such as "7d", "12h" or "30m", at most 366 days, found ${describe(value)}`,
  );
  return undefined;
}
