/**
 * Brings the price table of a home up to date: fetch, check the whole, hold jumps back, replace in one step. Whatever
 * goes wrong before the last step leaves the old table as it was (docs/pricing.md "The models command").
 */
import { type CatalogueModel, parseCatalogue } from '../core/catalogue.js';
import { parseEndpoints } from '../core/endpoint-prices.js';
import type { AgentGuardError } from '../core/errors.js';
import type { FieldProblem } from '../core/fields.js';
import type { Json } from '../core/json.js';
import { findNearest } from '../core/nearest.js';
import { comparePrices, findJumps, type Jump, type PriceChanges } from '../core/price-changes.js';
import {
  createPriceTable,
  type EndpointPrices,
  type PriceTable,
  type TableContent,
} from '../core/price-table.js';
import { openHome } from '../store/paths.js';
import {
  PREVIOUS_PRICE_FILE,
  readPriceFile,
  removeStaleTables,
  replacePriceFile,
  stampPriceFile,
} from '../store/price-file.js';
import { withPriceLock } from '../store/price-lock.js';
import { type Client, type ClientOptions, createClient } from './client.js';
import { malformed } from './failure.js';
import type { Validators } from './http-get.js';
import { fetchEndpoints, fetchModels } from './models.js';

export interface SyncOptions
  extends Pick<ClientOptions, 'env' | 'timeoutMs' | 'signal' | 'random' | 'firstPauseMs'> {
  readonly home: string;
  /** Where the list of models is: https, or http on this machine. */
  readonly url: URL;
  /** Largest believed ratio between an old and a new price, in units of 10⁻²⁴; above 1. */
  readonly maxChange: bigint;
  /** Ids of models whose new price is taken however far it jumped. */
  readonly accept: readonly string[] | 'all';
  /** Ids of models whose endpoints are fetched too; `undefined` keeps to those of the last sync. */
  readonly endpoints: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Hears what a person may want to know: a retry, a damaged old table. One sentence; may quote files: hostile. */
  readonly onNote?: (sentence: string) => void;
}

/** `unchanged`: the same prices as before. `shared`: another process synced while this one waited. */
export interface SyncReport {
  readonly kind: 'replaced' | 'unchanged' | 'shared';
  readonly table: PriceTable;
  readonly changes: PriceChanges;
  /** The models held back by now, with the move that went too far. */
  readonly jumps: readonly Jump[];
  /** The models that were held back before and are not any more: accepted, or back in reach. */
  readonly released: readonly string[];
}

/** Ids were named that the catalogue does not have; nothing was written. */
export interface UnknownModels {
  readonly kind: 'unknown_models';
  readonly ids: readonly string[];
  readonly nearest: readonly string[];
}

const NO_CHANGES: PriceChanges = { added: [], gone: [], changed: [] };
const SHOWN_PROBLEMS = 3;
/** Requests for endpoints at the same time. */
const LANES = 4;

/**
 * Syncs once; of several at the same time on one home, one does the work.
 *
 * @throws AgentGuardError NETWORK_FAILED, UPSTREAM_REFUSED, UPSTREAM_MALFORMED; HOME_UNSAFE, LEDGER_UNWRITABLE,
 *   PRICES_UNREADABLE, PRICES_UNWRITABLE, PRICES_LOCKED. TypeError for an address that may not be asked.
 */
export async function syncPrices(options: SyncOptions): Promise<SyncReport | UnknownModels> {
  const realHome = await openHome(options.home);
  const stamp = await stampPriceFile(realHome);
  const lock = { waitMs: options.timeoutMs, ...(options.signal ? { signal: options.signal } : {}) };
  return withPriceLock(realHome, lock, async () => {
    await removeStaleTables(realHome);
    const old = await readOldTable(realHome, options);
    const isShared = old && isRoutine(options, old) && (await stampPriceFile(realHome)) !== stamp;
    if (isShared)
      return {
        kind: 'shared',
        table: old,
        changes: NO_CHANGES,
        jumps: listJumps(old, options),
        released: [],
      };
    const client = createClient({
      ...options,
      onRetry: (error) => options.onNote?.(`${error.message} Trying again.`),
    });
    try {
      return await fetchAndReplace(realHome, old, client, options);
    } finally {
      await client.close();
    }
  });
}

/** A damaged table is replaced; what its prices are compared with is then the table before it. */
async function readOldTable(realHome: string, options: SyncOptions): Promise<PriceTable | undefined> {
  const current = await readPriceFile(realHome);
  if (current === undefined || current.table) return current?.table;
  const previous = await readPriceFile(realHome, PREVIOUS_PRICE_FILE).catch(() => undefined);
  const instead = previous?.table ? 'compared with the table before it' : 'not compared';
  options.onNote?.(`${current.problem ?? 'The old table is damaged.'} The new prices are ${instead}.`);
  // Not for conditional requests: an answer of "not modified" would leave nothing to replace the damaged one with.
  return previous?.table && createPriceTable(dropValidators(previous.table));
}

