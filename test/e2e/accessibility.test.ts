/** WCAG A and AA, by axe, on each screen in both themes; and no screen wider than a small phone. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeInBrowser, expectInnocent, launchChromium, openPage, type WatchedPage } from './chromium.js';
import { type Dashboard, makeDemoHome, removeHome, startDashboard } from './dashboard-process.js';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const SCREENS: Readonly<Record<string, readonly [string, string]>> = {
  live: ['/', '.table-window .cell-action'],
  spend: ['/?view=spend', '.chart canvas'],
  integrity: ['/?view=integrity', '.ledger'],
  policies: ['/?view=policies', '.policy'],
};

describeInBrowser('each screen', () => {
  let home = '';
  let dashboard: Dashboard;
  let browser: Browser;
  let axe = '';
  let watched: WatchedPage;

  beforeAll(async () => {
    [home, browser] = await Promise.all([makeDemoHome(120), launchChromium()]);
    dashboard = await startDashboard(home);
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    watched = await openPage(browser);
    await watched.page.goto(dashboard.link);
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.kill();
    await removeHome(home);
  });

  it.each(
    Object.keys(SCREENS).flatMap((screen) =>
      (['light', 'dark'] as const).map((theme) => ({ screen, theme })),
    ),
  )('$screen, $theme: axe finds nothing', async ({ screen, theme }) => {
    const [path, mark] = SCREENS[screen]!;
    const { page } = watched;
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(dashboard.url.replace(/\/$/, '') + path);
    await page.waitForSelector(mark);
    if (screen === 'integrity') {
      await page.click('.bring summary');
      await page.click('button:has-text("Verify every row")');
      await page.waitForSelector('.held');
    }
    expect(await runAxe(page, axe)).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'a verified receipt and the help card, %s: axe finds nothing',
    async (theme) => {
      const { page } = watched;
      await page.emulateMedia({ colorScheme: theme });
      await page.goto(dashboard.url);
      await page.click('.table-window .row[aria-rowindex="3"] .cell-time');
      await page.click('button:has-text("Verify in this browser")');
      await page.waitForSelector('.verdict');
      expect(await runAxe(page, axe)).toEqual([]);
      await page.keyboard.press('?');
      await page.waitForSelector('.help[open]');
      expect(await runAxe(page, axe)).toEqual([]);
      await page.keyboard.press('Escape');
    },
  );

  it.each(Object.keys(SCREENS))('%s is no wider than 320 pixels', async (screen) => {
    const [path, mark] = SCREENS[screen]!;
    const { page } = watched;
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(dashboard.url.replace(/\/$/, '') + path);
    await page.waitForSelector(mark);
    if (screen === 'integrity') await page.click('.bring summary');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });

  it('says how many rows there are and which one is the current', async () => {
    const { page } = watched;
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(dashboard.url);
    await page.waitForSelector('.table-window .cell-action');
    const table = page.locator('[role="grid"]');
    expect(await table.getAttribute('aria-rowcount')).toBe('121');
    await page.keyboard.press('j');
    const current = await table.getAttribute('aria-activedescendant');
    expect(await page.locator(`#${current}`).getAttribute('aria-selected')).toBe('true');
  });

  it('did nothing that a page must not do', () => {
    expectInnocent(watched);
  });
});

/** Ids of rules that something breaks, with what does. */
async function runAxe(page: Page, axe: string): Promise<readonly string[]> {
  // The page's own policy forbids scripts in the page; the debugger's evaluation is not bound by it.
  await page.evaluate(axe);
  return page.evaluate(async (tags) => {
    interface Found {
      readonly violations: readonly {
        id: string;
        nodes: readonly { target: unknown; failureSummary: string }[];
      }[];
    }
    const { axe } = globalThis as unknown as { axe: { run(options: unknown): Promise<Found> } };
    const { violations } = await axe.run({ runOnly: tags });
    return violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary}`),
    );
  }, TAGS);
}
