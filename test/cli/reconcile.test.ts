/** `reconcile` against the stand-in's own books, with calls that passed the guard and calls that did not. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import type { ScriptStep } from '../../src/stand-in/script.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { type CliResult, runCli } from './run-cli.js';

const AGENT_KEY = 'sk-or-v1-agent-canary-0001';
const OTHER_KEY = 'sk-or-v1-other-canary-0002';
const MANAGER_KEY = 'sk-or-v1-manager-canary-0003';
const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 9, 7, 12);

const BOTH = ['--key-env', 'AGENT_KEY', '--management-key-env', 'MANAGER_KEY'];
const ENV = { AGENT_KEY, OTHER_KEY, MANAGER_KEY };

/** A guarded client, an unguarded one with the same account, one clock for everybody. */
async function openWorld(startMs = NOON, upstreamAheadMs = 0) {
  const clock = { nowMs: startMs };
  const now = () => clock.nowMs + upstreamAheadMs;
  const { home, standIn, guarded } = await openGuarded({
    config: { clock: () => clock.nowMs },
    standIn: { now, managementKeys: [MANAGER_KEY], apiKeys: Object.values(ENV) },
    client: { apiKey: AGENT_KEY, maxRetries: 0 },
  });
  const unguarded = (apiKey = AGENT_KEY) => new OpenAI({ apiKey, baseURL: standIn.url, maxRetries: 0 });
  const reconcile = (argv: readonly string[] = BOTH, stdin = ''): Promise<CliResult> =>
    runCli(['reconcile', '--url', standIn.url, ...argv], { home, env: ENV, stdin, nowMs: clock.nowMs });
  const reconcileJson = async (argv: readonly string[] = BOTH) => {
    const { code, out } = await reconcile([...argv, '--json']);
    return { code, report: JSON.parse(out) };
  };
  return { home, standIn, guarded, unguarded, reconcile, reconcileJson, clock };
}

const call = (client: Pick<OpenAI, 'chat'>, model = HAIKU) =>
  client.chat.completions.create({ ...ASK, model, max_tokens: 50 });

