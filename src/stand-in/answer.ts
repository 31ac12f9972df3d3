/** Plans what a chat request is answered with and prints the answer that is not streamed. */
import type { JsonObject } from '../core/json.js';
import { servedName } from './catalogue.js';
import type { ChatRequest } from './chat-request.js';
import type { Route } from './routing.js';
import type { AnswerStep } from './script.js';
import { countTokens } from './usage.js';

/** One of the `n` answers. */
export interface Choice {
  readonly index: number;
  /** The text, cut between words. */
  readonly pieces: readonly string[];
  /** Billed output tokens; those beyond the pieces count as reasoning, which nobody sees. */
  readonly tokens: number;
  readonly finishReason: 'stop' | 'length';
}

export interface Answer {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** As served. */
  readonly model: string;
  readonly provider: string;
  readonly promptTokens: number;
  readonly choices: readonly Choice[];
  /** Present when the client asked how it was routed. */
  readonly metadata: JsonObject | undefined;
}

export interface AnswerInput {
  readonly id: string;
  readonly now: number;
  readonly request: ChatRequest;
  readonly route: Route;
  readonly step: AnswerStep;
  /** Bytes of the request's body: the token count never exceeds them. */
  readonly bodyBytes: number;
  readonly wantsMetadata: boolean;
}

const DEFAULT_CONTENT = 'This is the stand-in speaking. No model was asked, and no money was spent.';
/** Words made up for a scripted number of tokens; more tokens than that are invisible. */
const MAX_WORDS = 512;

/** Plans the answer, or `undefined` when the prompt does not fit the endpoint's context. */
export function planAnswer(input: AnswerInput): Answer | undefined {
  const { request, route, step } = input;
  const promptTokens = Math.min(step.promptTokens ?? countTokens(request.promptBytes), input.bodyBytes);
  const room = route.endpoint.contextLength - promptTokens;
  if (room < 1) return undefined;
  const limit = Math.min(request.maxTokens ?? room, route.endpoint.maxCompletionTokens ?? room, room);
  const choices = Array.from({ length: request.n }, (_, index) => planChoice(index, step, limit));
  return {
    id: input.id,
    created: Math.floor(input.now / 1000),
    model: servedName(route.model),
    provider: route.endpoint.provider,
    promptTokens,
    choices,
    metadata: input.wantsMetadata ? printMetadata(route) : undefined,
  };
}

/** Output tokens of all choices, and how many of them are reasoning. */
export function countOutput(answer: Answer): { readonly completion: number; readonly reasoning: number } {
  const completion = sum(answer.choices.map((choice) => choice.tokens));
  const reasoning = sum(answer.choices.map((choice) => Math.max(0, choice.tokens - choice.pieces.length)));
  return { completion, reasoning };
}

/** The answer as one JSON object. `usage` is left out where it is `undefined`. */
export function printAnswer(answer: Answer, usage: JsonObject | undefined): JsonObject {
  return {
    id: answer.id,
    provider: answer.provider,
    model: answer.model,
    object: 'chat.completion',
    created: answer.created,
    choices: answer.choices.map((choice) => ({
      logprobs: null,
      finish_reason: choice.finishReason,
      native_finish_reason: nativeReason(choice.finishReason),
      index: choice.index,
      message: { role: 'assistant', content: choice.pieces.join(''), refusal: null, reasoning: null },
    })),
    ...(usage === undefined ? {} : { usage }),
    ...(answer.metadata === undefined ? {} : { openrouter_metadata: answer.metadata }),
  };
}

/** The answer of a provider that failed half-way: HTTP 200, the error inside the choice, no usage. */
export function printPartialAnswer(answer: Answer): JsonObject {
  const { choices, ...rest } = printAnswer(answer, undefined);
  return {
    ...rest,
    choices: (choices as readonly JsonObject[]).map((choice) => ({
      ...choice,
      finish_reason: 'error',
      native_finish_reason: null,
      error: {
        code: 502,
        message: 'The provider went away',
        metadata: { error_type: 'provider_unavailable' },
      },
    })),
  };
}

/** The provider's own word for a finish reason. */
export function nativeReason(reason: Choice['finishReason']): string {
  return reason === 'stop' ? 'end_turn' : 'max_tokens';
}

function planChoice(index: number, step: AnswerStep, limit: number): Choice {
  const words = splitWords(step.content ?? makeContent(step.outputTokens));
  const wanted = step.outputTokens ?? words.length;
  return {
    index,
    pieces: words.slice(0, limit),
    tokens: Math.min(wanted, limit),
    finishReason: wanted > limit || words.length > limit ? 'length' : 'stop',
  };
}

/** Words with the space before them: joined they are the text again. */
function splitWords(text: string): readonly string[] {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text === '' ? [] : [text]);
}

function makeContent(tokens: number | undefined): string {
  if (tokens === undefined) return DEFAULT_CONTENT;
  const words = DEFAULT_CONTENT.split(' ');
  return Array.from({ length: Math.min(tokens, MAX_WORDS) }, (_, at) => words[at % words.length]).join(' ');
}

function printMetadata(route: Route): JsonObject {
  const model = servedName(route.model);
  return {
    requested: route.failed[0] ?? route.requested,
    strategy: route.failed.length > 0 ? 'fallback' : 'direct',
    region: 'local',
    summary: `available=${route.candidates.length}`,
    attempt: route.failed.length + 1,
    is_byok: false,
    attempts: [
      ...route.failed.map((failed) => ({ model: failed, status: 502 })),
      { model, provider: route.endpoint.provider, status: 200 },
    ],
    endpoints: {
      total: route.model.endpoints.length,
      available: route.candidates.map((one) => ({
        provider: one.provider,
        model,
        selected: one === route.endpoint,
      })),
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
