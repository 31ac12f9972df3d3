/** The installed Chromium, with pages that notice what a page must never do. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { describe, expect } from 'vitest';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const CHROMIUM = process.env.AGENTGUARD_CHROMIUM ?? PLACES.find((path) => existsSync(path));

/** Skipped, and listed at the end of the run, where no Chromium is installed; in CI that is a failure. */
export const describeInBrowser = CHROMIUM === undefined && !process.env.CI ? describe.skip : describe;

/** @param more arguments for the browser itself */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('no Chromium is installed: apt-get install chromium');
  const args = ['--no-sandbox', '--disable-dev-shm-usage', ...more];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** A page and everything it did that it must not do. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Content policy violations, errors of scripts, and requests that left the origin. */
  readonly offences: string[];
}

export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  const offences: string[] = [];
  page.on('pageerror', (error) => offences.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy|trusted ?type/i.test(message.text()))
      offences.push(`policy: ${message.text()}`);
  });
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (/^https?:$/.test(protocol) && !['localhost', '127.0.0.1'].includes(hostname))
      offences.push(request.url());
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return { page, context, offences };
}

/** What the page must never do, it did not. */
export function expectInnocent({ offences }: WatchedPage): void {
  expect(offences).toEqual([]);
}
