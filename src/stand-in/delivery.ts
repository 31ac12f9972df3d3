/** Sends a planned answer, in one piece or as a stream, with whatever the script makes go wrong on the way. */
import type { JsonObject } from '../core/json.js';
import { type Answer, countOutput, printAnswer, printPartialAnswer } from './answer.js';
import type { Meter } from './bill.js';
import type { ChatRequest } from './chat-request.js';
import { type Exchange, type Service, sendReply } from './exchange.js';
import { pause, waitForAbort } from './pause.js';
import { printJson } from './reply.js';
import type { Route } from './routing.js';
import type { AnswerStep } from './script.js';
import { DONE, KEEP_ALIVE, planEvents, printErrorChunk, printEvent, printUsageChunk } from './stream.js';
import { printPlainUsage, printUsage, reportCost } from './usage.js';

export interface Delivery {
  readonly service: Service;
  readonly exchange: Exchange;
  readonly request: ChatRequest;
  readonly route: Route;
  readonly step: AnswerStep;
  readonly answer: Answer;
  readonly meter: Meter;
}

const DEFAULT_CUT_AFTER = 3;

/** Answers in one piece. The output is billed in full before a byte leaves, however the delivery ends. */
export async function deliverPlain(delivery: Delivery): Promise<void> {
  const { exchange, step, answer, meter } = delivery;
  meter.generate(countOutput(answer).completion);
  if (await failBeforeHeaders(delivery)) return;
  const usage = printWireUsage(delivery);
  const body =
    step.kind === 'error-mid-stream' ? printPartialAnswer(answer) : printAnswer(answer, usage?.printed);
  const reply = printJson(200, body, { 'x-generation-id': answer.id });
  if (step.kind === 'cut') return cutBody(exchange, reply.body);
  if (usage?.truthful && step.kind !== 'error-mid-stream' && !exchange.signal.aborted) meter.markReported();
  sendReply(exchange, reply);
}

/** Answers event by event; each is billed just before it leaves, so an abort is billed for what was generated. */
export async function deliverStream(delivery: Delivery): Promise<void> {
  const { exchange, step, answer, meter } = delivery;
  if (step.kind === 'reset' || (step.kind === 'hang' && step.cutAfterEvents === undefined))
    meter.generate(countOutput(answer).completion);
  if (await failBeforeHeaders(delivery)) return;
  if (exchange.signal.aborted) return;
  startStream(delivery);
  const end = breaksAfter(step);
  for (const [at, event] of planEvents(answer).entries()) {
    if (at === end) return breakStream(delivery);
    await pause(step.eventDelayMs ?? 0, exchange.signal);
    if (exchange.signal.aborted) return;
    meter.generate(event.tokens);
    await write(exchange, printEvent(event.chunk));
  }
  if (end !== undefined) return breakStream(delivery);
  await finishStream(delivery);
}

function startStream({ service, exchange, answer }: Delivery): void {
  exchange.response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-generation-id': answer.id,
  });
  exchange.response.write(KEEP_ALIVE.repeat(service.comments));
}

async function finishStream(delivery: Delivery): Promise<void> {
  const { service, exchange, request, step, answer, meter } = delivery;
  const usage = printWireUsage(delivery);
  const asked = service.dialect === 'openrouter' || request.includeUsage;
  if (usage !== undefined && asked) {
    const empty = step.emptyUsageChoices ?? service.dialect === 'openai';
    await pause(step.eventDelayMs ?? 0, exchange.signal);
    if (exchange.signal.aborted) return;
    if (usage.truthful) meter.markReported();
    await write(exchange, printEvent(printUsageChunk(answer, usage.printed, empty)));
  }
  exchange.response.end(DONE);
}

/** The event count after which the script breaks the stream, or `undefined`. */
function breaksAfter(step: AnswerStep): number | undefined {
  const breaks = step.kind === 'cut' || step.kind === 'hang' || step.kind === 'error-mid-stream';
  return breaks ? (step.cutAfterEvents ?? DEFAULT_CUT_AFTER) : undefined;
}

async function breakStream({ exchange, step, answer }: Delivery): Promise<void> {
  if (step.kind === 'hang') return waitForAbort(exchange.signal);
  if (step.kind === 'error-mid-stream') {
    await write(exchange, printEvent(printErrorChunk(answer)));
    exchange.response.end();
    return;
  }
  // One more turn, so that what was written is on its way before the socket goes.
  await pause(0, exchange.signal);
  exchange.response.destroy();
}

async function failBeforeHeaders({ exchange, request, step }: Delivery): Promise<boolean> {
  if (step.kind === 'reset') exchange.response.socket?.resetAndDestroy();
  else if (step.kind === 'hang' && (!request.stream || step.cutAfterEvents === undefined))
    await waitForAbort(exchange.signal);
  else return false;
  return true;
}

async function cutBody(exchange: Exchange, body: string): Promise<void> {
  const { response } = exchange;
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  });
  await write(exchange, body.slice(0, body.length / 2));
  await pause(0, exchange.signal);
  response.destroy();
}

/** Writes and waits until the socket took it, so that a client that reads slowly or went away is noticed. */
async function write({ response, signal }: Exchange, text: string): Promise<void> {
  if (signal.aborted || response.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** The usage to send, and whether its cost is the bill's. */
function printWireUsage(delivery: Delivery): { printed: JsonObject; truthful: boolean } | undefined {
  const { service, route, step, answer, meter } = delivery;
  if (step.kind === 'no-usage') return undefined;
  const tokens = { prompt: answer.promptTokens, ...countOutput(answer) };
  if (service.dialect === 'openai')
    return { printed: { ...printPlainUsage(tokens), ...step.usage }, truthful: false };
  const cost = reportCost(meter.entry.costUsd);
  const printed = { ...printUsage(route.endpoint, tokens, cost), ...step.usage };
  return { printed, truthful: printed.cost === cost.number };
}
