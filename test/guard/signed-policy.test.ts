import { existsSync } from 'node:fs';
import { chmod, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { signPolicy } from '../../src/core/policy-signature.js';
import type { GuardConfig, GuardOptions } from '../../src/guard/options.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { HAIKU, policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';

const OWNER = createNodeSigner(new Uint8Array(32).fill(7));
const OTHER = createNodeSigner(new Uint8Array(32).fill(8));
const PINNED = OWNER.publicKeyHex;
const POLICY = policyOf([{ amountCents: 500, window: 'per_day', action: 'block' }]);

function sign(policy: SpendPolicy, signer = OWNER): JsonObject {
  const reading = parsePolicy(policy, nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return signPolicy(reading.policy, signer, 'Finance', 0, nodeBackend);
}

/** Writes a policy file and the signature beside it. */
async function put(home: string, policy: SpendPolicy, signature?: unknown): Promise<string> {
  const path = join(home, 'policy.json');
  await writeFile(path, JSON.stringify(policy));
  if (signature !== undefined) await writeFile(`${path}.sig`, JSON.stringify(signature));
  return path;
}

async function pin(home: string, config: unknown = { policyOwner: PINNED }): Promise<void> {
  await writeFile(join(home, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

function open(home: string, options: Omit<GuardOptions, 'config'>, config: GuardConfig = {}): SpendGuard {
  setPrices();
  const guard = new SpendGuard({ ...options, config: { home, ...config } });
  onTestFinished(() => guard.close());
  return guard;
}

async function call(guard: SpendGuard): Promise<void> {
  await guard.settle(await guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 }), {
    costUsd: '0',
  });
}

describe('where config.json pins the owner of policies', () => {
  it('a signed file decides, and the receipt names who approved', async () => {
    const home = await makeHome();
    await pin(home);
    await call(open(home, { policy: await put(home, POLICY, sign(POLICY)) }));
    const [row] = await readRows(home);
    expect(row?.decision.policyApprover).toEqual({
      publicKeyHex: PINNED,
      name: 'Finance',
      signedAt: '1970-01-01T00:00:00.000Z',
    });
  });

  it.each<[string, SpendPolicy, unknown, string]>([
    ['unsigned', POLICY, undefined, 'POLICY_UNSIGNED'],
    ['altered', { ...POLICY, mode: 'shadow' }, sign(POLICY), 'POLICY_SIGNATURE_INVALID'],
    [
      'in force earlier than signed',
      { ...POLICY, effectiveFrom: '2020-01-01T00:00:00Z' },
      sign(POLICY),
      'POLICY_SIGNATURE_INVALID',
    ],
    ['signed by somebody else', POLICY, sign(POLICY, OTHER), 'POLICY_SIGNATURE_INVALID'],
    ['beside a signature that is none', POLICY, { hello: 1 }, 'POLICY_SIGNATURE_INVALID'],
    ['beside an empty list', POLICY, [], 'POLICY_SIGNATURE_INVALID'],
  ])('a file that is %s decides nothing, and no ledger is made', async (_what, policy, signature, code) => {
    const home = await makeHome();
    await pin(home);
    const guard = open(home, { policy: await put(home, policy, signature) });
    for (let attempt = 0; attempt < 2; attempt++) await expect(call(guard)).rejects.toMatchObject({ code });
    expect(existsSync(join(home, 'acme'))).toBe(false);
  });

  it('a guard that was refused decides once the signature is there', async () => {
    const home = await makeHome();
    await pin(home);
    const path = await put(home, POLICY);
    const guard = open(home, { policy: path });
    await expect(call(guard)).rejects.toMatchObject({ code: 'POLICY_UNSIGNED' });
    await writeFile(`${path}.sig`, JSON.stringify(sign(POLICY)));
    await call(guard);
  });

  it('a policy in code is unsigned, unless its signature is brought', async () => {
    const home = await makeHome();
    await pin(home);
    await expect(call(open(home, { policy: POLICY }))).rejects.toMatchObject({ code: 'POLICY_UNSIGNED' });
    const other = sign({ ...POLICY, version: 2 });
    const wrong = open(home, { policy: POLICY }, { policySignatures: [other] });
    await expect(call(wrong)).rejects.toMatchObject({ code: 'POLICY_UNSIGNED' });
    await call(open(home, { policy: POLICY }, { policySignatures: [other, sign(POLICY)] }));
  });

  it('of several policies each must be signed, and each names its approver', async () => {
    const home = await makeHome();
    await pin(home, { policyOwner: [PINNED, OTHER.publicKeyHex] });
    const second = { ...POLICY, id: 'second' };
    const policies = [POLICY, second];
    const half = open(home, { policies }, { policySignatures: [sign(POLICY)] });
    await expect(call(half)).rejects.toThrow(/"second" is not signed/);
    await call(open(home, { policies }, { policySignatures: [sign(POLICY), sign(second, OTHER)] }));
    const [row] = await readRows(home);
    const parts = row?.decision.policies as readonly { approver: { publicKeyHex: string } }[];
    expect(parts.map(({ approver }) => approver.publicKeyHex)).toEqual([PINNED, OTHER.publicKeyHex]);
  });

  it('it holds for rows that are kept elsewhere too', async () => {
    const home = await makeHome();
    await pin(home);
    const guard = open(home, { policy: POLICY }, { store: createMemoryStore() });
    await expect(call(guard)).rejects.toMatchObject({ code: 'POLICY_UNSIGNED' });
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['is no JSON', (path) => writeFile(path, 'policyOwner: x')],
    ['has a key that is misspelt', (path) => writeFile(path, '{"policyOwnr":"x"}')],
    ['names a key twice', (path) => writeFile(path, `{"policyOwner":"${PINNED}","policyOwner":[]}`)],
    ['may be written by others', (path) => chmod(path, 0o666)],
    [
      'is a link',
      async (path) => {
        await unlink(path);
        await symlink('/dev/null', path);
      },
    ],
  ])('settings that cannot be trusted let nothing pass: a file that %s', async (_what, spoil) => {
    const home = await makeHome();
    await pin(home);
    await spoil(join(home, 'config.json'));
    const guard = open(home, { policy: await put(home, POLICY, sign(POLICY)) });
    await expect(call(guard)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('where the code pins the owner of policies', () => {
  it('an unsigned or altered policy is refused when the guard is made', async () => {
    const home = await makeHome();
    const config = { policyOwner: PINNED };
    const unsigned = await put(home, POLICY);
    expect(() => open(home, { policy: unsigned }, config)).toThrow(
      expect.objectContaining({ code: 'POLICY_UNSIGNED' }),
    );
    const altered = await put(home, { ...POLICY, version: 2 }, sign(POLICY));
    expect(() => open(home, { policy: altered }, config)).toThrow(
      expect.objectContaining({ code: 'POLICY_SIGNATURE_INVALID' }),
    );
    await call(open(home, { policy: await put(home, POLICY, sign(POLICY)) }, config));
  });

  it('config.json has no say', async () => {
    const home = await makeHome();
    await pin(home, { policyOwner: OTHER.publicKeyHex });
    await call(open(home, { policy: await put(home, POLICY, sign(POLICY)) }, { policyOwner: [PINNED] }));
  });

  it.each([
    ['', 'a fingerprint'],
    [[], 'nobody'],
    [[PINNED, 'x'], 'a name'],
    [5, 'a number'],
  ])('%j is a mistake of the program (%s)', async (policyOwner, _what) => {
    const home = await makeHome();
    expect(() => open(home, { policy: POLICY }, { policyOwner: policyOwner as never })).toThrow(TypeError);
  });
});

it('without a pinned owner nobody has to sign, and nobody is named', async () => {
  const home = await makeHome();
  await call(open(home, { policy: await put(home, POLICY, { nonsense: true }) }));
  const [row] = await readRows(home);
  expect(row?.decision).not.toHaveProperty('policyApprover');
});
