/** Whole answers that are not streams, and the three envelopes in which errors come (design: refusals). */
import type { Json, JsonObject } from '../core/json.js';

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** JSON with its content type. */
export function printJson(status: number, body: Json, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** Body of the first envelope. */
export function codeBody(code: number, message: string, metadata?: JsonObject): JsonObject {
  return { error: { message, code, ...(metadata === undefined ? {} : { metadata }) } };
}

/** Body of the second envelope, which has no `error.code`. */
export function availabilityBody(
  status: number,
  message: string,
  type: string,
  availability: JsonObject,
): JsonObject {
  return { error: { message, error_type: type, http_status: status, availability } };
}

/** Body of the third envelope: the schema check's issues as text inside `message`. */
export function schemaBody(issues: readonly unknown[]): JsonObject {
  return { success: false, error: { name: 'ZodError', message: JSON.stringify(issues) } };
}

/** An error of the first envelope whose status is its code. */
export function printCodeError(
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return printJson(code, codeBody(code, message), headers);
}

/** The same answer with another status or `Retry-After` (seconds; `null` takes it away). */
export function amendReply(
  original: Reply,
  change: {
    readonly status?: number;
    readonly retryAfter?: number | null;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Reply {
  const headers: Record<string, string> = { ...original.headers, ...change.headers };
  if (change.retryAfter === null) delete headers['retry-after'];
  else if (change.retryAfter !== undefined) headers['retry-after'] = String(change.retryAfter);
  return { ...original, status: change.status ?? original.status, headers };
}
