/** Policies whose files change while guards run: what is taken over, what is refused, and what the ledger says of it. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { signPolicy } from '../../src/core/policy-signature.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import type { GuardConfig } from '../../src/guard/options.js';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { HAIKU, policyOf } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';

const OWNER = createNodeSigner(new Uint8Array(32).fill(1));
/** $1 exactly. */
const CALL = { model: HAIKU, inputTokens: 1, maxOutputTokens: 1000 };
const cap = (dollars: number, more: Partial<SpendCap> = {}): SpendCap => ({
  amountCents: dollars * 100,
  window: 'per_month',
  action: 'block',
  ...more,
});

async function openFollowed(
  first: object | string,
  more: Partial<SpendPolicy> = {},
  config: GuardConfig = {},
) {
  setCostOverride(HAIKU, { inputCentsPerKtok: 0, outputCentsPerKtok: 100 });
  const path = join(await makeHome(), 'policy.json');
  const write = (content: object | string | Uint8Array) =>
    writeFile(
      path,
      typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
    );
  await write(first);
  const sign = async (policy: object, who = OWNER) => {
    const reading = parsePolicy(policy, nodeBackend);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    const signed = await signPolicy(reading.policy, who, 'Finance', 0, nodeBackend);
    await writeFile(`${path}.sig`, JSON.stringify(signed));
  };
  if (config.policyOwner !== undefined) await sign(first as object);
  const store = createMemoryStore();
  const warnings: string[] = [];
  const listen = ({ message }: Error) => void (message.includes(path) && warnings.push(message));
  process.on('warning', listen);
  const guard = new SpendGuard({
    policy: path,
    scope: { tenantId: 'acme', ...more.scope },
    config: { store, waitForHoldsMs: 0, ...config },
  });
  onTestFinished(async () => {
    process.off('warning', listen);
    await guard.close();
  });
  const decide = async (view = guard) =>
    view.decide(CALL).then(
      async (allowed) => {
        await guard.settle(allowed, { costUsd: 1 });
        return 'allowed';
      },
      (error: { code?: string }) => error.code ?? String(error),
    );
  /** Calls until one ends so. */
  const until = (end: string, view = guard) =>
    expect.poll(() => decide(view), { timeout: 5_000, interval: 20 }).toBe(end);
  const controls = () =>
    store.receipts
      .map(({ decision }) => decision)
      .filter(({ entryType }) => entryType === 'control')
      .map(({ control }) => control);
  /** As long as any look needs, and then one call. */
  const look = async () => {
    for (let n = 0; n < 3; n++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await decide();
    }
  };
  return { path, write, sign, store, guard, decide, until, controls, look, warnings };
}

const good = (dollars: number, more: Partial<SpendPolicy> = {}) => policyOf([cap(dollars)], more);

describe('an edit of a policy file', () => {
  it('decides from then on, and the ledger says from which policy to which', async () => {
    const { write, until, store, controls } = await openFollowed(good(1));
    await until('allowed');
    await until('cap_exceeded');
    await write(good(2, { version: 2 }));
    await until('allowed');
    await until('cap_exceeded');
    expect(controls()).toEqual(['policy']);
    const rows = store.receipts.map(({ decision }) => decision);
    const row = rows.find(({ control }) => control === 'policy');
    expect(row).toMatchObject({ policyId: 'test', policyVersion: 2, policyHashBefore: rows[0]?.policyHash });
    expect(rows.at(-1)?.policyHash).toBe(row?.policyHash);
  });

  it('decides also about a call that waits for running ones', async () => {
    const { write, guard, decide } = await openFollowed(good(1), {}, { waitForHoldsMs: 20_000 });
    await guard.decide(CALL);
    const waiting = decide();
    await write(good(1, { rules: [{ effect: 'deny', action: '*', resource: `model/${HAIKU}` }] }));
    expect(await waiting).toBe('rule_denied');
  });

  it('with other caps reads their windows back', async () => {
    const { write, until, store } = await openFollowed(good(100));
    for (let n = 0; n < 3; n++) await until('allowed');
    await write(policyOf([cap(100), cap(3, { window: 'total' })]));
    await until('cap_exceeded');
    const caps = store.receipts.at(-1)?.decision.caps as unknown as { spentUsd: string; window: string }[];
    const [monthly, total] = caps;
    expect(total?.window).toBe('total');
    expect(total?.spentUsd).toBe(monthly?.spentUsd);
  });

  it('lets running calls end under the policy that decided them', async () => {
    const { write, until, store, guard } = await openFollowed(good(9));
    const running = await guard.decide(CALL);
    await write(policyOf([cap(0)], { id: 'other' }));
    await until('cap_exceeded');
    await guard.settle(running, { costUsd: '0.5' });
    expect(store.receipts.at(-1)?.decision).toMatchObject({ entryType: 'settlement', policyId: 'test' });
  });

  it('by rename, as editors do it, is seen as well', async () => {
    const { path, write, until } = await openFollowed(good(0));
    await until('cap_exceeded');
    await writeFile(`${path}.new`, JSON.stringify(good(1)));
    await rename(`${path}.new`, path);
    await until('allowed');
    await rename(path, `${path}~`);
    await write(good(0));
    await until('cap_exceeded');
  });

  it('that changes nothing in it is not worth a row', async () => {
    const { write, until, controls, look } = await openFollowed(good(0));
    await until('cap_exceeded');
    await write(`${JSON.stringify(good(0), null, 2)}\n`);
    await look();
    expect(controls()).toEqual([]);
  });

  it('that is in force later waits until then', async () => {
    const { write, until, decide, look, controls } = await openFollowed(good(100_000));
    await until('allowed');
    await write(good(0, { effectiveFrom: new Date(Date.now() + 900).toISOString() }));
    expect(await decide()).toBe('allowed');
    await look();
    await until('cap_exceeded');
    expect(controls()).toEqual(['policy']);
  });
});

