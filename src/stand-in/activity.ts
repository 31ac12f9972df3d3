/** `GET /activity`: the bill by UTC day, model and provider. Unlike the real service it also tells the running day. */
import type { JsonObject } from '../core/json.js';
import { printUsd } from '../core/money.js';
import type { Bill, BillEntry } from './bill.js';
import { type StandInModel, servedName } from './catalogue.js';
import { printJson, type Reply } from './reply.js';

interface Line {
  readonly date: string;
  readonly model: string;
  readonly entry: BillEntry;
  requests: number;
  /** A sum of floats, as the real one is. */
  usage: number;
  promptTokens: number;
  completionTokens: number;
}

/** All keys together. */
export function printActivity(bill: Bill, models: readonly StandInModel[]): Reply {
  const ids = new Map(models.map((model) => [servedName(model), model.id]));
  const lines = new Map<string, Line>();
  for (const entry of bill.entries) {
    const date = new Date(entry.at).toISOString().slice(0, 10);
    const key = JSON.stringify([date, entry.model, entry.provider]);
    const line = lines.get(key) ?? startLine(date, ids.get(entry.model) ?? entry.model, entry);
    lines.set(key, line);
    line.requests += 1;
    line.usage += Number(printUsd(entry.costUsd));
    line.promptTokens += entry.promptTokens;
    line.completionTokens += entry.completionTokens;
  }
  return printJson(200, { data: [...lines.values()].map(printLine) });
}

function startLine(date: string, model: string, entry: BillEntry): Line {
  return { date, model, entry, requests: 0, usage: 0, promptTokens: 0, completionTokens: 0 };
}

function printLine(line: Line): JsonObject {
  return {
    date: line.date,
    model: line.model,
    model_permaslug: line.entry.model.replace(/:[a-z]+$/, ''),
    endpoint_id: '00000000-0000-4000-8000-000000000000',
    provider_name: line.entry.provider,
    usage: line.usage,
    byok_usage_inference: 0,
    requests: line.requests,
    prompt_tokens: line.promptTokens,
    completion_tokens: line.completionTokens,
    reasoning_tokens: 0,
  };
}
