import { describe, expect, it, onTestFinished } from 'vitest';
import { findAddressFault, findRedirectFault, parseAddress } from '../../src/openrouter/address.js';
import { type ClientOptions, createClient } from '../../src/openrouter/client.js';
import { MAX_BODY_BYTES } from '../../src/openrouter/json-body.js';
import { fetchEndpoints, fetchModels, locateEndpoints } from '../../src/openrouter/models.js';
import { makeCertificate } from '../helpers/certificate.js';
import { type Answer, sendJson, startPriceServer, startProxy } from '../helpers/price-server.js';

function openClient(options: Partial<ClientOptions> = {}) {
  const client = createClient({ env: {}, timeoutMs: 10_000, firstPauseMs: 1, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** What asking a server that answers like this comes to. */
async function ask(answer: Answer, options: Partial<ClientOptions> = {}) {
  const server = await startPriceServer(answer);
  const outcome = openClient(options)
    .getJson(new URL(server.url))
    .catch((error: Error) => error);
  return { server, outcome: await outcome };
}

const fail =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end('no');

describe('an address may be asked', () => {
  it.each([
    'https://openrouter.ai/api/v1/models',
    'http://127.0.0.1:1/x',
    'http://localhost/',
    'http://[::1]:80/',
  ])('when it is https or on this machine: %s', (text) =>
    expect(findAddressFault(new URL(text))).toBeUndefined(),
  );

  it.each([
    ['http://openrouter.ai/', 'plain http'],
    ['http://localhost.evil.example/', 'plain http'],
    ['http://127.0.0.1.evil.example/', 'plain http'],
    ['http://127.1.evil/', 'plain http'],
    ['http://10.0.0.1/', 'plain http'],
    ['file:///etc/passwd', 'not a web address'],
    ['ftp://openrouter.ai/', 'not a web address'],
    ['data:application/json,{}', 'not a web address'],
    ['https://user:secret@openrouter.ai/', 'user name'],
  ])('never else: %s', (text, why) => expect(findAddressFault(new URL(text))).toContain(why));

  it('and a redirect never leaves https, not even for this machine', () => {
    const from = new URL('https://openrouter.ai/');
    expect(findRedirectFault(from, new URL('http://localhost/'))).toBe('is not https');
    expect(findRedirectFault(from, new URL('https://elsewhere.example/'))).toBeUndefined();
    expect(findRedirectFault(new URL('http://localhost/'), new URL('http://evil.example/'))).toContain(
      'plain http',
    );
  });

  it('is not made of text that is none', () => expect(parseAddress('openrouter.ai/api')).toBeUndefined());
});

describe('a request', () => {
  it('brings JSON and what it may be asked with next time', async () => {
    const { outcome } = await ask(sendJson({ a: '0.10' }, { etag: '"v1"', 'last-modified': 'Mon' }));
    expect(outcome).toEqual({
      kind: 'fresh',
      json: { a: '0.10' },
      validators: { etag: '"v1"', lastModified: 'Mon' },
    });
  });

  it('sends the validators back and understands "not modified"', async () => {
    const server = await startPriceServer((request, response) => {
      const isSame =
        request.headers['if-none-match'] === '"v1"' && request.headers['if-modified-since'] === 'Mon';
      response.writeHead(isSame ? 304 : 500).end();
    });
    const answer = await openClient().getJson(new URL(server.url), { etag: '"v1"', lastModified: 'Mon' });
    expect(answer).toEqual({ kind: 'unchanged' });
  });

  it('does not take "not modified" for an answer when it sent no validators', async () => {
    const { outcome } = await ask(fail(304));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_REFUSED' });
  });

  it('keeps no validator that could not be a header again', async () => {
    const { outcome } = await ask(sendJson({}, { etag: `"${'x'.repeat(300)}"` }));
    expect(outcome).toMatchObject({ validators: {} });
  });

  it.each([429, 500, 502, 503, 504])('is tried again after status %i', async (status) => {
    let tries = 0;
    const { outcome } = await ask((...both) => (++tries < 3 ? fail(status) : sendJson({}))(...both));
    expect({ outcome, tries }).toMatchObject({ outcome: { kind: 'fresh' }, tries: 3 });
  });

  it('is tried again after a connection that broke', async () => {
    let tries = 0;
    const { outcome } = await ask((request, response) =>
      ++tries < 2 ? void request.socket.destroy() : sendJson({})(request, response),
    );
    expect(outcome).toMatchObject({ kind: 'fresh' });
  });

  it('is tried four times and no more', async () => {
    const { server, outcome } = await ask(fail(503));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_REFUSED', message: expect.stringContaining('503') });
    expect(server.requests).toHaveLength(4);
  });

  it.each([400, 401, 403, 404, 410])('is not tried again after status %i', async (status) => {
    const { server, outcome } = await ask(fail(status));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_REFUSED' });
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as Retry-After asks', async () => {
    const pauses: number[] = [];
    let tries = 0;
    await ask((...both) => (++tries < 2 ? fail(429, { 'retry-after': '1' }) : sendJson({}))(...both), {
      onRetry: (_error, pauseMs) => pauses.push(pauseMs),
    });
    expect(pauses).toEqual([1000]);
  });

  it('does not wait for a Retry-After beyond its time, nor beyond half a minute', async () => {
    for (const [timeoutMs, seconds] of [
      [2_000, '3'],
      [600_000, '31'],
    ] as const) {
      const { server, outcome } = await ask(fail(429, { 'retry-after': seconds }), { timeoutMs });
      expect(outcome).toMatchObject({ code: 'UPSTREAM_REFUSED' });
      expect(server.requests).toHaveLength(1);
    }
  });

  it('pauses longer each time, spread by chance', async () => {
    const pauses: number[] = [];
    await ask(fail(500), {
      firstPauseMs: 4,
      random: () => 0.5,
      onRetry: (_error, pauseMs) => pauses.push(pauseMs),
    });
    expect(pauses).toEqual([3, 6, 12]);
  });

  it.each([301, 302, 303, 307, 308])('follows a redirect of status %i', async (status) => {
    const { outcome } = await ask((request, response) => {
      if (request.url === '/there') return sendJson({ there: true })(request, response);
      response.writeHead(status, { location: '/there' }).end();
    });
    expect(outcome).toMatchObject({ json: { there: true } });
  });

  it.each([
    ['in a circle', '/api/v1/models', 'more than 5 times'],
    [
      'out of this machine without https',
      'http://evil.example/x?key=secret',
      'http://evil.example/x, which is plain',
    ],
    ['to a file', 'file:///etc/passwd', 'not a web address'],
    ['to nowhere', 'http://', 'to nowhere'],
  ])('does not follow a redirect %s', async (_title, location, why) => {
    const { outcome } = await ask(fail(302, { location }));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_MALFORMED', message: expect.stringContaining(why) });
    expect(String(outcome)).not.toContain('secret');
  });

  it.each([
    ['nothing', '', {}, 'with nothing'],
    ['a web page', '  <!doctype html><title>Log in</title>', { 'content-type': 'text/plain' }, 'HTML'],
    ['a page that only says so', 'Welcome', { 'content-type': 'text/html; charset=utf-8' }, 'HTML'],
    ['text', 'try later', {}, 'not JSON.'],
    ['half an object', '{"data":[{"id":"a', {}, 'breaks off'],
    ['deep nesting', '['.repeat(1000), {}, 'deeper than 64'],
  ])('refuses %s for an answer', async (_title, body, headers, why) => {
    const { server, outcome } = await ask(sendJson(body, headers));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_MALFORMED', message: expect.stringContaining(why) });
    expect(server.requests).toHaveLength(1);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const { outcome } = await ask((_request, response) => void response.end(Buffer.from([0x22, 0xff, 0x22])));
    expect(outcome).toMatchObject({ code: 'UPSTREAM_MALFORMED', message: expect.stringContaining('UTF-8') });
  });

  it('does not mistake brackets in text for nesting', async () => {
    const value = { text: `\\"${'['.repeat(200)}` };
    const { outcome } = await ask(sendJson(value));
    expect(outcome).toMatchObject({ json: value });
  });

  it('stops reading an answer beyond its limit, announced or not', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    const endless: Answer = (_request, response) => {
      const pump = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', pump);
      pump();
    };
    const announced = fail(200, { 'content-length': String(MAX_BODY_BYTES + 1) });
    for (const answer of [endless, announced]) {
      const { outcome } = await ask(answer);
      expect(outcome).toMatchObject({
        code: 'UPSTREAM_MALFORMED',
        message: expect.stringContaining('64 MiB'),
      });
    }
  });

  it('ends in time when the answer comes drop by drop', async () => {
    const { outcome } = await ask(
      (_request, response) => {
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
      { timeoutMs: 400 },
    );
    expect(outcome).toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('within 0.4 s'),
    });
  });

  it('ends in time when there is no answer, all tries together', async () => {
    const { outcome } = await ask(() => {}, { timeoutMs: 300 });
    expect(outcome).toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('within 0.3 s'),
    });
  });

  it('ends with the reason of its caller', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { outcome } = await ask(() => controller.abort(reason), { signal: controller.signal });
    expect(outcome).toBe(reason);
  });

  it.each([
    ['a port that nobody listens on', 'http://127.0.0.1:1/', 'refuses the connection'],
    ['a name that does not exist', 'https://nobody.invalid/', 'name cannot be looked up'],
  ])('tells of %s', async (_title, url, why) => {
    const outcome = openClient().getJson(new URL(url));
    await expect(outcome).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining(why),
    });
  });

  it('tells of something that does not speak HTTP', async () => {
    const { outcome } = await ask((request) => void request.socket.end('SSH-2.0-OpenSSH\r\n'));
    expect(outcome).toMatchObject({ code: 'NETWORK_FAILED', message: expect.stringContaining('not HTTP') });
  });

  it.each([
    ['that signed itself', makeCertificate(), 'signed its own'],
    ['that has expired', makeCertificate('localhost', Date.now() - 3_600_000), /expired|signed its own/],
  ])('trusts no server %s, and says how to', async (_title, certificate, why) => {
    const server = await startPriceServer(sendJson({}), certificate);
    const error = await openClient()
      .getJson(new URL(server.url))
      .catch((caught: Error) => caught);
    expect(error).toMatchObject({
      code: 'NETWORK_FAILED',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(String(error)).toMatch(why);
    expect(server.requests).toEqual([]);
  });

  it('throws a TypeError for an address that may not be asked, before anything is sent', async () => {
    await expect(openClient().getJson(new URL('http://openrouter.ai/'))).rejects.toBeInstanceOf(TypeError);
  });
});

