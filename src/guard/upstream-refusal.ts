/**
 * Tells what a refusal by upstream asks for: fix the request, wait, ask someone, or try elsewhere (docs/policy.md
 * "Refusals by upstream"). Codes and times are read; the words of a message never are: they can name keys.
 */

export type RefusalClass = 'fix' | 'wait' | 'ask' | 'elsewhere';

/** What is known of an upstream refusal. Recorded with the settlement. */
export interface UpstreamRefusal {
  readonly class: RefusalClass;
  /** A stable word for the cause, ours where upstream names none. */
  readonly cause: string;
  /** How long upstream asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** ISO 8601, when a budget upstream starts anew. */
  readonly resetsAt?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Causes that upstream names in `error.metadata.reason`, `limit_source`, `error_type` or `availability.code`. */
const CAUSES: Readonly<Record<string, RefusalClass>> = {
  in_flight_budget_exhausted: 'wait',
  weight_exceeds_budget: 'fix',
  openrouter_credits: 'ask',
  openrouter_key_limit: 'ask',
  openrouter_guardrail_budget: 'ask',
  openrouter_workspace_budget: 'ask',
  openrouter_in_flight_budget: 'wait',
  capacity_exhausted: 'wait',
  model_not_found: 'fix',
  rate_limit_exceeded: 'wait',
  provider_unavailable: 'elsewhere',
  payment_required: 'ask',
  billing_error: 'ask',
  invalid_request: 'fix',
};

/** What the status alone says, where the body says nothing more exact. */
const BY_STATUS: Readonly<Record<number, readonly [RefusalClass, string]>> = {
  400: ['fix', 'bad_request'],
  401: ['ask', 'unauthorized'],
  402: ['ask', 'credits'],
  403: ['ask', 'forbidden'],
  404: ['fix', 'not_found'],
  408: ['wait', 'timeout'],
  413: ['fix', 'too_large'],
  422: ['fix', 'bad_request'],
  429: ['wait', 'rate_limited'],
};

/**
 * Classifies a refusal from its status, headers and JSON body.
 *
 * @param ceilingSent whether the guard had added a price ceiling: then a bare 404 most likely means that no endpoint is
 *   as cheap as the price the guard knows.
 */
export function classifyRefusal(
  status: number,
  headers: Headers,
  body: unknown,
  ceilingSent: boolean,
): UpstreamRefusal {
  const error = objectAt(body, 'error');
  const metadata = objectAt(error, 'metadata');
  const availability = objectAt(error, 'availability');
  const named = [
    metadata.reason,
    availability.code,
    metadata.limit_source,
    error.error_type,
    metadata.error_type,
    error.type,
  ].filter((word): word is string => typeof word === 'string' && Object.hasOwn(CAUSES, word));
  const cause = named[0];
  const times = {
    retryAfterMs: readRetryAfter(headers, availability),
    resetsAt: readInstant(metadata.resets_at),
  };
  if (cause !== undefined) return { class: CAUSES[cause] as RefusalClass, cause, ...times };
  if (error.name === 'ZodError') return { class: 'fix', cause: 'bad_request', ...times };
  if (status === 404 && ceilingSent) return { class: 'fix', cause: 'price_ceiling', ...times };
  const [kind, word] =
    BY_STATUS[status] ?? (status >= 500 ? ['elsewhere', 'provider_error'] : ['fix', 'refused']);
  return { class: kind as RefusalClass, cause: word, ...times };
}

/** `Retry-After` in seconds or as a date, or the availability envelope's own seconds. At most a day. */
function readRetryAfter(headers: Headers, availability: Fields): number | undefined {
  const header = headers.get('retry-after');
  const seconds =
    header !== null && /^\d{1,9}$/.test(header.trim()) ? Number(header) : availability.retry_after;
  if (typeof seconds !== 'number' || !(seconds >= 0)) return undefined;
  return Math.min(Math.ceil(seconds * 1000), 24 * 3_600_000);
}

function readInstant(value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]{8,16}Z$/.test(value) ? value : undefined;
}

function objectAt(value: unknown, key: string): Fields {
  const inner = typeof value === 'object' && value !== null ? (value as Fields)[key] : undefined;
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as Fields) : {};
}
