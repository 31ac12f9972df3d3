import { describe, expect, it } from 'vitest';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import { readVector } from '../core/catalogue-vectors.js';
import { listModels } from '../helpers/price-server.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { NOW_MS, openPrices, serve } from './price-home.js';
import { runCli } from './run-cli.js';

describe('the table on the terminal', () => {
  it.skipIf(!referenceData)('reads well at 80 columns for claude (AGENTGUARD_DATA)', async () => {
    const { sync, models } = await openPrices(
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
    const { sync, models } = await openPrices(readVector('traps.json') as object);
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
    const { sync, models } = await openPrices(listModels({ 'overridden/a-1.5': '0.000001' }));
    await sync();
    const { out } = await models(['overridden']);
    expect(out).toMatch(/^overridden\/a-1\.5 +5 +10 +128k +override +-$/m);
    expect(out).toMatch(/^overridden\/own +2 +3 +\? +override +-$/m);
  });

  it('finds models by words of id and name, dots and dashes alike', async () => {
    const { sync, models } = await openPrices(listModels({ 'acme/poet-4.5': '0', 'acme/painter': '0' }));
    await sync();
    expect((await models(['POET-4-5'])).out).toMatch(/^acme\/poet-4\.5 /m);
    expect((await models(['acme', '4.5'])).out).not.toContain('painter');
    expect(await models(['poet-4.6'])).toMatchObject({ code: 3, err: expect.stringContaining('acme/poet') });
  });

  it('warns of a table that is older than a week', async () => {
    const { home, sync } = await openPrices(listModels({ 'acme/a': '0' }));
    await sync();
    const week = 7 * 86_400_000;
    const at = async (nowMs: number) => (await runCli(['models'], { home, nowMs })).out;
    expect(await at(NOW_MS + week)).not.toContain('older than');
    expect(await at(NOW_MS + week + 1)).toContain('older than 7 days');
  });

  it.each([60, 80, 200])('gives an id that is too long a line of its own, at %i columns', async (columns) => {
    const long = `acme/${'x'.repeat(50)}`;
    const { sync, models } = await openPrices(listModels({ 'acme/a': '0.000001', [long]: '0.000001' }));
    await sync();
    const { out } = await models([], { isTerminal: true, columns, env: { NO_COLOR: '1' } });
    const [, short, first, second] = out.split('\n');
    expect(short).toMatch(/^acme\/a +1 +1 +128k/);
    if (columns === 200) expect(first).toMatch(/^acme\/x+ +1 +1 +128k/);
    else expect([first, second]).toEqual([long, short?.replace('acme/a', '      ')]);
  });

  it('is not there before the first sync', async () => {
    const { models } = await openPrices({});
    expect(await models()).toMatchObject({
      code: 3,
      err: expect.stringContaining('hint: agentguard models --sync'),
    });
  });
});

describe('models diff', () => {
  it('tells what changed, in US dollars per million', async () => {
    const { server, sync, models } = await openPrices(
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
    const { sync, models } = await openPrices(listModels({ 'acme/a': '0' }));
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
    const { server, sync, models } = await openPrices(
      listModels({ 'acme/a': '0.000001', 'acme/b': '0.000002' }),
    );
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
