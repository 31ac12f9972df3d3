/** A snapshot: the dashboard of a period from disk with the network off, with the sums of `report` and rows that verify. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { putLedger, runCli } from '../cli/run-cli.js';
import { describeInBrowser, expectInnocent, launchChromium, openPage } from './chromium.js';
import { makeDemoHome, removeHome, runCommand } from './dashboard-process.js';

describeInBrowser('a snapshot', () => {
  let browser: Browser;
  let home = '';
  let work = '';
  let year = '';

  beforeAll(async () => {
    browser = await launchChromium();
    work = await mkdtemp(join(tmpdir(), 'agentguard-snapshot-'));
    home = await makeDemoHome(60);
    const ledger = await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8');
    year = String(JSON.parse(ledger.split('\n')[0]!).decision.timestamp).slice(0, 4);
    await runCommand(home, 'snapshot', '--period', year, '--out', join(work, 'year.html'));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await removeHome(home);
    await rm(work, { recursive: true });
  });

  it('shows, filters and verifies its rows offline, as many calls as report counts', async () => {
    const watched = await openPage(browser, { offline: true });
    const { page } = watched;
    await page.goto(`file://${join(work, 'year.html')}`);
    await page.getByText(`snapshot of ${year}`).waitFor();
    const report = JSON.parse(await runCommand(home, 'report', '--period', year, '--json'));
    await page.getByText(`${report.calls} decisions`, { exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('action:block');
    await page.keyboard.press('Enter');
    await page.getByText('filtered').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`file://${join(work, 'year.html')}`);
    await page.getByText(`${report.calls} decisions`, { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Integrity' }).click();
    await page.getByText('Verify every row').click();
    await page.getByText('rows checked in').waitFor();
    expect(await page.locator('main').innerText()).toMatch(/contiguous yes/);
    expectInnocent(watched);
    await watched.context.close();
  }, 30_000);

  it('notices a row that somebody changed inside the file', async () => {
    const watched = await openPage(browser, { offline: true });
    const { page } = watched;
    const changed = await mkdtemp(join(tmpdir(), 'agentguard-snapshot-home-'));
    const ledger = await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8');
    const lines = ledger.trimEnd().split('\n');
    await putLedger(changed, lines.with(9, lines[9]!.replace('"decision":{', '"decision":{"a":1,')));
    await runCommand(changed, 'snapshot', '--period', year, '--out', join(work, 'changed.html'));
    await page.goto(`file://${join(work, 'changed.html')}`);
    await page.getByRole('link', { name: 'Integrity' }).click();
    await page.getByText('Verify every row').click();
    await page.getByText('HASH_MISMATCH').first().waitFor();
    expectInnocent(watched);
    await watched.context.close();
    await rm(changed, { recursive: true });
  }, 30_000);

  it('that was cut off says so', async () => {
    const whole = await readFile(join(work, 'year.html'), 'utf8');
    const path = join(work, 'cut.html');
    await writeFile(path, whole.replace(/(id="snapshot">.{200})[^<]*/, '$1'));
    const watched = await openPage(browser, { offline: true });
    await watched.page.goto(`file://${path}`);
    await watched.page.getByText('holds no snapshot').waitFor();
    expectInnocent(watched);
    await watched.context.close();
  });

  it.each([
    ['no period', ['--out', 'x.html'], 2],
    ['no file', ['--period', '2026-10'], 2],
    ['a period of nonsense', ['--period', 'october', '--out', 'x.html'], 2],
    ['a period without rows', ['--period', '1999-01', '--out', 'x.html'], 3],
    ['a scope that is not there', ['--period', '2026', '--scope', 'nobody', '--out', 'x.html'], 3],
  ])('is not made with %s', async (_what, argv, code) => {
    const result = await runCli(['snapshot', ...argv], { home, cwd: work });
    expect({ code: result.code, out: result.out }).toEqual({ code, out: '' });
  });
});
