import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AlertEvent, GuardConfig } from '../../src/guard/options.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

/** 0.6 cents by bound and estimate. */
const CALL = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };
const CAP = {
  amountCents: 2,
  window: 'per_month',
  action: 'block',
  alertAt: [0.5, 0.9],
  reason: 'team',
} as const;

function openGuard(home: string, onAlert: GuardConfig['onAlert'], tenantId = 'acme') {
  setPrices();
  const policies = [policyOf([], { scope: { tenantId } }), policyOf([CAP], { scope: { tenantId } })];
  const guard = new SpendGuard({ policies, config: { home, waitForHoldsMs: 0, onAlert } });
  onTestFinished(() => guard.close());
  return guard;
}

describe('onAlert', () => {
  it('is called once for each level, by whichever of several guards crosses it, with what the receipt says', async () => {
    const home = await makeHome();
    const events: [string, AlertEvent][] = [];
    const first = openGuard(home, (event) => events.push(['first', event]));
    const second = openGuard(home, (event) => events.push(['second', event]));
    const one = await first.decide(CALL);
    expect(events).toEqual([]);
    await second.decide(CALL);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject([
      'second',
      {
        alert: {
          policy: 1,
          index: 0,
          threshold: '0.5',
          spentUsd: '0.012',
          limitUsd: '0.02',
          window: 'per_month',
          scopeKey: 'tenantId=acme',
          reason: 'team',
        },
        receipt: { sequence: 1 },
      },
    ]);
    await first.settle(one, { costUsd: 0 });
    await first.decide(CALL);
    await second.decide(CALL).catch(() => undefined);
    expect(events.map(([guard, { alert }]) => [guard, alert.threshold])).toEqual([
      ['second', '0.5'],
      ['second', '0.9'],
    ]);
    const rows = await readRows(home);
    expect(rows.map(({ decision }) => (decision.alerts as unknown[] | undefined)?.length ?? 0)).toEqual([
      0, 1, 0, 0, 1,
    ]);
  });

  it('that throws or rejects fails no call, and is warned about', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const guard = openGuard(await makeHome(), (async () => {
      throw new Error('pager is down');
    }) as () => void);
    for (let call = 0; call < 3; call++) await guard.decide(CALL);
    await Promise.resolve();
    expect(warn.mock.calls.map(([error]) => String(error))).toEqual(
      expect.arrayContaining(['Error: pager is down']),
    );
  });
});
