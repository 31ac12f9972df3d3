/** The settings of a home on disk, `<home>/config.json` (docs/config.md). A file that cannot be trusted is an error, never the default. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { type HomeConfig, parseConfig } from '../core/config.js';
import { AgentGuardError } from '../core/errors.js';
import { readJsonLine } from '../core/row-reader.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';

export const CONFIG_FILE = 'config.json';

/**
 * The settings of a home; empty where there is no file.
 *
 * @throws AgentGuardError CONFIG_INVALID with every problem at once, or when others may write to the file.
 */
export async function readConfigFile(home: string): Promise<HomeConfig> {
  const path = join(home, CONFIG_FILE);
  const bytes = await readSafely(path);
  if (!bytes) return {};
  const reading = readJsonLine(bytes);
  if (!reading.ok)
    throw invalid(path, `is refused: ${reading.message.replaceAll(/\b[Tt]he line\b/g, 'the file')}`);
  const parsed = parseConfig(reading.value);
  if (parsed.ok) return parsed.config;
  const list = parsed.problems.map((problem) => `${problem.path || 'it'} ${problem.message}`);
  throw invalid(path, `has ${list.length} problem(s): ${list.join('; ')}`);
}

/** The superuser's file is fine: that is how the settings of a machine are kept from its users. */
async function readSafely(path: string): Promise<Uint8Array | undefined> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK);
  } catch (cause) {
    // Where the home does not exist yet, or is no folder, whoever opens the ledger says so.
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
    if (codeOf(cause) === 'ELOOP') throw invalid(path, 'is a symbolic link');
    throw invalid(path, `cannot be opened (${codeOf(cause)})`, cause);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw invalid(path, 'is not a plain file');
    if (stats.mode & 0o022) throw invalid(path, 'may be written to by other users');
    if (stats.uid !== 0 && isForeign(stats.uid)) throw invalid(path, 'belongs to another user');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function invalid(path: string, what: string, cause?: unknown): AgentGuardError {
  return new AgentGuardError('CONFIG_INVALID', `the settings ${path} ${what}`, {
    hint: 'docs/config.md lists every setting; nothing is decided until the file is right or removed',
    ...(cause === undefined ? {} : { cause }),
  });
}
