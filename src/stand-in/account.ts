/** What an account can be asked: the key's budget, the balance, and what one generation cost in the end. */
import type { JsonObject } from '../core/json.js';
import { ONE_USD, type Usd } from '../core/money.js';
import type { Bill, BillEntry } from './bill.js';
import { printCodeError, printJson, type Reply } from './reply.js';
import { reportCost } from './usage.js';

/** Who asks about a key: its digest in the bill, and whether it manages the account. */
export interface KeyHolder {
  readonly payer: string;
  readonly isManager: boolean;
}

/** `GET /key`: one monthly limit of the given size, and what this key alone has spent since midnight UTC and so on. */
export function printKey(bill: Bill, limitUsd: Usd, now: number, { payer, isManager }: KeyHolder): Reply {
  const spentSince = (startMs: number): Usd =>
    bill.entries
      .filter((entry) => entry.payer === payer && entry.at >= startMs)
      .reduce((sum, entry) => sum + entry.costUsd, 0n);
  const starts = listStarts(now);
  const spentUsd = spentSince(starts.monthly);
  const spent = toNumber(spentUsd);
  const limit = toNumber(limitUsd);
  const remaining = toNumber(limitUsd > spentUsd ? limitUsd - spentUsd : 0n);
  const budget = {
    scope: 'key_limit',
    budget_id: null,
    guardrail_id: null,
    include_byok: false,
    limit_usd: limit,
    spend_usd: spent,
    remaining_usd: remaining,
    reset_interval: 'monthly',
    resets_at: nextMonth(now),
  };
  return printJson(200, {
    data: {
      ...KEY_FACTS,
      is_management_key: isManager,
      ...printSpans('usage', starts, spentSince),
      ...printSpans('byok_usage', starts, () => 0n),
      limit,
      limit_remaining: remaining,
      budgets: [budget],
      effective_budget: budget,
    },
  });
}

/** `GET /credits`. */
export function printCredits(bill: Bill, creditsUsd: Usd): Reply {
  return printJson(200, {
    data: { total_credits: toNumber(creditsUsd), total_usage: toNumber(bill.total()) },
  });
}

/**
 * Makes the answers of `GET /generation?id=`: 404 for the first `misses` look-ups of each id, as the real service
 * needs a moment, then the truth.
 */
export function createGenerationLookup(bill: Bill, misses: number): (id: string) => Reply {
  const looked = new Map<string, number>();
  return (id) => {
    const entry = bill.find(id);
    const seen = looked.get(id) ?? 0;
    if (entry === undefined || seen < misses) {
      if (entry !== undefined) looked.set(id, seen + 1);
      return printCodeError(404, `Generation ${id.slice(0, 64)} not found`);
    }
    return printJson(200, { data: printGeneration(entry) });
  };
}

const KEY_FACTS: JsonObject = {
  label: 'sk-or-v1-sta...nd1',
  limit_reset: 'monthly',
  include_byok_in_limit: false,
  is_free_tier: false,
  is_provisioning_key: false,
  creator_user_id: 'user_standin',
  organization_id: null,
  workspace_id: '00000000-0000-4000-8000-000000000000',
  expires_at: null,
  allowed_data_regions: ['global'],
  free_model_daily_requests: { used: 0, limit: 1000, remaining: 1000 },
  rate_limit: { interval: '1h', note: 'Deprecated.', requests: -1 },
};

const GENERATION_FACTS: JsonObject = {
  api_type: 'completions',
  app_id: null,
  cache_discount: null,
  data_region: 'global',
  external_user: null,
  generation_time: 0,
  http_referer: null,
  is_byok: false,
  latency: 0,
  moderation_latency: null,
  native_tokens_cached: 0,
  native_tokens_completion_images: 0,
  num_fetches: 0,
  num_input_audio_prompt: 0,
  num_media_completion: 0,
  num_media_prompt: 0,
  num_search_results: null,
  origin: '',
  preset_id: null,
  provider_responses: null,
  request_id: null,
  router: null,
  service_tier: null,
  session_id: null,
  upstream_id: null,
  user_agent: null,
  web_search_engine: null,
};

function printGeneration(entry: BillEntry): JsonObject {
  const cost = toNumber(entry.costUsd);
  return {
    ...GENERATION_FACTS,
    id: entry.id,
    model: entry.model,
    provider_name: entry.provider,
    created_at: new Date(entry.at).toISOString(),
    streamed: entry.streamed,
    cancelled: !entry.reported,
    finish_reason: entry.reported ? 'stop' : null,
    native_finish_reason: entry.reported ? 'end_turn' : null,
    total_cost: cost,
    usage: cost,
    upstream_inference_cost: cost,
    tokens_prompt: entry.promptTokens,
    tokens_completion: entry.completionTokens,
    native_tokens_prompt: entry.promptTokens,
    native_tokens_completion: entry.completionTokens,
    native_tokens_reasoning: 0,
  };
}

/** First milliseconds of the present day, week (from Monday) and month, UTC. */
function listStarts(now: number) {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  return {
    daily: Date.UTC(year, month, day),
    weekly: Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7)),
    monthly: Date.UTC(year, month),
  };
}

function printSpans(
  name: string,
  starts: ReturnType<typeof listStarts>,
  spentSince: (startMs: number) => Usd,
): JsonObject {
  return {
    [name]: toNumber(spentSince(Number.NEGATIVE_INFINITY)),
    [`${name}_daily`]: toNumber(spentSince(starts.daily)),
    [`${name}_weekly`]: toNumber(spentSince(starts.weekly)),
    [`${name}_monthly`]: toNumber(spentSince(starts.monthly)),
  };
}

function nextMonth(now: number): string {
  const date = new Date(now);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)).toISOString();
}

function toNumber(amount: Usd): number {
  return reportCost(amount).number;
}

/** What an account owns unless told otherwise. */
export const DEFAULT_CREDITS: Usd = 100n * ONE_USD;
