/** A policy from where the caller has it, and the owner's signature that it may need (docs/policy.md "Signed policies"). */
import { encodeUtf8 } from '../core/bytes.js';
import { AgentGuardError } from '../core/errors.js';
import type { Policy, RulePolicy, SpendPolicy } from '../core/policy.js';
import { parsePolicy } from '../core/policy-reader.js';
import { checkPolicySignature, type PolicySignature, readPolicySignature } from '../core/policy-signature.js';
import { readJsonLine } from '../core/row-reader.js';
import { nodeBackend } from '../store/node-crypto.js';
import { locateSignature, readPolicyFile, readSignatureBytes } from '../store/policy-file.js';

/** A policy as an object, or the path of the file that has it. */
export type PolicySource = SpendPolicy | RulePolicy | string;

/** Public keys, 64 lowercase hex digits each; `undefined`: nobody has to sign. */
export type PolicyOwners = readonly string[] | undefined;

/** Signatures that the caller brought, as the signature file holds them: for policies that are objects. */
export type PolicySignatures = readonly unknown[];

const HINT = 'its owner signs it with: agentguard policy sign <file> --key <owner key file>';

/** @throws AgentGuardError POLICY_INVALID with every problem at once. */
export function readPolicySource(source: PolicySource): Policy {
  const parsed = parsePolicy(typeof source === 'string' ? readPolicyFile(source) : source, nodeBackend);
  if (parsed.ok) return parsed.policy;
  const list = parsed.problems.map((problem) => `${problem.path} ${problem.message}`);
  throw new AgentGuardError(
    'POLICY_INVALID',
    `the policy has ${list.length} problem(s): ${list.join('; ')}`,
    {
      hint: 'docs/policy.md lists every key',
    },
  );
}

/**
 * The policy with the owner who signed it, or as it is where nobody has to. The signature lies beside the file, or is one
 * of those that the caller brought.
 *
 * @throws AgentGuardError POLICY_UNSIGNED, POLICY_SIGNATURE_INVALID
 */
export function approvePolicy(
  policy: Policy,
  source: PolicySource,
  owners: PolicyOwners,
  brought: PolicySignatures = [],
): Policy {
  if (!owners) return policy;
  const name = typeof source === 'string' ? `${JSON.stringify(source)}` : `"${policy.id}"`;
  const signed = findSignature(policy, source, brought, name);
  if (!signed) {
    const where =
      typeof source === 'string'
        ? `there is no ${JSON.stringify(locateSignature(source))}`
        : 'it is an object in code, and config.policySignatures has none for it';
    const message = `the policy ${name} is not signed, and only signed ones may decide here: ${where}`;
    throw new AgentGuardError('POLICY_UNSIGNED', message, { hint: HINT });
  }
  const approval = checkPolicySignature(policy, signed, owners, nodeBackend);
  if (approval instanceof Promise) throw new TypeError('the backend of Node answers at once');
  if (approval.ok) return { ...policy, approver: approval.approver };
  throw invalid(name, approval.message);
}

function findSignature(
  policy: Policy,
  source: PolicySource,
  brought: PolicySignatures,
  name: string,
): PolicySignature | undefined {
  const beside = typeof source === 'string' ? readSignatureBytes(source) : undefined;
  if (beside) return readSignature(beside, name);
  const all = brought.map((one) => readSignature(encodeUtf8(JSON.stringify(one) ?? ''), name));
  return all.find(({ policyHash }) => policyHash === policy.policyHash);
}

function readSignature(bytes: Uint8Array, name: string): PolicySignature {
  const json = readJsonLine(bytes);
  const reading = json.ok ? readPolicySignature(json.value) : json;
  if (reading.ok) return reading.value;
  throw invalid(name, reading.message.replaceAll(/\b[Tt]he line\b/g, 'the file'));
}

function invalid(name: string, why: string): AgentGuardError {
  const message = `the signature of the policy ${name} is refused: ${why.replace(/\.$/, '')}`;
  return new AgentGuardError('POLICY_SIGNATURE_INVALID', message, { hint: HINT });
}
