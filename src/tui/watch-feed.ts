/** Follows ledgers for the live view: every call as it is decided and settled, and where caps stand. */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallRecord } from '../core/call-record.js';
import { createGaugeFold, type GaugeFold } from '../core/cap-gauges.js';
import { readReceipt } from '../core/receipt.js';
import { createRecordFold } from '../core/record-fold.js';
import { listFullParts, namePart } from '../store/ledger-parts.js';
import { readTimestamp } from '../store/ledger-state.js';
import type { Line } from '../store/lines.js';
import { readPolicies } from '../store/policy-folder.js';
import { followLedger, readLines } from '../store/tail.js';

/** A ledger to follow. */
export interface WatchedPlace {
  readonly scope: string;
  readonly path: string;
}

/** What is heard of one ledger. */
export interface FeedSink {
  /** `isFinal`: it will not change again. */
  onRecord(record: CallRecord, isFinal: boolean): void;
  /** Counters from here on; they stay up to date by themselves. */
  onGauges(scope: string, gauges: GaugeFold): void;
  /** All that was there is read. */
  onReady(scope: string): void;
  /** It is read anew: what was told of it no longer holds. `why` is a sentence. */
  onRestart(scope: string, why: string): void;
}

const RETRY_MS = 1000;
const POLICY_CHECK_MS = 2000;

const WHY = {
  shrunk: 'the ledger became shorter',
  replaced: 'the ledger was replaced',
  gone: 'the ledger is gone',
} as const;

/** Follows one ledger until the signal; comes back to it whatever happens to its files. Never rejects. */
export async function followCalls(place: WatchedPlace, sink: FeedSink, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const why = await followOnce(place, sink, signal).catch((cause: unknown) =>
      cause instanceof Error ? `the ledger cannot be read (${cause.message})` : String(cause),
    );
    if (signal.aborted) return;
    sink.onRestart(place.scope, why);
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

/** @returns why it has to be read anew */
async function followOnce(place: WatchedPlace, sink: FeedSink, signal: AbortSignal): Promise<string> {
  const { scope, path } = place;
  const folder = dirname(path);
  const { policies } = await readPolicies(folder);
  const gauges = createGaugeFold(scope, policies.values());
  const records = createRecordFold(scope, ({ record, isFinal }) => sink.onRecord(record, isFinal));
  sink.onGauges(scope, gauges);
  const take = (lines: readonly Line[]): void => {
    for (const { bytes } of lines) {
      const reading = readReceipt(bytes);
      if (!reading.ok) {
        records.skip();
        continue;
      }
      const timestampMs = readTimestamp(reading.value);
      records.apply(reading.value, timestampMs);
      gauges.apply(reading.value, timestampMs);
    }
  };
  const parts = await readFullParts(folder, take, signal);
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  signal.addEventListener('abort', stop);
  const missing = watchPolicies(folder, gauges, ended);
  try {
    let isFirst = true;
    for await (const event of followLedger(path, { signal: ended.signal })) {
      if (event.kind !== 'lines' && event.kind !== 'rotated') return WHY[event.kind];
      // Rotated before it was opened: a part in between was not read.
      if (isFirst && event.kind === 'lines' && countFullParts(folder) !== parts)
        return 'the ledger was rotated';
      if (event.kind === 'lines') take(event.lines);
      if (isFirst) sink.onReady(scope);
      isFirst = false;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
  }
  return (await missing) ? 'a policy came into force' : 'the ledger ended';
}

/** The parts before the newest. @returns how many there are */
async function readFullParts(
  folder: string,
  take: (lines: readonly Line[]) => void,
  signal: AbortSignal,
): Promise<number> {
  let read = 0;
  for (let parts = listPartsOf(folder); read < parts.length; parts = listPartsOf(folder)) {
    for (const part of parts.slice(read))
      for await (const { lines } of readLines(join(folder, namePart(part)))) {
        signal.throwIfAborted();
        take(lines);
      }
    read = parts.length;
  }
  return read;
}

function listPartsOf(folder: string): readonly number[] {
  try {
    return listFullParts(folder);
  } catch {
    // A scope whose folder is not there yet has no parts.
    return [];
  }
}

function countFullParts(folder: string): number {
  return listPartsOf(folder).length;
}

/** Ends the following once the text of a policy in force is there that was not there before. */
async function watchPolicies(folder: string, gauges: GaugeFold, ended: AbortController): Promise<boolean> {
  while (!ended.signal.aborted) {
    await sleep(POLICY_CHECK_MS, undefined, { signal: ended.signal, ref: false }).catch(() => {});
    const unknown = gauges.listUnknown();
    if (ended.signal.aborted || unknown.length === 0) continue;
    const { policies } = await readPolicies(folder);
    if (!unknown.some((hash) => policies.has(hash))) continue;
    ended.abort();
    return true;
  }
  return false;
}
