/** `POST /chat/completions`. */
import {
  all,
  type Check,
  callerTool,
  count,
  eachItem,
  few,
  harmless,
  hasItems,
  isList,
  isObject,
  never,
  onlyKeys,
  REASONS,
  textOrParts,
  toolsOfTypes,
  unless,
} from './field-checks.js';
import { SHARED_FIELDS } from './shared-fields.js';
import type { RequestReader } from './spend-request.js';

const MESSAGE_KEYS = [
  'role',
  'content',
  'name',
  'tool_calls',
  'tool_call_id',
  'function_call',
  'refusal',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'cache_control',
  'prefix',
  'annotations',
  'parsed',
];

const content = textOrParts(['text', 'refusal']);

/** Citations are words; the annotations of files hold their pages, pictures included. */
const annotations = eachItem((value, field) =>
  isObject(value) && value.type === 'url_citation' ? undefined : { field, reason: REASONS.files },
);

const message: Check = (value, field) => {
  if (!isObject(value)) return { field, reason: REASONS.object };
  return (
    onlyKeys(MESSAGE_KEYS)(value, field) ??
    content(value.content, `${field}.content`) ??
    annotations(value.annotations, `${field}.annotations`)
  );
};

export const CHAT: RequestReader = {
  path: '/chat/completions',
  checks: {
    ...SHARED_FIELDS,
    messages: (value, field) =>
      Array.isArray(value) ? eachItem(message)(value, field) : { field, reason: REASONS.list },
    ...all('max_tokens max_completion_tokens', count),
    n: few,
    tool_choice: callerTool,
    tools: toolsOfTypes(['function']),
    reasoning: onlyKeys(['effort', 'max_tokens', 'exclude', 'enabled', 'summary']),
    modalities: unless((value) => isList(value, ['text']), REASONS.files),
    web_search_options: never(REASONS.paid),
    ...all('audio image_config', never(REASONS.files)),
    prediction: never('rejected predictions are billed on top and are not bounded yet'),
    ...all(
      `cache_control frequency_penalty function_call functions include_reasoning logit_bias logprobs min_p
      parallel_tool_calls presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort repetition_penalty
      response_format seed stop store structured_outputs temperature top_a top_k top_logprobs top_p
      transforms verbosity`,
      harmless,
    ),
  },
  countMessages: ({ messages }) => (Array.isArray(messages) ? messages.length : 0),
  // A demanded schema reaches some models as a tool, or with a preamble of its own.
  hasTools: ({ tools, functions, response_format }) =>
    hasItems(tools) || hasItems(functions) || isObject(response_format),
  countChoices: ({ n }) => (typeof n === 'number' ? n : 1),
  outputLimits: ['max_tokens', 'max_completion_tokens'],
  sentLimit: (provider) => (provider === 'openai' ? 'max_completion_tokens' : 'max_tokens'),
  streamsUsageOnRequest: true,
};
