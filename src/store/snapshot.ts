/**
 * The snapshot of a ledger, `<scope>/snapshot.json`: what its rows add up to at a place that was flushed, so that a
 * start need not read the history (docs/receipt-format.md "Snapshot"). A cache: checked against the ledger, never
 * instead of it.
 *
 *   {"checksum":"<SHA-256 of the text of the state>","state":{"version":1,"ledgerId":"…","part":0,"offset":…,…}}
 */
import { hash, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { isHex } from '../core/bytes.js';
import { isObject, type Json, type JsonObject } from '../core/json.js';
import { isIndex } from '../core/receipt.js';
import { syncFolder } from './keys.js';
import type { ChainHead } from './ledger-state.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';
import { loadPlace, type Place } from './place.js';

export const SNAPSHOT_FILE = 'snapshot.json';
/** A snapshot being written. One of a dead process is swept up by `doctor --repair`. */
export const SNAPSHOT_DRAFT = /^snapshot\.json\.[0-9a-f]{16}\.tmp$/;
const VERSION = 1;
const MAX_BYTES = 67_108_864;
/** Of different policies, newest kept. */
const MAX_FOLDS = 16;

/** What a fold had at a place, which may lie before that of the snapshot. */
export interface SavedFold {
  readonly place: Place;
  readonly state: Json;
}

export interface Snapshot extends Place {
  readonly ledgerId: string;
  readonly named: boolean;
  /** `-Infinity` for none. */
  readonly lastTimestampMs: number;
  readonly chains: readonly (readonly [key: string, head: ChainHead])[];
  readonly tornFiles: readonly string[];
  readonly retiredKeys: readonly (readonly [retired: string, successor: string])[];
  readonly folds: ReadonlyMap<string, SavedFold>;
}

export type SnapshotReading =
  | { readonly kind: 'none' }
  | { readonly kind: 'bad' /** Reads on from "the snapshot". */; readonly why: string }
  | { readonly kind: 'good'; readonly snapshot: Snapshot };

const FLAGS = fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK;

/** Reads a scope's snapshot. Never throws: one that cannot be used is a cache that is not there. */
export async function readSnapshot(folder: string): Promise<SnapshotReading> {
  try {
    const file = await fs.open(join(folder, SNAPSHOT_FILE), FLAGS);
    try {
      return judgeFile(await file.stat()) ?? parseSnapshot(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (cause) {
    return judgeError(cause);
  }
}

/** The same, synchronously: for once in a part, under the lock. */
export function readSnapshotNow(folder: string): SnapshotReading {
  try {
    const fd = openSync(join(folder, SNAPSHOT_FILE), FLAGS);
    try {
      return judgeFile(fstatSync(fd)) ?? parseSnapshot(readFileSync(fd, 'utf8'));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    return judgeError(cause);
  }
}

function judgeFile(stats: Stats): SnapshotReading | undefined {
  if (!stats.isFile()) return bad('is not a plain file');
  if (stats.mode & 0o022 || isForeign(stats.uid)) return bad('may be written to by other users');
  return stats.size > MAX_BYTES ? bad(`is longer than ${MAX_BYTES} bytes`) : undefined;
}

function judgeError(cause: unknown): SnapshotReading {
  return codeOf(cause) === 'ENOENT' ? { kind: 'none' } : bad(`cannot be read (${codeOf(cause)})`);
}

/** Replaces a scope's snapshot in one step, flushed. @throws the system's error; the old one is then still there */
export async function writeSnapshot(folder: string, snapshot: Snapshot): Promise<void> {
  const draft = join(folder, `${SNAPSHOT_FILE}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const file = await fs.open(draft, 'wx', 0o600);
    try {
      await file.writeFile(printSnapshot(snapshot));
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(draft, join(folder, SNAPSHOT_FILE));
    await syncFolder(folder);
  } catch (cause) {
    await fs.rm(draft, { force: true });
    throw cause;
  }
}

/** The text of a snapshot. Folds beyond a few are left out, those furthest behind first. */
export function printSnapshot({ lastTimestampMs, chains, folds, ...rest }: Snapshot): string {
  const newest = [...folds].sort(([, a], [, b]) => b.place.rows - a.place.rows).slice(0, MAX_FOLDS);
  const state = JSON.stringify({
    version: VERSION,
    ...rest,
    lastTimestampMs: Number.isFinite(lastTimestampMs) ? lastTimestampMs : null,
    chains: chains.map(([key, { sequence, entryHash }]) => [key, sequence, entryHash]),
    folds: newest.map(([name, fold]) => ({ name, ...fold })),
  });
  return `{"checksum":"${hash('sha256', state, 'hex')}","state":${state}}\n`;
}

/** The inverse of `printSnapshot`, for untrusted text. */
export function parseSnapshot(text: string): SnapshotReading {
  const [, checksum, state] = /^\{"checksum":"([0-9a-f]{64})","state":(.*)\}\n$/s.exec(text) ?? [];
  if (state === undefined) return bad('has not the form of one');
  if (hash('sha256', state, 'hex') !== checksum) return bad('has not the checksum that it names');
  try {
    const snapshot = loadSnapshot(JSON.parse(state) as Json);
    return snapshot ? { kind: 'good', snapshot } : bad('is not of this version, or not whole');
  } catch {
    return bad('is not JSON');
  }
}

function loadSnapshot(state: Json): Snapshot | undefined {
  if (!isObject(state) || state.version !== VERSION) return undefined;
  const { ledgerId, named, lastTimestampMs, tornFiles } = state;
  const place = loadPlace(state);
  const chains = loadList(state.chains, loadChain);
  const folds = loadList(state.folds, loadFold);
  const retiredKeys = loadList(state.retiredKeys ?? [], loadRetiredKey);
  if (!place || !chains || !folds || !retiredKeys || !Array.isArray(tornFiles)) return undefined;
  if (typeof ledgerId !== 'string' || typeof named !== 'boolean') return undefined;
  if (!tornFiles.every((name) => typeof name === 'string')) return undefined;
  if (lastTimestampMs !== null && !Number.isSafeInteger(lastTimestampMs)) return undefined;
  const timeMs = lastTimestampMs === null ? -Infinity : (lastTimestampMs as number);
  const lists = { chains, tornFiles: tornFiles as string[], retiredKeys, folds: new Map(folds) };
  return { ...place, ledgerId, named, lastTimestampMs: timeMs, ...lists };
}

function loadChain(saved: Json): [string, ChainHead] | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [key, sequence, entryHash] = saved as Json[];
  if (typeof key !== 'string' || !isIndex(sequence)) return undefined;
  return typeof entryHash === 'string' && isHex(entryHash, 32) ? [key, { sequence, entryHash }] : undefined;
}

function loadRetiredKey(saved: Json): [string, string] | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [retired, successor] = saved as Json[];
  const isPair = typeof retired === 'string' && typeof successor === 'string';
  return isPair && isHex(retired, 32) && isHex(successor, 32) ? [retired, successor] : undefined;
}

function loadFold(saved: Json): [string, SavedFold] | undefined {
  if (!isObject(saved) || typeof saved.name !== 'string' || !isObject(saved.place)) return undefined;
  const place = loadPlace(saved.place as JsonObject);
  return place && saved.state !== undefined ? [saved.name, { place, state: saved.state }] : undefined;
}

function loadList<T>(saved: Json | undefined, load: (item: Json) => T | undefined): T[] | undefined {
  if (!Array.isArray(saved)) return undefined;
  const items = saved.map(load);
  return items.includes(undefined) ? undefined : (items as T[]);
}

function bad(why: string): SnapshotReading {
  return { kind: 'bad', why };
}
