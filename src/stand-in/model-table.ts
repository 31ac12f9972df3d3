/** The models the stand-in serves: a small own table; prices and limits as OpenRouter listed them in May 2026. */
import type { Endpoint, Prices, StandInModel } from './catalogue.js';

function endpoint(
  provider: string,
  tag: string,
  pricing: Prices,
  contextLength: number,
  maxCompletionTokens: number | null,
): Endpoint {
  return { provider, tag, pricing, contextLength, maxCompletionTokens };
}

const OPUS: Prices = {
  prompt: '0.000005',
  completion: '0.000025',
  web_search: '0.01',
  input_cache_read: '0.0000005',
  input_cache_write: '0.00000625',
};
const SONNET: Prices = {
  prompt: '0.000003',
  completion: '0.000015',
  web_search: '0.01',
  input_cache_read: '0.0000003',
  input_cache_write: '0.00000375',
};
const HAIKU: Prices = {
  prompt: '0.000001',
  completion: '0.000005',
  web_search: '0.01',
  input_cache_read: '0.0000001',
  input_cache_write: '0.00000125',
};
const GPT5: Prices = { prompt: '0.00000125', completion: '0.00001', input_cache_read: '0.000000125' };
const GPT5_MINI: Prices = { prompt: '0.00000025', completion: '0.000002', input_cache_read: '0.000000025' };
const GPT5_NANO: Prices = { prompt: '0.00000005', completion: '0.0000004', input_cache_read: '0.00000001' };

export const MODEL_TABLE: readonly StandInModel[] = [
  {
    id: 'anthropic/claude-opus-4.7',
    slug: 'anthropic/claude-4.7-opus-20260416',
    name: 'Anthropic: Claude Opus 4.7',
    created: 1776351100,
    endpoints: [
      endpoint('Anthropic', 'anthropic', OPUS, 1_000_000, 128_000),
      endpoint('Amazon Bedrock', 'amazon-bedrock/us', OPUS, 1_000_000, 128_000),
      endpoint('Google', 'google-vertex/global', OPUS, 1_000_000, 128_000),
    ],
  },
  {
    id: 'anthropic/claude-sonnet-4.6',
    slug: 'anthropic/claude-4.6-sonnet-20260217',
    name: 'Anthropic: Claude Sonnet 4.6',
    created: 1771342990,
    endpoints: [
      endpoint('Anthropic', 'anthropic', SONNET, 1_000_000, 128_000),
      endpoint('Amazon Bedrock', 'amazon-bedrock/global', SONNET, 1_000_000, 128_000),
    ],
  },
  {
    id: 'anthropic/claude-haiku-4.5',
    slug: 'anthropic/claude-4.5-haiku-20251001',
    name: 'Anthropic: Claude Haiku 4.5',
    created: 1760547638,
    endpoints: [
      endpoint('Amazon Bedrock', 'amazon-bedrock/global', HAIKU, 200_000, 64_000),
      endpoint('Anthropic', 'anthropic', HAIKU, 200_000, 64_000),
      endpoint('Google', 'google-vertex/global', HAIKU, 200_000, 64_000),
    ],
  },
  {
    id: 'openai/gpt-5',
    slug: 'openai/gpt-5-2025-08-07',
    name: 'OpenAI: GPT-5',
    created: 1754587413,
    endpoints: [
      endpoint('Azure', 'azure', GPT5, 400_000, 128_000),
      endpoint('OpenAI', 'openai/default', { ...GPT5, web_search: '0.01' }, 400_000, 128_000),
    ],
  },
  {
    id: 'openai/gpt-5-mini',
    slug: 'openai/gpt-5-mini-2025-08-07',
    name: 'OpenAI: GPT-5 Mini',
    created: 1754587407,
    endpoints: [
      endpoint('OpenAI', 'openai', { ...GPT5_MINI, web_search: '0.01' }, 400_000, 128_000),
      endpoint('Azure', 'azure', { ...GPT5_MINI, input_cache_read: '0.00000003' }, 400_000, null),
    ],
  },
  {
    id: 'openai/gpt-5-nano',
    slug: 'openai/gpt-5-nano-2025-08-07',
    name: 'OpenAI: GPT-5 Nano',
    created: 1754587402,
    endpoints: [endpoint('Azure', 'azure', GPT5_NANO, 400_000, null)],
  },
  {
    id: 'meta-llama/llama-3.3-70b-instruct',
    slug: 'meta-llama/llama-3.3-70b-instruct',
    name: 'Meta: Llama 3.3 70B Instruct',
    created: 1733506137,
    endpoints: [
      endpoint(
        'DeepInfra',
        'deepinfra/turbo',
        { prompt: '0.0000001', completion: '0.00000032' },
        131_072,
        16_384,
      ),
      endpoint('Nebius', 'nebius/fp8', { prompt: '0.00000013', completion: '0.0000004' }, 131_072, null),
      endpoint(
        'Cloudflare',
        'cloudflare/fp8',
        { prompt: '0.000000293', completion: '0.000002253' },
        24_000,
        24_000,
      ),
      endpoint(
        'Together',
        'together/fp8',
        { prompt: '0.00000088', completion: '0.00000088' },
        131_072,
        2_048,
      ),
    ],
  },
  {
    id: 'meta-llama/llama-3.3-70b-instruct:free',
    slug: 'meta-llama/llama-3.3-70b-instruct',
    name: 'Meta: Llama 3.3 70B Instruct (free)',
    created: 1733506137,
    endpoints: [endpoint('Venice', 'venice/fp8', { prompt: '0', completion: '0' }, 65_536, null)],
  },
  {
    id: '~anthropic/claude-haiku-latest',
    slug: '~anthropic/claude-haiku-latest',
    name: 'Anthropic Claude Haiku Latest',
    created: 1777318492,
    routesTo: 'anthropic/claude-haiku-4.5',
    listed: HAIKU,
    endpoints: [],
  },
  {
    id: 'openrouter/auto',
    slug: 'openrouter/auto',
    name: 'Auto Router',
    created: 1699401600,
    routesTo: 'anthropic/claude-sonnet-4.6',
    listed: { prompt: '-1', completion: '-1' },
    endpoints: [],
  },
];
