/** A web server on this machine that answers as a test tells it to, and small catalogues to answer with. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Certificate } from './certificate.js';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface PriceServer {
  readonly port: number;
  /** Where the list of models is. */
  readonly url: string;
  /** `METHOD path` of each request so far. */
  readonly requests: string[];
  answer: Answer;
}

/** Closed when the test ends, with every connection. */
export async function startPriceServer(answer: Answer, certificate?: Certificate): Promise<PriceServer> {
  const requests: string[] = [];
  const listener: Answer = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.on('error', () => {});
    served.answer(request, response);
  };
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener);
  const port = await listen(server);
  const url = `${certificate ? 'https' : 'http'}://localhost:${port}/api/v1/models`;
  const served: PriceServer = { port, url, requests, answer };
  return served;
}

/** A proxy that knows CONNECT only. Lists where it was asked to lead, and leads there, or to `onlyTo` whatever it was asked. */
export async function startProxy(
  status = 200,
  onlyTo?: number,
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((_request, response) => void response.writeHead(501).end());
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(request.url ?? '');
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const onward = connect(onlyTo ?? Number(request.url?.split(':').at(-1)), '127.0.0.1');
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => {});
    onTestFinished(() => void onward.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, asked };
}

/** Answers with a value as JSON, or with text as it is. */
export function sendJson(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
  };
}

/** A catalogue of models with a price per token each, or a whole `pricing` object. */
export function listModels(prices: Readonly<Record<string, string | object>>): object {
  const data = Object.entries(prices).map(([id, price]) => ({
    id,
    name: id,
    context_length: 128_000,
    architecture: { output_modalities: ['text'] },
    pricing: typeof price === 'string' ? { prompt: price, completion: price } : price,
  }));
  return { data };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
