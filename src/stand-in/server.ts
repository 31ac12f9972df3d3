/** The stand-in for OpenRouter: an HTTP server on the loopback interface that answers like it and keeps its own bill. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseUsd } from '../core/money.js';
import { createGenerationLookup, DEFAULT_CREDITS, printCredits, printKey } from './account.js';
import { printActivity } from './activity.js';
import { type Bill, createBill, digestKey } from './bill.js';
import { printEndpoints, printModels, resolveModel, type StandInModel } from './catalogue.js';
import { serveChat } from './chat.js';
import { type Exchange, parseBody, readBody, type Service, sendReply } from './exchange.js';
import { MODEL_TABLE } from './model-table.js';
import { answerOther, OTHER_PATHS } from './other-paths.js';
import { printRefusal, type RefusalName } from './refusals.js';
import { printCodeError, printJson, type Reply } from './reply.js';
import { createRequestLog, type RecordedRequest, type RequestLog } from './request-log.js';
import type { RoutingTaste } from './routing.js';
import { createScriptRunner, type Script, type ScriptStep } from './script.js';

export interface StandInOptions {
  /** What happens to each chat request. Default: every one is answered. */
  readonly script?: Script;
  /** Default 0: any free port. */
  readonly port?: number;
  /** The catalogue instead of the built-in one (`MODEL_TABLE`). */
  readonly models?: readonly StandInModel[];
  /** Which endpoint is taken among those that fit. Default `cheapest`. */
  readonly routing?: RoutingTaste;
  /** `openai`: usage carries no cost, and comes in streams only when asked for. Default `openrouter`. */
  readonly dialect?: 'openrouter' | 'openai';
  /** Keys that are known. Default: any bearer token. */
  readonly apiKeys?: readonly string[];
  /** Keys that may ask for `/activity` and `/credits`. Default: any. */
  readonly managementKeys?: readonly string[];
  /** Balance and key limit that `/credits` and `/key` tell, decimal US dollars. Nothing enforces it. Default 100. */
  readonly creditsUsd?: string;
  /** Look-ups of `/generation` per id that answer 404 first. Default 1. */
  readonly generationMisses?: number;
  /** Comment lines at the start of each stream. Default 2. */
  readonly comments?: number;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

export interface StandIn {
  /** Base address for a client: `http://127.0.0.1:<port>/api/v1`. */
  readonly url: string;
  readonly bill: Bill;
  /** Everything that arrived, oldest first, the last 10,000. */
  readonly requests: readonly RecordedRequest[];
  /** Steps for the next chat requests, before whatever the script says. */
  enqueue(...steps: readonly ScriptStep[]): void;
  /** Resolves when no request is being served: the bill is final until the next one. */
  idle(): Promise<void>;
  /** Cuts every connection, stops and resolves when all is quiet. Idempotent. */
  close(): Promise<void>;
}

interface Desk {
  readonly service: Service;
  readonly log: RequestLog;
  readonly options: StandInOptions;
  readonly lookUp: (id: string) => Reply;
  /** One per request being served; a set, as one shared signal would warn of too many listeners. */
  readonly leaving: Set<AbortController>;
}

const BASE = '/api/v1';
const ACCOUNT_PATHS: ReadonlySet<string> = new Set(['/activity', '/credits']);

/** Starts a stand-in on 127.0.0.1. @throws RangeError for options that cannot be; rejects when the port is taken. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const desk = createDesk(options);
  const running = new Set<Promise<void>>();
  const server = createServer((incoming, response) => {
    const work = serve(desk, incoming, response).finally(() => running.delete(work));
    running.add(work);
  });
  await listen(server, options.port ?? 0);
  const idle = async () => {
    while (running.size > 0) await Promise.all(running);
  };
  let closed: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${BASE}`,
    bill: desk.service.bill,
    requests: desk.log.list,
    enqueue: (...steps) => desk.service.script.enqueue(steps),
    idle,
    close() {
      closed ??= stop(server, desk.leaving).then(idle);
      return closed;
    },
  };
}

function createDesk(options: StandInOptions): Desk {
  const bill = createBill();
  const now = options.now ?? Date.now;
  if (options.creditsUsd !== undefined && parseUsd(options.creditsUsd) === undefined)
    throw new RangeError('creditsUsd must be decimal text');
  return {
    options,
    log: createRequestLog(),
    lookUp: createGenerationLookup(bill, options.generationMisses ?? 1),
    leaving: new Set(),
    service: {
      models: options.models ?? MODEL_TABLE,
      taste: options.routing ?? 'cheapest',
      dialect: options.dialect ?? 'openrouter',
      bill,
      script: createScriptRunner(options.script ?? []),
      comments: options.comments ?? 2,
      now,
      createId: () => `gen-${Math.floor(now() / 1000)}-${randomUUID().replaceAll('-', '').slice(0, 20)}`,
    },
  };
}

/** Serves one request. Never rejects: a fault of the stand-in itself is a 500, or a cut connection. */
async function serve(desk: Desk, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  desk.leaving.add(gone);
  try {
    const text = await readBody(incoming);
    const exchange = openExchange(desk, incoming, response, text ?? '', gone.signal);
    if (text === undefined)
      sendReply(exchange, printCodeError(413, 'The body is too large', { connection: 'close' }));
    else await route(desk, exchange);
  } catch (error) {
    if (!response.headersSent && !gone.signal.aborted) {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 500, message: String(error) } }));
    } else response.destroy();
  } finally {
    desk.leaving.delete(gone);
  }
}

