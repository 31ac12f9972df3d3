/** `agentguard status`: spend against every cap, what is held and left, and when a limit will be reached (docs/cli.md, status). */
import { dirname, resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { createGaugeFold, type GaugeFold } from '../../core/cap-gauges.js';
import type { Grant, Stop } from '../../core/control.js';
import type { CapGauge } from '../../core/dashboard.js';
import { printUsd } from '../../core/money.js';
import type { Policy } from '../../core/policy.js';
import { readReceipt } from '../../core/receipt.js';
import { printScopeKey } from '../../core/scope.js';
import { readTimestamp } from '../../store/ledger-state.js';
import { readPolicies } from '../../store/policy-folder.js';
import { usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { STANDARD_INPUT } from '../ledger-places.js';
import { paint } from '../print.js';
import { findRecordPlaces, type RecordPlace } from '../record-options.js';
import { readPlace } from '../record-scan.js';
import { printStatus } from '../status-print.js';
import { readDemanded } from '../verify-policies.js';

const DEFAULT_THRESHOLD = '100%';

/** What is in force in one ledger. */
export interface ScopeStatus {
  readonly scope: string;
  readonly path: string;
  /** Receipts. */
  readonly rows: number;
  /** Lines that are none: what they may have spent is in no cap. */
  readonly unreadableLines: number;
  readonly gauges: readonly CapGauge[];
  readonly stop: Stop | undefined;
  readonly grants: readonly Grant[];
  /** Hashes of policies in force whose text is not beside the ledger. */
  readonly unknownPolicies: readonly string[];
}

/** Runs `status`: 1 with `--check` when a cap is as full as that, or calls are stopped. @throws CliError */
export async function runStatus(
  context: CommandContext,
  options: OptionValues,
  paths: readonly string[],
): Promise<ExitCode> {
  const threshold = readThreshold(options.check);
  const demanded = readDemanded(context, options);
  const nowMs = context.io.now();
  const statuses: ScopeStatus[] = [];
  for (const place of await findRecordPlaces(context, paths, options))
    statuses.push(await readStatus(context, place, demanded, nowMs));
  const over = threshold === undefined ? [] : findOver(statuses, threshold);
  const ok = over.length === 0;
  if (context.json) context.out.json(describeStatus(statuses, ok, nowMs));
  else if (!context.quiet || !ok) printStatus(context, statuses, nowMs);
  for (const sentence of over)
    context.notes.line(['agentguard: ', paint('red', 'error'), `: ${sentence}`], 2);
  return ok ? EXIT_CODES.ok : EXIT_CODES.failed;
}

async function readStatus(
  context: CommandContext,
  { path, scope }: RecordPlace,
  demanded: readonly Policy[],
  nowMs: number,
): Promise<ScopeStatus> {
  const { io, notes } = context;
  const kept = path === STANDARD_INPUT ? undefined : await readPolicies(dirname(resolve(io.cwd, path)));
  for (const problem of kept?.problems ?? [])
    notes.line([paint('yellow', 'warning'), `: ${path}: policies/${problem}`], 2);
  const fold = createGaugeFold(scope, kept?.policies.values() ?? [], demanded);
  let [rows, unreadableLines] = [0, 0];
  for await (const line of readPlace({ path }, io)) {
    const reading = readReceipt(line);
    if (reading.ok) rows++;
    else unreadableLines++;
    if (reading.ok) fold.apply(reading.value, readTimestamp(reading.value));
  }
  // Also with --quiet: what they spent is missing from every cap.
  if (unreadableLines > 0)
    notes.line(
      [
        paint('yellow', 'warning'),
        `: ${path}: ${unreadableLines} lines are no receipts and in no cap. ${suggest(context, 'verify')} names them.`,
      ],
      2,
    );
  return { scope, path, rows, unreadableLines, ...summarize(fold, nowMs) };
}

function summarize(fold: GaugeFold, nowMs: number) {
  return {
    gauges: fold.list(nowMs),
    stop: fold.controls.findStop(),
    grants: fold.controls.listGrants(nowMs),
    unknownPolicies: fold.listUnknown(),
  };
}

/** The stable JSON form. */
export function describeStatus(statuses: readonly ScopeStatus[], ok: boolean, nowMs: number) {
  return {
    ok,
    now: new Date(nowMs).toISOString(),
    scopes: statuses.map(({ stop, grants, ...status }) => ({
      ...status,
      stop: stop
        ? { since: new Date(stop.sinceMs).toISOString(), by: stop.by ?? null, reason: stop.reason ?? null }
        : null,
      grants: grants.map(({ id, usd, untilMs, match, capPolicyId, capIndex, by, reason }) => ({
        id,
        usd: printUsd(usd),
        until: new Date(untilMs).toISOString(),
        calls: printScopeKey(match),
        policyId: capPolicyId ?? null,
        capIndex: capIndex ?? null,
        by: by ?? null,
        reason: reason ?? null,
      })),
    })),
  };
}

/** Why `--check` fails, a sentence each. */
function findOver(statuses: readonly ScopeStatus[], threshold: number): readonly string[] {
  return statuses.flatMap(({ scope, gauges, stop }) => [
    ...(stop ? [`all calls of ${scope} are stopped`] : []),
    ...gauges
      .filter((gauge) => gauge.share >= threshold)
      .map(
        ({ key, action, window, share }) =>
          `the ${action} cap ${window} of ${key} is ${Math.floor(share * 100)} % full`,
      ),
  ]);
}

/** A share such as `0.8` or `80%`; `--check` alone means a full cap. */
function readThreshold(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const text = value === true ? DEFAULT_THRESHOLD : String(value);
  const [, figure, percent] = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text) ?? [];
  const share = figure === undefined ? Number.NaN : Number(figure) / (percent === '%' ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  throw usageError(
    `--check takes a share of a cap up to 100%, found ${JSON.stringify(text)}`,
    'such as --check 80% or --check 0.8',
  );
}

/** What to try where there is nothing to show. */
export function hintPolicy(context: CommandContext): string {
  return suggest(context, 'status --policy agentguard-policy.json');
}
