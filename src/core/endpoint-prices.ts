/** What single endpoints charge for a model, and pricing objects as they are kept (docs/pricing.md "Endpoints"). */
import { canonicalize } from './canonical-json.js';
import { findJsonFault } from './catalogue.js';
import {
  asFields,
  describe,
  type FieldProblem,
  type Fields,
  joinPath,
  listProblems,
  noteProblem,
  type ProblemMap,
  readObject,
  requireKeys,
} from './fields.js';
import type { Json, JsonObject } from './json.js';
import { type Pricing, readPricing } from './pricing.js';

/** A pricing object: as published, and as understood. */
export interface PublishedPricing {
  readonly raw: JsonObject;
  readonly pricing: Pricing;
}

/** Reads the answer of `GET /api/v1/models/{author}/{slug}/endpoints`: the pricing of each endpoint, equal ones once. */
export function parseEndpoints(
  input: unknown,
):
  | { readonly ok: true; readonly pricings: readonly PublishedPricing[] }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] } {
  const fault = findJsonFault(input);
  if (fault !== undefined) return { ok: false, problems: [{ path: 'the answer', message: fault }] };
  const problems: ProblemMap = new Map();
  const root = asFields(input as Json, 'the answer', problems);
  const data = root && readNeeded(root, 'data', readObject);
  const pricings = data ? readEndpointList(data) : [];
  return problems.size === 0 ? { ok: true, pricings } : { ok: false, problems: listProblems(problems) };
}

/** The pricing object at `fields`; `undefined` stands for something already noted as a problem. */
export function readPublished(fields: Fields | undefined): PublishedPricing {
  return fields
    ? { raw: fields.data, pricing: readPricing(fields) }
    : { raw: {}, pricing: { prices: {}, unknownKeys: [], overrides: [] } };
}

/** A required field, read by `read`; its absence is noted. */
export function readNeeded<T>(fields: Fields, key: string, read: (fields: Fields, key: string) => T): T {
  requireKeys(fields, [key]);
  return read(fields, key);
}

function readEndpointList(data: Fields): readonly PublishedPricing[] {
  const list = data.data.endpoints;
  const path = joinPath(data.path, 'endpoints');
  if (!Array.isArray(list)) {
    noteProblem(
      data.problems,
      path,
      list === undefined ? 'is missing' : `must be an array, found ${describe(list)}`,
    );
    return [];
  }
  const found = list.flatMap((value: Json, index) => {
    const endpoint = asFields(value, joinPath(path, index), data.problems);
    const pricing = endpoint && readNeeded(endpoint, 'pricing', readObject);
    return pricing ? [readPublished(pricing)] : [];
  });
  return [...new Map(found.map((each) => [canonicalize(each.raw), each])).values()];
}
