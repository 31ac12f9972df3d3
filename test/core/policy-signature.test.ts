import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/core/config.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import {
  type Approval,
  checkPolicySignature,
  readPolicySignature,
  signPolicy,
} from '../../src/core/policy-signature.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';

const OWNER = createNodeSigner(new Uint8Array(32).fill(7));
const OTHER = createNodeSigner(new Uint8Array(32).fill(8));
const SIGNED_AT = Date.parse('2026-09-30T12:00:00Z');
const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');
const exampleOf = (text: string, info: string): JsonObject =>
  JSON.parse(new RegExp(`\`\`\`${info}\\n([\\s\\S]*?)\\n\`\`\``).exec(text)![1]!);
const EXAMPLE = exampleOf(read('policy.md'), 'json policy');

function compile(input: object) {
  const reading = parsePolicy(input, nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** What a guard says to a signature file's value. */
function judge(policy: object, value: Json, owners: readonly string[] = [OWNER.publicKeyHex]): Approval {
  const signed = readPolicySignature(value);
  if (!signed.ok) return signed;
  const approval = checkPolicySignature(compile(policy), signed.value, owners, nodeBackend);
  if (approval instanceof Promise) throw new Error('not at once');
  return approval;
}

const SIGNATURE = signPolicy(compile(EXAMPLE), OWNER, 'Finance', SIGNED_AT, nodeBackend);

describe('the signature of a policy', () => {
  it('by a pinned owner names who approved it, and when', () => {
    expect(judge(EXAMPLE, SIGNATURE)).toEqual({
      ok: true,
      approver: { publicKeyHex: OWNER.publicKeyHex, name: 'Finance', signedAt: '2026-09-30T12:00:00.000Z' },
    });
  });

  it('holds for one of several owners, without a name, and with every backend', async () => {
    const anonymous = signPolicy(compile(EXAMPLE), OWNER, null, SIGNED_AT, nodeBackend);
    expect(anonymous).not.toHaveProperty('owner');
    const owners = [OTHER.publicKeyHex, OWNER.publicKeyHex];
    expect(judge(EXAMPLE, anonymous, owners)).toMatchObject({ ok: true, approver: { name: null } });
    const signed = readPolicySignature(anonymous);
    if (!signed.ok) throw new Error(signed.message);
    const policy = compile(EXAMPLE);
    expect(await checkPolicySignature(policy, signed.value, owners, nobleBackend)).toMatchObject({
      ok: true,
    });
  });

  it('of the documentation is valid under the key of the documented settings', () => {
    const config = parseConfig(exampleOf(read('config.md'), 'json config'));
    if (!config.ok) throw new Error(JSON.stringify(config.problems));
    const signature = exampleOf(read('policy.md'), 'json signature');
    expect(judge(EXAMPLE, signature, config.config.policyOwner)).toMatchObject({ ok: true });
  });

  it.each<[string, object, string]>([
    [
      'a raised amount',
      { caps: [{ amountCents: 5001, window: 'per_day', action: 'block' }] },
      'the policy was changed',
    ],
    ['another mode', { mode: 'shadow' }, 'the policy was changed'],
    ['another name', { name: 'Code review  team' }, 'the policy was changed'],
    ['an amount spelt otherwise', { version: '1' }, 'the policy was changed'],
    ['a wider scope', { scope: { tenantId: 'acme' } }, 'the policy was changed'],
    ['an earlier start', { effectiveFrom: '2026-09-01T00:00:00Z' }, 'effectiveFrom was changed'],
    ['a later start', { effectiveFrom: '2036-10-01T00:00:00Z' }, 'effectiveFrom was changed'],
  ])('does not fit a policy with %s', (_what, change, message) => {
    const approval = judge({ ...EXAMPLE, ...change }, SIGNATURE);
    expect(approval).toMatchObject({ ok: false, message: expect.stringContaining(message) });
  });

  it('fits the same policy in another order of keys', () => {
    const turned = Object.fromEntries(Object.entries(EXAMPLE).reverse());
    expect(judge(turned, SIGNATURE)).toMatchObject({ ok: true });
  });

  it('by anybody else is refused, whatever it says', () => {
    const theirs = signPolicy(compile(EXAMPLE), OTHER, 'Finance', SIGNED_AT, nodeBackend);
    expect(judge(EXAMPLE, theirs)).toMatchObject({
      ok: false,
      message: expect.stringContaining("not the owner's"),
    });
    const dressed = { ...theirs, publicKeyHex: OWNER.publicKeyHex };
    expect(judge(EXAMPLE, dressed)).toMatchObject({
      ok: false,
      message: expect.stringContaining('not valid'),
    });
  });

  it.each<[string, JsonObject]>([
    ['the name of the owner', { owner: 'Somebody else' }],
    ['the time of signing', { signedAt: '2026-10-01T12:00:00.000Z' }],
    ['the form of a time', { effectiveFrom: '2026-10-01T00:00:00Z' }],
    [
      'one digit of the signature',
      { signature: `${'0'.repeat(126)}${String(SIGNATURE.signature).slice(126)}` },
    ],
    ['all of it', { signature: '0'.repeat(128) }],
  ])('with %s changed is not valid', (_what, change) => {
    expect(judge(EXAMPLE, { ...SIGNATURE, ...change })).toMatchObject({ ok: false });
  });

  it('of a receipt is no signature of a policy', () => {
    const hash = nodeBackend.sha256(Buffer.from(compile(EXAMPLE).policyHash));
    const signature = Buffer.from(OWNER.sign(hash)).toString('hex');
    expect(judge(EXAMPLE, { ...SIGNATURE, signature })).toMatchObject({ ok: false });
  });

  it.each<[string, Json, string]>([
    ['a list', [], 'it must be an object'],
    ['nothing in it', {}, 'format is missing; policyHash is missing'],
    [
      'a key that it does not know',
      { ...SIGNATURE, ownr: 'x' },
      'ownr is not a known key; did you mean "owner"?',
    ],
    [
      'another format',
      { ...SIGNATURE, format: 'agentguard policy v2' },
      'format must be "agentguard policy v1"',
    ],
    [
      'uppercase hex',
      { ...SIGNATURE, publicKeyHex: OWNER.publicKeyHex.toUpperCase() },
      'publicKeyHex must be 64 lowercase',
    ],
    ['half a signature', { ...SIGNATURE, signature: 'ab' }, 'signature must be 128 lowercase'],
    ['a time without a zone', { ...SIGNATURE, signedAt: '2026-09-30T12:00:00' }, 'signedAt must be ISO 8601'],
    ['a number as owner', { ...SIGNATURE, owner: 5 }, 'owner must be text'],
  ])('file with %s is refused with its path', (_what, value, message) => {
    expect(judge(EXAMPLE, value)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
  });

  it('changed in any one place is refused', () => {
    const keys = Object.keys(SIGNATURE).filter((key) => key !== 'format');
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.nat(), (key, at) => {
        const text = String(SIGNATURE[key]);
        const place = at % text.length;
        const other = text[place] === '1' ? '2' : '1';
        const changed = text.slice(0, place) + other + text.slice(place + 1);
        expect(judge(EXAMPLE, { ...SIGNATURE, [key]: changed }).ok).toBe(false);
      }),
      { numRuns: 150 },
    );
  });
});
