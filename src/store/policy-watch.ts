/**
 * A policy file as a running guard follows it: looked at between calls, read again when it or the signature beside it
 * changed and is no longer being written (docs/policy.md "A file that changes").
 */
import { type BigIntStats, statSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import { encodeHex } from '../core/bytes.js';
import type { FieldProblem } from '../core/fields.js';
import type { Json } from '../core/json.js';
import { MAX_LINE_BYTES } from '../core/row-reader.js';
import { nodeBackend } from './node-crypto.js';
import { codeOf } from './paths.js';
import { locateSignature, parsePolicyText } from './policy-file.js';

/** What a changed file holds. */
export type PolicyNews =
  | { readonly ok: true; readonly value: Json; readonly contentHash: string }
  | {
      readonly ok: false;
      readonly problems: readonly FieldProblem[];
      readonly contentHash: string | undefined;
    };

export interface PolicyWatch {
  readonly path: string;
  /**
   * What the file holds, when that changed since the last news; `undefined` otherwise, and when it is not yet time to
   * look again. Never rejects.
   */
  look(): Promise<PolicyNews | undefined>;
  /** Whether `look` would look at the file now. */
  isDue(): boolean;
}

/** How often a file is looked at, and how long it must have been left alone before it is read, in milliseconds. */
const LOOK_MS = 200;
const QUIET_MS = 100;
/** Stands for a file that is not there. */
const GONE = 'gone';

/**
 * Follows a file from its next change on: make this before the file is read for the first time. Nothing is opened or
 * watched between calls, and nothing keeps the process alive. `elapsedMs` is for tests.
 */
export function createPolicyWatch(
  path: string,
  elapsedMs: () => number = () => performance.now(),
): PolicyWatch {
  const file = resolve(path);
  let known = listFiles(file).map(stampNow).join(' ');
  let seen = known;
  let nextLookMs = elapsedMs() + LOOK_MS;

  async function look(): Promise<PolicyNews | undefined> {
    if (elapsedMs() < nextLookMs) return undefined;
    // Before anything is awaited: calls at the same time look once.
    nextLookMs = elapsedMs() + LOOK_MS;
    const { stamp, changedMs } = await stampFiles(file);
    if (stamp === known) {
      seen = stamp;
      return undefined;
    }
    // Editors empty a file and then write it, or move one away before the next: half a policy must not decide.
    const isQuiet = stamp === seen || Date.now() - changedMs > QUIET_MS;
    seen = stamp;
    if (!isQuiet) return undefined;
    const news = await readNews(file);
    // Changed while it was read: what was read may be half of either.
    if ((await stampFiles(file)).stamp !== stamp) return undefined;
    known = stamp;
    return news;
  }
  return { path: file, look, isDue: () => elapsedMs() >= nextLookMs };
}

/** The policy, and the signature that it may have: signing comes after editing. */
function listFiles(path: string): readonly string[] {
  return [path, locateSignature(path)];
}

function stampNow(path: string): string {
  try {
    return printStamp(statSync(path, { bigint: true }));
  } catch {
    return GONE;
  }
}

/** Which files these are at present, and when the later one changed: milliseconds since 1970. */
async function stampFiles(path: string): Promise<{ readonly stamp: string; readonly changedMs: number }> {
  const all = await Promise.all(
    listFiles(path).map((file) => fs.stat(file, { bigint: true }).catch(() => undefined)),
  );
  const stamp = all.map((stats) => (stats ? printStamp(stats) : GONE)).join(' ');
  // When a file went away nobody knows: it has to be gone twice.
  const changedMs = all[0] ? Math.max(...all.map((stats) => Number(stats?.ctimeMs ?? 0n))) : Date.now();
  return { stamp, changedMs };
}

/** With the time of the change that no tool can set back. */
function printStamp({ dev, ino, size, ctimeNs, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

async function readNews(path: string): Promise<PolicyNews> {
  try {
    const { size } = await fs.stat(path);
    if (size > MAX_LINE_BYTES) return unreadable('is too large for a policy');
    const bytes = await fs.readFile(path);
    const contentHash = encodeHex(nodeBackend.sha256(bytes));
    return { ...parsePolicyText(path, bytes), contentHash };
  } catch (cause) {
    return unreadable(`cannot be read (${codeOf(cause)})`);
  }
}

function unreadable(why: string): PolicyNews {
  return { ok: false, problems: [{ path: '', message: `the file ${why}` }], contentHash: undefined };
}
