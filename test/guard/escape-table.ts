/**
 * Everything that one request can reach besides the model it names, in the order in which the reference lists it, and
 * what becomes of it. One table, longer than a file should be: its order and completeness are what is checked.
 */
import { HAIKU, OPUS } from '../helpers/guarded-client.js';
import {
  bounded,
  CLOSED,
  cached,
  type Escape,
  FILES,
  LIST_FIELD,
  LLAMA,
  look,
  MANY_MODELS,
  MODEL_FIELD,
  onlySynced,
  PAID,
  ROUTED,
  refused,
  STORED,
  same,
  UNKNOWN,
  UNPRICED,
  UPSTREAM_TOOL,
  user,
} from './escape-form.js';

const FALLBACKS: readonly Escape[] = [
  {
    name: 'models: other models with a price',
    fields: ({ model, other }) => ({ models: [model, other] }),
    expected: ({ model, other }) => ({ models: [model, other] }),
  },
  {
    name: 'models: one without a price',
    fields: ({ model }) => ({ models: [model, 'nobody/knows'] }),
    expected: refused(UNPRICED),
  },
  {
    name: 'models: a router',
    fields: () => ({ models: ['openrouter/auto'] }),
    expected: (_, book) => (book === 'a synced table' ? ROUTED : UNPRICED),
  },
  { name: 'models: a preset', fields: () => ({ models: ['@preset/x'] }), expected: refused(LIST_FIELD) },
  {
    name: 'models: a paid variant',
    fields: ({ other }) => ({ models: [`${other}:online`] }),
    expected: refused(LIST_FIELD),
  },
  { name: 'models: not a list', fields: ({ other }) => ({ models: other }), expected: refused(LIST_FIELD) },
  {
    name: 'models alone',
    fields: ({ model, other }) => ({ model: undefined, models: [model, other] }),
    expected: refused('no JSON body that names a model'),
  },
  {
    name: 'fallbacks',
    fields: ({ other }) => ({ fallbacks: [{ model: other }] }),
    expected: refused(MANY_MODELS),
  },
  same('route', { route: 'fallback' }, refused(MANY_MODELS)),
];

const PRESETS: readonly Escape[] = [
  same('@preset/x as the model', { model: '@preset/x' }, refused(MODEL_FIELD)),
  {
    name: 'model@preset/x',
    fields: ({ model }) => ({ model: `${model}@preset/x` }),
    expected: refused(MODEL_FIELD),
  },
  same('preset', { preset: 'x' }, refused(MANY_MODELS)),
];

const ROUTERS: readonly Escape[] = [
  ...['auto', 'auto-beta', 'free', 'fusion', 'bodybuilder', 'pareto-code'].map((name) =>
    same(`router openrouter/${name}`, { model: `openrouter/${name}` }, (_, book) =>
      book === 'a synced table' ? ROUTED : UNPRICED,
    ),
  ),
  same('router in other letters', { model: 'OpenRouter/Auto' }, (_, book) =>
    book === 'a synced table' ? ROUTED : UNPRICED,
  ),
  same('router of tomorrow', { model: 'openrouter/not-yet' }, refused(UNPRICED)),
  same('plugin auto-router', { plugins: [{ id: 'auto-router', allowed_models: ['*'] }] }, refused(PAID)),
];

const ALIASES: readonly Escape[] = [
  same(
    '~author/family-latest',
    { model: '~anthropic/claude-haiku-latest' },
    onlySynced(UNPRICED, () => ({ models: [HAIKU] })),
  ),
  same('~author/family-latest that nobody lists', { model: '~google/gemini-latest' }, refused(UNPRICED)),
];

const SUFFIXES: readonly Escape[] = [
  same(
    ':free of a listed twin',
    { model: `${LLAMA}:free` },
    onlySynced(UNPRICED, () => ({ models: [`${LLAMA}:free`] })),
  ),
  {
    name: ':free that nobody lists',
    fields: ({ model }) => ({ model: `${model}:free` }),
    expected: refused(UNPRICED),
  },
  ...['nitro', 'floor', 'thinking', 'extended', 'exacto', 'batch'].map(
    (suffix): Escape => ({
      name: `:${suffix}`,
      fields: ({ model }) => ({ model: `${model}:${suffix}` }),
      expected: onlySynced(UNPRICED, ({ model }) => ({ models: [model] })),
    }),
  ),
  ...['online', 'ONLINE', 'online:nitro', 'free:online'].map(
    (suffix): Escape => ({
      name: `:${suffix}`,
      fields: ({ model }) => ({ model: `${model}:${suffix}` }),
      expected: refused(MODEL_FIELD),
    }),
  ),
  {
    name: 'a suffix of tomorrow',
    fields: ({ model }) => ({ model: `${model}:turbo` }),
    expected: refused(UNPRICED),
  },
];

