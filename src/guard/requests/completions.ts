/** `POST /completions`, the older text form. */
import { all, count, few, harmless, isObject, unless } from './field-checks.js';
import { SHARED_FIELDS } from './shared-fields.js';
import type { RequestReader } from './spend-request.js';

/** What OpenAI documents as its default: sending another limit would change the answer. */
const OPENAI_DEFAULT_OUTPUT_TOKENS = 16;
const MAX_PROMPTS = 10_000;

export const COMPLETIONS: RequestReader = {
  path: '/completions',
  checks: {
    ...SHARED_FIELDS,
    max_tokens: count,
    ...all('n best_of', few),
    prompt: unless(isPrompts, 'must be text, tokens, or a list of either'),
    ...all(
      `echo frequency_penalty logit_bias logprobs min_p presence_penalty repetition_penalty response_format seed
      stop suffix temperature top_a top_k top_logprobs top_p transforms`,
      harmless,
    ),
  },
  countMessages: ({ prompt }) => countPrompts(prompt),
  hasTools: ({ response_format }) => isObject(response_format),
  // `best_of` answers are generated and billed, and only `n` of them are returned.
  countChoices: ({ n, best_of, prompt }) =>
    Math.max(numberOr(n, 1), numberOr(best_of, 1)) * countPrompts(prompt),
  outputLimits: ['max_tokens'],
  sentLimit: (provider) => (provider === 'openai' ? { assumed: OPENAI_DEFAULT_OUTPUT_TOKENS } : 'max_tokens'),
  streamsUsageOnRequest: true,
};

/** A list of texts or of token lists is one prompt each; a text or a list of tokens is one. */
function countPrompts(prompt: unknown): number {
  return Array.isArray(prompt) && !isTokens(prompt) ? Math.max(1, prompt.length) : 1;
}

function isPrompts(prompt: unknown): boolean {
  if (typeof prompt === 'string' || isTokens(prompt)) return true;
  if (!Array.isArray(prompt) || prompt.length > MAX_PROMPTS) return false;
  return prompt.every((one) => typeof one === 'string') || prompt.every(isTokens);
}

function isTokens(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((token) => typeof token === 'number');
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}