function openExchange(
  desk: Desk,
  incoming: IncomingMessage,
  response: ServerResponse,
  text: string,
  signal: AbortSignal,
): Exchange {
  const path = incoming.url ?? '/';
  const request: RecordedRequest = {
    method: incoming.method ?? 'GET',
    path,
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    ),
    body: parseBody(text),
    sizeBytes: Buffer.byteLength(text),
    at: desk.service.now(),
  };
  desk.log.add(request);
  return { request, pathname: path.split('?', 1)[0] ?? '/', response, signal };
}

async function route(desk: Desk, exchange: Exchange): Promise<void> {
  const { request, pathname } = exchange;
  if (!pathname.startsWith(`${BASE}/`)) return sendReply(exchange, notFound());
  const path = pathname.slice(BASE.length);
  const open = request.method === 'GET' && path.startsWith('/models');
  const stranger = open ? undefined : refuseStranger(desk.options.apiKeys, request.headers.authorization);
  if (stranger !== undefined) return sendReply(exchange, refuse(stranger));
  if (request.method === 'GET') return sendReply(exchange, answerGet(desk, path, request));
  if (request.method !== 'POST') return sendReply(exchange, printCodeError(405, 'Method not allowed'));
  if (path === '/chat/completions') return serveChat(desk.service, exchange);
  const other = OTHER_PATHS.find((one) => one === path);
  sendReply(exchange, other === undefined ? notFound() : answerOther(desk.service, exchange, other));
}

function answerGet(desk: Desk, path: string, { path: url, headers }: RecordedRequest): Reply {
  const { service, options } = desk;
  const credits = parseUsd(options.creditsUsd ?? '') ?? DEFAULT_CREDITS;
  if (path === '/models') return printJson(200, printModels(service.models));
  const isManager = isOneOf(options.managementKeys, headers.authorization);
  const holder = { payer: digestKey(headers.authorization), isManager };
  if (path === '/key') return printKey(service.bill, credits, service.now(), holder);
  if (ACCOUNT_PATHS.has(path) && !(isManager || options.managementKeys === undefined))
    return printCodeError(403, 'Only management keys can perform this operation');
  if (path === '/activity') return printActivity(service.bill, service.models);
  if (path === '/credits') return printCredits(service.bill, credits);
  if (path === '/generation') return desk.lookUp(new URLSearchParams(url.split('?')[1]).get('id') ?? '');
  const name = /^\/models\/([^/]+\/[^/]+)\/endpoints$/.exec(path)?.[1];
  const model = name === undefined ? undefined : resolveModel(service.models, name);
  return model === undefined ? notFound() : printJson(200, printEndpoints(model));
}

function refuseStranger(
  keys: readonly string[] | undefined,
  header: string | undefined,
): RefusalName | undefined {
  if (readToken(header) === undefined) return 'missing-key';
  return keys === undefined || isOneOf(keys, header) ? undefined : 'unknown-key';
}

function isOneOf(keys: readonly string[] | undefined, header: string | undefined): boolean {
  const token = readToken(header);
  return token !== undefined && keys?.includes(token) === true;
}

function readToken(header: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
}

function refuse(name: RefusalName): Reply {
  return printRefusal(name, { model: '', provider: '', maxTokens: 0, now: 0 });
}

function notFound(): Reply {
  return printCodeError(404, 'There is nothing at this path');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function stop(server: Server, leaving: ReadonlySet<AbortController>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const gone of leaving) gone.abort();
    server.closeAllConnections();
  });
}
