/** Where an export goes: standard output, or a file that appears whole or not at all. */
import * as fs from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { explainSystemError, unreadableError, usageError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { escapeText } from './print.js';

export interface ExportTarget {
  /** Absolute; `undefined` for standard output. */
  readonly path: string | undefined;
  readonly bytes: number;
  /** Keeps text for the next `write` or `finish`. */
  add(text: string): void;
  write(text: string): Promise<void>;
  /** Makes the file appear. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Does not throw. */
  discard(): Promise<void>;
}

const BUFFER_LENGTH = 262_144;

/**
 * Opens the file at `name`, replacing what is there when it is finished; or standard output.
 * @throws CliError when it cannot be written, or lies in the home
 */
export async function openExportTarget(
  context: CommandContext,
  name: string | undefined,
): Promise<ExportTarget> {
  return name === undefined ? openOutput(context) : openFile(context, resolve(context.io.cwd, name));
}

function openOutput({ io: { stdout } }: CommandContext): ExportTarget {
  let bytes = 0;
  const put = (text: string): void => {
    bytes += Buffer.byteLength(text);
    stdout.write(stdout.isTerminal ? escapeLines(text) : text);
  };
  return {
    path: undefined,
    get bytes() {
      return bytes;
    },
    add: put,
    write: async (text) => put(text),
    finish: async () => {},
    discard: async () => {},
  };
}

/** Text from ledgers must not steer a terminal; a file holds it as it is. */
function escapeLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => escapeText(line))
    .join('\n');
}

async function openFile(context: CommandContext, path: string): Promise<ExportTarget> {
  await requireOutside(context, path);
  const temporary = join(dirname(path), `.${context.io.randomHex(8)}.export.tmp`);
  const file = await fs.open(temporary, 'wx', 0o600).catch((cause: unknown) => {
    throw unreadableError(`${path} ${explainSystemError(cause)}`);
  });
  let bytes = 0;
  let kept: string[] = [];
  let keptLength = 0;
  let writing: Promise<void> = Promise.resolve();
  let failure: unknown;
  const flush = (): Promise<void> => {
    const chunk = Buffer.from(kept.join(''));
    kept = [];
    keptLength = 0;
    bytes += chunk.length;
    writing = writing
      .then(() => file.writeFile(chunk))
      .catch((cause: unknown) => {
        failure ??= cause;
      });
    return writing;
  };
  const add = (text: string): void => {
    kept.push(text);
    keptLength += text.length;
  };
  return {
    path,
    get bytes() {
      return bytes;
    },
    add(text) {
      add(text);
      if (keptLength >= BUFFER_LENGTH) void flush();
    },
    async write(text) {
      add(text);
      if (keptLength >= BUFFER_LENGTH) await flush();
    },
    async finish() {
      await flush();
      if (failure) throw unreadableError(`${path} ${explainSystemError(failure)}`);
      await file.sync();
      await file.close();
      await fs.rename(temporary, path).catch((cause: unknown) => {
        throw unreadableError(`${path} ${explainSystemError(cause)}`);
      });
    },
    async discard() {
      await file.close().catch(() => {});
      await fs.rm(temporary, { force: true }).catch(() => {});
    },
  };
}

/** The file is replaced: in the home it could be a ledger. */
async function requireOutside({ home }: CommandContext, path: string): Promise<void> {
  const folder = await fs.realpath(dirname(path)).catch((cause: unknown) => {
    throw unreadableError(`${dirname(path)} ${explainSystemError(cause)}`);
  });
  const realHome = await fs.realpath(home).catch(() => home);
  if (folder === realHome || folder.startsWith(realHome + sep))
    throw usageError(`--out ${path} lies in the home, among ledgers`, 'name a file elsewhere');
}
