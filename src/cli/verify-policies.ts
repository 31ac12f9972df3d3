/** The policies that a verification decides by: those kept beside each ledger, and those that were demanded. */
import { dirname, resolve } from 'node:path';
import type { OptionValues } from 'commander';
import type { VerifyOptions } from '../core/ledger-verifier.js';
import type { Policy } from '../core/policy.js';
import { parsePolicy } from '../core/policy-reader.js';
import { nodeBackend } from '../store/node-crypto.js';
import { readPolicyFile } from '../store/policy-file.js';
import { readPolicies } from '../store/policy-folder.js';
import { CliError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { EXIT_CODES } from './exit-codes.js';

/** The policies in the files of `--policy`. @throws CliError for a file that is no policy. */
export function readDemanded({ io }: CommandContext, options: OptionValues): readonly Policy[] {
  const files = (options.policy ?? []) as readonly string[];
  return files.map((file) => {
    const reading = parsePolicy(readPolicyFile(resolve(io.cwd, file)), nodeBackend);
    if (reading.ok) return reading.policy;
    const [first] = reading.problems;
    throw new CliError(
      EXIT_CODES.unreadable,
      `${file} is not a policy: ${first?.path} ${first?.message}`,
      `agentguard policy check ${file} lists everything that is wrong with it`,
    );
  });
}

/** What a ledger is verified by: the demanded policies and those kept beside it. Problems are sentences about files. */
export async function addPolicies(
  options: VerifyOptions,
  demanded: readonly Policy[],
  source: unknown,
): Promise<{ readonly options: VerifyOptions; readonly problems: readonly string[] }> {
  const kept = typeof source === 'string' ? await readPolicies(dirname(source)) : undefined;
  const policies = new Map(kept?.policies);
  for (const policy of demanded) policies.set(policy.policyHash, policy);
  const demandedPolicies = demanded.map(({ policyHash }) => policyHash);
  return { options: { ...options, policies, demandedPolicies }, problems: kept?.problems ?? [] };
}
