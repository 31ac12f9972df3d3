/** Reads and compiles a policy, and names everything wrong with it at once (docs/policy.md). */
import { encodeHex, encodeUtf8 } from './bytes.js';
import { canonicalize } from './canonical-json.js';
import { findCapWarnings, MAX_REASON_LENGTH, readCapList } from './cap-reader.js';
import type { CryptoBackend } from './crypto.js';
import {
  asFields,
  describe,
  type Fields,
  findNameFault,
  joinPath,
  listProblems,
  noteProblem,
  type ProblemMap,
  readDecimal,
  readName,
  readObject,
  readOneOf,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import { parseInstant } from './instant.js';
import type { JsonObject } from './json.js';
import { isTimeZone } from './local-time.js';
import { ONE_USD, parseUsd } from './money.js';
import { copyPlainData } from './plain-data.js';
import {
  CAPABILITIES,
  POLICY_MODES,
  type Policy,
  type PolicyReading,
  type SpendPolicy,
  STALE_PRICE_ACTIONS,
} from './policy.js';
import { readMaxPriceAge } from './price-age.js';
import { readRules } from './rule-reader.js';
import { readScope } from './scope.js';
import { readTasks } from './task-reader.js';

const PPM = 1_000_000n;
const ONE_MILLIONTH = ONE_USD / PPM;
const REQUIRED_KEYS = ['id', 'name', 'scope', 'caps', 'mode', 'version', 'effectiveFrom'] as const;
const OPTIONAL_KEYS = [
  '$schema',
  'description',
  'requiredCapability',
  'defaultMaxOutputTokens',
  'priceHeadroom',
  'maxPriceAge',
  'onStalePrice',
  'onUnknownPrice',
  'timeZone',
  'rules',
  'tasks',
] as const;
const POLICY_KEYS: readonly (keyof SpendPolicy)[] = [...REQUIRED_KEYS, ...OPTIONAL_KEYS];

/**
 * Reads and compiles a policy, given as an object of any origin. Never throws: each problem comes back with its
 * path. `warnings` are valid but probably not meant.
 */
export function parsePolicy(input: unknown, backend: Pick<CryptoBackend, 'sha256'>): PolicyReading {
  const problems: ProblemMap = new Map();
  const root = asFields(copyPlainData(input, { path: '', name: 'policy' }, problems), 'policy', problems);
  const policy = root && compilePolicy({ ...root, path: '' }, backend);
  if (!root || !policy || problems.size > 0) return { ok: false, problems: listProblems(problems) };
  const limitsNothing = policy.caps.length === 0 && !leavesRestToGuard(root);
  const empty = { path: 'caps', message: 'is empty: no spending is limited' };
  return { ok: true, policy, warnings: limitsNothing ? [empty] : findCapWarnings(policy.caps) };
}

/** `undefined` only together with a problem. */
function compilePolicy(fields: Fields, backend: Pick<CryptoBackend, 'sha256'>): Policy | undefined {
  const isShort = leavesRestToGuard(fields);
  requireKeys(fields, isShort ? ['name'] : REQUIRED_KEYS);
  refuseUnknownKeys(fields, POLICY_KEYS);
  readName(fields, '$schema', MAX_REASON_LENGTH);
  readName(fields, 'description', MAX_REASON_LENGTH);
  const scopeFields = readObject(fields, 'scope');
  const scope = scopeFields ? readScope(scopeFields) : isShort ? {} : undefined;
  const name = readName(fields, 'name');
  const id = readName(fields, 'id') ?? (isShort ? name : undefined);
  const version = readVersion(fields) ?? (isShort ? 1 : undefined);
  const mode = readOneOf(fields, 'mode', POLICY_MODES) ?? (isShort ? 'enforce' : undefined);
  const effectiveFromMs = readEffectiveFrom(fields) ?? (isShort ? 0 : undefined);
  const timeZone = readTimeZone(fields) ?? 'UTC';
  const { rules, providerRules } = readRules(fields);
  const place = { policyId: id ?? '', scope: scope ?? {}, timeZone };
  const own = readCapList(fields, { ...place, firstIndex: 0 });
  const { tasks, caps: taskCaps } = readTasks(fields, { ...place, firstIndex: own.length });
  const caps = [...own, ...taskCaps];
  const requiredCapability = readOneOf(fields, 'requiredCapability', CAPABILITIES);
  const defaultMaxOutputTokens = readMaxOutputTokens(fields);
  const priceHeadroomPpm = readHeadroom(fields);
  const maxPriceAgeMs = readMaxPriceAge(fields);
  const onStalePrice = readOneOf(fields, 'onStalePrice', STALE_PRICE_ACTIONS) ?? 'warn';
  readOneOf(fields, 'onUnknownPrice', ['block'], explainUnknownPrice);
  if (fields.problems.size > 0 || !scope || id === undefined || name === undefined) return undefined;
  if (version === undefined || !mode || effectiveFromMs === undefined) return undefined;
  const hashedText = printHashed(fields.data);
  const policyHash = encodeHex(backend.sha256(encodeUtf8(hashedText)));
  return {
    id,
    name,
    version,
    scope,
    mode,
    timeZone,
    effectiveFromMs,
    caps,
    rules,
    providerRules,
    tasks,
    requiredCapability,
    defaultMaxOutputTokens,
    priceHeadroomPpm,
    maxPriceAgeMs,
    onStalePrice,
    policyHash,
    hashedText,
  };
}

/** A policy of rules or tasks alone: the guard's scope is its scope, and it is in force at once. */
function leavesRestToGuard({ data }: Fields): boolean {
  return data.caps === undefined && (data.rules !== undefined || data.tasks !== undefined);
}

/** Without `effectiveFrom`, so that a program that writes "now" into it has one policy, not one per start. */
function printHashed(data: JsonObject): string {
  const { effectiveFrom: _, ...hashed } = data;
  return canonicalize(hashed);
}

function readHeadroom(fields: Fields): bigint | undefined {
  const factor = readDecimal(fields, 'priceHeadroom', parsePpm, 'has more than six decimal places');
  if (factor === undefined || factor >= PPM) return factor;
  noteProblem(fields.problems, joinPath(fields.path, 'priceHeadroom'), 'must be at least 1');
  return undefined;
}

/** A factor in millionths, read like an amount: both are decimals. */
function parsePpm(text: string): bigint | undefined {
  const scaled = parseUsd(text);
  return scaled === undefined || scaled % ONE_MILLIONTH !== 0n ? undefined : scaled / ONE_MILLIONTH;
}

function readVersion(fields: Fields): number | string | undefined {
  const value = fields.data.version;
  if (value === undefined) return undefined;
  const fault =
    typeof value === 'string'
      ? findNameFault(value)
      : Number.isSafeInteger(value)
        ? undefined
        : `must be a whole number or text such as "1.2", found ${describe(value)}`;
  if (fault !== undefined) noteProblem(fields.problems, joinPath(fields.path, 'version'), fault);
  return fault === undefined ? (value as number | string) : undefined;
}

function readEffectiveFrom(fields: Fields): number | undefined {
  const value = fields.data.effectiveFrom;
  if (value === undefined) return undefined;
  const atMs = typeof value === 'string' ? parseInstant(value) : undefined;
  if (atMs !== undefined) return atMs;
  const message = `must be ISO 8601 text with time and zone such as "2026-10-01T00:00:00Z", found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'effectiveFrom'), message);
  return undefined;
}

function explainUnknownPrice(word: string): string | undefined {
  if (word !== 'allow') return undefined;
  return 'is "allow", but a call without a price has no bound that a cap could hold; the mode "shadow" lets such calls pass';
}

function readTimeZone(fields: Fields): string | undefined {
  const zone = readName(fields, 'timeZone');
  if (zone === undefined || isTimeZone(zone)) return zone;
  const message = `must be the name of a time zone such as "Europe/Berlin", found ${describe(zone)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'timeZone'), message);
  return undefined;
}

function readMaxOutputTokens(fields: Fields): number | undefined {
  const value = fields.data.defaultMaxOutputTokens;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  const message =
    value === 'model'
      ? 'is "model", which this version does not evaluate; write a whole number of tokens'
      : `must be a whole number of at least 1, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'defaultMaxOutputTokens'), message);
  return undefined;
}
