/** `agentguard policy check`: what is wrong with a policy file, and what in it is probably not meant (docs/cli.md, policy). */
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { AgentGuardError } from '../../core/errors.js';
import type { Policy, PolicyProblem, PolicyReading } from '../../core/policy.js';
import { checkPolicy } from '../../core/policy-check.js';
import { parsePolicy } from '../../core/policy-reader.js';
import type { PolicyWarning } from '../../core/policy-warning.js';
import { nodeBackend } from '../../store/node-crypto.js';
import { parsePolicyText, readPolicyBytes } from '../../store/policy-file.js';
import { readPriceFile } from '../../store/price-file.js';
import { unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { bold, paint, shorten } from '../print.js';
import { printCount } from '../progress.js';

const MAX_MESSAGE = 400;

/** What was looked at and what came of it. */
interface Check {
  readonly path: string;
  readonly policy: Policy | undefined;
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyWarning[];
  readonly notes: readonly string[];
}

/** Runs `policy check <file>`. @throws CliError for a wrong command line or a file that cannot be read */
export async function runPolicy(
  context: CommandContext,
  _options: OptionValues,
  [action, file, ...more]: readonly string[],
): Promise<ExitCode> {
  const hint = 'agentguard policy check agentguard-policy.json';
  if (action !== 'check') throw usageError(`policy knows check, found ${JSON.stringify(action ?? '')}`, hint);
  if (file === undefined || more.length > 0) throw usageError('policy check takes one policy file', hint);
  const check = await checkFile(context, file);
  const exitCode = check.policy ? EXIT_CODES.ok : EXIT_CODES.failed;
  if (context.json) context.out.json(describeCheck(check));
  else if (!context.quiet || !check.policy || check.warnings.length > 0) printCheck(context, check);
  return exitCode;
}

async function checkFile(context: CommandContext, file: string): Promise<Check> {
  const reading = readPolicy(resolve(context.io.cwd, file), file);
  if (!reading.ok)
    return { path: file, policy: undefined, problems: reading.problems, warnings: [], notes: [] };
  const { policy, warnings } = reading;
  const { table, notes } = await findTable(context);
  return {
    path: file,
    policy,
    problems: [],
    warnings: checkPolicy(policy, warnings, table),
    notes: [...notes, ...noteState(policy, context.io.now())],
  };
}

/** A file that cannot be understood is a policy with problems; one that cannot be read is none. */
function readPolicy(path: string, name: string): PolicyReading {
  const text = parsePolicyText(path, readBytes(path));
  if (text.ok) return parsePolicy(text.value, nodeBackend);
  return { ok: false, problems: text.problems.map((one) => ({ ...one, path: one.path || name })) };
}

function readBytes(path: string): Uint8Array {
  try {
    return readPolicyBytes(path);
  } catch (error) {
    if (error instanceof AgentGuardError) throw unreadableError(error.message, error.hint);
    throw error;
  }
}

/** The check is of use without prices: what is wrong with the table is only noted. */
async function findTable(context: CommandContext) {
  const sync = suggest(context, 'models --sync-pricing');
  const without = (why: string) => ({
    table: undefined,
    notes: [`models and prices were not compared: ${why}; ${sync} fetches the price table`],
  });
  try {
    const reading = await readPriceFile(context.home);
    if (reading?.table) return { table: reading.table, notes: [] };
    return without(reading?.problem ?? `there is no price table in ${context.home}`);
  } catch (error) {
    if (!(error instanceof AgentGuardError)) throw error;
    return without(error.message);
  }
}

function noteState({ mode, effectiveFromMs }: Policy, nowMs: number): readonly string[] {
  const later = effectiveFromMs > nowMs ? [`in force from ${new Date(effectiveFromMs).toISOString()}`] : [];
  return mode === 'shadow' ? [...later, 'the mode is shadow: nothing is refused'] : later;
}

/** The stable JSON form. */
function describeCheck({ path, policy, problems, warnings, notes }: Check) {
  return {
    ok: policy !== undefined,
    path,
    policy: policy
      ? {
          id: policy.id,
          name: policy.name,
          version: policy.version,
          mode: policy.mode,
          policyHash: policy.policyHash,
          caps: policy.caps.length,
          rules: policy.rules.length,
          tasks: policy.tasks.length,
        }
      : null,
    problems,
    warnings,
    notes,
  };
}

function printCheck({ out }: CommandContext, { path, policy, problems, warnings, notes }: Check): void {
  if (policy) {
    const { caps, rules, tasks } = policy;
    const parts = [count(caps, 'cap'), count(rules, 'rule'), count(tasks, 'task')].join(', ');
    out.line([bold(path), `: policy ${shorten(policy.id)}, version ${policy.version}: ${parts}`], 2);
    out.line(`  hash ${policy.policyHash}`, 4);
  } else out.line([bold(path), ': no valid policy'], 2);
  const list = [
    ...problems.map((one) => ({ label: paint('red', 'problem'), ...one })),
    ...warnings.map((one) => ({ label: paint('yellow', 'warning'), ...one })),
  ];
  for (const { label, path: place, message } of list)
    out.line(['  ', label, `  ${place} ${shorten(message, MAX_MESSAGE)}`], 4);
  for (const note of notes) out.line(`  note  ${shorten(note, MAX_MESSAGE)}`, 4);
  out.line(
    policy ? `Valid, with ${count(warnings, 'warning')}.` : `Refused, for ${count(problems, 'problem')}.`,
  );
}

function count(list: readonly unknown[], noun: string): string {
  return `${printCount(list.length)} ${noun}${list.length === 1 ? '' : 's'}`;
}
