/** How a command ends early: an exit code, one sentence for a person, and the way out. */
import { AgentGuardError, type ErrorCode, type RefusalCode } from '../core/errors.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';

/** What is printed and returned when a command fails. `message` and `hint` may quote files: they are escaped at the sink. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Thrown inside commands, printed by `run`. */
export class CliError extends Error implements Failure {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** Thrown by a command that runs until somebody stops it, once that happened: it ended well. */
export class CleanStop extends Error {
  override readonly name = 'CleanStop';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode = EXIT_CODES.ok) {
    super('stopped');
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(EXIT_CODES.usage, message, hint);
}

/** Something to read is not there, not readable or not safe. */
export function unreadableError(message: string, hint?: string): CliError {
  return new CliError(EXIT_CODES.unreadable, message, hint);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be used by this user',
  EISDIR: 'is a folder',
  ENOTDIR: 'lies below something that is not a folder',
  ELOOP: 'is a symbolic link, or leads through too many',
  EIO: 'could not be read: the disk reports a fault',
  ENXIO: 'cannot be read: it is a socket or a device',
  EROFS: 'lies on a file system that cannot be written',
  ENOSPC: 'could not be written: the disk is full',
  EMFILE: 'could not be opened: too many files are open',
};

const NETWORK_CODES: ReadonlySet<string> = new Set([
  'NETWORK_FAILED',
  'PORT_TAKEN',
  'UPSTREAM_MALFORMED',
  'UPSTREAM_REFUSED',
]);

/** What a system error says about a path, as the end of a sentence that starts with the path. */
export function explainSystemError(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return REASONS[code] ?? `cannot be used (${code || 'unknown reason'})`;
}

/** Whatever a command threw, as a failure; `undefined` when it is a fault of this program. */
export function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof CliError) return error;
  if (error instanceof AgentGuardError)
    return { exitCode: exitCodeOf(error.code), message: error.message, hint: error.hint };
  if (isSystemError(error))
    return {
      exitCode: EXIT_CODES.unreadable,
      message: `${error.path} ${explainSystemError(error)}`,
      hint: undefined,
    };
  return undefined;
}

function exitCodeOf(code: ErrorCode | RefusalCode): ExitCode {
  if (NETWORK_CODES.has(code)) return EXIT_CODES.network;
  return code === 'SCOPE_NAME_INVALID' ? EXIT_CODES.usage : EXIT_CODES.unreadable;
}

function isSystemError(error: unknown): error is Error & { readonly path: string } {
  return error instanceof Error && 'code' in error && 'path' in error && typeof error.path === 'string';
}
