/**
 * Reads a chat-completions request and finds everything in it that can cost money (docs/policy.md "What a request may
 * contain"). Whatever it does not know, it names: a field that nobody bounded is never let through unseen.
 */
import { parseUsd, printUsdPerMtok, type Usd } from '../core/money.js';
import type { BoundedQuote, TokenBounds } from '../core/price.js';

/** The money-relevant facts of one request. */
export interface ChatRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly stream: boolean;
  readonly bodyBytes: number;
  readonly messageCount: number;
  readonly hasTools: boolean;
  /** Cache writes may be billed at up to twice the input price. */
  readonly writesCache: boolean;
  readonly choices: number;
  /** Output tokens per choice that the caller allows; `undefined`: not said. */
  readonly maxOutputTokens: number | undefined;
  /** The first field that cannot be bounded, with the reason. */
  readonly unbounded: UnboundedField | undefined;
}

export interface UnboundedField {
  readonly field: string;
  readonly reason: string;
  /** The name of the field is the caller's own text, not one of ours. */
  readonly isUnknown?: true;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown, field: string) => UnboundedField | undefined;

/** Template overhead that a provider may add around each message, in tokens. */
const TOKENS_PER_MESSAGE = 64;
/** Preamble that a provider may add when tools are present, in tokens. */
const TOKENS_FOR_TOOLS = 1024;
/** Output that a call is expected, not bounded, to have. */
const EXPECTED_OUTPUT_TOKENS = 1024;
/** Bytes of request per input token, for estimates only. */
const EXPECTED_BYTES_PER_TOKEN = 4;

const harmless: Check = () => undefined;
const unless =
  (allowed: (value: unknown) => boolean, reason: string): Check =>
  (value, field) =>
    value === undefined || value === null || allowed(value) ? undefined : { field, reason };
const count = unless(
  (value) => Number.isSafeInteger(value) && (value as number) > 0,
  'must be a whole number above 0',
);

const REASONS = {
  unknown: 'is not a field this version can bound',
  files: 'images, audio and files are not bounded yet',
  paid: 'adds a paid service whose cost is not bounded yet',
  otherModels: 'lets other models answer, which are not checked yet',
} as const;

/** Every field of a request that is known, and what makes its value unbounded. */
const FIELDS: Readonly<Record<string, Check>> = {
  model: unless(isPlainModel, 'names a preset or a paid variant (:online), which is not bounded yet'),
  messages: checkMessages,
  max_tokens: count,
  max_completion_tokens: count,
  n: count,
  tools: checkTools,
  functions: harmless,
  provider: checkProvider,
  reasoning: checkKeys(['effort', 'max_tokens', 'exclude', 'enabled', 'summary']),
  modalities: unless((value) => isEqual(value, ['text']), REASONS.files),
  models: unless((value) => isEqual(value, []), REASONS.otherModels),
  fallbacks: unless((value) => isEqual(value, []), REASONS.otherModels),
  route: unless(() => false, REASONS.otherModels),
  preset: unless(() => false, REASONS.otherModels),
  plugins: unless((value) => isEqual(value, []), REASONS.paid),
  web_search_options: unless(() => false, REASONS.paid),
  service_tier: unless((value) => value === 'default' || value === 'auto' || value === 'flex', REASONS.paid),
  speed: unless((value) => value === 'standard', REASONS.paid),
  audio: unless(() => false, REASONS.files),
  image_config: unless(() => false, REASONS.files),
  prediction: unless(() => false, 'rejected predictions are billed on top and are not bounded yet'),
};

for (const name of [
  'cache_control',
  'frequency_penalty',
  'function_call',
  'include_reasoning',
  'logit_bias',
  'logprobs',
  'metadata',
  'min_p',
  'parallel_tool_calls',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_retention',
  'reasoning_effort',
  'repetition_penalty',
  'response_format',
  'safety_identifier',
  'seed',
  'session_id',
  'stop',
  'store',
  'stream',
  'stream_options',
  'structured_outputs',
  'temperature',
  'tool_choice',
  'top_a',
  'top_k',
  'top_logprobs',
  'top_p',
  'transforms',
  'usage',
  'user',
  'verbosity',
])
  (FIELDS as Record<string, Check>)[name] = harmless;

