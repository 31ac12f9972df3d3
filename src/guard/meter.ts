/** Watches an answer pass: same bytes, same timing, same kind of response; the attempt is settled when it ends. */
import type { Settlement } from '../core/settlement.js';
import type { AllowedCall } from './call.js';
import { createDocumentReader, createEventReader, createUsageFilter } from './event-reader.js';
import type { Guard } from './guard.js';
import { readGenerationId } from './labels.js';
import { classifyRefusal, type UpstreamRefusal } from './upstream-refusal.js';
import { releaseRefused, settleAnswer } from './usage.js';

/** Error bodies are read whole before they are handed on; a longer one is cut there, in bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** Settles calls whose answer was thrown away unread, once nobody can read it any more. */
const abandoned = new FinalizationRegistry<() => void>((settle) => settle());

/** What the meter must know of the request. */
interface Metered {
  readonly guard: Guard;
  readonly call: AllowedCall;
  /** How many answers the request asks for. */
  readonly choices: number;
  /** The usage event of a stream was asked for by the guard, not by the caller. */
  readonly hidesUsage: boolean;
  /** The guard had sent a price ceiling. */
  readonly ceilingSent: boolean;
  /** Hears of a refusal by upstream before the caller does. */
  readonly onRefusal: (refusal: UpstreamRefusal) => void;
  /** Asks for the cost of an answer that broke off; absent when nobody wants that or can answer. */
  readonly lookUp?: ((generationId: string) => Promise<Settlement | undefined>) | undefined;
  /** Of the request: aborts an answer also while nobody reads it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts the meter on an answer. A refusal by upstream (status ≥ 400) is read whole and, when it names no usage, releases
 * the hold; anything else is settled when its body ends, just before the reader sees the end.
 */
export async function meterResponse(metered: Metered, response: Response): Promise<Response> {
  const { guard, call } = metered;
  if (!response.body) {
    await guard.settleOrWarn(
      call,
      response.ok ? settleAnswer(call, {}, 'cut') : releaseRefused(response.status, undefined),
    );
    return response;
  }
  return response.ok ? meterAnswer(metered, response) : meterRefusal(metered, response);
}

async function meterRefusal(
  { guard, call, ceilingSent, onRefusal }: Metered,
  response: Response,
): Promise<Response> {
  const chunks: Uint8Array[] = [];
  const reader = createDocumentReader();
  let isCut = false;
  try {
    let size = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      reader.push(chunk);
      size += chunk.byteLength;
      isCut = size > MAX_ERROR_BYTES;
      if (isCut) break;
    }
  } catch (error) {
    await guard.settleOrWarn(call, { ...settleAnswer(call, {}, 'cut'), httpStatus: response.status });
    throw error;
  }
  const { facts, json } = reader.finish();
  const { status, headers } = response;
  const refusal = classifyRefusal(status, headers, json, ceilingSent);
  onRefusal(refusal);
  // Free is only a whole error that names no usage, or one that says it was nothing.
  const isWhole = !isCut && status >= 400 && !isEventStream(response);
  const isFree = isWhole && (!facts.hasUsage || facts.costUsd === 0n);
  await guard.settleOrWarn(
    call,
    isFree ? releaseRefused(status, refusal) : { ...settleAnswer(call, facts, 'cut'), httpStatus: status },
  );
  return cloneWith(response, Buffer.concat(chunks));
}

function meterAnswer(
  { guard, call, choices, hidesUsage, lookUp, signal }: Metered,
  response: Response,
): Response {
  const isStream = isEventStream(response);
  const facts = isStream ? createEventReader(choices) : createDocumentReader();
  const filter = isStream && hidesUsage ? createUsageFilter() : undefined;
  const source = (response.body as ReadableStream<Uint8Array>).getReader();
  const settle = async (ended: 'complete' | 'cut' | 'aborted') => {
    abandoned.unregister(facts);
    signal?.removeEventListener('abort', onAbort);
    const seen = facts.finish();
    const really = seen.complete ? 'complete' : ended === 'complete' ? 'cut' : ended;
    const settlement = settleAnswer(call, seen.facts, really);
    const recorded = await guard.settleOrWarn(call, settlement);
    // The header is OpenRouter's own; the body may carry an id of the provider behind it.
    const id = readGenerationId(response.headers.get('x-generation-id')) ?? seen.facts.generationId;
    if (recorded && settlement.costSource === 'reserved' && id !== undefined)
      lookUp?.(id).then((truth) => truth && guard.supersede(call, truth));
  };
  // An answer that nobody reads is still one that can be aborted.
  const onAbort = () => void settle('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { done, value } = await source.read().catch(async (error: unknown) => {
            await settle(isAbort(error) ? 'aborted' : 'cut');
            throw error;
          });
          if (done) break;
          facts.push(value);
          const passed = filter ? filter.push(value) : value;
          if (passed.byteLength > 0) return controller.enqueue(passed);
        }
        const rest = filter?.flush();
        if (rest && rest.byteLength > 0) controller.enqueue(rest);
        await settle('complete');
        controller.close();
      },
      async cancel(reason) {
        await Promise.all([source.cancel(reason).catch(() => undefined), settle('aborted')]);
      },
    },
    { highWaterMark: 0 },
  );
  abandoned.register(body, () => void settle('aborted'), facts);
  return cloneWith(response, body);
}

/** The same answer around other bytes; a `Response` cannot be given an address any other way. */
function cloneWith(response: Response, body: Uint8Array | ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers } = response;
  const clone = new Response(body, { status, statusText, headers });
  Object.defineProperty(clone, 'url', { value: response.url });
  Object.defineProperty(clone, 'redirected', { value: response.redirected });
  return clone;
}

function isEventStream(response: Response): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
