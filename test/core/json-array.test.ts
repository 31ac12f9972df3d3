import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createArraySplitter } from '../../src/core/json-array.js';

function split(text: string | Uint8Array, chunkSize = 7): string[] {
  const splitter = createArraySplitter();
  const bytes = Buffer.from(text);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkSize)
    elements.push(...splitter.push(bytes.subarray(at, at + chunkSize)));
  elements.push(...splitter.end());
  return elements.map((element) => Buffer.from(element).toString());
}

describe('a JSON array is split into the bytes of its elements', () => {
  it('whatever they are, however they are cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (values, chunkSize, isPrinted) => {
          const text = isPrinted ? JSON.stringify(values, null, 2) : JSON.stringify(values);
          expect(split(text, chunkSize).map((element) => JSON.parse(element))).toEqual(
            JSON.parse(JSON.stringify(values)),
          );
        },
      ),
    );
  });

  it.each([
    ['no array', 'x', ['x']],
    ['nothing', '', []],
    ['an empty array', ' [ ] ', []],
    ['a cut array', '[{"a":1},', ['{"a":1}', '']],
    ['an array that is only opened', '[', ['']],
    ['a cut element', '[{"a":1', ['{"a":1', '']],
    ['an array that nobody closed', '[{"a":1}', ['{"a":1}', '']],
    ['a cut text', '["a', ['"a', '']],
    ['a comma too many', '[1,]', ['1', '']],
    ['a comma first', '[,1]', ['', '1']],
    ['something after it', '[1] [2]', ['1', '[2]']],
    ['a line of a ledger after it', '[1]\n{"b":2}', ['1', '{"b":2}']],
  ])('%s loses nothing', (_what, text, elements) => {
    expect(split(text)).toEqual(elements);
  });

  it('an element longer than any row is cut just past the longest row', () => {
    const [element = ''] = split(`["${'x'.repeat(3_000_000)}"]`, 65_536);
    expect(element).toHaveLength(1_048_577);
  });
});
