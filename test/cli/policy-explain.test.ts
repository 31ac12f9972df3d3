import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PolicyRule, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { HAIKU, OPUS, policyOf } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { putPriceTable } from './price-table.js';
import { findControls, runCli } from './run-cli.js';

const BLOCK: SpendCap = { amountCents: 500, window: 'per_day', action: 'block', reason: 'ceiling' };
const AT = '2026-10-07T12:00:00Z';
const ASK = ['--model', OPUS, '--input-tokens', '1000', '--max-output-tokens', '1000', '--at', AT];

async function start(caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}) {
  const home = await makeHome();
  await putPriceTable(home);
  await writeFile(join(home, 'policy.json'), JSON.stringify(policyOf(caps, more)));
  const run = (...argv: string[]) =>
    runCli(['policy', 'explain', 'policy.json', ...argv], { home, cwd: home });
  const json = async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).out);
  return { home, run, json };
}

describe('policy explain', () => {
  it('tells each cap with its arithmetic, and the decision', async () => {
    const { run } = await start([BLOCK, { ...BLOCK, amountCents: 1, window: 'per_call', action: 'shadow' }]);
    const { code, out, err } = await run(...ASK);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('If this were asked at 2026-10-07T12:00:00.000Z, of the policy test:');
    expect(out).toContain('counters: there is no ledger, so nothing was spent');
    expect(out).toContain('block $5.00 per day: has room');
    // 1,000 tokens at $5 and 1,000 at $25 per million.
    expect(out).toMatch(/this call, its upper bound\s+\$0\.03\n/);
    expect(out).toContain('shadow $0.01 per call "ceiling": no room');
    expect(out).toContain('passed, in shadow');
    expect(out).not.toContain('What became of it');
  });

  it('tells of each rule whether it decides, and why the others do not', async () => {
    const rules: readonly PolicyRule[] = [
      { effect: 'deny', action: '*', resource: 'model/*:free' },
      { effect: 'allow', action: 'embedding.generate', resource: 'model/*' },
      {
        effect: 'allow',
        action: '*',
        resource: 'model/*',
        when: { hours: '18:00-08:00', weekdays: ['wed'] },
      },
      {
        effect: 'allow',
        action: '*',
        resource: 'model/*',
        when: { maxInputUsdPerMtok: 4.99, maxInputTokens: 1000 },
      },
      {
        effect: 'allow',
        action: '*',
        resource: 'model/*',
        when: { scope: { userId: 'alice' }, capability: 'data_write' },
      },
      { effect: 'deny', action: '*', resource: 'model/anthropic/*' },
      { effect: 'allow', action: '*', resource: 'model/*' },
    ];
    const { run, json } = await start([BLOCK], { rules });
    const { out } = await run(...ASK);
    expect(out.match(/^ {2}rules.*$/gm)).toEqual([
      '  rules[0] deny model/*:free: is about other models',
      '  rules[1] allow model/*: is about embedding.generate calls',
      '  rules[2] allow model/*: does not hold: when.hours',
      '  rules[3] allow model/*: does not hold: when.maxInputUsdPerMtok',
      '  rules[4] allow model/*: does not hold: when.scope, when.capability',
      '  rules[5] deny model/anthropic/*: decides',
      '  rules[6] allow model/*: would match too, but rules[5] comes first',
    ]);
    expect(out).toContain('caps[0]: the call was refused before caps were looked at');
    expect(out).toContain('refused; nothing was sent');
    const alice = await json(...ASK, '--user', 'alice', '--capability', 'data_write');
    expect(alice.rules.map((one: { decides: boolean }) => one.decides).indexOf(true)).toBe(4);
    expect(alice.decision.action).toBe('allow');
  });

  it('tells whom rules about providers let OpenRouter ask', async () => {
    const rules: readonly PolicyRule[] = [
      { effect: 'deny', action: '*', resource: 'provider/azure' },
      { effect: 'allow', action: '*', resource: 'provider/*' },
      { effect: 'allow', action: '*', resource: 'model/*' },
    ];
    const { run } = await start([BLOCK], { rules });
    const { out } = await run(...ASK);
    expect(out).toContain('  rules[1] allow provider/*\n  sent on as provider.ignore: azure\n');
    expect(out).toContain('  rules[2] allow model/*: decides');
  });

  it('tells of a downgrade to which model, and of caps that count other calls', async () => {
    const caps: readonly SpendCap[] = [
      { ...BLOCK, amountCents: 1, action: 'downgrade', downgradeTo: HAIKU },
      { ...BLOCK, selector: { userId: 'bob' } },
      { ...BLOCK, selector: { teamId: 'x' } },
    ];
    const { run, json } = await start(caps);
    const { out } = await run(...ASK, '--user', 'alice');
    expect(out).toContain(`${OPUS} → ${HAIKU}`);
    expect(out).toContain('caps[1]: counts tenantId=acme/userId=bob; the call has userId "alice"');
    expect(out).toContain('caps[2]: counts tenantId=acme/teamId=x; the call has no teamId');
    expect((await json(...ASK)).decision).toMatchObject({ action: 'downgrade', modelResolved: HAIKU });
  });

  it('counts what the ledger says, and writes nothing', async () => {
    const { home, run, json } = await start([BLOCK]);
    const guard = new SpendGuard({
      policy: policyOf([BLOCK]),
      config: { home, clock: () => Date.parse(AT) },
    });
    const allowed = await guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 });
    await guard.settle(allowed, { costUsd: '4.98' });
    await guard.close();
    const before = await Promise.all([
      readFile(join(home, 'acme/decisions.ndjson')),
      readdir(home),
      readdir(join(home, 'acme')),
    ]);
    const found = await json(...ASK);
    expect(found.counters).toEqual({ path: join(home, 'acme/decisions.ndjson'), rows: 2 });
    expect(found.decision).toMatchObject({ action: 'block', refusal: { code: 'cap_exceeded' } });
    expect(found.caps[0]).toMatchObject({ spentUsd: '4.98', addsUsd: '0.03', tripped: true });
    expect((await run(...ASK)).code).toBe(0);
    const nextDay = await json(...ASK.slice(0, -1), '2026-10-08T12:00:00Z');
    expect(nextDay.decision.action).toBe('allow');
    const after = await Promise.all([
      readFile(join(home, 'acme/decisions.ndjson')),
      readdir(home),
      readdir(join(home, 'acme')),
    ]);
    expect(after).toEqual(before);
  });

  it('says the same as the guard that is asked next', async () => {
    const caps: readonly SpendCap[] = [{ ...BLOCK, amountCents: 5, per: 'userId' }];
    const { home, json } = await start(caps);
    const clock = () => Date.parse(AT);
    const guard = new SpendGuard({
      policy: policyOf(caps),
      scope: { tenantId: 'acme', userId: 'a' },
      config: { home, clock, waitForHoldsMs: 0 },
    });
    for (let i = 0; i < 3; i++) {
      const said = await json(...ASK, '--user', 'a');
      const call = { model: OPUS, inputTokens: 1000, maxOutputTokens: 1000 };
      await guard.decide(call).then(
        (allowed) => guard.settle(allowed, { costUsd: '0.02' }),
        () => {},
      );
      const rows = await readRows(home);
      const real = rows.findLast(({ decision }) => decision.entryType === undefined)?.decision;
      for (const key of [
        'action',
        'modelResolved',
        'reasons',
        'caps',
        'triggeredCap',
        'expectedUsd',
        'reservedUsd',
        'policyHash',
      ])
        expect([i, key, said.decision[key]]).toEqual([i, key, real?.[key]]);
    }
    await guard.close();
  });

  it('a stop of the ledger refuses the hypothetical call too', async () => {
    const { home, json } = await start([BLOCK]);
    const guard = new SpendGuard({ policy: policyOf([BLOCK]), config: { home } });
    await guard.release(await guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 }));
    await guard.close();
    expect((await runCli(['stop', '--scope', 'acme'], { home })).code).toBe(0);
    expect((await json(...ASK)).decision).toMatchObject({ action: 'block', refusal: { code: 'stopped' } });
  });

  it('notes that no price is known without a table, and refuses the call', async () => {
    const home = await makeHome();
    await writeFile(join(home, 'p.json'), JSON.stringify(policyOf([BLOCK])));
    const { code, out } = await runCli(['policy', 'explain', 'p.json', '--model', 'no/such'], {
      home,
      cwd: home,
    });
    expect(code).toBe(0);
    expect(out).toContain('note  no model has a known price: there is no price table');
    expect(out).toContain('refused; nothing was sent');
  });

  it('a policy with problems ends with 1, each problem told', async () => {
    const { run, json } = await start([{ ...BLOCK, window: 'per_dya' as never }]);
    const { code, out } = await run(...ASK);
    expect(code).toBe(1);
    expect(out).toContain('did you mean "per_day"?');
    expect(await json(...ASK)).toMatchObject({ ok: false, problems: [{ path: 'caps[0].window' }] });
  });

  it.each<[readonly string[], number]>([
    [[], 2],
    [['--model', ''], 2],
    [['--model', 'a/b', '--input-tokens', '-1'], 2],
    [['--model', 'a/b', '--max-output-tokens', '1.5'], 2],
    [['--model', 'a/b', '--at', 'tomorrow'], 2],
    [['--model', 'a/b', '--capability', 'root'], 2],
    [['--model', 'a/b', '--user', ''], 2],
    [['--model', 'a/b', '--key', 'k'], 2],
    [['--model', 'a/b', '--scope', 'other'], 2],
    [['--model', 'a/b', '--scope', 'acme'], 3],
  ])('%j ends with %i', async (argv, expected) => {
    const { run } = await start([BLOCK]);
    const { code, out, err } = await run(...argv);
    expect([code, out]).toEqual([expected, '']);
    expect(err).toMatch(/^agentguard: error: /);
  });

  it('shows hostile names without their controls', async () => {
    const { run } = await start([{ ...BLOCK, selector: { userId: 'x\u202ey' } }], { id: 'p\u202e' });
    const { out } = await run('--model', 'a/\u202eb');
    expect(findControls(out)).toEqual([]);
  });

  it('its JSON has exactly the documented keys', async () => {
    const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const example = JSON.parse(/```json explain-policy\n([\s\S]*?)\n```/.exec(docs)![1]!);
    const rules: readonly PolicyRule[] = [{ effect: 'allow', action: '*', resource: 'model/*' }];
    const { json } = await start([{ ...BLOCK, selector: { userId: 'bob' } }], { rules });
    const real = await json(...ASK);
    expect(Object.keys(real)).toEqual(Object.keys(example));
    for (const key of ['rules', 'skippedCaps'])
      expect(Object.keys(real[key][0])).toEqual(Object.keys(example[key][0]));
    expect(Object.keys(real.policy)).toEqual(Object.keys(example.policy));
  });
});
