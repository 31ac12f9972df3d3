/** What a read request would cost on a model, in the words a refusal needs. */
import { findNearest } from '../core/nearest.js';
import type { Policy } from '../core/policy.js';
import { type Quote, quoteCall } from '../core/price.js';
import { boundTokens, type ChatRequest } from './chat-request.js';
import { findCostOverride, listCostOverrides } from './cost-overrides.js';

/** How to make a refused request bounded. */
const REQUEST_REFUSED_HINT = 'docs/policy.md lists what a guarded request may contain';

/** Quotes a chat request on any model: bounded, or refused with the field or the missing price named. */
export function quoteChat(request: ChatRequest, policy: Policy): (model: string) => Quote {
  const bounds = boundTokens(request, policy.defaultMaxOutputTokens);
  return (model) => {
    if (request.unbounded) {
      const { field, reason, isUnknown } = request.unbounded;
      const say = (name: string) => `the cost of the request has no upper bound: ${name} ${reason}`;
      return unbounded(model, say(field), say(isUnknown ? 'a field' : field));
    }
    const price = findCostOverride(model);
    return price ? quoteCall(price, bounds, policy.priceHeadroomPpm) : unknownPrice(model);
  };
}

/** The quote of a chat request whose body could not be read. */
export function refuseUnread(): (model: string) => Quote {
  const message = 'the request has no JSON body that names a model, so its cost has no upper bound';
  return (model) => unbounded(model, message, message);
}

/** The quote of a request that no reader knows: it is refused, also in shadow mode. */
export function refuseQuote(path: string): (model: string) => Quote {
  const message = `requests to ${path} are not guarded yet, so they are not sent`;
  const hint = 'use chat.completions, or a client of its own that you do not guard';
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
export function unknownPrice(model: string): Quote {
  const known = listCostOverrides().map((price) => price.model);
  const near = findNearest(model, known, 3);
  const message = `no price is known for ${JSON.stringify(model)}${near.length > 0 ? `; known and close: ${near.join(', ')}` : ''}`;
  const hint = `set one: setCostOverride(${JSON.stringify(model)}, { inputCentsPerKtok, outputCentsPerKtok })`;
  return { kind: 'unbounded', model, code: 'unknown_price', message, reason: message, hint };
}

function unbounded(model: string, message: string, reason: string): Quote {
  return { kind: 'unbounded', model, code: 'unbounded', message, reason, hint: REQUEST_REFUSED_HINT };
}
