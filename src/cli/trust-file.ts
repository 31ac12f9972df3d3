/** The trust file on disk (docs/cli.md, trust file): only one that nobody else may write to is believed. */
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PinnedKey } from '../core/report.js';
import { parseTrustFile } from '../core/trust-file.js';
import { isForeign } from '../store/paths.js';
import { explainSystemError, unreadableError } from './cli-error.js';

/** The keys in a trust file. @throws CliError when it cannot be read, is not safe, or is not one. */
export async function loadTrustFile(cwd: string, name: string): Promise<readonly PinnedKey[]> {
  const reading = parseTrustFile(await readSafely(resolve(cwd, name), name));
  if (reading.ok) return reading.keys;
  throw unusable(
    name,
    reading.problems.map(({ path, message }) => (path ? `${path} ${message}` : message)),
  );
}

async function readSafely(path: string, name: string): Promise<Uint8Array> {
  try {
    const { mode, uid } = await fs.stat(path);
    // Who may write to it may decide who is trusted. A group may share one, as in any checkout.
    if (mode & 0o002)
      throw unreadableError(
        `the trust file ${name} may be written to by everybody`,
        `run: chmod o-w ${name}`,
      );
    if (uid !== 0 && isForeign(uid))
      throw unreadableError(`the trust file ${name} belongs to another user`, 'make a copy of your own');
    return await fs.readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause)
      throw unreadableError(`the trust file ${name} ${explainSystemError(cause)}`);
    throw cause;
  }
}

function unusable(name: string, problems: readonly string[]): Error {
  const what = problems.map((problem) => problem.replace(/\.$/, '')).join('; ');
  return unreadableError(
    `the trust file ${name} cannot be used: ${what}`,
    'docs/cli.md has an example of a trust file',
  );
}
