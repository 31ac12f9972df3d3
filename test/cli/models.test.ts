import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { readVector } from '../core/catalogue-vectors.js';
import { makeCertificate } from '../helpers/certificate.js';
import { makeHome } from '../helpers/home.js';
import {
  type Answer,
  listModels,
  type PriceServer,
  sendJson,
  startPriceServer,
  startProxy,
} from '../helpers/price-server.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { type CliResult, type CliWorld, findControls, runCli } from './run-cli.js';

const BIN = fileURLToPath(new URL('../../bin/agentguard.js', import.meta.url));
const TABLE = 'pricing.json';
const NOW_MS = Date.parse('2026-10-01T12:00:00Z');

interface Listing {
  readonly data: readonly { readonly id: string; readonly pricing: Readonly<Record<string, string>> }[];
}

/** A home, a server, and a sync between them. */
async function open(answer: Answer | object) {
  const home = await makeHome();
  const server = await startPriceServer(typeof answer === 'function' ? (answer as Answer) : sendJson(answer));
  const sync = (...more: readonly string[]): Promise<CliResult> =>
    runCli(['models', '--sync-pricing', '--url', server.url, '--timeout', '5', ...more], {
      home,
      nowMs: NOW_MS,
    });
  const models = (words: readonly string[] = [], world: CliWorld = {}): Promise<CliResult> =>
    runCli(['models', ...words], { home, nowMs: NOW_MS, ...world });
  return { home, server, sync, models };
}

function serve(server: PriceServer, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  server.answer = sendJson(value, headers);
}

async function readTable(home: string, name = TABLE): Promise<Buffer | undefined> {
  return readFile(join(home, name)).catch(() => undefined);
}

async function readPrices(home: string): Promise<Map<string, Record<string, string>>> {
  const { models } = JSON.parse(String(await readTable(home)));
  return new Map(
    models.map((model: { id: string; pricing: Record<string, string> }) => [model.id, model.pricing]),
  );
}

/** `bin` as a process of its own. */
function spawnBin(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, ...argv],
      { env: { PATH: process.env.PATH ?? '', ...env } },
      (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
      },
    );
  });
}

describe('a sync', () => {
  it('makes one line and a table of its own', async () => {
    const { home, server, sync } = await open(listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' }));
    const result = await sync();
    expect(result).toEqual({
      code: 0,
      out: `pricing: 2 models, 0 changed, 2 new, 0 gone, age 0 s (${server.url})\n`,
      err: '',
    });
    expect(Object.keys(JSON.parse(String(await readTable(home))))).toContain('contentHash');
    expect((await readdir(home)).filter((name) => name.startsWith('pricing'))).toEqual([TABLE]);
  });

  it('says nothing with --quiet when all went well', async () => {
    const { sync } = await open(listModels({ 'acme/a': '0.000001' }));
    expect(await sync('--quiet')).toEqual({ code: 0, out: '', err: '' });
  });

  it('counts what changed, what is new and what is gone', async () => {
    const { server, sync } = await open(
      listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002', 'acme/c': '0' }),
    );
    await sync();
    serve(server, listModels({ 'acme/a': '0.0000011', 'acme/c': '0', 'acme/d': '0.5' }));
    expect((await sync()).out).toContain('3 models, 1 changed, 1 new, 1 gone');
    expect((await sync()).out).toContain('3 models, 0 changed, 0 new, 0 gone');
  });

  it('asks only whether something changed where the server allows it, and refreshes the age', async () => {
    const { home, server, sync, models } = await open((request, response) => {
      if (request.headers['if-none-match'] === '"v1"') return void response.writeHead(304).end();
      sendJson(listModels({ 'acme/a': '0.000001' }), { etag: '"v1"' })(request, response);
    });
    await sync();
    const before = String(await readTable(home));
    const later = await runCli(['models', '--sync-pricing', '--url', server.url], {
      home,
      nowMs: NOW_MS + 60_000,
    });
    expect(later).toMatchObject({ code: 0, out: expect.stringContaining('0 changed') });
    const fetchedAt = /"fetchedAt":"([^"]+)"/;
    const after = String(await readTable(home));
    expect(after).toBe(before.replace(fetchedAt, '"fetchedAt":"2026-10-01T12:01:00.000Z"'));
    expect((await models()).out).toContain('acme/a');
  });

  it('does not ask so with another address than the table came from', async () => {
    const { server, sync } = await open(sendJson(listModels({ 'acme/a': '0' }), { etag: '"v1"' }));
    await sync();
    server.answer = (request, response) => {
      const wasAsked = request.headers['if-none-match'] !== undefined;
      sendJson(listModels({ [wasAsked ? 'acme/asked' : 'acme/plain']: '0' }))(request, response);
    };
    const other = await sync('--url', `${server.url}?other=1`, '--json');
    expect(JSON.parse(other.out)).toMatchObject({ added: ['acme/plain'] });
  });

  it('tells the prices before from the table that differed, not from one merely fetched again', async () => {
    const { home, server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    await sync();
    const first = await readTable(home);
    serve(server, listModels({ 'acme/a': '0.000002' }));
    await sync();
    await sync();
    expect(await readTable(home, 'pricing.previous.json')).toEqual(first);
  });

  it.skipIf(!referenceData)(
    'takes all 356 models of May 2026 in, every price to its last digit (AGENTGUARD_DATA)',
    async () => {
      const listing = readReferenceJson('openrouter/models-2026-05-18-full.json') as Listing;
      const { home, sync } = await open(listing);
      expect((await sync()).out).toContain('pricing: 356 models');
      const prices = await readPrices(home);
      expect(prices.size).toBe(356);
      for (const { id, pricing } of listing.data) expect(prices.get(id), id).toEqual(pricing);
    },
  );

  it('takes the synthetic catalogue in, every price to its last digit', async () => {
    const listing = readVector('traps.json') as Listing;
    const { home, sync } = await open(listing);
    expect(await sync()).toMatchObject({ code: 0, err: '' });
    const prices = await readPrices(home);
    for (const { id, pricing } of listing.data) expect(prices.get(id), id).toEqual(pricing);
  });
});

