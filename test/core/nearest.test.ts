import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNearest, measureDistance } from '../../src/core/nearest.js';

const KEYS = ['amountCents', 'window', 'action', 'downgradeTo', 'reason', 'selector'];
const MODELS = [
  'anthropic/claude-haiku-4.5',
  'anthropic/claude-opus-4.7',
  'openai/gpt-5',
  'openai/gpt-5-mini',
];

describe('findNearest', () => {
  it.each([
    ['windw', 'window'],
    ['wnidow', 'window'],
    ['Window', 'window'],
    ['amount_cents', 'amountCents'],
    ['amount', 'amountCents'],
    ['downgrade-to', 'downgradeTo'],
    ['selectors', 'selector'],
    ['reson', 'reason'],
  ])('%j is near %j', (word, expected) => {
    expect(findNearest(word, KEYS)).toEqual([expected]);
  });

  it.each(['', 'x', 'budget', 'zzzzzz', 'tenantId', 'w'.repeat(257)])(
    '%j is near no key of a cap',
    (word) => {
      expect(findNearest(word, KEYS)).toEqual([]);
    },
  );

  it('a model id with dashes for dots comes first', () => {
    expect(findNearest('anthropic/claude-haiku-4-5', MODELS, 3)[0]).toBe('anthropic/claude-haiku-4.5');
  });

  it('a model id without its author finds the shorter ids first', () => {
    expect(findNearest('gpt-5', MODELS, 3)).toEqual(['openai/gpt-5', 'openai/gpt-5-mini']);
  });

  it('a free variant is not the same as the paid model', () => {
    expect(findNearest('openai/gpt-5:free', MODELS)).toEqual(['openai/gpt-5']);
    expect(findNearest('openai/gpt-5', ['openai/gpt-5:free', 'openai/gpt-5'])).toEqual(['openai/gpt-5']);
  });

  it('never gives more than asked for', () => {
    expect(findNearest('a', ['a', 'A', 'a_'], 2)).toEqual(['a', 'A']);
    expect(findNearest('a', ['a'], 0)).toEqual([]);
  });

  it('a candidate too long to compare is passed over', () => {
    expect(findNearest('window', ['window'.repeat(50)])).toEqual([]);
  });

  it('two words without a letter in common are not near, however short', () => {
    expect(findNearest('x', ['y'])).toEqual([]);
    expect(findNearest('', ['y'])).toEqual([]);
  });

  it('any word is nearest to itself', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (word) => {
        expect(findNearest(word, ['\u0000other', word])[0]).toBe(word);
      }),
    );
  });
});

describe('measureDistance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['window', 'window', 0],
    ['window', 'wnidow', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('from %j to %j is %d', (a, b, expected) => {
    expect(measureDistance(a, b)).toBe(expected);
  });

  it('is symmetric, zero only for equal words and at most the longer length', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = measureDistance(a, b);
        expect(measureDistance(b, a)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
