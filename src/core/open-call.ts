/** A decided call attempt that is not settled for good, and how it is read from rows (docs/policy.md "Counters"). */
import type { Amounts, Caller } from './counter.js';
import type { Json, JsonObject } from './json.js';
import { parseCents, parseUsd, type Usd } from './money.js';
import type { Selector } from './scope.js';

/** One decided call attempt that is not settled for good. */
export interface Hold extends Caller {
  readonly decisionId: string;
  readonly attempt: number;
  readonly timestampMs: number;
  readonly reserved: Amounts;
  readonly expected: Amounts;
  /** The process that runs the call; empty in rows written by others. */
  readonly instance: string;
}

/** A hold, or a call whose cost may still become known. */
export interface Entry extends Hold {
  /** Counted amounts so far; `undefined` while it is only a hold. */
  settled: Amounts | undefined;
}

/** The call of a decision row, of ours or of others. */
export function readEntry(row: JsonObject, decisionId: string, attempt: number, timestampMs: number): Entry {
  const actor = actorOf(row.actor);
  const instance = text(row.instance) ?? '';
  const expected = {
    usd: amount(row.expectedUsd) ?? 0n,
    requests: 1n,
    tokens: tokens(row.estimatedInputTokens, row.estimatedOutputTokens) ?? 0n,
    in_flight: 1n,
  };
  const bound = tokens(row.inputTokensBound, row.outputTokensBound);
  const foreignUsd = row.formatVersion === undefined ? cents(row.projectedCents) : undefined;
  return {
    decisionId,
    attempt,
    timestampMs,
    actor,
    run: text(actor.sessionId) ?? text(row.run) ?? instance,
    reserved: {
      usd: amount(row.reservedUsd) ?? 0n,
      requests: 1n,
      tokens: bound ?? expected.tokens,
      in_flight: 1n,
    },
    expected,
    instance,
    // Rows of others keep no hold: what they projected counts until their settlement corrects it.
    settled: foreignUsd === undefined ? undefined : { ...expected, usd: foreignUsd, in_flight: 0n },
  };
}

/** `undefined` when the row says nothing about money. What it leaves open in other units stays as reserved. */
export function readSettled(row: JsonObject, { reserved }: Entry): Amounts | undefined {
  const isForeign = row.formatVersion === undefined;
  const unpriced = row.actualUsd === null ? reserved.usd : undefined;
  const usd = amount(row.actualUsd) ?? (isForeign ? cents(row.actualCents) : unpriced);
  if (usd === undefined) return undefined;
  const released = row.costSource === 'released' ? 0n : undefined;
  return {
    usd,
    requests: row.outcome === 'not_sent' ? 0n : 1n,
    tokens: released ?? tokens(row.actualInputTokens, row.actualOutputTokens) ?? reserved.tokens,
    in_flight: 0n,
  };
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function amount(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'string' ? parseUsd(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

function cents(value: Json | undefined): Usd | undefined {
  const usd = typeof value === 'number' ? parseCents(value, 'up') : undefined;
  return usd === undefined || usd < 0n ? undefined : usd;
}

/** Both counts together, or `undefined` unless both are there. */
function tokens(input: Json | undefined, output: Json | undefined): bigint | undefined {
  if (!isCount(input) || !isCount(output)) return undefined;
  return BigInt(input) + BigInt(output);
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function actorOf(value: Json | undefined): Selector {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Selector) : {};
}
