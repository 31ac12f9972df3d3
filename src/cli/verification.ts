/** What came of a verification, and how it is told: for people, as JSON, and in one line each for logs. */
import type { FileReport, Verdicts, VerifyReport } from '../core/report.js';
import { type CommandContext, suggest } from './context.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import type { PlaceFault } from './ledger-places.js';
import { bold, dim, paint } from './print.js';
import type { Trace } from './trace.js';
import type { FileOutcome } from './verify-file.js';
import { printFile, printHeadline, VERDICT_NAMES, type VerdictName } from './verify-print.js';

/** What is verified, against what, and what came of it. */
export interface Verification {
  readonly outcomes: readonly FileOutcome[];
  readonly faults: readonly PlaceFault[];
  readonly report: VerifyReport;
  readonly trace: Trace | undefined;
  readonly required: readonly VerdictName[];
  readonly unproved: readonly VerdictName[];
  /** Whether things were left out on request. */
  readonly isQuick: boolean;
  readonly tookMs: number;
}

const HINTS: Readonly<Record<VerdictName, string>> = {
  authentic: 'get each signer’s key from its owner and give it with --public-key or --trust',
  contiguous: 'bring the whole ledger, from its first row',
  complete: 'bring a checkpoint that was kept elsewhere, with --checkpoint',
  lawful: 'keep the policies folder beside the ledger, or name policies with --policy',
};

/** The stable JSON form of a verification. */
export function describeVerification(verification: Verification) {
  const { report, outcomes, faults, trace, required, isQuick, tookMs } = verification;
  const { ok, verdicts, caps } = report;
  return {
    ok: ok && faults.length === 0,
    verdicts,
    caps,
    files: outcomes.map(({ kind, report: { path, ...file }, selection }) => ({
      path,
      kind,
      ...file,
      ...(selection && { selected: selection }),
    })),
    unreadable: faults,
    ...(trace && { trace: { selector: trace.selector, meaning: trace.meaning } }),
    ...(isQuick && { quick: true }),
    required,
    took_ms: tookMs,
  };
}

/** A file without rows, and without anything that is none. */
export function isEmpty({ rows, problemCount }: FileReport): boolean {
  return rows === 0 && problemCount === 0;
}

/** The result for people, or as JSON. */
export function printVerification(context: CommandContext, verification: Verification): void {
  const { out, json } = context;
  const { outcomes, report, trace } = verification;
  if (json) {
    out.json(describeVerification(verification));
    return;
  }
  if (outcomes.every((outcome) => isEmpty(outcome.report))) return;
  if (trace) {
    out.line([`${trace.selector}: ${trace.meaning}`], 2);
    out.blank();
  }
  for (const outcome of outcomes) {
    if (!isEmpty(outcome.report)) printFile(out, outcome, trace?.selector);
    else out.line([bold(outcome.report.path), ': no rows yet'], 2);
  }
  const judged = report.files.length;
  if (judged > 1) out.line(`${judged} ledgers together, the weakest of them counts:`);
  printHeadline(out, report.verdicts);
  if (report.verdicts.authentic.answer === 'unknown')
    out.line(dim('Who signed is proved with --public-key or --trust, and a key its owner gave you.'), 2);
}

/** What went wrong in one line each, for logs that keep only standard error. */
export function printErrors(
  context: CommandContext,
  { report, outcomes, faults, unproved }: Verification,
  exitCode: ExitCode,
): void {
  const { notes } = context;
  const error = (text: string): void => notes.line(['agentguard: ', paint('red', 'error'), `: ${text}`], 2);
  const hint = (text: string): void => notes.line([paint('cyan', 'hint'), `: ${text}`], 2);
  for (const { path, message } of faults) error(`${path} ${message}`);
  for (const { report: file } of outcomes) {
    if (file.rows === 0 && exitCode === EXIT_CODES.unreadable) error(`${file.path} has no rows`);
  }
  if (exitCode === EXIT_CODES.failed) {
    error(`verification failed: ${findFault(report)}`);
    const strange = outcomes.find((outcome) => outcome.report.rows === 0);
    if (strange) hint(`not one line of ${strange.report.path} is a receipt: is it a ledger?`);
  }
  if (exitCode === EXIT_CODES.unproved) {
    error(`verified, but not proved as required: ${unproved.join(', ')}`);
    for (const name of unproved) hint(`${name}: ${HINTS[name]}`);
  }
  if (exitCode === EXIT_CODES.unreadable && outcomes.length === 0 && faults.length > 0)
    hint(`${suggest(context, 'doctor')} looks at the whole home`);
}

/** The first problem that counts: `path, line 41: …`. */
function findFault({ files, verdicts }: VerifyReport): string {
  for (const { path, problems } of files) {
    const problem = problems.find((one) => one.severity === 'error');
    if (problem) return `${path}${problem.line > 0 ? `, line ${problem.line}` : ''}: ${problem.message}`;
  }
  return firstNo(verdicts);
}

function firstNo(verdicts: Verdicts): string {
  const name = VERDICT_NAMES.find((one) => verdicts[one].answer === 'no');
  return name === undefined ? 'see the verdicts' : verdicts[name].because;
}