describe('a bad answer leaves the old table byte for byte, exits 5 and says why', () => {
  const good = listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' });
  const whole = JSON.stringify(good);
  const priced = (price: unknown) => listModels({ 'acme/a': { prompt: price, completion: '0' } as object });
  const cases: readonly [string, Answer, string | RegExp][] = [
    ['cut in half', sendJson(whole.slice(0, whole.length / 2)), 'breaks off'],
    ['cut by the connection', cutConnection(whole), /broke|JSON/],
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
    const { home, server, sync } = await open(good);
    await sync();
    const before = await readTable(home);
    server.answer = answer;
    const result = await sync('--timeout', '1');
    expect(result).toMatchObject({ code: 5, out: '', err: expect.stringMatching(why) });
    expect(result.err).toMatch(/^(?:.*Trying again\.\n)*agentguard: error: .+\nhint: .+\n$/);
    expect(findControls(result.err)).toEqual([]);
    expect(await readTable(home)).toEqual(before);
    expect((await readdir(home)).filter((name) => name.startsWith('pricing'))).toEqual([TABLE]);
  });

  it('a server that nobody can reach', async () => {
    const { home, sync } = await open(good);
    await sync();
    const before = await readTable(home);
    const result = await sync('--url', 'http://127.0.0.1:1/models', '--timeout', '1');
    expect(result).toMatchObject({ code: 5, err: expect.stringContaining('refuses the connection') });
    expect(await readTable(home)).toEqual(before);
  });

  it('a certificate that the server signed itself', async () => {
    const { home, sync } = await open(good);
    await sync();
    const before = await readTable(home);
    const strange = await startPriceServer(sendJson(good), makeCertificate());
    const result = await sync('--url', strange.url);
    expect(result).toMatchObject({ code: 5, err: expect.stringContaining('signed its own') });
    expect(await readTable(home)).toEqual(before);
    expect(strange.requests).toEqual([]);
  });

  it('without an old table, none is made', async () => {
    const { home, sync } = await open({ data: [] });
    expect((await sync()).code).toBe(5);
    expect(await readTable(home)).toBeUndefined();
  });
});

