/**
 * Where the caps of one ledger stand, kept up to date: reads what the present windows of the caps can contain, then every
 * new row. Counts with the counters that decide (core/cap-gauges.ts).
 */
import { createGaugeFold, type GaugeFold } from '../core/cap-gauges.js';
import { startOf } from '../core/counter.js';
import type { Policy } from '../core/policy.js';
import type { Receipt } from '../core/receipt.js';
import { isCalendarWindow } from '../core/window.js';
import { createLineSplitter } from '../store/lines.js';
import type { LedgerSource } from './ledger-source.js';
import { type LineFiles, openLineFiles } from './line-files.js';
import { createPacer } from './pacer.js';
import type { Reading } from './reading.js';
import { type RowLine, readRowLine } from './row-line.js';
import type { RowOrigin } from './row-table.js';

const PIECE_BYTES = 1_048_576;

interface Spot {
  readonly part: number;
  readonly offset: number;
}

/** @param reading filled: the index tells where the windows begin. @throws the system's error */
export async function openGauges(
  reading: Reading,
  source: LedgerSource,
  policies: ReadonlyMap<string, Policy>,
  nowMs: number,
): Promise<GaugeFold> {
  const fold = createGaugeFold(source.paths.scope, policies.values());
  const waiting: RowLine[] = [];
  let isRead = false;
  source.tap((row) => void (isRead ? feed(fold, row) : waiting.push(row)));
  const end = source.end;
  const files = openLineFiles();
  try {
    const sinceMs = findEarliest(policies.values(), nowMs);
    const { start, before } = await findStart(reading, source, sinceMs);
    for (const origin of before) await feedLine(fold, files, source, origin);
    await feedRun(fold, files, source, start ?? end, end);
  } finally {
    await files.close();
  }
  isRead = true;
  for (const row of waiting) feed(fold, row);
  return fold;
}

/** The first moment of any present window; what is counted without end, or by run, begins at the beginning. */
function findEarliest(policies: Iterable<Policy>, nowMs: number): number {
  let earliestMs = nowMs;
  for (const { caps } of policies)
    for (const cap of caps) {
      if (cap.window === 'per_call') continue;
      const startMs = isCalendarWindow(cap.window) ? startOf(cap, nowMs) : Number.NEGATIVE_INFINITY;
      earliestMs = Math.min(earliestMs, startMs);
    }
  return earliestMs;
}

/**
 * Where the first row since a moment lies, and what counts of the rows before it: operators' rows, and of each policy the
 * last decision, which says that it is in force.
 */
async function findStart(reading: Reading, source: LedgerSource, sinceMs: number) {
  const { table } = reading;
  const { scope, action } = table.dictionaries;
  const [own, control] = [scope.find(source.paths.scope), action.find('control')];
  let start: Spot | undefined;
  const before: RowOrigin[] = [];
  const seen = new Set<number>();
  const pace = createPacer();
  for (const { chunk, base, from, to } of table.spans()) {
    for (let at = to - 1; at >= from; at--) {
      if (chunk.codes.scope[at] !== own) continue;
      const spot = { part: chunk.parts[at] ?? 0, offset: chunk.offsets[at] ?? 0 };
      if ((chunk.times[at] ?? 0) >= sinceMs && (!start || isBefore(spot, start))) start = spot;
      const policy = chunk.codes.policy[at] ?? 0;
      const isControl = chunk.codes.action[at] === control;
      if (!isControl && seen.has(policy)) continue;
      if (!isControl) seen.add(policy);
      before.push(table.origin(base + at));
    }
    await pace();
  }
  const first = start;
  const old = first ? before.filter((origin) => isBefore(origin, first)) : before;
  return { start, before: old.sort((a, b) => (isBefore(a, b) ? -1 : 1)) };
}

function isBefore(a: Spot, b: Spot): boolean {
  return a.part < b.part || (a.part === b.part && a.offset < b.offset);
}

async function feedLine(
  fold: GaugeFold,
  files: LineFiles,
  source: LedgerSource,
  origin: RowOrigin,
): Promise<void> {
  const { part, offset, length } = origin;
  const line = await files.readLine(source, part, offset, length);
  const row = line === undefined ? undefined : readRowLine(Buffer.from(line));
  if (row) feed(fold, row);
}

/** All rows from one place to another. */
async function feedRun(
  fold: GaugeFold,
  files: LineFiles,
  source: LedgerSource,
  start: Spot,
  end: Spot,
): Promise<void> {
  const pace = createPacer();
  for (let { part, offset } = start; part <= end.part; part++, offset = 0) {
    const stop = part === end.part ? end.offset : Number.POSITIVE_INFINITY;
    const splitter = createLineSplitter(offset);
    while (offset < stop) {
      const bytes = await files.read(source, part, offset, Math.min(PIECE_BYTES, stop - offset));
      if (bytes.length === 0) break;
      offset += bytes.length;
      for (const line of splitter.push(bytes)) {
        const row = readRowLine(line.bytes);
        if (row) feed(fold, row);
        await pace();
      }
    }
  }
}

/** What folds look at is in the decision; the rest of a receipt is for verifiers. */
function feed(fold: GaugeFold, { decision, signerFingerprint, timestampMs }: RowLine): void {
  const rest = { sequence: 0, previousHash: '', entryHash: '', signature: '', unsigned: {} };
  fold.apply({ ...rest, decision, signerFingerprint } satisfies Receipt, timestampMs);
}
