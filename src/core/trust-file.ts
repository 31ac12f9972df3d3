/** The trust file: keys whose owners the verifier knows (docs/cli.md, trust file). Everything wrong with it is told at once. */
import { isHex } from './bytes.js';
import {
  asFields,
  describe,
  type FieldProblem,
  type Fields,
  joinPath,
  listProblems,
  noteProblem,
  type ProblemMap,
  readName,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import { parseInstant } from './instant.js';
import type { PinnedKey } from './report.js';
import { readJsonLine } from './row-reader.js';

/** The keys, or everything wrong with the file. A problem without a path is of the file as a whole. */
export type TrustReading =
  | { readonly ok: true; readonly keys: readonly PinnedKey[] }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

const KEYS = ['publicKeyHex', 'name', 'validFrom', 'validUntil', 'revokedAt'] as const;
const MAX_KEYS = 10_000;

/** Reads the bytes of a trust file. Never throws. */
export function parseTrustFile(bytes: Uint8Array): TrustReading {
  const problems: ProblemMap = new Map();
  const reading = readJsonLine(bytes);
  if (!reading.ok) return { ok: false, problems: [{ path: '', message: reading.message }] };
  const fields = asFields(reading.value, '', problems);
  const keys = fields ? readKeys(fields) : [];
  if (problems.size === 0) return { ok: true, keys };
  const listed = listProblems(problems).map(({ path, message }) =>
    path === '' ? { path, message: `the file ${message}` } : { path, message },
  );
  return { ok: false, problems: listed };
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
