/** The account's own numbers: what their readers need, what they leave alone, and whom a key is shown to. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import type { ActivityLine } from '../../src/core/reconciliation.js';
import { API_URL, locatePath } from '../../src/openrouter/account-fields.js';
import { fetchActivity } from '../../src/openrouter/activity.js';
import { createClient } from '../../src/openrouter/client.js';
import { fetchCredits } from '../../src/openrouter/credits.js';
import { fetchKey } from '../../src/openrouter/key.js';
import { sendJson, startPriceServer } from '../helpers/price-server.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';

const KEY = 'sk-or-v1-canary';

function openClient() {
  const headers = { authorization: `Bearer ${KEY}` };
  const client = createClient({ env: {}, timeoutMs: 10_000, firstPauseMs: 1, headers });
  onTestFinished(() => client.close());
  return client;
}

/** What a reader makes of an answer. */
async function read<T>(
  fetchIt: (client: ReturnType<typeof openClient>, base: URL) => Promise<T>,
  json: unknown,
) {
  const server = await startPriceServer(sendJson(json));
  return fetchIt(openClient(), new URL(server.url)).catch((error: Error) => error);
}

const LINE = { date: '2026-10-05', model: 'acme/poet', usage: 0.015, requests: 5 };
const activity = (...lines: readonly unknown[]) => read(fetchActivity, { data: lines });

describe('activity', () => {
  it('is read exactly, the shortest decimal of each number', async () => {
    const [line] = (await activity({
      ...LINE,
      usage: 8e-6,
      byok_usage_inference: 0.1 + 0.2,
    })) as readonly ActivityLine[];
    expect(line).toMatchObject({ date: '2026-10-05', model: 'acme/poet', requests: 5 });
    expect(printUsd(line!.usageUsd)).toBe('0.000008');
    expect(printUsd(line!.byokUsd)).toBe('0.30000000000000004');
  });

  it('needs no more than day, model and charge, and takes unknown keys', async () => {
    const bare = { date: '2026-10-05', model: 'acme/poet', usage: '0.1' };
    expect(
      await activity(bare, { ...LINE, byok_usage_inference: null, new_key: { deep: [] } }),
    ).toMatchObject([
      { permaslug: undefined, provider: undefined, requests: undefined, byokUsd: 0n },
      { requests: 5 },
    ]);
    expect(await activity()).toEqual([]);
  });

  it.each(['2026-10-05 00:00:00', '2026-10-05T00:00:00Z', '2026-10-05T00:00:00.000Z'])(
    'takes %s for its day',
    async (date) => expect(await activity({ ...LINE, date })).toMatchObject([{ date: '2026-10-05' }]),
  );

  it.each([
    ['date', { ...LINE, date: '2026-10-32' }],
    ['date', { ...LINE, date: '2026-10-05T13:00:00Z' }],
    ['date', { ...LINE, date: 20261005 }],
    ['model', { ...LINE, model: '' }],
    ['model', { ...LINE, model: 'x'.repeat(257) }],
    ['model', { ...LINE, model: null }],
    ['usage', { ...LINE, usage: -0.1 }],
    ['usage', { ...LINE, usage: null }],
    ['usage', { ...LINE, usage: 'free' }],
    ['usage', { ...LINE, usage: undefined }],
    ['byok_usage_inference', { ...LINE, byok_usage_inference: -1 }],
    ['object', 'a line'],
    ['object', null],
  ])('without a usable %s is refused: %j', async (field, line) => {
    expect(await activity(LINE, line)).toMatchObject({
      code: 'UPSTREAM_MALFORMED',
      message: expect.stringContaining(`no usable "${field}" in entry 2`),
    });
  });

  it('with an endless charge is refused', async () => {
    const text = JSON.stringify({ data: [LINE] }).replace('0.015', '1e999');
    const server = await startPriceServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    });
    await expect(fetchActivity(openClient(), new URL(server.url))).rejects.toMatchObject({
      code: 'UPSTREAM_MALFORMED',
    });
  });

  it.each([{ data: {} }, { data: 'x' }, {}, [], 'x', null])(
    'that is no list is refused: %j',
    async (json) => {
      expect(await read(fetchActivity, json)).toMatchObject({ code: 'UPSTREAM_MALFORMED' });
    },
  );

  it('does not count requests that are no number', async () => {
    for (const requests of [-1, 1.5, '5', null])
      expect(await activity({ ...LINE, requests })).toMatchObject([{ requests: undefined }]);
  });
});

