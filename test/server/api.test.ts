/** What the dashboard answers: the app as a function, with real files behind it. */
import { createHash } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type {
  LedgersAnswer,
  PlaceAnswer,
  PoliciesAnswer,
  ReceiptAnswer,
  RowsAnswer,
  StatusAnswer,
} from '../../src/core/dashboard.js';
import { createApp } from '../../src/server/app.js';
import { createEventHub, type EventHub } from '../../src/server/event-hub.js';
import { openLiveIndex } from '../../src/server/live-index.js';
import { createPasses } from '../../src/server/passes.js';
import { makeHome } from '../helpers/home.js';
import { foldLines, putParts, writeRandomLines } from './random-ledger.js';

const PORT = 8787;
const passes = createPasses('3c'.repeat(32), PORT);
const HEADERS = {
  host: `localhost:${PORT}`,
  'sec-fetch-site': 'same-origin',
  cookie: `${passes.cookieName}=${passes.cookieValue}`,
};
const lines = writeRandomLines({ seed: 21, rows: 260 });
const NOW_MS = Date.UTC(2026, 9, 1, 6);

interface Served {
  readonly events: EventHub;
  get(path: string): Promise<Response>;
  read<T>(path: string): Promise<T>;
}

async function serve(home: string, scope: string | null = null): Promise<Served> {
  const events = createEventHub();
  const index = await openLiveIndex(home, scope, events.tell);
  onTestFinished(() => {
    index.close();
    events.close();
  });
  await index.isFilled;
  const app = createApp({
    index,
    events,
    home,
    scope,
    version: '0.0.0',
    now: () => NOW_MS,
    passes,
    hosts: new Set([`localhost:${PORT}`]),
    isLoopback: true,
    findFile: () => undefined,
  });
  const get = async (path: string): Promise<Response> =>
    app.fetch(new Request(`http://localhost:${PORT}/api${path}`, { headers: HEADERS }));
  return {
    events,
    get,
    async read<T>(path: string) {
      const answer = await get(path);
      expect(answer.status, await answer.clone().text()).toBe(200);
      return (await answer.json()) as T;
    },
  };
}

async function serveLines(parts = 3): Promise<Served & { readonly path: string }> {
  const home = await makeHome();
  const path = await putParts(home, lines, parts);
  return { ...(await serve(home)), path };
}

describe('/api/rows', () => {
  it('pages through all calls, each once, newest first', async () => {
    const { read } = await serveLines();
    const seen: number[] = [];
    for (let offset = 0; ; offset += 37) {
      const { rows, total } = await read<RowsAnswer>(`/rows?offset=${offset}&limit=37`);
      seen.push(...rows.map(({ row }) => row));
      expect(total).toBe(foldLines(lines).length);
      if (rows.length === 0) break;
    }
    expect(seen).toEqual(foldLines(lines).map(({ row }) => row));
  });

  it('gives amounts as exact text and leaves out what is empty', async () => {
    const { read } = await serveLines();
    const { rows } = await read<RowsAnswer>('/rows?q=actual:0.1234567890123456789&limit=1');
    expect(rows[0]).toMatchObject({ actualUsd: '0.1234567890123456789', costUsd: '0.1234567890123456789' });
    for (const value of Object.values(rows[0]!)) expect(value).not.toBe('');
  });

  it.each([
    ['limit=501', 'parameter_invalid'],
    ['limit=-1', 'parameter_invalid'],
    ['offset=1e3', 'parameter_invalid'],
    ['asOf=x', 'parameter_invalid'],
    ['q=cost:>abc', 'filter_invalid'],
    [`q=${'('.repeat(100)}`, 'filter_invalid'],
    [`q=${'a'.repeat(2_001)}`, 'filter_invalid'],
    ['q=nofield:x', 'filter_invalid'],
  ])('refuses %s with a sentence', async (query, code) => {
    const { get } = await serveLines(1);
    const answer = await get(`/rows?${query}`);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe(code);
    expect(error.message.length).toBeGreaterThan(10);
  });
});

describe('/api/place', () => {
  it('finds each call, also by a row about it, and none that is filtered out', async () => {
    const { read } = await serveLines();
    const { rows, asOf } = await read<RowsAnswer>('/rows?limit=500');
    for (const { ref, row } of [rows[0]!, rows[70]!, rows.at(-1)!]) {
      const offset = rows.findIndex((one) => one.ref === ref);
      expect(await read<PlaceAnswer>(`/place?asOf=${asOf}&ref=${ref}`)).toEqual({ offset, ref });
      expect(await read<PlaceAnswer>(`/place?asOf=${asOf}&row=${row}&scope=acme`)).toEqual({ offset, ref });
    }
    const blocked = rows.find(({ action }) => action === 'block')!;
    expect((await read<PlaceAnswer>(`/place?q=action:allow&ref=${blocked.ref}`)).offset).toBeNull();
    expect((await read<PlaceAnswer>('/place?ref=acme.0.3')).offset).toBeNull();
  });
});

