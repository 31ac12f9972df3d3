/** The commands that list, sum and export calls, and their options (docs/cli.md). */
import type { Command } from 'commander';
import type { runReport } from './commands/report.js';

/** Adds a command; its code is loaded when it runs. */
type AddCommand = (name: string, example: string, load: () => Promise<typeof runReport>) => Command;

const FILTER = "calls to take, such as 'user:alice cost:>0.05 since:2h' (docs/filter-language.md)";
const SCOPE = 'only the ledger of this scope; may be repeated';

/** Defines `report`, `export`, `status` and `watch`. */
export function defineRecordCommands(add: AddCommand): void {
  add('report', 'agentguard report --by team,model --period 2026-10', async () => {
    const commands = await import('./commands/report.js');
    return commands.runReport;
  })
    .description('tell who spent what, by model, team, task, day or any other field')
    .argument('[path...]', 'ledgers (default: the home)')
    .option('--by <fields>', 'what to group by, with commas between (default: model)')
    .option('--filter <text>', FILTER)
    .option('--since <time>', 'first day, month or moment')
    .option('--until <time>', 'last day or month, or a moment')
    .option('--period <span>', 'a year, month or day, such as 2026-10')
    .option('--time-zone <name>', 'whose days and months (default: UTC)')
    .option('--limit <count>', 'so many groups, the dearest')
    .option('--format <name>', 'table, csv, json or md')
    .option('--scope <name>', SCOPE, collect);
  add('export', 'agentguard export --format csv --period 2026-10 --out october.csv', async () => {
    const { runExport } = await import('./commands/export.js');
    return runExport;
  })
    .description('write the calls that a filter selects, or a whole ledger with its policies for an auditor')
    .argument('[path...]', 'ledgers (default: the home)')
    .option('--filter <text>', FILTER)
    .option('--since <time>', 'first day, month or moment')
    .option('--until <time>', 'last day or month, or a moment')
    .option('--period <span>', 'a year, month or day, such as 2026-10')
    .option('--time-zone <name>', 'whose days and months (default: UTC)')
    .option('--format <name>', 'ndjson (rows as they are; default), csv, json or bundle')
    .option('--out <file>', 'a file to write or replace (default: standard output)')
    .option('--scope <name>', SCOPE, collect);
  add('status', 'agentguard status --check 80%', async () => {
    const { runStatus } = await import('./commands/status.js');
    return runStatus;
  })
    .description('show spend against every cap: held, left, and when a limit will be reached')
    .argument('[path...]', 'ledgers (default: the home)')
    .option('--check [threshold]', 'exit 1 when a cap is this full (default: 100%), or calls are stopped')
    .option('--policy <file>', 'also show the caps of this policy; may be repeated', collect)
    .option('--scope <name>', SCOPE, collect);
  add('watch', 'agentguard watch', async () => {
    const { runWatchCommand } = await import('./commands/watch.js');
    return runWatchCommand;
  })
    .description('watch calls as they are decided, and where caps stand, in the terminal')
    .option('--filter <text>', FILTER)
    .option('--scope <name>', SCOPE, collect);
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
