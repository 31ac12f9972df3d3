/** `POST /chat/completions`: check, script, route, plan, bill, answer. */
import { parseUsd, type Usd } from '../core/money.js';
import { planAnswer } from './answer.js';
import { digestKey, type Meter } from './bill.js';
import { type ChatRequest, readChatRequest } from './chat-request.js';
import { type Delivery, deliverPlain, deliverStream } from './delivery.js';
import { type Exchange, type Service, sendReply } from './exchange.js';
import { pause } from './pause.js';
import { printRefusal, type RefusalName } from './refusals.js';
import { amendReply, availabilityBody, printCodeError, printJson, type Reply, schemaBody } from './reply.js';
import { chooseRoute, type NoRoute, type Route } from './routing.js';
import type { AnswerStep, ErrorStep, ScriptStep } from './script.js';
import { reportCost } from './usage.js';

const DEFAULT_SLOW_MS = 1000;

/** Serves one chat request to its end. Resolves when nothing more will be sent or billed for it. */
export async function serveChat(service: Service, exchange: Exchange): Promise<void> {
  const { body } = exchange.request;
  if (body === undefined) return sendReply(exchange, printCodeError(400, 'The body is not JSON'));
  const read = readChatRequest(body);
  if (!read.ok) return sendReply(exchange, printJson(400, schemaBody(read.issues)));
  const step = service.script.next(exchange.request);
  if (step.kind === 'error' || step.kind === 'raw') {
    await pause(step.delayMs ?? 0, exchange.signal);
    return sendReply(exchange, printScripted(step, read.request, service));
  }
  const route = chooseRoute(read.request, {
    models: service.models,
    taste: service.taste,
    failing: step.failModels ?? [],
    provider: step.provider,
  });
  if (!route.ok) return sendReply(exchange, refuse(ROUTE_REFUSALS[route.why], route.requested, service));
  await serveRouted(service, exchange, read.request, route, step);
}

async function serveRouted(
  service: Service,
  exchange: Exchange,
  request: ChatRequest,
  route: Route,
  step: AnswerStep,
): Promise<void> {
  const answer = planAnswer({
    id: service.createId(),
    now: service.now(),
    request,
    route,
    step,
    bodyBytes: exchange.request.sizeBytes,
    wantsMetadata: exchange.request.headers['x-openrouter-metadata'] === 'enabled',
  });
  if (answer === undefined) return sendReply(exchange, refuse('too-long', route.requested, service));
  const meter = openMeter({ service, exchange, request, route, step, answer });
  await pause(step.delayMs ?? (step.kind === 'slow' ? DEFAULT_SLOW_MS : 0), exchange.signal);
  const delivery = { service, exchange, request, route, step, answer, meter };
  await (request.stream ? deliverStream(delivery) : deliverPlain(delivery));
}

function openMeter({ service, exchange, request, route, step, answer }: Omit<Delivery, 'meter'>): Meter {
  const scripted = step.kind === 'zero-cost' ? 0n : readCost(step.costOverride);
  const meter = service.bill.open({
    id: answer.id,
    path: exchange.pathname,
    payer: digestKey(exchange.request.headers.authorization),
    model: answer.model,
    endpoint: route.endpoint,
    streamed: request.stream,
    promptTokens: answer.promptTokens,
    at: service.now(),
  });
  if (scripted !== undefined) meter.charge(scripted);
  return meter;
}

function readCost(text: string | undefined): Usd | undefined {
  if (text === undefined) return undefined;
  const cost = parseUsd(text);
  if (cost === undefined || cost < 0n || reportCost(cost).usd !== cost)
    throw new RangeError(`costOverride must be a decimal ≥ 0 of at most 15 digits, not ${text}`);
  return cost;
}

const ROUTE_REFUSALS: Readonly<Record<NoRoute['why'], RefusalName>> = {
  'model-not-found': 'model-not-found',
  'no-provider': 'no-provider',
  'max-price': 'max-price',
  'model-failed': 'provider-error',
};

function refuse(name: RefusalName, model: string, service: Service): Reply {
  return printRefusal(name, { model, provider: 'Stand-in', maxTokens: 0, now: service.now() });
}

function printScripted(step: Exclude<ScriptStep, AnswerStep>, request: ChatRequest, service: Service): Reply {
  if (step.kind === 'raw') return { status: step.status, headers: step.headers ?? {}, body: step.body };
  return amendReply(printError(step, request, service), {
    ...(step.status === undefined ? {} : { status: step.status }),
    ...(step.retryAfter === undefined ? {} : { retryAfter: step.retryAfter }),
    ...(step.headers === undefined ? {} : { headers: step.headers }),
  });
}

function printError(step: ErrorStep, request: ChatRequest, service: Service): Reply {
  if (step.refusal === undefined && (step.status !== undefined || step.envelope !== undefined))
    return printOwnError(step, request);
  return printRefusal(step.refusal ?? 'provider-error', {
    model: request.models[0] ?? '',
    provider: 'Stand-in',
    maxTokens: request.maxTokens ?? 0,
    now: service.now(),
    ...(step.message === undefined ? {} : { message: step.message }),
  });
}

function printOwnError(step: ErrorStep, request: ChatRequest): Reply {
  const { status = 500, message = 'A scripted refusal', envelope = 'code' } = step;
  switch (envelope) {
    case 'code':
      return printCodeError(status, message);
    case 'zod':
      return printJson(status, schemaBody([{ code: 'custom', path: [], message }]));
    case 'availability': {
      const code = 'provider_unavailable';
      const availability = { code, retryable: status >= 500, requested_models: request.models };
      return printJson(status, availabilityBody(status, message, code, availability));
    }
  }
}
