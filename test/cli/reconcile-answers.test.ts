/** `reconcile` on given answers: recorded shapes, hostile ones, and ledgers that are not as they should be. */
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.js';
import { fixedSigner, LedgerWriter } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { startPriceServer } from '../helpers/price-server.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { findControls, putLedger, runCli } from './run-cli.js';

const MODEL = 'openai/gpt-4.1';
const ENV = { KEY: 'sk-or-v1-canary' };
const MANAGER = ['--management-key-env', 'KEY'];
const CREDITS = { data: { total_credits: 100.5, total_usage: 25.75 } };

interface World {
  readonly activity?: Json;
  readonly key?: Json;
  readonly lines: readonly string[];
  readonly nowMs?: number;
  readonly isTerminal?: boolean;
}

/** Runs `reconcile` on a ledger of these lines against a service that gives these answers. */
async function reconcile({ activity = [], key, lines, nowMs, isTerminal }: World, argv = MANAGER) {
  const home = await makeHome();
  await putLedger(home, lines);
  const answers: Record<string, Json | undefined> = { activity: { data: activity }, key, credits: CREDITS };
  const server = await startPriceServer((request, response) => {
    const answer = answers[request.url?.split('/').at(-1) ?? ''];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer));
  });
  const url = `http://localhost:${server.port}/api/v1`;
  return runCli(['reconcile', '--url', url, ...argv], {
    home,
    env: ENV,
    nowMs: nowMs ?? Date.UTC(2025, 7, 25, 9),
    isTerminal: isTerminal ?? false,
  });
}

/** Lines of a ledger of ours with calls that cost this much each, all on one day. */
function writeCalls(costs: readonly string[], more: JsonObject = {}, settled: JsonObject = {}): string[] {
  const writer = new LedgerWriter();
  for (const [index, actualUsd] of costs.entries()) {
    const timestamp = new Date(Date.UTC(2025, 7, 24, 10, 0, index)).toISOString();
    const decisionId = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const about = { provider: 'openrouter', modelResolved: MODEL, timestamp, attempt: 1, ...more };
    const reserved = { expectedUsd: '0.01', reservedUsd: '0.02' };
    writer.add({ signer: fixedSigner(97), decision: { ...about, ...reserved, decisionId } });
    const settlement = { entryType: 'settlement', originalDecisionId: decisionId, decisionId: `s-${index}` };
    writer.add({
      signer: fixedSigner(97),
      decision: { ...about, ...settlement, costSource: 'provider', actualUsd, ...settled },
    });
  }
  return writer.lines;
}

const LINE = { date: '2025-08-24', model: MODEL, usage: 0.015, byok_usage_inference: 0.012, requests: 5 };

describe.skipIf(!referenceData)(
  'recorded answers (skipped: AGENTGUARD_DATA does not name the reference data)',
  () => {
    const recorded = (operation: string): JsonObject => {
      const examples = readReferenceJson('openrouter/openapi-examples-2026-08-22.json');
      type Example = { readonly responses: { readonly 200: { readonly example: JsonObject } } };
      return (examples as Record<string, Example>)[operation]!.responses[200].example;
    };
    const activity = () => recorded('GET /activity').data!;
    // Five requests with a key at the provider: $0.015 of fees and $0.012 of bills, $0.0054 each.
    const five = ['0.0054', '0.0054', '0.0054', '0.0054', '0.0054'];

    it('with every call in the ledger report none', async () => {
      const lines = writeCalls(five, {}, { servedModel: 'openai/gpt-4.1-2025-04-14' });
      const { code, out } = await reconcile({ activity: activity(), lines });
      expect(code).toBe(0);
      expect(out).toContain('No unguarded spend');
      expect(out).toContain('$0.015, and $0.012 by providers to keys of your own (BYOK)');
      expect(out).toContain('$74.75 left of $100.50');
    });

    it('with one call fewer in the ledger name it', async () => {
      const { code, out } = await reconcile({ activity: activity(), lines: writeCalls(five.slice(1)) });
      expect(code).toBe(1);
      expect(out).toContain(
        '2025-08-24  openai/gpt-4.1  $0.0054  5 requests, 4 calls in the ledger (OpenAI)',
      );
    });

    it('of a key with more than the ledger say so, for each window', async () => {
      const key = readReferenceJson('openrouter/key-2026-10.json') as JsonObject;
      const nowMs = Date.UTC(2026, 9, 7, 12);
      const { code, out, err } = await reconcile({ key, lines: writeCalls(['1']), nowMs }, [
        '--key-env',
        'KEY',
      ]);
      expect(code).toBe(1);
      expect(out).toContain(
        '2026-10-01  this key, this month: at least $42.88 more than all calls of the ledger',
      );
      expect(err).toContain('only this key was looked at');
    });
  },
);

