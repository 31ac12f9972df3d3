/**
 * The Merkle tree of a ledger on disk (docs/receipt-format.md "Checkpoints"): `tree.bin` has every stored hash of
 * `core/merkle.ts`, 64 bytes for a row, and `tree.json` the place up to which they were made. Both are caches, made from
 * the ledger's own lines behind the writers' backs; processes that make them at once write the same bytes.
 */
import { hash, randomBytes } from 'node:crypto';
import * as fsSync from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { decodeHex, encodeHex, equalBytes, isHex } from '../core/bytes.js';
import type { CryptoBackend } from '../core/crypto.js';
import { isObject, type Json } from '../core/json.js';
import {
  appendLeaf,
  computeRootAt,
  copyFrontier,
  countStored,
  createFrontier,
  type Frontier,
  hashLeaf,
  locateSubtree,
  type SubtreeSource,
} from '../core/merkle.js';
import { openPart } from './ledger-parts.js';
import { readRange } from './lines.js';
import { NO_FOLLOW } from './paths.js';
import { isSamePlace, loadPlace, ORIGIN, type Place } from './place.js';
import { readRawLines } from './raw-lines.js';

/** A tree and the place in the ledger up to which it counts the rows. */
export interface Tree {
  readonly place: Place;
  readonly frontier: Frontier;
}

/** A state being written. One of a dead process is swept up by `doctor --repair`. */
export const TREE_DRAFT = /^tree\.json\.[0-9a-f]{16}\.tmp$/;
const HASHES_FILE = 'tree.bin';
const STATE_FILE = 'tree.json';
const VERSION = 1;
const MAX_STATE_BYTES = 65_536;
const HASH_BYTES = 32;
/** Hashes are written this many at a time. */
const BATCH_HASHES = 2_048;

/** The tree as it was left; that of no rows when there is none, or none of this ledger. Never throws. */
export async function readTree(folder: string, backend: CryptoBackend): Promise<Tree> {
  const tree = await loadTree(folder).catch(() => undefined);
  return tree && isHistory(folder, tree.place, backend) ? tree : emptyTree();
}

/**
 * Counts the rows from where the tree ends to a place; those rows have to be on disk. Memory stays flat, and the event
 * loop is held for a chunk of 64 KiB at a time.
 *
 * @returns `undefined` when the tree is further than the place, or the rows are no longer there
 * @throws the system's error, and the signal's reason
 */
export async function growTree(
  folder: string,
  from: Tree,
  to: Place,
  backend: CryptoBackend,
  signal?: AbortSignal,
): Promise<Tree | undefined> {
  if (from.place.rows > to.rows) return undefined;
  if (from.place.rows === to.rows) return from;
  const frontier = copyFrontier(from.frontier);
  const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | NO_FOLLOW;
  const file = await fs.open(join(folder, HASHES_FILE), flags, 0o600);
  try {
    let at = countStored(frontier.size) * HASH_BYTES;
    let batch: Uint8Array[] = [];
    const write = async (): Promise<void> => {
      const bytes = Buffer.concat(batch);
      await file.write(bytes, 0, bytes.length, at);
      at += bytes.length;
      batch = [];
    };
    for await (const line of readRawLines(folder, from.place, to)) {
      signal?.throwIfAborted();
      batch.push(...appendLeaf(frontier, hashLeaf(backend.sha256, line), backend.sha256));
      if (batch.length >= BATCH_HASHES) await write();
    }
    await write();
  } finally {
    await file.close();
  }
  return frontier.size === to.rows ? { place: to, frontier } : undefined;
}

