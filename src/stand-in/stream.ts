/**
 * Prints a streamed answer as server-sent events.
 *
 *   : OPENROUTER PROCESSING
 *   data: {"id":"gen-…","object":"chat.completion.chunk",…,"choices":[{"index":0,"delta":{…},…}]}
 *   data: {…,"choices":[{…}],"usage":{…}}     usage rides on the last one, whose choices are not empty
 *   data: [DONE]
 */
import type { JsonObject } from '../core/json.js';
import { type Answer, type Choice, nativeReason } from './answer.js';

/** The comment that keeps a connection alive while a provider thinks. */
export const KEEP_ALIVE = ': OPENROUTER PROCESSING\n\n';
export const DONE = 'data: [DONE]\n\n';

/** Text events of one choice at most: long answers carry several words each. */
const MAX_EVENTS = 64;

export interface StreamEvent {
  readonly chunk: JsonObject;
  /** Output tokens that this event stands for. */
  readonly tokens: number;
}

/** The events that carry text, then one per choice that says why it ended. The tokens add up to the answer's. */
export function planEvents(answer: Answer): readonly StreamEvent[] {
  const texts = answer.choices.map((choice) => planTexts(answer, choice));
  const longest = Math.max(...texts.map((events) => events.length));
  const interleaved = Array.from({ length: longest }, (_, at) => texts.flatMap((events) => events[at] ?? []));
  const ends = answer.choices.map((choice) => ({ chunk: printEnd(answer, choice), tokens: 0 }));
  return [...interleaved.flat(), ...ends];
}

/** The event with the usage: a repetition of the last, or without choices where a service does it so. */
export function printUsageChunk(answer: Answer, usage: JsonObject, emptyChoices: boolean): JsonObject {
  const last = answer.choices.at(-1);
  const end = last === undefined || emptyChoices ? printChunk(answer, []) : printEnd(answer, last);
  return {
    ...end,
    usage,
    ...(answer.metadata === undefined ? {} : { openrouter_metadata: answer.metadata }),
  };
}

/** A provider's failure after the headers: an event with `error`, `finish_reason` says so too. */
export function printErrorChunk(answer: Answer): JsonObject {
  return {
    ...printChunk(answer, [{ index: 0, delta: { content: '' }, finish_reason: 'error' }]),
    error: {
      code: 502,
      message: 'The provider went away',
      metadata: { error_type: 'provider_unavailable' },
    },
  };
}

/** One `data:` event. JSON has no raw line breaks, so one line is enough. */
export function printEvent(chunk: JsonObject): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function planTexts(answer: Answer, choice: Choice): readonly StreamEvent[] {
  const count = Math.max(1, Math.min(choice.pieces.length, MAX_EVENTS));
  const share = (total: number, at: number) => Math.floor((total * at) / count);
  return Array.from({ length: count }, (_, at) => {
    const from = share(choice.pieces.length, at);
    const content = choice.pieces.slice(from, share(choice.pieces.length, at + 1)).join('');
    const delta = { content, role: 'assistant' };
    return {
      chunk: printChunk(answer, [
        { index: choice.index, delta, finish_reason: null, native_finish_reason: null },
      ]),
      tokens: share(choice.tokens, at + 1) - share(choice.tokens, at),
    };
  });
}

function printEnd(answer: Answer, choice: Choice): JsonObject {
  const reason = choice.finishReason;
  return printChunk(answer, [
    {
      index: choice.index,
      delta: { content: '', role: 'assistant' },
      finish_reason: reason,
      native_finish_reason: nativeReason(reason),
    },
  ]);
}

function printChunk(answer: Answer, choices: readonly JsonObject[]): JsonObject {
  return {
    id: answer.id,
    object: 'chat.completion.chunk',
    created: answer.created,
    model: answer.model,
    provider: answer.provider,
    choices,
  };
}
