/** What people give to a verification, good, bad and by mistake: for the page and for the command line alike. */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { listCases } from '../core/receipt-cases.js';
import { runCommand } from './dashboard-process.js';

/** One verification. */
export interface GivenCase {
  readonly name: string;
  /** Paths of what is verified. */
  readonly rows: readonly string[];
  /** Paths of what goes with it, by the option that the command line has for it. */
  readonly checkpoints?: readonly string[];
  readonly trust?: string;
  readonly policies?: readonly string[];
  /** Kept beside the ledger, where the command line finds them by itself. */
  readonly kept?: readonly string[];
  readonly keys?: readonly string[];
  /** What is expected of it, to tell kinds of cases apart. */
  readonly answer?: string;
  /** What the page says of a file that is no receipt. */
  readonly remark?: RegExp;
}

/** Every vector of test/vectors/receipts as files. */
export async function listVectorCases(folder: string): Promise<GivenCase[]> {
  const cases: GivenCase[] = [];
  for (const { name, bytes, options, checkpoints = [], generated, problems, complete } of listCases()) {
    if (generated) continue;
    const at = join(folder, name);
    await mkdir(at, { recursive: true });
    const put = async (file: string, content: string | Uint8Array): Promise<string> => {
      await writeFile(join(at, file), content, { mode: 0o644 });
      return join(at, file);
    };
    const trust =
      options?.pinnedKeys && (await put('trust.json', JSON.stringify({ keys: options.pinnedKeys })));
    const notes = await Promise.all(checkpoints.map((note, index) => put(`checkpoint-${index + 1}`, note)));
    cases.push({
      name,
      answer: `${problems.map((problem) => problem.split('@')[0])} ${complete}`,
      rows: [await put('rows.ndjson', bytes)],
      checkpoints: notes,
      ...(trust !== undefined && { trust }),
      ...(options?.allowedKeys && { keys: options.allowedKeys }),
    });
  }
  return cases;
}