/** Keeps how far the tree is. */
export async function writeTree(folder: string, { place, frontier }: Tree): Promise<void> {
  const draft = join(folder, `${STATE_FILE}.${randomBytes(8).toString('hex')}.tmp`);
  const { part, offset, rows, headHash, headBytes } = place;
  const hashes = frontier.hashes.map(encodeHex);
  const state = JSON.stringify({ version: VERSION, part, offset, rows, headHash, headBytes, hashes });
  try {
    const text = `{"checksum":"${hash('sha256', state, 'hex')}","state":${state}}\n`;
    await fs.writeFile(draft, text, { mode: 0o600, flag: 'wx' });
    await fs.rename(draft, join(folder, STATE_FILE));
  } catch (cause) {
    await fs.rm(draft, { force: true });
    throw cause;
  }
}

/**
 * The hashes of a tree that has `root` at `size` rows, for proofs: from `tree.bin` where that is whole, else made again
 * from the ledger, in memory. `undefined` when the ledger does not have that root.
 */
export async function openSubtrees(
  folder: string,
  size: number,
  root: Uint8Array,
  backend: CryptoBackend,
): Promise<SubtreeSource | undefined> {
  const { sha256 } = backend;
  const isRight = (source: SubtreeSource) => equalBytes(computeRootAt(source, size, sha256), root);
  const stored = await readHashes(folder, size);
  if (stored && isRight(stored)) return stored;
  const made = await makeHashes(folder, size, backend);
  return made && isRight(made) ? made : undefined;
}

async function readHashes(folder: string, size: number): Promise<SubtreeSource | undefined> {
  const bytes = await fs.readFile(join(folder, HASHES_FILE)).catch(() => undefined);
  if (!bytes || bytes.length < countStored(size) * HASH_BYTES) return undefined;
  return (level, index) => {
    const at = locateSubtree(level, index) * HASH_BYTES;
    return bytes.subarray(at, at + HASH_BYTES);
  };
}

async function makeHashes(
  folder: string,
  size: number,
  { sha256 }: CryptoBackend,
): Promise<SubtreeSource | undefined> {
  const frontier = createFrontier();
  const bytes = Buffer.alloc(countStored(size) * HASH_BYTES);
  let at = 0;
  for await (const line of readRawLines(folder, ORIGIN)) {
    if (frontier.size === size) break;
    for (const each of appendLeaf(frontier, hashLeaf(sha256, line), sha256)) {
      bytes.set(each, at);
      at += HASH_BYTES;
    }
  }
  if (frontier.size < size) return undefined;
  return (level, index) => bytes.subarray(locateSubtree(level, index) * HASH_BYTES).subarray(0, HASH_BYTES);
}

async function loadTree(folder: string): Promise<Tree | undefined> {
  const text = await fs.readFile(join(folder, STATE_FILE), 'utf8');
  if (text.length > MAX_STATE_BYTES) return undefined;
  const [, checksum, state] = /^\{"checksum":"([0-9a-f]{64})","state":(.*)\}\n$/.exec(text) ?? [];
  if (state === undefined || hash('sha256', state, 'hex') !== checksum) return undefined;
  const saved = JSON.parse(state) as Json;
  const place = isObject(saved) && saved.version === VERSION ? loadPlace(saved) : undefined;
  const hashes = isObject(saved) && Array.isArray(saved.hashes) ? saved.hashes.map(readHash) : [];
  if (!place || hashes.includes(undefined) || hashes.length !== countOnes(place.rows)) return undefined;
  return { place, frontier: { size: place.rows, hashes: hashes as Uint8Array[] } };
}

function readHash(value: Json): Uint8Array | undefined {
  return typeof value === 'string' && isHex(value, HASH_BYTES) ? decodeHex(value) : undefined;
}

function countOnes(value: number): number {
  return value.toString(2).replaceAll('0', '').length;
}

function isHistory(folder: string, place: Place, backend: CryptoBackend): boolean {
  try {
    const opened = openPart(folder, place.part, 'read');
    if (!opened) return false;
    try {
      return isSamePlace(place, backend, (from, size) => readRange(opened.fd, from, size));
    } finally {
      fsSync.closeSync(opened.fd);
    }
  } catch {
    return false;
  }
}

function emptyTree(): Tree {
  return { place: ORIGIN, frontier: createFrontier() };
}
