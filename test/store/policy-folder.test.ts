import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeptPolicy } from '../../src/core/kept-policy.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { keepPolicy, readPolicies } from '../../src/store/policy-folder.js';
import { policyOf } from '../helpers/guarded-client.js';
import { makeHome } from '../helpers/home.js';
import { compilePolicy } from '../helpers/lawful-ledger.js';

const policy = compilePolicy(policyOf([{ amountCents: '12.50', window: 'per_day', action: 'block' }]));
const short = compilePolicy({
  name: 'rules',
  rules: [{ effect: 'allow', action: '*', resource: 'model/*' }],
});

async function keep() {
  const folder = await makeHome();
  await keepPolicy(folder, policy);
  return { folder, path: join(folder, 'policies', `${policy.policyHash}.json`) };
}

describe('a kept policy', () => {
  it('is the very bytes that its hash is over, for its owner alone', async () => {
    const { folder, path } = await keep();
    const bytes = await readFile(path);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(policy.policyHash);
    expect(bytes.toString()).not.toContain('effectiveFrom');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'policies'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'policies'))).toEqual([`${policy.policyHash}.json`]);
  });

  it('reads back as the policy it was, a short one as well', async () => {
    const { folder } = await keep();
    await keepPolicy(folder, short);
    const { policies, problems } = await readPolicies(folder);
    expect(problems).toEqual([]);
    expect(policies.get(policy.policyHash)).toEqual({ ...policy, effectiveFromMs: 0 });
    expect(policies.get(short.policyHash)).toEqual(short);
  });

  it('is written once: the file stays the same one', async () => {
    const { folder, path } = await keep();
    const before = await stat(path);
    await Promise.all(Array.from({ length: 8 }, () => keepPolicy(folder, policy)));
    const after = await stat(path);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  });

  it('made by many at once is whole, and leaves nothing beside it', async () => {
    const folder = await makeHome();
    await Promise.all(Array.from({ length: 16 }, () => keepPolicy(folder, policy)));
    expect(await readdir(join(folder, 'policies'))).toEqual([`${policy.policyHash}.json`]);
    expect((await readPolicies(folder)).policies.size).toBe(1);
  });

  it.each([
    ['another amount', (text: string) => text.replace('12.50', '99.50')],
    ['a space', (text: string) => `${text} `],
    ['a line feed at the end', (text: string) => `${text}\n`],
    ['nothing', () => ''],
    ['no JSON', () => '{'],
  ])('with %s in it is not used, named, and mended by the next guard', async (_what, change) => {
    const { folder, path } = await keep();
    await writeFile(path, change(await readFile(path, 'utf8')));
    const { policies, problems } = await readPolicies(folder);
    expect(policies.size).toBe(0);
    expect(problems).toEqual([
      expect.stringMatching(new RegExp(`^${policy.policyHash}\\.json is not used: `)),
    ]);
    await keepPolicy(folder, policy);
    expect((await readPolicies(folder)).policies.size).toBe(1);
  });

  it('that is a link or a folder is not followed', async () => {
    const { folder, path } = await keep();
    await writeFile(join(folder, 'elsewhere.json'), policy.hashedText);
    await rm(path);
    await symlink(join(folder, 'elsewhere.json'), path);
    expect(await readPolicies(folder)).toMatchObject({ problems: [expect.stringContaining('ELOOP')] });
    await rm(path);
    await mkdir(path);
    expect(await readPolicies(folder)).toMatchObject({
      problems: [expect.stringContaining('not a plain file')],
    });
  });

  it('whose folder leads elsewhere, or takes no file, refuses the call', async () => {
    const folder = await makeHome();
    const outside = await makeHome();
    await symlink(outside, join(folder, 'policies'));
    await expect(keepPolicy(folder, policy)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
    await rm(join(folder, 'policies'));
    await writeFile(join(folder, 'policies'), '');
    await expect(keepPolicy(folder, policy)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
    await rm(join(folder, 'policies'));
    await mkdir(join(folder, 'policies'));
    await chmod(join(folder, 'policies'), 0o777);
    await expect(keepPolicy(folder, policy)).rejects.toMatchObject({ code: 'HOME_UNSAFE' });
  });
});

describe('readPolicies', () => {
  it('finds nothing where there is no folder, and looks at no file of another name', async () => {
    const { folder } = await keep();
    expect(await readPolicies(await makeHome())).toEqual({ policies: new Map(), problems: [] });
    await writeFile(join(folder, 'policies', 'note.txt'), 'x');
    await writeFile(join(folder, 'policies', `${policy.policyHash}.0123456789abcdef.tmp`), 'x');
    expect(await readPolicies(folder)).toMatchObject({ problems: [], policies: { size: 1 } });
  });
});

describe('readKeptPolicy', () => {
  it('refuses text that is not canonical, even where its own hash fits', () => {
    const spaced = new TextEncoder().encode(policy.hashedText.replace('{', '{ '));
    const hash = createHash('sha256').update(spaced).digest('hex');
    expect(readKeptPolicy(spaced, hash, nodeBackend)).toMatchObject({ ok: false, code: 'HASH_MISMATCH' });
  });

  it('says what it cannot read of a policy of another version', () => {
    const later = new TextEncoder().encode(policy.hashedText.replace('"mode"', '"modus"'));
    const hash = createHash('sha256').update(later).digest('hex');
    expect(readKeptPolicy(later, hash, nodeBackend)).toMatchObject({
      ok: false,
      message: expect.stringContaining('cannot read'),
    });
  });
});
