/** The verify page in Chromium: gives it files and reads what it says. */
import type { Page } from 'playwright-core';

/** What the page shows, as the command line would say it. */
export interface Shown {
  readonly verdicts: Readonly<Record<string, string>>;
  /** `CODE@line` of each problem, sorted. */
  readonly problems: readonly string[];
  readonly text: string;
}

/** Drops files on an empty page, types keys, and waits for the answer. */
export async function verifyInPage(
  page: Page,
  files: readonly string[],
  keys: readonly string[] = [],
): Promise<Shown> {
  await page.evaluate(() => {
    for (const button of document.querySelectorAll('button'))
      if (button.textContent === 'Start over') button.click();
  });
  await page.locator('.proof-result').waitFor({ state: 'detached' });
  await page.fill('#key', keys.join('\n'));
  await page.setInputFiles('input[type=file]', [...files]);
  // A hundred thousand rows take longer than the browser's driver usually waits.
  await page.locator('.proof-result').waitFor({ timeout: 120_000 });
  return readResult(page);
}

/** What the page shows now. */
export function readResult(page: Page): Promise<Shown> {
  return page.evaluate(() => {
    const verdicts = Array.from(document.querySelectorAll<HTMLElement>('[data-verdict]'), (card) => [
      card.dataset.verdict ?? '',
      card.dataset.answer ?? '',
    ]);
    const problems = Array.from(document.querySelectorAll<HTMLElement>('[data-code]'), (item) => {
      return `${item.dataset.code}@${item.dataset.line}`;
    });
    return {
      verdicts: Object.fromEntries(verdicts),
      problems: problems.toSorted(),
      text: document.querySelector<HTMLElement>('main')?.innerText ?? '',
    };
  });
}
