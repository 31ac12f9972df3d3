import { describe, expect, it } from 'vitest';
import { type Call, createCallFold } from '../../src/core/calls.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { printUsd } from '../../src/core/money.js';
import type { Receipt } from '../../src/core/receipt.js';

const T0 = Date.UTC(2026, 9, 7, 12);

function decided(more: JsonObject = {}): JsonObject {
  return {
    formatVersion: 1,
    decisionId: 'd-1',
    attempt: 1,
    action: 'allow',
    provider: 'openrouter',
    modelRequested: 'acme/asked',
    modelResolved: 'acme/sent',
    expectedUsd: '0.1',
    reservedUsd: '0.5',
    ...more,
  };
}

function settled(costSource: string, actualUsd: Json, more: JsonObject = {}): JsonObject {
  return {
    formatVersion: 1,
    decisionId: 's-1',
    entryType: 'settlement',
    originalDecisionId: 'd-1',
    attempt: 1,
    costSource,
    actualUsd,
    ...more,
  };
}

/** The calls of these rows, one second apart. */
function fold(rows: readonly JsonObject[], fromMs = 0): Call[] {
  const calls: Call[] = [];
  const made = createCallFold((call) => calls.push(call), fromMs);
  for (const [index, decision] of rows.entries())
    made.apply({ decision } as unknown as Receipt, T0 + index * 1_000);
  made.finish();
  return calls;
}

/** `model billed≤most` of each call. */
function brief(rows: readonly JsonObject[]): string[] {
  const show = (amount: bigint | undefined) => (amount === undefined ? '?' : printUsd(amount));
  return fold(rows).map(
    ({ model, billedUsd, atMostUsd }) => `${model} ${show(billedUsd)}≤${show(atMostUsd)}`,
  );
}

describe('a call', () => {
  it('costs what upstream billed, for the model that answered', () => {
    const [call] = fold([decided(), settled('provider', '0.2', { servedModel: 'acme/served' })]);
    expect(call).toMatchObject({
      provider: 'openrouter',
      model: 'acme/served',
      askedModel: 'acme/sent',
      decidedMs: T0,
      endedMs: T0 + 1_000,
      expectedUsd: 10n ** 23n,
    });
    expect(brief([decided(), settled('provider', '0.2')])).toEqual(['acme/sent 0.2≤0.2']);
    expect(brief([decided(), settled('provider', '0')])).toEqual(['acme/sent 0≤0']);
  });

  it.each<[string, readonly JsonObject[], readonly string[]]>([
    ['without a settlement is open to its bound', [decided()], ['acme/sent ?≤0.5']],
    ['settled on its bound is open to it', [decided(), settled('reserved', '0.5')], ['acme/sent ?≤0.5']],
    [
      'of unknown price has no bound',
      [decided({ reservedUsd: null }), settled('reserved', null)],
      ['acme/sent ?≤?'],
    ],
    [
      'computed from tokens is open to its bound',
      [decided(), settled('computed', '0.2')],
      ['acme/sent ?≤0.5'],
    ],
    [
      'computed above its bound is open to that',
      [decided(), settled('computed', '0.7')],
      ['acme/sent ?≤0.7'],
    ],
    [
      'whose truth came later has it',
      [decided(), settled('reserved', '0.5'), settled('provider', '0.3')],
      ['acme/sent 0.3≤0.3'],
    ],
    ['that was never sent is none', [decided(), settled('released', '0')], []],
    ['that was refused is none', [decided({ action: 'block' })], []],
    ['in shadow mode is one', [decided({ action: 'shadow' })], ['acme/sent ?≤0.5']],
    [
      'of each attempt is one',
      [decided(), decided({ attempt: 2 }), settled('provider', '0.2', { attempt: 2 })],
      ['acme/sent 0.2≤0.2', 'acme/sent ?≤0.5'],
    ],
    ['written twice is one', [decided(), decided(), settled('provider', '0.2')], ['acme/sent 0.2≤0.2']],
    [
      'settled twice keeps the first bill',
      [decided(), settled('provider', '0.2'), settled('provider', '0.1')],
      ['acme/sent 0.2≤0.2'],
    ],
    [
      'with outcomes in between is the same',
      [decided(), settled('x', '0', { entryType: 'outcome' }), settled('provider', '0.2')],
      ['acme/sent 0.2≤0.2'],
    ],
  ])('%s', (_rule, rows, expected) => {
    expect(brief(rows)).toEqual(expected);
  });

  it('of another writer is known to whole cents, rounded up', () => {
    const foreign = decided({ projectedCents: 3 });
    const { formatVersion: _, reservedUsd: __, ...row } = foreign as Record<string, Json>;
    const {
      formatVersion: ___,
      actualUsd: ____,
      ...late
    } = settled('', null, { actualCents: 2 }) as Record<string, Json>;
    expect(brief([row])).toEqual(['acme/sent ?≤0.03']);
    expect(brief([row, late])).toEqual(['acme/sent ?≤0.02']);
  });

  it.each<[string, JsonObject]>([
    ['a negative bill', settled('provider', '-1')],
    ['a bill that is a float', settled('provider', 0.2)],
    ['a bill that is no decimal', settled('provider', 'free')],
    ['a source that is not known', settled('guessed', '0.2')],
    ['another call', settled('provider', '0.2', { originalDecisionId: 'd-2' })],
    ['another attempt', settled('provider', '0.2', { attempt: 3 })],
    ['a key of every object', settled('provider', '0.2', { originalDecisionId: 'constructor' })],
  ])('is not settled by %s', (_what, row) => {
    expect(brief([decided(), row])).toEqual(['acme/sent ?≤0.5']);
  });

  it('decided before the days looked at is left out, with its settlement', () => {
    expect(fold([decided(), settled('provider', '0.2')], T0 + 1)).toEqual([]);
  });

  it('without a time is left out', () => {
    const calls: Call[] = [];
    const made = createCallFold((call) => calls.push(call), 0);
    made.apply({ decision: decided() } as unknown as Receipt, Number.NaN);
    made.finish();
    expect(calls).toEqual([]);
  });
});
