/**
 * The cost of an answer that broke off, asked for afterwards: OpenRouter tells it at `/generation?id=` a moment later.
 * Opt-in (`config.lookUpBrokenAnswers`): it is one more request, with the caller's own key and `fetch`.
 */
import type { Settlement } from '../core/settlement.js';
import type { Fetch } from './gate.js';
import { readGenerationId, readProvider, readServedModel } from './labels.js';
import { readAmount, readCount } from './usage.js';

/** Pauses before each look-up, in milliseconds: upstream needs a moment to close its books. */
const PAUSES_MS = [500, 1_500, 4_000, 10_000, 30_000];
/** Longest a single look-up may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

export interface LookUp {
  readonly fetch: Fetch;
  /** Address of the request that broke off; the look-up goes to its neighbour. */
  readonly address: string;
  /** `Authorization` of that request. */
  readonly authorization: string | undefined;
  readonly generationId: string;
  readonly signal: AbortSignal;
}

/** Asks until upstream knows. @returns the true settlement, or `undefined` when it never came to know. */
export async function lookUpCost(lookUp: LookUp): Promise<Settlement | undefined> {
  const url = new URL(lookUp.address);
  url.pathname = url.pathname.replace(
    /\/(chat\/completions|completions|responses|embeddings)$/,
    '/generation',
  );
  url.search = new URLSearchParams({ id: lookUp.generationId }).toString();
  for (const pauseMs of PAUSES_MS) {
    await pause(pauseMs, lookUp.signal);
    if (lookUp.signal.aborted) return undefined;
    const settlement = await askOnce(lookUp, url);
    if (settlement) return settlement;
  }
  return undefined;
}

async function askOnce(lookUp: LookUp, url: URL): Promise<Settlement | undefined> {
  const { fetch, authorization, generationId, signal } = lookUp;
  const headers = authorization === undefined ? {} : { authorization };
  try {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const json: unknown = await response.json();
    return response.ok ? readGeneration(json, generationId) : undefined;
  } catch {
    // Any failure means "not known yet"; the bound stays counted until the truth is there.
    return undefined;
  }
}

function readGeneration(json: unknown, generationId: string): Settlement | undefined {
  const data = (json as { data?: Readonly<Record<string, unknown>> } | null)?.data;
  const fee = readAmount(data?.total_cost);
  const upstream = data?.is_byok === true ? readAmount(data.upstream_inference_cost) : 0n;
  if (!data || data.id !== generationId || fee === undefined || upstream === undefined) return undefined;
  // A cost of nothing for an unknown number of tokens is a book that is still open.
  if (fee === 0n && readCount(data.native_tokens_completion) === undefined) return undefined;
  return {
    costSource: 'provider',
    actualUsd: fee + upstream,
    partial: true,
    outcome: 'aborted',
    inputTokens: readCount(data.native_tokens_prompt),
    outputTokens: readCount(data.native_tokens_completion),
    servedModel: readServedModel(data.model),
    servedProvider: readProvider(data.provider_name),
    generationId: readGenerationId(data.id),
  };
}

/** A pause that ends early with the signal and keeps no process alive. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