describe('hostile names in an answer', () => {
  const hostile = '\u001b[2J\u202eevil\nNo unguarded spend: all is well\u0007/\u200bmodel';

  it.each([true, false])('never reach the output raw (terminal: %s)', async (isTerminal) => {
    const activity = [{ ...LINE, model: hostile, provider_name: hostile }];
    const { code, out } = await reconcile({ activity, lines: writeCalls(['0.01']), isTerminal });
    expect(code).toBe(1);
    expect(findControls(out)).toEqual([]);
    expect(out).toContain('\\u{1b}[2J\\u{202e}evil\\u{a}');
    expect(out).not.toMatch(/^No unguarded spend/m);
  });

  it('are escaped in JSON too, and read back as they were', async () => {
    const activity = [{ ...LINE, model: hostile }];
    const { out } = await reconcile({ activity, lines: writeCalls(['0.01']) }, [...MANAGER, '--json']);
    expect(findControls(out)).toEqual([]);
    expect(JSON.parse(out).unguarded[0].model).toBe(hostile);
  });

  it('of the ledger are escaped as well', async () => {
    const lines = writeCalls(['0.01'], { modelResolved: hostile });
    const { out } = await reconcile({ lines });
    expect(findControls(out)).toEqual([]);
    expect(out).toContain('\\u{1b}[2J');
  });

  it.each(['__proto__', 'constructor', 'toString'])('may be %s', async (model) => {
    const activity = [
      { ...LINE, model, model_permaslug: model, byok_usage_inference: 0, usage: 0.01, requests: 1 },
    ];
    expect((await reconcile({ activity, lines: writeCalls(['0.01'], { modelResolved: model }) })).code).toBe(
      0,
    );
    expect((await reconcile({ activity, lines: writeCalls(['0.01']) })).code).toBe(1);
  });
});

describe('calls of the ledger', () => {
  const activity = [{ ...LINE, usage: 0.01, byok_usage_inference: 0, requests: 1 }];

  it('to other providers do not count', async () => {
    const { code } = await reconcile({ activity, lines: writeCalls(['0.01'], { provider: 'openai' }) });
    expect(code).toBe(1);
  });

  it('on lines that cannot be read are missed, and the command says so', async () => {
    const lines = ['not a row', ...writeCalls(['0.01'])];
    const { code, err } = await reconcile({ activity, lines });
    expect(code).toBe(0);
    expect(err).toMatch(/1 line of the ledgers could not be read; calls on them look unguarded/);
    expect(
      JSON.parse((await reconcile({ activity, lines }, [...MANAGER, '--json'])).out).unreadableLines,
    ).toBe(1);
  });

  it('that upstream does not show are no finding', async () => {
    const { code, out } = await reconcile({ lines: writeCalls(['0.01']) }, [...MANAGER, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out).lines).toMatchObject([{ status: 'ledger_more', requests: null }]);
  });
});

describe('an answer that cannot be trusted', () => {
  it.each<[string, Json]>([
    ['no list', { rows: [] }],
    ['a negative charge', [{ ...LINE, usage: -1 }]],
    ['no day', [{ ...LINE, date: 'yesterday' }]],
  ])('ends with 5 and no result: %s', async (_what, activity) => {
    const { code, out, err } = await reconcile({ activity, lines: writeCalls(['0.01']) });
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toMatch(/^agentguard: error: The answer of localhost:\d+ to \/activity has no/);
  });
});
