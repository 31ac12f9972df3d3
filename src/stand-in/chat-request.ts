/** Reads the body of a chat request strictly; everything the stand-in does not use is ignored politely. */
import { isObject, type JsonObject } from '../core/json.js';
import { parseUsd, type Usd } from '../core/money.js';

/** Units that `provider.max_price` may bound. Input and output are per million tokens, the others per piece. */
export const PRICE_UNITS = ['prompt', 'completion', 'request', 'image', 'audio'] as const;
type PriceUnit = (typeof PRICE_UNITS)[number];

/** Where a request may be served. */
export interface ProviderPreferences {
  readonly only: readonly string[] | undefined;
  readonly ignore: readonly string[];
  readonly order: readonly string[];
  readonly allowFallbacks: boolean;
  /** As sent: US dollars per million tokens, or per piece. */
  readonly maxPrice: { readonly [U in PriceUnit]?: Usd };
}

export interface ChatRequest {
  /** The model asked for, then its fallbacks. */
  readonly models: readonly string[];
  readonly messages: readonly JsonObject[];
  /** The smaller of `max_tokens` and `max_completion_tokens`. */
  readonly maxTokens: number | undefined;
  readonly n: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly provider: ProviderPreferences;
  /** UTF-8 bytes of messages and tools: what the token count is made from. */
  readonly promptBytes: number;
}

/** One thing wrong with a body, in the shape of the schema check's message. */
interface Issue {
  readonly code: string;
  readonly path: readonly string[];
  readonly message: string;
}

export type ReadChatRequest =
  | { readonly ok: true; readonly request: ChatRequest }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Reads a parsed body. Untrusted: every fault becomes an issue, none throws. */
export function readChatRequest(body: unknown): ReadChatRequest {
  if (!isObject(body)) return { ok: false, issues: [issue([], 'Expected an object')] };
  const issues: Issue[] = [];
  const messages = readMessages(body.messages, issues);
  const models = readModels(body, issues);
  const maxima = [readCount(body, 'max_tokens', issues), readCount(body, 'max_completion_tokens', issues)];
  const known = maxima.filter((max) => max !== undefined);
  const n = readCount(body, 'n', issues) ?? 1;
  if (n > 128) issues.push(issue(['n'], 'At most 128'));
  const provider = readProvider(body.provider, issues);
  const options = readOptional(body, 'stream_options', isObject, issues);
  const stream = readOptional(body, 'stream', isBoolean, issues) ?? false;
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    request: {
      models,
      messages,
      maxTokens: known.length === 0 ? undefined : Math.min(...known),
      n,
      stream,
      includeUsage: options?.include_usage === true,
      provider,
      promptBytes: Buffer.byteLength(JSON.stringify([messages, body.tools ?? []])),
    },
  };
}

function readMessages(value: unknown, issues: Issue[]): readonly JsonObject[] {
  if (!Array.isArray(value)) {
    issues.push(issue(['messages'], value === undefined ? 'Required' : 'Expected an array'));
    return [];
  }
  if (value.length === 0) issues.push(issue(['messages'], 'At least one message'));
  value.forEach((message, index) => {
    if (!isObject(message)) issues.push(issue(['messages', String(index)], 'Expected an object'));
    else if (typeof message.role !== 'string')
      issues.push(issue(['messages', String(index), 'role'], 'Required'));
  });
  return value;
}

function readModels(body: JsonObject, issues: Issue[]): readonly string[] {
  const first = readOptional(body, 'model', isText, issues);
  const fallbacks = readOptional(body, 'models', isTexts, issues) ?? [];
  const models = first === undefined ? fallbacks : [first, ...fallbacks];
  if (models.length === 0) issues.push(issue(['model'], 'Required'));
  return [...new Set(models)];
}

function readProvider(value: unknown, issues: Issue[]): ProviderPreferences {
  const wanted = isObject(value) ? value : {};
  if (value !== undefined && value !== null && !isObject(value))
    issues.push(issue(['provider'], 'Expected an object'));
  const at = ['provider'];
  return {
    only: readOptional(wanted, 'only', isTexts, issues, at),
    ignore: readOptional(wanted, 'ignore', isTexts, issues, at) ?? [],
    order: readOptional(wanted, 'order', isTexts, issues, at) ?? [],
    allowFallbacks: readOptional(wanted, 'allow_fallbacks', isBoolean, issues, at) ?? true,
    maxPrice: readMaxPrice(readOptional(wanted, 'max_price', isObject, issues, at) ?? {}, issues),
  };
}

function readMaxPrice(sent: JsonObject, issues: Issue[]): ProviderPreferences['maxPrice'] {
  const limits: { [U in PriceUnit]?: Usd } = {};
  for (const unit of PRICE_UNITS) {
    const value = sent[unit];
    if (value === undefined || value === null) continue;
    const price =
      typeof value === 'string' || typeof value === 'number' ? parseUsd(String(value), 'up') : undefined;
    if (price === undefined || price < 0n)
      issues.push(issue(['provider', 'max_price', unit], 'Expected a price ≥ 0'));
    else limits[unit] = price;
  }
  return limits;
}

function readCount(body: JsonObject, key: string, issues: Issue[]): number | undefined {
  const isCount = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
  return readOptional(body, key, isCount, issues);
}

function readOptional<T>(
  body: JsonObject,
  key: string,
  fits: (value: unknown) => value is T,
  issues: Issue[],
  at: readonly string[] = [],
): T | undefined {
  const value: unknown = body[key];
  if (value === undefined || value === null) return undefined;
  if (fits(value)) return value;
  issues.push(issue([...at, key], 'Wrong type or out of range'));
  return undefined;
}

function issue(path: readonly string[], message: string): Issue {
  return { code: message === 'Required' ? 'invalid_type' : 'custom', path, message };
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}