const TIERS: readonly Escape[] = [
  ...['priority', 'scale', 'fast', 7].map((tier) =>
    same(`service_tier ${tier}`, { service_tier: tier }, refused(PAID)),
  ),
  ...['default', 'auto', 'flex', null].map((tier) =>
    same(`service_tier ${tier}`, { service_tier: tier }, bounded()),
  ),
  same('speed fast', { speed: 'fast' }, refused(PAID)),
  same('speed standard', { speed: 'standard' }, bounded()),
];

const PROVIDERS: readonly Escape[] = [
  ...Object.entries({
    order: ['anthropic', 'azure', 'openai'],
    only: ['azure', 'openai', 'amazon-bedrock'],
    ignore: ['nobody'],
    sort: 'throughput',
    allow_fallbacks: true,
    quantizations: ['fp8'],
    max_price: { prompt: 999, completion: '999', request: 9 },
  }).map(([key, value]) => same(`provider.${key}`, { provider: { [key]: value } }, bounded())),
  same('provider.sort by partition', { provider: { sort: { by: 'price', partition: 'none' } } }, bounded()),
  same('provider.max_price of an image', { provider: { max_price: { image: '0.5' } } }, bounded()),
  same('provider.max_price of tomorrow', { provider: { max_price: { video: 1 } } }, refused(UNKNOWN)),
  same(
    'provider.max_price without a number',
    { provider: { max_price: { prompt: 'much' } } },
    refused('must be a decimal'),
  ),
  same('provider setting of tomorrow', { provider: { byok: true } }, refused(UNKNOWN)),
  same('provider as a list', { provider: ['azure'] }, refused('must be an object')),
];

const PLUGINS: readonly Escape[] = [
  ...[
    { id: 'web' },
    { id: 'web', max_results: 1 },
    { id: 'file-parser', pdf: { engine: 'mistral-ocr' } },
    { id: 'fusion' },
    { id: 'of-tomorrow' },
  ].map((plugin) => same(`plugin ${JSON.stringify(plugin)}`, { plugins: [plugin] }, refused(PAID))),
  same('plugins as an object', { plugins: { web: {} } }, refused(PAID)),
  same('no plugins', { plugins: [] }, bounded()),
];

const TOOLS: readonly Escape[] = [
  ...[
    'openrouter:web_search',
    'openrouter:image_generation',
    'openrouter:subagent',
    'openrouter:datetime',
    'web_search_20250305',
    'code_interpreter',
  ].map((type) =>
    same(
      `server tool ${type}`,
      { tools: [look, { type, parameters: { model: OPUS } }] },
      refused(`tools[1] ${UPSTREAM_TOOL}`),
    ),
  ),
  same('a tool without a type', { tools: [{ name: 'x' }] }, refused(UPSTREAM_TOOL)),
  same('tools as an object', { tools: { type: 'openrouter:web_search' } }, refused('must be a list')),
  same('max_tool_calls', { max_tool_calls: 3 }, refused(UNKNOWN)),
  same(
    'stop_server_tools_when',
    { stop_server_tools_when: [{ type: 'max_cost', max_cost: 9 }] },
    refused(UNKNOWN),
  ),
  same('tools that the caller runs', { tools: [look] }, bounded()),
  same('web_search_options', { web_search_options: {} }, refused(PAID)),
];

const CACHES: readonly Escape[] = [
  same('cache_control for five minutes', cached({}), bounded({ inputQuarters: 5n })),
  same('cache_control for an hour', cached({ ttl: '1h' }), bounded({ inputQuarters: 8n })),
  same(
    'cache_control in a message',
    { messages: user([{ type: 'text', text: 'x'.repeat(6_000), ...cached({ ttl: '1h' }) }]) },
    bounded({ inputQuarters: 8n }),
  ),
  same(
    'cache_control in a tool',
    { tools: [{ ...look, ...cached({ ttl: '1h' }) }] },
    bounded({ inputQuarters: 8n }),
  ),
];

const OUTPUTS: readonly Escape[] = [
  same('reasoning.max_tokens', { reasoning: { max_tokens: 15 } }, bounded()),
  same('reasoning.max_tokens above max_tokens', { reasoning: { max_tokens: 90_000 } }, bounded()),
  same('reasoning.effort', { reasoning: { effort: 'xhigh' }, reasoning_effort: 'high' }, bounded()),
  same('reasoning of tomorrow', { reasoning: { depth: 9 } }, refused(UNKNOWN)),
  same('thinking', { thinking: { type: 'enabled', budget_tokens: 9_000 } }, refused(UNKNOWN)),
  same('n', { n: 4 }, bounded({ outputTokens: 80 })),
  same('n that is no count', { n: '4' }, refused('must be a whole number')),
  same(
    'max_completion_tokens beside max_tokens',
    { max_completion_tokens: 500 },
    bounded({ outputTokens: 500 }),
  ),
  same('no output limit', { max_tokens: undefined }, bounded({ outputTokens: 16_384 })),
  same('an output limit of null', { max_tokens: null }, bounded({ outputTokens: 16_384 })),
  same('an output limit below 1', { max_tokens: 0 }, refused('must be a whole number')),
  same(
    'a rejected prediction',
    { prediction: { type: 'content', content: 'x' } },
    refused('rejected predictions'),
  ),
];

