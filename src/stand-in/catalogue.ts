/** What the stand-in knows about models: looking one up by any of its spellings, and the catalogue answers (design: `GET /models`). */
import type { JsonObject } from '../core/json.js';
import { parseUsd, type Usd } from '../core/money.js';

/** Prices in US dollars as decimal text: per token, except `request`, `image` and `web_search`, which are each. */
export interface Prices {
  readonly prompt: string;
  readonly completion: string;
  readonly [unit: string]: string;
}

/** One provider that serves a model. */
export interface Endpoint {
  readonly provider: string;
  /** Such as `amazon-bedrock/us`; `provider.only` and its kin name it, or the part before the slash. */
  readonly tag: string;
  readonly pricing: Prices;
  readonly contextLength: number;
  /** `null`: only the context length bounds an answer. */
  readonly maxCompletionTokens: number | null;
}

export interface StandInModel {
  readonly id: string;
  /** Canonical slug: what an answer's `model` says. */
  readonly slug: string;
  readonly name: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly endpoints: readonly Endpoint[];
  /** For aliases and routers: the id that really answers. */
  readonly routesTo?: string;
  /** Prices in the list of models where they are not those of the cheapest endpoint. */
  readonly listed?: Prices;
}

/** Suffixes that change how a request is routed, not what is served. */
const ROUTING_SUFFIX = /:(?:nitro|floor|exacto)$/;

/**
 * Finds a model by id, canonical slug, or either with dashes for dots (`claude-haiku-4-5`), and follows aliases.
 * `undefined` when the catalogue does not have it.
 */
export function resolveModel(models: readonly StandInModel[], written: string): StandInModel | undefined {
  const wanted = foldName(written.replace(ROUTING_SUFFIX, ''));
  const found =
    models.find((model) => foldName(model.id) === wanted) ??
    models.find((model) => foldName(model.slug) === wanted);
  if (found?.routesTo === undefined) return found;
  return models.find((model) => model.id === found.routesTo);
}

/** The name an answer carries: the canonical slug with the variant that was asked for. */
export function servedName(model: StandInModel): string {
  const variant = /:[a-z]+$/.exec(model.id)?.[0] ?? '';
  return model.slug + variant;
}

/** A unit price of an endpoint, 0 where it lists none. @throws RangeError for a table that is not decimal text. */
export function unitPrice(endpoint: Endpoint, unit: string): Usd {
  const price = parseUsd(endpoint.pricing[unit] ?? '0');
  if (price === undefined || price < 0n) throw new RangeError(`price of ${endpoint.tag} for ${unit}`);
  return price;
}

/** Endpoints from cheapest to dearest by input plus output price; ties keep the table's order. */
export function sortByPrice(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const cost = (endpoint: Endpoint) => unitPrice(endpoint, 'prompt') + unitPrice(endpoint, 'completion');
  return endpoints.toSorted((a, b) => (cost(a) < cost(b) ? -1 : cost(a) > cost(b) ? 1 : 0));
}

/** The whole list as `GET /models` answers it. */
export function printModels(models: readonly StandInModel[]): JsonObject {
  return { data: models.map((model) => printModel(models, model)) };
}

/** All endpoints of one model as `GET /models/{author}/{slug}/endpoints` answers them. */
export function printEndpoints(model: StandInModel): JsonObject {
  return {
    data: {
      id: model.id,
      name: model.name,
      created: model.created,
      description: '',
      architecture: ARCHITECTURE,
      endpoints: model.endpoints.map((endpoint) => printEndpoint(model, endpoint)),
    },
  };
}

const ARCHITECTURE: JsonObject = {
  modality: 'text->text',
  input_modalities: ['text'],
  output_modalities: ['text'],
  tokenizer: 'Other',
  instruct_type: null,
};
const PARAMETERS = ['max_tokens', 'response_format', 'stop', 'temperature', 'tool_choice', 'tools', 'top_p'];

function foldName(name: string): string {
  return name.toLowerCase().replaceAll('.', '-');
}

function printModel(models: readonly StandInModel[], model: StandInModel): JsonObject {
  const isAlias = model.id.startsWith('~');
  // An alias lists the limits of its target; a router has none until it has routed.
  const limited = isAlias ? resolveModel(models, model.id) : model;
  const cheapest = sortByPrice(limited?.endpoints ?? [])[0];
  const contextLength = cheapest?.contextLength ?? null;
  return {
    id: model.id,
    canonical_slug: model.slug,
    hugging_face_id: '',
    name: model.name,
    created: model.created,
    description: '',
    context_length: contextLength ?? 2_000_000,
    architecture: ARCHITECTURE,
    pricing: { ...(model.listed ?? cheapest?.pricing) },
    top_provider: {
      context_length: contextLength,
      max_completion_tokens: cheapest?.maxCompletionTokens ?? null,
      is_moderated: false,
    },
    per_request_limits: null,
    supported_parameters: PARAMETERS,
    default_parameters: {},
    supported_voices: null,
    knowledge_cutoff: null,
    expiration_date: null,
    links: { details: `/api/v1/models/${model.slug}/endpoints` },
    ...(isAlias && model.routesTo !== undefined ? { alias_target: model.routesTo } : {}),
  };
}

function printEndpoint(model: StandInModel, endpoint: Endpoint): JsonObject {
  return {
    name: `${endpoint.provider} | ${model.slug}`,
    model_id: model.id,
    model_name: model.name,
    context_length: endpoint.contextLength,
    pricing: { ...endpoint.pricing, discount: 0 },
    provider_name: endpoint.provider,
    tag: endpoint.tag,
    quantization: 'unknown',
    max_completion_tokens: endpoint.maxCompletionTokens,
    max_prompt_tokens: null,
    supported_parameters: PARAMETERS,
    status: 0,
    uptime_last_30m: 100,
    uptime_last_5m: 100,
    uptime_last_1d: 100,
    supports_implicit_caching: false,
    latency_last_30m: null,
    throughput_last_30m: null,
  };
}
