/** The settings of a home, `<home>/config.json`, read like a policy: every problem at once, with its path (docs/config.md). */
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
  refuseUnknownKeys,
} from './fields.js';
import type { Json } from './json.js';

/** Every key of the file. docs/config.md explains each; a test holds the two together. */
export const CONFIG_KEYS = ['policyOwner'] as const;

/** What the file says; what it leaves out is absent. */
export interface HomeConfig {
  /** Public keys, 64 lowercase hex digits each: every policy must be signed with one of them. Not empty. */
  readonly policyOwner?: readonly string[];
}

/** The settings, or everything wrong with them. */
export type ConfigReading =
  | { readonly ok: true; readonly config: HomeConfig }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

const MAX_OWNERS = 100;

/** Reads the value of a settings file. Never throws. */
export function parseConfig(value: Json): ConfigReading {
  const problems: ProblemMap = new Map();
  const fields = asFields(value, '', problems);
  if (!fields) return { ok: false, problems: listProblems(problems) };
  refuseUnknownKeys(fields, CONFIG_KEYS);
  const policyOwner = readOwners(fields);
  if (problems.size > 0) return { ok: false, problems: listProblems(problems) };
  return { ok: true, config: policyOwner ? { policyOwner } : {} };
}

/** One key or several, as text of 64 lowercase hex digits each. An empty list could mean anybody or nobody. */
function readOwners(fields: Fields): readonly string[] | undefined {
  const value = fields.data.policyOwner;
  if (value === undefined) return undefined;
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MAX_OWNERS)
    noteProblem(fields.problems, 'policyOwner', `must name 1 to ${MAX_OWNERS} keys, found ${list.length}`);
  return list.flatMap((key: Json, index) => {
    if (typeof key === 'string' && isHex(key, 32)) return key;
    const path = Array.isArray(value) ? joinPath('policyOwner', index) : 'policyOwner';
    noteProblem(
      fields.problems,
      path,
      `must be a public key, 64 lowercase hex digits, found ${describe(key)}`,
    );
    return [];
  });
}
