/** The dashboard's answers by path (core/dashboard.ts): who may ask was judged before (`protect.ts`). */
import { type Context, Hono } from 'hono';
import type { ErrorAnswer, StatusAnswer } from '../core/dashboard.js';
import { listSteps, MAX_STEPS } from '../core/series.js';
import { createAnswerCache } from './answer-cache.js';
import { chartSpend } from './column-series.js';
import { summarize } from './column-summary.js';
import type { EventHub } from './event-hub.js';
import { EXPORT_FORMATS, EXPORT_TYPES, streamExport } from './export-answer.js';
import { countFacets } from './facets.js';
import { createLineReader, describeLedgers, MAX_LINES } from './ledger-answers.js';
import { findByRef, findByRow, findPlace, listRows, MAX_PAGE } from './list-answers.js';
import type { LiveIndex } from './live-index.js';
import { createModelReader } from './model-answer.js';
import {
  type Filter,
  RequestError,
  readChoice,
  readFilter,
  readGrouping,
  readInteger,
  readStack,
  readText,
} from './parameters.js';
import { createPolicyReader } from './policy-answers.js';
import { readReceiptAnswer } from './receipt-answer.js';

export interface ApiOptions {
  readonly index: LiveIndex;
  readonly events: EventHub;
  readonly home: string;
  readonly scope: string | null;
  readonly version: string;
  readonly now: () => number;
}

const DAY_MS = 86_400_000;
const FAR = Number.MAX_SAFE_INTEGER;

