import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signCheckpoint } from '../../src/core/checkpoint.js';
import { HEAD_BYTES, readGivenFile } from '../../src/core/given-file.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { listWrongFiles } from '../e2e/given-cases.js';
import { fixedSigner, writeLedger } from './ledger-fixture.js';

const POLICY = {
  ...{ id: 'p', name: 'P', scope: { tenantId: 'acme' }, caps: [], mode: 'enforce', version: 1 },
  effectiveFrom: '2026-01-01T00:00:00Z',
};
const KEY = 'ab'.repeat(32);
const note = signCheckpoint('0f'.repeat(16), 1, new Uint8Array(32), fixedSigner(1));
const { lines } = writeLedger('aa');

const read = (name: string, content: string | Uint8Array) => {
  const bytes = Buffer.from(content as string);
  const head = bytes.subarray(0, HEAD_BYTES);
  return readGivenFile({ name, sizeBytes: bytes.length, head }, nodeBackend);
};

describe('a file is what its content says', () => {
  it.each<[string, string, string | Uint8Array, object]>([
    ['one row', 'x', lines[0]!, { kind: 'rows' }],
    ['a ledger', 'policy.json', `${lines.join('\n')}\n`, { kind: 'rows' }],
    ['a list', 'trust.json', `[${lines.join()}]`, { kind: 'rows' }],
    ['a bundle', 'x', '{"agentguardBundle":1,"attachments":0}', { kind: 'rows' }],
    ['a proof', 'x', 'c2sp.org/tlog-proof@v1\nindex 0\n', { kind: 'rows' }],
    ['a checkpoint', 'x', note, { kind: 'checkpoint' }],
    ['a trust file', 'x', JSON.stringify({ keys: [{ publicKeyHex: KEY }] }), { kind: 'trust' }],
    ['a policy', 'x', JSON.stringify(POLICY), { kind: 'policy', demanded: true }],
    ['a broken policy', 'x', JSON.stringify({ ...POLICY, mode: 'sometimes' }), { kind: 'refused' }],
    ['a broken checkpoint', 'x', 'agentguard/x\n', { kind: 'refused' }],
    ['a broken trust file', 'x', '{"keys":[]}', { kind: 'refused' }],
    ['a policy under the name of another', `${KEY}.json`, JSON.stringify(POLICY), { kind: 'refused' }],
    ['a policy in YAML', 'p.yaml', 'caps: []', { kind: 'refused' }],
  ])('%s', (_what, name, content, expected) => {
    const given = read(name, content);
    expect(given).toMatchObject(expected);
    if (given.kind === 'rows') expect(given.remark).toBeUndefined();
  });

  it('whatever people drop by mistake is told in a sentence', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agentguard-given-'));
    for (const { rows, remark } of await listWrongFiles(folder)) {
      const given = read(basename(rows[0]!), readFileSync(rows[0]!));
      expect(given.kind).toBe('rows');
      expect(given.kind === 'rows' ? (given.remark ?? '') : '').toMatch(remark!);
    }
    await rm(folder, { recursive: true });
  });

  it('and no bytes make it throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(['rows', 'checkpoint', 'policy', 'trust', 'refused']).toContain(read('x', bytes).kind);
        },
      ),
    );
  });
});
