/**
 * The `given` of a decision row: what the decision read besides the row's other keys, so that anybody who has the policy
 * and the rows before can make it again (docs/receipt-format.md "given"). Names and figures only, never content.
 */
import type { Call, Decision } from './decide.js';
import { isObject, type Json, type JsonObject } from './json.js';
import type { NameModel } from './model-names.js';
import { parseUsd, printUsd, type Usd } from './money.js';
import { printNameEvidence, readNameEvidence } from './name-evidence.js';
import type { Policy } from './policy.js';
import type { BoundedQuote, Quote, UnboundedQuote } from './price.js';

/** What a decision read, as its row tells it. */
export interface Given {
  readonly action: Call['action'];
  readonly fallbacks: readonly string[];
  readonly name: NameModel;
  /** The providers that the request names to be routed to. */
  readonly providers: readonly string[];
  /** By the model that was asked about. */
  readonly quotes: ReadonlyMap<string, Quote>;
}

/** Slugs and names as they are in use; anything else is not written down. */
const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9 ./-]{0,40}$/;

type AskedCall = Pick<Call, 'actor' | 'model' | 'action' | 'name' | 'listFallbacks' | 'upstream'>;

/**
 * The evidence of one decision.
 *
 * @param quotes every quote that was asked for, by model
 * @param isModelId tells model ids from text in their place, which must not be written down
 */
export function printGiven(
  policies: readonly Policy[],
  call: AskedCall,
  decision: Decision,
  quotes: ReadonlyMap<string, Quote>,
  isModelId: (text: string) => boolean,
): JsonObject {
  const given: { [key: string]: Json } = {};
  if (call.action !== 'llm.generate') given.action = call.action;
  const models = listModels(policies, call, quotes);
  const printed = printQuotes(policies, call.model, decision, models, quotes);
  if (printed) given.quotes = printed;
  const routes = call.upstream?.routes ?? [];
  if (routes.length > 0 && policies.some(({ providerRules }) => providerRules.length > 0))
    given.providers = routes.every((name) => PROVIDER_NAME.test(name)) ? routes : null;
  const isRuled = policies.some(({ rules, tasks }) => rules.length > 0 || tasks.length > 0);
  const fallbacks = isRuled ? call.listFallbacks(call.model) : [];
  if (fallbacks.length > 0) given.fallbacks = fallbacks.every(isModelId) ? fallbacks : null;
  const names = printNameEvidence(policies, [...models, ...fallbacks], call.name);
  if (names && fallbacks.every(isModelId)) given.names = names;
  return given;
}

/** Reads the evidence back, with the row it stands in. `undefined`: not there, or not enough. Never throws. */
export function readGiven(row: JsonObject): Given | undefined {
  const { given, modelRequested } = row;
  if (!isObject(given) || typeof modelRequested !== 'string') return undefined;
  const { action = 'llm.generate', fallbacks = [], providers = [] } = given;
  const name = readNameEvidence(given.names);
  const quotes = readQuotes(row, given.quotes, modelRequested);
  if (typeof action !== 'string' || !isTextList(fallbacks) || !isTextList(providers) || !name || !quotes)
    return undefined;
  return { action: action as Call['action'], fallbacks, name, providers, quotes };
}

/** The asked model, and the targets of downgrades that were looked at. */
function listModels(
  policies: readonly Policy[],
  call: AskedCall,
  quotes: ReadonlyMap<string, Quote>,
): string[] {
  const models = new Set([call.model]);
  for (const { caps } of policies)
    for (const { action, downgradeTo } of caps)
      if (action === 'downgrade' && downgradeTo !== undefined && quotes.has(downgradeTo))
        models.add(downgradeTo);
  return [...models];
}

function printQuotes(
  policies: readonly Policy[],
  asked: string,
  decision: Decision,
  models: readonly string[],
  quotes: ReadonlyMap<string, Quote>,
): JsonObject | undefined {
  const needsPrices = policies.some(hasCeilings);
  const needsAge = policies.some(({ onStalePrice }) => onStalePrice === 'block');
  let printed: { [model: string]: Json } | undefined;
  for (const model of models) {
    const quote = quotes.get(model);
    const facts = quote && printQuote(quote, model, quote === decision.quote, needsPrices, needsAge);
    if (!facts || (model === asked && Object.keys(facts).length === 0)) continue;
    printed ??= {};
    printed[model] = facts;
  }
  return printed;
}

