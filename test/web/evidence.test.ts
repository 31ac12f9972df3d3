/** What a ledger is held against on the Integrity screen, and whose word is not taken for it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { signCheckpoint } from '../../src/core/checkpoint.js';
import { hashLeaf } from '../../src/core/merkle.js';
import type { FileReport } from '../../src/core/report.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { type Evidence, readEvidence } from '../../web/verify/evidence.js';
import { startLedgerRun } from '../../web/verify/ledger-run.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { compilePolicy, LEDGER_KEY } from '../helpers/lawful-ledger.js';

const POLICY = compilePolicy(policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }]));
const SENT = { policyHash: POLICY.policyHash, text: POLICY.hashedText };
const NOTHING: Evidence = { policies: [], files: [], keys: [] };
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const fileOf = (name: string, text: string) => ({
  name,
  sizeBytes: encode(text).length,
  head: encode(text),
});

describe('a ledger held against evidence', () => {
  let lines: readonly string[] = [];
  let ledgerId = '';

  beforeAll(async () => {
    setPrices();
    const store = createMemoryStore({ signer: LEDGER_KEY });
    const guard = new SpendGuard({
      policy: policyOf([{ amountCents: 100, window: 'per_day', action: 'block' }]),
      scope: { tenantId: 'acme' },
      config: { store },
    });
    const allowed = await guard.decide({ model: HAIKU, inputTokens: 10, maxOutputTokens: 10 });
    await guard.settle(allowed, { costUsd: '0.00001' });
    lines = store.lines;
    ledgerId = String(store.receipts[0]?.decision.ledgerId);
  });

  async function verify(given: Partial<Evidence>, count = lines.length): Promise<FileReport> {
    const { options } = readEvidence({ ...NOTHING, ...given }, nodeBackend);
    const run = startLedgerRun('acme', nodeBackend, options);
    await run.push(encode(lines.slice(0, count).join('')));
    return run.finish();
  }
  const checkpoint = (): string => {
    const leaf = hashLeaf(nodeBackend.sha256, encode(lines[0]!.trimEnd()));
    return signCheckpoint(ledgerId, 1, leaf, LEDGER_KEY);
  };

  it('is lawful by the policies that the server sent', async () => {
    const { verdicts } = await verify({ policies: [SENT] });
    expect(verdicts.lawful.answer).toBe('yes');
    expect(verdicts.complete.answer).toBe('unknown');
    expect(verdicts.authentic.answer).toBe('unknown');
  });

  it('is not judged by a text that does not hash to what the rows name', async () => {
    const text = SENT.text.replace('"per_day"', '"per_week"');
    expect(text).not.toBe(SENT.text);
    const policies = [{ ...SENT, text }];
    expect((await verify({ policies })).verdicts.lawful.answer).toBe('unknown');
    expect(readEvidence({ ...NOTHING, policies }, nodeBackend).refusedPolicies).toEqual([SENT.policyHash]);
  });

  it.each(['', '{', 'null', '{}', '\ud800'])('refuses the policy %j without an exception', (text) => {
    const policies = [{ policyHash: SENT.policyHash, text }];
    expect(readEvidence({ ...NOTHING, policies }, nodeBackend).refusedPolicies).toEqual([SENT.policyHash]);
  });

  it('is complete against a checkpoint that was brought', async () => {
    const { verdicts } = await verify({ files: [fileOf('kept.txt', checkpoint())] });
    expect(verdicts.complete.answer).toBe('yes');
  });

  it('is not complete where rows that the checkpoint counts were cut off', async () => {
    const { verdicts, problems } = await verify({ files: [fileOf('kept.txt', checkpoint())] }, 0);
    expect(verdicts.complete.answer).not.toBe('yes');
    const two = signCheckpoint(ledgerId, 2, new Uint8Array(32), LEDGER_KEY);
    const cut = await verify({ files: [fileOf('kept.txt', two)] }, 1);
    expect(cut.problems.map(({ code }) => code)).toContain('TRUNCATED');
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('is refused where its first rows are others than the checkpoint counts', async () => {
    const other = signCheckpoint(ledgerId, 1, new Uint8Array(32), LEDGER_KEY);
    const { verdicts } = await verify({ files: [fileOf('kept.txt', other)] });
    expect(verdicts.complete.answer).toBe('no');
  });

  it('is authentic by a key that was typed, and refused by another', async () => {
    expect((await verify({ keys: [LEDGER_KEY.publicKeyHex] })).verdicts.authentic.answer).toBe('yes');
    expect((await verify({ keys: ['ab'.repeat(32)] })).verdicts.authentic.answer).toBe('no');
  });

  it.each([
    ['rows', () => lines[0]!],
    ['a picture', () => '\u0089PNG'],
    ['nothing', () => ''],
    ['a broken checkpoint', () => checkpoint().replace('\n1\n', '\nx\n')],
    ['a policy that is none', () => '{"caps":1}'],
    ['a trust file that is none', () => '{"keys":[{}]}'],
  ])('is held against nothing where the file is %s', (_what, text) => {
    const { options, files } = readEvidence(
      { ...NOTHING, files: [fileOf('<b>file</b>', text())] },
      nodeBackend,
    );
    expect(files).toMatchObject([{ name: '<b>file</b>', kind: 'refused' }]);
    expect(files[0]?.remark).not.toBe('');
    expect(options.checkpoints).toEqual([]);
    expect(options.policies?.size).toBe(0);
  });
});
