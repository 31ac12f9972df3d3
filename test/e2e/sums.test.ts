/** One amount everywhere: what the provider billed, what the ledger says, what the command line and the page show. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseUsd, printUsd, showUsd } from '../../src/core/money.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { ASK, HAIKU, OPUS, openGuarded } from '../helpers/guarded-client.js';
import { describeInBrowser, expectInnocent, launchChromium, openPage } from './chromium.js';
import { runCommand, startDashboard } from './dashboard-process.js';

const USERS = ['alice', 'bob', 'carol'];
const CALLS = 12;

describeInBrowser('the sums of real calls', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it('are the same on the page, in the report, in the export, and on the bill', async () => {
    const { home, standIn, guarded } = await openGuarded({
      caps: [
        { maxRequests: 10, window: 'per_day', action: 'block', reason: 'ten calls' },
        { amountCents: 5000, window: 'per_day', action: 'block' },
      ],
      config: { durability: 'process' },
    });
    let blocked = 0;
    for (let call = 0; call < CALLS; call++) {
      const userId = USERS[call % USERS.length]!;
      const body = { ...ASK, model: call % 4 === 0 ? OPUS : HAIKU, max_tokens: 10 + call * 7 };
      await guarded.$guard
        .with({ userId })
        .chat.completions.create(body)
        .catch((error: unknown) => {
          if (!(error instanceof AgentGuardBlockedError)) throw error;
          blocked++;
        });
    }
    await standIn.idle();
    await guarded.$guard.close();
    const bill = printUsd(standIn.bill.total());
    expect(blocked).toBe(2);
    expect(parseUsd(bill)).toBeGreaterThan(0n);

    const report = JSON.parse(await runCommand(home, 'report', '--by', 'user', '--json'));
    expect(report).toMatchObject({ calls: CALLS, blocked, settledUsd: bill, billedUsd: bill, heldUsd: '0' });
    const rows = JSON.parse(await runCommand(home, 'export', '--format', 'json')) as { actualUsd: string }[];
    expect(printUsd(rows.reduce((sum, { actualUsd }) => sum + (parseUsd(actualUsd) ?? 0n), 0n))).toBe(bill);

    const dashboard = await startDashboard(home);
    const watched = await openPage(browser);
    try {
      await watched.page.goto(dashboard.link);
      const figures = await readFigures(watched.page);
      expect(figures).toMatchObject({
        Calls: { shown: String(CALLS) },
        Settled: { exact: showUsd(standIn.bill.total()) },
        Held: { exact: showUsd(0n) },
        Blocked: { shown: String(blocked) },
      });
      await watched.page.goto(`${dashboard.url}?view=spend&by=user`);
      const list = watched.page.locator('.top-list:has-text("Dearest by user") button');
      await list.first().waitFor();
      const users = Object.fromEntries(
        await list.evaluateAll((buttons) =>
          buttons.map((button) => [
            button.querySelector('bdi')?.textContent,
            (button as HTMLButtonElement).title.split(' ')[0],
          ]),
        ),
      );
      expect(users).toEqual(
        Object.fromEntries(
          report.groups.map(({ key, settledUsd }: { key: string[]; settledUsd: string }) => [
            key[0],
            showUsd(parseUsd(settledUsd) ?? 0n),
          ]),
        ),
      );
      expectInnocent(watched);
    } finally {
      await watched.context.close();
      await dashboard.kill();
    }
  }, 30_000);
});

async function readFigures(page: Page): Promise<Record<string, { exact: string; shown: string }>> {
  await page.waitForSelector('.strip .figure-value[title]');
  await page.waitForFunction(() => !document.querySelector('.strip')?.textContent?.includes('…'));
  return page.locator('.strip .figure').evaluateAll((figures) =>
    Object.fromEntries(
      figures.map((figure) => {
        const value = figure.querySelector<HTMLElement>('.figure-value');
        return [
          figure.querySelector('dt')?.textContent,
          { exact: value?.title ?? '', shown: value?.innerText ?? '' },
        ];
      }),
    ),
  );
}
