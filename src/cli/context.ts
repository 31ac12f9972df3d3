/** What every command is given: the outside world, the home, where to print and the common options. */
import { join, resolve } from 'node:path';
import type { CliIo } from './io.js';
import { createPrinter, type Printer } from './print.js';

/** The options that every command takes. */
export interface CommonOptions {
  readonly home?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** `false` with `--no-color`. */
  readonly color?: boolean;
}

export interface CommandContext {
  readonly io: CliIo;
  /** Absolute; nothing about it was checked. */
  readonly home: string;
  /** `--home` was given: a suggested command has to repeat it. */
  readonly homeFlag: string | undefined;
  /** Results, on standard output. */
  readonly out: Printer;
  /** Everything else, on standard error. */
  readonly notes: Printer;
  readonly json: boolean;
  readonly quiet: boolean;
}

export function createContext(io: CliIo, options: CommonOptions): CommandContext {
  const color = options.color !== false && wantsColor(io);
  return {
    io,
    home: resolve(io.cwd, options.home || io.env.AGENTGUARD_HOME || join(io.userDir, '.agentguard')),
    homeFlag: options.home || undefined,
    out: createPrinter(io.stdout, color),
    notes: createPrinter(io.stderr, color),
    json: options.json === true,
    quiet: options.quiet === true,
  };
}

/** Whether the environment allows colour: any `NO_COLOR` that is not empty says no. */
export function wantsColor(io: CliIo): boolean {
  return !io.env.NO_COLOR && io.env.TERM !== 'dumb';
}

/** A command line to try next, as somebody would type it here. */
export function suggest({ io, homeFlag }: CommandContext, command: string): string {
  const home = homeFlag === undefined ? '' : ` --home ${quoteForShell(homeFlag)}`;
  return `${io.invokedAs} ${command}${home}`;
}

/** A word for a POSIX shell. */
export function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
