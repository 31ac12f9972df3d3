/** The state of one ledger file as its next writer would find it: rows, damage, torn end, open holds, newest time. */
import { type Controls, createControls } from '../core/control.js';
import type { JsonObject } from '../core/json.js';
import { parseUsd, type Usd } from '../core/money.js';
import { ownValue } from '../core/receipt.js';
import { addRow, createLedgerState, findBreak, type LedgerState, readRow } from '../store/ledger-state.js';
import { nodeBackend } from '../store/node-crypto.js';
import { readLines } from '../store/tail.js';
import { objectAt, textAt } from './decision-story.js';

/** A decided call that nothing has settled. */
export interface OpenHold {
  readonly decisionId: string;
  readonly attempt: number;
  readonly reservedUsd: Usd;
  readonly timestampMs: number;
  /** The process that ran it; empty when the row does not say. */
  readonly instance: string;
}

export interface LedgerHealth {
  /** Good rows, up to the first damage. */
  readonly rows: number;
  /** Why the row after them cannot be used by a writer; `undefined` when all can. */
  readonly damage: string | undefined;
  /** Bytes after the last line feed. */
  readonly tornBytes: number;
  /** Time of the last row that has one, in milliseconds since 1970; `-Infinity` without rows. */
  readonly newestMs: number;
  readonly holds: readonly OpenHold[];
  /** Models whose newest call was priced at zero by an override, and when. Hostile. */
  readonly zeroOverrides: ReadonlyMap<string, number>;
  /** What operators and guards put in force. */
  readonly controls: Controls;
  /** Names of the torn files that rows account for. */
  readonly tornFiles: ReadonlySet<string>;
}

/** Reads a ledger once, hashes and links but no signatures. @throws the system's error; the signal's reason. */
export async function examineLedger(path: string, signal: AbortSignal): Promise<LedgerHealth> {
  const state = createLedgerState('');
  const holds = new Map<string, OpenHold>();
  const zeroOverrides = new Map<string, number>();
  const controls = createControls();
  let damage: string | undefined;
  let tornBytes = 0;
  let newestMs = Number.NEGATIVE_INFINITY;
  for await (const run of readLines(path)) {
    signal.throwIfAborted();
    for (const { bytes } of run.lines) {
      damage ??= takeRow(state, { holds, zeroOverrides, controls }, bytes, (timestampMs) => {
        newestMs = timestampMs;
      });
    }
    tornBytes = run.tornTail?.length ?? 0;
  }
  return {
    rows: state.rows,
    damage,
    tornBytes,
    newestMs,
    holds: [...holds.values()],
    zeroOverrides,
    controls,
    tornFiles: state.tornFiles,
  };
}

/** What is kept about calls. */
interface Findings {
  readonly holds: Map<string, OpenHold>;
  readonly zeroOverrides: Map<string, number>;
  readonly controls: Controls;
}

/** Adds one line, or says what is wrong with it. */
function takeRow(
  state: LedgerState,
  { holds, zeroOverrides, controls }: Findings,
  bytes: Uint8Array,
  onTime: (timestampMs: number) => void,
): string | undefined {
  const reading = readRow(bytes, nodeBackend);
  if (!reading.ok) return reading.message;
  const problem = findBreak(state, reading.value);
  if (problem !== undefined) return problem;
  const timestampMs = addRow(state, reading.value);
  if (!Number.isNaN(timestampMs)) onTime(timestampMs);
  foldHold(holds, reading.value.decision, timestampMs);
  foldPrice(zeroOverrides, reading.value.decision, timestampMs);
  controls.apply(reading.value, timestampMs);
  return undefined;
}

/** A hold lasts from its decision to any settlement: even "we do not know" is counted as spent, not as held. */
function foldHold(holds: Map<string, OpenHold>, decision: JsonObject, timestampMs: number): void {
  const attempt = typeof decision.attempt === 'number' ? decision.attempt : 1;
  const entryType = ownValue(decision, 'entryType');
  if (entryType === 'settlement') {
    holds.delete(`${textAt(decision, 'originalDecisionId') ?? ''}#${attempt}`);
    return;
  }
  const decisionId = textAt(decision, 'decisionId');
  if (entryType !== undefined || decisionId === null || decision.action === 'block') return;
  // Rows of other writers hold nothing: what they projected counts at once.
  if (decision.formatVersion === undefined) return;
  const reservedUsd = parseUsd(textAt(decision, 'reservedUsd') ?? '0', 'up') ?? 0n;
  const instance = textAt(decision, 'instance') ?? '';
  holds.set(`${decisionId}#${attempt}`, { decisionId, attempt, reservedUsd, timestampMs, instance });
}

/** Remembers a model while its newest price is an override of nothing at all. */
function foldPrice(zeroOverrides: Map<string, number>, decision: JsonObject, timestampMs: number): void {
  const basis = objectAt(decision, 'costBasis');
  const model = textAt(decision, 'modelResolved');
  const source = textAt(basis, 'rateSource');
  if (model === null || source === null || Number.isNaN(timestampMs)) return;
  const isZero = ['inputCentsPerKtok', 'outputCentsPerKtok'].every((key) => {
    const price = ownValue(basis, key);
    return (typeof price === 'string' || typeof price === 'number') && parseUsd(String(price), 'up') === 0n;
  });
  if (source === 'override' && isZero) zeroOverrides.set(model, timestampMs);
  else zeroOverrides.delete(model);
}
