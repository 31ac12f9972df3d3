/**
 * The dashboard as a function from requests to answers: what may pass at all, then documents without data, the door, and
 * the data. It reads; nothing it does changes a ledger.
 */
import { Hono } from 'hono';
import { type ApiOptions, createApi, NOT_FOUND } from './api.js';
import type { FindFile } from './documents.js';
import { RequestError } from './parameters.js';
import type { Passes } from './passes.js';
import { createProtect } from './protect.js';

export interface AppOptions extends ApiOptions {
  readonly passes: Passes;
  readonly hosts: ReadonlySet<string>;
  readonly isLoopback: boolean;
  readonly findFile: FindFile;
}

/** How long a browser stays let in, in seconds. */
const COOKIE_AGE_S = 180 * 86_400;

export function createApp(options: AppOptions): Hono {
  const { passes, hosts, isLoopback, findFile, now } = options;
  const app = new Hono();
  app.use(createProtect({ passes, hosts, isLoopback }));
  app.route('/api', createApi(options));
  app.get('/open', (c) => {
    // A look ahead, as programs take it before a person does, must not use the code up.
    const isGood = c.req.method === 'GET' && passes.takeCode(c.req.query('code') ?? '', now());
    const { cookieName, cookieValue } = passes;
    const terms = `Path=/api; Max-Age=${COOKIE_AGE_S}; HttpOnly; SameSite=Strict`;
    if (isGood) c.header('Set-Cookie', `${cookieName}=${cookieValue}; ${terms}`);
    return c.redirect('/', 303);
  });
  app.get('/alive', (c) => {
    const answer = passes.answerChallenge(c.req.query('challenge') ?? '');
    return answer === undefined ? c.json(NOT_FOUND, 404) : c.text(answer);
  });
  app.get('*', (c) => {
    const file = findFile(new URL(c.req.url).pathname);
    return file ? c.body(file.body, 200, file.headers) : c.json(NOT_FOUND, 404);
  });
  app.onError((error, c) => {
    if (error instanceof RequestError) return c.json(error.answer, error.status);
    const message = 'The dashboard failed at this request.';
    return c.json({ error: { code: 'failed', message } }, 500);
  });
  return app;
}
