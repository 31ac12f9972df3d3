/**
 * A request that can cost money, read from above (docs/policy.md "What a request may contain"): whatever a reader does
 * not know, it names; a field that nobody bounded is never let through unseen.
 */
import type { BoundedQuote, TokenBounds } from '../../core/price.js';
import type { Routes } from '../../core/provider-rule.js';
import { type Check, type Fields, findUnbounded, isObject, type UnboundedField } from './field-checks.js';
import { withPriceCeiling } from './price-ceiling.js';
import { withRoutes } from './provider-routes.js';
import { countReprint } from './reprint.js';
import { readFallbacks } from './shared-fields.js';

/** How one path of the API names things. One object per path. */
export interface RequestReader {
  /** End of the address, such as `/chat/completions`. */
  readonly path: string;
  readonly checks: Readonly<Record<string, Check>>;
  /** Messages or items around which a provider may put template tokens. */
  readonly countMessages: (body: Fields) => number;
  /** Tools, or a schema that the answer must have. */
  readonly hasTools: (body: Fields) => boolean;
  /** How many answers the request asks for. */
  readonly countChoices: (body: Fields) => number;
  /** Names of the fields that limit output tokens per answer; none: the path has no output tokens. */
  readonly outputLimits: readonly string[];
  /** The one to send when the caller names none. `undefined`: nothing is sent, and this many tokens are assumed. */
  readonly sentLimit: (provider: string) => string | { readonly assumed: number };
  /** Whether OpenAI's streams on this path name their usage only when asked to. */
  readonly streamsUsageOnRequest: boolean;
}

/** The money-relevant facts of one request. */
export interface SpendRequest {
  readonly reader: RequestReader;
  readonly body: Fields;
  readonly model: string;
  /** Models that may answer instead, in order. */
  readonly fallbacks: readonly string[];
  readonly stream: boolean;
  readonly bodyBytes: number;
  /** Cache writes may be billed at up to twice the input price. */
  readonly writesCache: boolean;
  readonly choices: number;
  /** Output tokens per answer that the caller allows; `undefined`: not said. */
  readonly maxOutputTokens: number | undefined;
  /** The first field that cannot be bounded, with the reason. */
  readonly unbounded: UnboundedField | undefined;
}

/** Template overhead that a provider may add around each message, in tokens. */
const TOKENS_PER_MESSAGE = 64;
/** Preamble that a provider may add when tools or a schema are present, in tokens. */
const TOKENS_FOR_TOOLS = 1024;
/** Output that a call is expected, not bounded, to have. */
const EXPECTED_OUTPUT_TOKENS = 1024;
/** Bytes of request per input token, for estimates only. */
const EXPECTED_BYTES_PER_TOKEN = 4;

/** Reads a body. @returns the facts, or `undefined` when it is not an object that names a model. */
export function readRequest(reader: RequestReader, body: unknown): SpendRequest | undefined {
  if (!isObject(body) || typeof body.model !== 'string' || body.model === '') return undefined;
  const json = JSON.stringify(body);
  const limits = reader.outputLimits.map((name) => body[name]).filter((value) => typeof value === 'number');
  return {
    reader,
    body,
    model: body.model,
    fallbacks: readFallbacks(body),
    stream: body.stream === true,
    bodyBytes: Buffer.byteLength(json),
    writesCache: json.includes('"cache_control"'),
    choices: reader.countChoices(body),
    maxOutputTokens: limits.length > 0 ? Math.max(...limits, reasoningLimit(body)) : undefined,
    unbounded: findUnbounded(body, reader.checks),
  };
}

/** What a model gives when asked for no more, in tokens; `undefined`: not known. */
export interface ModelLimits {
  readonly maxOutputTokens?: number | undefined;
}

/** The most input tokens of this request: never more tokens than bytes, and template tokens on top. */
export function boundInput({ reader, body, bodyBytes }: SpendRequest): number {
  return (
    bodyBytes +
    TOKENS_PER_MESSAGE * reader.countMessages(body) +
    (reader.hasTools(body) ? TOKENS_FOR_TOOLS : 0) +
    countReprint(body)
  );
}

/** The most tokens this request may be billed for on a model with these limits, and an honest estimate. */
export function boundTokens(
  request: SpendRequest,
  provider: string,
  defaultMaxOutputTokens: number,
  limits: ModelLimits,
): TokenBounds {
  const { reader, bodyBytes, choices } = request;
  const perChoice =
    request.maxOutputTokens ?? assumedOutput(reader, provider, defaultMaxOutputTokens, limits);
  return {
    inputTokens: boundInput(request),
    outputTokens: perChoice * choices,
    expectedInputTokens: Math.ceil(bodyBytes / EXPECTED_BYTES_PER_TOKEN),
    expectedOutputTokens: Math.min(perChoice, EXPECTED_OUTPUT_TOKENS) * choices,
    writesCache: request.writesCache,
  };
}

/**
 * The body as it is sent: the decided model, the output limit that the bound assumed, and for OpenRouter the prices in
 * the bound and the providers that the rules allow, never looser than what the caller asked for. Another model than the asked one drops the fallbacks.
 */
export function rewriteBody(
  request: SpendRequest,
  quote: BoundedQuote,
  provider: string,
  routes: Routes | null,
): Fields {
  const body: Record<string, unknown> = { ...request.body, model: quote.model };
  if (quote.model !== request.model) delete body.models;
  const limit = request.reader.sentLimit(provider);
  if (request.maxOutputTokens === undefined && typeof limit === 'string')
    body[limit] = quote.bounds.outputTokens / request.choices;
  if (asksForUsage(request, provider))
    body.stream_options = { ...(body.stream_options as object | undefined), include_usage: true };
  if (provider === 'openrouter') body.provider = withRoutes(withPriceCeiling(body.provider, quote), routes);
  return body;
}

/** OpenAI's chat streams name their usage only on request; OpenRouter's always do, and so do responses. */
export function asksForUsage(request: SpendRequest, provider: string): boolean {
  if (!request.stream || !request.reader.streamsUsageOnRequest || provider !== 'openai') return false;
  const options = request.body.stream_options;
  return !(isObject(options) && options.include_usage === true);
}

/** Some providers count thinking outside the output limit: the larger of the two bounds the answer. */
function reasoningLimit({ reasoning }: Fields): number {
  const limit = isObject(reasoning) ? reasoning.max_tokens : undefined;
  return typeof limit === 'number' ? limit : 0;
}

function assumedOutput(
  reader: RequestReader,
  provider: string,
  defaultMaxOutputTokens: number,
  { maxOutputTokens }: ModelLimits,
): number {
  if (reader.outputLimits.length === 0) return 0;
  const limit = reader.sentLimit(provider);
  if (typeof limit !== 'string') return limit.assumed;
  return Math.min(defaultMaxOutputTokens, maxOutputTokens ?? Number.POSITIVE_INFINITY);
}
