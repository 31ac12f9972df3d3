/** The form of the table of escapes: models with their prices, and the words for what becomes of a request. */
import { HAIKU, OPUS } from '../helpers/guarded-client.js';

export const LLAMA = 'meta-llama/llama-3.3-70b-instruct';
const SONNET = 'anthropic/claude-sonnet-4.6';
const GPT = 'openai/gpt-5';

/** US dollars per million tokens: input, output. As set by hand, and as the stand-in lists them. */
export const USD_PER_MTOK: Readonly<Record<string, readonly [string, string]>> = {
  [HAIKU]: ['1', '5'],
  [OPUS]: ['5', '25'],
  [SONNET]: ['3', '15'],
  [GPT]: ['1.25', '10'],
  [LLAMA]: ['0.1', '0.32'],
  [`${LLAMA}:free`]: ['0', '0'],
};

/** The models of a book: the one asked for, and another that is dearer or has the dearer output. */
export interface Names {
  readonly model: string;
  readonly other: string;
}

export const BOOKS = {
  'prices set by hand': { model: HAIKU, other: OPUS },
  'a synced table': { model: GPT, other: SONNET },
} as const satisfies Readonly<Record<string, Names>>;
export type Book = keyof typeof BOOKS;

/** The dearest reading of a bounded request. */
export interface Dearest {
  /** Models that may answer; any of them at its own price. Default: the one asked for. */
  readonly models?: readonly string[];
  /** Output tokens in all. Default: what `max_tokens` says. */
  readonly outputTokens?: number;
  /** Quarters of the input price that each byte of input may cost. Default 4. */
  readonly inputQuarters?: bigint;
}

/** Refused with these words, or bounded above a reading. */
type Expected = string | Dearest;

export interface Escape {
  readonly name: string;
  /** Default `/chat/completions`. */
  readonly path?: string;
  /** Fields on top of a model, one message and 20 output tokens. */
  readonly fields: (names: Names) => Readonly<Record<string, unknown>>;
  /** The same with both books, or one of each. */
  readonly expected: (names: Names, book: Book) => Expected;
}

export const refused = (words: string) => () => words;
export const bounded =
  (dearest: Dearest = {}) =>
  () =>
    dearest;
export const onlySynced = (words: string, dearest: (names: Names) => Dearest) => (names: Names, book: Book) =>
  book === 'a synced table' ? dearest(names) : words;

export const MODEL_FIELD = 'model names a preset or a paid variant';
export const LIST_FIELD = 'models must be a list of plain model ids';
export const UNPRICED = 'no price is known';
export const ROUTED = 'no price until it is routed';
export const MANY_MODELS = 'lets other models answer';
export const PAID = 'adds a paid service';
export const UPSTREAM_TOOL = 'tools that run upstream';
export const UNKNOWN = 'is not a field this version can bound';
export const FILES = 'images, audio and files';
export const STORED = 'kept upstream';
export const CLOSED = 'are not guarded yet';

export const user = (content: unknown) => [{ role: 'user', content }];
export const look = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } };
export const same = (
  name: string,
  fields: Readonly<Record<string, unknown>>,
  expected: Escape['expected'],
): Escape => ({
  name,
  fields: () => fields,
  expected,
});
export const cached = (ttl: object) => ({ cache_control: { type: 'ephemeral', ...ttl } });
