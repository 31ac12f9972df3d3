import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseUsd, printUsd } from '../../src/core/money.js';
import type { SpendCap } from '../../src/core/policy.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { makeHome, type Row, readRows } from '../helpers/home.js';

const usd = (text: unknown) => parseUsd(String(text)) ?? 0n;
const decisions = (rows: readonly Row[]) => rows.map((row) => row.decision).filter((row) => !row.entryType);
const billed = (rows: readonly Row[]) =>
  rows
    .filter((row) => row.decision.costSource === 'provider')
    .reduce((sum, row) => sum + usd(row.decision.actualUsd), 0n);

/** Each call costs exactly $0.0005: 100 output tokens, and the input's bytes are paid by the script. */
const COST = { kind: 'answer', costOverride: '0.0005' } as const;
const CALL = { ...ASK, max_tokens: 60 };

describe('six calls under a cap that admits two', () => {
  const cases: [SpendCap['action'], string[]][] = [
    ['block', ['allow', 'allow', 'block', 'block', 'block', 'block']],
    ['shadow', ['allow', 'allow', 'shadow', 'shadow', 'shadow', 'shadow']],
    ['allow', ['allow', 'allow', 'allow', 'allow', 'allow', 'allow']],
    ['downgrade', ['allow', 'allow', 'downgrade', 'downgrade', 'downgrade', 'downgrade']],
  ];
  for (const [action, expected] of cases)
    it(`allows two and then does what the cap says: ${action}`, async () => {
      const cap: SpendCap = {
        amountCents: action === 'block' ? '0.13' : '0.12',
        window: 'per_day',
        action,
        reason: 'small day',
        ...(action === 'downgrade' ? { downgradeTo: HAIKU } : {}),
      };
      const { guarded, standIn, home } = await openGuarded({ caps: [cap], standIn: { script: () => COST } });
      const request = action === 'downgrade' ? { ...CALL, model: OPUS, max_tokens: 10 } : CALL;
      let blocked = 0;
      for (let i = 0; i < 6; i++)
        await guarded.chat.completions.create(request).catch((error) => {
          expect(error).toBeInstanceOf(AgentGuardBlockedError);
          blocked++;
        });
      const rows = await readRows(home);
      expect(decisions(rows).map((row) => row.action)).toEqual(expected);
      expect(blocked).toBe(expected.filter((seen) => seen === 'block').length);
      expect(standIn.requests).toHaveLength(6 - blocked);
      expect(printUsd(billed(rows))).toBe(printUsd(standIn.bill.total()));
      const tripped = decisions(rows).slice(2);
      for (const row of tripped) {
        expect(row.triggeredScopeKey).toBe('tenantId=acme');
        expect(row.triggeredCap).toMatchObject({ window: 'per_day', action, reason: 'small day' });
        expect((row.reasons as string[])[0]).toContain('small day');
      }
      if (action === 'downgrade') {
        expect(tripped.every((row) => row.modelRequested === OPUS && row.modelResolved === HAIKU)).toBe(true);
        expect(standIn.requests[2]?.body).toMatchObject({ model: HAIKU });
      }
    });
});

describe('a cap', () => {
  it('may be reached exactly, and not passed by the smallest amount', async () => {
    const bound = async (amountCents: string) => {
      const { guarded, home } = await openGuarded({
        caps: [{ amountCents, window: 'per_hour', action: 'block' }],
      });
      const error = await guarded.chat.completions.create(CALL).catch((e) => e);
      return { blocked: error instanceof AgentGuardBlockedError, row: decisions(await readRows(home))[0] };
    };
    const { row } = await bound('1000');
    const exact = printUsd(usd(row?.reservedUsd) * 100n);
    expect((await bound(exact)).blocked).toBe(false);
    expect((await bound(printUsd(usd(exact) - 1n * 100n))).blocked).toBe(true);
  });

  it('on a selector counts only the calls it names', async () => {
    const { guarded } = await openGuarded({
      caps: [{ amountCents: '0.13', window: 'per_day', action: 'block', selector: { userId: 'bob' } }],
      standIn: { script: () => COST },
    });
    const bob = guarded.$guard.with({ userId: 'bob' });
    for (let i = 0; i < 4; i++) await guarded.chat.completions.create(CALL);
    for (let i = 0; i < 2; i++) await bob.chat.completions.create(CALL);
    await expect(bob.chat.completions.create(CALL)).rejects.toMatchObject({
      code: 'cap_exceeded',
      scopeKey: 'tenantId=acme/userId=bob',
    });
    await guarded.chat.completions.create(CALL);
  });

  it('survives a restart: counters are read back from the ledger', async () => {
    const caps: SpendCap[] = [{ amountCents: '0.13', window: 'per_day', action: 'block' }];
    const first = await openGuarded({ caps, standIn: { script: () => COST } });
    await first.guarded.chat.completions.create(CALL);
    await first.guarded.chat.completions.create(CALL);
    await first.guarded.$guard.close();
    const second = await openGuarded({ caps, config: { home: first.home } });
    await expect(second.guarded.chat.completions.create(CALL)).rejects.toMatchObject({ spent: '0.001' });
  });

  it('starts anew in the next window', async () => {
    let now = Date.parse('2026-11-20T10:00:59.990Z');
    const { guarded } = await openGuarded({
      caps: [{ amountCents: '0.07', window: 'per_minute', action: 'block' }],
      config: { clock: () => now },
      standIn: { script: () => COST },
    });
    await guarded.chat.completions.create(CALL);
    await expect(guarded.chat.completions.create(CALL)).rejects.toMatchObject({ retryAfterMs: 10 });
    now += 10;
    await guarded.chat.completions.create(CALL);
  });

  it('lets calls wait for running ones instead of refusing them', async () => {
    const { guarded, home } = await openGuarded({
      caps: [{ amountCents: '0.07', window: 'per_day', action: 'block' }],
      standIn: { script: () => ({ kind: 'slow', delayMs: 60, costOverride: '0.00001' }) },
    });
    await Promise.all(Array.from({ length: 8 }, () => guarded.chat.completions.create(CALL)));
    expect(decisions(await readRows(home)).map((row) => row.action)).toEqual(Array(8).fill('allow'));
  });

  it('refuses a waiting call with code held once its patience ends, and after an abort with the client’s error', async () => {
    const { guarded, home } = await openGuarded({
      caps: [{ amountCents: '0.07', window: 'per_day', action: 'block' }],
      config: { waitForHoldsMs: 150 },
      standIn: { script: [{ kind: 'hang' }] },
    });
    const controller = new AbortController();
    const running = guarded.chat.completions.create(CALL, { signal: controller.signal }).catch((e) => e);
    await expect.poll(() => readRows(home).catch(() => [])).toHaveLength(1);
    await expect(guarded.chat.completions.create(CALL)).rejects.toMatchObject({
      code: 'held',
      retryAfterMs: 1_000,
    });
    const waiting = new AbortController();
    setTimeout(() => waiting.abort(), 30);
    await expect(guarded.chat.completions.create(CALL, { signal: waiting.signal })).rejects.toThrow(
      'Request was aborted.',
    );
    controller.abort();
    await running;
    expect(decisions(await readRows(home)).map((row) => row.action)).toEqual(['allow', 'block']);
  });
});