describe('reconcile', () => {
  it('reports nothing where every call passed the guard', async () => {
    const { guarded, standIn, reconcile, reconcileJson } = await openWorld();
    for (const model of [HAIKU, OPUS, HAIKU]) await call(guarded, model);
    const { code, out, err } = await reconcile();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('No unguarded spend: all that OpenRouter charged from 2026-09-07 to 2026-10-07');
    const { report } = await reconcileJson();
    expect(report).toMatchObject({ ok: true, basis: 'account', unguarded: [] });
    const bills = report.lines.map((line: { billedUsd: string; status: string }) => line.status);
    expect(bills).toEqual(['equal', 'equal']);
    expect(printUsd(standIn.bill.total())).not.toBe('0');
  });

  it('names one unguarded call by day, model and amount', async () => {
    const { guarded, standIn, unguarded, reconcile, reconcileJson, clock } = await openWorld(
      NOON - 3 * DAY_MS,
    );
    await call(guarded);
    clock.nowMs += DAY_MS;
    await call(guarded);
    await call(unguarded(), OPUS);
    const stray = standIn.bill.entries.at(-1)!;
    clock.nowMs = NOON;
    await call(guarded, OPUS);
    const { code, out } = await reconcile();
    expect(code).toBe(1);
    expect(out).toMatch(/^Spend that did not pass the guard:$/m);
    const amount = printUsd(stray.costUsd);
    expect(out).toContain(
      `2026-10-05  ${OPUS}  $${amount}  1 request, 0 calls in the ledger (${stray.provider})`,
    );
    const { report } = await reconcileJson();
    expect(report.unguarded).toEqual([
      expect.objectContaining({
        date: '2026-10-05',
        model: OPUS,
        unguardedUsd: amount,
        unguardedAtMostUsd: amount,
      }),
    ]);
  });

  it('finds an unguarded call among guarded ones of the same day and model', async () => {
    const { guarded, standIn, unguarded, reconcileJson } = await openWorld();
    await call(guarded);
    await call(unguarded());
    const stray = standIn.bill.entries.at(-1)!.costUsd;
    await call(guarded);
    const { code, report } = await reconcileJson();
    expect(code).toBe(1);
    expect(report.unguarded).toMatchObject([{ model: HAIKU, requests: 3, calls: 2 }]);
    // The activity adds floats: the last digit may differ.
    expect(Number(report.unguarded[0].unguardedUsd)).toBeCloseTo(Number(printUsd(stray)), 9);
  });

  it('finds nothing new when the key is rotated: the new key starts at 0, the account does not', async () => {
    const { guarded, unguarded, reconcile, reconcileJson, home, standIn, clock } = await openWorld();
    await call(guarded);
    const rotated = await openSecondKey(home, standIn.url, () => clock.nowMs);
    await call(rotated);
    const both = await reconcileJson(['--key-env', 'OTHER_KEY', '--management-key-env', 'MANAGER_KEY']);
    expect(both.report).toMatchObject({ ok: true, unguarded: [], lines: [{ requests: 2, calls: 2 }] });
    expect(Number(both.report.key[0].usageUsd)).toBeLessThan(Number(both.report.key[0].billedUsd));
    // And what the old key spent past the guard does not vanish with it.
    await call(unguarded(AGENT_KEY));
    expect((await reconcile(['--key-env', 'OTHER_KEY', '--management-key-env', 'MANAGER_KEY'])).code).toBe(1);
  });

  it('finds what another key of the account spent', async () => {
    const { guarded, unguarded, reconcileJson } = await openWorld();
    await call(guarded);
    await call(unguarded(OTHER_KEY), OPUS);
    expect((await reconcileJson()).report.unguarded).toMatchObject([{ model: OPUS, calls: 0 }]);
  });

  it.each<[string, ScriptStep]>([
    ['cut', { kind: 'cut' }],
    ['without usage', { kind: 'no-usage' }],
  ])('lists an answer that was %s as not known yet, and not as unguarded', async (_how, step) => {
    const { guarded, standIn, reconcile, reconcileJson } = await openWorld();
    standIn.enqueue(step);
    await call(guarded).catch(() => {});
    await standIn.idle();
    const { code, out } = await reconcile();
    expect(code).toBe(0);
    expect(out).toMatch(/and 1 call whose cost is not known yet, at most \$0\.\d+/);
    expect((await reconcileJson()).report.lines).toMatchObject([
      { status: 'open', openCalls: 1, billedUsd: '0' },
    ]);
  });

  it('does not let a call of unknown cost hide an unguarded one', async () => {
    const { guarded, standIn, unguarded, reconcile, reconcileJson } = await openWorld();
    standIn.enqueue({ kind: 'cut' });
    await call(guarded).catch(() => {});
    await call(unguarded());
    await standIn.idle();
    const { code, report } = await reconcileJson();
    expect(code).toBe(1);
    expect(report.unguarded).toMatchObject([{ requests: 2, calls: 1 }]);
    expect((await reconcile()).out).toMatch(/\$0\.\d+ {2}2 requests, 1 call in the ledger/);
  });

  it('takes a call decided before midnight and counted after it upstream for the same call', async () => {
    const beforeMidnight = Date.UTC(2026, 9, 5, 23, 59, 59);
    const { guarded, standIn, unguarded, reconcile, reconcileJson, clock } = await openWorld(
      beforeMidnight,
      2_000,
    );
    standIn.enqueue({ kind: 'slow', delayMs: 50 });
    const running = call(guarded);
    await expect.poll(() => standIn.bill.entries.length).toBe(1);
    clock.nowMs += 3_000;
    await running;
    clock.nowMs = NOON;
    const { report } = await reconcileJson();
    expect(report.lines).toMatchObject([
      { date: '2026-10-05', status: 'equal', calls: 1, billedUsd: '0' },
      { date: '2026-10-06', status: 'equal', calls: 0, requests: 1 },
    ]);
    clock.nowMs = Date.UTC(2026, 9, 6, 1);
    await call(unguarded());
    clock.nowMs = NOON;
    expect((await reconcile()).code).toBe(1);
  });

  it('tells predicted against billed per model', async () => {
    const { guarded, reconcile, reconcileJson } = await openWorld();
    await call(guarded);
    await call(guarded);
    const { report } = await reconcileJson();
    expect(report.predicted).toMatchObject([{ model: HAIKU, calls: 2 }]);
    const [{ expectedUsd, reservedUsd, billedUsd, billedToExpected }] = report.predicted;
    expect(Number(billedToExpected)).toBeCloseTo(Number(billedUsd) / Number(expectedUsd), 4);
    expect(Number(reservedUsd)).toBeGreaterThan(Number(billedUsd));
    expect((await reconcile()).out).toMatch(
      /predicted against billed +calls +expected +bound +billed +ratio\n/,
    );
  });

  it('looks only at the days that were asked for', async () => {
    const { guarded, unguarded, reconcile, clock } = await openWorld(NOON - 4 * DAY_MS);
    await call(unguarded());
    clock.nowMs = NOON;
    await call(guarded);
    expect((await reconcile()).code).toBe(1);
    expect((await reconcile([...BOTH, '--since', '2026-10-04'])).code).toBe(0);
    expect((await reconcile([...BOTH, '--until', '2026-10-02'])).code).toBe(0);
    expect((await reconcile([...BOTH, '--since', '2026-10-03', '--until', '2026-10-03'])).code).toBe(1);
  });

  it('with --scope holds only that ledger against the account', async () => {
    const { guarded, reconcile } = await openWorld();
    await call(guarded);
    expect((await reconcile([...BOTH, '--scope', 'acme'])).code).toBe(0);
    const { code, err } = await reconcile([...BOTH, '--scope', 'other']);
    expect(code).toBe(3);
    expect(err).toContain('there is no ledger of the scope "other"');
  });

  it('says when earlier days were asked for than upstream still knows', async () => {
    const { guarded, reconcile } = await openWorld();
    await call(guarded);
    const { code, err } = await reconcile([...BOTH, '--since', '2026-01-01']);
    expect({ code, err }).toEqual({
      code: 0,
      err: 'note: OpenRouter no longer tells about days before 2026-09-07.\n',
    });
  });

  it('with --quiet says nothing when all is well, and the findings when it is not', async () => {
    const { guarded, unguarded, reconcile } = await openWorld();
    await call(guarded);
    expect(await reconcile([...BOTH, '--quiet'])).toEqual({ code: 0, out: '', err: '' });
    await call(unguarded());
    const { out } = await reconcile([...BOTH, '--quiet']);
    expect(out.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('reconcile with one plain key', () => {
  const PLAIN = ['--key-env', 'AGENT_KEY'];

  it('says that it proves little, also when it finds nothing', async () => {
    const { guarded, reconcile, reconcileJson } = await openWorld();
    await call(guarded);
    const { code, out, err } = await reconcile([...PLAIN, '--quiet']);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toMatch(/^note: only this key was looked at/);
    expect((await reconcileJson(PLAIN)).report).toMatchObject({
      ok: true,
      basis: 'key',
      lines: [],
      credits: null,
    });
  });

  it('finds that the key alone was charged for more than the whole ledger has', async () => {
    const { guarded, unguarded, standIn, reconcile } = await openWorld();
    await call(guarded);
    await call(unguarded());
    const stray = printUsd(standIn.bill.entries.at(-1)!.costUsd);
    const { code, out } = await reconcile(PLAIN);
    expect(code).toBe(1);
    expect(out).toContain(
      `2026-10-07  this key, today: at least $${stray} more than all calls of the ledger`,
    );
    expect(out).toContain('2026-10-05  this key, since Monday: at least');
    expect(out).toContain('2026-10-01  this key, this month: at least');
  });

  it('cannot see what a key spent before it was rotated, nor what another one spends', async () => {
    const { guarded, unguarded, reconcile } = await openWorld();
    await call(guarded);
    await call(unguarded(OTHER_KEY));
    expect((await reconcile(PLAIN)).code).toBe(0);
    expect((await reconcile()).code).toBe(1);
  });

  it('that manages the account itself needs no second one', async () => {
    const { guarded, reconcileJson } = await openWorld();
    await call(guarded);
    expect((await reconcileJson(['--key-env', 'MANAGER_KEY'])).report).toMatchObject({
      basis: 'account',
      ok: true,
    });
    expect((await reconcileJson(['--management-key-env', 'MANAGER_KEY'])).report).toMatchObject({ key: [] });
  });

  it('reads it from standard input, one line', async () => {
    const { guarded, reconcile, standIn } = await openWorld();
    await call(guarded);
    expect((await reconcile([], `${AGENT_KEY}\nmore`)).code).toBe(0);
    expect(standIn.requests.at(-1)?.headers.authorization).toBe(`Bearer ${AGENT_KEY}`);
  });
});

describe('what reconcile refuses', () => {
  it.each<[string, readonly string[], string, number, RegExp]>([
    ['no key at all', [], '', 2, /there is no key: standard input is empty/],
    ['input that is no key', [], 'two words\n', 2, /standard input holds something that is no key/],
    ['a header in place of a key', [], 'sk\rx-evil: 1\n', 2, /holds something that is no key/],
    ['a variable that is not set', ['--key-env', 'NOT_SET'], '', 2, /that --key-env names is not set/],
    ['a day that is none', [...BOTH, '--since', '2026-02-30'], '', 2, /--since takes a day/],
    ['a time for a day', [...BOTH, '--until', '2026-10-01T00:00:00Z'], '', 2, /--until takes a day/],
    [
      'days backwards',
      [...BOTH, '--since', '2026-10-05', '--until', '2026-10-04'],
      '',
      2,
      /is after 2026-10-04/,
    ],
    ['days to come', [...BOTH, '--since', '2026-10-08'], '', 2, /is after 2026-10-07/],
    ['days long gone', [...BOTH, '--until', '2026-08-01'], '', 2, /is too long ago/],
    ['plain http elsewhere', [...BOTH, '--url', 'http://example.com'], '', 2, /is plain http/],
    ['no time', [...BOTH, '--timeout', '0'], '', 2, /--timeout must be a number/],
  ])('%s', async (_what, argv, stdin, code, message) => {
    const { guarded, reconcile, standIn } = await openWorld();
    await call(guarded);
    const before = standIn.requests.length;
    const result = await reconcile(argv, stdin);
    expect(result).toMatchObject({ code, out: '', err: expect.stringMatching(message) });
    expect(standIn.requests).toHaveLength(before);
  });

  it('a home without a ledger, before anything is asked', async () => {
    const standIn = await startStandIn();
    onTestFinished(() => standIn.close());
    const home = await makeHome();
    const { code } = await runCli(['reconcile', '--url', standIn.url, ...BOTH], { home, env: ENV });
    expect({ code, requests: standIn.requests.length }).toEqual({ code: 3, requests: 0 });
  });

  it('a key that is not valid: a sentence, exit code 5', async () => {
    const { guarded, standIn, home } = await openWorld();
    await call(guarded);
    const env = { AGENT_KEY: 'sk-or-v1-wrong-canary', MANAGER_KEY };
    const { code, out, err } = await runCli(['reconcile', '--url', standIn.url, ...BOTH], {
      home,
      env,
      nowMs: NOON,
    });
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toMatch(/answered with status 401\nhint: The key is not valid there/);
    expect(err).not.toContain('canary');
  });

  it('a second key that manages nothing', async () => {
    const { guarded, reconcile } = await openWorld();
    await call(guarded);
    const { code, err } = await reconcile(['--key-env', 'AGENT_KEY', '--management-key-env', 'OTHER_KEY']);
    expect(code).toBe(5);
    expect(err).toMatch(/status 403\nhint: This key may not ask for it: .* need a management key/);
  });
});

describe('a key', () => {
  it('appears nowhere: not in output, not in errors, not under the home', async () => {
    const { guarded, unguarded, reconcile, home } = await openWorld();
    await call(guarded);
    await call(unguarded(OTHER_KEY), OPUS);
    const texts: string[] = [];
    for (const argv of [
      BOTH,
      [...BOTH, '--json'],
      ['--key-env', AGENT_KEY],
      ['--key-env', AGENT_KEY.replaceAll('-', '_')],
      ['--management-key-env', 'OTHER_KEY'],
      [`--key=${AGENT_KEY}`],
      [`-k${AGENT_KEY}`],
      [AGENT_KEY],
      [...BOTH, '--url', `https://${AGENT_KEY}@openrouter.ai/api/v1?key=${AGENT_KEY}`],
      [...BOTH, '--url', 'http://127.0.0.1:1'],
    ]) {
      const { out, err } = await reconcile(argv, `${AGENT_KEY} twice\n`);
      texts.push(out, err);
    }
    for (const file of await readdir(home, { recursive: true }))
      texts.push(file, await readFile(join(home, file), 'utf8').catch(() => ''));
    expect(texts.filter((text) => /canary/.test(text))).toEqual([]);
  }, 30_000);

  it('is not sent anywhere but where it was meant to go', async () => {
    const { guarded, reconcile, standIn } = await openWorld();
    await call(guarded);
    const before = standIn.requests.length;
    await reconcile();
    const asked = standIn.requests.slice(before);
    expect(asked.map(({ method, path, headers }) => [method, path, headers.authorization])).toEqual([
      ['GET', '/api/v1/key', `Bearer ${AGENT_KEY}`],
      ['GET', '/api/v1/activity', `Bearer ${MANAGER_KEY}`],
      ['GET', '/api/v1/credits', `Bearer ${MANAGER_KEY}`],
    ]);
  });
});

/** The same ledger, guarded anew with the next key. */
async function openSecondKey(
  home: string,
  baseURL: string,
  clock: () => number,
): Promise<Pick<OpenAI, 'chat'>> {
  const { withSpendGuard } = await import('../../src/guard/with-spend-guard.js');
  const { policyOf } = await import('../helpers/guarded-client.js');
  const guarded = withSpendGuard(new OpenAI({ apiKey: OTHER_KEY, baseURL, maxRetries: 0 }), {
    policy: policyOf([]),
    config: { home, provider: 'openrouter', clock },
  });
  onTestFinished(() => guarded.$guard.close());
  return guarded;
}
