/** Every way upstream says no, by name: own sentences in the recorded shapes (design: refusals). */
import type { JsonObject } from '../core/json.js';
import { availabilityBody, codeBody, printJson, type Reply, schemaBody } from './reply.js';

/** Facts that a refusal may mention. */
export interface RefusalFacts {
  readonly model: string;
  readonly provider: string;
  readonly maxTokens: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly message?: string;
}

export const REFUSAL_NAMES = [
  'budget',
  'capacity',
  'credits-below-max-tokens',
  'error-in-success',
  'guardrail-content',
  'guardrail-model',
  'in-flight-budget',
  'insufficient-credits',
  'key-limit',
  'key-limit-below-max-tokens',
  'max-price',
  'messages-credits',
  'missing-key',
  'model-not-found',
  'no-provider',
  'overloaded',
  'prompt-above-credits',
  'provider-error',
  'rate-limited',
  'schema',
  'too-long',
  'unknown-key',
  'weight-above-budget',
  'workspace-budget',
] as const;
export type RefusalName = (typeof REFUSAL_NAMES)[number];

/** A key hash as the real service leaks it in messages; this one belongs to no key. */
export const FAKE_KEY_HASH = 'f0e1d2c3b4a5968778695a4b3c2d1e0f'.repeat(2);
const KEY_PAGE = `https://openrouter.ai/workspaces/default/keys/${FAKE_KEY_HASH}`;
const CREDITS_PAGE = 'https://openrouter.ai/settings/credits';
const DOCS = 'https://openrouter.ai/docs/errors';

/** Prints a refusal by name. */
export function printRefusal(name: RefusalName, facts: RefusalFacts): Reply {
  const { message } = facts;
  const { status, headers, body } = PRINTERS[name](facts);
  if (message === undefined) return printJson(status, body, headers);
  return printJson(status, { ...body, error: { ...(body.error as JsonObject), message } }, headers);
}

