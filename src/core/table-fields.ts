/** Reads the fields of a price table file, and notes everything that is wrong with them (docs/pricing.md "The table file"). */
import { isHex } from './bytes.js';
import { MAX_MODELS, readModels } from './catalogue.js';
import { readNeeded, readPublished } from './endpoint-prices.js';
import {
  asFields,
  describe,
  type Fields,
  joinPath,
  noteProblem,
  readName,
  readObject,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import { parseInstant } from './instant.js';
import type { Json } from './json.js';
import type { EndpointPrices, HeldPrice, PriceTable } from './price-table.js';

export const TABLE_FORMAT_VERSION = 1;
const TABLE_KEYS = [
  'formatVersion',
  'fetchedAt',
  'source',
  'contentHash',
  'etag',
  'lastModified',
  'heldBack',
  'endpoints',
  'models',
] as const;
const OPTIONAL_KEYS: readonly string[] = ['etag', 'lastModified'];
const UTC_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const HTTP_URL = /^https?:\/\/[^\s/?#@]+(?:[/?#]\S*)?$/;
const MAX_URL_LENGTH = 2048;
const MAX_VALIDATOR_LENGTH = 1024;

/** The table that `fields` stands on, or `undefined` when it lists no models. Problems are noted in `fields.problems`. */
export function readTable(fields: Fields): PriceTable | undefined {
  requireKeys(
    fields,
    TABLE_KEYS.filter((key) => !OPTIONAL_KEYS.includes(key)),
  );
  refuseUnknownKeys(fields, TABLE_KEYS);
  const { formatVersion, models: list } = fields.data;
  if (formatVersion !== TABLE_FORMAT_VERSION)
    noteProblem(
      fields.problems,
      'formatVersion',
      `must be ${TABLE_FORMAT_VERSION}: another version wrote this table`,
    );
  const etag = readName(fields, 'etag', MAX_VALIDATOR_LENGTH);
  const lastModified = readName(fields, 'lastModified', MAX_VALIDATOR_LENGTH);
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_MODELS) {
    noteProblem(fields.problems, 'models', `must be a list of 1 to ${MAX_MODELS} models`);
    return undefined;
  }
  const models = readModels(list, 'models', fields.problems);
  const ids = new Set(models.map((model) => model.id));
  return {
    formatVersion: TABLE_FORMAT_VERSION,
    fetchedAt: readMatching(
      fields,
      'fetchedAt',
      isUtcInstant,
      'must be a moment such as 2026-05-18T00:00:00.000Z',
    ),
    source: readMatching(fields, 'source', isSource, 'must be an http address without credentials'),
    contentHash: readMatching(
      fields,
      'contentHash',
      (text) => isHex(text, 32),
      'must be 64 lowercase hex digits',
    ),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    heldBack: readEntries(fields, 'heldBack', ids, readHeldPrice),
    endpoints: readEntries(fields, 'endpoints', ids, readEndpointPrices),
    models,
  };
}

function readEntries<T>(
  fields: Fields,
  key: string,
  ids: ReadonlySet<string>,
  read: (entry: Fields) => T,
): ReadonlyMap<string, T> {
  const object = readObject(fields, key);
  const entries = new Map<string, T>();
  for (const id of Object.keys(object?.data ?? {})) {
    if (!ids.has(id)) {
      noteProblem(fields.problems, joinPath(key, id), 'is no model of this table');
      continue;
    }
    const entry = readObject(object!, id);
    if (entry) entries.set(id, read(entry));
  }
  return entries;
}

function readHeldPrice(entry: Fields): HeldPrice {
  requireKeys(entry, ['since', 'was', 'now']);
  refuseUnknownKeys(entry, ['since', 'was', 'now']);
  return {
    since: readMatching(entry, 'since', isUtcInstant, 'must be a moment'),
    was: readPublished(readNeeded(entry, 'was', readObject)),
    now: readPublished(readNeeded(entry, 'now', readObject)),
  };
}

function readEndpointPrices(entry: Fields): EndpointPrices {
  requireKeys(entry, ['fetchedAt', 'pricings']);
  refuseUnknownKeys(entry, ['fetchedAt', 'pricings']);
  const list = entry.data.pricings;
  const path = joinPath(entry.path, 'pricings');
  if (list !== undefined && !Array.isArray(list)) noteProblem(entry.problems, path, 'must be an array');
  const values: readonly Json[] = Array.isArray(list) ? list : [];
  return {
    fetchedAt: readMatching(entry, 'fetchedAt', isUtcInstant, 'must be a moment'),
    pricings: values.map((value, index) =>
      readPublished(asFields(value, joinPath(path, index), entry.problems)),
    ),
  };
}

function readMatching(
  fields: Fields,
  key: string,
  isGood: (text: string) => boolean,
  message: string,
): string {
  const value = fields.data[key];
  if (typeof value === 'string' && isGood(value)) return value;
  if (value !== undefined)
    noteProblem(fields.problems, joinPath(fields.path, key), `${message}, found ${describe(value)}`);
  return '';
}

function isUtcInstant(text: string): boolean {
  return UTC_INSTANT.test(text) && parseInstant(text) !== undefined;
}

function isSource(text: string): boolean {
  return text.length <= MAX_URL_LENGTH && HTTP_URL.test(text);
}
