/** `agentguard verify`: proves ledgers and receipts, and says what the proof covers (docs/cli.md, verify). */
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { type BroughtCheckpoint, reportMissingLedgers } from '../../core/checkpoint-step.js';
import type { VerifyOptions } from '../../core/ledger-verifier.js';
import type { Policy } from '../../core/policy.js';
import type { FileReport, Verdicts, VerifyReport } from '../../core/report.js';
import { combineReports } from '../../core/verify.js';
import { CliError, explainSystemError, unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import {
  type LedgerPlace,
  listHomeLedgers,
  listNamedFiles,
  type PlaceFault,
  STANDARD_INPUT,
} from '../ledger-places.js';
import { bold, dim, paint } from '../print.js';
import { createProgress } from '../progress.js';
import { resolveTrace, type Trace } from '../trace.js';
import { type FileOutcome, verifyFile } from '../verify-file.js';
import { readBrought, readKeys, readRequired } from '../verify-options.js';
import { addPolicies, readDemanded } from '../verify-policies.js';
import { printFile, printHeadline, VERDICT_NAMES, type VerdictName } from '../verify-print.js';

/** What is verified, against what, and what came of it. */
interface Verification {
  readonly outcomes: readonly FileOutcome[];
  readonly faults: readonly PlaceFault[];
  readonly report: VerifyReport;
  readonly trace: Trace | undefined;
  readonly required: readonly VerdictName[];
  readonly unproved: readonly VerdictName[];
  readonly tookMs: number;
}

/** What ledgers are verified with. */
interface Means {
  readonly verifyOptions: VerifyOptions;
  readonly demanded: readonly Policy[];
  readonly trace: Trace | undefined;
}

const HINTS: Readonly<Record<VerdictName, string>> = {
  authentic: 'get each signer’s key from its owner and give it with --public-key or --trust',
  contiguous: 'bring the whole ledger, from its first row',
  complete: 'bring a checkpoint that was kept elsewhere, with --checkpoint',
  lawful: 'keep the policies folder beside the ledger, or name policies with --policy',
};

/** Runs `verify`. @throws CliError for a wrong option or when nothing can be read at all. */
export async function runVerify(
  context: CommandContext,
  options: OptionValues,
  paths: readonly string[],
): Promise<ExitCode> {
  const startedMs = context.io.elapsedMs();
  const required = readRequired(options.require);
  const checkpoints = await readBrought(context, options.checkpoint);
  const verifyOptions = { ...(await readKeys(context, options)), checkpoints };
  const demanded = readDemanded(context, options);
  const { places, faults } = await findPlaces(context, paths, checkpoints);
  const trace =
    options.trace === undefined ? undefined : await trail(context, String(options.trace), places, faults);
  const work = await verifyPlaces(context, trace?.places ?? places, { verifyOptions, demanded, trace });
  const outcomes = [...work.outcomes, ...listMissing(work.outcomes, checkpoints)];
  const report = combineReports(chooseJudged(outcomes, paths.length > 0));
  const verification: Verification = {
    outcomes,
    faults: [...faults, ...work.faults],
    report,
    trace,
    required,
    unproved: required.filter((name) => report.verdicts[name].answer !== 'yes'),
    tookMs: Math.round(context.io.elapsedMs() - startedMs),
  };
  const exitCode = judge(verification, paths.length > 0);
  if (!context.quiet || context.json || exitCode !== EXIT_CODES.ok) printVerification(context, verification);
  printErrors(context, verification, exitCode);
  return exitCode;
}

/** The stable JSON form of a verification. */
export function describeVerification(verification: Verification) {
  const { report, outcomes, faults, trace, required, tookMs } = verification;
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
    required,
    took_ms: tookMs,
  };
}

/** A ledger of the home without rows proves nothing and takes nothing away, as long as another one has some. */
function chooseJudged(outcomes: readonly FileOutcome[], isNamed: boolean): readonly FileReport[] {
  const reports = outcomes.map((outcome) => outcome.report);
  const filled = reports.filter((report) => !isEmpty(report));
  return isNamed || filled.length === 0 ? reports : filled;
}

function isEmpty({ rows, problemCount }: FileReport): boolean {
  return rows === 0 && problemCount === 0;
}

async function findPlaces(
  context: CommandContext,
  paths: readonly string[],
  checkpoints: readonly BroughtCheckpoint[],
) {
  if (paths.length > 0) return listNamedFiles(context.io.cwd, paths);
  try {
    return await listHomeLedgers(context);
  } catch (error) {
    // A ledger that is gone is what checkpoints are for: they tell of it.
    if (checkpoints.length === 0 || !(error instanceof CliError)) throw error;
    return { places: [], faults: [] };
  }
}

/** Ledgers that checkpoints tell of and that nobody brought. */
function listMissing(
  outcomes: readonly FileOutcome[],
  checkpoints: readonly BroughtCheckpoint[],
): readonly FileOutcome[] {
  const reports = reportMissingLedgers(
    outcomes.map(({ report }) => report),
    checkpoints,
  );
  return reports.map((report) => ({ kind: 'ledger', report, selection: undefined }));
}

async function trail(
  { io }: CommandContext,
  selector: string,
  places: readonly LedgerPlace[],
  faults: readonly PlaceFault[],
): Promise<Trace> {
  if (places.some((place) => place.path === STANDARD_INPUT))
    throw usageError('--trace cannot choose rows of standard input, which is read only once');
  const [fault] = faults;
  if (places.length === 0 && fault) throw unreadableError(`${fault.path} ${fault.message}`);
  const absolute = places.map((place) => ({ ...place, path: resolve(io.cwd, place.path) }));
  return resolveTrace(selector, absolute, io.signal);
}

async function verifyPlaces(
  { io, quiet, notes }: CommandContext,
  places: readonly LedgerPlace[],
  { verifyOptions, demanded, trace }: Means,
): Promise<{ readonly outcomes: readonly FileOutcome[]; readonly faults: readonly PlaceFault[] }> {
  const outcomes: FileOutcome[] = [];
  const faults: PlaceFault[] = [];
  const progress = createProgress(io, quiet);
  try {
    for (const { path } of places) {
      const source = path === STANDARD_INPUT ? io.stdin : resolve(io.cwd, path);
      const { options, problems } = await addPolicies(verifyOptions, demanded, source);
      for (const problem of problems)
        notes.line(['agentguard: ', paint('yellow', 'warning'), `: ${path}: policies/${problem}`], 2);
      const job = { path, source, options, selects: trace?.selects, progress, signal: io.signal };
      try {
        outcomes.push(await verifyFile(job));
      } catch (cause) {
        if (io.signal.aborted || !(cause instanceof Error && 'code' in cause)) throw cause;
        faults.push({ path, message: explainSystemError(cause) });
      }
    }
  } finally {
    progress.clear();
  }
  return { outcomes, faults };
}

/** The worst of what was found: failed, then unreadable or empty, then not proved as required. */
function judge({ report, outcomes, faults, unproved }: Verification, isNamed: boolean): ExitCode {
  if (!report.ok) return EXIT_CODES.failed;
  const empty = outcomes.filter((outcome) => outcome.report.rows === 0).length;
  if (faults.length > 0 || empty === outcomes.length || (isNamed && empty > 0)) return EXIT_CODES.unreadable;
  return unproved.length > 0 ? EXIT_CODES.unproved : EXIT_CODES.ok;
}

function printVerification(context: CommandContext, verification: Verification): void {
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
function printErrors(
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
