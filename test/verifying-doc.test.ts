/** docs/verifying.md: the commands by hand work as they stand there, and notice what was changed. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { writeLedger } from './core/ledger-fixture.js';

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

  it('refuse a ledger from which a row was taken', async () => {
    const { ok } = await follow([rows[0], rows[1], rows[3]] as string[]);
    expect(ok).toBe(false);
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
