/** `agentguard policy`: check a policy file, sign one as its owner, or explain what one says to a call (docs/cli.md, policy). */
import type { OptionValues } from 'commander';
import { usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import type { ExitCode } from '../exit-codes.js';

const HINT = 'agentguard policy check policy.json';
const SIGN_OPTIONS = ['key', 'newKey', 'owner'];
const EXPLAIN_OPTIONS = [
  'model',
  'scope',
  'team',
  'user',
  'agent',
  'task',
  'session',
  'workflow',
  'environment',
  'capability',
  'inputTokens',
  'maxOutputTokens',
  'at',
];
const ACTIONS = ['check', 'explain', 'sign'] as const;

/** Runs `policy <action> [file]`. @throws CliError for a wrong command line or a file that cannot be read */
export async function runPolicy(
  context: CommandContext,
  options: OptionValues,
  [action, file, ...more]: readonly string[],
): Promise<ExitCode> {
  if (more.length > 0) throw usageError(`policy ${action} takes one policy file`, HINT);
  switch (action) {
    case 'check': {
      refuseOptions(action, options, []);
      const { runPolicyCheck } = await import('./policy-check.js');
      return runPolicyCheck(context, requireFile(action, file));
    }
    case 'sign': {
      refuseOptions(action, options, SIGN_OPTIONS);
      const { runPolicySign } = await import('./policy-sign.js');
      return runPolicySign(context, options, file);
    }
    case 'explain': {
      refuseOptions(action, options, EXPLAIN_OPTIONS);
      const { runPolicyExplain } = await import('./policy-explain.js');
      return runPolicyExplain(context, options, requireFile(action, file));
    }
    default:
      throw usageError(`policy knows ${ACTIONS.join(', ')}, found ${JSON.stringify(action ?? '')}`, HINT);
  }
}

function requireFile(action: string, file: string | undefined): string {
  if (file === undefined) throw usageError(`policy ${action} takes one policy file`, HINT);
  return file;
}

/** An option of another action would do nothing: better to say so. */
function refuseOptions(action: string, options: OptionValues, known: readonly string[]): void {
  const other = Object.keys(options).find((key) => !known.includes(key));
  if (other === undefined) return;
  const flag = `--${other.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw usageError(`policy ${action} has no option ${flag}`, `agentguard policy --help`);
}
