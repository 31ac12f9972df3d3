/**
 * A filter as a test on the columns of the index. It means what `matches` means for the calls (core/query.ts); texts are
 * looked at once for each different one.
 */
import type { Usd } from '../core/money.js';
import {
  type Comparison,
  compares,
  type NumberQueryField,
  type NumberTerm,
  type Query,
  TEXT_FIELDS,
  type TextColumn,
  type TextTerm,
  WORD_COLUMNS,
} from '../core/query.js';
import { matchesPattern } from '../core/query-values.js';
import { createMask } from './dictionary.js';
import {
  type AmountColumn,
  COST_KINDS,
  type CodedColumn,
  type Dictionaries,
  HIGH_UNIT,
  type RowChunk,
  readAmount,
  readCost,
  readId,
} from './row-chunk.js';

/** Whether the call in a row of a chunk is selected. */
type Test = (chunk: RowChunk, at: number) => boolean;

/** A filter on the columns of one index. */
export interface RowTest {
  /** Looks at the texts that came since. Call it before testing rows that are new or changed. */
  refresh(): void;
  readonly test: Test;
}

/** Compiles a filter for the texts of one index. */
export function compileQuery(query: Query, dictionaries: Dictionaries): RowTest {
  const compiler: Compiler = { dictionaries, refreshers: [] };
  const test = compile(query, compiler);
  return {
    test,
    refresh() {
      for (const refresh of compiler.refreshers) refresh();
    },
  };
}

interface Compiler {
  readonly dictionaries: Dictionaries;
  readonly refreshers: (() => void)[];
}

function compile(query: Query, compiler: Compiler): Test {
  switch (query.kind) {
    case 'all':
      return () => true;
    case 'and':
      return joinAll(query.parts.map((part) => compile(part, compiler)));
    case 'or':
      return joinAny(query.parts.map((part) => compile(part, compiler)));
    case 'not': {
      const test = compile(query.part, compiler);
      return (chunk, at) => !test(chunk, at);
    }
    case 'text':
      return compileText(query, compiler);
    case 'word':
      return testColumns(WORD_COLUMNS, compiler, (text) => text.toLowerCase().includes(query.text));
    case 'number':
      return compileNumber(query);
    case 'unknown':
      return compileUnknown(query.field);
    case 'time': {
      const { atMs, field } = query;
      if (field === 'since') return (chunk, at) => (chunk.times[at] ?? Number.NaN) >= atMs;
      return (chunk, at) => (chunk.times[at] ?? Number.NaN) < atMs;
    }
  }
}

function joinAll(tests: readonly Test[]): Test {
  const [a, b] = tests;
  if (tests.length === 2 && a && b) return (chunk, at) => a(chunk, at) && b(chunk, at);
  return (chunk, at) => {
    for (const test of tests) if (!test(chunk, at)) return false;
    return true;
  };
}

function joinAny(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (chunk, at) => {
    for (const test of tests) if (test(chunk, at)) return true;
    return false;
  };
}

function compileText({ field, patterns }: TextTerm, compiler: Compiler): Test {
  const test = (text: string): boolean => patterns.some((pattern) => matchesPattern(pattern, text));
  const columns: readonly TextColumn[] = TEXT_FIELDS[field];
  if (columns.includes('decisionId')) return (chunk, at) => test(readId(chunk, at));
  return testColumns(columns as readonly CodedColumn[], compiler, test);
}

/** True when the text of one column passes. Columns in which no text does are not looked at row by row. */
function testColumns(
  columns: readonly CodedColumn[],
  { dictionaries, refreshers }: Compiler,
  test: (text: string) => boolean,
): Test {
  const masks = columns.map((column) => ({ column, mask: createMask(dictionaries[column], test) }));
  let active: readonly { readonly column: CodedColumn; readonly answers: Uint8Array }[] = [];
  refreshers.push(() => {
    for (const { mask } of masks) mask.refresh();
    active = masks
      .filter(({ mask }) => mask.hasAny)
      .map(({ column, mask: { answers } }) => ({ column, answers }));
  });
  return (chunk, at) => {
    for (const { column, answers } of active) if (answers[chunk.codes[column][at] ?? 0] === 1) return true;
    return false;
  };
}

function compileNumber({ field, op, value }: NumberTerm): Test {
  if (field === 'tokens') return compileTokens(op, value);
  const amount = compileAmount(op, value);
  if (field !== 'cost') {
    const column = COLUMN_OF[field];
    return (chunk, at) => amount(chunk, at, column);
  }
  const ofZero = compares(0n, op, value);
  return (chunk, at) => {
    const kind = COST_KINDS[chunk.costKinds[at] ?? 0] ?? 'unknown';
    if (kind === 'unknown') return false;
    if (kind === 'zero') return ofZero;
    if (kind !== 'odd') return amount(chunk, at, kind);
    const cost = readCost(chunk, at);
    return cost !== null && compares(cost, op, value);
  };
}

const COLUMN_OF: Readonly<Record<'actual' | 'bound' | 'expected', AmountColumn>> = {
  actual: 'actualUsd',
  bound: 'reservedUsd',
  expected: 'expectedUsd',
};

/** Compares in floats where both amounts fit into them: exact all the same, since those floats are whole. */
function compileAmount(op: Comparison, value: Usd) {
  const floor = value >= 0n ? value / HIGH_UNIT : -1n;
  const fits = value >= 0n && floor <= BigInt(Number.MAX_SAFE_INTEGER);
  const [high, low] = fits ? [Number(floor), Number(value % HIGH_UNIT)] : [0, 0];
  const answers = { less: compares(0n, op, 1n), equal: compares(0n, op, 0n), more: compares(1n, op, 0n) };
  return (chunk: RowChunk, at: number, column: AmountColumn): boolean => {
    const pair = chunk.amounts[column];
    const units = pair.high[at] ?? Number.NaN;
    if (Number.isNaN(units)) return false;
    if (!fits || units === Number.POSITIVE_INFINITY) {
      const amount = readAmount(chunk, at, column);
      return amount !== null && compares(amount, op, value);
    }
    const difference = units === high ? (pair.low[at] ?? 0) - low : units - high;
    if (difference === 0) return answers.equal;
    return difference < 0 ? answers.less : answers.more;
  };
}

function compileTokens(op: Comparison, value: bigint): Test {
  return ({ inputTokens, outputTokens }, at) => {
    const input = inputTokens[at] ?? Number.NaN;
    const output = outputTokens[at] ?? Number.NaN;
    if (Number.isNaN(input) && Number.isNaN(output)) return false;
    return compares(BigInt(input || 0) + BigInt(output || 0), op, value);
  };
}

function compileUnknown(field: NumberQueryField): Test {
  if (field === 'tokens')
    return ({ inputTokens, outputTokens }, at) =>
      Number.isNaN(inputTokens[at]) && Number.isNaN(outputTokens[at]);
  if (field === 'cost') return ({ costKinds }, at) => costKinds[at] === 0;
  const column = COLUMN_OF[field];
  return ({ amounts }, at) => Number.isNaN(amounts[column].high[at]);
}
