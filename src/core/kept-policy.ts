/** A policy as it is kept beside a ledger: the very text that its hash is over (docs/receipt-format.md "Policies"). */
import { encodeHex } from './bytes.js';
import type { CryptoBackend } from './crypto.js';
import { isObject } from './json.js';
import type { Policy } from './policy.js';
import { parsePolicy } from './policy-reader.js';
import { type Reading, refusal } from './reading.js';
import { readJsonLine } from './row-reader.js';

/** Not part of the hashed text; a policy that decided was in force. */
const LONG_AGO = '1970-01-01T00:00:00Z';

/**
 * The policy in a kept text whose SHA-256 must be `policyHash`, 64 lowercase hex digits. Never throws on bytes; where the
 * hash fits and the policy cannot be read, another version wrote it.
 */
export function readKeptPolicy(
  bytes: Uint8Array,
  policyHash: string,
  backend: Pick<CryptoBackend, 'sha256'>,
): Reading<Policy> {
  if (encodeHex(backend.sha256(bytes)) !== policyHash)
    return refusal('HASH_MISMATCH', 'The text of the policy is not what its hash was made from.');
  const reading = readJsonLine(bytes);
  if (!reading.ok) return reading;
  if (!isObject(reading.value)) return refusal('WRONG_TYPE', 'The policy is not an object.');
  const short = parsePolicy(reading.value, backend);
  const whole = short.ok ? short : parsePolicy({ ...reading.value, effectiveFrom: LONG_AGO }, backend);
  if (!whole.ok) {
    const [first] = whole.problems;
    return refusal('WRONG_TYPE', `This version cannot read the policy: ${first?.path} ${first?.message}.`);
  }
  // The same value printed otherwise has another hash: then the text was not the one that the guard hashed.
  if (whole.policy.policyHash !== policyHash)
    return refusal('HASH_MISMATCH', 'The text of the policy is not canonical.');
  return { ok: true, value: whole.policy };
}
