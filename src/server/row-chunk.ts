/**
 * Some thousand calls in columns: about 150 bytes each where an object would take 1,500. Exact: whatever is put in comes
 * out again, digit by digit.
 */
import type { CallRecord } from '../core/call-record.js';
import type { Usd } from '../core/money.js';
import type { TextColumn } from '../core/query-ast.js';
import { createDictionary, type Dictionary } from './dictionary.js';

/** Rows of one chunk: a scan of one stays far below ten milliseconds. */
export const CHUNK_ROWS = 16_384;

/** The columns that hold codes of texts. The id of a call is no such column: nearly all are different. */
export const CODED_COLUMNS = [
  'scope',
  'action',
  'wouldAction',
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
  'signer',
  'costSource',
  'outcome',
] as const satisfies readonly Exclude<TextColumn, 'decisionId'>[];

export type CodedColumn = (typeof CODED_COLUMNS)[number];
/** Amounts that are kept; what a call counts is one of them, or nothing. */
export const AMOUNTS = ['expectedUsd', 'reservedUsd', 'actualUsd'] as const;
export type AmountColumn = (typeof AMOUNTS)[number];

export type Codes = Uint8Array | Uint16Array | Uint32Array;

/** Where the line of a row lies. */
export interface LineSpot {
  /** Which part of the ledger, from 0. */
  readonly part: number;
  readonly offset: number;
  readonly length: number;
}

/** An amount in two floats that are both whole and exact: units of 10⁻¹² and of 10⁻²⁴ US dollars; NaN when unknown. */
export interface AmountPair {
  readonly high: Float64Array;
  readonly low: Float64Array;
}

export interface RowChunk {
  readonly codes: { -readonly [K in CodedColumn]: Codes };
  readonly amounts: { readonly [K in AmountColumn]: AmountPair };
  /** What `costUsd` is: an entry of `COST_KINDS`. */
  readonly costKinds: Uint8Array;
  readonly times: Float64Array;
  /** NaN when unknown. */
  readonly inputTokens: Float64Array;
  readonly outputTokens: Float64Array;
  /** 16 bytes each; all zero where the id is no UUID. */
  readonly ids: Uint8Array;
  readonly attempts: Uint32Array;
  readonly partial: Uint8Array;
  /** Place in the ledger, counted from where reading began: see `LedgerRows`. */
  readonly places: Int32Array;
  readonly parts: Uint32Array;
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  /** The newest other row about the call: an entry of the list of related rows, or -1. */
  readonly related: Int32Array;
  /** Ids that are no UUIDs, and amounts beyond what the floats hold. */
  readonly oddIds: Map<number, string>;
  readonly oddAmounts: Map<string, Usd>;
}

export type Dictionaries = { readonly [K in CodedColumn]: Dictionary };

export const COST_KINDS = ['unknown', 'zero', 'actualUsd', 'reservedUsd', 'expectedUsd', 'odd'] as const;
const [UNKNOWN, ZERO, ACTUAL, RESERVED, EXPECTED, ODD] = [0, 1, 2, 3, 4, 5];

/** One unit of the upper float, 10⁻¹² US dollars. */
export const HIGH_UNIT: Usd = 10n ** 12n;
/** Amounts up to 4,503 US dollars fit: a thousand of them can be added before a float loses a digit. */
const MAX_PAIR: Usd = 2n ** 52n * HIGH_UNIT;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_ID = '00000000-0000-0000-0000-000000000000';

export function createDictionaries(): Dictionaries {
  return Object.fromEntries(CODED_COLUMNS.map((column) => [column, createDictionary()])) as Dictionaries;
}

export function createChunk(): RowChunk {
  const floats = (): Float64Array => new Float64Array(CHUNK_ROWS);
  const pair = (): AmountPair => ({ high: floats(), low: floats() });
  return {
    // One byte a code until a column has more than 256 different texts.
    codes: Object.fromEntries(
      CODED_COLUMNS.map((column) => [column, new Uint8Array(CHUNK_ROWS)]),
    ) as unknown as RowChunk['codes'],
    amounts: { expectedUsd: pair(), reservedUsd: pair(), actualUsd: pair() },
    costKinds: new Uint8Array(CHUNK_ROWS),
    times: floats(),
    inputTokens: floats(),
    outputTokens: floats(),
    ids: new Uint8Array(16 * CHUNK_ROWS),
    attempts: new Uint32Array(CHUNK_ROWS),
    partial: new Uint8Array(CHUNK_ROWS),
    places: new Int32Array(CHUNK_ROWS),
    parts: new Uint32Array(CHUNK_ROWS),
    offsets: floats(),
    lengths: new Uint32Array(CHUNK_ROWS),
    related: new Int32Array(CHUNK_ROWS).fill(-1),
    oddIds: new Map(),
    oddAmounts: new Map(),
  };
}