describe('a proxy', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('is used when %s names one', async (name) => {
    const proxy = await startProxy();
    const { server, outcome } = await ask(sendJson({ far: true }), { env: { [name]: proxy.url } });
    expect(outcome).toMatchObject({ json: { far: true } });
    expect(proxy.asked).toEqual([`localhost:${server.port}`]);
  });

  it.each(['localhost', 'LOCALHOST', '*', 'example.org, localhost'])(
    'is left alone when NO_PROXY is %s',
    async (no) => {
      const proxy = await startProxy();
      const { outcome } = await ask(sendJson({}), { env: { HTTP_PROXY: proxy.url, NO_PROXY: no } });
      expect(outcome).toMatchObject({ kind: 'fresh' });
      expect(proxy.asked).toEqual([]);
    },
  );

  it('is still used for hosts that NO_PROXY does not name', async () => {
    const proxy = await startProxy();
    await ask(sendJson({}), { env: { HTTP_PROXY: proxy.url, NO_PROXY: 'host,ocalhost' } });
    expect(proxy.asked).toHaveLength(1);
  });

  it.each([
    [407, 'name and password'],
    [403, 'NO_PROXY'],
  ])('that answers %i is named as the obstacle', async (status, hint) => {
    const proxy = await startProxy(status);
    const { outcome } = await ask(sendJson({}), { env: { HTTP_PROXY: proxy.url } });
    expect(outcome).toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining(`proxy answered with status ${status}`),
      hint: expect.stringContaining(hint),
    });
  });

  it.each(['socks5://user:canary@proxy.example:1080', 'http://', 'canary canary'])(
    'setting that is none is refused and not repeated: %s',
    (value) => {
      const open = () => createClient({ env: { HTTPS_PROXY: value }, timeoutMs: 1 });
      expect(open).toThrow(expect.objectContaining({ code: 'NETWORK_FAILED' }));
      expect(open).not.toThrow(/canary/);
    },
  );

  it('of this process is not looked at: the environment is an argument', async () => {
    const proxy = await startProxy();
    process.env.HTTP_PROXY = proxy.url;
    onTestFinished(() => {
      delete process.env.HTTP_PROXY;
    });
    await ask(sendJson({}));
    expect(proxy.asked).toEqual([]);
  });
});

describe('the lists of prices', () => {
  it('are asked for where they are, endpoints beneath the models', async () => {
    const server = await startPriceServer(sendJson({ data: [] }));
    const url = new URL(`${server.url}?output_modalities=all`);
    await fetchModels(openClient(), url);
    await fetchEndpoints(openClient(), url, '~acme/poet-latest');
    expect(server.requests).toEqual([
      'GET /api/v1/models?output_modalities=all',
      'GET /api/v1/models/~acme/poet-latest/endpoints',
    ]);
  });

  it.each(['../../key', 'acme/..', 'acme', 'acme/a/b', 'acme/x?y', 'acme/%2e%2e', '', 'a b/c'])(
    'have no endpoints for what is no model id: %s',
    (id) => expect(() => locateEndpoints(new URL('https://x.example/models'), id)).toThrow(RangeError),
  );
});
