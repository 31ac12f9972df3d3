/** Who is let in, and who is not: each row of the table in docs/dashboard.md by a request that breaks it. */

import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Dashboard, startDashboard } from '../../src/server/dashboard.js';
import { openDocuments } from '../../src/server/documents.js';
import { CODE_LIFE_MS, createPasses } from '../../src/server/passes.js';
import { openServeState } from '../../src/server/serve-file.js';
import { makeHome } from '../helpers/home.js';
import { putParts, writeRandomLines } from './random-ledger.js';

const SECRET = '7f'.repeat(32);
const CANARY = 'canary-in-a-row';

async function start(
  options: { readonly home?: string; readonly now?: () => number } = {},
): Promise<Dashboard> {
  const home = options.home ?? (await makeHome());
  const lines = writeRandomLines({ seed: 3, rows: 20 }).map((line) => line.replace('a drill', CANARY));
  if (!options.home) await putParts(home, lines, 1);
  const page = await makeHome();
  await writeFile(join(page, 'index.html'), '<!doctype html><title>agentguard</title>');
  await writeFile(join(page, 'icon.svg'), '<svg/>');
  const dashboard = await startDashboard({
    home,
    scope: null,
    version: '0',
    port: 0,
    findFile: openDocuments(page),
    ...(options.now ? { now: options.now } : {}),
  });
  onTestFinished(() => dashboard.close());
  return dashboard;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** With exactly these headers, as a browser or an attacker would send them. */
function ask(
  { port }: Dashboard,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  { method = 'GET', host = '127.0.0.1' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { host: `localhost:${port}`, ...headers };
    const request = httpRequest({ host, port, path, method, headers: all, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    request.on('error', reject).end();
  });
}

async function enter(dashboard: Dashboard): Promise<Record<string, string>> {
  const { headers } = await ask(dashboard, pathOf(dashboard.makeLink()));
  const cookie = String(headers['set-cookie']).split(';')[0] ?? '';
  return { cookie, 'sec-fetch-site': 'same-origin' };
}

const pathOf = (link: string): string => link.slice(new URL(link).origin.length);
const codeOf = ({ text }: Answer): string => JSON.parse(text).error.code;

describe('data is given to a browser that was let in', () => {
  it('and to it alone', async () => {
    const dashboard = await start();
    const headers = await enter(dashboard);
    const answer = await ask(dashboard, '/api/rows', headers);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(CANARY);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it.each(['127.0.0.1', '::1'])('under %s', async (host) => {
    const dashboard = await start();
    const headers = await enter(dashboard);
    const named = {
      ...headers,
      host: host === '::1' ? `[::1]:${dashboard.port}` : `${host}:${dashboard.port}`,
    };
    expect((await ask(dashboard, '/api/status', named, { host })).status).toBe(200);
  });

  it('still after a restart on the same port', async () => {
    const home = await makeHome();
    const first = await start({ home });
    const headers = await enter(first);
    const { port } = first;
    await first.close();
    const again = await startDashboard({ home, scope: null, version: '0', port });
    onTestFinished(() => again.close());
    expect((await ask(again, '/api/status', headers)).status).toBe(200);
  });
});

describe('a request is refused', () => {
  const own = (dashboard: Dashboard) => `http://localhost:${dashboard.port}`;
  const cases: readonly {
    readonly what: string;
    readonly path?: string;
    readonly method?: string;
    readonly headers: (dashboard: Dashboard) => Record<string, string>;
    readonly status: number;
    readonly code: string;
  }[] = [
    ...[
      'evil.example',
      'localhost',
      '0.0.0.0:{port}',
      'localhost:1',
      'evil.example:{port}',
      '127.0.0.1.evil.example:{port}',
      'localhost.:{port}',
      'localhost:{port}@evil.example',
      '[::ffff:127.0.0.1]:{port}',
      '127.1:{port}',
      '2130706433:{port}',
    ].map((host) => ({
      what: `for the host ${host}`,
      headers: ({ port }: Dashboard) => ({ host: host.replace('{port}', String(port)) }),
      status: /@|::/.test(host) ? 400 : 421,
      code: 'host_refused',
    })),
    ...[
      'http://evil.example',
      'null',
      'https://localhost:{port}',
      'http://localhost:1',
      'http://localhost',
      'http://127.0.0.1:{port}',
    ].map((origin) => ({
      what: `from the origin ${origin}`,
      headers: ({ port }: Dashboard) => ({ origin: origin.replace('{port}', String(port)) }),
      status: 403,
      code: 'origin_refused',
    })),
    ...['cross-site', 'same-site', 'none', ''].map((site) => ({
      what: `for data, from the site "${site}"`,
      headers: () => ({ 'sec-fetch-site': site }),
      status: 403,
      code: 'site_refused',
    })),
    ...['cross-site', 'same-site'].map((site) => ({
      what: `for the page, from the site "${site}"`,
      path: '/',
      headers: () => ({ 'sec-fetch-site': site }),
      status: 403,
      code: 'site_refused',
    })),
    ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method) => ({
      what: `with ${method}`,
      method,
      headers: () => ({}),
      status: 405,
      code: 'method_refused',
    })),
    {
      what: 'with a long query',
      path: `/api/rows?q=${'a'.repeat(8_200)}`,
      headers: () => ({}),
      status: 414,
      code: 'address_too_long',
    },
    { what: 'without a cookie', headers: () => ({ cookie: '' }), status: 401, code: 'session_required' },
    {
      what: 'with the cookie of another name',
      headers: () => ({ cookie: 'agentguard_00000000_1=x' }),
      status: 401,
      code: 'session_required',
    },
    {
      what: 'for every path of data without a cookie',
      path: '/api/none',
      headers: () => ({ cookie: '' }),
      status: 401,
      code: 'session_required',
    },
    {
      what: 'for /api itself without a cookie',
      path: '/api',
      headers: () => ({ cookie: '' }),
      status: 401,
      code: 'session_required',
    },
  ];

  it.each(cases)('$what', async ({ path = '/api/status', method = 'GET', headers, status, code }) => {
    const dashboard = await start();
    const good = { ...(await enter(dashboard)), origin: own(dashboard) };
    const answer = await ask(dashboard, path, { ...good, ...headers(dashboard) }, { method });
    expect(answer.status).toBe(status);
    if (status !== 400) expect(codeOf(answer)).toBe(code);
    expect(answer.text).not.toContain(CANARY);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('with a cookie that differs in one digit', async () => {
    const dashboard = await start();
    const { cookie = '', ...rest } = await enter(dashboard);
    const last = cookie.at(-1) === '0' ? '1' : '0';
    expect(
      (await ask(dashboard, '/api/status', { ...rest, cookie: cookie.slice(0, -1) + last })).status,
    ).toBe(401);
  });

  it('without any Host, whatever the version of HTTP', async () => {
    const { port } = await start();
    for (const version of ['1.1', '1.0']) {
      const text = await sendRaw(port, `GET / HTTP/${version}\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(text).not.toContain('<!doctype');
    }
  });

  it('with an absolute address of another host', async () => {
    const { port } = await start();
    const text = await sendRaw(
      port,
      'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 421 /);
  });
});

describe('a path leads to a file of the table or nowhere', () => {
  it.each([
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/....//etc/passwd',
    '//etc/passwd',
    '/assets/../../serve.json',
    '/assets/%00.js',
    '/index.html%00.svg',
    '/\\..\\..\\etc\\passwd',
    '/INDEX.HTML',
    '/icon.svg/',
    '/serve.json',
    '/constructor',
    '/__proto__',
    `/${'a/'.repeat(3000)}`,
  ])('%s', async (path) => {
    const dashboard = await start();
    const answer = await ask(dashboard, path);
    expect([400, 404]).toContain(answer.status);
  });

  it('and the page has its policy, and no data', async () => {
    const dashboard = await start();
    const answer = await ask(dashboard, '/');
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(CANARY);
    const policy = String(answer.headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ])
      expect(policy).toContain(part);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    });
  });
});

describe('the code of a link', () => {
  it('lets in once', async () => {
    const dashboard = await start();
    const path = pathOf(dashboard.makeLink());
    expect((await ask(dashboard, path)).headers['set-cookie']).toBeDefined();
    const again = await ask(dashboard, path);
    expect([again.status, again.headers.location, again.headers['set-cookie']]).toEqual([
      303,
      '/',
      undefined,
    ]);
  });

  it('lets nobody in after a minute', async () => {
    let nowMs = 1_000_000_000_000;
    const dashboard = await start({ now: () => nowMs });
    const path = pathOf(dashboard.makeLink());
    nowMs += CODE_LIFE_MS;
    expect((await ask(dashboard, path)).headers['set-cookie']).toBeUndefined();
  });

  it('is not used up by a look at its head, and gives a strict cookie', async () => {
    const dashboard = await start();
    const path = pathOf(dashboard.makeLink());
    await ask(dashboard, path, {}, { method: 'HEAD' });
    const cookie = String((await ask(dashboard, path)).headers['set-cookie']);
    expect(cookie).toMatch(
      /^agentguard_[0-9a-f]{8}_\d+=[0-9a-f]{64}; Path=\/api; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).toContain(`_${dashboard.port}=`);
  });

  it.each(['', 'x', '0.0.0', `zzzzzzzzzzz.${'0'.repeat(32)}.${'0'.repeat(64)}`])(
    'cannot be guessed: "%s"',
    async (code) => {
      const dashboard = await start();
      const answer = await ask(dashboard, `/open?code=${code}`);
      expect(answer.headers['set-cookie']).toBeUndefined();
    },
  );

  it('is of one port and one home', () => {
    const code = createPasses(SECRET, 8787).makeCode(0);
    expect(createPasses(SECRET, 8787).takeCode(code, 0)).toBe(true);
    expect(createPasses(SECRET, 8788).takeCode(code, 0)).toBe(false);
    expect(createPasses('00'.repeat(32), 8787).takeCode(code, 0)).toBe(false);
  });

  it('made by a clock that is ahead is not taken', () => {
    const passes = createPasses(SECRET, 8787);
    expect(passes.takeCode(passes.makeCode(5_000), 4_999)).toBe(false);
  });
});

describe('serve.json', () => {
  it('is made once, for this user alone, and keeps its secret', async () => {
    const home = await makeHome();
    const [first, second] = await Promise.all([openServeState(home), openServeState(home)]);
    expect(first.secretHex).toBe(second.secretHex);
    expect((await stat(join(home, 'serve.json'))).mode & 0o777).toBe(0o600);
  });

  it('that others may read is refused', async () => {
    const home = await makeHome();
    const { secretHex } = await openServeState(home);
    await chmod(join(home, 'serve.json'), 0o644);
    await expect(openServeState(home)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
    await expect(openServeState(home)).rejects.not.toThrow(secretHex);
  });

  it('that is a link is refused', async () => {
    const home = await makeHome();
    await symlink('/etc/passwd', join(home, 'serve.json'));
    await expect(openServeState(home)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });

  it.each(['', '{', '{"secretHex":"xyz"}', '[]', 'null'])('that holds %j is made anew', async (text) => {
    const home = await makeHome();
    await writeFile(join(home, 'serve.json'), text, { mode: 0o600 });
    const { secretHex } = await openServeState(home);
    expect(secretHex).toMatch(/^[0-9a-f]{64}$/);
    expect(await readFile(join(home, 'serve.json'), 'utf8')).toContain(secretHex);
  });
});

describe('a port', () => {
  it.each(['127.0.0.1', '::1'])('that is taken under %s is taken', async (host) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen({ host, port: 0 }, resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const home = await makeHome();
    await expect(startDashboard({ home, scope: null, version: '0', port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
    });
  });

  it('is closed to other addresses of this machine', async () => {
    const { port } = await start();
    await expect(sendRaw(port, 'GET / HTTP/1.1\r\n\r\n', '127.0.0.2')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});

function sendRaw(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port }, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}
