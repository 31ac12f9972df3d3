import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedSigner, LedgerWriter, writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const KEY_A = fixedSigner(97).publicKeyHex;
const KEY_B = fixedSigner(98).publicKeyHex;

async function homeWith(pattern = 'aabab') {
  const home = await makeHome();
  const path = await putLedger(home, writeLedger(pattern).lines);
  return { home, path };
}

describe('verify', () => {
  it('proves every ledger of the home and says what it proved and what not', async () => {
    const { home, path } = await homeWith();
    await putLedger(home, writeLedger('c').lines, 'other');
    const { code, out, err } = await runCli(['verify'], { home });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`${path}\n  5 rows by 2 signers, ledger ${'0f'.repeat(16)}\n`);
    expect(out).toMatch(
      /contiguous +yes +2 chains and the ledger's own order, unbroken from row 0 through 5 rows\./,
    );
    expect(out).toMatch(/authentic +unknown +All 5 signatures are valid/);
    expect(out).toContain(
      `signer ${fixedSigner(97).fingerprint}  key ${KEY_A.slice(0, 8)}…${KEY_A.slice(-4)}  rows 0 to 2`,
    );
    expect(out).toContain('2 ledgers together, the weakest of them counts:');
    expect(out).toContain('Verified: contiguous. Not proved here: authentic, complete, lawful.');
    expect(out).not.toMatch(/\bOK\b/i);
  });

  it('with the owner’s keys proves who signed', async () => {
    const { home } = await homeWith();
    const { code, out } = await runCli(['verify', '--public-key', KEY_A, '--public-key', KEY_B], { home });
    expect(code).toBe(0);
    expect(out).toContain('Verified: authentic, contiguous. Not proved here: complete, lawful.');
    expect(out).toContain('(pinned)');
  });

  it('with one of two keys fails, since every row must be signed with a demanded one', async () => {
    const { home, path } = await homeWith();
    const { code, out, err } = await runCli(['verify', '--public-key', KEY_A], { home });
    expect(code).toBe(1);
    expect(out).toMatch(/^FAILED: not authentic\.$/m);
    expect(out).toMatch(/error line 3, sequence 0, WRONG_KEY/);
    expect(err).toMatch(new RegExp(`^agentguard: error: verification failed: ${path}, line 3: `));
  });

  it.each([
    ['authentic', 4],
    ['contiguous', 0],
    ['contiguous,complete', 4],
    ['lawful', 4],
  ])('--require %s ends with %i for an unpinned ledger', async (required, expected) => {
    const { home } = await homeWith();
    const { code, err } = await runCli(['verify', '--require', required], { home });
    expect(code).toBe(expected);
    if (expected === 4)
      expect(err).toMatch(/^agentguard: error: verified, but not proved as required: [\s\S]*\nhint: /);
    else expect(err).toBe('');
  });

  it('a failed verdict counts more than one that is not proved', async () => {
    const { home, path } = await homeWith();
    await writeFile(path, writeLedger('aaa').lines.toSpliced(1, 1).join('\n'));
    const { code } = await runCli(['verify', '--require', 'lawful'], { home });
    expect(code).toBe(1);
  });

  it('--quiet says nothing when all is well, and everything when not', async () => {
    const { home, path } = await homeWith();
    expect(await runCli(['verify', '--quiet'], { home })).toEqual({ code: 0, out: '', err: '' });
    await writeFile(path, `${writeLedger('aaa').lines.toSpliced(1, 1).join('\n')}\n`);
    const broken = await runCli(['verify', '--quiet'], { home });
    expect(broken.code).toBe(1);
    expect(broken.out).toContain('FAILED: not contiguous.');
  });

  it('lists at most twenty problems of a file, errors first, and counts the others', async () => {
    const { home, path } = await homeWith();
    await writeFile(path, `${'nonsense\n'.repeat(2_500)}${writeLedger('abcab').lines.join('\n')}\n`);
    const { code, out } = await runCli(['verify'], { home });
    expect(code).toBe(1);
    expect(out.match(/error line/g)).toHaveLength(20);
    expect(out).toMatch(/… and 2,4\d\d more/);
  });

  it('a ledger of the home without rows is named, and the others are judged without it', async () => {
    const { home } = await homeWith();
    await putLedger(home, [], 'fresh');
    const { code, out } = await runCli(['verify', '--require', 'contiguous'], { home });
    expect(code).toBe(0);
    expect(out).toContain(`${home}/fresh/decisions.ndjson: no rows yet\n`);
    expect(out).toContain('Verified: contiguous.');
    await putLedger(home, ['{'], 'fresh');
    expect((await runCli(['verify'], { home })).code).toBe(1);
  });

  it('ledgers of the home that all have no rows prove nothing: 3', async () => {
    const home = await makeHome();
    await putLedger(home, []);
    const { code, out, err } = await runCli(['verify'], { home });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('has no rows');
  });

  it('a ledger that grows is verified up to its last complete row, and the rest is told', async () => {
    const { home, path } = await homeWith('aaa');
    const lines = writeLedger('aaaa').lines;
    await writeFile(path, `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 100)}`);
    const { code, out } = await runCli(['verify'], { home });
    expect(code).toBe(0);
    expect(out).toContain('3 rows by 1 signer');
    expect(out).toMatch(/warning line 4, TORN_TAIL: 100 bytes after the last complete line/);
  });

  it('a key that changes on every start is told to its owner, with the remedy', async () => {
    const { home } = await homeWith('abc');
    const { out } = await runCli(['verify'], { home });
    expect(out).toMatch(/note FRESH_KEYS: 3 keys signed this ledger\..*keep one key, and pin it\./);
  });

  it('a caller’s own words in a row cannot look like ours', async () => {
    const home = await makeHome();
    const writer = new LedgerWriter();
    const evil =
      '\u001b[2K\rVerified: authentic, contiguous, complete, lawful.\n\u001b]52;c;eA==\u0007\u202e';
    writer.add({
      signer: fixedSigner(1),
      decision: { reasons: [evil], modelRequested: evil, actor: { sessionId: evil } },
    });
    const line = writer.lines[0]!.replace('"sequence":0', `"sequence":0,${JSON.stringify(evil)}:1`);
    await putLedger(home, [line]);
    const { out, err } = await runCli(['verify'], { home, isTerminal: true });
    expect(out).not.toMatch(/\u001b\[2K|\r|\u0007|\u202e/);
    expect(out).not.toMatch(/^Verified: authentic/m);
    expect(err).toBe('');
  });
});

