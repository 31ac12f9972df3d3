/** The command line, as a function of the outside world: arguments in, text and an exit code out (docs/cli.md). */
import type { Command, CommanderError } from 'commander';
import { findNearest } from '../core/nearest.js';
import { CleanStop, type CliError, describeFailure, type Failure, usageError } from './cli-error.js';
import { wantsColor } from './context.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import type { CliIo } from './io.js';
import { readPackageVersion } from './package-version.js';
import { createPrinter, paint } from './print.js';
import { createProcessIo } from './process-io.js';

/** How long a command may clean up after Ctrl-C, in milliseconds. */
const CLEAN_UP_MS = 2_000;

/** Runs one command line. Never rejects, whatever happens inside. */
export async function run(io: CliIo): Promise<ExitCode> {
  try {
    return await orInterrupted(execute(io), io.signal);
  } catch (error) {
    if (error instanceof CleanStop) return error.exitCode;
    if (io.signal.aborted) return EXIT_CODES.interrupted;
    return printFailure(io, describeFailure(error) ?? describeBug(error));
  }
}

/** Runs the command line of this process. */
export async function start(): Promise<void> {
  const code = await run(createProcessIo());
  // What was interrupted may still wait for input that never comes.
  if (code === EXIT_CODES.interrupted) process.exit(code);
  process.exitCode = process.exitCode || code;
}

async function execute(io: CliIo): Promise<ExitCode> {
  const version = readPackageVersion();
  if (io.argv.length === 1 && io.argv[0] === '--version') {
    io.stdout.write(`${version}\n`);
    return EXIT_CODES.ok;
  }
  const { createProgram } = await import('./program.js');
  let exitCode: ExitCode = EXIT_CODES.ok;
  const program = createProgram(io, version, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(io.argv, { from: 'user' });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    // Help that was asked for ends well; help in place of a missing command does not.
    if (isHelp(error)) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    throw explainUsage(program, io.argv, error);
  }
  return exitCode;
}

/** The work's result, or "interrupted" once it had time to clean up. */
async function orInterrupted(work: Promise<ExitCode>, signal: AbortSignal): Promise<ExitCode> {
  let stop: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const interrupted = new Promise<ExitCode>((resolve) => {
    stop = () => {
      timer = setTimeout(() => resolve(EXIT_CODES.interrupted), CLEAN_UP_MS);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    const code = await Promise.race([work, interrupted]);
    return signal.aborted ? EXIT_CODES.interrupted : code;
  } finally {
    clearTimeout(timer);
    if (stop) signal.removeEventListener('abort', stop);
  }
}

function printFailure(io: CliIo, { exitCode, message, hint }: Failure): ExitCode {
  const print = createPrinter(io.stderr, wantsColor(io) && !io.argv.includes('--no-color'));
  print.line(['agentguard: ', paint('red', 'error'), `: ${trimEnd(message)}`], 2);
  if (hint !== undefined) print.line([paint('cyan', 'hint'), `: ${trimEnd(hint)}`], 2);
  return exitCode;
}

/** Errors end without a full stop, whoever wrote them. */
function trimEnd(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

function describeBug(error: unknown): Failure {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    exitCode: EXIT_CODES.bug,
    message: `this is a fault of agentguard itself (${what})`,
    hint: `please report it with the command you ran and the version, ${readPackageVersion()}`,
  };
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

function isHelp({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.help' || code === 'commander.version';
}

/** What is wrong with the command line, with the nearest name that there is. */
function explainUsage(program: Command, argv: readonly string[], error: CommanderError): CliError {
  const message = error.message.replace(/^error: /, '');
  const word = cutValue(/'(.*)'/s.exec(message)?.[1] ?? '');
  if (error.code === 'commander.unknownCommand') {
    const names = program.commands.map((command) => command.name());
    return usageError(`there is no command "${word}"`, hintNearest(word, names, 'commands'));
  }
  const command = program.commands.find((one) => argv.includes(one.name()));
  if (error.code === 'commander.unknownOption') {
    const flags = [...program.options, ...(command?.options ?? [])].map((option) => option.long ?? '');
    const where = command ? `"${command.name()}"` : 'agentguard';
    return usageError(`${where} has no option "${word}"`, hintNearest(word, [...flags, '--help'], 'options'));
  }
  return usageError(message, `agentguard help${command ? ` ${command.name()}` : ''}`);
}

/** An option without its value, which may be a key that was given by mistake. */
function cutValue(word: string): string {
  return word.replace(/^(--[^=]*)=.*$/s, '$1').replace(/^(-[^-]).+$/s, '$1');
}

function hintNearest(word: string, known: readonly string[], what: string): string {
  const [nearest] = findNearest(word, known);
  return nearest === undefined ? `the ${what} are ${known.join(', ')}` : `did you mean ${nearest}?`;
}
