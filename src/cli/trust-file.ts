/** The trust file: keys whose owners the verifier knows (docs/cli.md, trust file). Everything wrong with it is told at once. */
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import { isHex } from '../core/bytes.js';
import {
  asFields,
  describe,
  type Fields,
  joinPath,
  listProblems,
  noteProblem,
  type ProblemMap,
  readName,
  refuseUnknownKeys,
  requireKeys,
} from '../core/fields.js';
import { parseInstant } from '../core/instant.js';
import type { PinnedKey } from '../core/report.js';
import { readJsonLine } from '../core/row-reader.js';
import { isForeign } from '../store/paths.js';
import { explainSystemError, unreadableError } from './cli-error.js';

const KEYS = ['publicKeyHex', 'name', 'validFrom', 'validUntil', 'revokedAt'] as const;
const MAX_KEYS = 10_000;

/** The keys in a trust file. @throws CliError when it cannot be read, is not safe, or is not one. */
export async function loadTrustFile(cwd: string, name: string): Promise<readonly PinnedKey[]> {
  const bytes = await readSafely(resolve(cwd, name), name);
  const problems: ProblemMap = new Map();
  const reading = readJsonLine(bytes);
  if (!reading.ok) throw unusable(name, [reading.message]);
  const fields = asFields(reading.value, '', problems);
  const keys = fields ? readKeys(fields) : [];
  if (problems.size === 0) return keys;
  throw unusable(
    name,
    listProblems(problems).map(({ path, message }) => `${path || 'the file'} ${message}`),
  );
}

async function readSafely(path: string, name: string): Promise<Uint8Array> {
  try {
    const { mode, uid } = await fs.stat(path);
    // Who may write to it may decide who is trusted. A group may share one, as in any checkout.
    if (mode & 0o002)
      throw unreadableError(
        `the trust file ${name} may be written to by everybody`,
        `run: chmod o-w ${name}`,
      );
    if (uid !== 0 && isForeign(uid))
      throw unreadableError(`the trust file ${name} belongs to another user`, 'make a copy of your own');
    return await fs.readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause)
      throw unreadableError(`the trust file ${name} ${explainSystemError(cause)}`);
    throw cause;
  }
}

function readKeys(fields: Fields): readonly PinnedKey[] {
  refuseUnknownKeys(fields, ['keys']);
  requireKeys(fields, ['keys']);
  const list = fields.data.keys;
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_KEYS) {
    const found = Array.isArray(list) ? `${list.length} entries` : describe(list);
    noteProblem(fields.problems, 'keys', `must be an array of 1 to ${MAX_KEYS} keys, found ${found}`);
    return [];
  }
  const keys = list.map((value, index) => {
    const entry = asFields(value, joinPath('keys', index), fields.problems);
    return entry && readKey(entry);
  });
  return keys.filter((key) => key !== undefined);
}

function readKey(fields: Fields): PinnedKey | undefined {
  refuseUnknownKeys(fields, KEYS);
  requireKeys(fields, ['publicKeyHex']);
  const { publicKeyHex } = fields.data;
  const isKey = typeof publicKeyHex === 'string' && isHex(publicKeyHex, 32);
  if (publicKeyHex !== undefined && !isKey) {
    const message = `must be the full key, 64 lowercase hex digits, found ${describe(publicKeyHex)}`;
    noteProblem(fields.problems, joinPath(fields.path, 'publicKeyHex'), message);
  }
  const name = readName(fields, 'name');
  const validFrom = readMoment(fields, 'validFrom');
  const validUntil = readMoment(fields, 'validUntil');
  const revokedAt = readMoment(fields, 'revokedAt');
  if (!isKey) return undefined;
  return {
    publicKeyHex,
    ...(name !== undefined && { name }),
    ...(validFrom !== undefined && { validFrom }),
    ...(validUntil !== undefined && { validUntil }),
    ...(revokedAt !== undefined && { revokedAt }),
  };
}

function readMoment(fields: Fields, key: 'validFrom' | 'validUntil' | 'revokedAt'): string | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && parseInstant(value) !== undefined) return value;
  const message = `must be an ISO 8601 time with a zone, such as "2026-10-01T00:00:00Z", found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

function unusable(name: string, problems: readonly string[]): Error {
  const what = problems.map((problem) => problem.replace(/\.$/, '')).join('; ');
  return unreadableError(
    `the trust file ${name} cannot be used: ${what}`,
    'docs/cli.md has an example of a trust file',
  );
}
