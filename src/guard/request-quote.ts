/** What a read request would cost on a model, in the words a refusal needs. */
import { normalizeModelId } from '../core/model-id.js';
import type { RequestLimits } from '../core/policy-set.js';
import { joinQuotes, type Quote, quoteCall, type TokenBounds } from '../core/price.js';
import type { PriceBook, PricedSpan, Unpriced } from './price-book.js';
import { GUARDED_PATHS } from './requests/index.js';
import { boundInput, boundTokens, type ModelLimits, type SpendRequest } from './requests/spend-request.js';

/** Quotes one call on any model at a moment, milliseconds since 1970. */
export type Quoter = (model: string, nowMs: number) => Quote;

/** How to make a refused request bounded. */
const REQUEST_REFUSED_HINT = 'docs/policy.md lists what a guarded request may contain';

/** Quotes a request on any model: bounded, or refused with the field or the missing price named. */
export function quoteRequest(
  request: SpendRequest,
  limits: RequestLimits,
  provider: string,
  book: PriceBook,
): Quoter {
  const inputTokens = boundInput(request);
  const { writesCache } = request;
  const bound = (model: ModelLimits) => boundTokens(request, provider, limits.defaultMaxOutputTokens, model);
  const quote: Quoter = (model, nowMs) =>
    quoteModel(book, model, { inputTokens, nowMs, writesCache }, bound, limits.priceHeadroomPpm);
  return (model, nowMs) => {
    if (request.unbounded) {
      const { field, reason, isUnknown } = request.unbounded;
      const say = (name: string) => `the cost of the request has no upper bound: ${name} ${reason}`;
      return unbounded(model, say(field), say(isUnknown ? 'a field' : field));
    }
    // Another model than the asked one is sent alone; the asked one with its fallbacks, any of which may answer.
    const fallbacks = model === request.model ? request.fallbacks : [];
    return fallbacks.reduce(
      (joined, other) => joinFallback(joined, other, quote(other, nowMs)),
      quote(model, nowMs),
    );
  };
}

/** Tokens × the price of one model, or why that price is not known. */
export function quoteModel(
  book: PriceBook,
  model: string,
  span: PricedSpan,
  bound: (limits: ModelLimits) => TokenBounds,
  headroomPpm: bigint,
): Quote {
  const price = book.find(model, span);
  return 'code' in price ? refusePrice(model, price) : quoteCall(price, bound(price), headroomPpm);
}

/** The quote with the larger bound, when both are of one model. */
export function dearerQuote(quote: Quote, earlier: Quote): Quote {
  const both = quote.kind === 'bounded' && earlier.kind === 'bounded' && quote.model === earlier.model;
  return both && earlier.reservedUsd > quote.reservedUsd ? earlier : quote;
}

function joinFallback(joined: Quote, fallback: string, other: Quote): Quote {
  if (joined.kind === 'unbounded') return joined;
  if (other.kind === 'bounded' && other.model === fallback) return joinQuotes(joined, other);
  // An alias is sent as the model it stood for when it was decided; in a list it could move to another one.
  if (other.kind === 'bounded')
    return unbounded(joined.model, `models lists ${fallback}, an alias: name ${other.model} instead`);
  return { ...other, model: joined.model, identity: joined.identity };
}

function refusePrice(model: string, { code, message, hint }: Unpriced): Quote {
  return {
    kind: 'unbounded',
    model,
    identity: normalizeModelId(model),
    code,
    message,
    reason: message,
    hint,
  };
}

/** The quote of a request whose body could not be read. */
export function refuseUnread(): Quoter {
  const message = 'the request has no JSON body that names a model, so its cost has no upper bound';
  return (model) => unbounded(model, message, message);
}

/** The quote of a request that no reader knows: it is refused, also in shadow mode. */
export function refuseQuote(path: string): Quoter {
  const message = `requests to ${path} are not guarded yet, so they are not sent`;
  const hint = `guarded are ${GUARDED_PATHS.join(', ')}; anything else needs a client that is not guarded`;
  return (model) => ({
    kind: 'unbounded',
    model,
    identity: normalizeModelId(model),
    code: 'path_not_supported',
    message,
    reason: message,
    hint,
  });
}

function unbounded(model: string, message: string, reason = message): Quote {
  const identity = normalizeModelId(model);
  return {
    kind: 'unbounded',
    model,
    identity,
    code: 'unbounded',
    message,
    reason,
    hint: REQUEST_REFUSED_HINT,
  };
}
