import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readVector } from '../core/catalogue-vectors.js';
import { type Answer, listModels, sendJson } from '../helpers/price-server.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { type Listing, NOW_MS, openPrices, readPrices, readTable, serve, TABLE } from './price-home.js';
import { runCli } from './run-cli.js';

describe('a sync', () => {
  it('makes one line and a table of its own', async () => {
    const { home, server, sync } = await openPrices(
      listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' }),
    );
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
    const { sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
    expect(await sync('--quiet')).toEqual({ code: 0, out: '', err: '' });
  });

  it('counts what changed, what is new and what is gone', async () => {
    const { server, sync } = await openPrices(
      listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002', 'acme/c': '0' }),
    );
    await sync();
    serve(server, listModels({ 'acme/a': '0.0000011', 'acme/c': '0', 'acme/d': '0.5' }));
    expect((await sync()).out).toContain('3 models, 1 changed, 1 new, 1 gone');
    expect((await sync()).out).toContain('3 models, 0 changed, 0 new, 0 gone');
  });

  it('asks only whether something changed where the server allows it, and refreshes the age', async () => {
    const { home, server, sync, models } = await openPrices((request, response) => {
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
    const { server, sync } = await openPrices(sendJson(listModels({ 'acme/a': '0' }), { etag: '"v1"' }));
    await sync();
    server.answer = (request, response) => {
      const wasAsked = request.headers['if-none-match'] !== undefined;
      sendJson(listModels({ [wasAsked ? 'acme/asked' : 'acme/plain']: '0' }))(request, response);
    };
    const other = await sync('--url', `${server.url}?other=1`, '--json');
    expect(JSON.parse(other.out)).toMatchObject({ added: ['acme/plain'] });
  });

  it('tells the prices before from the table that differed, not from one merely fetched again', async () => {
    const { home, server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
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
      const { home, sync } = await openPrices(listing);
      expect((await sync()).out).toContain('pricing: 356 models');
      const prices = await readPrices(home);
      expect(prices.size).toBe(356);
      for (const { id, pricing } of listing.data) expect(prices.get(id), id).toEqual(pricing);
    },
  );

  it('takes the synthetic catalogue in, every price to its last digit', async () => {
    const listing = readVector('traps.json') as Listing;
    const { home, sync } = await openPrices(listing);
    expect(await sync()).toMatchObject({ code: 0, err: '' });
    const prices = await readPrices(home);
    for (const { id, pricing } of listing.data) expect(prices.get(id), id).toEqual(pricing);
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
    const { server, sync, models } = await openPrices(old);
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
      const { server, sync, models } = await openPrices(listModels({ 'acme/a': '0.000001' }));
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
    const { server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
    await sync();
    serve(server, listModels({ 'acme/a': '0.00001' }));
    expect((await sync()).code).toBe(0);
  });

  it('is believed or not by --max-change', async () => {
    const { server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
    await sync();
    serve(server, listModels({ 'acme/a': '0.0000015' }));
    expect((await sync('--max-change', '1.4')).code).toBe(1);
    expect((await sync('--max-change', '1.5')).code).toBe(0);
  });

  it('is taken by --accept all, and by no --accept of another', async () => {
    const { server, sync } = await openPrices(old);
    await sync();
    serve(server, listModels({ 'acme/a': '1', 'acme/b': '1', 'acme/free': '0' }));
    expect((await sync('--accept', 'acme/free')).err).toMatch(/acme\/a:[\s\S]*acme\/b:/);
    expect(await sync('--accept', 'all')).toMatchObject({ code: 0, err: '' });
  });

  it('is named by the whole of --quiet too', async () => {
    const { server, sync } = await openPrices(old);
    await sync();
    serve(server, listModels({ 'acme/a': '1', 'acme/b': '0.000002', 'acme/free': '0' }));
    expect(await sync('--quiet')).toMatchObject({ code: 1, err: expect.stringContaining('acme/a') });
  });

  it('is not looked for in a first sync', async () => {
    const { sync } = await openPrices(listModels({ 'acme/a': '0', 'acme/b': '999999' }));
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
    const { server, sync, models } = await openPrices(
      route(list, endpoints('0.000001', '0.000007', '0.000003')),
    );
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
    const { home, server, sync } = await openPrices(route(list, endpoints('0.000001')));
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
    const { home, server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
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
      const { models } = await openPrices({});
      expect(await models([flag, '10'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('--sync-pricing'),
      });
    },
  );
});

describe('a home that is not safe or not writable exits 3', () => {
  it.each(['a link', 'open to others', 'a folder'])('a table that is %s', async (kind) => {
    const { home, server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
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
      const { home, sync } = await openPrices(listModels({ 'acme/a': '0' }));
      await chmod(home, 0o500);
      onTestFinished(() => chmod(home, 0o700));
      expect((await sync()).code).toBe(3);
    },
  );

  it('a home that others may write to', async () => {
    const { home, sync } = await openPrices(listModels({ 'acme/a': '0' }));
    await chmod(home, 0o777);
    expect(await sync()).toMatchObject({ code: 3, err: expect.stringContaining('chmod') });
  });
});

describe('a damaged table', () => {
  it('is replaced, and prices are still compared with the table before it', async () => {
    const { home, server, sync } = await openPrices(listModels({ 'acme/a': '0.000001' }));
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
    const { home, models } = await openPrices({});
    await writeFile(join(home, TABLE), '{"half', { mode: 0o600 });
    expect(await models()).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('--sync-pricing'),
    });
  });
});
