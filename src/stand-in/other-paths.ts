/** Other paths that spend with the same key: each gives a small billed answer, so that a call that slipped by shows. */
import type { JsonObject } from '../core/json.js';
import { digestKey } from './bill.js';
import { type Endpoint, resolveModel, type StandInModel, servedName, sortByPrice } from './catalogue.js';
import type { Exchange, Service } from './exchange.js';
import { printRefusal } from './refusals.js';
import { printCodeError, printJson, type Reply } from './reply.js';
import { countTokens, printUsage, reportCost } from './usage.js';

/** Paths below `/api/v1` that `answerOther` answers. */
export const OTHER_PATHS = ['/completions', '/embeddings', '/responses', '/messages'] as const;
export type OtherPath = (typeof OTHER_PATHS)[number];

const OUTPUT_TOKENS = 8;
const TEXT = 'A billed answer of the stand-in.';

/** Answers and bills: a quarter of the body's bytes in, eight tokens or the maximum out. */
export function answerOther(service: Service, exchange: Exchange, path: OtherPath): Reply {
  const { body, sizeBytes } = exchange.request;
  if (typeof body !== 'object' || body === null) return printCodeError(400, 'The body is not a JSON object');
  const fields = body as JsonObject;
  const served = findServed(service, String(fields.model ?? ''));
  if (served === undefined) {
    const facts = { model: String(fields.model), provider: '', maxTokens: 0, now: service.now() };
    return printRefusal('model-not-found', facts);
  }
  const prompt = countTokens(sizeBytes);
  const completion = path === '/embeddings' ? 0 : Math.min(OUTPUT_TOKENS, readMaximum(fields));
  const meter = service.bill.open({
    id: service.createId(),
    path: exchange.pathname,
    payer: digestKey(exchange.request.headers.authorization),
    model: servedName(served.model),
    endpoint: served.endpoint,
    streamed: false,
    promptTokens: prompt,
    at: service.now(),
  });
  meter.generate(completion);
  meter.markReported();
  const cost = reportCost(meter.entry.costUsd);
  const usage = printUsage(served.endpoint, { prompt, completion, reasoning: 0 }, cost);
  const printed = PRINTERS[path](meter.entry.id, meter.entry.model, usage);
  return printJson(200, printed, { 'x-generation-id': meter.entry.id });
}

function findServed(service: Service, name: string): { model: StandInModel; endpoint: Endpoint } | undefined {
  const model = resolveModel(service.models, name);
  const endpoint = sortByPrice(model?.endpoints ?? [])[0];
  return model === undefined || endpoint === undefined ? undefined : { model, endpoint };
}

function readMaximum(fields: JsonObject): number {
  const maximum = fields.max_tokens ?? fields.max_output_tokens;
  return typeof maximum === 'number' && maximum >= 1 ? Math.floor(maximum) : OUTPUT_TOKENS;
}

type Printer = (id: string, model: string, usage: JsonObject) => JsonObject;

const PRINTERS: Readonly<Record<OtherPath, Printer>> = {
  '/completions': (id, model, usage) => ({
    id,
    object: 'text_completion',
    created: 0,
    model,
    choices: [{ index: 0, text: TEXT, finish_reason: 'stop', logprobs: null }],
    usage,
  }),
  '/embeddings': (id, model, usage) => ({
    id,
    object: 'list',
    model,
    data: [{ object: 'embedding', index: 0, embedding: [0.25, -0.5] }],
    usage,
  }),
  '/responses': (id, model, usage) => ({
    id,
    object: 'response',
    created_at: 0,
    status: 'completed',
    model,
    output: [
      {
        id: `msg-${id}`,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: TEXT, annotations: [] }],
      },
    ],
    usage: { ...usage, input_tokens: usage.prompt_tokens!, output_tokens: usage.completion_tokens! },
  }),
  '/messages': (id, model, usage) => ({
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: TEXT }],
    stop_reason: 'end_turn',
    usage: { ...usage, input_tokens: usage.prompt_tokens!, output_tokens: usage.completion_tokens! },
  }),
};
