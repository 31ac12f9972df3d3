import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { guardFetch } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { fixedSigner, LedgerWriter } from '../core/ledger-fixture.js';
import { HAIKU, OPUS, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { findControls, putLedger, runCli, stripColors } from './run-cli.js';

/** Two real calls under a cap that admits one: their decisions. */
async function makeDecisions() {
  setPrices();
  const home = await makeHome();
  const standIn = await startStandIn({
    script: () => ({ kind: 'answer', promptTokens: 100, outputTokens: 500 }),
  });
  const rows: JsonObject[] = [];
  const guarded = guardFetch(fetch, {
    policy: policyOf([{ amountCents: 3, window: 'per_day', action: 'block', reason: 'small budget' }]),
    scope: { tenantId: 'acme', userId: 'alice' },
    config: { home, provider: 'openrouter', onDecision: ({ decision }) => void rows.push(decision) },
  });
  const ask = () =>
    guarded(`${standIn.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      body: JSON.stringify({
        model: OPUS,
        max_tokens: 1000,
        messages: [{ role: 'user', content: 'secret words' }],
      }),
    });
  await (await ask()).text();
  await ask().catch(() => {});
  await guarded.$guard.close();
  await standIn.close();
  const [allowed, , blocked] = rows.map((row) => String(row.decisionId));
  return { home, allowed: allowed!, blocked: blocked! };
}

describe('explain', () => {
  it('tells a refusal: rule, arithmetic line by line, and what would have passed', async () => {
    const { home, blocked } = await makeDecisions();
    const { code, out, err } = await runCli(['explain'], { home });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Decision ${blocked}: refused; nothing was sent`);
    expect(out).toContain('block $0.03 per day "small budget": no room');
    const sum =
      /spent +\$(\S+)\n.*held by running calls +\$0\.00\n.*this call, its upper bound +\$(\S+)\n.*together +\$(\S+)\n.*over the cap by +\$(\S+)\n/;
    const [, spent, adds, total, over] = sum.exec(out)!.map(Number);
    expect(spent).toBeCloseTo(0.013, 12);
    expect(total).toBeCloseTo(spent! + adds!, 12);
    expect(over).toBeCloseTo(total! - 0.03, 12);
    expect(out).toContain(`the same request at that moment on ${HAIKU}`);
    expect(out).toMatch(/a call of at most \$0\.017; this one: \$0\.02/);
    expect(out).toMatch(/the same request from \d{4}-\d\d-\d\dT00:00:00\.000Z, when the window starts anew/);
    expect(out).toContain(`Line 3 of ${home}/acme/decisions.ndjson, sequence 2`);
    expect(out).toContain(`Whether they are genuine:\n  agentguard verify --trace ${blocked}\n`);
    expect(out).not.toContain('secret words');
  });

  it('tells an allowed call with what it cost, by id, by its beginning, and by its settlement', async () => {
    const { home, allowed } = await makeDecisions();
    const { out } = await runCli(['explain', allowed], { home });
    expect(out).toContain(`Decision ${allowed}: allowed`);
    expect(out).toContain('block $0.03 per day: has room');
    expect(out).toContain(
      'attempt 1, answered: cost $0.013 (as billed by the provider); 100 tokens in, 500 out',
    );
    expect(out).not.toContain('What would have passed');
    expect((await runCli(['explain', allowed.slice(0, 8)], { home })).out).toBe(out);
    const settlementId = JSON.parse((await runCli(['explain', allowed, '--json'], { home })).out)
      .settlements[0].line;
    expect(settlementId).toBe(2);
  });

  it('--json has exactly the documented keys', async () => {
    const { home, blocked } = await makeDecisions();
    const { out } = await runCli(['explain', '--json'], { home });
    const story = JSON.parse(out);
    const cap = {
      action: 'block',
      window: 'per_day',
      scopeKey: 'tenantId=acme',
      tripped: true,
      heldUsd: '0',
      limitUsd: '0.03',
    };
    const text = expect.any(String);
    expect(story).toStrictEqual({
      decision: expect.objectContaining({ decisionId: blocked, action: 'block' }),
      receipt: {
        path: `${home}/acme/decisions.ndjson`,
        line: 3,
        sequence: 2,
        signerFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        entryHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      caps: [
        {
          ...cap,
          spentUsd: '0.013',
          addsUsd: text,
          totalUsd: text,
          overUsd: text,
          leftUsd: '0',
          resetsAt: text,
        },
      ],
      passes: { alternatives: [HAIKU], resetsAt: story.caps[0].resetsAt },
      attempts: [{ line: 3, attempt: 1, action: 'block' }],
      routes: [],
      settlements: [],
      verified: false,
    });
  });

  it('a call whose process died is told as open', async () => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    writer.add({ signer: fixedSigner(1) });
    await putLedger(home, writer.lines);
    expect((await runCli(['explain'], { home })).out).toContain(
      'not settled: still running, or its process died',
    );
  });

  it.each([
    ['an id that nobody has', 'ffffffff-0000', 3, 'no decision "ffffffff-0000" is in the ledgers of'],
    ['a beginning that is too short', '0000', 3, 'no decision "0000"'],
    ['a beginning of several', '00000000', 3, '2 decisions start with "00000000"'],
  ])('%s ends with %s', async (_what, id, code, message) => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    for (let i = 0; i < 2; i++) writer.add({ signer: fixedSigner(1) });
    await putLedger(home, writer.lines);
    const result = await runCli(['explain', id], { home });
    expect(result.code).toBe(code);
    expect(result.err).toContain(message);
  });

  it('without a home, or with ledgers that have no decision: 3', async () => {
    expect((await runCli(['explain'], { home: '/nowhere' })).code).toBe(3);
    const home = await makeHome();
    await putLedger(home, []);
    expect((await runCli(['explain'], { home })).code).toBe(3);
  });

  it('rows that are not as expected, or hostile, are told without a stumble', async () => {
    const evil = 'x\u001b[2J\nDecision y: allowed\u202e';
    const strange: readonly JsonObject[] = [
      { action: 7, reasons: 'none', caps: {}, triggeredCap: [], actor: 'x', modelRequested: null },
      {
        action: evil,
        reasons: [evil, 3, evil],
        actor: { tenantId: evil },
        modelRequested: evil,
        modelResolved: evil,
      },
      {
        caps: [
          null,
          1,
          {},
          { limitUsd: '1', addsUsd: 'x' },
          {
            limitUsd: '1',
            addsUsd: '2',
            window: evil,
            action: evil,
            scopeKey: evil,
            resetsAt: evil,
            tripped: true,
          },
        ],
      },
      {
        refusal: { code: evil, alternatives: [evil, {}] },
        costBasis: { maxInputUsdPerToken: evil },
        expectedUsd: '1',
        reservedUsd: '-1',
      },
      {
        policyVersion: evil,
        policyId: evil,
        policyHash: evil,
        wouldAction: evil,
        wouldModel: evil,
        requiredCapability: evil,
      },
    ];
    for (const decision of strange) {
      const home = await makeHome();
      const writer = new LedgerWriter();
      writer.add({ signer: fixedSigner(1), decision });
      const { decisionId } = writer.receipts[0]!.decision;
      const settlement = {
        entryType: 'settlement',
        originalDecisionId: decisionId!,
        decisionId: 's',
        costSource: evil,
        outcome: evil,
        actualUsd: evil,
        servedModel: evil,
      };
      writer.add({ signer: fixedSigner(1), decision: settlement });
      await putLedger(home, writer.lines);
      for (const isTerminal of [true, false]) {
        const { code, out, err } = await runCli(['explain'], { home, isTerminal });
        expect({ code, err }).toEqual({ code: 0, err: '' });
        expect(findControls(out)).toEqual([]);
        expect(stripColors(out).match(/^Decision /gm)).toHaveLength(1);
      }
    }
  });
});
