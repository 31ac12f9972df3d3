/** One HTTP request and the way back: reading a bounded body, sending a reply, noticing that the client went. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bill, Meter, OpenCall } from './bill.js';
import type { StandInModel } from './catalogue.js';
import type { Reply } from './reply.js';
import type { RecordedRequest } from './request-log.js';
import type { RoutingTaste } from './routing.js';
import type { ScriptRunner } from './script.js';

/** What every handler works with. */
export interface Service {
  readonly models: readonly StandInModel[];
  readonly taste: RoutingTaste;
  readonly dialect: 'openrouter' | 'openai';
  readonly bill: Bill & { open(call: OpenCall): Meter };
  readonly script: ScriptRunner;
  /** Comment lines at the start of each stream. */
  readonly comments: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly createId: () => string;
}

export interface Exchange {
  readonly request: RecordedRequest;
  /** Path without query. */
  readonly pathname: string;
  readonly response: ServerResponse;
  /** Aborted when the client went before the end, or the stand-in closes. */
  readonly signal: AbortSignal;
}

/** Bytes of a request body that are read at most. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Reads the body as text; `undefined` when it is too large. */
export async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  // Not destroyed on return: the socket is still needed to say that the body was too large.
  for await (const part of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Sends a whole reply, unless the client went. */
export function sendReply(exchange: Exchange, reply: Reply): void {
  if (exchange.signal.aborted) return;
  const length = String(Buffer.byteLength(reply.body));
  exchange.response.writeHead(reply.status, { ...reply.headers, 'content-length': length });
  exchange.response.end(reply.body);
}

/** Parses JSON text; `undefined` when it is not JSON. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
