/**
 * Makes the pictures of docs/images from demo data: node web/screenshots.mjs [folder], after `npm run build`.
 * With a folder it makes every screen at every width in both themes, to be looked at.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SIZES = { 1440: 900, 768: 1000, 360: 740 };
const folder = process.argv[2];
const home = await mkdtemp(join(tmpdir(), 'agentguard-pictures-'));
await run('test/e2e/fixtures/demo-home.mjs', home, '600');
const server = spawn(process.execPath, [
  join(ROOT, 'bin/agentguard.js'),
  'serve',
  '--home',
  home,
  '--no-open',
  '--json',
  '--port',
  '0',
]);
const browser = await chromium.launch({
  executablePath: process.env.AGENTGUARD_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const { link } = JSON.parse(await new Promise((resolve) => server.stdout.once('data', resolve)));
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  if (folder) await takeAll(page, folder);
  else await takeForReadme(page);
} finally {
  await browser.close();
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await ended;
  await rm(home, { recursive: true, force: true });
}

async function takeForReadme(page) {
  const images = join(ROOT, 'docs/images');
  await mkdir(images, { recursive: true });
  await page.setViewportSize({ width: 1200, height: 700 });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await show(page, 'live');
    await page.screenshot({ path: join(images, `dashboard-${colorScheme}.png`) });
  }
}

async function takeAll(page, to) {
  await mkdir(to, { recursive: true });
  for (const colorScheme of ['light', 'dark'])
    for (const [width, height] of Object.entries(SIZES)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: Number(width), height });
      for (const screen of ['live', 'receipt', 'spend', 'integrity', 'policies']) {
        await show(page, screen);
        await page.screenshot({ path: join(to, `${screen}-${width}-${colorScheme}.png`) });
      }
    }
}

async function show(page, screen) {
  const { origin } = new URL(page.url());
  await page.goto(`${origin}/${['live', 'receipt'].includes(screen) ? '' : `?view=${screen}`}`);
  await page.waitForTimeout(700);
  if (screen === 'receipt') {
    for (const key of ['j', 'j', 'j', 'Enter']) await page.keyboard.press(key);
    await page.click('text=Verify in this browser');
    await page.waitForSelector('.verdict');
  } else if (screen === 'integrity') {
    await page.click('text=Verify every row');
    await page.waitForSelector('.verdicts');
  }
}

function run(file, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, file), ...args], { stdio: 'inherit' });
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}`))));
  });
}