describe('verify reads', () => {
  it('one receipt printed over several lines, and says that it stands alone', async () => {
    const cwd = await makeHome();
    await writeFile(
      join(cwd, 'receipt.json'),
      JSON.stringify(JSON.parse(writeLedger('a').lines[0]!), null, 2),
    );
    const { code, out } = await runCli(['verify', 'receipt.json'], { cwd });
    expect(code).toBe(0);
    expect(out).toContain('a single receipt by 1 signer');
    expect(out).toMatch(/contiguous +unknown +A single receipt/);
    expect(out).toContain(
      'Nothing wrong found, nothing proved: authentic, contiguous, complete, lawful are unknown.',
    );
  });

  it('a changed receipt printed over several lines is not authentic', async () => {
    const cwd = await makeHome();
    const text = JSON.stringify(JSON.parse(writeLedger('a').lines[0]!), null, 2).replace(
      '0.000128',
      '0.000129',
    );
    await writeFile(join(cwd, 'receipt.json'), text);
    const { code, out } = await runCli(['verify', 'receipt.json'], { cwd });
    expect(code).toBe(1);
    expect(out).toMatch(/error line 1, sequence 0, HASH_MISMATCH/);
  });

  it('a printed receipt with a key twice, which a parser would hide', async () => {
    const cwd = await makeHome();
    const text = JSON.stringify(JSON.parse(writeLedger('a').lines[0]!), null, 2);
    await writeFile(
      join(cwd, 'receipt.json'),
      text.replace('"sequence": 0', '"sequence": 0,\n "sequence": 0'),
    );
    const { code, out } = await runCli(['verify', 'receipt.json'], { cwd });
    expect(code).toBe(1);
    expect(out).toContain('DUPLICATE_KEY');
  });

  it('a JSON array of receipts', async () => {
    const cwd = await makeHome();
    const rows = writeLedger('aba').lines;
    await writeFile(join(cwd, 'list.json'), `[\n${rows.join(',\n')}\n]\n`);
    const whole = await runCli(['verify', 'list.json'], { cwd });
    expect(whole.code).toBe(0);
    expect(whole.out).toContain('a list of 3 rows by 2 signers');
    await writeFile(join(cwd, 'list.json'), `[\n${rows.join(',\n')}`);
    const cut = await runCli(['verify', 'list.json'], { cwd });
    expect(cut.code).toBe(1);
    expect(cut.out).toMatch(/error line 4, NOT_JSON/);
  });

  it('standard input', async () => {
    const lines = writeLedger('aab').lines;
    const { code, out } = await runCli(['verify', '-'], { stdin: `${lines.join('\n')}\n` });
    expect(code).toBe(0);
    expect(out).toMatch(/^standard input\n {2}3 rows by 2 signers/);
    const broken = await runCli(['verify', '-'], { stdin: `${lines.toSpliced(1, 1).join('\n')}\n` });
    expect(broken.code).toBe(1);
  });

  it('the folder of a scope as its ledger', async () => {
    const { home } = await homeWith();
    const { code, out } = await runCli(['verify', 'acme'], { cwd: home });
    expect(code).toBe(0);
    expect(out).toMatch(/^acme\/decisions\.ndjson\n/);
  });

  it('rows of others, in insertion order and without a ledger order', async () => {
    const home = await makeHome();
    const rows = writeLedger('ab', { foreign: true }).lines.map((line) => {
      const { decision, ...rest } = JSON.parse(line);
      return JSON.stringify({ ...rest, decision, builderCode: 'x' });
    });
    await putLedger(home, rows);
    const { code, out } = await runCli(['verify'], { home });
    expect(code).toBe(0);
    expect(out).toMatch(/contiguous +unknown/);
    expect(out).toContain('note line 1, sequence 0, UNSIGNED_KEY');
  });
});

