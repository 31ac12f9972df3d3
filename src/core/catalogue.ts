/**
 * Reads a catalogue of models as `GET /api/v1/models` answers it, as a whole: one malformed model refuses all, because
 * a half-read price list is worse than an old one. Unknown keys are kept (docs/pricing.md "The catalogue").
 */
import {
  asFields,
  describe,
  type FieldProblem,
  type Fields,
  findNameFault,
  joinPath,
  listProblems,
  noteProblem,
  type ProblemMap,
  readObject,
  requireKeys,
} from './fields.js';
import { parseInstant } from './instant.js';
import type { Json, JsonObject } from './json.js';
import { type Pricing, readPricing } from './pricing.js';

/** Most models of one catalogue. */
export const MAX_MODELS = 20_000;
/** Problems that are listed; the rest is counted in the last one. */
export const MAX_CATALOGUE_PROBLEMS = 50;
/** `author/name`, `~author/family-latest`, `author/name:variant`: 3 to 200 characters. */
const MODEL_ID = /^(?=.{3,200}$)~?[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(?::[a-z0-9][a-z0-9-]*)?$/;
const MAX_NESTING = 16;

/** One model of the catalogue. */
export interface CatalogueModel {
  readonly id: string;
  /** The name that answers carry; shared by a model and its `:free` twin. */
  readonly canonicalSlug: string;
  /** The id that an alias stands for at present. */
  readonly aliasTarget: string | null;
  readonly name: string;
  readonly tokenizer: string | null;
  /** Tokens, `null` when not known. Single endpoints may offer more. */
  readonly contextLength: number | null;
  readonly topProvider: {
    readonly contextLength: number | null;
    /** `null`: only the context length bounds an answer. */
    readonly maxCompletionTokens: number | null;
  };
  readonly inputModalities: readonly string[];
  /** Empty when the catalogue does not say. */
  readonly outputModalities: readonly string[];
  readonly supportedParameters: readonly string[];
  /** Milliseconds since 1970 from which the model may be gone. */
  readonly expiresAtMs: number | null;
  readonly pricing: Pricing;
  /** All that was published about it but the description, unknown keys included. */
  readonly raw: JsonObject;
}

/** Models in published order, ids unique. */
export interface Catalogue {
  readonly models: readonly CatalogueModel[];
}

export type CatalogueReading =
  | { readonly ok: true; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * Reads an answer of the models list, a value as `JSON.parse` yields it. Linear in its size; never throws on data.
 *
 * @returns every model, or what is wrong: at most 50 problems, with their paths.
 */
export function parseCatalogue(input: unknown): CatalogueReading {
  const problems: ProblemMap = new Map();
  const fault = findJsonFault(input);
  if (fault !== undefined) return { ok: false, problems: [{ path: 'the answer', message: fault }] };
  const root = asFields(input as Json, 'the answer', problems);
  const list = root && readList(root);
  const models = list ? readModels(list, 'data', problems) : [];
  return problems.size === 0 ? { ok: true, catalogue: { models } } : { ok: false, problems: cut(problems) };
}

/** Reads the objects of a list of models; ids must be unique. What is wrong is noted under `path`. */
export function readModels(
  list: readonly Json[],
  path: string,
  problems: ProblemMap,
): readonly CatalogueModel[] {
  const seen = new Set<string>();
  return list.flatMap((value, index) => {
    const place = asFields(value, joinPath(path, index), problems);
    const id = place && readId(place, 'id');
    if (!place || id === undefined) return [];
    const fields = { ...place, path: joinPath(path, id) };
    if (seen.has(id)) noteProblem(problems, fields.path, 'is listed twice');
    seen.add(id);
    return readModel(fields, id) ?? [];
  });
}

/** Why a value is not JSON that can be hashed and printed again, or `undefined`. Does not recurse. */
export function findJsonFault(input: unknown): string | undefined {
  const open: { value: unknown; depth: number }[] = [{ value: input, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > MAX_NESTING) return `is nested deeper than ${MAX_NESTING} levels`;
    if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) {
        if (!isText(key)) return 'has a key with half a surrogate pair';
        open.push({ value: child, depth: depth + 1 });
      }
    } else if (!isScalar(value)) return 'holds a value that JSON cannot hold';
  }
  return undefined;
}

