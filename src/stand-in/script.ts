/** How a test or the demo tells the stand-in what happens to each chat request, in order or by looking at it. */
import type { JsonObject } from '../core/json.js';
import type { RefusalName } from './refusals.js';
import type { RecordedRequest } from './request-log.js';

/** Serves the request, in full or with one thing wrong. Absent fields take what the catalogue and request say. */
export interface AnswerStep {
  /**
   * - `answer`: as asked. `slow`: the same after `delayMs` (default 1,000).
   * - `hang`: nothing more is ever sent, from the start or after `cutAfterEvents`; ends when the client goes.
   * - `cut`: the socket is destroyed after `cutAfterEvents` stream events (default 3), or within a plain body.
   * - `reset`: the socket is destroyed before the headers.
   * - `error-mid-stream`: an error event after `cutAfterEvents` events; plain: 200 with an error in the choice.
   * - `no-usage`: billed, but no `usage`. `zero-cost`: usage with an explicit cost of 0, billed 0.
   *
   * What fails before the headers, and every plain answer, was generated in full upstream and is billed so.
   */
  readonly kind: 'answer' | 'slow' | 'hang' | 'cut' | 'reset' | 'error-mid-stream' | 'no-usage' | 'zero-cost';
  /** Wait before the headers, milliseconds. */
  readonly delayMs?: number;
  /** Wait before each stream event, milliseconds. */
  readonly eventDelayMs?: number;
  /** Stream events to send before it goes wrong. */
  readonly cutAfterEvents?: number;
  readonly content?: string;
  /** Output tokens per choice; the request's maximum still holds. */
  readonly outputTokens?: number;
  /** Input tokens; never more than the bytes of the request's body. */
  readonly promptTokens?: number;
  /** Cost as decimal text, instead of tokens × price: the one way past the bound. At most 15 digits. */
  readonly costOverride?: string;
  /** Merged over the `usage` that goes on the wire; the bill does not look at it. */
  readonly usage?: JsonObject;
  /** Streams: the usage event's `choices` is empty, as some services do. */
  readonly emptyUsageChoices?: boolean;
  /** Provider to serve with, by name or tag, if it fits the request. */
  readonly provider?: string;
  /** Models that fail, so that the request's fallbacks are used; when all fail, the answer is a 502. */
  readonly failModels?: readonly string[];
}

/** Refuses the request; nothing is billed. */
export interface ErrorStep {
  readonly kind: 'error';
  /** A refusal as recorded; default `provider-error`. */
  readonly refusal?: RefusalName;
  /** With or instead of a refusal: another HTTP status. 200 hides the error in a success. */
  readonly status?: number;
  /** Shape of the body, when no refusal is named. Default `code`. */
  readonly envelope?: 'code' | 'availability' | 'zod';
  readonly message?: string;
  /** `Retry-After` in seconds, or `null` for none where the refusal has one. */
  readonly retryAfter?: number | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
}

/** Answers with exactly these bytes; nothing is billed. */
export interface RawStep {
  readonly kind: 'raw';
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly delayMs?: number;
}

export type ScriptStep = AnswerStep | ErrorStep | RawStep;

/** Steps for chat requests in order of arrival (then plain answers), or a choice per request, counted from 0. */
export type Script =
  | readonly ScriptStep[]
  | ((request: RecordedRequest, index: number) => ScriptStep | undefined);

export interface ScriptRunner {
  next(request: RecordedRequest): ScriptStep;
  /** Adds steps that come before the script's own choice. */
  enqueue(steps: readonly ScriptStep[]): void;
}

export function createScriptRunner(script: Script): ScriptRunner {
  const queue: ScriptStep[] = typeof script === 'function' ? [] : [...script];
  const choose = typeof script === 'function' ? script : () => undefined;
  let index = 0;
  return {
    next(request) {
      const step = queue.shift() ?? choose(request, index) ?? { kind: 'answer' };
      index += 1;
      return step;
    },
    enqueue: (steps) => void queue.push(...steps),
  };
}
