/**
 * What a filter means, as data: the tree that `parseQuery` gives and that `matches`, the dashboard's index and the page
 * read (docs/filter-language.md).
 */
import type { CallRecord } from './call-record.js';

export type Query =
  /** The empty filter: every call. */
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  | TextTerm
  | WordTerm
  | NumberTerm
  | UnknownTerm
  | TimeTerm;

/** True when one of the field's columns has one of the values. Exact: case counts. */
export interface TextTerm {
  readonly kind: 'text';
  readonly field: TextQueryField;
  readonly patterns: readonly Pattern[];
}

/** The texts that were between the `*` of a value, in order: `['a']` is `a` itself, `['a', '']` is `a*`. */
export type Pattern = readonly string[];

/** True when one of `WORD_COLUMNS` contains it. `text` is in lower case; so is what it is looked for in. */
export interface WordTerm {
  readonly kind: 'word';
  readonly text: string;
}

export type Comparison = '<' | '<=' | '=' | '>=' | '>';

/** Compares exactly; never true of what is not known. `value` is `Usd`, or a count of tokens. */
export interface NumberTerm {
  readonly kind: 'number';
  readonly field: NumberQueryField;
  readonly op: Comparison;
  readonly value: bigint;
}

/** `cost:unknown`: true when there is no figure. */
export interface UnknownTerm {
  readonly kind: 'unknown';
  readonly field: NumberQueryField;
}

/** On the decision's time. `since` is inclusive, `until` exclusive; never true of a row without a time. */
export interface TimeTerm {
  readonly kind: 'time';
  readonly field: TimeQueryField;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** As it was written, such as `2h`. */
  readonly text: string;
}

/** Columns of a record that hold text. */
export type TextColumn = {
  [K in keyof CallRecord]: CallRecord[K] extends string ? K : never;
}[keyof CallRecord];

/** The fields with text, and the columns that each looks into. */
export const TEXT_FIELDS = {
  action: ['action'],
  would: ['wouldAction'],
  state: ['state'],
  model: ['requested', 'resolved', 'served'],
  requested: ['requested'],
  resolved: ['resolved'],
  served: ['served'],
  provider: ['provider', 'servedProvider'],
  user: ['user'],
  team: ['team'],
  agent: ['agent'],
  task: ['task'],
  session: ['session'],
  workflow: ['workflow'],
  env: ['environment'],
  tenant: ['tenant'],
  scope: ['scope'],
  policy: ['policy'],
  code: ['code'],
  cap: ['cap'],
  reason: ['reason'],
  outcome: ['outcome'],
  source: ['costSource'],
  signer: ['signer'],
  id: ['decisionId'],
} as const satisfies Readonly<Record<string, readonly TextColumn[]>>;

/** `bound` is the reserved amount, `tokens` input and output together. */
export const NUMBER_FIELDS = ['cost', 'actual', 'bound', 'expected', 'tokens'] as const;
export const TIME_FIELDS = ['since', 'until'] as const;

export type TextQueryField = keyof typeof TEXT_FIELDS;
export type NumberQueryField = (typeof NUMBER_FIELDS)[number];
export type TimeQueryField = (typeof TIME_FIELDS)[number];
export type QueryField = TextQueryField | NumberQueryField | TimeQueryField;

export const TEXT_FIELD_NAMES = Object.keys(TEXT_FIELDS) as readonly TextQueryField[];
export const QUERY_FIELDS: readonly QueryField[] = [...TEXT_FIELD_NAMES, ...NUMBER_FIELDS, ...TIME_FIELDS];

/** Where a bare word is looked for. */
export const WORD_COLUMNS = [
  'action',
  'state',
  'tenant',
  'user',
  'team',
  'agent',
  'task',
  'session',
  'workflow',
  'environment',
  'provider',
  'requested',
  'resolved',
  'served',
  'servedProvider',
  'policy',
  'code',
  'cap',
  'reason',
  'outcome',
] as const satisfies readonly TextColumn[];