function readList(root: Fields): readonly Json[] | undefined {
  const { data: list, total_count: total } = root.data;
  const refuse = (message: string) => noteProblem(root.problems, 'data', message);
  if (list === undefined) return void refuse('is missing: this is no list of models');
  if (!Array.isArray(list)) return void refuse(`must be an array of models, found ${describe(list)}`);
  if (list.length === 0) return void refuse('is empty');
  if (list.length > MAX_MODELS) return void refuse(`holds ${list.length} models, more than ${MAX_MODELS}`);
  if (typeof total === 'number' && total > list.length)
    return void refuse(`holds ${list.length} of ${total} models: a page, not the whole list`);
  return list;
}

function readModel(fields: Fields, id: string): CatalogueModel | undefined {
  requireKeys(fields, ['pricing']);
  const pricing = readObject(fields, 'pricing');
  const architecture = readNullable(fields, 'architecture');
  const top = readNullable(fields, 'top_provider');
  if (!pricing) return undefined;
  return {
    id,
    canonicalSlug: readId(fields, 'canonical_slug') ?? id.replace(/:.*$/, ''),
    aliasTarget: readId(fields, 'alias_target') ?? null,
    name: readText(fields, 'name') ?? id,
    tokenizer: (architecture && readText(architecture, 'tokenizer')) ?? null,
    contextLength: readLength(fields, 'context_length'),
    topProvider: {
      contextLength: top ? readLength(top, 'context_length') : null,
      maxCompletionTokens: top ? readLength(top, 'max_completion_tokens') : null,
    },
    inputModalities: architecture ? readWords(architecture, 'input_modalities') : [],
    outputModalities: architecture ? readWords(architecture, 'output_modalities') : [],
    supportedParameters: readWords(fields, 'supported_parameters'),
    expiresAtMs: readExpiry(fields.data.expiration_date),
    pricing: readPricing(pricing),
    raw: dropDescription(fields.data),
  };
}

/** A well-formed id; `undefined` when absent or `null`, except for `id` itself, which is required. */
function readId(fields: Fields, key: string): string | undefined {
  const value = fields.data[key];
  if (key !== 'id' && (value === undefined || value === null)) return undefined;
  if (typeof value === 'string' && MODEL_ID.test(value)) return value;
  const found = value === undefined ? 'is missing' : `must look like author/name, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), found);
  return undefined;
}

/** Words for people. What is no proper text is left out: no price hangs on it. */
function readText(fields: Fields, key: string): string | undefined {
  const value = fields.data[key];
  return typeof value === 'string' && findNameFault(value) === undefined ? value : undefined;
}

function readNullable(fields: Fields, key: string): Fields | undefined {
  return fields.data[key] === null ? undefined : readObject(fields, key);
}

/** A number of tokens. `null` for 0 too: as a limit it would make every bound zero. */
function readLength(fields: Fields, key: string): number | null {
  const value = fields.data[key];
  if (value === undefined || value === null || value === 0) return null;
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  const message = `must be a whole number of tokens or null, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return null;
}

function readWords(fields: Fields, key: string): readonly string[] {
  const value = fields.data[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((word: Json) => typeof word === 'string')) return value;
  noteProblem(
    fields.problems,
    joinPath(fields.path, key),
    `must be a list of words, found ${describe(value)}`,
  );
  return [];
}

/** A day counts from its first moment in UTC. Not money: what is not understood is left out. */
function readExpiry(value: Json | undefined): number | null {
  if (typeof value !== 'string') return null;
  return parseInstant(value) ?? parseInstant(`${value}T00:00:00Z`) ?? null;
}

/** Prose is a third of the list, and nothing reads it. */
function dropDescription(data: JsonObject): JsonObject {
  const { description: _, ...raw } = data;
  return raw;
}

function cut(problems: ProblemMap): readonly FieldProblem[] {
  const all = listProblems(problems);
  if (all.length <= MAX_CATALOGUE_PROBLEMS) return all;
  const rest = { path: 'data', message: `has ${all.length - MAX_CATALOGUE_PROBLEMS + 1} more problems` };
  return [...all.slice(0, MAX_CATALOGUE_PROBLEMS - 1), rest];
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'string') return isText(value);
  return (
    value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

function isText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
