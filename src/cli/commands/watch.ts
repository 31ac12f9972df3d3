/** `agentguard watch`: calls as they are decided, in the terminal (docs/cli.md, watch). */
import type { OptionValues } from 'commander';
import { parseQuery } from '../../core/query.js';
import { listScopes } from '../../store/paths.js';
import { usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { escapeText } from '../print.js';

/** Runs `watch` until somebody quits. @throws CliError where nobody looks */
export async function runWatchCommand(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  const { io, home, json } = context;
  if (json || !io.stdout.isTerminal || !process.stdin.isTTY)
    throw usageError(
      'watch needs a terminal to draw on and to read keys from',
      `${suggest(context, 'export --format json')} lists calls, ${suggest(context, 'status')} shows caps`,
    );
  const filter = String(options.filter ?? '');
  const reading = parseQuery(filter, io.now());
  if (!reading.ok) throw usageError(reading.problem.message, reading.problem.hint);
  const wanted = options.scope as readonly string[] | undefined;
  // React keeps timings of every drawing otherwise, for ever.
  process.env.NODE_ENV ??= 'production';
  // Ink draws nothing where a variable speaks of CI, whoever looks.
  for (const name of ['CI', 'CONTINUOUS_INTEGRATION']) process.env[name] = 'false';
  const { runWatch } = await import('../../tui/index.js');
  await runWatch({
    filter,
    escapeText,
    now: io.now,
    signal: io.signal,
    listPlaces: async () =>
      (await listScopes(home))
        .filter(({ scope }) => wanted === undefined || wanted.includes(scope))
        .map(({ scope, ledger }) => ({ scope, path: ledger })),
  });
  return EXIT_CODES.ok;
}
