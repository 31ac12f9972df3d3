/** `agentguard policy sign`: makes an owner's key, and signs a policy file with it, into a file of its own beside it. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { findNameFault } from '../../core/fields.js';
import type { Policy } from '../../core/policy.js';
import { readPolicySignature, signPolicy } from '../../core/policy-signature.js';
import { createNodeSigner, nodeBackend } from '../../store/node-crypto.js';
import { createOwnerKey, loadOwnerKey } from '../../store/owner-key.js';
import { locateSignature } from '../../store/policy-file.js';
import { explainSystemError, unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { readNamedPolicy } from '../policy-input.js';
import { paint, shorten } from '../print.js';

const HINT = 'agentguard policy sign policy.json --key owner.key, or --new-key owner.key to make one';

/**
 * Runs `policy sign [file]`.
 *
 * @throws CliError for a wrong command line, a key or file that cannot be used; AgentGuardError KEY_UNSAFE
 */
export async function runPolicySign(
  context: CommandContext,
  { key, newKey, owner }: OptionValues,
  file: string | undefined,
): Promise<ExitCode> {
  if ((key === undefined) === (newKey === undefined))
    throw usageError('policy sign takes either --key or --new-key', HINT);
  if (file === undefined && newKey === undefined) throw usageError('policy sign takes a policy file', HINT);
  const fault = owner === undefined ? undefined : findNameFault(String(owner));
  if (fault !== undefined) throw usageError(`--owner ${fault}`, HINT);
  // Before a key is made: a policy that is refused must not leave one behind.
  const policy = file === undefined ? undefined : readNamedPolicy(context, file);
  if (policy && !policy.ok) return refuse(context, policy.problems);
  const path = resolve(context.io.cwd, String(key ?? newKey));
  const seed = newKey === undefined ? await loadOwnerKey(path) : await createOwnerKey(path);
  const signer = createNodeSigner(seed);
  const made = newKey === undefined ? null : path;
  const signed = policy && file ? await writeSignature(context, file, policy.policy, signer, owner) : null;
  report(context, { keyPath: made, publicKeyHex: signer.publicKeyHex, file: file ?? null, ...signed });
  return EXIT_CODES.ok;
}

interface Signed {
  readonly signaturePath: string;
  readonly policyHash: string;
  readonly owner: string | null;
  readonly signedAt: string;
}

/** Under another name first: whoever reads it finds the old signature or the new one. */
async function writeSignature(
  { io }: CommandContext,
  file: string,
  policy: Policy,
  signer: Parameters<typeof signPolicy>[1],
  owner: string | undefined,
): Promise<Signed> {
  const signature = signPolicy(policy, signer, owner ?? null, io.now(), nodeBackend);
  const path = locateSignature(resolve(io.cwd, file));
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await fs.writeFile(temporary, `${JSON.stringify(signature, null, 2)}\n`, { flag: 'wx', mode: 0o644 });
    await fs.rename(temporary, path);
  } catch (cause) {
    throw unreadableError(`${path} cannot be written: the folder ${explainSystemError(cause)}`);
  } finally {
    await fs.rm(temporary, { force: true });
  }
  const reading = readPolicySignature(signature);
  if (!reading.ok) throw new TypeError(reading.message);
  const { policyHash, name, signedAt } = reading.value;
  return { signaturePath: path, policyHash, owner: name, signedAt };
}

function refuse(
  context: CommandContext,
  problems: readonly { readonly path: string; readonly message: string }[],
): ExitCode {
  if (context.json) context.out.json({ ok: false, problems });
  else {
    for (const { path, message } of problems)
      context.out.line([paint('red', 'problem'), `  ${path} ${shorten(message, 400)}`], 2);
    context.out.line('Not signed: the policy is refused.');
  }
  return EXIT_CODES.failed;
}

interface Report extends Partial<Signed> {
  readonly keyPath: string | null;
  readonly publicKeyHex: string;
  readonly file: string | null;
}

function report(context: CommandContext, facts: Report): void {
  const { out } = context;
  const { keyPath, publicKeyHex, file, signaturePath, policyHash, signedAt, owner } = facts;
  if (context.json) {
    const { file: _, ...rest } = facts;
    out.json({ ok: true, ...rest });
    return;
  }
  if (context.quiet) return;
  if (keyPath !== null) {
    out.line([paint('green', 'made'), `  the owner's key ${keyPath}: keep it where no agent can read it`], 2);
    out.line(`Its public key, for "policyOwner" in config.json of each home: ${publicKeyHex}`, 2);
  }
  if (signaturePath === undefined || file === null) return;
  const who = owner === null ? '' : ` by ${shorten(owner ?? '', 100)}`;
  out.line([paint('green', 'signed'), `${who}  ${signaturePath}`], 2);
  out.line(`  policy ${policyHash}, key ${publicKeyHex}, ${signedAt}`, 4);
  out.command(suggest(context, `policy check ${file}`));
}
