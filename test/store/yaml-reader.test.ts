import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parsePolicyText } from '../../src/store/policy-file.js';
import { readYaml } from '../../src/store/yaml-reader.js';

const read = (text: string): unknown => {
  const reading = readYaml(text);
  return reading.ok ? JSON.parse(JSON.stringify(reading.value)) : reading.problems;
};
const problemsOf = (text: string): readonly string[] => {
  const reading = readYaml(text);
  return reading.ok ? [] : reading.problems.map(({ path, message }) => `${path} ${message}`);
};

describe('YAML is read as the data of JSON', () => {
  it.each<[string, string, unknown]>([
    [
      'block maps and lists',
      'caps:\n  - window: per_day\n    action: block\n',
      { caps: [{ window: 'per_day', action: 'block' }] },
    ],
    ['flow maps, as in JSON', '{"a": [1, {"b": null}]}', { a: [1, { b: null }] }],
    ['an amount by its digits', 'a: 0.10\nb: "0.10"', { a: 0.1, b: '0.10' }],
    ['a moment as text', 'from: 2026-10-01T00:00:00Z', { from: '2026-10-01T00:00:00Z' }],
    ['hours as text', 'hours: 08:00-18:00', { hours: '08:00-18:00' }],
    ['a wildcard in quotes', "'*': { model: '*' }", { '*': { model: '*' } }],
    ['a model with a colon', 'model: a/b:free', { model: 'a/b:free' }],
    ['true, false and nothing', 'a: true\nb: False\nc:\nd: ~', { a: true, b: false, c: null, d: null }],
    ['words in quotes as text', 'a: "on"\nb: \'12\'\nc: "true"', { a: 'on', b: '12', c: 'true' }],
    ['folded text', 'reason: >-\n  too\n  dear', { reason: 'too dear' }],
    ['comments as nothing', '# mine\na: 1 # yours\n', { a: 1 }],
    ['a mark of byte order as nothing', '\ufeffa: 1', { a: 1 }],
    ['the name of a prototype as a key', '__proto__: 1', JSON.parse('{"__proto__": 1}')],
  ])('%s', (_what, text, value) => {
    expect(read(text)).toEqual(value);
  });

  it('whatever a writer of YAML makes of a value reads back as that value', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    const isPlain = (text: string) => !/[eE]|\d{16}/.test(text);
    fc.assert(
      fc.property(json, (value) => {
        fc.pre(isPlain(JSON.stringify(value).replaceAll(/"(?:[^"\\]|\\.)*"/g, '')));
        const text = stringify(value, {
          defaultStringType: 'QUOTE_DOUBLE',
          defaultKeyType: 'QUOTE_DOUBLE',
          aliasDuplicateObjects: false,
        });
        expect(read(text)).toEqual(value);
      }),
      { numRuns: 200 },
    );
  });
});

