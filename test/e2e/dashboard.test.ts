/** The dashboard's page in a real browser, on the real server, over ledgers that real guards wrote. */
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeInBrowser, expectInnocent, launchChromium, openPage, type WatchedPage } from './chromium.js';
import {
  type Dashboard,
  makeCalls,
  makeDemoHome,
  removeHome,
  runCommand,
  startDashboard,
} from './dashboard-process.js';
import { HOSTILE, writeHostileLedger, writeTamperedLedger } from './odd-ledgers.js';

const CALLS = 400;

describeInBrowser('the dashboard', () => {
  let home = '';
  let dashboard: Dashboard;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    home = await makeDemoHome(CALLS);
    await writeHostileLedger(home);
    await writeTamperedLedger(home);
    [dashboard, browser] = await Promise.all([startDashboard(home), launchChromium()]);
    watched = await openPage(browser);
    page = watched.page;
    await page.goto(dashboard.link);
    await page.waitForSelector('.table-window .cell-action');
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.kill();
    await removeHome(home);
  });
  beforeEach(async () => {
    if (new URL(page.url()).search !== '') await page.goto(dashboard.url);
    await page.waitForSelector('.table-window .cell-action');
  });

  /** How many decisions the list says it has. */
  async function readTotal(): Promise<number> {
    const text = await page.locator('.table-foot .num').innerText();
    return Number(text.replace(/\D/g, ''));
  }
  /** Resolves once the list is that of the filter. */
  async function waitForList(q: string): Promise<void> {
    await page.waitForFunction(
      (text) => document.querySelector('.table-frame')?.getAttribute('data-q') === text,
      q,
    );
  }
  async function setFilter(q: string): Promise<void> {
    await page.fill('.filter-input', q);
    await waitForList(q);
  }

  it('shows a call of another process without being asked', async () => {
    await makeCalls(home, 'newcomer');
    await page.waitForSelector('.table-window .row[aria-rowindex="2"] .cell-user:has-text("newcomer")');
    await page.waitForSelector('.table-window .row[aria-rowindex="2"] .cell-cost:has-text("$0.0001")');
  });

  it('holds new rows back while paused, and says how many wait', async () => {
    await page.click('button:has-text("Pause")');
    await makeCalls(home, 'latecomer', 3);
    await page.waitForSelector('.pill:has-text("3 new")');
    expect(await page.locator('.table-window .row:has-text("latecomer")').count()).toBe(0);
    await page.click('.pill');
    await page.waitForSelector('.table-window .row:has-text("latecomer")');
    await page.click('button:has-text("Resume")');
  });

  it('filters while one types', async () => {
    await setFilter('scope:acme action:block');
    await page.waitForSelector('.table-window .tag-block');
    expect(await page.locator('.table-window .tag-allow').count()).toBe(0);
    const total = await readTotal();
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThan(CALLS);
  });

  it('marks what does not parse at its place, and keeps the list', async () => {
    const total = await readTotal();
    await page.fill('.filter-input', 'scope:acme akshun:block');
    expect(await page.locator('.filter-mirror mark').innerText()).toContain('akshun');
    expect(await page.locator('.filter-problem').innerText()).toContain('action');
    expect(await readTotal()).toBe(total);
    await page.fill('.filter-input', '');
  });

  it('suggests fields and values that are there', async () => {
    await page.fill('.filter-input', 'te');
    await page.waitForSelector('.suggestions li:has-text("team:")');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.suggestions li:has-text("team:research")');
    await page.click('.suggestions li:has-text("team:research")');
    await page.waitForURL(/q=team%3Aresearch/);
  });

  it('filters by a cell that is clicked, and leaves a value out with Alt', async () => {
    await setFilter('scope:acme team:support');
    const cell = page.locator('.table-window .row[aria-rowindex="2"] .cell-user .value');
    const user = await cell.innerText();
    await cell.click();
    await page.waitForURL((url) => url.searchParams.get('q') === `scope:acme team:support user:${user}`);
    await page.click('.facet:has-text("Task") button >> nth=0', { modifiers: ['Alt'] });
    await page.waitForURL((url) => / -task:/.test(url.searchParams.get('q') ?? ''));
  });

  it('is restored from its address, and steps back', async () => {
    await setFilter('scope:acme team:research action:block');
    const total = await readTotal();
    const other = await watched.context.newPage();
    await other.goto(page.url());
    await other.waitForFunction(
      (count) => document.querySelector('.table-foot .num')?.textContent?.startsWith(`${count} `),
      total,
    );
    expect(await other.inputValue('.filter-input')).toBe('scope:acme team:research action:block');
    await other.close();
    await page.click('.tabs a:has-text("Spend")');
    await page.waitForSelector('.spend .cards');
    await page.goBack();
    await page.waitForSelector('.table');
    expect(await page.inputValue('.filter-input')).toBe('scope:acme team:research action:block');
  });

  it('needs no mouse: filter, walk, open, verify, close, change screens', async () => {
    const { keyboard } = page;
    await page.locator('.table').focus();
    await keyboard.press('/');
    await keyboard.type('scope:acme state:settled ');
    await page.waitForURL(/settled/);
    await keyboard.press('Enter');
    for (const key of ['j', 'j', 'ArrowDown', 'k']) await keyboard.press(key);
    expect(await page.locator('.row.is-selected').getAttribute('aria-rowindex')).toBe('3');
    await keyboard.press('Enter');
    await page.waitForSelector('.receipt .headline');
    await keyboard.press('v');
    await page.waitForSelector('.verdict-yes');
    await keyboard.press('Escape');
    await page.waitForSelector('.receipt', { state: 'detached' });
    await keyboard.press('?');
    await page.waitForSelector('.help[open]');
    await keyboard.press('Escape');
    await page.waitForSelector('.help[open]', { state: 'detached' });
    for (const [key, mark] of [
      ['2', '.spend .cards'],
      ['3', '.ledger'],
      ['4', '.policy'],
      ['1', '.table'],
    ] as const) {
      await keyboard.press(key);
      await page.waitForSelector(mark);
    }
  });

  it('shows a row in context: without the filter, in its place', async () => {
    await setFilter('scope:acme action:block');
    await page.keyboard.press('Enter');
    await page.keyboard.press('End');
    await page.keyboard.press('c');
    await page.waitForURL((url) => url.searchParams.get('q') === null);
    await waitForList('');
    await page.waitForSelector('.row.is-selected.is-block');
    expect(await readTotal()).toBeGreaterThan(CALLS);
  });

  it('verifies a receipt in the browser, each step shown', async () => {
    await setFilter('scope:acme state:settled');
    await page.click('.table-window .row[aria-rowindex="4"] .cell-time');
    await page.click('button:has-text("Verify in this browser")');
    await page.waitForSelector('.verdict-yes');
    expect(await page.locator('.step-yes').count()).toBe(7);
    expect(await page.locator('.steps').innerText()).toContain('checked by this browser');
  });

  it('refuses a receipt that was changed, at the step that shows it', async () => {
    await setFilter('scope:tampered user:mallory');
    await page.click('.table-window .row[aria-rowindex="2"] .cell-time');
    await page.click('button:has-text("Verify in this browser")');
    await page.waitForSelector('.verdict-no');
    expect(await page.locator('.step-no').allInnerTexts()).toEqual([
      expect.stringContaining('Hash'),
      expect.stringContaining('Signature'),
    ]);
    expect(await page.locator('.verify').innerText()).toContain('HASH_MISMATCH');
  });

  it('verifies every row of a ledger, and names the one that was changed', async () => {
    await page.click('.tabs a:has-text("Integrity")');
    for (const scope of ['acme', 'tampered'])
      await page.click(`.ledger[aria-label="Ledger ${scope}"] button:has-text("Verify every row")`);
    await page.waitForSelector('.ledger[aria-label="Ledger acme"] .answer-yes:has-text("contiguous")');
    const problems = page.locator('.ledger[aria-label="Ledger tampered"] .problems');
    expect(await problems.innerText()).toMatch(/line 3\s*HASH_MISMATCH/);
    await problems.locator('button').first().click();
    await page.waitForSelector('.receipt:has-text("mallory")');
    await page.click('.tabs a:has-text("Live")');
  });

  it('holds a ledger against the policies it names, a checkpoint that was brought and a key that was typed', async () => {
    const kept = await runCommand(home, 'checkpoint', '--scope', 'acme', '--to', '-');
    await page.goto(`${dashboard.url}?view=integrity`);
    const card = page.locator('.ledger[aria-label="Ledger acme"]');
    const verify = async (): Promise<Record<string, string>> => {
      await card.getByText('Verify every row').click();
      await card.locator('.run').waitFor({ state: 'detached' });
      await card.locator('.answer').first().waitFor();
      return Object.fromEntries(
        (await card.locator('.answer dt').allInnerTexts()).map((text) => text.trim().split(/\s+/)),
      );
    };
    expect(await verify()).toMatchObject({ lawful: 'yes', complete: 'unknown', authentic: 'unknown' });
    await page.click('.bring summary');
    await page.setInputFiles('.bring input[type=file]', [
      { name: 'kept.txt', mimeType: 'text/plain', buffer: Buffer.from(kept) },
      { name: '<img src=x>.txt', mimeType: 'text/plain', buffer: Buffer.from('agentguard/no checkpoint') },
    ]);
    const key = (await card.locator('td code[title]').getAttribute('title')) ?? '';
    await page.fill('#signer-key', key);
    expect(await verify()).toMatchObject({ lawful: 'yes', complete: 'yes', authentic: 'yes' });
    expect(await card.locator('.held .bad').innerText()).toContain('<img src=x>.txt');
    await page.fill('#signer-key', 'ab'.repeat(32));
    expect(await verify()).toMatchObject({ complete: 'yes', authentic: 'no' });
    await page.fill('#signer-key', key.slice(0, 16));
    expect(await page.locator('#signer-key-says').innerText()).toContain('fingerprint');
  });

  it.each(['csv', 'json', 'ndjson'] as const)(
    'exports exactly what the filter selects, as %s',
    async (format) => {
      await setFilter('scope:acme action:block');
      const total = await readTotal();
      await page.click('.menu > summary');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click(`.menu-list a:has-text("${format.toUpperCase()}")`),
      ]);
      const text = await readFile(await download.path(), 'utf8');
      expect(countExported(text, format)).toBe(total);
    },
  );

  it('shows hostile texts as texts', async () => {
    await setFilter('scope:hostile');
    expect(await readTotal()).toBe(HOSTILE.length);
    await page.click('.table-window .row[aria-rowindex="2"] .cell-time');
    await page.waitForSelector('.receipt .headline');
    const text = await page.locator('#app').innerText();
    expect(text).toContain('<img src=x onerror=alert(1)>');
    expect(text).toContain('\\u202e');
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    expect(await page.locator('#app :is(script, img, iframe, a[href^="javascript"])').count()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  });

  it('did nothing that a page must not do', () => {
    expectInnocent(watched);
  });
});

function countExported(text: string, format: 'csv' | 'json' | 'ndjson'): number {
  if (format === 'json') return (JSON.parse(text) as unknown[]).length;
  const lines = text.trimEnd().split('\n').length;
  return format === 'csv' ? lines - 1 : lines;
}
