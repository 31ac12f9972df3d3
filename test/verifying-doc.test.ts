/** docs/verifying.md: the commands by hand work as they stand there, and notice what was changed. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { encloseFiles, readVerifyPage } from '../src/cli/verify-page-file.js';
import { sealReceipt, ZERO_HASH } from '../src/core/receipt.js';
import { nodeBackend } from '../src/store/node-crypto.js';
import { fixedSigner, writeLedger } from './core/ledger-fixture.js';

const run = promisify(execFile);
const doc = readFileSync(new URL('../docs/verifying.md', import.meta.url), 'utf8');
const commands = Array.from(doc.matchAll(/^```sh by-hand\n([\s\S]*?)^```$/gm), ([, text]) => text ?? '').join(
  '',
);
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Types the commands of the document into a shell. `ok` as `set -e` sees it. */
async function follow(lines: readonly string[], receipt = lines[1] ?? '') {
  const folder = await mkdtemp(join(tmpdir(), 'agentguard-by-hand-'));
  folders.push(folder);
  await writeFile(join(folder, 'decisions.ndjson'), lines.map((line) => `${line}\n`).join(''));
  await writeFile(join(folder, 'receipt.ndjson'), `${receipt}\n`);
  const options = { cwd: folder, env: { PATH: process.env.PATH ?? '' } };
  return run('bash', ['-euo', 'pipefail', '-c', commands], options).then(
    ({ stdout }) => ({ ok: true, out: stdout }),
    (error: { stdout: string; stderr: string }) => ({ ok: false, out: error.stdout + error.stderr }),
  );
}

const { lines } = writeLedger('aaaa');
const rows: readonly string[] = lines;

describe('the commands by hand', () => {
  it('are there, and accept a receipt and its ledger', async () => {
    expect(commands.split('\n').length).toBeGreaterThan(8);
    const { ok, out } = await follow(rows);
    expect(out).toContain('signed-part: OK');
    expect(out).toContain('Signature Verified Successfully');
    expect(ok).toBe(true);
  });

  it.each<[string, (row: string) => string, string]>([
    ['a model that was changed', (row) => row.replace(/"modelRequested":"/, '"modelRequested":"x'), 'FAILED'],
    ['another signature', (row) => flip(row, 'signature'), 'Signature Verification Failure'],
    ['another key', (row) => flip(row, 'publicKeyHex'), 'Failure|rror'],
  ])('refuse %s', async (_what, change, says) => {
    const changed = change(rows[1] ?? '');
    expect(changed).not.toBe(rows[1]);
    const { ok, out } = await follow(rows, changed);
    expect(ok).toBe(false);
    expect(out).toMatch(new RegExp(says));
  });

  it.each([
    ['within', [0, 1, 3]],
    ['at the start', [1, 2, 3]],
  ])('refuse a ledger from which a row was taken %s', async (_where, kept) => {
    const { ok } = await follow(kept.map((index) => rows[index] ?? ''));
    expect(ok).toBe(false);
  });

  it('refuse a receipt that names another fingerprint than that of its key', async () => {
    const { decision } = JSON.parse(rows[1] ?? '');
    const liar = { ...fixedSigner(1), fingerprint: '0'.repeat(16) };
    const { line } = sealReceipt(decision, { sequence: 1, previousHash: ZERO_HASH }, liar, nodeBackend);
    const { ok, out } = await follow(rows, line);
    expect(out).toContain('DIFFERENT');
    expect(ok).toBe(false);
  });
});

describe('the command that compares a page with the published one', () => {
  const [, command = ''] = /^(sed .*receipt\.html \| sha256sum)$/m.exec(doc) ?? [];
  const published = readVerifyPage();
  const page = encloseFiles(published, [{ name: '</script>', text: `${rows[1]}\n<body>\u2028é` }]);
  const printed = async (text: string): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'agentguard-by-hand-'));
    folders.push(folder);
    await writeFile(join(folder, 'receipt.html'), text);
    return (await run('bash', ['-c', command], { cwd: folder })).stdout.slice(0, 64);
  };
  const sha256 = createHash('sha256').update(published).digest('hex');

  it('prints the same for a page with a receipt inside', async () => {
    expect(page).not.toBe(published);
    expect(await printed(page)).toBe(sha256);
    expect(await printed(published)).toBe(sha256);
  });

  it.each<[string, string]>([
    ['a script before everything', `<script>forge()</script><!-- id="enclosed" -->\n${page}`],
    [
      'words beside the data',
      page.replace('id="enclosed">', 'id="enclosed"></script><h1>Proved</h1><script>'),
    ],
    ['words after the data', page.replace('</script>\n', '</script><h1>Proved</h1>\n')],
    ['a second line of data', page.replace(/\n(<script type="application[^\n]*\n)/, '\n$1$1')],
    [
      'data before everything',
      `${page.split('\n').find((line) => line.includes('id="enclosed"'))}\n${published}`,
    ],
    ['data that is a script', page.replace('type="application/json" id="enclosed"', 'id="enclosed"')],
  ])('prints another for a page with %s', async (_what, forged) => {
    expect(forged).not.toBe(page);
    expect(await printed(forged)).not.toBe(sha256);
  });
});

/** The row with the last digit of a field changed. */
function flip(row: string, field: string): string {
  return row.replace(
    new RegExp(`("${field}":"[0-9a-f]+)([0-9a-f])"`),
    (_whole, start: string, last: string) => {
      return `${start}${last === '0' ? '1' : '0'}"`;
    },
  );
}