describe('verify cannot use', () => {
  it.each([
    ['a file that is not there', 'nothing.ndjson', /^agentguard: error: nothing\.ndjson does not exist$/m],
    [
      'a folder without a ledger',
      'folder',
      /^agentguard: error: folder is a folder without a decisions\.ndjson/m,
    ],
    ['an empty file', 'empty', /^agentguard: error: empty has no rows$/m],
    ['an empty list', 'list', /^agentguard: error: list has no rows$/m],
    ['only the start of a row', 'torn', /^agentguard: error: torn has no rows$/m],
  ])('%s: 3', async (_what, name, message) => {
    const cwd = await makeHome();
    await mkdir(join(cwd, 'folder'));
    await writeFile(join(cwd, 'empty'), '');
    await writeFile(join(cwd, 'list'), '[]');
    await writeFile(join(cwd, 'torn'), '{"decision"');
    const { code, err } = await runCli(['verify', name], { cwd });
    expect(code).toBe(3);
    expect(err).toMatch(message);
  });

  it('an empty file beside a good one: 3', async () => {
    const { home } = await homeWith();
    await writeFile(join(home, 'empty'), '');
    const { code } = await runCli(['verify', 'acme', 'empty'], { cwd: home });
    expect(code).toBe(3);
  });

  it.each([
    ['binary', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))],
    ['a huge line', Buffer.alloc(3_000_000, 0x78)],
    ['a huge line with an end', Buffer.concat([Buffer.alloc(3_000_000, 0x78), Buffer.from('\n')])],
    ['NUL bytes', Buffer.from('\0\n'.repeat(50))],
    ['UTF-16', Buffer.from(`\ufeff${'{"a":1}\n'.repeat(3)}`, 'utf16le')],
    ['Markdown', Buffer.from('# Title\n\nText.\n')],
    ['JSON of another kind', Buffer.from('{\n  "name": "x"\n}\n')],
  ])('%s: a plain sentence, never a throw', async (_what, bytes) => {
    const cwd = await makeHome();
    await writeFile(join(cwd, 'file'), bytes);
    const { code, err } = await runCli(['verify', 'file'], { cwd });
    expect([1, 3]).toContain(code);
    expect(err).toMatch(/^agentguard: error: /);
    expect(err).not.toContain('fault of agentguard');
    if (code === 1) expect(err).toContain('hint: not one line of file is a receipt: is it a ledger?');
  });

  it('a ledger of the home that is a link', async () => {
    const { home, path } = await homeWith();
    await mkdir(join(home, 'evil'));
    await symlink(path, join(home, 'evil', 'decisions.ndjson'));
    const { code, out, err } = await runCli(['verify'], { home });
    expect(code).toBe(3);
    expect(out).toContain('Verified: contiguous');
    expect(err).toContain('is a symbolic link; a ledger of the home must not be one');
  });

  it('a home that is not there, or empty, with the way out', async () => {
    const home = await makeHome();
    const empty = await runCli(['verify'], { home });
    expect(empty.code).toBe(3);
    expect(empty.err).toContain(`there is no ledger in ${home}`);
    expect(empty.err).toContain('hint: agentguard demo makes one to look at');
    const missing = await runCli(['verify', '--home', '/no where'], {});
    expect(missing.code).toBe(3);
    expect(missing.err).toContain("hint: agentguard demo --home '/no where' makes one");
  });

  it.each([
    [['verify', '--require', 'lawfull'], /names no verdict "lawfull"\nhint: did you mean lawful\?/],
    [['verify', '--public-key', 'abc'], /takes a full key, 64 lowercase hex digits, not "abc"/],
    [
      ['verify', '--public-key', '0123456789abcdef'],
      /hint: a fingerprint is only a label: give the full key/,
    ],
    [['verify', '--public-key', KEY_A.toUpperCase()], /64 lowercase hex digits/],
    [
      ['verify', '--publik-key', KEY_A],
      /"verify" has no option "--publik-key"\nhint: did you mean --public-key\?/,
    ],
    [['verify', '--trace'], /option '--trace <selector>' argument missing/],
    [['verify', '-', '--trace', 'latest'], /cannot choose rows of standard input/],
  ])('the command line %j: 2', async (argv, message) => {
    const { home } = await homeWith();
    const { code, out, err } = await runCli(argv, { home });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});

