/** `POST /embeddings`: input only. */
import { all, type Check, eachItem, harmless, REASONS } from './field-checks.js';
import { SHARED_FIELDS } from './shared-fields.js';
import type { RequestReader } from './spend-request.js';

/** Texts, or lists of tokens. Objects would carry images. */
const textOrTokens: Check = (value, field) => {
  const isText = typeof value === 'string' || typeof value === 'number';
  const isTokens = Array.isArray(value) && value.every((token) => typeof token === 'number');
  return isText || isTokens ? undefined : { field, reason: REASONS.files };
};

export const EMBEDDINGS: RequestReader = {
  path: '/embeddings',
  checks: {
    ...SHARED_FIELDS,
    input: (value, field) =>
      Array.isArray(value) ? eachItem(textOrTokens)(value, field) : textOrTokens(value, field),
    ...all('dimensions encoding_format input_type', harmless),
  },
  countMessages: ({ input }) => (Array.isArray(input) ? input.length : 1),
  hasTools: () => false,
  countChoices: () => 1,
  outputLimits: [],
  sentLimit: () => ({ assumed: 0 }),
  streamsUsageOnRequest: false,
};
