/** `POST /responses`. What refers to things kept upstream has no size that could be bounded here. */
import {
  all,
  type Check,
  callerTool,
  count,
  eachItem,
  harmless,
  hasItems,
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

const ITEM_TYPES = [
  'message',
  'function_call',
  'function_call_output',
  'reasoning',
  'custom_tool_call',
  'custom_tool_call_output',
];
const content = textOrParts([
  'input_text',
  'output_text',
  'refusal',
  'text',
  'reasoning_text',
  'summary_text',
]);

const item: Check = (value, field) => {
  if (!isObject(value)) return { field, reason: REASONS.object };
  // What lacks its own content refers to an item that is kept upstream.
  const type = value.type === undefined ? 'message' : String(value.type);
  const own = type === 'message' ? value.content : type === 'reasoning' ? value.encrypted_content : true;
  if (!ITEM_TYPES.includes(type) || own == null) return { field, reason: REASONS.stored };
  return content(value.content, `${field}.content`) ?? content(value.output, `${field}.output`);
};

export const RESPONSES: RequestReader = {
  path: '/responses',
  checks: {
    ...SHARED_FIELDS,
    input: (value, field) => (typeof value === 'string' ? undefined : eachItem(item)(value, field)),
    max_output_tokens: count,
    max_tool_calls: count,
    tools: toolsOfTypes(['function', 'custom']),
    tool_choice: callerTool,
    reasoning: onlyKeys(['effort', 'max_tokens', 'exclude', 'enabled', 'summary', 'generate_summary']),
    modalities: unless(
      (value) => Array.isArray(value) && value.every((one) => one === 'text'),
      REASONS.files,
    ),
    ...all('previous_response_id conversation prompt', never(REASONS.stored)),
    background: unless((value) => value === false, 'runs on after the answer, so its cost is not seen'),
    ...all('image_config audio', never(REASONS.files)),
    ...all(
      `instructions frequency_penalty include parallel_tool_calls presence_penalty prompt_cache_key
      prompt_cache_retention store temperature text top_k top_logprobs top_p truncation verbosity`,
      harmless,
    ),
  },
  countMessages: ({ input }) => (Array.isArray(input) ? input.length : 1) + 1,
  // A demanded schema reaches some models as a tool, or with a preamble of its own.
  hasTools: ({ tools, text }) => hasItems(tools) || (isObject(text) && isObject(text.format)),
  countChoices: () => 1,
  outputLimits: ['max_output_tokens'],
  sentLimit: () => 'max_output_tokens',
  streamsUsageOnRequest: false,
};
