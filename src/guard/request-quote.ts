/** What a read request would cost on a model, in the words a refusal needs. */
import { maxUsd } from '../core/money.js';
import { findNearest } from '../core/nearest.js';
import type { Policy } from '../core/policy.js';
import { type BoundedQuote, boundCost, type Quote, quoteCall, type TokenBounds } from '../core/price.js';
import { findCostOverride, listCostOverrides } from './cost-overrides.js';
import { GUARDED_PATHS } from './requests/index.js';
import { boundTokens, type SpendRequest } from './requests/spend-request.js';

/** How to make a refused request bounded. */
const REQUEST_REFUSED_HINT = 'docs/policy.md lists what a guarded request may contain';

/** Quotes a request on any model: bounded, or refused with the field or the missing price named. */
export function quoteRequest(
  request: SpendRequest,
  policy: Policy,
  provider: string,
): (model: string) => Quote {
  const bounds = boundTokens(request, provider, policy.defaultMaxOutputTokens);
  const quote = (model: string) => quoteModel(model, bounds, policy.priceHeadroomPpm);
  return (model) => {
    if (request.unbounded) {
      const { field, reason, isUnknown } = request.unbounded;
      const say = (name: string) => `the cost of the request has no upper bound: ${name} ${reason}`;
      return unbounded(model, say(field), say(isUnknown ? 'a field' : field));
    }
    const asked = quote(model);
    // Another model than the asked one is sent alone; the asked one with its fallbacks, any of which may answer.
    return model === request.model ? request.fallbacks.map(quote).reduce(joinQuotes, asked) : asked;
  };
}

/** Tokens × the price of one model, or why that price is not known. */
export function quoteModel(model: string, bounds: TokenBounds, headroomPpm: bigint): Quote {
  const price = findCostOverride(model);
  return price ? quoteCall(price, bounds, headroomPpm) : unknownPrice(model);
}

/** Either model may answer: the dearer of each price bounds the call. */
function joinQuotes(first: Quote, other: Quote): Quote {
  if (first.kind === 'unbounded') return first;
  if (other.kind === 'unbounded') return { ...other, model: first.model };
  const maxInputUsd = maxUsd(first.maxInputUsd, other.maxInputUsd);
  const maxOutputUsd = maxUsd(first.maxOutputUsd, other.maxOutputUsd);
  const joined: BoundedQuote = { ...first, hasFallbacks: true, maxInputUsd, maxOutputUsd };
  return { ...joined, reservedUsd: boundCost(joined) };
}

/** The quote of a request whose body could not be read. */
export function refuseUnread(): (model: string) => Quote {
  const message = 'the request has no JSON body that names a model, so its cost has no upper bound';
  return (model) => unbounded(model, message, message);
}

/** The quote of a request that no reader knows: it is refused, also in shadow mode. */
export function refuseQuote(path: string): (model: string) => Quote {
  const message = `requests to ${path} are not guarded yet, so they are not sent`;
  const hint = `guarded are ${GUARDED_PATHS.join(', ')}; anything else needs a client that is not guarded`;
  return (model) => ({
    kind: 'unbounded',
    model,
    code: 'path_not_supported',
    message,
    reason: message,
    hint,
  });
}

/** Refused for want of a price, with the known models that are spelled most alike. */
function unknownPrice(model: string): Quote {
  const known = listCostOverrides().map((price) => price.model);
  const near = findNearest(model, known, 3);
  const message = `no price is known for ${JSON.stringify(model)}${near.length > 0 ? `; known and close: ${near.join(', ')}` : ''}`;
  const hint = `set one: setCostOverride(${JSON.stringify(model)}, { inputCentsPerKtok, outputCentsPerKtok })`;
  return { kind: 'unbounded', model, code: 'unknown_price', message, reason: message, hint };
}

function unbounded(model: string, message: string, reason: string): Quote {
  return { kind: 'unbounded', model, code: 'unbounded', message, reason, hint: REQUEST_REFUSED_HINT };
}
