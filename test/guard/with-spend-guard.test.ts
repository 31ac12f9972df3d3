import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { readRows } from '../helpers/home.js';

const sum = (rows: readonly { decision: Record<string, unknown> }[], source: string) =>
  rows.filter((row) => row.decision.costSource === source).length;

describe('a guarded client', () => {
  it('answers a plain call and leaves a decision and its settlement', async () => {
    const { guarded, home, standIn } = await openGuarded();
    const completion = await guarded.chat.completions.create(ASK);
    expect(completion.choices[0]?.message.content).toBeTruthy();
    const [decision, settlement, ...rest] = (await readRows(home)).map((row) => row.decision);
    expect(rest).toEqual([]);
    expect(decision).toMatchObject({
      action: 'allow',
      modelRequested: HAIKU,
      provider: 'openrouter',
      attempt: 1,
    });
    expect(settlement).toMatchObject({
      entryType: 'settlement',
      originalDecisionId: decision?.decisionId,
      costSource: 'provider',
      actualUsd: printUsd(standIn.bill.total()),
      partial: false,
    });
  });

  it('streams the same events and settles before the iteration ends', async () => {
    const { guarded, home, standIn } = await openGuarded();
    const stream = await guarded.chat.completions.create({ ...ASK, stream: true });
    let events = 0;
    for await (const _ of stream) events++;
    expect(events).toBeGreaterThan(2);
    const rows = await readRows(home);
    expect(sum(rows, 'provider')).toBe(1);
    expect(rows[1]?.decision.actualUsd).toBe(printUsd(standIn.bill.total()));
  });

  it('leaves the original client as it was', async () => {
    const { client, guarded, home } = await openGuarded();
    await guarded.chat.completions.create(ASK);
    await client.chat.completions.create(ASK);
    expect(await readRows(home)).toHaveLength(2);
    expect(guarded).toBeInstanceOf(OpenAI);
  });

  it('refuses with AgentGuardBlockedError before anything is sent', async () => {
    const { guarded, standIn, home } = await openGuarded({
      caps: [{ amountCents: '0.01', window: 'per_call', action: 'block', reason: 'too dear' }],
    });
    const error = await guarded.chat.completions.create({ ...ASK, model: OPUS }).catch((e) => e);
    expect(error).toBeInstanceOf(AgentGuardBlockedError);
    expect(error).toBeInstanceOf(OpenAI.OpenAIError);
    expect(error).not.toBeInstanceOf(OpenAI.APIError);
    expect(error.code).toBe('cap_exceeded');
    expect(standIn.requests).toHaveLength(0);
    const rows = await readRows(home);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.decision.action).toBe('block');
  });
});
