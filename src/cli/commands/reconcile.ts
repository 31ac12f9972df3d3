/**
 * `agentguard reconcile`: the ledgers of this home against OpenRouter's own numbers; names spend that did not pass the
 * guard (docs/cli.md, reconcile).
 */
import type { OptionValues } from 'commander';
import { parseDay } from '../../core/utc-day.js';
import { API_URL } from '../../openrouter/account-fields.js';
import { findAddressFault, parseAddress, showAddress } from '../../openrouter/address.js';
import { usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { listHomeLedgers } from '../ledger-places.js';
import { fetchAccount } from '../reconcile-account.js';
import { chooseRange, compareAccount, type RangeSettings, selectLedgers } from '../reconcile-ledgers.js';
import { describeReport, printReport } from '../reconcile-print.js';
import { readKeyInput, readKeyVariable } from '../secret.js';

const DEFAULT_TIMEOUT_S = '60';
const MAX_TIMEOUT_S = 3_600;
const KEY_HINT = 'name a variable that holds it with --key-env, or pipe it in';

/** Runs `reconcile`: 1 when unguarded spend was found. @throws CliError, AgentGuardError */
export async function runReconcile(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  const range = chooseRange(readRange(options), context.io.now());
  const url = readUrl(String(options.url ?? API_URL));
  const timeoutMs = readTimeout(String(options.timeout ?? DEFAULT_TIMEOUT_S));
  const keys = await readKeys(context, options);
  const places = selectLedgers(context, await listHomeLedgers(context), options.scope);
  // Upstream first: whatever it counts by now is in the ledger when that is read.
  const account = await fetchAccount(context, { url, timeoutMs, ...keys });
  const report = await compareAccount(context, { account, places, range, url });
  if (context.json) context.out.json(describeReport(report));
  else printReport(context, report);
  return report.ok ? EXIT_CODES.ok : EXIT_CODES.failed;
}

/** Standard input is read only when no variable is named. */
async function readKeys(context: CommandContext, { keyEnv, managementKeyEnv }: OptionValues) {
  const managementKey =
    managementKeyEnv === undefined
      ? undefined
      : readKeyVariable(context, '--management-key-env', String(managementKeyEnv));
  if (keyEnv !== undefined)
    return { key: readKeyVariable(context, '--key-env', String(keyEnv)), managementKey };
  const key = managementKey === undefined ? await readKeyInput(context, KEY_HINT) : undefined;
  return { key, managementKey };
}

function readRange({ since, until }: OptionValues): RangeSettings {
  return { since: readDay('--since', since), until: readDay('--until', until) };
}

function readDay(flag: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = String(value);
  if (parseDay(text) !== undefined) return text;
  throw usageError(`${flag} takes a day (UTC) such as 2026-10-01, found ${JSON.stringify(text)}`);
}

function readUrl(text: string): URL {
  const url = parseAddress(text);
  if (url === undefined) throw usageError(`--url is not an address: ${JSON.stringify(text)}`);
  const fault = findAddressFault(url);
  if (fault !== undefined) throw usageError(`--url ${showAddress(url)} ${fault}`);
  return url;
}

function readTimeout(text: string): number {
  const seconds = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= MAX_TIMEOUT_S) return Math.ceil(seconds * 1000);
  throw usageError(
    `--timeout must be a number of seconds from 0.001 to ${MAX_TIMEOUT_S}, found ${JSON.stringify(text)}`,
  );
}
