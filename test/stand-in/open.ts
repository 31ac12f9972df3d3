/** Starts a stand-in and a real client for one test; both are gone when it ends. */
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import { type StandIn, type StandInOptions, startStandIn } from '../../src/stand-in/index.js';

export const HAIKU = 'anthropic/claude-haiku-4.5';

/** A request that every test can send, with OpenRouter's own fields allowed. */
export function ask(extra: Record<string, unknown> = {}) {
  const body = { model: HAIKU, messages: [{ role: 'user' as const, content: 'Say hello.' }], ...extra };
  return body as typeof body & { stream?: false };
}

export function askStream(extra: Record<string, unknown> = {}) {
  return { ...ask(extra), stream: true as const };
}

export async function open(
  options: StandInOptions = {},
  client: { maxRetries?: number; defaultHeaders?: Record<string, string>; apiKey?: string } = {},
): Promise<{ standIn: StandIn; client: OpenAI }> {
  const standIn = await startStandIn(options);
  onTestFinished(() => standIn.close());
  return {
    standIn,
    client: new OpenAI({ baseURL: standIn.url, apiKey: 'sk-test', maxRetries: 0, ...client }),
  };
}

/** Posts raw text and gives status, headers and the parsed body. */
export async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json', ...headers },
  });
  return { response, body: (await response.json()) as Record<string, unknown> };
}

/** Usage with the fields that only OpenRouter sends. */
export interface BilledUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost: number;
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export function usageOf(answer: { usage?: unknown }): BilledUsage {
  return answer.usage as BilledUsage;
}
