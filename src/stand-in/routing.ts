/** Chooses the model and the endpoint that serve a request, within `provider` preferences and `max_price`. */
import type { Usd } from '../core/money.js';
import { type Endpoint, resolveModel, type StandInModel, sortByPrice, unitPrice } from './catalogue.js';
import { type ChatRequest, PRICE_UNITS, type ProviderPreferences } from './chat-request.js';

/** Which of the endpoints that fit is taken: `dearest` shows what an unguarded request can cost. */
export type RoutingTaste = 'cheapest' | 'dearest';

export interface Route {
  readonly ok: true;
  readonly requested: string;
  readonly model: StandInModel;
  readonly endpoint: Endpoint;
  /** Models that were tried before, in order. */
  readonly failed: readonly string[];
  /** All endpoints of the model that fitted. */
  readonly candidates: readonly Endpoint[];
}

/** Why nothing can serve the request. */
export interface NoRoute {
  readonly ok: false;
  readonly why: 'model-not-found' | 'no-provider' | 'max-price' | 'model-failed';
  readonly requested: string;
}

export interface RoutingRules {
  readonly models: readonly StandInModel[];
  readonly taste: RoutingTaste;
  /** Models scripted to fail, as ids, slugs or any spelling of them. */
  readonly failing: readonly string[];
  /** Provider to take, by name or tag, when it fits. */
  readonly provider: string | undefined;
}

/** Tries the model asked for, then its fallbacks. An unknown id ends the search: the real service refuses it at once. */
export function chooseRoute(request: ChatRequest, rules: RoutingRules): Route | NoRoute {
  const failed: string[] = [];
  let last: NoRoute | undefined;
  for (const requested of request.models) {
    const route = routeModel(requested, request.provider, rules);
    if (route.ok) return { ...route, failed };
    if (route.why === 'model-not-found') return route;
    last = route;
    failed.push(requested);
  }
  if (last === undefined) throw new RangeError('a request names at least one model');
  return last;
}

function routeModel(requested: string, wanted: ProviderPreferences, rules: RoutingRules): Route | NoRoute {
  const no = (why: NoRoute['why']): NoRoute => ({ ok: false, why, requested });
  const model = resolveModel(rules.models, requested);
  if (model === undefined) return no('model-not-found');
  if (rules.failing.some((name) => resolveModel(rules.models, name)?.id === model.id))
    return no('model-failed');
  const allowed = model.endpoints.filter((endpoint) => isAllowed(endpoint, wanted));
  if (allowed.length === 0) return no('no-provider');
  const candidates = allowed.filter((endpoint) => fitsPrice(endpoint, wanted.maxPrice));
  const endpoint = pickEndpoint(candidates, wanted.order, rules);
  return endpoint === undefined
    ? no('max-price')
    : { ok: true, requested, model, endpoint, failed: [], candidates };
}

function pickEndpoint(
  candidates: readonly Endpoint[],
  order: readonly string[],
  rules: RoutingRules,
): Endpoint | undefined {
  const scripted =
    rules.provider === undefined ? undefined : candidates.find((one) => isNamed(one, rules.provider!));
  if (scripted !== undefined) return scripted;
  for (const name of order) {
    const ordered = candidates.find((one) => isNamed(one, name));
    if (ordered !== undefined) return ordered;
  }
  return sortByPrice(candidates).at(rules.taste === 'cheapest' ? 0 : -1);
}

function isAllowed(endpoint: Endpoint, wanted: ProviderPreferences): boolean {
  const named = (name: string) => isNamed(endpoint, name);
  if (wanted.only !== undefined && !wanted.only.some(named)) return false;
  if (wanted.order.length > 0 && !wanted.allowFallbacks && !wanted.order.some(named)) return false;
  return !wanted.ignore.some(named);
}

function isNamed(endpoint: Endpoint, name: string): boolean {
  const folded = name.toLowerCase();
  const tag = endpoint.tag.toLowerCase();
  return folded === tag || folded === tag.split('/')[0] || folded === endpoint.provider.toLowerCase();
}

function fitsPrice(endpoint: Endpoint, limits: ProviderPreferences['maxPrice']): boolean {
  return PRICE_UNITS.every((unit) => {
    const limit = limits[unit];
    return limit === undefined || priceInLimitUnit(endpoint, unit) <= limit;
  });
}

function priceInLimitUnit(endpoint: Endpoint, unit: (typeof PRICE_UNITS)[number]): Usd {
  const price = unitPrice(endpoint, unit);
  return unit === 'prompt' || unit === 'completion' ? price * 1_000_000n : price;
}
