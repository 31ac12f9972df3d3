/** The filter language: what each form means, where each mistake is, and that printing and reading agree. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/core/call-record.js';
import {
  addTerm,
  MAX_QUERY_LENGTH,
  matches,
  matchesPattern,
  parseQuery,
  printQuery,
  printTerm,
  QUERY_FIELDS,
  type Query,
  type QueryProblem,
  suggestQuery,
  TEXT_FIELD_NAMES,
} from '../../src/core/query.js';
import { callRecord } from '../helpers/call-records.js';

const NOW = Date.UTC(2026, 9, 7, 13);
const CENT = 10n ** 22n;

function parse(text: string): Query {
  const reading = parseQuery(text, NOW);
  if (!reading.ok) throw new Error(`${text}: ${reading.problem.message}`);
  return reading.query;
}

function problemOf(text: string): QueryProblem {
  const reading = parseQuery(text, NOW);
  if (reading.ok) throw new Error(`${text} was read as ${printQuery(reading.query)}`);
  return reading.problem;
}

function selects(text: string, changes: Partial<CallRecord> = {}): boolean {
  return matches(parse(text), callRecord(changes));
}

describe('a filter selects', () => {
  it.each<[string, Partial<CallRecord>?]>([
    [''],
    ['  '],
    ['action:allow'],
    ['ACTION:Allow'],
    ['action:block,allow'],
    ['model:anthropic/*'],
    ['model:*haiku*'],
    ['model:anthropic/claude-4.5-haiku-20251001'],
    ['requested:anthropic/claude-sonnet-4.5'],
    ['user:alice'],
    ['user:bob,alice'],
    ['user:"alice"'],
    ['user:"a b"*', { user: 'a b c' }],
    ['user:"a\\"b"', { user: 'a"b' }],
    ['user:"*"', { user: '*' }],
    ['user:"x,y"', { user: 'x,y' }],
    ['session:""'],
    ['-user:bob'],
    ['!user:bob'],
    ['--user:alice'],
    ['-(user:bob or user:carol)'],
    ['user:bob or team:engineering'],
    ['user:bob OR (team:engineering AND task:code-review)'],
    ['task:nothing or user:alice team:engineering'],
    ['cost:0.01'],
    ['cost:=$0.01'],
    ['cost:>=1e-2'],
    ['cost:<0.010000000000000000000001'],
    ['cost:>0.05', { costUsd: 6n * CENT }],
    ['cost:unknown', { costUsd: null }],
    ['bound:0.02'],
    ['actual:0.01'],
    ['tokens:1000'],
    ['tokens:>=1000'],
    ['tokens:200', { inputTokens: null }],
    ['tokens:unknown', { inputTokens: null, outputTokens: null }],
    ['since:2h'],
    ['since:2026-10-07'],
    ['since:2026-10-07 until:2026-10-07'],
    ['since:2026-10 until:2026-10'],
    ['until:2026'],
    ['since:today'],
    ['until:30m'],
    ['since:yesterday until:yesterday', { timestampMs: NOW - 86_400_000 }],
    ['since:2026-10-07T12:00:00Z'],
    ['since:2026-10-07T14:00+02:00'],
    ['since:2026-10-07T12:00'],
    ['haiku'],
    ['HAIKU Engineering'],
    ['"within every"'],
    ['within*cap'],
    ['id:4f3a'],
    ['id:4F3A9C1E'],
    ['4f3a9c1e-0000-4000-8000-000000000001'],
    ['anthropic/claude-haiku-4.5'],
    ['openai/gpt-5-mini:free', { resolved: 'openai/gpt-5-mini:free' }],
    ['"or"', { user: 'orlando' }],
    ['environment:production'],
    ['source:provider'],
    ['provider:Anthropic provider:openrouter'],
  ])('%s', (text, changes) => expect(selects(text, changes)).toBe(true));
});

describe('a filter leaves out', () => {
  it.each<[string, Partial<CallRecord>?]>([
    ['action:block'],
    ['user:Alice'],
    ['user:ali'],
    ['user:"ali*"'],
    ['user:""'],
    ['-user:alice'],
    ['-(user:alice or user:carol)'],
    ['user:alice team:sales'],
    ['user:bob or team:sales'],
    ['user:alice (team:sales or team:legal)'],
    ['model:openai/*'],
    ['model:*opus*'],
    ['cost:>0.01'],
    ['cost:<0.01'],
    ['cost:>0.0100000000000000000000000'],
    ['cost:0.010000000000000000000001'],
    ['cost:>=0', { costUsd: null }],
    ['cost:<1', { costUsd: null }],
    ['cost:unknown'],
    ['tokens:>1000'],
    ['since:30m'],
    ['until:2h'],
    ['until:2026-10-06'],
    ['since:2026-10-08'],
    ['until:2026-10-07T12:00:00Z'],
    ['since:1d', { timestampMs: Number.NaN }],
    ['until:1s', { timestampMs: Number.NaN }],
    ['id:3a9c'],
    ['id:"4f3a"'],
    ['4f3a9c1e-0000-4000-8000-000000000002'],
    ['alice bob'],
    ['-haiku'],
  ])('%s', (text, changes) => expect(selects(text, changes)).toBe(false));
});

describe('a mistake in a filter is named at its place', () => {
  it.each<[string, number, number, string, string?]>([
    ['user:alice modle:x', 11, 5, 'There is no field "modle".', 'did you mean model:?'],
    ['qqqqqqqq:1', 0, 8, 'There is no field "qqqqqqqq".'],
    ['constructor:1', 0, 11, 'There is no field "constructor".'],
    ['user:', 0, 5, '"user:" needs a value.', 'user:"" finds calls without one'],
    ['x cost:', 2, 5, '"cost:" needs a value.', 'such as cost:>0.05'],
    ['user:a,', 0, 7, '"user:" needs a value.'],
    ['cost:cheap', 5, 5, '"cost:" compares with a decimal of US dollars.', 'such as cost:>0.05'],
    ['cost:-1', 5, 2, '"cost:" compares with a decimal of US dollars.'],
    ['cost:1,2', 7, 1, '"cost:" takes one value.'],
    ['cost:=>1', 5, 3, '"cost:" compares with a decimal of US dollars.'],
    ['tokens:1.5', 7, 3, '"tokens:" compares with a count.', 'such as tokens:>=1000'],
    ['since:soon', 6, 4, '"since:" takes a moment.', 'such as since:2h or since:2026-10-01'],
    ['since:2026-02-30', 6, 10, '"since:" takes a moment.'],
    ['until:2026-13', 6, 7, '"until:" takes a moment.'],
    ['since:2h,3h', 9, 2, '"since:" takes one value.'],
    ['action:blok', 7, 4, 'No call has the action "blok".', 'did you mean action:block?'],
    ['state:gone', 6, 4, 'No call has the state "gone".'],
    ['(user:a', 0, 1, 'This "(" is never closed.', 'add ")"'],
    ['user:a)', 6, 1, 'There is no "(" to this ")".'],
    ['()', 0, 2, 'There is nothing in the parentheses.'],
    ['user:"a', 5, 2, 'This quote is never closed.', 'add "'],
    ['user:a or', 9, 0, '"or" needs something on both sides.'],
    ['or user:a', 9, 0, '"or" needs something on both sides.'],
    ['-', 0, 1, '"-" excludes what follows it, and nothing does.', 'such as -user:alice'],
    ['a - b', 2, 1, '"-" excludes what follows it, and nothing does.'],
    ['-""', 0, 3, 'There is nothing to exclude.'],
    ['('.repeat(33), 32, 1, 'Nested deeper than 32.'],
    [`${'!'.repeat(40)}a`, 32, 1, 'Nested deeper than 32.'],
    [
      'a'.repeat(MAX_QUERY_LENGTH + 1),
      MAX_QUERY_LENGTH,
      1,
      'A filter has at most 2000 characters, this one 2001.',
    ],
  ])('%.40s', (text, at, length, message, hint) => {
    const problem = problemOf(text);
    expect(problem).toMatchObject({ at, length, message, ...(hint === undefined ? {} : { hint }) });
  });

  it('whatever the text, the place lies within it', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ' ',
        '(',
        ')',
        '"',
        ':',
        ',',
        '*',
        '-',
        '!',
        'or',
        'and',
        '\\',
        'user:',
        'cost:>',
        'since:',
        '2h',
      ),
      fc.string({ maxLength: 4, unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join('');
        const reading = parseQuery(text, NOW);
        if (reading.ok) return matches(reading.query, callRecord()) !== undefined;
        const { at, length, message } = reading.problem;
        return at >= 0 && length >= 0 && at + length <= text.length && /\.$/.test(message);
      }),
      { numRuns: process.env.SLOW ? 50_000 : 2_000 },
    );
  });
});

describe('printing a filter', () => {
  const pattern = fc.array(fc.string({ maxLength: 6, unit: fc.constantFrom(...'aB *",()\\-!: é') }), {
    minLength: 1,
    maxLength: 3,
  });
  const word = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'ab *",()\\-!:é') });
  const term: fc.Arbitrary<Query> = fc.oneof(
    fc.record({
      kind: fc.constant('text' as const),
      field: fc.constantFrom(...TEXT_FIELD_NAMES.filter((name) => !['action', 'state', 'id'].includes(name))),
      patterns: fc.array(pattern, { minLength: 1, maxLength: 3 }),
    }),
    fc
      .oneof(word, fc.constantFrom('or', 'and', 'user:x', '4f3a9c1e-0000-4000-8000-000000000001'))
      .map((text) => ({
        kind: 'word' as const,
        text,
      })),
    fc.record({
      kind: fc.constant('number' as const),
      field: fc.constantFrom('cost' as const, 'tokens' as const, 'bound' as const),
      op: fc.constantFrom('<' as const, '<=' as const, '=' as const, '>=' as const, '>' as const),
      value: fc.bigInt(0n, 10n ** 17n),
    }),
    fc.constant({ kind: 'unknown' as const, field: 'cost' as const }),
    fc.constant({ kind: 'time' as const, field: 'since' as const, atMs: NOW - 7_200_000, text: '2h' }),
  );
  const { query } = fc.letrec<{ query: Query }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      term,
      fc.record({ kind: fc.constant('not' as const), part: tie('query') }),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        parts: fc.array(tie('query'), { minLength: 2, maxLength: 3 }),
      }),
    ),
  }));

  it('gives a text that reads as the same filter', () => {
    fc.assert(
      fc.property(query, (tree) => {
        const text = printQuery(tree);
        // The canonical tree has no list in a list of its kind and no double negation: read it once to get there.
        const read = parse(text);
        expect(parse(printQuery(read))).toEqual(read);
        expect(printQuery(read)).toBe(printQuery(parse(printQuery(read))));
      }),
      { numRuns: process.env.SLOW ? 20_000 : 1_000 },
    );
  });

  it('keeps each single term as it was', () => {
    fc.assert(
      fc.property(term, (tree) => {
        expect(parse(printQuery(tree))).toEqual(tree);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is short where it can be', () => {
    for (const text of ['user:alice -model:openai/*', 'cost:>$0.05 or tokens:12', 'since:2h (a or b) -(c d)'])
      expect(printQuery(parse(text))).toBe(text);
    expect(printQuery(parse('( user:"alice" )  AND !b'))).toBe('user:alice -b');
    expect(printQuery(parse(''))).toBe('');
  });

  it('gives a term for any value, which selects exactly that value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (value, other) => {
        const query = parse(printTerm('user', value));
        expect(matches(query, callRecord({ user: value }))).toBe(true);
        expect(matches(query, callRecord({ user: other }))).toBe(value === other);
      }),
    );
  });
});

describe('a term added to a filter', () => {
  it.each([
    ['', 'user:a', 'user:a'],
    ['team:x', 'user:a', 'team:x user:a'],
    ['team:x or team:y', 'user:a', '(team:x or team:y) user:a'],
    ['team:x user:a', 'user:a', 'team:x user:a'],
  ])('%j and %s are %j', (text, term, expected) => expect(addTerm(text, term)).toBe(expected));
});

describe('a pattern', () => {
  const simple = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b') });

  it('means what the regular expression of the same form means', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b') }), {
          minLength: 1,
          maxLength: 5,
        }),
        simple,
        (parts, text) => {
          expect(matchesPattern(parts, text)).toBe(new RegExp(`^${parts.join('.*')}$`, 's').test(text));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('takes no more than linear steps where a regular expression would go back again and again', () => {
    const hostile = Array.from({ length: 900 }, () => 'a');
    expect(matchesPattern([...hostile, 'b'], 'a'.repeat(100_000))).toBe(false);
  });
});

describe('suggestions', () => {
  const values = {
    user: [
      { value: 'alice', count: 5 },
      { value: 'al b', count: 2 },
    ],
    model: [{ value: 'openai/gpt-5', count: 1 }],
  };
  const textsAt = (text: string, cursor = text.length) => {
    const { from, to, items } = suggestQuery(text, cursor, values);
    return items.map((item) => text.slice(0, from) + item.text + text.slice(to));
  };

  it('name fields for the start of a word', () => {
    expect(textsAt('us')).toEqual(['user:']);
    expect(textsAt('x -te')).toEqual(['x -team:', 'x -tenant:']);
    expect(textsAt('')).toHaveLength(12);
  });

  it('name values that are there, quoted where they must be, in the place of the word', () => {
    expect(textsAt('user:al')).toEqual(['user:alice', 'user:"al b"']);
    expect(textsAt('(user:al x', 8)).toEqual(['(user:alice x', '(user:"al b" x']);
    expect(textsAt('model:gpt')).toEqual(['model:openai/gpt-5']);
    expect(textsAt('user:bob,ali')).toEqual(['user:bob,alice']);
  });

  it('give examples where values are endless, and nothing for a field that is none', () => {
    expect(textsAt('since:1')).toEqual(['since:15m', 'since:1h']);
    expect(textsAt('action:b')).toEqual(['action:block']);
    expect(textsAt('nofield:b')).toEqual([]);
    expect(textsAt('__proto__:')).toEqual([]);
  });

  it('can all be read', () => {
    for (const field of QUERY_FIELDS)
      for (const { text } of suggestQuery(`${field}:`, field.length + 1, values).items) parse(text);
  });
});
