/**
 * A policy signed by its owner: what is signed, what the signature file says, and whether it fits a policy and one of
 * the owners that somebody pinned (docs/policy.md "Signed policies").
 */
import { concatBytes, decodeHex, encodeHex, encodeUtf8, isHex } from './bytes.js';
import { canonicalize } from './canonical-json.js';
import type { CryptoBackend, Signer } from './crypto.js';
import { verifyStrict } from './ed25519.js';
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
} from './fields.js';
import { parseInstant } from './instant.js';
import type { Json, JsonObject } from './json.js';
import type { Policy } from './policy.js';

/** First line of what is signed, so that no signature made for another purpose fits; also the file's `format`. */
export const SIGNATURE_FORMAT = 'agentguard policy v1';

/** Who signed a policy, and when, as receipts name them. */
export interface Approver {
  /** 64 lowercase hex digits. */
  readonly publicKeyHex: string;
  /** What the owner called themselves when signing; `null`: nothing. */
  readonly name: string | null;
  /** ISO 8601, the owner's clock. */
  readonly signedAt: string;
}

/** What a signature file says. */
export interface PolicySignature extends Approver {
  readonly policyHash: string;
  /** ISO 8601 with milliseconds: the hash does not cover it, the signature does. */
  readonly effectiveFrom: string;
  /** 128 lowercase hex digits. */
  readonly signature: string;
}

/** Whether a signature makes a policy the owner's. */
export type Approval =
  | { readonly ok: true; readonly approver: Approver }
  | { readonly ok: false; readonly message: string };

const REQUIRED_KEYS = [
  'format',
  'policyHash',
  'effectiveFrom',
  'signedAt',
  'publicKeyHex',
  'signature',
] as const;
const KEYS: readonly string[] = [...REQUIRED_KEYS, 'owner'];

/** The signature of a policy at `nowMs`, milliseconds since 1970, as the signature file holds it. */
export function signPolicy(
  policy: Pick<Policy, 'policyHash' | 'effectiveFromMs'>,
  signer: Signer,
  name: string | null,
  nowMs: number,
  backend: Pick<CryptoBackend, 'sha256'>,
): JsonObject {
  const said = {
    policyHash: policy.policyHash,
    effectiveFrom: new Date(policy.effectiveFromMs).toISOString(),
    name,
    signedAt: new Date(nowMs).toISOString(),
    publicKeyHex: signer.publicKeyHex,
  };
  const signature = encodeHex(signer.sign(hashStatement(said, backend)));
  const { name: owner, ...rest } = said;
  return { format: SIGNATURE_FORMAT, ...rest, ...(owner === null ? {} : { owner }), signature };
}

/** A signature file's value, with everything wrong with it at once. */
export function readPolicySignature(
  value: Json,
): { readonly ok: true; readonly value: PolicySignature } | { readonly ok: false; readonly message: string } {
  const problems: ProblemMap = new Map();
  const fields = asFields(value, '', problems);
  const read = fields && readFields(fields);
  if (read && problems.size === 0) return { ok: true, value: read };
  const list = listProblems(problems).map(({ path, message }) => `${path || 'it'} ${message}`);
  return { ok: false, message: `it is no signature of a policy: ${list.join('; ')}` };
}

/**
 * Whether `signed` is a valid signature of this policy by one of `owners`, 64 lowercase hex digits each. Synchronous
 * where the backend is.
 */
export function checkPolicySignature(
  policy: Pick<Policy, 'policyHash' | 'effectiveFromMs'>,
  signed: PolicySignature,
  owners: readonly string[],
  backend: CryptoBackend,
): Approval | Promise<Approval> {
  if (signed.policyHash !== policy.policyHash)
    return refuse(
      `the policy was changed after it was signed: its hash is ${policy.policyHash}, signed was ${signed.policyHash}`,
    );
  if (parseInstant(signed.effectiveFrom) !== policy.effectiveFromMs)
    return refuse(`effectiveFrom was changed after it was signed: signed was ${signed.effectiveFrom}`);
  if (!owners.includes(signed.publicKeyHex))
    return refuse(`it was signed with the key ${signed.publicKeyHex}, which is not the owner's`);
  const [key, signature] = [decodeHex(signed.publicKeyHex), decodeHex(signed.signature)];
  const { publicKeyHex, name, signedAt } = signed;
  const judge = (valid: boolean): Approval =>
    valid
      ? { ok: true, approver: { publicKeyHex, name, signedAt } }
      : refuse('the signature is not valid: the file was altered, or not made with that key');
  if (!key || !signature) return judge(false);
  const valid = verifyStrict(backend, key, hashStatement(signed, backend), signature);
  return typeof valid === 'boolean' ? judge(valid) : valid.then(judge);
}

/** The 32 bytes that are signed. */
function hashStatement(
  said: Omit<PolicySignature, 'signature'>,
  backend: Pick<CryptoBackend, 'sha256'>,
): Uint8Array {
  const { policyHash, effectiveFrom, name, signedAt, publicKeyHex } = said;
  const statement = { effectiveFrom, owner: name, policyHash, publicKeyHex, signedAt };
  return backend.sha256(
    concatBytes(encodeUtf8(`${SIGNATURE_FORMAT}\n`), encodeUtf8(canonicalize(statement))),
  );
}

function readFields(fields: Fields): PolicySignature | undefined {
  requireKeys(fields, REQUIRED_KEYS);
  refuseUnknownKeys(fields, KEYS);
  const { format } = fields.data;
  if (format !== undefined && format !== SIGNATURE_FORMAT)
    noteProblem(
      fields.problems,
      'format',
      `must be ${describe(SIGNATURE_FORMAT)}, found ${describe(format)}`,
    );
  const policyHash = readHex(fields, 'policyHash', 32);
  const publicKeyHex = readHex(fields, 'publicKeyHex', 32);
  const signature = readHex(fields, 'signature', 64);
  const effectiveFrom = readMoment(fields, 'effectiveFrom');
  const signedAt = readMoment(fields, 'signedAt');
  const name = readName(fields, 'owner') ?? null;
  if (!policyHash || !publicKeyHex || !signature || !effectiveFrom || !signedAt) return undefined;
  return { policyHash, publicKeyHex, signature, effectiveFrom, signedAt, name };
}

/** Lowercase hex of `sizeBytes` bytes; anything else is noted. */
function readHex(fields: Fields, key: string, sizeBytes: number): string | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isHex(value, sizeBytes)) return value;
  const message = `must be ${2 * sizeBytes} lowercase hex digits, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

/** Kept as written: the text is what was signed. */
function readMoment(fields: Fields, key: string): string | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && parseInstant(value) !== undefined) return value;
  const message = `must be ISO 8601 text with time and zone, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

function refuse(message: string): Approval {
  return { ok: false, message };
}
