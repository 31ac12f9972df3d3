/**
 * The filter language of the command line, the terminal view and the dashboard (docs/filter-language.md): what a filter
 * means for one call. An index may compute the same faster, never differently.
 */
import type { CallRecord } from './call-record.js';
import {
  type Comparison,
  type NumberQueryField,
  type Query,
  TEXT_FIELDS,
  WORD_COLUMNS,
} from './query-ast.js';
import { matchesPattern } from './query-values.js';

export * from './query-ast.js';
export { MAX_QUERY_LENGTH, parseQuery, type QueryProblem } from './query-parser.js';
export { addTerm, printQuery, printTerm } from './query-printer.js';
export { type Suggestion, suggestQuery } from './query-suggest.js';
export { matchesPattern } from './query-values.js';

/** Whether a call is among those that the filter selects. */
export function matches(query: Query, record: CallRecord): boolean {
  switch (query.kind) {
    case 'all':
      return true;
    case 'and':
      return query.parts.every((part) => matches(part, record));
    case 'or':
      return query.parts.some((part) => matches(part, record));
    case 'not':
      return !matches(query.part, record);
    case 'text':
      return TEXT_FIELDS[query.field].some((column) =>
        query.patterns.some((pattern) => matchesPattern(pattern, record[column])),
      );
    case 'word':
      return WORD_COLUMNS.some((column) => record[column].toLowerCase().includes(query.text));
    case 'number': {
      const figure = figureOf(record, query.field);
      return figure !== null && compares(figure, query.op, query.value);
    }
    case 'unknown':
      return figureOf(record, query.field) === null;
    case 'time':
      return query.field === 'since' ? record.timestampMs >= query.atMs : record.timestampMs < query.atMs;
  }
}

/** The figure that a field compares: US dollars or a count of tokens; `null` when it is not known. */
export function figureOf(record: CallRecord, field: NumberQueryField): bigint | null {
  switch (field) {
    case 'cost':
      return record.costUsd;
    case 'actual':
      return record.actualUsd;
    case 'bound':
      return record.reservedUsd;
    case 'expected':
      return record.expectedUsd;
    case 'tokens': {
      const { inputTokens, outputTokens } = record;
      return inputTokens === null && outputTokens === null
        ? null
        : BigInt(inputTokens ?? 0) + BigInt(outputTokens ?? 0);
    }
  }
}

/** `a op b`. */
export function compares(a: bigint, op: Comparison, b: bigint): boolean {
  switch (op) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '=':
      return a === b;
    case '>=':
      return a >= b;
    case '>':
      return a > b;
  }
}