/** Puts a call into a chunk, or replaces the one that is there. Where it lies in the file is kept as it is. */
export function putRecord(chunk: RowChunk, at: number, record: CallRecord, dictionaries: Dictionaries): void {
  for (const column of CODED_COLUMNS) {
    const code = dictionaries[column].encode(record[column]);
    if (code > MAX_CODE[chunk.codes[column].BYTES_PER_ELEMENT as 1 | 2 | 4])
      chunk.codes[column] = widen(chunk.codes[column], code);
    chunk.codes[column][at] = code;
  }
  for (const column of AMOUNTS) putAmount(chunk, at, column, record[column]);
  const costKind = findCostKind(record);
  chunk.costKinds[at] = costKind;
  if (costKind === ODD && record.costUsd !== null) chunk.oddAmounts.set(`costUsd ${at}`, record.costUsd);
  chunk.times[at] = record.timestampMs;
  chunk.inputTokens[at] = record.inputTokens ?? Number.NaN;
  chunk.outputTokens[at] = record.outputTokens ?? Number.NaN;
  putId(chunk, at, record.decisionId);
  chunk.attempts[at] = record.attempt;
  chunk.partial[at] = record.partial ? 1 : 0;
}

/** The call at a place of a chunk. @param row its place in the ledger. */
export function takeRecord(chunk: RowChunk, at: number, row: number, dictionaries: Dictionaries): CallRecord {
  const texts = {} as { -readonly [K in CodedColumn]: string };
  for (const column of CODED_COLUMNS)
    texts[column] = dictionaries[column].decode(chunk.codes[column][at] ?? 0);
  return {
    ...(texts as Pick<CallRecord, CodedColumn>),
    decisionId: readId(chunk, at),
    attempt: chunk.attempts[at] ?? 1,
    row,
    timestampMs: chunk.times[at] ?? Number.NaN,
    expectedUsd: readAmount(chunk, at, 'expectedUsd'),
    reservedUsd: readAmount(chunk, at, 'reservedUsd'),
    actualUsd: readAmount(chunk, at, 'actualUsd'),
    costUsd: readCost(chunk, at),
    partial: chunk.partial[at] === 1,
    inputTokens: readCount(chunk.inputTokens[at]),
    outputTokens: readCount(chunk.outputTokens[at]),
  };
}

/** One amount of a call. */
export function readAmount(chunk: RowChunk, at: number, column: AmountColumn): Usd | null {
  const { high, low } = chunk.amounts[column];
  const units = high[at] ?? Number.NaN;
  if (units === Number.POSITIVE_INFINITY) return chunk.oddAmounts.get(`${column} ${at}`) ?? null;
  return Number.isNaN(units) ? null : BigInt(units) * HIGH_UNIT + BigInt(low[at] ?? 0);
}

/** What a call counts now. */
export function readCost(chunk: RowChunk, at: number): Usd | null {
  const kind = COST_KINDS[chunk.costKinds[at] ?? 0] ?? 'unknown';
  if (kind === 'unknown') return null;
  if (kind === 'zero') return 0n;
  return kind === 'odd' ? (chunk.oddAmounts.get(`costUsd ${at}`) ?? null) : readAmount(chunk, at, kind);
}

/** The id of a call. */
export function readId({ ids, oddIds }: RowChunk, at: number): string {
  const odd = oddIds.get(at);
  if (odd !== undefined) return odd;
  const hex = Buffer.from(ids.buffer, 16 * at, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Bytes that a chunk takes, without the few odd values. */
export function measureChunk(chunk: RowChunk): number {
  const pairs = Object.values(chunk.amounts).flatMap(({ high, low }) => [high, low]);
  const { times, inputTokens, outputTokens, ids, attempts, partial, places, parts, offsets, lengths } = chunk;
  const rest = [times, inputTokens, outputTokens, ids, attempts, partial, places, parts, offsets, lengths];
  const all = [...Object.values(chunk.codes), ...pairs, ...rest, chunk.costKinds, chunk.related];
  return all.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

const MAX_CODE = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff } as const;

function widen(codes: Codes, code: number): Codes {
  return code > 0xffff ? new Uint32Array(codes) : new Uint16Array(codes);
}

function putAmount(chunk: RowChunk, at: number, column: AmountColumn, amount: Usd | null): void {
  const { high, low } = chunk.amounts[column];
  low[at] = 0;
  if (amount === null) high[at] = Number.NaN;
  else if (amount >= 0n && amount < MAX_PAIR) {
    high[at] = Number(amount / HIGH_UNIT);
    low[at] = Number(amount % HIGH_UNIT);
  } else {
    high[at] = Number.POSITIVE_INFINITY;
    chunk.oddAmounts.set(`${column} ${at}`, amount);
  }
}

function findCostKind({ costUsd, actualUsd, reservedUsd, expectedUsd }: CallRecord): number {
  if (costUsd === null) return UNKNOWN;
  if (costUsd === 0n) return ZERO;
  if (costUsd === actualUsd) return ACTUAL;
  if (costUsd === reservedUsd) return RESERVED;
  return costUsd === expectedUsd ? EXPECTED : ODD;
}

function putId({ ids, oddIds }: RowChunk, at: number, id: string): void {
  if (UUID.test(id) && id !== NO_ID) {
    Buffer.from(ids.buffer, 16 * at, 16).write(id.replaceAll('-', ''), 'hex');
    oddIds.delete(at);
  } else oddIds.set(at, id);
}

function readCount(count: number | undefined): number | null {
  return count === undefined || Number.isNaN(count) ? null : count;
}
