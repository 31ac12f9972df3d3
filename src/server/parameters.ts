/** The parameters of a request, checked: whatever is wrong is one answer with its status, never a fault. */
import type { ErrorAnswer } from '../core/dashboard.js';
import { GROUP_FIELDS, type GroupField, VALUE_FIELDS, type ValueField } from '../core/grouping.js';
import { parseQuery, type Query } from '../core/query.js';

/** Thrown by what answers a request, and turned into an `ErrorAnswer`. */
export class RequestError extends Error {
  readonly status: 400 | 404 | 410 | 503;
  readonly answer: ErrorAnswer;
  constructor(status: RequestError['status'], code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.answer = { error: { code, message, ...(hint ? { hint } : {}) } };
  }
}

/** Longest value that is looked at, besides the filter. */
const MAX_LENGTH = 512;
const MAX_GROUPING = 4;

export interface Filter {
  readonly query: Query;
  /** Two texts that mean the same have one key. */
  readonly key: string;
}

/** Reads `q`. `2h` is measured from `nowMs`, to the second, so that a filter keeps its key for that long. */
export function readFilter(parameters: URLSearchParams, nowMs: number): Filter {
  const reading = parseQuery(parameters.get('q') ?? '', Math.floor(nowMs / 1_000) * 1_000);
  if (!reading.ok) {
    const { message, hint } = reading.problem;
    throw new RequestError(400, 'filter_invalid', message, hint);
  }
  const { query } = reading;
  return {
    query,
    key: JSON.stringify(query, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
  };
}

/** A whole number in a range; `fallback` when it is not given. */
export function readInteger(
  parameters: URLSearchParams,
  name: string,
  { min, max, fallback }: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = parameters.get(name);
  if (text === null || text === '') return fallback;
  const value = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new RequestError(400, 'parameter_invalid', `${name} is a whole number from ${min} to ${max}.`);
}

/** A text; empty when it is not given. */
export function readText(parameters: URLSearchParams, name: string): string {
  const text = parameters.get(name) ?? '';
  if (text.length <= MAX_LENGTH) return text;
  throw new RequestError(400, 'parameter_invalid', `${name} has at most ${MAX_LENGTH} characters.`);
}

/** One of some words. */
export function readChoice<T extends string>(
  parameters: URLSearchParams,
  name: string,
  choices: readonly T[],
  fallback: T,
): T {
  const text = readText(parameters, name);
  const found = choices.find((choice) => choice === text);
  if (found === undefined && text !== '')
    throw new RequestError(400, 'parameter_invalid', `${name} is one of ${choices.join(', ')}.`);
  return found ?? fallback;
}

/** Fields to group by, with commas between them; none when it is not given. */
export function readGrouping(parameters: URLSearchParams): readonly GroupField[] {
  const names = readText(parameters, 'by').split(',').filter(Boolean);
  if (names.length > MAX_GROUPING)
    throw new RequestError(400, 'parameter_invalid', `by has at most ${MAX_GROUPING} fields.`);
  return names.map((name) => readChoice(new URLSearchParams({ by: name }), 'by', GROUP_FIELDS, 'action'));
}

/** The field that a chart is stacked by. */
export function readStack(parameters: URLSearchParams): ValueField {
  return readChoice(parameters, 'by', VALUE_FIELDS, 'model');
}