describe('$1.00 and a hundred calls of $0.18 from eight processes', () => {
  it('sends exactly five, and bill = ledger = $0.90', { timeout: 60_000 }, async () => {
    const home = await makeHome();
    const standIn = await startStandIn({
      script: () => ({ kind: 'slow', delayMs: 20, costOverride: '0.18' }),
    });
    const script = join(import.meta.dirname, 'fixtures/eighteen-cents.mjs');
    const run = promisify(execFile);
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        run(process.execPath, [script, standIn.url, home, String(i < 4 ? 13 : 12)]),
      ),
    );
    const counts = results.map(({ stdout }) => JSON.parse(stdout) as Record<string, number>);
    const total = (key: string) => counts.reduce((sum, count) => sum + (count[key] ?? 0), 0);
    expect({ sent: total('sent'), refused: total('cap_exceeded') + total('held') }).toEqual({
      sent: 5,
      refused: 95,
    });
    expect(standIn.requests).toHaveLength(5);
    expect(printUsd(standIn.bill.total())).toBe('0.9');
    expect(printUsd(billed(await readRows(home)))).toBe('0.9');
    await standIn.close();
  });
});

describe('the home folder', () => {
  it('holds no word of prompts, answers, tools, headers, keys or errors', async () => {
    const canary = (where: string) => `CANARY_${where}_7f3a`;
    const request = {
      model: HAIKU,
      max_tokens: 40,
      user: canary('user'),
      stop: [canary('stop')],
      metadata: { [canary('metakey')]: canary('meta') },
      messages: [
        { role: 'system', content: canary('system') },
        { role: 'user', name: canary('name'), content: [{ type: 'text', text: canary('part') }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: canary('callid'),
              type: 'function',
              function: { name: canary('fn'), arguments: canary('args') },
            },
          ],
        },
        { role: 'tool', tool_call_id: canary('callid'), content: canary('result') },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: canary('tool'),
            description: canary('description'),
            parameters: { type: 'object', properties: { [canary('prop')]: { enum: [canary('enum')] } } },
          },
        },
      ],
      response_format: {
        type: 'json_schema',
        json_schema: { name: canary('schema'), schema: { title: canary('title') } },
      },
      [canary('unknown')]: canary('value'),
    };
    const known = Object.fromEntries(Object.entries(request).filter(([key]) => !key.startsWith('CANARY')));
    const { guarded, home } = await openGuarded({
      client: { apiKey: canary('apikey'), maxRetries: 0, defaultHeaders: { 'X-Title': canary('header') } },
      standIn: {
        script: [
          { kind: 'answer', content: canary('answer') },
          { kind: 'answer', content: canary('streamed') },
          { kind: 'error', refusal: 'key-limit' },
          { kind: 'error', status: 400, message: canary('error') },
          {
            kind: 'raw',
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              id: `${canary('id')} \u0007`,
              model: { [canary('model')]: 1 },
              error: { message: canary('hidden') },
              usage: { cost: canary('cost') },
            }),
          },
        ],
      },
    });
    await guarded.chat.completions.create(known as never);
    for await (const _ of (await guarded.chat.completions.create({
      ...known,
      stream: true,
    } as never)) as unknown as AsyncIterable<unknown>);
    for (let i = 0; i < 3; i++) await guarded.chat.completions.create(known as never).catch(() => {});
    await expect(guarded.chat.completions.create(request as never)).rejects.toThrow(canary('unknown'));
    await guarded.$guard.close();
    const files = (await readdir(home, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const bytes = await readFile(join(file.parentPath, file.name), 'latin1');
      expect(bytes).not.toMatch(/CANARY/i);
      expect(bytes).not.toContain('f0e1d2c3b4a59687');
    }
    expect(await readRows(home)).toHaveLength(11);
  });
});
