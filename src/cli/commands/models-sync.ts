/** `agentguard models --sync-pricing`: safe in cron, one line when all went well (docs/pricing.md, The models command). */

import { measureTableAgeMs } from '../../core/price-table.js';
import { findAddressFault, parseAddress, showAddress } from '../../openrouter/address.js';
import { MODELS_URL } from '../../openrouter/models.js';
import { type SyncReport, syncPrices, type UnknownModels } from '../../openrouter/sync.js';
import { type CliError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { describeChanges, describeHeld, describeTable, showAge, showMove } from '../price-print.js';
import { paint } from '../print.js';

/** What the flags say. */
export interface SyncSettings {
  readonly url: string | undefined;
  readonly timeoutMs: number;
  /** In units of 10⁻²⁴. */
  readonly maxChange: bigint;
  readonly accept: readonly string[] | 'all';
  readonly endpoints: readonly string[] | undefined;
}

/** Syncs and tells about it. @throws CliError, AgentGuardError */
export async function runModelsSync(context: CommandContext, settings: SyncSettings): Promise<ExitCode> {
  const report = await sync(context, settings);
  if (report.kind === 'unknown_models') throw unknownModels(report);
  const exitCode = report.jumps.length > 0 ? EXIT_CODES.failed : EXIT_CODES.ok;
  if (context.json) context.out.json(describeSync(context, report));
  else if (!context.quiet || exitCode !== EXIT_CODES.ok) context.out.line(printSummary(context, report));
  printJumps(context, report);
  return exitCode;
}

function sync(
  { io, home, quiet, notes }: CommandContext,
  settings: SyncSettings,
): Promise<SyncReport | UnknownModels> {
  return syncPrices({
    ...settings,
    home,
    url: readUrl(settings.url ?? MODELS_URL),
    env: io.env,
    signal: io.signal,
    now: io.now,
    onNote: (sentence) => {
      if (!quiet) notes.line(sentence);
    },
  });
}

function readUrl(text: string): URL {
  const url = parseAddress(text);
  if (url === undefined) throw usageError(`--url is not an address: ${JSON.stringify(text)}`);
  const fault = findAddressFault(url);
  if (fault !== undefined) throw usageError(`--url ${showAddress(url)} ${fault}`);
  return url;
}

function unknownModels({ ids, nearest }: UnknownModels): CliError {
  const hint = nearest.length > 0 ? `did you mean ${[...new Set(nearest)].join(', ')}?` : undefined;
  return usageError(`the catalogue has no model ${ids.join(', ')}; nothing was changed`, hint);
}

function printSummary({ io }: CommandContext, { kind, table, changes, released }: SyncReport): string {
  const { changed, added, gone } = changes;
  const counts = `${table.models.length} models, ${changed.length} changed, ${added.length} new, ${gone.length} gone`;
  const age = showAge(measureTableAgeMs(table, io.now()));
  const shared = kind === 'shared' ? ', synced by another process meanwhile' : '';
  const freed = released.length > 0 ? `, no longer held back: ${released.join(', ')}` : '';
  return `pricing: ${counts}, age ${age} (${table.source})${freed}${shared}`;
}

function printJumps(context: CommandContext, { jumps }: SyncReport): void {
  for (const jump of jumps)
    context.notes.line([
      paint('yellow', 'agentguard: held back: '),
      `${jump.id}: ${showMove(jump.move)}; the dearer price rules until it is accepted`,
    ]);
  const [first] = jumps;
  if (first === undefined) return;
  const ids = jumps.length === 1 ? first.id : 'all';
  context.notes.line(
    `hint: if it is true, run: ${suggest(context, `models --sync-pricing --accept ${ids}`)}`,
  );
}

/** The stable JSON form of a sync. */
function describeSync({ io }: CommandContext, { kind, table, changes, released }: SyncReport) {
  return {
    outcome: kind,
    table: describeTable(table, io.now()),
    ...describeChanges(changes),
    heldBack: describeHeld(table),
    released,
  };
}
