/** `agentguard verify`: proves ledgers and receipts, and says what the proof covers (docs/cli.md, verify). */
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { type BroughtCheckpoint, reportMissingLedgers } from '../../core/checkpoint-step.js';
import type { VerifyOptions } from '../../core/ledger-verifier.js';
import type { Policy } from '../../core/policy.js';
import type { FileReport } from '../../core/report.js';
import { combineReports } from '../../core/verify.js';
import { CleanStop, CliError, explainSystemError, unreadableError, usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import {
  type LedgerPlace,
  listHomeLedgers,
  listNamedFiles,
  type PlaceFault,
  STANDARD_INPUT,
} from '../ledger-places.js';
import { paint } from '../print.js';
import { createProgress, printCount } from '../progress.js';
import { resolveTrace, type Trace } from '../trace.js';
import { isEmpty, printErrors, printVerification, type Verification } from '../verification.js';
import { type FileJob, type FileOutcome, verifyFile } from '../verify-file.js';
import { readBrought, readKeys, readManner, readRequired } from '../verify-options.js';
import { addPolicies, readDemanded } from '../verify-policies.js';
import { describeProblem } from '../verify-print.js';

/** What ledgers are verified with. */
interface Means {
  readonly verifyOptions: VerifyOptions;
  readonly demanded: readonly Policy[];
  readonly trace: Trace | undefined;
  /** Whether to go on with each row that is appended, until Ctrl-C or the first error. */
  readonly follows: boolean;
}

/** Runs `verify`. @throws CliError for a wrong option or when nothing can be read at all. */
export async function runVerify(
  context: CommandContext,
  options: OptionValues,
  paths: readonly string[],
): Promise<ExitCode> {
  const startedMs = context.io.elapsedMs();
  const required = readRequired(options.require);
  const { isQuick, follows } = readManner(options);
  const checkpoints = await readBrought(context, options.checkpoint);
  const verifyOptions = { ...(await readKeys(context, options)), checkpoints, isQuick };
  const demanded = readDemanded(context, options);
  const { places, faults } = await findPlaces(context, paths, checkpoints);
  const trace =
    options.trace === undefined ? undefined : await trail(context, String(options.trace), places, faults);
  const means = { verifyOptions, demanded, trace, follows };
  const chosen = trace?.places ?? places;
  if (follows) requireOne(chosen, faults, trace);
  const work = await verifyPlaces(context, chosen, means);
  const outcomes = [...work.outcomes, ...listMissing(work.outcomes, checkpoints)];
  const report = combineReports(chooseJudged(outcomes, paths.length > 0));
  const verification: Verification = {
    outcomes,
    faults: [...faults, ...work.faults],
    report,
    trace,
    required,
    unproved: required.filter((name) => report.verdicts[name].answer !== 'yes'),
    isQuick,
    tookMs: Math.round(context.io.elapsedMs() - startedMs),
  };
  const exitCode = judge(verification, paths.length > 0);
  if (!context.quiet || context.json || exitCode !== EXIT_CODES.ok) printVerification(context, verification);
  printErrors(context, verification, exitCode);
  // Whoever follows ends it by Ctrl-C, and what was seen by then is the result.
  if (follows && context.io.signal.aborted) throw new CleanStop(exitCode);
  return exitCode;
}

/** A ledger of the home without rows proves nothing and takes nothing away, as long as another one has some. */
function chooseJudged(outcomes: readonly FileOutcome[], isNamed: boolean): readonly FileReport[] {
  const reports = outcomes.map((outcome) => outcome.report);
  const filled = reports.filter((report) => !isEmpty(report));
  return isNamed || filled.length === 0 ? reports : filled;
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
  context: CommandContext,
  places: readonly LedgerPlace[],
  { verifyOptions, demanded, trace, follows }: Means,
): Promise<{ readonly outcomes: readonly FileOutcome[]; readonly faults: readonly PlaceFault[] }> {
  const { io, quiet, notes } = context;
  const outcomes: FileOutcome[] = [];
  const faults: PlaceFault[] = [];
  const progress = createProgress(io, quiet);
  try {
    for (const { path } of places) {
      const source = path === STANDARD_INPUT ? io.stdin : resolve(io.cwd, path);
      const { options, problems } = verifyOptions.isQuick
        ? { options: verifyOptions, problems: [] }
        : await addPolicies(verifyOptions, demanded, source);
      for (const problem of problems)
        notes.line(['agentguard: ', paint('yellow', 'warning'), `: ${path}: policies/${problem}`], 2);
      const job = { path, source, options, selects: trace?.selects, progress, signal: io.signal };
      try {
        outcomes.push(await (follows ? follow(context, job) : verifyFile(job)));
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

/** @throws CliError when there is not exactly one ledger to follow. */
function requireOne(
  places: readonly LedgerPlace[],
  faults: readonly PlaceFault[],
  trace: Trace | undefined,
): void {
  if (trace?.selects) throw usageError('--follow takes a whole ledger, and --trace chose rows of one');
  const [only, second] = places;
  if (only?.path === STANDARD_INPUT) throw usageError('--follow cannot follow standard input, only a ledger');
  const [fault] = faults;
  if (!only && fault) throw unreadableError(`${fault.path} ${fault.message}`);
  if (!only || second)
    throw usageError(`--follow takes one ledger, and here are ${places.length}`, 'name one of them');
}

/** Follows a ledger, and tells each problem once it is found. */
async function follow({ quiet, notes }: CommandContext, job: FileJob): Promise<FileOutcome> {
  const { followFile } = await import('../verify-follow.js');
  return followFile(job, {
    caughtUp(rows, goesOn) {
      job.progress?.clear();
      if (quiet || !goesOn) return;
      notes.line(
        `agentguard: ${printCount(rows)} rows verified; following until Ctrl-C or the first error`,
        2,
      );
    },
    found(problem) {
      if (!quiet) notes.line(['agentguard: ', ...describeProblem(problem)], 2);
    },
  });
}

/** The worst of what was found: failed, then unreadable or empty, then not proved as required. */
function judge({ report, outcomes, faults, unproved }: Verification, isNamed: boolean): ExitCode {
  if (!report.ok) return EXIT_CODES.failed;
  const empty = outcomes.filter((outcome) => outcome.report.rows === 0).length;
  if (faults.length > 0 || empty === outcomes.length || (isNamed && empty > 0)) return EXIT_CODES.unreadable;
  return unproved.length > 0 ? EXIT_CODES.unproved : EXIT_CODES.ok;
}
