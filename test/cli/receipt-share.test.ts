/** Receipts for somebody else: links, pages with a receipt inside, and the page itself. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/core/bytes.js';
import { decodeShareFragment, encodeShareFragment } from '../../src/core/share-link.js';
import { parseTlogProof, printTlogProof } from '../../src/core/tlog-proof.js';
import { writeLedger } from '../core/ledger-fixture.js';
import { makeDemoHome, removeHome } from '../e2e/dashboard-process.js';
import { putLedger, runCli } from './run-cli.js';

const VERIFY_URL = 'https://verify.example.org/verify';
const PAGE = readFileSync(new URL('../../dist/web/verify.html', import.meta.url), 'utf8');
let home = '';
let work = '';
let rows: readonly string[] = [];

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'agentguard-share-'));
  home = await makeDemoHome(520);
  rows = (await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8')).trimEnd().split('\n');
  expect((await runCli(['checkpoint', '--quiet'], { home })).code).toBe(0);
}, 60_000);
afterAll(async () => {
  await removeHome(home);
  await rm(work, { recursive: true });
});

const idOf = (row: string): string => JSON.parse(row).decision.decisionId;
const share = (id: string, ...more: readonly string[]) =>
  runCli(['receipt', id, ...more], { home, cwd: work, env: { AGENTGUARD_VERIFY_URL: VERIFY_URL } });

describe('receipt --link', () => {
  it('carries row and proof, and is shorter than 2,000 characters at 1,000 rows', async () => {
    expect(rows.length).toBeGreaterThan(1_000);
    for (const row of [rows[0]!, rows[500]!, rows.find((one) => one.includes('"action":"block"'))!]) {
      const { out, err, code } = await share(idOf(row), '--link');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out.length).toBeLessThan(2_000);
      const proof = await openLink(out);
      expect(decodeUtf8(proof.extra!)).toBe(row);
      expect(proof.checkpoint.size).toBe(rows.length);
    }
  });

  it('would be shorter than 2,600 characters at a million rows', async () => {
    for (const row of [rows[0]!, rows[500]!, rows.find((one) => one.includes('"action":"block"'))!]) {
      const proof = await openLink((await share(idOf(row), '--link')).out);
      // A path through a tree of 2^20 rows has twenty hashes.
      const hashes = Array.from({ length: 20 }, () => randomBytes(32));
      const bytes = Buffer.from(printTlogProof({ ...proof, hashes }));
      const fragment = await encodeShareFragment({ kind: 'proof', bytes }, async (packed, dictionary) => ({
        data: deflateRawSync(packed, { level: 9, dictionary }),
        primed: true,
      }));
      expect(`${VERIFY_URL}#${fragment}`.length).toBeLessThan(2_600);
    }
  });

  it('says so where nobody said where the page is, and offers a file', async () => {
    const { out, err } = await runCli(['receipt', idOf(rows[3]!), '--link'], { home });
    expect(out).toMatch(/^http:\/\/localhost:8787\/verify#1d\./);
    expect(err).toContain('this machine only');
    expect(err).toContain(`agentguard receipt ${idOf(rows[3]!)} --html --out receipt.html`);
  });

  it('takes the address from the settings, and one of nonsense is refused', async () => {
    const id = idOf(rows[3]!);
    await writeFile(join(home, 'config.json'), '{"verifyUrl":"https://proofs.example.org/"}', {
      mode: 0o600,
    });
    expect((await runCli(['receipt', id, '--link'], { home })).out).toMatch(
      /^https:\/\/proofs\.example\.org\/#1d/,
    );
    await writeFile(join(home, 'config.json'), '{"verifyUrl":"javascript:alert(1)"}');
    expect((await runCli(['receipt', id, '--link'], { home })).code).not.toBe(0);
    await rm(join(home, 'config.json'));
    const env = { AGENTGUARD_VERIFY_URL: 'https://a.example/#b' };
    expect((await runCli(['receipt', id, '--link'], { home, env })).code).toBe(2);
  });

  it('goes without proof where no checkpoint counts the row, and says so', async () => {
    const other = await mkdtemp(join(tmpdir(), 'agentguard-share-home-'));
    await putLedger(other, writeLedger('aa').lines);
    const id = '00000000-0000-4000-8000-000000000001';
    const { out, err, code } = await runCli(['receipt', id, '--link', '--json'], { home: other });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ hosted: false, proof: false });
    expect(err).toContain('no checkpoint counts the row yet');
    await rm(other, { recursive: true });
  });
});

describe('receipt --html', () => {
  it('is the published page with one line more, which holds row and proof', async () => {
    const { code, out } = await share(idOf(rows[7]!), '--html', '--out', 'receipt.html');
    expect({ code, out }).toEqual({ code: 0, out: `${join(work, 'receipt.html')}\n` });
    const lines = (await readFile(join(work, 'receipt.html'), 'utf8')).split('\n');
    const [line, ...others] = lines.filter((one) => one.includes('id="enclosed"'));
    expect(others).toEqual([]);
    expect(lines.filter((one) => one !== line).join('\n')).toBe(PAGE);
    const [, json = ''] = /<script[^>]*>(.*)<\/script>/.exec(line ?? '') ?? [];
    const [{ text }] = JSON.parse(json);
    const proof = parseTlogProof(Buffer.from(text));
    expect(proof.ok && decodeUtf8(proof.value.extra!)).toBe(rows[7]);
  });

  it.each([
    [['--html', '--link'], 'two forms'],
    [['--link', '--out', 'x.html'], '--out is for'],
    [['--proof', '--html'], 'two forms'],
  ])('with %j is refused', async (more, says) => {
    const { code, err } = await share(idOf(rows[0]!), ...more);
    expect(code).toBe(2);
    expect(err).toContain(says);
  });
});

describe('verify-page', () => {
  it('writes a file or a folder, and prints the SHA-256 of what it wrote', async () => {
    const sha256 = createHash('sha256').update(PAGE).digest('hex');
    for (const [out, path] of [
      ['page.html', 'page.html'],
      ['site/verify', 'site/verify/index.html'],
    ] as const) {
      const { code, out: text } = await runCli(['verify-page', '--out', out], { home, cwd: work });
      expect(code).toBe(0);
      expect(text).toContain(sha256);
      expect(await readFile(join(work, path), 'utf8')).toBe(PAGE);
    }
  });

  it('wants to know where', async () => {
    expect((await runCli(['verify-page'], { home })).code).toBe(2);
  });
});

async function openLink(link: string) {
  const reading = await decodeShareFragment(new URL(link.trim()).hash, async (bytes, maxOutputLength) =>
    inflateRawSync(bytes, { maxOutputLength }),
  );
  const proof = reading.ok ? parseTlogProof(reading.value.bytes) : undefined;
  if (!proof?.ok) throw new Error(reading.ok ? 'no proof' : reading.message);
  return proof.value;
}