const CONTENTS: readonly Escape[] = [
  ...['image_url', 'input_audio', 'file', 'video_url', 'of_tomorrow'].map((type) =>
    same(
      `content of type ${type}`,
      {
        messages: user([
          { type: 'text', text: 'x' },
          { type, [type]: {} },
        ]),
      },
      refused(FILES),
    ),
  ),
  same(
    'pages of a file in annotations',
    { messages: [{ role: 'assistant', content: 'x', annotations: [{ type: 'file', file: { hash: 'x' } }] }] },
    refused(`annotations[0] ${FILES}`),
  ),
  same(
    'citations in annotations',
    {
      messages: [
        {
          role: 'assistant',
          content: 'x',
          annotations: [{ type: 'url_citation', url_citation: { url: 'x' } }],
        },
      ],
    },
    bounded(),
  ),
  same(
    'an answer of sound kept upstream',
    { messages: [{ role: 'assistant', audio: { id: 'x' } }] },
    refused(UNKNOWN),
  ),
  same('an answer in pictures', { modalities: ['image', 'text'] }, refused(FILES)),
  same('an answer in sound', { audio: { voice: 'x', format: 'wav' } }, refused(FILES)),
  same('settings of pictures', { image_config: {} }, refused(FILES)),
];

/** Fields of other forms of request replace those of a chat. */
const form = (fields: object) => ({ messages: undefined, max_tokens: undefined, ...fields });
const on = (path: string, name: string, fields: object, expected: Escape['expected']): Escape => ({
  name: `${path}: ${name}`,
  path,
  fields: () => form(fields),
  expected,
});

const PATHS: readonly Escape[] = [
  on('/responses', 'text', { input: 'x', max_output_tokens: 20 }, bounded()),
  on('/responses', 'no limit', { input: 'x' }, bounded({ outputTokens: 16_384 })),
  on('/responses', 'a reference by type', { input: [{ type: 'item_reference', id: 'x' }] }, refused(STORED)),
  on('/responses', 'a reference by id alone', { input: [{ id: 'msg_1' }] }, refused(STORED)),
  on('/responses', 'an earlier answer', { input: 'x', previous_response_id: 'x' }, refused(STORED)),
  on('/responses', 'a conversation', { input: 'x', conversation: 'x' }, refused(STORED)),
  on('/responses', 'a prompt kept upstream', { prompt: { id: 'x' } }, refused(STORED)),
  on(
    '/responses',
    'a server tool',
    { input: 'x', tools: [{ type: 'web_search_preview' }] },
    refused(UPSTREAM_TOOL),
  ),
  on(
    '/responses',
    'in the background',
    { input: 'x', background: true },
    refused('runs on after the answer'),
  ),
  on(
    '/responses',
    'a picture',
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
    refused(FILES),
  ),
  on(
    '/completions',
    'answers and better ones',
    { prompt: ['a', 'b'], max_tokens: 20, n: 2, best_of: 3 },
    bounded({ outputTokens: 120 }),
  ),
  on('/completions', 'a field of chats', { prompt: 'a', web_search_options: {} }, refused(UNKNOWN)),
  on('/embeddings', 'texts', { input: ['a', 'b'] }, bounded({ outputTokens: 0 })),
  on('/embeddings', 'a picture', { input: [{ type: 'image_url' }] }, refused(FILES)),
  ...[
    '/messages',
    '/images',
    '/images/generations',
    '/images/edits',
    '/audio/speech',
    '/audio/transcriptions',
    '/audio/translations',
    '/batches',
    '/files',
    '/moderations',
    '/rerank',
    '/videos',
    '/responses/compact',
    '/responses/resp_1/cancel',
    '/chat/completions/x',
    '/chat/completions/',
    '/fine_tuning/jobs',
    '/of-tomorrow',
  ].map((path) =>
    on(
      path,
      'closed',
      { messages: user('x'), input: 'x', prompt: 'x', fallbacks: [{ model: OPUS }], max_tokens: 5 },
      refused(CLOSED),
    ),
  ),
];

export const ESCAPES: Readonly<Record<string, readonly Escape[]>> = {
  'other models': FALLBACKS,
  presets: PRESETS,
  routers: ROUTERS,
  aliases: ALIASES,
  suffixes: SUFFIXES,
  'service tiers': TIERS,
  'choice of providers': PROVIDERS,
  plugins: PLUGINS,
  'server tools and searches': TOOLS,
  'cache writes': CACHES,
  'more output': OUTPUTS,
  'more than text': CONTENTS,
  'other paths': PATHS,
};
