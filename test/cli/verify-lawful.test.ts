/** `verify` and policies: those beside a ledger, those that are demanded, and what they say of the ledger. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import { sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { loadSeed } from '../../src/store/keys.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { runBin } from '../helpers/consumer.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { runCli } from './run-cli.js';

const POLICY = policyOf([{ amountCents: 20_000, window: 'per_day', action: 'block' }]);

/** A home with a ledger of two calls that cost $0.005 each. */
async function makeLedger(policy: SpendPolicy = POLICY) {
  setPrices();
  const home = await makeHome();
  const guard = new SpendGuard({ policy, config: { home, durability: 'process' } });
  for (let call = 0; call < 2; call++) {
    const allowed = await guard.decide({ model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 });
    await guard.settle(allowed, { costUsd: '0.005' });
  }
  await guard.close();
  const file = join(home, 'policy.json');
  await writeFile(file, JSON.stringify(policy));
  return { home, file, ledger: join(home, 'acme', 'decisions.ndjson'), kept: join(home, 'acme', 'policies') };
}

/** Seals the rows again with the ledger's true key. */
async function reseal(home: string, ledger: string, change: (row: JsonObject, index: number) => JsonObject) {
  const signer = createNodeSigner((await loadSeed(join(home, 'acme', 'signing.key')))!);
  let previousHash = ZERO_HASH;
  const lines = (await readRows(home)).map(({ decision }, sequence) => {
    const changed = { ...change(decision as JsonObject, sequence), ledgerPreviousHash: previousHash };
    const { receipt, line } = sealReceipt(changed, { sequence, previousHash }, signer, nodeBackend);
    previousHash = receipt.entryHash;
    return `${line}\n`;
  });
  await writeFile(ledger, lines.join(''));
}

describe('verify', () => {
  it('finds the policies beside the ledger and prints a line for each cap', async () => {
    const { home } = await makeLedger();
    const { code, out, err } = await runCli(['verify', '--require', 'lawful,contiguous'], { home });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(
      'lawful      yes      All 2 decisions follow from their policy and the rows before.',
    );
    expect(out).toContain('\n  cap $200.00/day: highest $0.01, never exceeded  (tenantId=acme)\n');
  });

  it('gives the caps as JSON, for all and for each file', async () => {
    const { home } = await makeLedger();
    const report = JSON.parse((await runCli(['verify', '--json'], { home })).out);
    const cap = {
      cap: 'caps[0]',
      policyId: 'test',
      policyHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      action: 'block',
      mode: 'enforce',
      window: 'per_day',
      scopeKey: 'tenantId=acme',
      limitUsd: '200',
      highestUsd: '0.01',
      exceeded: false,
    };
    expect(report).toMatchObject({
      verdicts: { lawful: { answer: 'yes' } },
      caps: [cap],
      files: [{ caps: [cap] }],
    });
  });

  it('without the policies does not know, and --policy brings them: 4, then 0', async () => {
    const { home, kept, file } = await makeLedger();
    await rm(kept, { recursive: true });
    const open = await runCli(['verify', '--require', 'lawful'], { home });
    expect(open.code).toBe(4);
    expect(open.out).toContain('2 were made by a policy that is not here');
    expect(open.err).toContain('hint: lawful: keep the policies folder beside the ledger');
    expect((await runCli(['verify', '--require', 'lawful', '--policy', file], { home })).code).toBe(0);
  });

  it('reads no policy from a kept file that was changed, and says which: 4', async () => {
    const { home, kept } = await makeLedger();
    const [name = ''] =
      (await readFile(join(home, 'acme', 'decisions.ndjson'), 'utf8')).match(/(?<="policyHash":")\w+/) ?? [];
    const path = join(kept, `${name}.json`);
    await writeFile(path, (await readFile(path, 'utf8')).replace('20000', '20001'));
    const { code, err } = await runCli(['verify', '--require', 'lawful'], { home });
    expect(code).toBe(4);
    expect(err).toContain(
      `policies/${name}.json is not used: The text of the policy is not what its hash was made from.`,
    );
  });

  it('of a demanded policy that did not govern fails: 1', async () => {
    const { home, file } = await makeLedger();
    await writeFile(file, JSON.stringify({ ...POLICY, version: 2 }));
    const { code, out, err } = await runCli(['verify', '--policy', file], { home });
    expect(code).toBe(1);
    expect(out).toContain('POLICY_MISMATCH');
    expect(err).toContain('decided without the policy "test"');
  });

  it.each([
    ['is not there', undefined],
    ['is no JSON', '{'],
    ['is no policy', '{"id":"x"}'],
  ])('of a policy file that %s says so: 3', async (_what, text) => {
    const { home, file } = await makeLedger();
    if (text === undefined) await rm(file);
    else await writeFile(file, text);
    const { code, out, err } = await runCli(['verify', '--policy', file], { home });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain(file);
  });

  it('as a process fails a ledger with one call past its cap, at its row: 1', async () => {
    const { home, ledger } = await makeBlocked();
    expect((await runBin(['verify'], home)).code).toBe(0);
    await reseal(home, ledger, (row, index) => {
      const { refusal: _, ...rest } = row;
      return index === 2
        ? { ...rest, action: 'allow', triggeredCap: null, triggeredScopeKey: null, reasons: [] }
        : row;
    });
    const { code, stdout, stderr } = await runBin(['verify', '--require', 'lawful'], home);
    expect(code).toBe(1);
    expect(stdout).toContain('contiguous  yes');
    expect(stdout).toMatch(/error line 3, sequence 2, CAP_EXCEEDED: The call brings the cap \$0\.01/);
    expect(stdout).toContain('cap $0.01/day: highest $0.011, EXCEEDED');
    expect(stderr).toContain('line 3: The call brings the cap');
  });

  it('of a copy without its folder, of standard input, and of one receipt does not know', async () => {
    const { home, ledger } = await makeLedger();
    const copy = join(home, 'copy.ndjson');
    await cp(ledger, copy);
    const lawfulOf = async (argv: readonly string[], stdin = '') => {
      const { out } = await runCli(['verify', '--json', ...argv], { home, stdin });
      return JSON.parse(out).verdicts.lawful.answer;
    };
    expect(await lawfulOf([copy])).toBe('unknown');
    expect(await lawfulOf(['-'], await readFile(ledger, 'utf8'))).toBe('unknown');
    const [, second = ''] = (await readFile(ledger, 'utf8')).split('\n');
    expect(await lawfulOf(['-'], JSON.stringify(JSON.parse(second), null, 2))).toBe('unknown');
  });
});

/** A ledger whose second call was refused by a cap of one cent. */
async function makeBlocked() {
  setPrices();
  const home = await makeHome();
  const policy = policyOf([{ amountCents: 1, window: 'per_day', action: 'block' }]);
  const guard = new SpendGuard({ policy, config: { home, durability: 'process' } });
  const call = { model: HAIKU, inputTokens: 1_000, maxOutputTokens: 1_000 };
  await guard.settle(await guard.decide(call), { costUsd: '0.005' });
  await guard.decide(call).catch(() => {});
  await guard.close();
  return { home, ledger: join(home, 'acme', 'decisions.ndjson') };
}
