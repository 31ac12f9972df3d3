import * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { type Receipt, readReceipt, sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import { openLedger } from '../../src/store/index.js';
import { loadSeedNow } from '../../src/store/keys.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { add, makeHome, open } from '../store/open-ledger.js';
import { runCli } from './run-cli.js';

const OTHER_KEY = createNodeSigner(new Uint8Array(32).fill(9));

/** A home whose ledger has six rows, its checkpoint of the first four, kept elsewhere, and its key. */
async function makeAnchored(rows = 6, partBytes?: number) {
  const home = makeHome();
  const vault = makeHome();
  const store = await openLedger({
    home,
    scope: 'acme',
    durability: 'disk',
    ...(partBytes && { partBytes }),
  });
  for (let n = 0; n < 4; n++) await add(store, n);
  const anchor = join(vault, 'anchor');
  const sent = await runCli(['checkpoint', '--to', anchor], { home });
  expect(sent.err + sent.code).toBe('0');
  for (let n = 4; n < rows; n++) await add(store, n);
  await store.close();
  const { ledger, folder, key } = store.paths;
  return { home, vault, anchor, ledger, folder, key, publicKeyHex: store.publicKeyHex };
}

type Anchored = Awaited<ReturnType<typeof makeAnchored>>;

const linesOf = (ledger: string) => fs.readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
const put = (ledger: string, lines: readonly string[]) =>
  fs.writeFileSync(ledger, lines.map((line) => `${line}\n`).join(''));

function readRow(line: string): Receipt {
  const reading = readReceipt(Buffer.from(line));
  if (!reading.ok) throw new Error(reading.message);
  return reading.value;
}

/** The rows from `from` on said anew and sealed with a key, as whoever holds it can. */
function reseal(
  lines: readonly string[],
  from: number,
  signer = OTHER_KEY,
  change: JsonObject = { n: 99 },
): string[] {
  const kept = lines.slice(0, from);
  let last = kept.at(-1);
  const own = kept.map(readRow).findLast((row) => row.publicKeyHex === signer.publicKeyHex);
  let chain = own
    ? { sequence: own.sequence + 1, previousHash: own.entryHash }
    : { sequence: 0, previousHash: ZERO_HASH };
  for (const line of lines.slice(from)) {
    const ledgerPreviousHash = last === undefined ? ZERO_HASH : readRow(last).entryHash;
    const decision = { ...readRow(line).decision, ...change, ledgerPreviousHash };
    const sealed = sealReceipt(decision, chain, signer, nodeBackend);
    chain = { sequence: chain.sequence + 1, previousHash: sealed.receipt.entryHash };
    last = sealed.line;
    kept.push(sealed.line);
  }
  return kept;
}

const trueKey = ({ key }: Anchored) => createNodeSigner(loadSeedNow(key)!);

interface Attack {
  readonly name: string;
  readonly code: string;
  /** What `verify` without a checkpoint says of it: nothing, where only a checkpoint tells. */
  readonly unseen?: true;
  run(at: Anchored): void;
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'three rows cut from the end',
    code: 'TRUNCATED',
    unseen: true,
    run: ({ ledger }) => put(ledger, linesOf(ledger).slice(0, 3)),
  },
  {
    name: 'all rows but one cut',
    code: 'TRUNCATED',
    unseen: true,
    run: ({ ledger }) => put(ledger, linesOf(ledger).slice(0, 1)),
  },
  { name: 'the file emptied', code: 'LEDGER_MISSING', run: ({ ledger }) => put(ledger, []) },
  { name: 'the file deleted', code: 'LEDGER_MISSING', run: ({ ledger }) => fs.rmSync(ledger) },
  {
    name: 'the folder deleted',
    code: 'LEDGER_MISSING',
    run: ({ folder }) => fs.rmSync(folder, { recursive: true }),
  },
  {
    name: 'a suffix rewritten with the true key',
    code: 'REWRITTEN',
    unseen: true,
    run: (at) => put(at.ledger, reseal(linesOf(at.ledger), 2, trueKey(at))),
  },
  {
    name: 'everything rewritten with the true key',
    code: 'REWRITTEN',
    unseen: true,
    run: (at) => put(at.ledger, reseal(linesOf(at.ledger), 0, trueKey(at))),
  },
  {
    name: 'a fork: two histories from the same row, the other one shown',
    code: 'REWRITTEN',
    unseen: true,
    run: (at) => put(at.ledger, reseal(linesOf(at.ledger).slice(0, 5), 3, trueKey(at), { n: -1 })),
  },
  {
    name: 'the key swapped: the same words under another key',
    code: 'REWRITTEN',
    unseen: true,
    run: (at) => put(at.ledger, reseal(linesOf(at.ledger), 0, OTHER_KEY, {})),
  },
  {
    name: 'a key beside the signed part changed',
    code: 'REWRITTEN',
    run: ({ ledger }) => put(ledger, linesOf(ledger).with(1, linesOf(ledger)[1]!.replace(/}$/, ',"x":1}'))),
  },
  {
    name: 'another ledger in its place',
    code: 'LEDGER_MISSING',
    unseen: true,
    run: (at) => put(at.ledger, reseal(linesOf(at.ledger), 0, trueKey(at), { ledgerId: 'ab'.repeat(16) })),
  },
];

