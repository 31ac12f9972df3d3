/** The page when things around it go wrong: servers that die, browsers that are not let in, calls that are stopped. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeInBrowser, expectInnocent, launchChromium, openPage } from './chromium.js';
import {
  type Dashboard,
  makeCalls,
  makeDemoHome,
  makeEmptyHome,
  removeHome,
  runCommand,
  startDashboard,
} from './dashboard-process.js';

describeInBrowser('the dashboard and what is around it', () => {
  let home = '';
  let browser: Browser;

  beforeAll(async () => {
    [home, browser] = await Promise.all([makeDemoHome(60), launchChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await removeHome(home);
  });

  async function open(folder: string, port = 0): Promise<Dashboard> {
    const dashboard = await startDashboard(folder, port);
    onTestFinished(() => dashboard.kill());
    return dashboard;
  }

  it('says that the server is gone, and shows what happened meanwhile once it is back', async () => {
    const first = await open(home);
    const watched = await openPage(browser);
    const { page } = watched;
    await page.goto(first.link);
    await page.waitForSelector('.table-window .cell-action');
    await first.kill();
    await page.waitForSelector('.banner:has-text("Disconnected")');
    await makeCalls(home, 'meanwhile');
    await open(home, Number(new URL(first.url).port));
    await page.waitForSelector('.table-window .row[aria-rowindex="2"] .cell-user:has-text("meanwhile")');
    await page.waitForSelector('.banner:has-text("Disconnected")', { state: 'detached' });
    await makeCalls(home, 'afterwards');
    await page.waitForSelector('.table-window .row[aria-rowindex="2"] .cell-user:has-text("afterwards")');
    expectInnocent(watched);
  });

  it('tells a browser that is not let in what to type', async () => {
    const dashboard = await open(home);
    const { page } = await openPage(browser);
    await page.goto(dashboard.url);
    await page.waitForSelector('.banner:has-text("agentguard serve")');
    expect(await page.locator('.table-window .cell-action').count()).toBe(0);
  });

  it('shows an empty home the lines that make the first receipt', async () => {
    const empty = await makeEmptyHome();
    onTestFinished(() => removeHome(empty));
    const dashboard = await open(empty);
    const watched = await openPage(browser);
    await watched.page.goto(dashboard.link);
    expect(await watched.page.locator('.empty pre').innerText()).toContain('withSpendGuard');
    expectInnocent(watched);
  });

  it('keeps two dashboards on two ports apart, in one browser', async () => {
    const other = await makeDemoHome(20);
    onTestFinished(() => removeHome(other));
    const [one, two] = await Promise.all([open(home), open(other)]);
    const { page, context } = await openPage(browser);
    const second = await context.newPage();
    await page.goto(one.link);
    await second.goto(two.link);
    await second.waitForSelector('.table-foot:has-text("20 decisions")');
    await page.reload();
    await page.waitForSelector('.table-window .cell-action');
    await makeCalls(other, 'neighbour');
    await second.waitForSelector('.table-window .row:has-text("neighbour")');
    expect(await page.locator('.table-window .row:has-text("neighbour")').count()).toBe(0);
  });

  it('feeds all tabs from one stream, and goes on when the tab that reads it is closed', async () => {
    const dashboard = await open(home);
    const { page, context } = await openPage(browser);
    let streams = 0;
    context.on('request', (request) => {
      if (request.url().endsWith('/api/events')) streams++;
    });
    await page.goto(dashboard.link);
    await page.waitForSelector('.table-window .cell-action');
    const second = await context.newPage();
    await second.goto(dashboard.url);
    await second.waitForSelector('.table-window .cell-action');
    expect(streams).toBe(1);
    await makeCalls(home, 'shared');
    await second.waitForSelector('.table-window .row:has-text("shared")');
    await page.close();
    await makeCalls(home, 'inherited');
    await second.waitForSelector('.table-window .row:has-text("inherited")');
    expect(streams).toBe(2);
  });

  it('shows a stop on every screen', async () => {
    await runCommand(home, 'stop', '--scope', 'acme', '--reason', 'a test of the brakes');
    const dashboard = await open(home);
    const { page } = await openPage(browser);
    await page.goto(dashboard.link);
    for (const screen of ['Spend', 'Integrity', 'Policies', 'Live']) {
      await page.click(`.tabs a:has-text("${screen}")`);
      expect(await page.locator('.banner-block').innerText()).toContain('a test of the brakes');
    }
  });
});