describe('/api/receipt', () => {
  it('gives the line as it lies in the file, its neighbours and all rows about the call', async () => {
    const { read } = await serveLines();
    const { rows } = await read<RowsAnswer>('/rows?q=state:settled&limit=500');
    for (const { ref, row } of rows) {
      const receipt = await read<ReceiptAnswer>(`/receipt?ref=${ref}`);
      expect([receipt.row, receipt.line]).toEqual([row, lines[row]]);
      expect([receipt.before, receipt.after]).toEqual([lines[row - 1] ?? null, lines[row + 1] ?? null]);
      expect(JSON.parse(receipt.chainAfter ?? receipt.line).signerFingerprint).toBe(
        JSON.parse(receipt.line).signerFingerprint,
      );
      for (const other of receipt.related) expect(other.line).toBe(lines[other.row]);
      const [related] = receipt.related;
      if (!related) continue;
      const about = await read<ReceiptAnswer>(`/receipt?ref=${related.ref}`);
      expect(about.related.map((one) => one.ref)).toContain(ref);
    }
  });

  it.each([
    ['', 404],
    ['acme', 404],
    ['beta.0.0', 404],
    ['acme.0.1', 410],
    ['acme.9.0', 410],
    ['acme.0.999999999', 410],
    ['../etc.0.0', 404],
    ['%2e%2e.0.0', 404],
    ['acme/..%2f.0.0', 404],
  ])('of "%s" is refused', async (ref, status) => {
    const { get } = await serveLines();
    expect((await get(`/receipt?ref=${ref}`)).status).toBe(status);
  });
});

describe('/api/lines', () => {
  it('gives the bytes of all parts, run by run', async () => {
    const { get } = await serveLines(4);
    const hash = createHash('sha256');
    let row = 0;
    for (let next: string | null = '0'; next !== null; ) {
      const answer: Response = await get(`/lines?scope=acme&fromRow=${next}&limit=23`);
      hash.update(Buffer.from(await answer.arrayBuffer()));
      next = answer.headers.get('x-next-row');
      if (next !== null) row = Number(next);
    }
    const whole = lines.map((line) => `${line}\n`).join('');
    expect([row, hash.digest('hex')]).toEqual([
      lines.length,
      createHash('sha256').update(whole).digest('hex'),
    ]);
  });

  it('begins at any row', async () => {
    const { get } = await serveLines(4);
    const text = await (await get('/lines?scope=acme&fromRow=201&limit=2')).text();
    expect(text).toBe(`${lines[201]}\n${lines[202]}\n`);
  });

  it.each(['/lines?scope=beta', '/lines', '/lines?scope=..'])('%s is refused', async (path) => {
    const { get } = await serveLines(1);
    expect((await get(path)).status).toBe(404);
  });
});

describe('/api/export', () => {
  it('has exactly what the filter selects, in each form', async () => {
    const { get, read } = await serveLines();
    for (const q of ['', 'action:block', 'user:alice cost:>0']) {
      const { rows } = await read<RowsAnswer>(`/rows?q=${q}&limit=500`);
      const csv = (await (await get(`/export?q=${q}&format=csv`)).text()).split('\r\n').slice(1, -1);
      expect(csv.length).toBe(rows.length);
      const json = (await (await get(`/export?q=${q}&format=json`)).json()) as { decisionId: string }[];
      expect(json.map(({ decisionId }) => decisionId)).toEqual(rows.map(({ decisionId }) => decisionId));
      const raw = (await (await get(`/export?q=${q}&format=ndjson`)).text())
        .trim()
        .split('\n')
        .filter(Boolean);
      expect(raw.every((line) => lines.includes(line))).toBe(true);
      const decisions = raw.filter((line) => !/"entryType":"(settlement|outcome)"/.test(line));
      expect(decisions).toEqual(rows.map(({ row }) => lines[row]));
    }
  });

  it('cannot become a formula, and comes as a download', async () => {
    const { get } = await serveLines();
    const answer = await get('/export?format=csv');
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="agentguard-2026-10-01\.csv"$/,
    );
    const text = await answer.text();
    expect(text).toContain(`"'=cmd()"`);
    expect(text).not.toMatch(/(^|,)=cmd/m);
  });
});