describe('a ledger with a checkpoint kept elsewhere', () => {
  it('is complete up to the rows that the checkpoint counts', async () => {
    const { home, anchor } = await makeAnchored();
    const { code, out } = await runCli(
      ['verify', '--checkpoint', anchor, '--require', 'complete,contiguous'],
      { home },
    );
    expect(code).toBe(0);
    expect(out).toMatch(/complete +yes +The ledger extends the checkpoint that was brought: up to row 4/);
    expect(out).toContain('2 rows after it');
  });

  it.each(ATTACKS)('$name: never complete, and $code', async ({ code, unseen, run }) => {
    const at = await makeAnchored();
    run(at);
    const checked = await runCli(['verify', '--checkpoint', at.anchor, '--json'], { home: at.home });
    expect(checked.code).toBe(1);
    const report = JSON.parse(checked.out);
    expect(report.ok).toBe(false);
    expect(report.verdicts.complete.answer).toBe('no');
    const errors = report.files.flatMap(
      (file: { problems: { code: string; severity: string }[] }) => file.problems,
    );
    const codes = errors
      .filter((each: { severity: string }) => each.severity === 'error')
      .map((each: { code: string }) => each.code);
    expect(codes).toContain(code);
    if (unseen) expect(codes).toEqual([code]);
    const alone = await runCli(['verify', '--json'], { home: at.home });
    if (unseen) expect(alone.code).toBe(0);
    expect(alone.out).not.toMatch(/"complete": \{\s+"answer": "yes"/);
    // What lies beside the ledger shows nothing, so it cannot prove completeness either.
    expect((await runCli(['verify', '--require', 'complete'], { home: at.home })).code).not.toBe(0);
  });

  it('a row of another ledger replayed is named, whatever the checkpoint counts', async () => {
    const at = await makeAnchored();
    const other = await makeAnchored();
    const lines = linesOf(at.ledger);
    put(at.ledger, [...lines, linesOf(other.ledger)[5]!]);
    const { code, out } = await runCli(['verify', '--checkpoint', at.anchor, '--json'], { home: at.home });
    expect(code).toBe(1);
    expect(out).toContain('LEDGER_ORDER_MISMATCH');
    put(at.ledger, lines.toSpliced(1, 1, linesOf(other.ledger)[1]!));
    expect((await runCli(['verify', '--checkpoint', at.anchor, '--json'], { home: at.home })).out).toContain(
      'REWRITTEN',
    );
  });

  it('and a second checkpoint that contradicts the first: two histories', async () => {
    const at = await makeAnchored();
    const lines = linesOf(at.ledger);
    const forked = makeHome();
    fs.cpSync(at.folder, join(forked, 'acme'), { recursive: true });
    for (const name of ['tree.bin', 'tree.json', 'checkpoints.ndjson', 'snapshot.json'])
      fs.rmSync(join(forked, 'acme', name), { force: true });
    put(join(forked, 'acme', 'decisions.ndjson'), reseal(lines.slice(0, 4), 2, trueKey(at)));
    const second = join(at.vault, 'second');
    expect((await runCli(['checkpoint', '--to', second], { home: forked })).code).toBe(0);
    const { code, out } = await runCli(['verify', '--checkpoint', at.anchor, '--checkpoint', second], {
      home: at.home,
    });
    expect(code).toBe(1);
    expect(out.replace(/\s+/g, ' ')).toContain('contradict each other');
  });

  it('over parts: a missing one is named, and the history is not complete', async () => {
    const at = await makeAnchored(12, 2_000);
    const parts = fs
      .readdirSync(at.folder)
      .filter((name) => name.startsWith('decisions-'))
      .sort();
    expect(parts.length).toBeGreaterThan(2);
    expect(
      (await runCli(['verify', '--checkpoint', at.anchor, '--require', 'complete'], { home: at.home })).code,
    ).toBe(0);
    fs.rmSync(join(at.folder, parts[1]!));
    const { code, out } = await runCli(['verify', '--checkpoint', at.anchor], { home: at.home });
    expect(code).toBe(1);
    expect(out).toContain('PART_MISSING');
    expect(out).toContain(parts[1]!);
    expect(out).toMatch(/complete +no/);
  });

  it('without its newest part is still found in the home', async () => {
    const at = await makeAnchored(12, 2_000);
    fs.rmSync(at.ledger);
    const { code, out } = await runCli(['verify', '--json'], { home: at.home });
    expect(code).toBe(0);
    expect(JSON.parse(out).files[0].rows).toBeGreaterThan(5);
  });

  it('as a list or one row printed out is not held to it', async () => {
    const { home, anchor, ledger, vault } = await makeAnchored();
    const list = join(vault, 'list.json');
    fs.writeFileSync(list, `[${linesOf(ledger).join(',')}]`);
    const { code, out } = await runCli(['verify', '--checkpoint', anchor, list, '--json'], { home });
    expect(code).toBe(0);
    expect(JSON.parse(out).verdicts.complete.answer).toBe('unknown');
  });

  it.each([
    ['is not there', undefined],
    ['is empty', ''],
    ['is no checkpoint', 'hello\n'],
    ['has a size with a leading zero', (text: string) => text.replace('\n4\n', '\n04\n')],
    ['has carriage returns', (text: string) => text.replaceAll('\n', '\r\n')],
    ['has lost its signature', (text: string) => text.replace(/\u2014.*\n/, '')],
    ['has text after it', (text: string) => `${text}x`],
  ])('a checkpoint that %s is refused as a file', async (_what, make) => {
    const { home, anchor } = await makeAnchored();
    const text = fs.readFileSync(anchor, 'utf8');
    if (make === undefined) fs.rmSync(anchor);
    else fs.writeFileSync(anchor, typeof make === 'string' ? make : make(text));
    const { code, err } = await runCli(['verify', '--checkpoint', anchor], { home });
    expect(code).toBe(3);
    expect(err).toContain('checkpoint');
  });

  it.each([
    ['size', (text: string) => text.replace('\n4\n', '\n3\n')],
    ['root', (text: string) => text.replace(/\n4\n./, (part) => `\n4\n${part.endsWith('A') ? 'B' : 'A'}`)],
  ])('a checkpoint whose %s was changed is no witness', async (_what, change) => {
    const { home, anchor } = await makeAnchored();
    fs.writeFileSync(anchor, change(fs.readFileSync(anchor, 'utf8')));
    const { code, out } = await runCli(['verify', '--checkpoint', anchor], { home });
    expect(code).toBe(1);
    expect(out).toContain('BAD_CHECKPOINT');
  });
});

describe('agentguard checkpoint', () => {
  let at: Anchored;
  beforeEach(async () => {
    at = await makeAnchored();
  });

  it('prints the note on standard output, and as JSON with its verifier key', async () => {
    const { out } = await runCli(['checkpoint'], { home: at.home });
    expect(out).toMatch(
      /^agentguard\/[0-9a-f]{32}\n6\n[A-Za-z0-9+/]{43}=\n\n\u2014 agentguard\/[0-9a-f]{32} \S+\n$/,
    );
    const json = JSON.parse((await runCli(['checkpoint', '--json'], { home: at.home })).out);
    expect(json).toMatchObject({ scope: 'acme', size: 6, checkpoint: out });
    expect(json.verifierKey).toMatch(/^agentguard\/[0-9a-f]{32}\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/);
  });

  it('replaces a checkpoint that the ledger extends, and no other file', async () => {
    expect((await runCli(['checkpoint', '--to', at.anchor], { home: at.home })).code).toBe(0);
    expect(fs.readFileSync(at.anchor, 'utf8')).toContain('\n6\n');
    const precious = join(at.vault, 'precious');
    fs.writeFileSync(precious, 'mine');
    const { code, err } = await runCli(['checkpoint', '--to', precious, '--to', at.anchor], {
      home: at.home,
    });
    expect(code).toBe(3);
    expect(err).toContain('not overwritten');
    expect(fs.readFileSync(precious, 'utf8')).toBe('mine');
    const other = await makeAnchored();
    expect((await runCli(['checkpoint', '--to', other.anchor], { home: at.home })).code).toBe(3);
  });

  it('leaves the witness of a rewriting where it is', async () => {
    const before = fs.readFileSync(at.anchor, 'utf8');
    put(at.ledger, reseal(linesOf(at.ledger), 2, trueKey(at)));
    for (const name of ['snapshot.json', 'tree.json', 'tree.bin'])
      fs.rmSync(join(at.folder, name), { force: true });
    const { code, err } = await runCli(['checkpoint', '--to', at.anchor], { home: at.home });
    expect(code).toBe(1);
    expect(err).toContain('does not extend');
    expect(fs.readFileSync(at.anchor, 'utf8')).toBe(before);
  });

  it('hands the note to a command, and ends 5 when that fails', async () => {
    const into = join(at.vault, 'note');
    expect((await runCli(['checkpoint', '--to', `exec:cat > '${into}'`], { home: at.home })).code).toBe(0);
    expect(fs.readFileSync(into, 'utf8')).toContain('\n6\n');
    const second = join(at.vault, 'second');
    const failed = await runCli(['checkpoint', '--to', 'exec:exit 7', '--to', second], { home: at.home });
    expect([failed.code, failed.err.includes('ended with 7')]).toEqual([5, true]);
    expect(fs.existsSync(second)).toBe(true);
    expect((await runCli(['checkpoint', '--to', 'exec:true'], { home: at.home })).code).toBe(0);
  });

  it('asks for a scope where there are several, and has nothing to sign without rows', async () => {
    const empty = await open(at.home, { scope: 'beta' });
    await empty.close();
    expect((await runCli(['checkpoint'], { home: at.home })).code).toBe(2);
    expect((await runCli(['checkpoint', '--scope', 'beta'], { home: at.home })).code).toBe(3);
    expect((await runCli(['checkpoint', '--scope', 'gamma'], { home: at.home })).code).toBe(3);
    expect((await runCli(['checkpoint', '--to', 'exec:'], { home: at.home })).code).toBe(2);
    expect((await runCli(['checkpoint'], { home: makeHome() })).code).toBe(3);
  });
});