interface Printed {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

const PRINTERS: Readonly<Record<RefusalName, (facts: RefusalFacts) => Printed>> = {
  'insufficient-credits': () => coded(402, `No credits are left. Add some at ${CREDITS_PAGE}`),
  'credits-below-max-tokens': ({ maxTokens }) =>
    coded(402, affordable(maxTokens, 700, CREDITS_PAGE), {
      limit_source: 'openrouter_credits',
      remedy_hint: `Lower max_tokens or add credits at ${CREDITS_PAGE}.`,
      provider_name: null,
      previous_errors: [640, 1200].map((count) => ({
        code: 402,
        message: affordable(maxTokens, count, CREDITS_PAGE),
      })),
    }),
  'prompt-above-credits': () =>
    coded(
      402,
      `The prompt has more tokens than the credits cover: 12000 > 3000. Add some at ${CREDITS_PAGE}`,
      {
        limit_source: 'openrouter_credits',
      },
    ),
  'in-flight-budget': () => ({
    ...coded(402, 'Requests still running hold the rest of the credits. Retry once they settle.', {
      reason: 'in_flight_budget_exhausted',
      limit_source: 'openrouter_in_flight_budget',
      remedy_hint: 'Wait for the time in Retry-After.',
    }),
    headers: { 'retry-after': '2' },
  }),
  'weight-above-budget': () =>
    coded(402, 'This one request is larger than the whole budget for running requests.', {
      reason: 'weight_exceeds_budget',
      limit_source: 'openrouter_credits',
      remedy_hint: 'Lower max_tokens.',
    }),
  'key-limit-below-max-tokens': ({ maxTokens }) =>
    coded(402, affordable(maxTokens, 900, KEY_PAGE), { limit_source: 'openrouter_key_limit' }),
  'key-limit': () => coded(403, `Key limit exceeded (daily limit). Change it at ${KEY_PAGE}`),
  budget: ({ now }) =>
    coded(403, 'The budget of this key is used up.', {
      limit_source: 'openrouter_key_limit',
      scope: 'key_limit',
      limit_usd: 50,
      spend_usd: 50.25,
      resets_at: nextMidnight(now),
    }),
  'workspace-budget': () => coded(403, 'The workspace has spent its monthly budget of $40.00.'),
  'guardrail-content': ({ model, provider }) => {
    const { status, body } = coded(403, 'Request blocked: the prompt matched a pattern', {
      patterns: ['a pattern of the stand-in'],
    });
    return { status, body: { ...body, openrouter_metadata: guardrailMetadata(model, provider) } };
  },
  'guardrail-model': () => coded(404, 'Your guardrail leaves no endpoints for this request.'),
  'no-provider': ({ model }) => coded(404, `Nobody among the allowed providers serves ${model}.`),
  'max-price': ({ model }) => coded(404, `No endpoints found for ${model} within the requested max_price.`),
  'rate-limited': ({ now }) => ({
    ...coded(429, 'Too many requests', { error_type: 'rate_limit_exceeded' }),
    headers: {
      'x-ratelimit-limit': '20',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(now + 60_000),
    },
  }),
  capacity: ({ model, provider }) => capacity(model, provider),
  'model-not-found': ({ model }) => ({
    status: 400,
    body: availabilityBody(400, `${model} is not a model of this service`, 'invalid_request', {
      code: 'model_not_found',
      retryable: false,
      requested_models: [model],
      docs_url: `${DOCS}#model_not_found`,
    }),
  }),
  'too-long': () => coded(400, 'The prompt and the requested output exceed the context length.'),
  schema: () => ({
    status: 400,
    body: schemaBody([{ code: 'custom', path: ['messages'], message: 'A scripted refusal' }]),
  }),
  'missing-key': () => coded(401, 'No Authorization header was sent'),
  'unknown-key': () => coded(401, 'No user has this key.'),
  'provider-error': ({ provider }) =>
    coded(502, 'The provider failed', { error_type: 'provider_unavailable', provider_name: provider }),
  overloaded: () => coded(503, 'The service is overloaded', { error_type: 'provider_overloaded' }),
  'error-in-success': () => ({ ...coded(502, 'The provider failed after the headers'), status: 200 }),
  'messages-credits': () => ({
    status: 402,
    body: {
      type: 'error',
      error: { type: 'billing_error', message: 'No credits are left.', error_type: 'payment_required' },
      request_id: 'req-standin',
    },
  }),
};

function capacity(model: string, provider: string): Printed {
  return {
    status: 429,
    body: {
      error: {
        ...(availabilityBody(429, `Every provider of ${model} is full`, 'rate_limit_exceeded', {
          code: 'capacity_exhausted',
          retryable: true,
          retry_after: 40,
          requested_models: [model],
          affected_providers: [provider],
          fallback_models: ['anthropic/claude-haiku-4.5'],
          docs_url: `${DOCS}#capacity_exhausted`,
        }).error as JsonObject),
        metadata: { previous_errors: [{ provider, code: 'capacity_exhausted', status: 429 }] },
      },
    },
  };
}

function guardrailMetadata(model: string, provider: string): JsonObject {
  return {
    requested: model,
    strategy: 'direct',
    region: 'local',
    summary: 'available=1',
    attempt: 1,
    is_byok: false,
    endpoints: { total: 1, available: [{ provider, model, selected: false }] },
    pipeline: [
      {
        type: 'guardrail',
        name: 'stand_in',
        guardrail_id: 'grd_standin',
        guardrail_scope: 'api-key',
        summary: 'Blocked: one pattern matched',
        data: {
          action: 'blocked',
          detected: true,
          engines: ['regex'],
          patterns: ['a pattern of the stand-in'],
        },
      },
    ],
  };
}

function affordable(asked: number, count: number, page: string): string {
  return `Too few credits for an answer of ${asked} tokens: this account can only afford ${count}. Raise it at ${page}`;
}

function nextMidnight(now: number): string {
  const dayMs = 86_400_000;
  return new Date((Math.floor(now / dayMs) + 1) * dayMs).toISOString();
}

function coded(code: number, message: string, metadata?: JsonObject): Printed {
  return { status: code, body: codeBody(code, message, metadata) };
}