describe('a broken edit of a policy file', () => {
  it.each([
    ['is no JSON', 'caps: none', ['']],
    ['is cut short', JSON.stringify(good(9)).slice(0, -20), ['']],
    ['is empty', '', ['']],
    [
      'has unknown keys and windows',
      policyOf([{ ...cap(9), windw: 1, action: 'stop' } as object as SpendCap]),
      ['caps[0].windw', 'caps[0].action'],
    ],
    ['is for another tenant', good(9, { scope: { tenantId: 'other' } }), ['scope']],
    ['is far too large', `${JSON.stringify(good(9))}${' '.repeat(1_100_000)}`, ['']],
  ])('that %s keeps the policy before it, and says so', async (_, content, paths) => {
    const { write, until, controls, warnings, store, decide } = await openFollowed(good(1));
    await until('allowed');
    await write(content);
    await expect
      .poll(async () => [await decide(), controls().length], { timeout: 5_000 })
      .toEqual(['cap_exceeded', 1]);
    expect(controls()).toEqual(['policy_rejected']);
    await expect.poll(() => warnings.length).toBe(1);
    expect(warnings[0]).toContain('"test" as it was before stays in force');
    const row = store.receipts
      .map(({ decision }) => decision)
      .find(({ entryType }) => entryType === 'control');
    expect(row).toMatchObject({ policyHash: store.receipts[0]?.decision.policyHash, problemPaths: paths });
  });

  it('is told once, told again when it is another one, and mended by the next good one', async () => {
    const { write, until, look, controls, warnings, decide } = await openFollowed(good(1));
    const count = (n: number) =>
      expect.poll(() => decide().then(() => controls().length), { timeout: 5_000, interval: 20 }).toBe(n);
    await until('allowed');
    await write('one');
    await count(1);
    await look();
    await write('one');
    await look();
    expect([controls().length, warnings.length]).toEqual([1, 1]);
    await write('two');
    await count(2);
    await expect.poll(() => warnings.length).toBe(2);
    await write(good(1));
    await count(3);
    expect(controls()).toEqual(['policy_rejected', 'policy_rejected', 'policy']);
    await write(good(2));
    await until('allowed');
    expect(controls().at(-1)).toBe('policy');
  });

  it('that takes the file away keeps the policy, and the file that comes back decides', async () => {
    const { path, write, until, decide, controls, store, warnings } = await openFollowed(good(1));
    await until('allowed');
    await rm(path);
    await expect.poll(() => decide().then(() => controls().length), { timeout: 5_000 }).toBe(1);
    const row = store.receipts.map(({ decision }) => decision).find(({ control }) => control !== undefined);
    expect(row).toMatchObject({ control: 'policy_rejected', contentHash: null });
    expect(await decide()).toBe('cap_exceeded');
    await expect.poll(() => warnings.length).toBe(1);
    await mkdir(path);
    await expect.poll(() => decide().then(() => warnings.length), { timeout: 5_000 }).toBe(2);
    await rm(path, { recursive: true });
    await write(good(2));
    await until('allowed');
  });

  it('leaves nothing of what it says in the ledger', async () => {
    const { write, until, store, decide, controls } = await openFollowed(good(1));
    await until('allowed');
    await write(policyOf([], { name: 'canary-1', id: '', mode: 'canary-2' as 'enforce' }));
    await expect.poll(() => decide().then(() => controls().length), { timeout: 5_000 }).toBe(1);
    expect(store.lines.join('')).not.toContain('canary');
  });
});

describe('an edit of a policy that its owner signs', () => {
  it('decides only once it is signed, by that owner', async () => {
    const config = { policyOwner: OWNER.publicKeyHex };
    const { write, sign, until, decide, look, controls, store } = await openFollowed(good(1), {}, config);
    await until('allowed');
    await write(good(3));
    await expect.poll(() => decide().then(() => controls().length), { timeout: 5_000 }).toBe(1);
    await sign(good(3), createNodeSigner(new Uint8Array(32).fill(2)));
    await look();
    expect(await decide()).toBe('cap_exceeded');
    await sign(good(3));
    await until('allowed');
    expect(controls()).toEqual(['policy_rejected', 'policy']);
    expect(store.receipts.at(-2)?.decision.policyApprover).toMatchObject({ name: 'Finance' });
  });
});

describe('a view of a guard', () => {
  it('that the new policy is not for is refused, and not decided by it', async () => {
    const { write, until, guard, decide } = await openFollowed(good(99), {
      scope: { tenantId: 'acme', teamId: 'a' },
    });
    const other = guard.with({ teamId: 'b' });
    await until('allowed');
    expect(await decide(other)).toBe('allowed');
    await write(policyOf([cap(0)], { scope: { tenantId: 'acme', teamId: 'a' } }));
    await until('cap_exceeded');
    expect(await decide(other)).toBe('SCOPE_MISMATCH');
  });
});
