import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { parseCheckpoint, signCheckpoint } from '../../src/core/checkpoint.js';
import { hashLeaf, hashNode } from '../../src/core/merkle.js';
import { verifyProof } from '../../src/core/proof-verification.js';
import { printTlogProof } from '../../src/core/tlog-proof.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { fixedSigner, writeLedger } from './ledger-fixture.js';

const { sha256 } = nodeBackend;
const { lines, ledgerId } = writeLedger('aa');
const signer = fixedSigner(97);
const leaves = lines.map((line) => hashLeaf(sha256, encodeUtf8(line)));
const root = hashNode(sha256, leaves[0]!, leaves[1]!);

function checkpointOf(tree: Uint8Array, { id = ledgerId, by = signer } = {}) {
  const reading = parseCheckpoint(encodeUtf8(signCheckpoint(id, 2, tree, by)));
  if (!reading.ok) throw new Error(reading.message);
  return reading.value;
}

const good = { index: 1, hashes: [leaves[0]!], checkpoint: checkpointOf(root), extra: encodeUtf8(lines[1]!) };

async function judge(proof: Parameters<typeof printTlogProof>[0], options = {}) {
  const report = await verifyProof(encodeUtf8(printTlogProof(proof)), 'proof', options);
  const codes = report.problems.map(({ code }) => code).filter((code) => code !== 'UNPINNED_KEY');
  const { complete, authentic } = report.verdicts;
  return { codes, complete: complete.answer, because: complete.because, authentic: authentic.answer };
}

describe('a receipt inside its proof', () => {
  it('is placed in its checkpoint, which never makes it complete', async () => {
    const { codes, complete, because } = await judge(good);
    expect({ codes, complete }).toEqual({ codes: [], complete: 'unknown' });
    expect(because).toContain('row 1 of the 2 rows');
    expect(because).toContain('its key signed it');
  });

  it('is compared with a checkpoint that was kept', async () => {
    const kept = [{ name: 'mine', checkpoint: checkpointOf(root) }];
    expect((await judge(good, { checkpoints: kept })).because).toContain(
      'the checkpoint mine that was brought',
    );
    const other = [{ name: 'mine', checkpoint: checkpointOf(leaves[0]!) }];
    expect(await judge(good, { checkpoints: other })).toMatchObject({ codes: ['REWRITTEN'], complete: 'no' });
  });

  it('says when a stranger signed the checkpoint', async () => {
    const proof = { ...good, checkpoint: checkpointOf(root, { by: fixedSigner(98) }) };
    expect((await judge(proof)).because).toContain('whose key signed no row here');
  });

  it.each([
    ['another place', { index: 0 }],
    ['another path', { hashes: [leaves[1]!] }],
    ['no path', { hashes: [] }],
    ['another row', { extra: encodeUtf8(lines[0]!) }],
    ['no row', { extra: undefined }],
    ['another tree', { checkpoint: checkpointOf(leaves[1]!) }],
    ['another ledger', { checkpoint: checkpointOf(root, { id: '1f'.repeat(16) }) }],
  ])('with %s is refused', async (_what, change) => {
    expect(await judge({ ...good, ...change })).toMatchObject({ codes: ['BAD_CHECKPOINT'], complete: 'no' });
  });

  it('whose row was changed is not authentic', async () => {
    const changed = lines[1]!.replace('alice', 'mallo');
    const result = await judge({ ...good, extra: encodeUtf8(changed) });
    expect(result.authentic).toBe('no');
    expect(result.codes).toContain('HASH_MISMATCH');
  });

  it('that is no proof is refused with a sentence', async () => {
    for (const text of [
      '',
      'c2sp.org/tlog-proof@v1\n',
      'c2sp.org/tlog-proof@v1\nindex 1\n\nagentguard/x\n',
    ]) {
      const report = await verifyProof(encodeUtf8(text), 'proof', {});
      expect(report.problems.map(({ code }) => code)).toEqual(['BAD_CHECKPOINT']);
      expect(report.rows).toBe(0);
    }
  });
});
