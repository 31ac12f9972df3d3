/** The input bound of design rule "reserve" against real tokenizers: it may be far above, and never below. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHAT } from '../../src/guard/requests/chat.js';
import { COMPLETIONS } from '../../src/guard/requests/completions.js';
import { EMBEDDINGS } from '../../src/guard/requests/embeddings.js';
import { boundInput, readRequest } from '../../src/guard/requests/spend-request.js';
import { type ChatBody, countChatTokens, type Tool } from '../helpers/chat-template.js';

const SLOW = Boolean(process.env.SLOW);
const model = 'openai/gpt-5';

/** The bound of the request as the guard reads it: through JSON, as it is sent. */
function boundOf(body: ChatBody): number {
  const request = readRequest(CHAT, JSON.parse(JSON.stringify(body)));
  if (!request) throw new Error('not a request');
  expect(request.unbounded).toBeUndefined();
  return boundInput(request);
}

function expectCovered(body: ChatBody): void {
  const bound = boundOf(body);
  for (const [how, tokens] of Object.entries(countChatTokens(body)))
    expect(tokens, how).toBeLessThanOrEqual(bound);
}

/** Words from Unicode's own blocks: no text of anybody. */
const letters = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)).join('');

const SCRIPTS: Readonly<Record<string, string>> = {
  Latin: 'Ïñtërnâtiônàl ſtraße Øre żółć and plain words '.repeat(20),
  Cyrillic: letters(0x0410, 0x044f).repeat(10),
  Greek: letters(0x0391, 0x03c9).repeat(10),
  Arabic: letters(0x0621, 0x064a).repeat(10),
  'Arabic, one character for many': '\ufdfa\ufdfb\ufb50\ufefb'.repeat(80),
  Hebrew: letters(0x05d0, 0x05ea).repeat(10),
  Devanagari: letters(0x0904, 0x094d).repeat(6),
  Thai: letters(0x0e01, 0x0e5b).repeat(6),
  Han: letters(0x4e00, 0x4f00),
  'rare Han': letters(0x20000, 0x20100),
  Hangul: letters(0xac00, 0xad00),
  Georgian: letters(0x10a0, 0x10ff).repeat(5),
  Cuneiform: letters(0x12000, 0x12080),
  'emoji with joiners': '👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈👍🏿🇪🇺1️⃣'.repeat(40),
  'combining marks': `Z${letters(0x0300, 0x036f)}`.repeat(10),
  'lone surrogates': '\ud800x\udfff\udbff'.repeat(100),
  'both directions': '\u202eabc \u05d0\u05d1\u200f 123 \u2066x\u2069\u200d\ufeff'.repeat(40),
  controls: letters(0, 0x1f).repeat(20),
  'private use': letters(0xe000, 0xe080),
};

const CODE = `export const f = async <T extends object>(x: T[]): Promise<number> => {
\tfor (const [i, v] of x.entries()) if (v != null && i % 2 === 0) await g(v as never, \`\${i}:\${i << 3}\`);
    return x.length >>> 0; // -> {}[]()<>!@#$%^&*
};\n`;

const OTHERS: Readonly<Record<string, string>> = {
  'source code': CODE.repeat(15),
  base64: Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 251)).toString('base64'),
  hex: Array.from({ length: 1500 }, (_, i) => ((i * 7919) % 256).toString(16).padStart(2, '0')).join(''),
  'minified JSON': JSON.stringify(
    Array.from({ length: 200 }, (_, i) => ({ a: i, b: [i, null, true], 'c d': `${i}` })),
  ),
  spaces: ' '.repeat(4000),
  'line feeds': '\n'.repeat(2000),
  'tabs and returns': '\t\r\n'.repeat(800),
  'no-break and thin spaces': '\u00a0\u2009\u3000'.repeat(400),
  digits: '0123456789'.repeat(300),
  'digits, spaced': '1 2,3;4 '.repeat(300),
  'one letter': 'a'.repeat(3000),
  'quotes and backslashes': '\\"\\\\"\'`'.repeat(400),
  'looks like marks': '<|im_start|>system<|endoftext|><|fim_prefix|>'.repeat(100),
  punctuation: '!?…—“”‚„·•§¶†‡'.repeat(100),
  empty: '',
};

describe('the input bound covers every template and tokenizer', () => {
  it.each(Object.entries({ ...SCRIPTS, ...OTHERS }))('%s', (_, text) => {
    expectCovered({ model, messages: [{ role: 'user', content: text }] });
    expectCovered({
      model,
      messages: [
        {
          role: 'system',
          content: [
            { type: 'text', text },
            { type: 'text', text: text.slice(0, 50) },
          ],
        },
        { role: 'tool', content: text.slice(0, 300) },
      ],
      tools: [toolOf({ type: 'object', description: text.slice(0, 600), properties: {} })],
    });
  });

  it('very many tiny messages', () => {
    for (const content of ['', 'a', '\u{1f600}', '7'])
      expectCovered({ model, messages: Array.from({ length: 1_000 }, () => ({ role: 'user', content })) });
    expectCovered({
      model,
      messages: Array.from({ length: 300 }, (_, i) => ({ role: 'assistant', name: `n${i}`, content: null })),
    });
  });

  it('leaves room for a template around each message, for tools and for a schema', () => {
    const messages = [{ role: 'user', content: 'x' }];
    const roomOf = (body: object) =>
      boundOf(body as ChatBody) - Buffer.byteLength(JSON.stringify({ model, ...body }));
    expect(roomOf({ model, messages })).toBe(64);
    expect(roomOf({ model, messages: [...messages, ...messages] })).toBe(128);
    expect(roomOf({ model, messages, tools: [toolOf({})] })).toBeGreaterThanOrEqual(64 + 1_024);
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: {} } };
    expect(roomOf({ model, messages, response_format })).toBeGreaterThanOrEqual(64 + 1_024);
  });

  it('calls of tools whose arguments a template prints anew', () => {
    const cells = JSON.stringify({ m: Array.from({ length: 1_500 }, (_, i) => i % 10) });
    const call = { function: { name: 'f', arguments: cells } };
    expectCovered({ model, messages: [{ role: 'assistant', content: null, tool_calls: [call] }] });
  });
});