describe('a price that jumps', () => {
  const old = listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002', 'acme/free': '0' });

  it.each([
    ['up', { 'acme/a': '0.0000101', 'acme/b': '0.000003', 'acme/free': '0' }, 'acme/a'],
    ['down', { 'acme/a': '0.000000099', 'acme/b': '0.000003', 'acme/free': '0' }, 'acme/a'],
    [
      'from free to paid',
      { 'acme/a': '0.000001', 'acme/b': '0.000003', 'acme/free': '0.00000001' },
      'acme/free',
    ],
  ])('%s holds back its model only, names it and exits 1', async (_title, prices, id) => {
    const { server, sync, models } = await open(old);
    await sync();
    serve(server, listModels(prices));
    const result = await sync();
    expect(result).toMatchObject({ code: 1, out: expect.stringContaining('pricing: 3 models') });
    expect(result.err).toContain(`agentguard: held back: ${id}: `);
    expect(result.err).toContain(`--accept ${id}`);
    const { models: rows } = JSON.parse((await models(['--json'])).out);
    const sources = new Map(rows.map((row: { id: string; source: string }) => [row.id, row.source]));
    expect([...sources].filter(([, source]) => source === 'held')).toEqual([[id, 'held']]);
    expect(rows.find((row: { id: string }) => row.id === 'acme/b')).toMatchObject({ inputUsdPerMtok: '3' });
  });

  it('leaves the dearer price in force until it is accepted', async () => {
    for (const [now, dearer] of [
      ['0.001', '1000'],
      ['0.00000001', '1'],
    ] as const) {
      const { server, sync, models } = await open(listModels({ 'acme/a': '0.000001' }));
      const price = async () => JSON.parse((await models(['--json'])).out).models[0].inputUsdPerMtok;
      await sync();
      serve(server, listModels({ 'acme/a': now }));
      expect((await sync()).code).toBe(1);
      expect((await sync()).code).toBe(1);
      expect(await price()).toBe(dearer);
      expect(await sync('--accept', 'acme/a')).toMatchObject({ code: 0, err: '' });
      expect(await price()).toBe(now === '0.001' ? '1000' : '0.01');
      expect((await sync()).code).toBe(0);
    }
  });

  it('exactly as far as allowed is believed', async () => {
    const { server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    await sync();
    serve(server, listModels({ 'acme/a': '0.00001' }));
    expect((await sync()).code).toBe(0);
  });

  it('is believed or not by --max-change', async () => {
    const { server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    await sync();
    serve(server, listModels({ 'acme/a': '0.0000015' }));
    expect((await sync('--max-change', '1.4')).code).toBe(1);
    expect((await sync('--max-change', '1.5')).code).toBe(0);
  });

  it('is taken by --accept all, and by no --accept of another', async () => {
    const { server, sync } = await open(old);
    await sync();
    serve(server, listModels({ 'acme/a': '1', 'acme/b': '1', 'acme/free': '0' }));
    expect((await sync('--accept', 'acme/free')).err).toMatch(/acme\/a:[\s\S]*acme\/b:/);
    expect(await sync('--accept', 'all')).toMatchObject({ code: 0, err: '' });
  });

  it('is named by the whole of --quiet too', async () => {
    const { server, sync } = await open(old);
    await sync();
    serve(server, listModels({ 'acme/a': '1', 'acme/b': '0.000002', 'acme/free': '0' }));
    expect(await sync('--quiet')).toMatchObject({ code: 1, err: expect.stringContaining('acme/a') });
  });

  it('is not looked for in a first sync', async () => {
    const { sync } = await open(listModels({ 'acme/a': '0', 'acme/b': '999999' }));
    expect((await sync()).code).toBe(0);
  });
});

describe('the dearest endpoint', () => {
  const endpoints = (...prices: readonly string[]) => ({
    data: { endpoints: prices.map((prompt) => ({ pricing: { prompt, completion: prompt, discount: 0 } })) },
  });
  const route =
    (list: object, one: unknown): Answer =>
    (request, response) =>
      sendJson(request.url?.endsWith('/endpoints') ? one : list)(request, response);
  const list = listModels({ 'acme/a': '0.000001', 'acme/b': '0.000001' });

  it('sets the price of the models that are named, and goes on doing so until told otherwise', async () => {
    const { server, sync, models } = await open(route(list, endpoints('0.000001', '0.000007', '0.000003')));
    const prices = async () => {
      const { models: rows } = JSON.parse((await models(['--json'])).out);
      return rows.map((row: { inputUsdPerMtok: string; source: string }) => [
        row.inputUsdPerMtok,
        row.source,
      ]);
    };
    await sync('--endpoints', 'acme/a');
    expect(await prices()).toEqual([
      ['7', 'endpoints'],
      ['1', 'synced'],
    ]);
    server.answer = route(list, endpoints('0.000005'));
    await sync();
    expect((await prices())[0]).toEqual(['5', 'endpoints']);
    await sync('--endpoints', 'none');
    expect((await prices())[0]).toEqual(['1', 'synced']);
  });

  it.each([
    ['malformed', { data: { endpoints: [{ pricing: { prompt: '-3', completion: '0' } }] } }],
    ['missing', { data: {} }],
  ])('that is %s keeps the old table', async (_title, one) => {
    const { home, server, sync } = await open(route(list, endpoints('0.000001')));
    await sync();
    const before = await readTable(home);
    server.answer = route(list, one);
    expect(await sync('--endpoints', 'acme/a')).toMatchObject({
      code: 5,
      err: expect.stringContaining('acme/a'),
    });
    expect(await readTable(home)).toEqual(before);
  });
});

describe('a wrong command line exits 2 and changes nothing', () => {
  it.each([
    [['--max-change', '1'], 'ratio above 1'],
    [['--max-change', 'x'], 'ratio above 1'],
    [['--timeout', '0'], 'seconds'],
    [['--timeout', '1e9'], 'seconds'],
    [['--accept', 'everything'], 'model ids'],
    [['--endpoints', 'a b'], 'model ids'],
    [['--accept', 'acme/b'], 'no model acme/b'],
    [['--endpoints', 'acme/aa'], 'did you mean acme/a?'],
    [['--url', 'not an address'], 'not an address'],
    [['--url', 'http://openrouter.ai/api/v1/models'], 'plain http'],
    [['--url', 'https://me:secret@openrouter.ai/'], 'user name'],
    [['filter'], 'no filter'],
  ])('%j', async (flags, why) => {
    const { home, server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    await sync();
    const before = await readTable(home);
    serve(server, listModels({ 'acme/a': '0.000002' }));
    const result = await sync(...flags);
    expect(result).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
    expect(result.err).not.toContain('secret');
    expect(await readTable(home)).toEqual(before);
  });

  it.each(['--url', '--timeout', '--max-change', '--accept', '--endpoints'])(
    '%s without --sync-pricing',
    async (flag) => {
      const { models } = await open({});
      expect(await models([flag, '10'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('--sync-pricing'),
      });
    },
  );
});

describe('a home that is not safe or not writable exits 3', () => {
  it.each(['a link', 'open to others', 'a folder'])('a table that is %s', async (kind) => {
    const { home, server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    const path = join(home, TABLE);
    if (kind === 'a folder') await mkdir(path);
    if (kind === 'a link') await symlink(join(home, 'elsewhere'), path);
    if (kind === 'open to others') {
      await writeFile(path, '{}');
      await chmod(path, 0o666);
    }
    expect(await sync()).toMatchObject({ code: 3, out: '', err: expect.stringContaining(TABLE) });
    expect(server.requests).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'a folder that may not be written (skipped as root, who may)',
    async () => {
      const { home, sync } = await open(listModels({ 'acme/a': '0' }));
      await chmod(home, 0o500);
      onTestFinished(() => chmod(home, 0o700));
      expect((await sync()).code).toBe(3);
    },
  );

  it('a home that others may write to', async () => {
    const { home, sync } = await open(listModels({ 'acme/a': '0' }));
    await chmod(home, 0o777);
    expect(await sync()).toMatchObject({ code: 3, err: expect.stringContaining('chmod') });
  });
});

describe('a damaged table', () => {
  it('is replaced, and prices are still compared with the table before it', async () => {
    const { home, server, sync } = await open(listModels({ 'acme/a': '0.000001' }));
    await sync();
    serve(server, listModels({ 'acme/a': '0.000002' }));
    await sync();
    await writeFile(join(home, TABLE), '{"half', { mode: 0o600 });
    serve(server, listModels({ 'acme/a': '0.00005' }));
    const result = await sync();
    expect(result).toMatchObject({
      code: 1,
      err: expect.stringContaining('compared with the table before it'),
    });
    expect((await sync()).err).not.toContain('damaged');
  });

  it('is not shown', async () => {
    const { home, models } = await open({});
    await writeFile(join(home, TABLE), '{"half', { mode: 0o600 });
    expect(await models()).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('--sync-pricing'),
    });
  });
});

describe('the table on the terminal', () => {
  it.skipIf(!referenceData)('reads well at 80 columns for claude (AGENTGUARD_DATA)', async () => {
    const { sync, models } = await open(
      readReferenceJson('openrouter/models-2026-05-18-full.json') as object,
    );
    await sync();
    const { code, out } = await models(['claude'], { isTerminal: true, columns: 80, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[0]).toMatch(/^model +in \$\/M +out \$\/M +context +source +age$/);
    const rows = lines.slice(1, lines.indexOf(''));
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) expect(row).toMatch(/^~?anthropic\/\S+ +[\d.]+ +[\d.]+ +\S+ +synced +0 s$/);
  });

  it('marks routed, unknown, free and changing prices, and explains only the marks it shows', async () => {
    const { sync, models } = await open(readVector('traps.json') as object);
    await sync();
    const row = async (id: string) => (await models([id])).out;
    expect(await row('openrouter/auto')).toMatch(/^openrouter\/auto +routed +routed [\s\S]*\nrouted /m);
    expect(await row('acme/composer')).toMatch(/^acme\/composer +unknown +unknown [\s\S]*\nunknown /m);
    expect(await row('acme/twin:free')).toMatch(/^acme\/twin:free +free +free /m);
    expect(await row('acme/tiered')).toMatch(/^acme\/tiered +[\d.]+\* [\s\S]*\n\* /m);
    expect(await row('acme/plain')).toMatch(/^acme\/plain +~0\.08334 /m);
    expect(await row('acme/plain')).not.toMatch(/^(?:routed|unknown|\*|held) /m);
  });

  it('shows an override above the synced price, and one for a model that the catalogue does not have', async () => {
    setCostOverride('overridden/a-1.5', { inputCentsPerKtok: '0.5', outputCentsPerKtok: '1' });
    setCostOverride('overridden/own', { inputCentsPerKtok: '0.2', outputCentsPerKtok: '0.3' });
    const { sync, models } = await open(listModels({ 'overridden/a-1.5': '0.000001' }));
    await sync();
    const { out } = await models(['overridden']);
    expect(out).toMatch(/^overridden\/a-1\.5 +5 +10 +128k +override +-$/m);
    expect(out).toMatch(/^overridden\/own +2 +3 +\? +override +-$/m);
  });

  it('finds models by words of id and name, dots and dashes alike', async () => {
    const { sync, models } = await open(listModels({ 'acme/poet-4.5': '0', 'acme/painter': '0' }));
    await sync();
    expect((await models(['POET-4-5'])).out).toMatch(/^acme\/poet-4\.5 /m);
    expect((await models(['acme', '4.5'])).out).not.toContain('painter');
    expect(await models(['pote'])).toMatchObject({ code: 3, err: expect.stringContaining('acme/poet') });
  });

  it('warns of a table that is older than a week', async () => {
    const { home, sync } = await open(listModels({ 'acme/a': '0' }));
    await sync();
    const week = 7 * 86_400_000;
    const at = async (nowMs: number) => (await runCli(['models'], { home, nowMs })).out;
    expect(await at(NOW_MS + week)).not.toContain('older than');
    expect(await at(NOW_MS + week + 1)).toContain('older than 7 days');
  });

  it('is not there before the first sync', async () => {
    const { models } = await open({});
    expect(await models()).toMatchObject({
      code: 3,
      err: expect.stringContaining('hint: agentguard models --sync'),
    });
  });
});

describe('models diff', () => {
  it('tells what changed, in US dollars per million', async () => {
    const { server, sync, models } = await open(
      listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002', 'acme/c': '0.000001' }),
    );
    await sync();
    serve(server, listModels({ 'acme/a': '0.000003', 'acme/c': '1', 'acme/d': '0' }));
    await sync();
    const { code, out } = await models(['diff']);
    expect(code).toBe(0);
    expect(out).toMatch(/acme\/a\n +prompt 1 → 3 USD per million \(3\.0×\)\n/);
    expect(out).toMatch(/new +acme\/d\n/);
    expect(out).toMatch(/gone +acme\/b\n/);
    expect(out).toContain('acme/c (held back)');
    expect(out).toContain('2 changed, 1 new, 1 gone, 1 held back');
  });

  it('has nothing to compare after the first sync', async () => {
    const { sync, models } = await open(listModels({ 'acme/a': '0' }));
    await sync();
    expect(await models(['diff'])).toMatchObject({ code: 3, err: expect.stringContaining('no earlier') });
  });
});

describe('--json', () => {
  const amount = expect.stringMatching(/^\d+(\.\d+)?$/);
  const table = {
    source: expect.stringMatching(/^http/),
    fetchedAt: '2026-10-01T12:00:00.000Z',
    ageSeconds: 0,
    contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    models: 2,
  };
  const move = { key: 'prompt', inOverride: false, was: amount, now: amount };
  const changes = {
    added: ['acme/d'],
    gone: ['acme/b'],
    changed: [{ id: 'acme/a', moves: [move, { ...move, key: 'completion' }] }],
    heldBack: [{ id: 'acme/a', since: table.fetchedAt, moves: [move, { ...move, key: 'completion' }] }],
  };

  it('has a stable form for the sync, the table and the difference', async () => {
    const { server, sync, models } = await open(listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' }));
    const first = JSON.parse((await sync('--json')).out);
    expect(first).toEqual({
      outcome: 'replaced',
      table,
      added: ['acme/a', 'acme/b'],
      gone: [],
      changed: [],
      heldBack: [],
      released: [],
    });
    serve(server, listModels({ 'acme/a': '0.1', 'acme/d': '0' }));
    expect(JSON.parse((await sync('--json')).out)).toEqual({
      outcome: 'replaced',
      table,
      ...changes,
      released: [],
    });
    expect(JSON.parse((await models(['diff', '--json'])).out)).toEqual({
      from: table,
      to: table,
      ...changes,
    });
    expect(JSON.parse((await models(['acme/a', '--json'])).out)).toEqual({
      table,
      models: [
        {
          id: 'acme/a',
          status: 'listed',
          contextTokens: 128_000,
          varies: false,
          source: 'held',
          inputUsdPerMtok: '100000',
          outputUsdPerMtok: '100000',
        },
      ],
    });
    expect(JSON.parse((await sync('--json', '--accept', 'all')).out)).toMatchObject({ released: ['acme/a'] });
  });
});

describe('as a process of its own', () => {
  it('two syncs at once do the work once', async () => {
    const home = await makeHome();
    const slow: Answer = (...both) =>
      void setTimeout(() => sendJson(listModels({ 'acme/a': '0' }))(...both), 700);
    const server = await startPriceServer(slow);
    const argv = ['models', '--sync-pricing', '--url', server.url, '--home', home];
    const results = await Promise.all([spawnBin(argv, {}), spawnBin(argv, {})]);
    expect(results.map(({ code, err }) => ({ code, err }))).toEqual(Array(2).fill({ code: 0, err: '' }));
    expect(server.requests).toHaveLength(1);
    expect(results.map(({ out }) => out).join('')).toContain('synced by another process');
  });

  it('asks through the proxy of the environment, with a certificate that was made known', async () => {
    const home = await makeHome();
    const certificate = makeCertificate();
    const authority = join(home, 'authority.pem');
    await writeFile(authority, certificate.cert);
    const server = await startPriceServer(sendJson(listModels({ 'acme/a': '0' })), certificate);
    const proxy = await startProxy();
    const argv = ['models', '--sync-pricing', '--url', server.url, '--home', home];
    const trust = { NODE_EXTRA_CA_CERTS: authority, HTTPS_PROXY: proxy.url };
    expect(await spawnBin(argv, trust)).toMatchObject({ code: 0, err: '' });
    expect(proxy.asked).toEqual([`localhost:${server.port}`]);
    expect(await spawnBin(argv, { ...trust, NO_PROXY: 'localhost' })).toMatchObject({ code: 0, err: '' });
    expect(proxy.asked).toHaveLength(1);
    server.answer = (_request, response) =>
      void response.writeHead(302, { location: 'http://localhost/' }).end();
    expect(await spawnBin(argv, trust)).toMatchObject({
      code: 5,
      err: expect.stringContaining('is not https'),
    });
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
