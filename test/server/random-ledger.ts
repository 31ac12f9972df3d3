/** Random ledgers as files, and what they mean by the reference: the fold that every other face uses. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallRecord } from '../../src/core/call-record.js';
import type { JsonObject } from '../../src/core/json.js';
import { readReceipt } from '../../src/core/receipt.js';
import { createRecordFold } from '../../src/core/record-fold.js';
import { namePart } from '../../src/store/ledger-parts.js';
import { readTimestamp } from '../../src/store/ledger-state.js';
import { createRandom } from '../helpers/random.js';

const START_MS = Date.UTC(2026, 9, 1);
const UUID_TAIL = '-0000-4000-8000-';

export interface RandomLedgerOptions {
  readonly seed: number;
  readonly rows: number;
  /** Rows without the keys of our own format, in whole cents. */
  readonly foreign?: boolean;
  readonly scope?: string;
  readonly badLines?: boolean;
}

/** Lines of a ledger: decisions, their endings in every order and kind, operators' rows. Nothing is signed. */
export function writeRandomLines(options: RandomLedgerOptions): string[] {
  const { seed, rows, foreign = false, scope = 'acme', badLines = true } = options;
  const random = createRandom(seed);
  const open: { readonly id: string; readonly attempt: number }[] = [];
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const timestamp = new Date(START_MS + row * 61_000 + random.int(90_000)).toISOString();
    const order = foreign ? {} : { formatVersion: 1, ledgerId: 'a'.repeat(32), ledgerIndex: row };
    const common = { ...order, ...(random.chance(0.02) ? {} : { timestamp }) };
    const kind = random.int(100);
    const about = open.length > 0 ? random.int(open.length) : -1;
    const call = open[about];
    if (badLines && kind < 2) lines.push(random.pick(['', '{', '[]', 'null', '{"decision":1}']));
    else if (kind < 5) lines.push(printLine(row, controlOf(random, common, row)));
    else if (kind < 50 && call) {
      const ending = endingOf(random, common, call, row);
      if (ending.entryType === 'settlement' && ending.costSource !== 'reserved') open.splice(about, 1);
      lines.push(printLine(row, ending));
    } else {
      const id = `${String(row).padStart(8, '0')}${UUID_TAIL}${scope
        .padEnd(12, '0')
        .replace(/[^0-9a-f]/g, 'e')
        .slice(0, 12)}`;
      const decision = decisionOf(random, common, random.chance(0.05) ? `odd ${row}` : id, scope);
      open.push({ id: String(decision.decisionId), attempt: Number(decision.attempt) });
      lines.push(printLine(row, decision));
    }
  }
  return lines;
}

type Random = ReturnType<typeof createRandom>;

function decisionOf(random: Random, common: JsonObject, decisionId: string, tenantId: string): JsonObject {
  const user = random.pick(['alice', 'bob', 'Ünïcode', '=cmd()', '', '<img src=x onerror=alert(1)>']);
  const model = random.pick(['anthropic/claude-opus-4.7', 'openai/gpt-5.2', 'deepseek/v3']);
  const action = random.pick(['allow', 'allow', 'allow', 'downgrade', 'block', 'shadow']);
  const expected = random.pick(['0.00731', '0.000000000000000000000001', '5000', '0', '12345678.9', '1e-24']);
  return {
    ...common,
    decisionId,
    attempt: 1 + random.int(2),
    action,
    actor: {
      tenantId,
      ...(user ? { userId: user } : {}),
      ...(random.chance(0.7) ? { teamId: random.pick(['search', 'platform']) } : {}),
      ...(random.chance(0.5) ? { sessionId: `s-${random.int(40)}` } : {}),
    },
    provider: 'openrouter',
    policyId: random.pick(['starter', 'strict']),
    policyHash: random.pick(['1', '2']).repeat(64),
    modelRequested: model,
    modelResolved: action === 'downgrade' ? 'anthropic/claude-haiku-4.5' : model,
    reasons: action === 'allow' ? [] : [`cap of $${random.int(50)}`],
    triggeredScopeKey: action === 'allow' ? null : `tenantId=${tenantId}`,
    ...(action === 'shadow' ? { wouldAction: 'block' } : {}),
    ...(action === 'block' ? { refusal: { code: 'cap_exceeded' } } : {}),
    ...(random.chance(0.1)
      ? { expectedUsd: null, reservedUsd: null }
      : { expectedUsd: expected, reservedUsd: '0.02' }),
    projectedCents: random.int(9),
  };
}

function endingOf(
  random: Random,
  common: JsonObject,
  { id, attempt }: { readonly id: string; readonly attempt: number },
  row: number,
): JsonObject {
  const about = { ...common, decisionId: `e-${row}`, originalDecisionId: id, attempt };
  if (random.chance(0.1)) return { ...about, entryType: 'outcome', outcome: 'fallback' };
  const costSource = random.pick(['provider', 'provider', 'computed', 'reserved', 'released']);
  return {
    ...about,
    entryType: 'settlement',
    costSource,
    actualUsd:
      costSource === 'released' ? '0' : random.pick(['0.0042', '0.1234567890123456789', null, '7000.5']),
    actualCents: random.int(5),
    outcome: random.pick(['answered', 'failed']),
    partial: random.chance(0.2),
    servedModel: 'anthropic/claude-4.7-opus-20260416',
    ...(random.chance(0.5) ? { servedProvider: 'Anthropic' } : {}),
    ...(random.chance(0.8)
      ? { actualInputTokens: random.int(9000), actualOutputTokens: random.int(900) }
      : {}),
  };
}

function controlOf(random: Random, common: JsonObject, row: number): JsonObject {
  const control = random.pick(['stop', 'resume']);
  return { ...common, decisionId: `c-${row}`, entryType: 'control', control, reason: 'a drill' };
}

function printLine(sequence: number, decision: JsonObject): string {
  const hash = 'c'.repeat(64);
  const row = {
    decision,
    previousHash: hash,
    sequence,
    signerFingerprint: sequence % 7 === 0 ? 'd'.repeat(16) : 'e'.repeat(16),
  };
  return JSON.stringify({
    ...row,
    entryHash: hash,
    signature: 'f'.repeat(128),
    publicKeyHex: 'a'.repeat(64),
  });
}

/** Every call of the lines, by the fold that reads them forwards. Newest first. */
export function foldLines(lines: readonly string[], scope = 'acme'): CallRecord[] {
  const records = new Map<number, CallRecord>();
  const fold = createRecordFold(scope, ({ record }) => void records.set(record.row, record));
  for (const line of lines) {
    const reading = readReceipt(Buffer.from(line));
    if (reading.ok) fold.apply(reading.value, readTimestamp(reading.value));
    else fold.skip();
  }
  fold.finish();
  return [...records.values()].sort((a, b) => b.row - a.row);
}

/** Writes lines as a ledger in so many parts. */
export async function putParts(
  home: string,
  lines: readonly string[],
  parts: number,
  scope = 'acme',
): Promise<string> {
  const folder = join(home, scope);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const size = Math.ceil(lines.length / parts);
  for (let part = 0; part < parts; part++) {
    const text = lines.slice(part * size, (part + 1) * size).map((line) => `${line}\n`);
    const name = part === parts - 1 ? 'decisions.ndjson' : namePart(part);
    await writeFile(join(folder, name), text.join(''), { mode: 0o600 });
  }
  return join(folder, 'decisions.ndjson');
}