describe('the figures of a key', () => {
  const windows = { usage_daily: 1, usage_weekly: 2, usage_monthly: 3 };

  it('are its windows and its rank; label and owner are not read', async () => {
    const report = await read(fetchKey, {
      data: { ...windows, byok_usage_monthly: 0.5, label: 'sk-or-canary', creator_user_id: 'user_canary' },
    });
    expect(
      JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? printUsd(value) : value)),
    ).toBe(
      '{"windows":{"daily":{"usageUsd":"1","byokUsd":"0"},"weekly":{"usageUsd":"2","byokUsd":"0"},' +
        '"monthly":{"usageUsd":"3","byokUsd":"0.5"}},"isManagementKey":false}',
    );
  });

  it.each(['is_management_key', 'is_provisioning_key'])(
    'say that it manages the account: %s',
    async (name) => {
      expect(await read(fetchKey, { data: { ...windows, [name]: true } })).toMatchObject({
        isManagementKey: true,
      });
      expect(await read(fetchKey, { data: { ...windows, [name]: 'true' } })).toMatchObject({
        isManagementKey: false,
      });
    },
  );

  it.each([
    { data: {} },
    { data: { ...windows, usage_daily: null } },
    { data: { ...windows, byok_usage_daily: -1 } },
    { data: [] },
  ])('are refused when incomplete: %j', async (json) =>
    expect(await read(fetchKey, json)).toMatchObject({ code: 'UPSTREAM_MALFORMED' }),
  );
});

describe('credits', () => {
  it.each([
    { data: { total_credits: 1 } },
    { data: { total_usage: 1 } },
    { data: { total_credits: -1, total_usage: 1 } },
    { data: [] },
  ])('are refused when incomplete: %j', async (json) =>
    expect(await read(fetchCredits, json)).toMatchObject({ code: 'UPSTREAM_MALFORMED' }),
  );
});

describe('the address of a path', () => {
  it.each([
    'https://example.test/api/v1',
    'https://example.test/api/v1/',
    'https://example.test/api/v1?key=x#y',
  ])('is below %s', (base) =>
    expect(locatePath(new URL(base), 'key').href).toBe('https://example.test/api/v1/key'),
  );

  it('is OpenRouter’s own by default', () => {
    expect(locatePath(new URL(API_URL), 'activity').href).toBe('https://openrouter.ai/api/v1/activity');
  });
});

describe('a key', () => {
  const CREDITS = sendJson({ data: { total_credits: 1, total_usage: 0 } });

  it('is not taken along when the answer leads to another port, let alone host', async () => {
    const seen: (string | undefined)[] = [];
    const other = await startPriceServer((request, response) => {
      seen.push(request.headers.authorization);
      CREDITS(request, response);
    });
    const server = await startPriceServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(307, { location: other.url }).end();
    });
    await fetchCredits(openClient(), new URL(server.url));
    expect(seen).toEqual([`Bearer ${KEY}`, undefined]);
  });

  it('is taken along to another path of the same host', async () => {
    const seen: (string | undefined)[] = [];
    const server = await startPriceServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url?.includes('moved')) CREDITS(request, response);
      else response.writeHead(307, { location: '/moved' }).end();
    });
    await fetchCredits(openClient(), new URL(server.url));
    expect(seen).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`]);
  });

  it.each([
    [401, /not valid there/],
    [403, /need a management key/],
  ])('that is refused with %i is explained and not repeated', async (status, hint) => {
    const server = await startPriceServer((_request, response) => {
      response.writeHead(status).end(`{"error":{"message":"${KEY}"}}`);
    });
    const error = await fetchKey(openClient(), new URL(server.url)).catch((one: Error) => one);
    expect(error).toMatchObject({ code: 'UPSTREAM_REFUSED', hint: expect.stringMatching(hint) });
    expect(`${(error as Error).message} ${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain(
      'canary',
    );
  });
});

describe.skipIf(!referenceData)(
  'recorded answers (skipped: AGENTGUARD_DATA does not name the reference data)',
  () => {
    const examples = () =>
      readReferenceJson('openrouter/openapi-examples-2026-08-22.json') as Record<
        string,
        { responses: Record<string, { example: unknown }> }
      >;
    const example = (operation: string) => examples()[operation]!.responses['200']!.example;

    it('are read: activity, credits, and the key of two seasons', async () => {
      expect(await read(fetchActivity, example('GET /activity'))).toEqual([
        {
          date: '2025-08-24',
          model: 'openai/gpt-4.1',
          permaslug: 'openai/gpt-4.1-2025-04-14',
          provider: 'OpenAI',
          usageUsd: 15n * 10n ** 21n,
          byokUsd: 12n * 10n ** 21n,
          requests: 5,
        },
      ]);
      expect(await read(fetchCredits, example('GET /credits'))).toEqual({
        boughtUsd: 1005n * 10n ** 23n,
        usedUsd: 2575n * 10n ** 22n,
      });
      const use = { usageUsd: 255n * 10n ** 23n, byokUsd: 1738n * 10n ** 22n };
      for (const json of [example('GET /key'), readReferenceJson('openrouter/key-2026-10.json')])
        expect(await read(fetchKey, json)).toEqual({
          windows: { daily: use, weekly: use, monthly: use },
          isManagementKey: false,
        });
    });
  },
);
