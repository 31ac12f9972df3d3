import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../helpers/certificate.js';
import { type Answer, listModels, sendJson, startPriceServer } from '../helpers/price-server.js';
import { openPrices, readTable, TABLE } from './price-home.js';
import { findControls } from './run-cli.js';

describe('a bad answer leaves the old table byte for byte, exits 5 and says why', () => {
  const good = listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' });
  const whole = JSON.stringify(good);
  const priced = (price: unknown) => listModels({ 'acme/a': { prompt: price, completion: '0' } as object });
  const cut = cutConnection(whole);
  const cases: readonly [string, Answer, string | RegExp][] = [
    ['cut in half', sendJson(whole.slice(0, whole.length / 2)), 'breaks off'],
    ['cut by the connection', cut, /broke/],
    [
      'a web page',
      sendJson('<html><body>Please log in</body></html>', { 'content-type': 'text/html' }),
      'HTML',
    ],
    ['an empty list', sendJson({ data: [] }), 'is empty'],
    ['another schema', sendJson({ models: [] }), 'no list of models'],
    ['a list that is none', sendJson({ data: { a: 1 } }), 'must be an array'],
    ['an error inside', sendJson({ error: { code: 500, message: 'x' } }), 'no list of models'],
    ['a page of a longer list', sendJson({ ...good, total_count: 400 }), 'a page'],
    ['a negative price', sendJson(priced('-0.5')), 'must not be negative'],
    ['an endless price', sendJson(priced('1e999')), 'must be decimal text'],
    ['a price that is a number', sendJson(priced(0.000001)), 'must be decimal text'],
    ['a price that is no number', sendJson(priced('NaN')), 'must be decimal text'],
    ['no price', sendJson({ data: [{ id: 'acme/a' }] }), 'pricing is missing'],
    ['an id twice', sendJson({ data: [...listOf(good), ...listOf(good)] }), 'listed twice'],
    ['an id that is none', sendJson(listModels({ '../../etc': '1' })), 'author/name'],
    ['100 MB', sendMegabytes(100), '64 MiB'],
    ['a slow drip', drip, 'within 1 s'],
    ['a redirect loop', (_q, r) => void r.writeHead(302, { location: '/api/v1/models' }).end(), 'redirects'],
    [
      'a redirect off https',
      (_q, r) => void r.writeHead(302, { location: 'http://a.example/' }).end(),
      'http',
    ],
    ['no such page', (_q, r) => void r.writeHead(404).end(), 'status 404'],
    ['a terminal trick', sendJson(priced('\u001b]0;pwned\u0007')), 'must be decimal text'],
  ];

  it.each(cases)('%s', async (_title, answer, why) => {
    const { home, server, sync } = await openPrices(good);
    await sync();
    const before = await readTable(home);
    server.answer = answer;
    const result = await sync('--timeout', answer === drip || answer === cut ? '1' : '20');
    expect(result).toMatchObject({ code: 5, out: '', err: expect.stringMatching(why) });
    expect(result.err).toMatch(/^(?:.*Trying again\.\n)*agentguard: error: .+\nhint: .+\n$/);
    expect(findControls(result.err)).toEqual([]);
    expect(await readTable(home)).toEqual(before);
    expect((await readdir(home)).filter((name) => name.startsWith('pricing'))).toEqual([TABLE]);
  });

  it('a server that nobody can reach', async () => {
    const { home, sync } = await openPrices(good);
    await sync();
    const before = await readTable(home);
    const result = await sync('--url', 'http://127.0.0.1:1/models', '--timeout', '1');
    expect(result).toMatchObject({ code: 5, err: expect.stringContaining('refuses the connection') });
    expect(await readTable(home)).toEqual(before);
  });

  it('a certificate that the server signed itself', async () => {
    const { home, sync } = await openPrices(good);
    await sync();
    const before = await readTable(home);
    const strange = await startPriceServer(sendJson(good), makeCertificate());
    const result = await sync('--url', strange.url);
    expect(result).toMatchObject({ code: 5, err: expect.stringContaining('signed its own') });
    expect(await readTable(home)).toEqual(before);
    expect(strange.requests).toEqual([]);
  });

  it('without an old table, none is made', async () => {
    const { home, sync } = await openPrices({ data: [] });
    expect((await sync()).code).toBe(5);
    expect(await readTable(home)).toBeUndefined();
  });
});

function listOf(list: object): readonly object[] {
  return (list as { data: readonly object[] }).data;
}

function cutConnection(body: string): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) });
    response.write(body.slice(0, 50), () => response.destroy());
  };
}

function sendMegabytes(count: number): Answer {
  const piece = Buffer.alloc(1_000_000, 0x20);
  return (_request, response) => {
    let left = count;
    const pump = (): void => {
      while (left > 0 && !response.destroyed) {
        left--;
        if (!response.write(piece)) return;
      }
      response.end('{}');
    };
    response.on('drain', pump);
    pump();
  };
}

function drip(_request: unknown, response: Parameters<Answer>[1]): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 30);
  response.on('close', () => clearInterval(timer));
}