/** Where the row itself has the figures, they are not told again. */
function printQuote(
  quote: Quote,
  model: string,
  isRows: boolean,
  needsPrices: boolean,
  needsAge: boolean,
): JsonObject {
  if (quote.kind === 'unbounded') return { code: quote.code };
  const { bounds, admit } = quote;
  return {
    ...(quote.model === model ? {} : { model: quote.model }),
    ...(isRows
      ? {}
      : {
          expectedUsd: printUsd(quote.expectedUsd),
          reservedUsd: printUsd(quote.reservedUsd),
          inputTokensBound: bounds.inputTokens,
          outputTokensBound: bounds.outputTokens,
          estimatedInputTokens: bounds.expectedInputTokens,
          estimatedOutputTokens: bounds.expectedOutputTokens,
        }),
    ...(needsPrices
      ? { admitInputUsd: printUsd(admit.inputUsd), admitOutputUsd: printUsd(admit.outputUsd) }
      : {}),
    ...(needsAge && quote.price.table ? { fetchedAt: quote.price.table.fetchedAt } : {}),
  };
}

function hasCeilings({ rules, tasks }: Policy): boolean {
  const caps = [...rules.map(({ when }) => when), ...tasks];
  return caps.some((ceiling) => ceiling.maxInputUsd !== undefined || ceiling.maxOutputUsd !== undefined);
}

function readQuotes(row: JsonObject, value: Json | undefined, asked: string): Map<string, Quote> | undefined {
  const printed = value === undefined ? {} : value;
  if (!isObject(printed)) return undefined;
  const quotes = new Map<string, Quote>();
  for (const [model, facts] of Object.entries({ [asked]: {}, ...printed })) {
    const quote = isObject(facts) ? readQuote(row, model, facts) : undefined;
    if (!quote) return undefined;
    quotes.set(model, quote);
  }
  return quotes;
}

function readQuote(row: JsonObject, asked: string, facts: JsonObject): Quote | undefined {
  const { model = asked, code } = facts;
  if (typeof model !== 'string') return undefined;
  if (code !== undefined) return typeof code === 'string' ? refused(model, code) : undefined;
  const figures = facts.reservedUsd === undefined ? row : facts;
  const expectedUsd = amount(figures.expectedUsd);
  const reservedUsd = amount(figures.reservedUsd);
  const bounds = {
    inputTokens: count(figures.inputTokensBound),
    outputTokens: count(figures.outputTokensBound),
    expectedInputTokens: count(figures.estimatedInputTokens),
    expectedOutputTokens: count(figures.estimatedOutputTokens),
  };
  if (expectedUsd === undefined || reservedUsd === undefined || !isComplete(bounds)) return undefined;
  const inputUsd = amount(facts.admitInputUsd) ?? 0n;
  const admit = { inputUsd, outputUsd: amount(facts.admitOutputUsd) ?? 0n, requestUsd: 0n };
  const { fetchedAt } = facts;
  const table = typeof fetchedAt === 'string' ? { hash: '', fetchedAt } : undefined;
  return bounded(model, { ...bounds, writesCache: false }, expectedUsd, reservedUsd, admit, table);
}

/** Decisions look at the sums of a quote and at what upstream was held to; how they were worked out is not told. */
function bounded(
  model: string,
  bounds: BoundedQuote['bounds'],
  expectedUsd: Usd,
  reservedUsd: Usd,
  admit: BoundedQuote['admit'],
  table: BoundedQuote['price']['table'],
): BoundedQuote {
  const price = {
    model,
    identity: model,
    source: 'synced',
    list: admit,
    bound: admit,
    admit,
    cacheWriteFactor: 1n,
    table,
  } as const;
  const sums = { expectedUsd, reservedUsd, bounds, admit, max: admit };
  return { kind: 'bounded', model, identity: model, price, hasFallbacks: false, ...sums };
}

function refused(model: string, code: string): UnboundedQuote {
  const text = { message: '', reason: '', hint: '' };
  return { kind: 'unbounded', model, identity: model, code: code as UnboundedQuote['code'], ...text };
}

function amount(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'string' ? parseUsd(value) : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function count(value: Json | undefined): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

type Counts = { readonly [K in keyof BoundedQuote['bounds'] as K extends 'writesCache' ? never : K]: number };

function isComplete(bounds: { readonly [K in keyof Counts]: number | undefined }): bounds is Counts {
  return Object.values(bounds).every((value) => value !== undefined);
}

function isTextList(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
