/** A policy file named on the command line, and the signature beside it: for check, sign and explain. */
import { resolve } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import type { Policy, PolicyProblem, PolicyReading } from '../core/policy.js';
import { parsePolicy } from '../core/policy-reader.js';
import { type Approver, checkPolicySignature, readPolicySignature } from '../core/policy-signature.js';
import { readJsonLine } from '../core/row-reader.js';
import { readConfigFile } from '../store/config-file.js';
import { nodeBackend } from '../store/node-crypto.js';
import {
  locateSignature,
  parsePolicyText,
  readPolicyBytes,
  readSignatureBytes,
} from '../store/policy-file.js';
import { unreadableError } from './cli-error.js';
import type { CommandContext } from './context.js';

/** What is known about who signed a policy. */
export interface SignatureState {
  /** `null`: no valid signature. */
  readonly approver: Approver | null;
  readonly problems: readonly PolicyProblem[];
  readonly notes: readonly string[];
}

/**
 * The policy in a named file. One that cannot be understood is a policy with problems.
 *
 * @throws CliError when the file cannot be read.
 */
export function readNamedPolicy({ io }: CommandContext, name: string): PolicyReading {
  const path = resolve(io.cwd, name);
  const text = parsePolicyText(path, readBytes(path));
  if (text.ok) return parsePolicy(text.value, nodeBackend);
  return { ok: false, problems: text.problems.map((one) => ({ ...one, path: one.path || name })) };
}

/** What a guard of this home would say to the signature: a problem only where an owner is pinned. */
export async function checkSignature(
  context: CommandContext,
  name: string,
  policy: Policy,
): Promise<SignatureState> {
  const owners = await readOwners(context);
  if (owners instanceof AgentGuardError)
    return { approver: null, problems: [{ path: 'config.json', message: owners.message }], notes: [] };
  const path = locateSignature(name);
  const found = judgeSignature(resolve(context.io.cwd, name), policy, owners);
  if (found === undefined) {
    const message = 'is missing: config.json pins an owner, so that only a signed policy may decide';
    return { approver: null, problems: owners ? [{ path, message }] : [], notes: [] };
  }
  if (typeof found === 'string') {
    const message = `is refused: ${found}`;
    const problems = owners ? [{ path, message }] : [];
    return { approver: null, problems, notes: owners ? [] : [`${path} ${message}`] };
  }
  const who = found.name === null ? '' : `${JSON.stringify(found.name)}, `;
  const note = `signed by ${who}key ${found.publicKeyHex}, ${found.signedAt}`;
  return { approver: found, problems: [], notes: [owners ? note : `${note}; config.json pins no owner`] };
}

async function readOwners({
  home,
}: CommandContext): Promise<readonly string[] | undefined | AgentGuardError> {
  try {
    return (await readConfigFile(home)).policyOwner;
  } catch (error) {
    if (error instanceof AgentGuardError) return error;
    throw error;
  }
}

/** Who signed, or why the signature is none; `undefined` without one. Unless pinned, anybody may have signed. */
function judgeSignature(
  path: string,
  policy: Policy,
  owners: readonly string[] | undefined,
): Approver | string | undefined {
  const bytes = readSignatureBytes(path);
  if (!bytes) return undefined;
  const json = readJsonLine(bytes);
  const signed = json.ok ? readPolicySignature(json.value) : json;
  if (!signed.ok) return signed.message.replaceAll(/\b[Tt]he line\b/g, 'the file');
  const approval = checkPolicySignature(
    policy,
    signed.value,
    owners ?? [signed.value.publicKeyHex],
    nodeBackend,
  );
  if (approval instanceof Promise) throw new TypeError('the backend of Node answers at once');
  return approval.ok ? approval.approver : approval.message;
}

function readBytes(path: string): Uint8Array {
  try {
    return readPolicyBytes(path);
  } catch (error) {
    if (error instanceof AgentGuardError) throw unreadableError(error.message, error.hint);
    throw error;
  }
}
