/** Our checkpoints and proofs before a reader in another language, which shares no line of code with us. */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../src/store/index.js';
import { runCli } from '../cli/run-cli.js';
import { referenceData } from '../helpers/reference-data.js';
import { add } from '../store/open-ledger.js';

const SCRIPT = fileURLToPath(new URL('check.py', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;
const TESSERA = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

function check(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT, ...args], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : stderr.trim().split(':')[0]!;
}

describe.skipIf(!hasPython)('an independent checker', () => {
  let folder: string;
  let verifierKey: string;
  let checkpoint: string;
  let proof: string;

  beforeAll(async () => {
    const home = fs.mkdtempSync(join(fs.realpathSync('/tmp'), 'ag-independent-'));
    folder = home;
    const store = await openLedger({ home, scope: 'acme', durability: 'disk' });
    for (let n = 0; n < 11; n++) await add(store, n);
    await store.close();
    const described = JSON.parse((await runCli(['checkpoint', '--json'], { home })).out);
    ({ verifierKey, checkpoint } = described);
    proof = (await runCli(['receipt', 'd-6', '--proof'], { home })).out;
    return () => fs.rmSync(home, { recursive: true, force: true });
  });

  const put = (text: string): string => {
    const path = join(folder, 'given');
    fs.writeFileSync(path, text);
    return path;
  };

  it('is written from the specifications, in about a hundred lines of the standard library', () => {
    const text = fs.readFileSync(SCRIPT, 'utf8');
    expect([...text.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name)).toEqual([
      'base64',
      'hashlib',
      'sys',
    ]);
    expect(text.split('\n').length).toBeLessThan(140);
    expect(execFileSync('python3', ['--version']).toString()).toMatch(/Python 3/);
  });

  it('accepts our checkpoint and our proof, of the line within and of the line brought', () => {
    expect(check(verifierKey, put(checkpoint))).toBe('11');
    expect(check(verifierKey, put(proof))).toBe('6 11');
    const lines = fs.readFileSync(join(folder, 'acme', 'decisions.ndjson'), 'utf8').split('\n');
    fs.writeFileSync(join(folder, 'row'), lines[6]!);
    expect(check(verifierKey, put(proof), join(folder, 'row'))).toBe('6 11');
    fs.writeFileSync(join(folder, 'row'), lines[5]!);
    expect(check(verifierKey, put(proof), join(folder, 'row'))).toBe('refused');
  });

  it.each([
    ['size', (text: string) => text.replace('\n11\n', '\n10\n')],
    ['origin', (text: string) => text.replace('agentguard/', 'agentgaurd/')],
    ['root', (text: string) => text.replace(/\n11\n(.)/, (_, digit) => `\n11\n${digit === 'A' ? 'B' : 'A'}`)],
    [
      'signature',
      (text: string) =>
        text.replace(/(.{9})=*\n$/, (part) => part.replace(/[A-Z]/, (one) => (one === 'A' ? 'B' : 'A'))),
    ],
    ['end', (text: string) => text.slice(0, -1)],
  ])('refuses a checkpoint whose %s was changed', (_what, change) => {
    expect(change(checkpoint)).not.toBe(checkpoint);
    expect(check(verifierKey, put(change(checkpoint)))).toBe('refused');
  });

  it.each([
    ['index', (text: string) => text.replace('index 6', 'index 7')],
    ['row', (text: string) => text.replace(/extra (.{40})./, 'extra $1A')],
    [
      'first hash',
      (text: string) =>
        text.replace(/(index 6\n)(.)/, (_, head, digit) => `${head}${digit === 'A' ? 'B' : 'A'}`),
    ],
    ['number of hashes', (text: string) => text.replace(/(index 6\n).*\n/, '$1')],
    ['checkpoint', (text: string) => text.replace('\n11\n', '\n12\n')],
  ])('refuses a proof whose %s was changed', (_what, change) => {
    expect(change(proof)).not.toBe(proof);
    expect(check(verifierKey, put(change(proof)))).toBe('refused');
  });

  it('refuses our checkpoint under another key of the same name', () => {
    const other = verifierKey.replace(/\+([0-9a-f]{8})\+/, (part) =>
      part.replace(/[0-9a-f]/, (digit) => (digit === '0' ? '1' : '0')),
    );
    expect(check(other, put(checkpoint))).toBe('refused');
  });

  it.skipIf(!referenceData)('accepts the published checkpoints of another log, as we do', () => {
    for (const size of ['0', '1', '5', '10', '15'])
      expect(check(TESSERA, join(referenceData!, 'vectors/tlog', `checkpoint.${size}`))).toBe(size);
  });
});
