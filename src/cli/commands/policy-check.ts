/** `agentguard policy check`: what is wrong with a policy file, and what in it is probably not meant (docs/cli.md, policy). */
import { AgentGuardError } from '../../core/errors.js';
import type { Policy, PolicyProblem } from '../../core/policy.js';
import { checkPolicy } from '../../core/policy-check.js';
import type { Approver } from '../../core/policy-signature.js';
import type { PolicyWarning } from '../../core/policy-warning.js';
import { readPriceFile } from '../../store/price-file.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { checkSignature, readNamedPolicy } from '../policy-input.js';
import { bold, paint, shorten } from '../print.js';
import { printCount } from '../progress.js';

const MAX_MESSAGE = 400;

/** What was looked at and what came of it. */
interface Check {
  readonly path: string;
  /** `undefined` when the file holds no valid one. */
  readonly policy: Policy | undefined;
  /** Who validly signed it; `null`: nobody. */
  readonly approver: Approver | null;
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyWarning[];
  readonly notes: readonly string[];
}

/** Runs `policy check <file>`. @throws CliError for a file that cannot be read */
export async function runPolicyCheck(context: CommandContext, file: string): Promise<ExitCode> {
  const check = await checkFile(context, file);
  const isFine = check.problems.length === 0;
  if (context.json) context.out.json(describeCheck(check));
  else if (!context.quiet || !isFine || check.warnings.length > 0) printCheck(context, check);
  return isFine ? EXIT_CODES.ok : EXIT_CODES.failed;
}

async function checkFile(context: CommandContext, file: string): Promise<Check> {
  const reading = readNamedPolicy(context, file);
  if (!reading.ok)
    return {
      path: file,
      policy: undefined,
      approver: null,
      problems: reading.problems,
      warnings: [],
      notes: [],
    };
  const { policy, warnings } = reading;
  const signed = await checkSignature(context, file, policy);
  const { table, notes } = await findTable(context);
  return {
    path: file,
    policy,
    approver: signed.approver,
    problems: signed.problems,
    warnings: checkPolicy(policy, warnings, table),
    notes: [...notes, ...noteState(policy, context.io.now()), ...signed.notes],
  };
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
function describeCheck({ path, policy, approver, problems, warnings, notes }: Check) {
  return {
    ok: problems.length === 0,
    path,
    policy: policy
      ? {
          id: policy.id,
          name: policy.name,
          version: policy.version,
          mode: policy.mode,
          policyHash: policy.policyHash,
          caps: policy.caps.length,
          rules: policy.rules.length + policy.providerRules.length,
          tasks: policy.tasks.length,
        }
      : null,
    approver,
    problems,
    warnings,
    notes,
  };
}

function printCheck({ out }: CommandContext, { path, policy, problems, warnings, notes }: Check): void {
  if (policy) {
    const { caps, tasks } = policy;
    const rules = [...policy.rules, ...policy.providerRules];
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
  const isFine = problems.length === 0;
  out.line(
    isFine ? `Valid, with ${count(warnings, 'warning')}.` : `Refused, for ${count(problems, 'problem')}.`,
  );
}

function count(list: readonly unknown[], noun: string): string {
  return `${printCount(list.length)} ${noun}${list.length === 1 ? '' : 's'}`;
}