describe('YAML that two readers could read differently is refused with its path and line', () => {
  it.each<[string, string, string]>([
    ['a key twice', 'a: 1\nb: 2\na: 3', 'a stands twice (line 3, column 1)'],
    ['a key twice, once in quotes', 'a: 1\n"a": 3', 'a stands twice (line 2, column 1)'],
    ['an anchor', 'caps:\n  - &day\n    window: per_day', 'caps[0] has an anchor (&day)'],
    ['an alias', 'a: *b', 'a is an alias (*); write the value out (line 1, column 4)'],
    ['a bomb of aliases', 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]', 'a has an anchor (&a)'],
    ['a tag', 'a: !!float 1', 'a has a tag (tag:yaml.org,2002:float)'],
    ['a tag of its own', 'a: !secret x', 'a has a tag (!secret)'],
    ['a merge key', '<<: { a: 1 }\nb: 2', '["<<"] is a merge key'],
    [
      'on as a value',
      'mode: on',
      'mode is on, which some readers take for a boolean; write "on" (line 1, column 7)',
    ],
    ['on as a key', 'on: 1', 'on is on, which some readers'],
    ['no as a country', 'scope:\n  environment: NO', 'scope.environment is NO, which some readers'],
    ['a number as a key', '1: x', '["1"] is a key that is no text'],
    ['nothing as a key', '~: x', '["~"] is a key that is no text'],
    ['a list as a key', '? [a]\n: b', 'policy has a key that is no plain text'],
    ['octal', 'a: 0123', 'a is 0123, a number that readers may disagree about'],
    ['octal of 1.2', 'a: 0o17', 'a is 0o17, a number'],
    ['hexadecimal', 'a: 0x1F', 'a is 0x1F, a number'],
    ['grouped digits', 'a: 1_000', 'a is 1_000, a number'],
    ['base sixty', 'a: 1:30', 'a is 1:30, a number'],
    ['an exponent', 'a: 1e3', 'a is 1e3, a number'],
    ['a bare point', 'a: .5', 'a is .5, a number'],
    ['a plus sign', 'a: +5', 'a is +5, a number'],
    ['infinity', 'a: .inf', 'a is .inf, a number'],
    ['no number', 'a: .NaN', 'a is .NaN, a number'],
    ['more digits than a number has', 'a: 0.1234567890123456789', 'a is 0.1234567890123456789, a number'],
    ['an integer beyond 2^53', 'a: 9007199254740993', 'a is 9007199254740993, a number'],
    ['two documents', 'a: 1\n---\nb: 2', 'policy holds 2 documents'],
    ['a directive of version', '%YAML 1.1\n---\na: 1', 'policy has directives'],
    ['a directive of tags', '%TAG ! tag:x,2026:\n---\na: 1', 'policy has directives'],
    ['a directive nobody knows', '%FOO bar\n---\na: 1', 'is no YAML'],
    ['nothing', '', 'policy is empty'],
    ['comments alone', '# nothing\n', 'policy is empty'],
    ['a quote that does not end', 'a: "x', 'line 1, column 6 is no YAML: Missing closing "quote'],
    ['tabs', 'a:\n\t- b', 'line 2, column 1 is no YAML: Tabs'],
    ['a list that does not end', 'a: [1, 2', 'is no YAML'],
  ])('%s', (_what, text, problem) => {
    expect(problemsOf(text)[0]).toContain(problem);
  });

  it('with every problem at once', () => {
    expect(problemsOf('a: 0x1\nb: on\nc: !t 1\nd: &d 1')).toHaveLength(4);
  });

  it.each<[string, string]>([
    ['flow lists', '['.repeat(200_000)],
    ['flow maps', '{a: '.repeat(200_000)],
    ['lists in one line', '- '.repeat(200_000)],
    ['complex keys', '? '.repeat(200_000)],
    ['indentation', Array.from({ length: 1200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['flow lists beside ends of others', '["]", '.repeat(100_000)],
    ['a few levels too many', `${'['.repeat(65)}${']'.repeat(65)}`],
    [
      'a few levels of blocks too many',
      Array.from({ length: 70 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    ],
  ])('nested too deep by %s, without ending the process', (_what, text) => {
    expect(problemsOf(text)[0]).toContain('is nested deeper than 64 levels');
  });

  it('at most 50 problems are told', () => {
    expect(problemsOf(Array.from({ length: 99 }, (_, i) => `k${i}: on`).join('\n'))).toHaveLength(50);
  });

  it('and nothing makes it throw', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      ' ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '&x',
      '*x',
      '!t',
      '|',
      '>',
      '#',
      '%',
      '---',
      '...',
      '0',
      ',',
      '?',
      '\t',
      '<<',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const reading = readYaml(pieces.join(''));
        if (!reading.ok) expect(reading.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: process.env.SLOW ? 20_000 : 1_000 },
    );
  });
});

describe('a policy file', () => {
  it.each(['policy.yaml', 'policy.yml', 'POLICY.YAML'])('is YAML when its name is %s', (name) => {
    expect(parsePolicyText(name, Buffer.from('a: 1'))).toMatchObject({ ok: true });
  });

  it.each(['policy.json', 'policy', 'policy.yaml.txt'])('is JSON when its name is %s', (name) => {
    expect(parsePolicyText(name, Buffer.from('a: 1'))).toMatchObject({ ok: false });
  });

  it('of YAML that is no UTF-8, or larger than 1 MiB, is refused', () => {
    expect(parsePolicyText('p.yaml', new Uint8Array([0x61, 0xff]))).toMatchObject({ ok: false });
    expect(parsePolicyText('p.yaml', new Uint8Array(1_048_577).fill(0x20))).toMatchObject({ ok: false });
  });

  it('of JSON is read the same as YAML', () => {
    const text = readFileSync(new URL('../../examples/policies/task-table.json', import.meta.url), 'utf8');
    expect(read(text)).toEqual(JSON.parse(text));
  });
});
