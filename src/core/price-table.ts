/**
 * The price table as it is kept on disk, `pricing.json`: the models of the last sync, the prices held back, those of
 * single endpoints, and where they came from (docs/pricing.md "The table file").
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { encodeHex, encodeUtf8 } from './bytes.js';
import { canonicalize } from './canonical-json.js';
import { type CatalogueModel, findJsonFault } from './catalogue.js';
import type { PublishedPricing } from './endpoint-prices.js';
import { asFields, type FieldProblem, listProblems, type ProblemMap } from './fields.js';
import { parseInstant } from './instant.js';
import type { Json, JsonObject } from './json.js';
import type { PricedModel } from './model-prices.js';
import { readTable, TABLE_FORMAT_VERSION } from './table-fields.js';

/** Longest table file that is read, in UTF-16 code units. */
export const MAX_TABLE_LENGTH: number = 64 * 1024 * 1024;

/** Two prices of one model that are too far apart to believe the new one: the dearer rules until it is accepted. */
export interface HeldPrice {
  /** ISO 8601 with milliseconds, UTC. */
  readonly since: string;
  readonly was: PublishedPricing;
  readonly now: PublishedPricing;
}

/** What the endpoints of one model charge, each as published. */
export interface EndpointPrices {
  /** ISO 8601 with milliseconds, UTC. */
  readonly fetchedAt: string;
  readonly pricings: readonly PublishedPricing[];
}

export interface PriceTable {
  readonly formatVersion: typeof TABLE_FORMAT_VERSION;
  /** ISO 8601 with milliseconds, UTC. */
  readonly fetchedAt: string;
  /** The address that was read, without credentials. */
  readonly source: string;
  /** SHA-256 of the models as canonical JSON, 64 lowercase hex digits. */
  readonly contentHash: string;
  /** For conditional requests, as the server gave them. */
  readonly etag?: string;
  readonly lastModified?: string;
  /** By model id. Every id is one of `models`. */
  readonly heldBack: ReadonlyMap<string, HeldPrice>;
  readonly endpoints: ReadonlyMap<string, EndpointPrices>;
  /** Sorted by id, ids unique, at least one. */
  readonly models: readonly CatalogueModel[];
}

/** All of a table but what follows from the rest. */
export type TableContent = Omit<PriceTable, 'formatVersion' | 'contentHash' | 'heldBack' | 'endpoints'> &
  Partial<Pick<PriceTable, 'heldBack' | 'endpoints'>>;

export type TableReading =
  | { readonly ok: true; readonly table: PriceTable }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * Makes a table of freshly read models: sorts and hashes them. Prices held back or of endpoints whose model is gone
 * are dropped.
 *
 * @throws TypeError when the content would not read back, such as a time that is no UTC instant.
 */
export function createPriceTable(content: TableContent): PriceTable {
  const models = content.models.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const ids = new Set(models.map((model) => model.id));
  const keep = <T>(entries: ReadonlyMap<string, T> = new Map()) =>
    new Map([...entries].filter(([id]) => ids.has(id)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const table: PriceTable = {
    formatVersion: TABLE_FORMAT_VERSION,
    ...content,
    contentHash: hashModels(models),
    heldBack: keep(content.heldBack),
    endpoints: keep(content.endpoints),
    models,
  };
  const reading = parsePriceTable(printPriceTable(table));
  if (reading.ok) return reading.table;
  const [problem] = reading.problems;
  throw new TypeError(`no price table can hold this: ${problem?.path} ${problem?.message}`);
}

/** SHA-256 over the canonical JSON of the models in this order, in lowercase hex. Two equal lists have one hash. */
export function hashModels(models: readonly CatalogueModel[]): string {
  return hashTexts(models.map((model) => canonicalize(model.raw)));
}

/** The text of the file, one line per model, a line feed at the end. Inverse of `parsePriceTable`. */
export function printPriceTable(table: PriceTable): string {
  return printTable(
    table,
    table.models.map((model) => canonicalize(model.raw)),
  );
}

/**
 * Reads the text of a table file. Strict: exactly what `printPriceTable` gives is accepted, so a file that was cut,
 * edited or half written is refused with a sentence. Linear in its length; never throws on text.
 */
export function parsePriceTable(text: string): TableReading {
  if (text.length > MAX_TABLE_LENGTH) return refuse(`is longer than ${MAX_TABLE_LENGTH} characters`);
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('is not JSON: it was cut short or is another file');
  }
  const fault = findJsonFault(value);
  if (fault !== undefined) return refuse(fault);
  const problems: ProblemMap = new Map();
  const root = asFields(value, 'the table', problems);
  const table = root && readTable({ ...root, path: '' });
  if (!table || problems.size > 0) return { ok: false, problems: listProblems(problems).slice(0, 50) };
  const lines = table.models.map((model) => canonicalize(model.raw));
  if (hashTexts(lines) !== table.contentHash) return refuse('was changed: its models do not match its hash');
  if (printTable(table, lines) !== text)
    return refuse('was changed: it is not written as this program writes it');
  return { ok: true, table };
}

/**
 * A model of the table with every price that may be billed: the listed one, both where one is held back, and those of
 * its endpoints where they were fetched.
 */
export function listPricings(table: PriceTable, model: CatalogueModel): PricedModel {
  const held = table.heldBack.get(model.id);
  const endpoints = table.endpoints.get(model.id)?.pricings ?? [];
  const more = [...(held ? [held.was, held.now] : []), ...endpoints];
  return { model, pricings: [model.pricing, ...more.map(({ pricing }) => pricing)] };
}

/** How old the table is, in milliseconds; negative when the clock is behind it. */
export function measureTableAgeMs(table: PriceTable, nowMs: number): number {
  const fetchedAtMs = parseInstant(table.fetchedAt);
  if (fetchedAtMs === undefined) throw new RangeError(`${table.fetchedAt} is no moment`);
  return nowMs - fetchedAtMs;
}

function hashTexts(models: readonly string[]): string {
  return encodeHex(sha256(encodeUtf8(`[${models.join(',')}]`)));
}

function printTable(table: PriceTable, models: readonly string[]): string {
  const { formatVersion, fetchedAt, source, contentHash, etag, lastModified } = table;
  const head = { formatVersion, fetchedAt, source, contentHash, etag, lastModified };
  const heldBack = printEntries(table.heldBack, ({ since, was, now }) => ({
    since,
    was: was.raw,
    now: now.raw,
  }));
  const endpoints = printEntries(table.endpoints, ({ fetchedAt, pricings }) => ({
    fetchedAt,
    pricings: pricings.map(({ raw }) => raw),
  }));
  // JSON.stringify leaves the absent ones out.
  return `${JSON.stringify(head).slice(0, -1)},\n"heldBack":${heldBack},\n"endpoints":${endpoints},\n"models":[\n${models.join(',\n')}\n]}\n`;
}

function printEntries<T>(entries: ReadonlyMap<string, T>, print: (entry: T) => JsonObject): string {
  return canonicalize(Object.fromEntries([...entries].map(([id, entry]) => [id, print(entry)])));
}

function refuse(message: string): TableReading {
  return { ok: false, problems: [{ path: 'the table', message }] };
}