const MESSAGE_KEYS = new Set([
  'role',
  'content',
  'name',
  'tool_calls',
  'tool_call_id',
  'function_call',
  'refusal',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'cache_control',
  'prefix',
  'annotations',
  'parsed',
]);

const PROVIDER_KEYS = [
  'order',
  'only',
  'ignore',
  'allow_fallbacks',
  'require_parameters',
  'data_collection',
  'quantizations',
  'sort',
  'max_price',
  'zdr',
  'enforce_distillable_text',
  'preferred_min_throughput',
  'preferred_max_latency',
];

/**
 * Reads the body of `POST /chat/completions`.
 *
 * @returns the facts, or `undefined` when the body is not an object that names a model.
 */
export function readChatRequest(body: unknown): ChatRequest | undefined {
  if (!isObject(body) || typeof body.model !== 'string' || body.model === '') return undefined;
  const json = JSON.stringify(body);
  const maxima = [body.max_tokens, body.max_completion_tokens].filter((value) => typeof value === 'number');
  return {
    body,
    model: body.model,
    stream: body.stream === true,
    bodyBytes: Buffer.byteLength(json),
    messageCount: Array.isArray(body.messages) ? body.messages.length : 0,
    hasTools: hasItems(body.tools) || hasItems(body.functions),
    writesCache: json.includes('"cache_control"'),
    choices: typeof body.n === 'number' ? body.n : 1,
    maxOutputTokens: maxima.length > 0 ? Math.max(...maxima) : undefined,
    unbounded: findUnbounded(body),
  };
}

/** The most tokens this request may be billed for, and an honest estimate. */
export function boundTokens(request: ChatRequest, defaultMaxOutputTokens: number): TokenBounds {
  const inputTokens =
    request.bodyBytes + TOKENS_PER_MESSAGE * request.messageCount + (request.hasTools ? TOKENS_FOR_TOOLS : 0);
  const perChoice = request.maxOutputTokens ?? defaultMaxOutputTokens;
  return {
    inputTokens,
    outputTokens: perChoice * request.choices,
    expectedInputTokens: Math.ceil(request.bodyBytes / EXPECTED_BYTES_PER_TOKEN),
    expectedOutputTokens: Math.min(perChoice, EXPECTED_OUTPUT_TOKENS) * request.choices,
    inputFactor: request.writesCache ? 2n : 1n,
  };
}

/**
 * The body as it is sent: the decided model, the output limit that the bound assumed, and for OpenRouter the prices in
 * the bound, never looser than what the caller asked for.
 */
export function rewriteBody(request: ChatRequest, quote: BoundedQuote, provider: string): Fields {
  const body: Record<string, unknown> = { ...request.body, model: quote.model };
  if (request.maxOutputTokens === undefined) {
    const key = provider === 'openai' ? 'max_completion_tokens' : 'max_tokens';
    body[key] = quote.bounds.outputTokens / request.choices;
  }
  if (asksForUsage(request, provider))
    body.stream_options = { ...(request.body.stream_options as object | undefined), include_usage: true };
  if (provider === 'openrouter') {
    const own = isObject(request.body.provider) ? request.body.provider : {};
    const caller = isObject(own.max_price) ? own.max_price : {};
    const max_price = {
      ...caller,
      prompt: tighter(caller.prompt, quote.maxInputUsd),
      completion: tighter(caller.completion, quote.maxOutputUsd),
      request: caller.request === undefined ? '0' : tighter(caller.request, 0n),
    };
    body.provider = { ...own, max_price };
  }
  return body;
}

