/** The verify page in a real browser, from disk with the network off and from plain http: the codes of the command line. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encloseFiles } from '../../src/cli/verify-page-file.js';
import { runCli } from '../cli/run-cli.js';
import { fixedSigner, writeLedger } from '../core/ledger-fixture.js';
import { checkpointOf } from '../core/receipt-cases.js';
import { describeInBrowser, expectInnocent, launchChromium, openPage, type WatchedPage } from './chromium.js';
import { makeDemoHome, removeHome, runCommand, startDashboard } from './dashboard-process.js';
import {
  type GivenCase,
  listDropped,
  listLedgerCases,
  listVectorCases,
  listWrongFiles,
  printArguments,
} from './given-cases.js';
import { readResult, verifyInPage } from './verify-page.js';

const PAGE = fileURLToPath(new URL('../../dist/web/verify.html', import.meta.url));
/** A name that is no secure context, as an auditor's intranet over plain http is none. */
const PLAIN_HOST = 'verify.test';

describeInBrowser('the verify page', () => {
  let browser: Browser;
  let work = '';
  let home = '';
  let server: Server;
  const asked: string[] = [];
  let fromDisk: WatchedPage;

  beforeAll(async () => {
    browser = await launchChromium([`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`]);
    work = await mkdtemp(join(tmpdir(), 'agentguard-verify-'));
    home = await makeDemoHome(40);
    await runCommand(home, 'checkpoint');
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(readFileSync(PAGE));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    fromDisk = await openPage(browser, { offline: true });
    await fromDisk.page.goto(`file://${PAGE}`);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await rm(work, { recursive: true, force: true });
    await removeHome(home);
  });

  /** Through both, and the same must come out. */
  async function compare(page: Page, given: GivenCase) {
    const { out } = await runCli(printArguments(given), { home: join(work, 'nobody'), cwd: work });
    const shown = await verifyInPage(page, listDropped(given), given.keys ?? []);
    const said = describe(out);
    expect({ case: given.name, problems: shown.problems }).toEqual({
      case: given.name,
      problems: said.problems,
    });
    // Where there is nothing to judge, the page shows no verdicts.
    if (Object.keys(shown.verdicts).length > 0)
      expect({ case: given.name, ...shown.verdicts }).toEqual({ case: given.name, ...said.verdicts });
    else expect(said.problems).toEqual([]);
    return shown;
  }

  it('from disk, offline, answers the vectors as the command line does', async () => {
    // Without SLOW, one of each kind of answer.
    const cases = await listVectorCases(join(work, 'vectors'));
    const chosen = process.env.SLOW
      ? cases
      : cases.filter((given, at) => cases.findIndex(({ answer }) => answer === given.answer) === at);
    expect(chosen.length).toBeGreaterThan(30);
    for (const given of chosen) await compare(fromDisk.page, given);
    expectInnocent(fromDisk);
  }, 60_000);

  it('from disk, offline, answers ledgers, bundles, proofs, parts and what was done to them', async () => {
    for (const given of await listLedgerCases(join(work, 'ledgers'), home))
      await compare(fromDisk.page, given);
    expectInnocent(fromDisk);
  }, 60_000);

  it('says in a sentence what a wrong file is, and gives the codes of the command line', async () => {
    for (const given of await listWrongFiles(join(work, 'wrong'))) {
      const { text } = await compare(fromDisk.page, given);
      if (given.remark && given.remark.source !== '^$') expect(text).toMatch(given.remark);
    }
    expectInnocent(fromDisk);
  }, 60_000);

  it('names a YAML policy, a broken checkpoint and a broken trust file as what they are', async () => {
    const files: readonly (readonly [string, string, RegExp])[] = [
      ['policy.yaml', 'caps: []\n', /YAML/],
      ['checkpoint', 'agentguard/5f1c\nmany\n\n', /looks like a checkpoint/],
      ['trust.json', '{"keys":[{"publicKeyHex":"ab"}]}', /looks like a trust file.*publicKeyHex/s],
      [`${'ab'.repeat(32)}.json`, '{"caps":[]}', /not what its name says/],
    ];
    for (const [name, content, says] of files) {
      await writeFile(join(work, name), content);
      expect((await verifyInPage(fromDisk.page, [join(work, name)])).text).toMatch(says);
    }
  });

  it('verifies by its own Ed25519 on plain http, where there is no WebCrypto', async () => {
    const plain = await openPage(browser);
    plain.offences.length = 0;
    const { port } = server.address() as AddressInfo;
    await plain.page.goto(`http://${PLAIN_HOST}:${port}/`);
    expect(await plain.page.evaluate(() => isSecureContext)).toBe(false);
    const cases = [
      ...(await listVectorCases(join(work, 'vectors'))).filter((_, index) => index % 13 === 0),
      ...(await listLedgerCases(join(work, 'ledgers'), home)).slice(0, 5),
    ];
    for (const given of cases) {
      const { text } = await compare(plain.page, given);
      expect(text).toContain('no WebCrypto here');
    }
    await plain.context.close();
  }, 60_000);

  it('opens a link, sends nothing of it anywhere, and cannot send', async () => {
    const { port } = server.address() as AddressInfo;
    const row = JSON.parse(readFileSync(join(home, 'acme', 'decisions.ndjson'), 'utf8').split('\n')[4]!);
    const link = (await runCommand(home, 'receipt', row.decision.decisionId, '--link')).trim();
    const watched = await openPage(browser);
    const requests: string[] = [];
    watched.context.on('request', (request) => requests.push(request.url()));
    asked.length = 0;
    await watched.page.goto(`http://127.0.0.1:${port}/verify#${link.split('#')[1]}`);
    await watched.page.locator('.proof-result').waitFor();
    const shown = await readResult(watched.page);
    expect(shown.problems).toEqual(['UNPINNED_KEY@1']);
    expect(shown.text).toContain('row 4 of the');
    expect(shown.text).toContain(row.decision.decisionId);
    expectInnocent(watched);
    expect(requests.filter((url) => url.startsWith('http')).map((url) => new URL(url).pathname)).toEqual([
      '/verify',
    ]);
    const attempts = await watched.page.evaluate(async (url) => {
      const blocked = (promise: Promise<unknown>): Promise<string> =>
        promise.then(
          () => 'sent',
          () => 'refused',
        );
      const image = new Promise((done, fail) => {
        const element = new Image();
        element.onload = done;
        element.onerror = fail;
        element.src = `${url}image`;
      });
      const socket = new Promise((done, fail) => {
        const one = new WebSocket(url.replace('http', 'ws'));
        one.onopen = done;
        one.onerror = fail;
      });
      return [
        await blocked(fetch(`${url}fetch`)),
        await blocked(image),
        await blocked(socket),
        navigator.sendBeacon(`${url}beacon`),
      ];
    }, `http://127.0.0.1:${port}/`);
    expect(attempts.slice(0, 3)).toEqual(['refused', 'refused', 'refused']);
    expect(asked).toEqual(['/verify']);
    await watched.context.close();
  }, 30_000);

  it.each([
    ['nonsense', '#nonsense', 'no receipt'],
    ['of the future', '#2.abcd', 'version 2'],
    ['cut off', '#1d.AAAA', 'unpacked'],
    ['without end', `#1.${'A'.repeat(300_000)}`, 'longer than'],
    ['markup', '#<img src=x onerror=alert(1)>', 'no receipt'],
  ])('says why a link cannot be used: %s', async (_what, fragment, says) => {
    const watched = await openPage(browser, { offline: true });
    await watched.page.goto(`file://${PAGE}`);
    await watched.page.evaluate((hash) => {
      location.hash = hash;
    }, fragment);
    await watched.page.getByText('The link cannot be used').waitFor();
    expect(await watched.page.locator('main').innerText()).toContain(says);
    expectInnocent(watched);
    await watched.context.close();
  });

  it('is served by the dashboard to whoever has its address, without a token, and says who may frame it', async () => {
    const dashboard = await startDashboard(home);
    try {
      const row = JSON.parse(readFileSync(join(home, 'acme', 'decisions.ndjson'), 'utf8').split('\n')[6]!);
      // The link of this machine leads to the dashboard that runs.
      const link = (await runCommand(home, 'receipt', row.decision.decisionId, '--link')).trim();
      expect(link.startsWith(`${dashboard.url}verify#`)).toBe(true);
      const watched = await openPage(browser);
      const answer = await watched.page.goto(link);
      expect(answer?.headers()['content-security-policy']).toContain("frame-ancestors 'none'");
      await watched.page.locator('.proof-result').waitFor();
      expect((await readResult(watched.page)).text).toContain(row.decision.decisionId);
      expectInnocent(watched);
      await watched.context.close();
    } finally {
      await dashboard.kill();
    }
  }, 30_000);

  it('verifies what receipt --html put into it, as soon as it is opened', async () => {
    const row = JSON.parse(readFileSync(join(home, 'acme', 'decisions.ndjson'), 'utf8').split('\n')[2]!);
    const path = join(work, 'receipt.html');
    await runCommand(home, 'receipt', row.decision.decisionId, '--html', '--out', path);
    const watched = await openPage(browser, { offline: true });
    await watched.page.goto(`file://${path}`);
    await watched.page.locator('.proof-result').waitFor();
    const shown = await readResult(watched.page);
    expect(shown.text).toContain('came with a receipt inside');
    expect(shown.text).toContain(row.decision.decisionId);
    expect(shown.problems).toEqual(['UNPINNED_KEY@1']);
    expectInnocent(watched);
    await watched.context.close();
  });

  it('takes no key and no checkpoint from its own file, since that is of whoever made it', async () => {
    const { lines } = writeLedger('aaa');
    const { publicKeyHex } = fixedSigner('a'.charCodeAt(0));
    const enclosed = [
      { name: 'receipt.ndjson', text: `${lines.join('\n')}\n` },
      { name: 'trust.json', text: JSON.stringify({ keys: [{ publicKeyHex, name: 'The Auditor' }] }) },
      { name: 'checkpoint', text: checkpointOf(lines) },
    ];
    const path = join(work, 'forged.html');
    await writeFile(path, encloseFiles(readFileSync(PAGE, 'utf8'), enclosed));
    const watched = await openPage(browser, { offline: true });
    await watched.page.goto(`file://${path}`);
    await watched.page.locator('.proof-result').waitFor();
    const { verdicts, problems, text } = await readResult(watched.page);
    expect(verdicts).toMatchObject({ authentic: 'unknown', complete: 'unknown' });
    expect(problems).toEqual(['UNPINNED_KEY@1']);
    expect(text.match(/came inside this page, from whoever made the page/g)).toHaveLength(2);
    await watched.page.setInputFiles('input[type=file]', {
      ...{ name: 'mine.json', mimeType: 'application/json' },
      buffer: Buffer.from(JSON.stringify({ keys: [{ publicKeyHex }] })),
    });
    await watched.page.locator('[data-verdict=authentic][data-answer=yes]').waitFor();
    await watched.context.close();
  });

  it('verifies a large ledger with progress, and can be stopped', async () => {
    const rows = process.env.SLOW ? 100_000 : 3_000;
    const path = join(work, 'large.ndjson');
    const writer = writeLedger('');
    for (let at = 0; at < rows; at++) writer.add({ signer: fixedSigner(1) });
    await writeFile(path, `${writer.lines.join('\n')}\n`);
    const shown = await verifyInPage(fromDisk.page, [path]);
    expect(shown.problems).toEqual(['UNPINNED_KEY@1']);
    expect(shown.verdicts).toMatchObject({ contiguous: 'yes' });
    expect(shown.text).toContain(`${rows.toLocaleString('en-US')} rows checked`);
    await fromDisk.page.getByText('Start over').click();
    await fromDisk.page.setInputFiles('input[type=file]', path);
    await fromDisk.page.getByRole('button', { name: 'Cancel' }).click();
    await fromDisk.page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
    expect(await fromDisk.page.locator('.proof-result').count()).toBe(0);
  }, 300_000);

  it('takes a pasted row, and compares with a key that is typed', async () => {
    const [line = ''] = readFileSync(join(home, 'acme', 'decisions.ndjson'), 'utf8').split('\n');
    const key = String(JSON.parse(line).publicKeyHex);
    const watched = await openPage(browser, { offline: true });
    const { page } = watched;
    await page.goto(`file://${PAGE}`);
    await page.getByText('Paste a receipt').click();
    await page.getByLabel('Text to verify').fill(line);
    await page.getByText('Verify the text').click();
    await page.locator('[data-verdict=authentic][data-answer=unknown]').waitFor();
    await page.fill('#key', key.toUpperCase().replace(/(.{8})/g, '$1 '));
    await page.locator('[data-verdict=authentic][data-answer=yes]').waitFor();
    await page.fill('#key', 'ab'.repeat(32));
    await page.locator('[data-code=WRONG_KEY]').waitFor();
    await page.fill('#key', key.slice(0, 16));
    await page.getByText('A key has 64').or(page.getByText('only a label')).waitFor();
    expectInnocent(watched);
    await watched.context.close();
  });
});

/** Verdicts and problems of `verify --json`. */
function describe(out: string) {
  const { verdicts, files } = JSON.parse(out);
  return {
    verdicts: Object.fromEntries(
      Object.entries<{ answer: string }>(verdicts).map(([name, { answer }]) => [name, answer]),
    ),
    problems: files
      .flatMap(({ problems }: { problems: { code: string; line: number }[] }) =>
        problems.map(({ code, line }) => `${code}@${line}`),
      )
      .toSorted(),
  };
}
