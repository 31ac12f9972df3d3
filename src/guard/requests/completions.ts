/** `POST /completions`, the older text form. */
import { all, count, harmless, isObject } from './field-checks.js';
import { SHARED_FIELDS } from './shared-fields.js';
import type { RequestReader } from './spend-request.js';

/** What OpenAI documents as its default: sending another limit would change the answer. */
const OPENAI_DEFAULT_OUTPUT_TOKENS = 16;

export const COMPLETIONS: RequestReader = {
  path: '/completions',
  checks: {
    ...SHARED_FIELDS,
    ...all('max_tokens n best_of', count),
    ...all(
      `prompt echo frequency_penalty logit_bias logprobs min_p presence_penalty repetition_penalty response_format seed
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
  return Array.isArray(prompt) && typeof prompt[0] !== 'number' ? Math.max(1, prompt.length) : 1;
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}
