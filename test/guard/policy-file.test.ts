import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SpendGuard } from '../../src/guard/spend-guard.js';
import { createMemoryStore } from '../../src/store/memory-store.js';
import { makeConsumer, runNode } from '../helpers/consumer.js';
import { HAIKU, OPUS, setPrices } from '../helpers/guarded-client.js';

function write(text: string | Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), 'policy-')), 'policy.json');
  writeFileSync(path, text);
  return path;
}

function open(policy: string): SpendGuard {
  setPrices();
  const guard = new SpendGuard({
    policy,
    scope: { tenantId: 'acme' },
    config: { store: createMemoryStore() },
  });
  onTestFinished(() => guard.close());
  return guard;
}

const RULE = `{ "effect": "allow", "action": "*", "resource": "model/${HAIKU}" }`;

describe('a policy file', () => {
  it('is read as the object in it', async () => {
    const guard = open(
      write(`{\n  "$schema": "./policy.schema.json",\n  "name": "models",\n  "rules": [${RULE}]\n}\n`),
    );
    await guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 });
    const refused = guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 });
    await expect(refused).rejects.toMatchObject({ code: 'rule_denied' });
  });

  it.each([
    ['empty', '', 'Not JSON'],
    ['no JSON', 'name: models', 'Not JSON'],
    ['JSON with a comment', '{ "name": "m" } // mine', 'Not JSON: the end of the file'],
    ['an array', '[]', 'must be an object'],
    ['a key twice', `{ "name": "m", "rules": [${RULE}], "rules": [${RULE}] }`, 'rules'],
    ['a misspelt key', `{ "name": "m", "rulez": [${RULE}] }`, 'did you mean'],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'UTF-8'],
  ])('that is %s is refused', (_, text, word) => {
    const path = write(text);
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
    expect(() => open(path)).toThrow(word);
  });

  it('that is not there, or a folder, is refused with its path', () => {
    for (const path of ['/nowhere/policy.json', tmpdir()]) {
      expect(() => open(path)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
      expect(() => open(path)).toThrow(JSON.stringify(path));
    }
  });
});

describe('a policy file in YAML', () => {
  it('decides as the same policy in JSON does', async () => {
    const home = mkdtempSync(join(tmpdir(), 'policy-'));
    const path = join(home, 'policy.yaml');
    writeFileSync(path, `name: models\nrules: [{ effect: allow, action: "*", resource: model/${HAIKU} }]\n`);
    const guard = open(path);
    await guard.decide({ model: HAIKU, inputTokens: 1, maxOutputTokens: 1 });
    const refused = guard.decide({ model: OPUS, inputTokens: 1, maxOutputTokens: 1 });
    await expect(refused).rejects.toMatchObject({ code: 'rule_denied' });
  });

  it('is what loads the parser of YAML, and nothing else does', async () => {
    const folder = await makeConsumer();
    writeFileSync(join(folder, 'policy.json'), `{ "name": "models", "rules": [${RULE}] }`);
    writeFileSync(join(folder, 'policy.yaml'), `name: models\nrules: [${RULE}]\n`);
    const program = `
      import { createRequire } from 'node:module';
      import { SpendGuard } from '@agentguard-run/spend';
      const { cache } = createRequire(import.meta.url);
      const isLoaded = () => Object.keys(cache).some((path) => path.includes('/node_modules/yaml/'));
      new SpendGuard({ policy: './policy.json', scope: { tenantId: 'acme' } });
      const before = isLoaded();
      new SpendGuard({ policy: './policy.yaml', scope: { tenantId: 'acme' } });
      console.log(before, isLoaded());`;
    writeFileSync(join(folder, 'lazy.mjs'), program);
    expect(await runNode(['lazy.mjs'], folder)).toMatchObject({ code: 0, stdout: 'false true\n' });
  });
});