/** What `export`, `receipt` and `checkpoint` make of a ledger of real guards, and what can be done to it. */
export async function listLedgerCases(folder: string, home: string): Promise<GivenCase[]> {
  const scope = join(home, 'acme');
  const ledger = join(scope, 'decisions.ndjson');
  const rows = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  const put = async (name: string, content: string | Uint8Array): Promise<string> => {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const lines = (list: readonly string[]): string => list.map((row) => `${row}\n`).join('');
  const checkpoint = await put('checkpoint', await runCommand(home, 'checkpoint'));
  const proof = await runCommand(home, 'receipt', JSON.parse(rows[5]!).decision.decisionId, '--proof');
  const kept = (await readdir(join(scope, 'policies'))).map((name) => join(scope, 'policies', name));
  const policy = await put(
    'policy.json',
    JSON.stringify({
      ...{ id: 'other', name: 'Other', scope: { tenantId: 'acme' }, caps: [], mode: 'enforce', version: 1 },
      effectiveFrom: '2026-01-01T00:00:00Z',
    }),
  );
  const at = Math.floor(rows.length / 2);
  return [
    { name: 'a ledger with its policies', rows: [ledger], kept },
    { name: 'a ledger that extends a checkpoint', rows: [ledger], kept, checkpoints: [checkpoint] },
    { name: 'a ledger without its policies', rows: [await put('bare.ndjson', lines(rows))] },
    {
      name: 'a bundle',
      rows: [await put('bundle.ndjson', await runCommand(home, 'export', '--format', 'bundle'))],
    },
    { name: 'a proof', rows: [await put('proof', proof)] },
    { name: 'a proof and its checkpoint', rows: [await put('proof', proof)], checkpoints: [checkpoint] },
    {
      name: 'a proof of another place',
      rows: [await put('moved', proof.replace('\nindex 5\n', '\nindex 6\n'))],
    },
    { name: 'half a proof', rows: [await put('half', proof.slice(0, 700))] },
    { name: 'a list', rows: [await put('list.json', `[${rows.slice(0, 4).join(',\n')}]`)] },
    {
      name: 'one receipt, printed',
      rows: [await put('one.json', JSON.stringify(JSON.parse(rows[3]!), null, 2))],
    },
    { name: 'one row', rows: [await put('row.ndjson', lines(rows.slice(3, 4)))] },
    {
      name: 'parts',
      rows: [join(folder, 'parts', 'decisions.ndjson')],
      ...(await putParts(folder, rows, false)),
    },
    {
      name: 'parts, one missing',
      rows: [join(folder, 'gap', 'decisions.ndjson')],
      ...(await putParts(folder, rows, true)),
    },
    {
      name: 'rows cut off the end',
      rows: [await put('cut.ndjson', lines(rows.slice(0, -3)))],
      checkpoints: [checkpoint],
    },
    {
      name: 'a row taken out',
      rows: [await put('out.ndjson', lines(rows.toSpliced(at, 1)))],
      checkpoints: [checkpoint],
    },
    {
      name: 'a changed row',
      rows: [
        await put(
          'changed.ndjson',
          lines(rows.with(at, rows[at]!.replace('"decision":{', '"decision":{"a":1,'))),
        ),
      ],
    },
    {
      name: 'a checkpoint of a ledger that is not there',
      rows: [await put('strange.ndjson', readFileSync(VECTOR))],
      checkpoints: [checkpoint],
    },
    { name: 'a policy that is demanded', rows: [ledger], kept, policies: [policy] },
    { name: 'a key that is none of the signers', rows: [ledger], kept, keys: ['ab'.repeat(32)] },
  ];
}

const VECTOR = new URL('../vectors/receipts/one-signer.ndjson', import.meta.url);

/** As rotation leaves a ledger. The page is given all files; the command line finds them beside the newest. */
async function putParts(folder: string, rows: readonly string[], hasGap: boolean) {
  const at = join(folder, hasGap ? 'gap' : 'parts');
  await mkdir(at, { recursive: true });
  const third = Math.floor(rows.length / 3);
  const names = [
    'decisions-000001.ndjson',
    'decisions-000002.ndjson',
    'decisions-000003.ndjson',
    'decisions.ndjson',
  ];
  for (const [index, name] of names.entries()) {
    if (hasGap && index === 1) continue;
    const part = index < 3 ? rows.slice(index * third, (index + 1) * third) : rows.slice(3 * third);
    await writeFile(join(at, name), part.map((row) => `${row}\n`).join(''));
  }
  const parts = (await readdir(at))
    .filter((name) => name !== 'decisions.ndjson')
    .map((name) => join(at, name));
  return { parts };
}

/** What people drop by mistake. */
export async function listWrongFiles(folder: string): Promise<GivenCase[]> {
  await mkdir(folder, { recursive: true });
  const files: readonly (readonly [name: string, content: string | Uint8Array, remark: RegExp])[] = [
    ['empty.ndjson', '', /empty/],
    ['report.pdf', '%PDF-1.7\n1 0 obj\n', /PDF/],
    ['photo.png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /image/],
    ['ledger.ndjson.gz', gzipSync(readFileSync(VECTOR)), /gzip/],
    ['evidence.zip', Buffer.from('504b03041400000008', 'hex'), /ZIP/],
    ['export.csv', 'time,model,usd\n2026-10-01,a/b,0.1\n', /CSV/],
    ['page.html', '<!doctype html><title>Sign in</title>', /web page/],
    ['utf16.ndjson', Buffer.from(`\ufeff${readFileSync(VECTOR, 'utf8')}`, 'utf16le'), /UTF-16/],
    ['letter.txt', 'Dear auditor, please find attached\n', /no receipt/],
    ['random.bin', Buffer.from([1, 0, 255, 254, 0, 7]), /binary/],
    ['long.ndjson', `{"decision":"${'x'.repeat(1_100_000)}"}`, /^$/],
    ['package.json', '{"name":"x","version":"1.0.0"}', /no "decision"/],
    ['key.pem', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n', /private key/],
    ['blanks.ndjson', '   \n\n', /blanks/],
    ['verdicts.json', '{"ok":true,"verdicts":{},"files":[]}', /result of a verification/],
  ];
  return Promise.all(
    files.map(async ([name, content, remark]) => {
      await writeFile(join(folder, name), content);
      return { name, rows: [join(folder, name)], remark };
    }),
  );
}

/** The command line that does the same. */
export function printArguments(given: GivenCase): string[] {
  return [
    'verify',
    ...given.rows,
    ...(given.checkpoints ?? []).flatMap((path) => ['--checkpoint', path]),
    ...(given.trust === undefined ? [] : ['--trust', given.trust]),
    ...(given.policies ?? []).flatMap((path) => ['--policy', path]),
    ...(given.keys ?? []).flatMap((key) => ['--public-key', key]),
    '--json',
  ];
}

/** The files that are dropped on the page. */
export function listDropped(given: GivenCase & { readonly parts?: readonly string[] }): string[] {
  const { rows, parts = [], checkpoints = [], trust, policies = [], kept = [] } = given;
  return [...parts, ...rows, ...checkpoints, ...(trust === undefined ? [] : [trust]), ...policies, ...kept];
}
