import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, parseConfig } from '../../src/core/config.js';
import type { Json } from '../../src/core/json.js';

const KEY = 'ab'.repeat(32);
const doc = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');

describe('the settings of a home', () => {
  it('are read, one owner or several', () => {
    expect(parseConfig({})).toEqual({ ok: true, config: {} });
    expect(parseConfig({ policyOwner: KEY })).toEqual({ ok: true, config: { policyOwner: [KEY] } });
    const two = [KEY, 'cd'.repeat(32)];
    expect(parseConfig({ policyOwner: two })).toEqual({ ok: true, config: { policyOwner: two } });
  });

  it.each<[string, Json, string]>([
    ['a list', [], ' must be an object, found an array'],
    ['a misspelt key', { policyOwnr: KEY }, 'policyOwnr is not a known key; did you mean "policyOwner"?'],
    ['no owner at all', { policyOwner: [] }, 'policyOwner must name 1 to 100 keys, found 0'],
    [
      'too many owners',
      { policyOwner: Array(101).fill(KEY) },
      'policyOwner must name 1 to 100 keys, found 101',
    ],
    ['null', { policyOwner: null }, 'policyOwner must be a public key, 64 lowercase hex digits, found null'],
    ['a fingerprint', { policyOwner: 'ab'.repeat(8) }, 'policyOwner must be a public key'],
    ['uppercase', { policyOwner: [KEY, KEY.toUpperCase()] }, 'policyOwner[1] must be a public key'],
  ])('with %s are refused with the path', (_what, value, problem) => {
    const reading = parseConfig(value);
    const problems = reading.ok ? [] : reading.problems.map(({ path, message }) => `${path} ${message}`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it('are all documented, and nothing else is', () => {
    const keys = Array.from(doc.matchAll(/^\| `(\w+)` \|/gm), ([, key]) => key);
    expect(keys).toEqual([...CONFIG_KEYS]);
  });
});
