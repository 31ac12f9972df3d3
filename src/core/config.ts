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
export const CONFIG_KEYS = ['policyOwner', 'verifyUrl'] as const;

/** What the file says; what it leaves out is absent. */
export interface HomeConfig {
  /** Public keys, 64 lowercase hex digits each: every policy must be signed with one of them. Not empty. */
  readonly policyOwner?: readonly string[];
  /** Where the verify page is hosted, for links to receipts. */
  readonly verifyUrl?: string;
}

/** The settings, or everything wrong with them. */
export type ConfigReading =
  | { readonly ok: true; readonly config: HomeConfig }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

const MAX_OWNERS = 100;
const MAX_URL_LENGTH = 1_024;

/** Reads the value of a settings file. Never throws. */
export function parseConfig(value: Json): ConfigReading {
  const problems: ProblemMap = new Map();
  const fields = asFields(value, '', problems);
  if (!fields) return { ok: false, problems: listProblems(problems) };
  refuseUnknownKeys(fields, CONFIG_KEYS);
  const policyOwner = readOwners(fields);
  const verifyUrl = readVerifyUrl(fields);
  if (problems.size > 0) return { ok: false, problems: listProblems(problems) };
  return {
    ok: true,
    config: { ...(policyOwner && { policyOwner }), ...(verifyUrl !== undefined && { verifyUrl }) },
  };
}

/** Whether a text can be the address of the verify page: http or https, nobody's password in it, and no fragment yet. */
export function isVerifyUrl(text: string): boolean {
  return text.length <= MAX_URL_LENGTH && /^https?:\/\/[\w.:[\]-]+(?:\/[\w./~%?=&+-]*)?$/.test(text);
}

function readVerifyUrl(fields: Fields): string | undefined {
  const value = fields.data.verifyUrl;
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isVerifyUrl(value)) return value;
  const message = `must be the address of a page, such as "https://verify.example.org/", found ${describe(value)}`;
  noteProblem(fields.problems, 'verifyUrl', message);
  return undefined;
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