async function fetchAndReplace(
  realHome: string,
  old: PriceTable | undefined,
  client: Client,
  options: SyncOptions,
): Promise<SyncReport | UnknownModels> {
  const answer = await fetchModels(client, options.url, chooseValidators(old, options));
  const fetchedAt = new Date(options.now()).toISOString();
  if (answer.kind === 'unchanged' && old) {
    const table = createPriceTable({ ...old, fetchedAt });
    await replacePriceFile(realHome, table, false);
    return { kind: 'unchanged', table, changes: NO_CHANGES, jumps: [], released: [] };
  }
  if (answer.kind === 'unchanged') throw malformed(`${options.url.host} left its list out.`, 'Try again.');
  const models = readModels(answer.json, options.url);
  const unknown = findUnknownModels(models, options);
  if (unknown) return unknown;
  const endpoints = await fetchAllEndpoints(client, models, old, fetchedAt, options);
  const source = printSource(options.url);
  const content = { fetchedAt, source, ...answer.validators, endpoints, models };
  return replaceTable(realHome, old, content, options);
}

async function replaceTable(
  realHome: string,
  old: PriceTable | undefined,
  content: TableContent,
  options: SyncOptions,
): Promise<SyncReport> {
  const { heldBack, jumps } = old
    ? findJumps(old, content.models, ruleOf(options))
    : { heldBack: new Map(), jumps: [] };
  const table = makeTable({ ...content, heldBack }, options.url);
  const changes = comparePrices(old?.models ?? [], table.models);
  const isSame = old !== undefined && old.contentHash === table.contentHash;
  const released = [...(old?.heldBack.keys() ?? [])].filter((id) => !table.heldBack.has(id));
  await replacePriceFile(realHome, table, !isSame);
  return { kind: isSame ? 'unchanged' : 'replaced', table, changes, jumps, released };
}

/** The models held back in a table, as another sync left it. */
export function listJumps(
  table: PriceTable,
  options: Pick<SyncOptions, 'maxChange' | 'now'>,
): readonly Jump[] {
  return findJumps(table, table.models, { ...ruleOf({ ...options, accept: [] }) }).jumps;
}

function ruleOf({ accept, maxChange, now }: Pick<SyncOptions, 'accept' | 'maxChange' | 'now'>) {
  const accepts = (id: string): boolean => accept === 'all' || accept.includes(id);
  return { maxChange, accepts, now: new Date(now()).toISOString() };
}

function readModels(json: Json, url: URL): readonly CatalogueModel[] {
  const reading = parseCatalogue(json);
  if (reading.ok) return reading.catalogue.models;
  throw malformedPrices(`The list of models of ${url.host} is not one that can be trusted`, reading.problems);
}

async function fetchAllEndpoints(
  client: Client,
  models: readonly CatalogueModel[],
  old: PriceTable | undefined,
  fetchedAt: string,
  options: SyncOptions,
): Promise<ReadonlyMap<string, EndpointPrices>> {
  const known = new Set(models.map(({ id }) => id));
  const wanted = options.endpoints ?? [...(old?.endpoints.keys() ?? [])];
  const left = [...new Set(wanted)].filter((id) => known.has(id));
  const found = new Map<string, EndpointPrices>();
  async function work(): Promise<void> {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const reading = parseEndpoints(await fetchEndpoints(client, options.url, id));
      if (!reading.ok)
        throw malformedPrices(`The endpoints of ${id} are not ones that can be trusted`, reading.problems);
      found.set(id, { fetchedAt, pricings: reading.pricings });
    }
  }
  await Promise.all(Array.from({ length: LANES }, work));
  return found;
}

/** Whether the table is what this sync would have made, had it run at the same moment. */
function isRoutine(options: SyncOptions, old: PriceTable): boolean {
  const wantsNothing = options.accept.length === 0 && options.endpoints === undefined;
  return wantsNothing && old.source === printSource(options.url);
}

/** "Not modified" is of use only where nothing but the list counts. */
function chooseValidators(old: PriceTable | undefined, options: SyncOptions): Validators {
  if (!old || !isRoutine(options, old) || old.heldBack.size > 0 || old.endpoints.size > 0) return {};
  const { etag, lastModified } = old;
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

function findUnknownModels(
  models: readonly CatalogueModel[],
  options: SyncOptions,
): UnknownModels | undefined {
  const known = models.map(({ id }) => id);
  const named = [...(options.accept === 'all' ? [] : options.accept), ...(options.endpoints ?? [])];
  const ids = named.filter((id) => !known.includes(id));
  if (ids.length === 0) return undefined;
  return { kind: 'unknown_models', ids, nearest: ids.flatMap((id) => findNearest(id, known).slice(0, 3)) };
}

function makeTable(content: TableContent, url: URL): PriceTable {
  try {
    return createPriceTable(content);
  } catch (cause) {
    if (cause instanceof TypeError)
      throw malformed(`No table can hold what ${url.host} answered.`, cause.message);
    throw cause;
  }
}

function malformedPrices(what: string, problems: readonly FieldProblem[]): AgentGuardError {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ path, message }) => `${path} ${message}`);
  const rest = problems.length > SHOWN_PROBLEMS ? `; and ${problems.length - SHOWN_PROBLEMS} more` : '';
  const hint = 'The old table, if there is one, stays in force. Try again later, or check the address.';
  return malformed(`${what}: ${shown.join('; ')}${rest}.`, hint);
}

function dropValidators({ etag: _, lastModified: __, ...rest }: PriceTable): TableContent {
  return rest;
}

/** The address as the table names it: without a fragment, which is never sent. */
function printSource(url: URL): string {
  const copy = new URL(url);
  copy.hash = '';
  return copy.href;
}