/** Everything below `/api`. */
export function createApi(options: ApiOptions): Hono {
  const { index, events, home, scope, version, now } = options;
  const startedAtMs = now();
  const readLines = createLineReader();
  const readModels = createModelReader(home);
  const policies = createPolicyReader(index);
  const cache = createAnswerCache();
  const api = new Hono();
  const table = () => index.reading.table;
  const select = ({ key, query }: Filter) => index.select(key, query);
  const filterOf = (c: Context): Filter => readFilter(parametersOf(c), now());
  const asOfOf = (c: Context): number =>
    readInteger(parametersOf(c), 'asOf', { min: -FAR, max: FAR, fallback: table().end });
  /** One answer for all who ask the same while nothing changes. */
  const answerOnce = <T>(c: Context, key: string, make: () => Promise<T>): Promise<T> =>
    cache.get(`${c.req.path} ${key}`, `${index.reading.instance} ${table().version}`, make);

  api.get('/status', (c) => {
    const { reading } = index;
    return c.json({
      version,
      instance: reading.instance,
      home,
      scope,
      nowMs: now(),
      startedAtMs,
      index: reading.progress(),
      asOf: reading.table.end,
      ledgers: index.describeLedgers(),
    } satisfies StatusAnswer);
  });
  api.get('/rows', async (c) => {
    const parameters = parametersOf(c);
    const offset = readInteger(parameters, 'offset', { min: 0, max: FAR, fallback: 0 });
    const limit = readInteger(parameters, 'limit', { min: 0, max: MAX_PAGE, fallback: 100 });
    const selection = await select(filterOf(c));
    return c.json(listRows(index.reading, selection, { asOf: asOfOf(c), offset, limit }));
  });
  api.get('/place', async (c) => {
    const parameters = parametersOf(c);
    const selection = await select(filterOf(c));
    return c.json(findPlace(index.reading, selection, asOfOf(c), await findPosition(index, parameters)));
  });
  api.get('/facets', async (c) => {
    const filter = filterOf(c);
    return c.json(
      await answerOnce(c, filter.key, async () => countFacets(await select(filter), table().dictionaries)),
    );
  });
  api.get('/summary', async (c) => {
    const filter = filterOf(c);
    const by = readGrouping(parametersOf(c));
    const limit = readInteger(parametersOf(c), 'limit', { min: 0, max: 10_000, fallback: 50 });
    const make = async () => summarize(await select(filter), table().dictionaries, { by }, limit);
    return c.json(await answerOnce(c, `${filter.key} ${by.join()} ${limit}`, make));
  });
  api.get('/series', async (c) => {
    const filter = filterOf(c);
    const parameters = parametersOf(c);
    const by = readStack(parameters);
    const untilMs = readInteger(parameters, 'untilMs', { min: -FAR, max: FAR, fallback: now() });
    const sinceMs = readInteger(parameters, 'sinceMs', { min: -FAR, max: FAR, fallback: untilMs - DAY_MS });
    const stepMs = readInteger(parameters, 'stepMs', { min: 1, max: FAR, fallback: 3_600_000 });
    const steps = checkSteps(sinceMs, untilMs, stepMs);
    const make = async () => chartSpend(await select(filter), table().dictionaries, by, steps);
    return c.json(await answerOnce(c, `${filter.key} ${by} ${sinceMs} ${untilMs} ${stepMs}`, make));
  });
  api.get('/caps', async (c) => c.json(await policies.readCaps(now())));
  api.get('/policies', async (c) => c.json(await policies.listPolicies()));
  api.get('/models', async (c) => c.json(await readModels()));
  api.get('/ledgers', async (c) => c.json(await describeLedgers(index, home)));
  api.get('/receipt', async (c) =>
    c.json(await readReceiptAnswer(index.reading, readText(parametersOf(c), 'ref'))),
  );
  api.get('/lines', async (c) => {
    const parameters = parametersOf(c);
    const source = index.reading.sources.get(readText(parameters, 'scope'));
    if (!source) throw new RequestError(404, 'scope_unknown', 'No ledger of this scope is shown here.');
    const fromRow = readInteger(parameters, 'fromRow', { min: 0, max: FAR, fallback: 0 });
    const limit = readInteger(parameters, 'limit', { min: 1, max: MAX_LINES, fallback: MAX_LINES });
    const { bytes, nextRow } = await readLines.read(source, fromRow, limit);
    if (nextRow !== undefined) c.header('X-Next-Row', String(nextRow));
    c.header('Content-Type', EXPORT_TYPES.ndjson);
    return c.body(new Uint8Array(bytes));
  });
  api.get('/export', async (c) => {
    const format = readChoice(parametersOf(c), 'format', EXPORT_FORMATS, 'csv');
    const asOf = asOfOf(c);
    const selection = await select(filterOf(c));
    c.header('Content-Type', EXPORT_TYPES[format]);
    const day = new Date(now()).toISOString().slice(0, 10);
    c.header('Content-Disposition', `attachment; filename="agentguard-${day}.${format}"`);
    return c.body(streamExport(index.reading, selection, asOf, format));
  });
  api.get('/events', (c) => {
    const stream = events.open(() => table().end);
    if (!stream) throw new RequestError(503, 'readers_full', 'Too many pages are open at once.');
    c.header('Content-Type', 'text/event-stream');
    return c.body(stream);
  });
  api.notFound((c) => c.json(NOT_FOUND, 404));
  return api;
}

export const NOT_FOUND: ErrorAnswer = { error: { code: 'not_found', message: 'There is nothing here.' } };

function parametersOf(c: Context): URLSearchParams {
  return new URL(c.req.url).searchParams;
}

function checkSteps(sinceMs: number, untilMs: number, stepMs: number) {
  try {
    return listSteps(sinceMs, untilMs, stepMs);
  } catch {
    throw new RequestError(400, 'parameter_invalid', `A chart has 1 to ${MAX_STEPS} steps.`);
  }
}

async function findPosition(index: LiveIndex, parameters: URLSearchParams): Promise<number | undefined> {
  const ref = readText(parameters, 'ref');
  if (ref !== '') return findByRef(index.reading, ref);
  const row = readInteger(parameters, 'row', { min: -1, max: FAR, fallback: -1 });
  if (row < 0)
    throw new RequestError(400, 'parameter_invalid', 'Give ref, or row with the scope of its ledger.');
  const [only] = index.reading.sources.keys();
  return findByRow(index.reading, readText(parameters, 'scope') || (only ?? ''), row);
}