/** OpenAI streams name their usage only on request; OpenRouter's always do. */
export function asksForUsage(request: ChatRequest, provider: string): boolean {
  const options = request.body.stream_options;
  return request.stream && provider === 'openai' && !(isObject(options) && options.include_usage === true);
}

function findUnbounded(body: Fields): UnboundedField | undefined {
  for (const [name, value] of Object.entries(body)) {
    const check = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (!check && value !== undefined) return { field: name, reason: REASONS.unknown, isUnknown: true };
    const found = check?.(value, name);
    if (found) return found;
  }
  return undefined;
}

/** Presets reach other models, and `:online` adds a paid search. */
function isPlainModel(model: unknown): boolean {
  return typeof model === 'string' && !model.includes('@') && !/:online\b/i.test(model);
}

function checkMessages(messages: unknown): UnboundedField | undefined {
  if (!Array.isArray(messages)) return { field: 'messages', reason: 'must be a list' };
  for (const [index, message] of messages.entries()) {
    const field = `messages[${index}]`;
    if (!isObject(message)) return { field, reason: 'must be an object' };
    const unknown = Object.keys(message).find((key) => message[key] != null && !MESSAGE_KEYS.has(key));
    if (unknown) return { field: `${field}.${unknown}`, reason: REASONS.unknown, isUnknown: true };
    const found = checkContent(message.content, `${field}.content`);
    if (found) return found;
  }
  return undefined;
}

function checkContent(content: unknown, field: string): UnboundedField | undefined {
  if (content == null || typeof content === 'string') return undefined;
  if (!Array.isArray(content)) return { field, reason: 'must be text or a list of parts' };
  const index = content.findIndex(
    (part) => !isObject(part) || (part.type !== 'text' && part.type !== 'refusal'),
  );
  return index < 0 ? undefined : { field: `${field}[${index}]`, reason: REASONS.files };
}

function checkTools(tools: unknown): UnboundedField | undefined {
  if (tools == null) return undefined;
  if (!Array.isArray(tools)) return { field: 'tools', reason: 'must be a list' };
  const index = tools.findIndex((tool) => !isObject(tool) || tool.type !== 'function');
  return index < 0
    ? undefined
    : { field: `tools[${index}]`, reason: 'tools that run upstream are not bounded yet' };
}

function checkProvider(value: unknown): UnboundedField | undefined {
  const found = checkKeys(PROVIDER_KEYS)(value, 'provider');
  if (found || !isObject(value) || value.max_price == null) return found;
  const unknown = checkKeys(['prompt', 'completion', 'request', 'image', 'audio'])(
    value.max_price,
    'provider.max_price',
  );
  if (unknown) return unknown;
  const bad = Object.entries(value.max_price as Fields).find(([, price]) => readPerMtok(price) === undefined);
  return (
    bad && {
      field: `provider.max_price.${bad[0]}`,
      reason: 'must be a decimal ≥ 0, in USD per million tokens',
    }
  );
}

function checkKeys(known: readonly string[]): Check {
  return (value, field) => {
    if (value == null) return undefined;
    if (!isObject(value)) return { field, reason: 'must be an object' };
    const unknown = Object.keys(value).find((key) => !known.includes(key));
    return unknown === undefined
      ? undefined
      : { field: `${field}.${unknown}`, reason: REASONS.unknown, isUnknown: true };
  };
}

/** The smaller of the caller's ceiling and ours, as USD per million tokens. */
function tighter(caller: unknown, oursPerToken: Usd): unknown {
  const theirs = readPerMtok(caller);
  return theirs !== undefined && theirs <= oursPerToken * 1_000_000n ? caller : printUsdPerMtok(oursPerToken);
}

function readPerMtok(value: unknown): Usd | undefined {
  const usd =
    typeof value === 'string' || typeof value === 'number' ? parseUsd(String(value), 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEqual(value: unknown, expected: readonly unknown[]): boolean {
  return (
    Array.isArray(value) && value.length === expected.length && value.every((item, i) => item === expected[i])
  );
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