describe('the other answers', () => {
  it('say what there is', async () => {
    const { read } = await serveLines(2);
    const status = await read<StatusAnswer>('/status');
    expect(status.index.doneBytes).toBe(status.index.totalBytes);
    expect(status.ledgers).toMatchObject([{ scope: 'acme', rows: lines.length, condition: 'unreadable' }]);
    const { ledgers } = await read<LedgersAnswer>('/ledgers');
    expect(ledgers[0]?.files.map(({ name }) => name)).toEqual([
      'decisions-000001.ndjson',
      'decisions.ndjson',
    ]);
    expect(ledgers[0]?.signers.length).toBe(2);
    const { policies } = await read<PoliciesAnswer>('/policies');
    expect(policies.map(({ policyHash, text }) => [policyHash[0], text])).toEqual(
      expect.arrayContaining([
        ['1', null],
        ['2', null],
      ]),
    );
  });

  it.each([
    '/series?stepMs=1&sinceMs=0&untilMs=100000',
    '/series?by=none',
    '/summary?by=a,b',
    '/summary?by=user,user,user,user,user',
    '/export?format=xml',
    '/place',
    '/place?row=x',
  ])('%s is refused', async (path) => {
    const { get } = await serveLines(1);
    expect((await get(path)).status).toBe(400);
  });

  it('of an unknown path is 404', async () => {
    const { get } = await serveLines(1);
    for (const path of ['', '/', '/none', '/rows/1', '/__proto__'])
      expect((await get(path)).status).toBe(404);
  });
});

describe('one scope', () => {
  it('limits every answer', async () => {
    const home = await makeHome();
    await putParts(home, writeRandomLines({ seed: 1, rows: 60, scope: 'secret-tenant' }), 1, 'secret-tenant');
    await putParts(home, lines, 1);
    const all = await serve(home);
    const { rows } = await all.read<RowsAnswer>('/rows?q=scope:secret-tenant&limit=1');
    const { ref } = rows[0]!;
    const { get } = await serve(home, 'acme');
    const paths = [
      '/status',
      '/rows?limit=500',
      '/rows?q=scope:secret-tenant',
      '/facets',
      '/summary?by=scope,tenant',
      '/series?by=scope',
      '/caps',
      '/policies',
      '/ledgers',
      '/models',
      '/export?format=csv',
      '/export?format=json',
      '/export?format=ndjson',
      `/receipt?ref=${ref}`,
      '/lines?scope=secret-tenant',
    ];
    for (const path of paths) expect(await (await get(path)).text(), path).not.toContain('secret-tenant');
  });
});

describe('/api/events', () => {
  it('tells rows as they are written and as they change', async () => {
    const { get, path } = await serveLines(1);
    const answer = await get('/events');
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    onTestFinished(() => reader.cancel().catch(() => {}));
    const [decision, ending] = [
      {
        decisionId: 'new-1',
        action: 'allow',
        formatVersion: 1,
        reservedUsd: '0.02',
        actor: { tenantId: 'acme' },
      },
      {
        decisionId: 'x',
        entryType: 'settlement',
        originalDecisionId: 'new-1',
        actualUsd: '0.01',
        costSource: 'provider',
      },
    ].map((row) => JSON.stringify({ ...JSON.parse(lines.at(-1)!), decision: row }));
    await appendFile(path, `${decision}\n`);
    expect(await readUntil(reader, '"decisionId":"new-1"')).toMatch(
      /event: rows\ndata: .*"state":"held".*"costUsd":"0.02"/,
    );
    await appendFile(path, `${ending}\n`);
    expect(await readUntil(reader, '"state":"settled"')).toMatch(/"decisionId":"new-1".*"costUsd":"0.01"/);
    expect(await readFile(path, 'utf8')).toContain(ending);
  });

  it('lets a reader go that does not keep up, after telling it, and goes on for the others', async () => {
    const { events, get } = await serveLines(1);
    const slow = await get('/events');
    const fast = (await get('/events')).body!.pipeThrough(new TextDecoderStream()).getReader();
    onTestFinished(() => fast.cancel().catch(() => {}));
    expect(events.readers).toBe(2);
    const bytes = { read: 0 };
    for (let n = 0; n < 40; n++) {
      events.tell({
        kind: 'index',
        index: { doneBytes: n, totalBytes: 40 },
        asOf: 'x'.repeat(100_000) as unknown as number,
      });
      bytes.read += (await readUntil(fast, `"doneBytes":${n},`)).length;
    }
    expect(bytes.read).toBeGreaterThan(4_000_000);
    expect(events.readers).toBe(1);
    const rest = await slow.text();
    expect(rest.length).toBeLessThan(1_500_000);
    expect(rest.trimEnd()).toMatch(/event: lost\ndata: .*$/);
  });

  it('of more readers than there may be is refused', async () => {
    const hub = createEventHub();
    const streams = Array.from({ length: 513 }, () => hub.open(() => 0));
    expect(streams.filter(Boolean).length).toBe(512);
    await streams[0]!.cancel();
    expect(hub.open(() => 0)).toBeDefined();
    hub.close();
  });
});

async function readUntil(reader: ReadableStreamDefaultReader<string>, wanted: string): Promise<string> {
  let text = '';
  while (!text.includes(wanted) || !text.endsWith('\n\n')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended without ${wanted}`);
    text += value;
  }
  return text;
}