function toolOf(parameters: Record<string, unknown>, name = 'f'): Tool {
  return { type: 'function', function: { name, parameters } };
}

function nest(levels: number, name = 'a'): Record<string, unknown> {
  let schema: Record<string, unknown> = { type: 'string' };
  for (let level = 0; level < levels; level++) schema = { type: 'object', properties: { [name]: schema } };
  return schema;
}

describe('the input bound covers tool schemas', () => {
  const wide = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, { type: 'string' }]));
  const bare = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`${i}`, {}]));
  const cases: Readonly<Record<string, readonly Tool[]>> = {
    deep: [toolOf(nest(60))],
    'very deep': [toolOf(nest(250))],
    'deep and wide': Array.from({ length: 20 }, (_, i) => toolOf(nest(40, `n${i}`), `f${i}`)),
    wide: [toolOf({ type: 'object', properties: wide, required: Object.keys(wide) })],
    'wide and bare': [toolOf({ type: 'object', properties: bare })],
    'many tiny tools': Array.from({ length: 200 }, (_, i) => toolOf({}, `f${i}`)),
    'tools without parameters': Array.from({ length: 200 }, () => ({
      type: 'function',
      function: { name: 'f' },
    })),
    'a list of digits': [toolOf({ type: 'number', enum: Array.from({ length: 3_000 }, (_, i) => i % 10) })],
    'nested lists': [toolOf({ default: Array.from({ length: 300 }, () => [[[[0]]]]) })],
    'words of other scripts': [
      toolOf({
        type: 'object',
        properties: { [SCRIPTS.Han!.slice(0, 40)]: { enum: [SCRIPTS.Thai, SCRIPTS.Greek] } },
      }),
    ],
  };
  it.each(Object.entries(cases))('%s', (_, tools) => {
    expectCovered({ model, messages: [{ role: 'user', content: 'x' }], tools });
  });
});

/** Any text, and the kinds that tokenizers like least. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(' ', '\n', '\t', '0', '\ud800', '\u{1f9d1}', '\u0301', '{', '"', '\\', 'é', '中'),
      { maxLength: 500 },
    )
    .map((parts) => parts.join('')),
  fc.array(fc.nat(0x10ffff), { maxLength: 150 }).map((points) => String.fromCodePoint(...points)),
  fc.array(fc.nat(0xffff), { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
);
const schema: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(
  fc.string({ maxLength: 6 }),
  fc.jsonValue({ maxDepth: 6 }) as fc.Arbitrary<unknown>,
  { maxKeys: 8 },
);
const request: fc.Arbitrary<ChatBody> = fc.record({
  model: fc.constant(model),
  messages: fc.array(
    fc.record({ role: fc.constantFrom('user', 'assistant', 'system', 'tool'), content: text }),
    { minLength: 1, maxLength: 6 },
  ),
  tools: fc.array(
    fc.tuple(schema, text).map(
      ([extra, description]): Tool => ({
        type: 'function',
        function: {
          name: 'f',
          description,
          parameters: { ...extra, properties: { [description.slice(0, 9)]: { default: extra } } },
        },
      }),
    ),
    { maxLength: 3 },
  ),
});

describe('the input bound covers any request', () => {
  it('of messages and tools', () => {
    fc.assert(fc.property(request, expectCovered), { numRuns: SLOW ? 20_000 : 400 });
  });

  it('of text to embed or to complete, in lists or as tokens', async () => {
    const { countTokens } = await import('gpt-tokenizer/encoding/cl100k_base');
    const count = (words: string) => countTokens(words, { disallowedSpecial: new Set() } as never);
    const property = fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
      const tokens = texts.reduce((sum, words) => sum + count(words), 0);
      for (const [reader, body] of [
        [EMBEDDINGS, { model, input: texts }],
        [COMPLETIONS, { model, prompt: texts }],
      ] as const)
        expect(boundInput(readRequest(reader, JSON.parse(JSON.stringify(body)))!)).toBeGreaterThanOrEqual(
          tokens,
        );
    });
    fc.assert(property, { numRuns: SLOW ? 5_000 : 200 });
    const numbers = Array.from({ length: 999 }, (_, i) => i % 10);
    expect(boundInput(readRequest(EMBEDDINGS, { model, input: [numbers, numbers] })!)).toBeGreaterThanOrEqual(
      1_998,
    );
  });
});
