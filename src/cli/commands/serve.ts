/** `agentguard serve`: the dashboard in the browser, until Ctrl-C (docs/cli.md, docs/dashboard.md). */
import type { OptionValues } from 'commander';
import { isLoopback } from '../../server/index.js';
import { encodeScopeName } from '../../store/scope-folder.js';
import { usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { serveUntilStopped } from '../serve-session.js';

/** Runs `serve`. @throws AgentGuardError PORT_TAKEN, and when the home cannot be used. */
export async function runServe(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  const host = readHost(options.host, options.exposeToNetwork === true);
  const scope = options.scope === undefined ? null : String(options.scope);
  if (scope !== null) encodeScopeName(scope);
  await serveUntilStopped(context, {
    port: readPort(options.port),
    host,
    scope,
    opens: options.open !== false && host === undefined,
  });
  return EXIT_CODES.ok;
}

function readPort(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const port = /^[0-9]{1,5}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (port <= 65_535) return port;
  throw usageError('--port is a number from 0 to 65535', 'agentguard serve --port 8788');
}

function readHost(value: unknown, mayExpose: boolean): string | undefined {
  if (value === undefined) return undefined;
  const host = String(value);
  if (isLoopback(host) || mayExpose) return host;
  throw usageError(
    'other machines could reach the dashboard under this host, over a connection that is not encrypted',
    'leave out --host, or say --expose-to-network as well',
  );
}