describe('verify finds every damage of a small ledger', () => {
  const lines = writeLedger('aabab').lines;
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a changed amount', lines.with(2, lines[2]!.replace('0.000128', '0.000127'))],
    ['a changed hash', lines.with(1, lines[1]!.replace(/"entryHash":"./, '"entryHash":"x'))],
    [
      'a changed signature',
      lines.with(
        1,
        lines[1]!.replace(/("signature":"[0-9a-f]{8})./, (_, head) => `${head}z`),
      ),
    ],
    ['another signature', lines.with(1, swapSignature(lines[1]!, lines[0]!))],
    ['another key', lines.with(1, lines[1]!.replaceAll(KEY_A, KEY_B))],
    ['a dropped row', lines.toSpliced(2, 1)],
    ['a repeated row', lines.toSpliced(2, 0, lines[1]!)],
    ['two rows swapped', lines.with(1, lines[2]!).with(2, lines[1]!)],
    ['one signer’s rows removed', lines.filter((line) => !line.includes(KEY_B))],
    ['another ledger’s row', lines.with(4, writeLedger('aabab', { ledgerId: '1e'.repeat(16) }).lines[4]!)],
    ['a line that is no row', lines.toSpliced(2, 0, '{}')],
    ['an empty line', lines.toSpliced(2, 0, '')],
  ];

  it.each(cases)('%s: 1', async (_what, damaged) => {
    const home = await makeHome();
    await putLedger(home, damaged);
    const { code, out, err } = await runCli(['verify', '--json'], { home });
    expect(code).toBe(1);
    const report = JSON.parse(out);
    expect(report.ok).toBe(false);
    expect(
      report.files[0].problems.some((problem: { severity: string }) => problem.severity === 'error'),
    ).toBe(true);
    expect(err).toMatch(/^agentguard: error: verification failed: /);
  });

  it('and the undamaged one passes: 0', async () => {
    const home = await makeHome();
    await putLedger(home, lines);
    expect((await runCli(['verify'], { home })).code).toBe(0);
  });
});

describe('verify --trust', () => {
  async function verifyTrusting(trust: unknown, mode = 0o600) {
    const { home } = await homeWith('aa');
    const path = join(home, 'trust.json');
    await writeFile(path, typeof trust === 'string' ? trust : JSON.stringify(trust));
    await chmod(path, mode);
    return runCli(['verify', '--trust', 'trust.json'], { home, cwd: home });
  }

  it('pins the keys of the file', async () => {
    const { code, out } = await verifyTrusting({ keys: [{ publicKeyHex: KEY_A, name: 'build agent' }] });
    expect(code).toBe(0);
    expect(out).toMatch(/authentic +yes/);
  });

  it('leaves other keys unpinned', async () => {
    const { out } = await verifyTrusting({ keys: [{ publicKeyHex: KEY_B }] });
    expect(out).toMatch(/authentic +unknown/);
  });

  it('fails a row outside the time of its key', async () => {
    const { code, out } = await verifyTrusting({
      keys: [{ publicKeyHex: KEY_A, validUntil: '2026-01-01T00:00:00Z' }],
    });
    expect(code).toBe(1);
    expect(out).toContain('EXPIRED_KEY');
  });

  it.each([
    ['no JSON', 'keys:', /cannot be used/],
    ['no object', [], /the file must be an object/],
    ['no keys', {}, /keys is missing/],
    ['an empty list', { keys: [] }, /keys must be an array of 1 to/],
    ['an unknown key', { key: [] }, /key is not a known key; did you mean "keys"\?/],
    [
      'an unknown key inside',
      { keys: [{ publicKeyHx: KEY_A }] },
      /keys\[0\]\.publicKeyHx is not a known key; did you mean "publicKeyHex"\?/,
    ],
    [
      'a fingerprint',
      { keys: [{ publicKeyHex: '0123456789abcdef' }] },
      /keys\[0\]\.publicKeyHex must be the full key/,
    ],
    [
      'a date without a zone',
      { keys: [{ publicKeyHex: KEY_A, validFrom: '2026-01-01' }] },
      /validFrom must be an ISO 8601 time/,
    ],
    ['a key twice in an object', `{"keys":[],"keys":[]}`, /cannot be used/],
  ])('refuses %s: 3', async (_what, trust, message) => {
    const { code, out, err } = await verifyTrusting(trust);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(message);
  });

  it('refuses a file that everybody may write to, and one that is not there', async () => {
    const open = await verifyTrusting({ keys: [{ publicKeyHex: KEY_A }] }, 0o666);
    expect(open.code).toBe(3);
    expect(open.err).toMatch(/may be written to by everybody\nhint: run: chmod o-w/);
    const { home } = await homeWith();
    const missing = await runCli(['verify', '--trust', 'none.json'], { home, cwd: home });
    expect(missing.code).toBe(3);
    expect(missing.err).toContain('the trust file none.json does not exist');
  });
});

describe('progress', () => {
  const slow = { tickMs: 700 };

  it('is shown on a terminal once a second has passed, and removed', async () => {
    const { home } = await homeWith();
    const { out, err } = await runCli(['verify'], { home, isTerminal: true, ...slow });
    expect(err).toMatch(/^\r\u001b\[Kverifying: 100%, 5 rows, \d+ rows\/s/);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
    expect(out).not.toContain('verifying');
  });

  it.each([
    ['without a terminal', ['verify'], { isTerminal: false, ...slow }],
    ['with --quiet', ['verify', '--quiet'], { isTerminal: true, ...slow }],
    ['when it was quick', ['verify'], { isTerminal: true }],
  ])('is not shown %s', async (_what, argv, world) => {
    const { home } = await homeWith();
    expect((await runCli(argv, { home, ...world })).err).toBe('');
  });
});

function swapSignature(line: string, other: string): string {
  const signature = /"signature":"[0-9a-f]{128}"/;
  return line.replace(signature, signature.exec(other)![0]);
}
