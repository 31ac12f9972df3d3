/** `agentguard models`: the price table, what the last sync changed, and the sync itself (docs/cli.md, models). */
import type { OptionValues } from 'commander';
import { ONE_USD, parseUsd } from '../../core/money.js';
import { usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import type { ExitCode } from '../exit-codes.js';
import type { SyncSettings } from './models-sync.js';

/** Everything together, in seconds, unless `--timeout` says otherwise. */
const DEFAULT_TIMEOUT_S = '60';
const MAX_TIMEOUT_S = 3_600;
const DEFAULT_MAX_CHANGE = '10';
/** Only the shape: the catalogue says which ones there are. */
const ID_SHAPE = /^~?[\w.-]+\/[\w.-]+(?::[\w-]+)?$/;
const SYNC_ONLY = ['url', 'timeout', 'maxChange', 'accept', 'endpoints'] as const;

/** Runs `models`, `models <filter>`, `models diff` or `models --sync-pricing`. @throws CliError, AgentGuardError */
export async function runModels(
  context: CommandContext,
  options: OptionValues,
  words: readonly string[],
): Promise<ExitCode> {
  if (options.syncPricing === true) {
    if (words.length > 0)
      throw usageError('--sync-pricing takes no filter: it always fetches the whole list');
    const settings = readSettings(options);
    const { runModelsSync } = await import('./models-sync.js');
    return runModelsSync(context, settings);
  }
  const stray = SYNC_ONLY.find((name) => options[name] !== undefined);
  if (stray !== undefined)
    throw usageError(
      `${FLAGS[stray]} is of use only with --sync-pricing`,
      'models --sync-pricing --help shows an example',
    );
  if (words.length === 1 && words[0] === 'diff') {
    const { runModelsDiff } = await import('./models-diff.js');
    return runModelsDiff(context);
  }
  const { runModelsTable } = await import('./models-table.js');
  return runModelsTable(context, words);
}

const FLAGS: Readonly<Record<(typeof SYNC_ONLY)[number], string>> = {
  url: '--url',
  timeout: '--timeout',
  maxChange: '--max-change',
  accept: '--accept',
  endpoints: '--endpoints',
};

function readSettings(options: OptionValues): SyncSettings {
  return {
    url: options.url === undefined ? undefined : String(options.url),
    timeoutMs: readTimeout(String(options.timeout ?? DEFAULT_TIMEOUT_S)),
    maxChange: readMaxChange(String(options.maxChange ?? DEFAULT_MAX_CHANGE)),
    accept: readAccepted(options.accept),
    endpoints: readEndpointIds(options.endpoints),
  };
}

function readTimeout(text: string): number {
  const seconds = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= MAX_TIMEOUT_S) return Math.ceil(seconds * 1000);
  throw usageError(
    `--timeout must be a number of seconds from 0.001 to ${MAX_TIMEOUT_S}, found ${JSON.stringify(text)}`,
  );
}

function readMaxChange(text: string): bigint {
  const ratio = parseUsd(text);
  if (ratio !== undefined && ratio > ONE_USD) return ratio;
  throw usageError(`--max-change must be a ratio above 1, such as 10, found ${JSON.stringify(text)}`);
}

function readAccepted(value: unknown): readonly string[] | 'all' {
  const ids = readIds('--accept', value, 'all') ?? [];
  return ids.includes('all') ? 'all' : ids;
}

/** `none` stops what an earlier sync began. */
function readEndpointIds(value: unknown): readonly string[] | undefined {
  return readIds('--endpoints', value, 'none')?.filter((id) => id !== 'none');
}

function readIds(flag: string, value: unknown, word: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const ids = (Array.isArray(value) ? value : [value]).flatMap((text) => String(text).split(','));
  const wrong = ids.find((id) => id !== word && !ID_SHAPE.test(id));
  if (wrong === undefined) return ids;
  throw usageError(
    `${flag} takes model ids or ${word}, found ${JSON.stringify(wrong)}`,
    'ids look like author/name',
  );
}
