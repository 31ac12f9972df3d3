/** The outside world as the commands see it: an argument, so that a test can be one. */

/** Where text goes. Writing never throws and never fails a command: a reader that left is not an error. */
export interface Output {
  write(text: string): void;
  /** A person looks: colour, progress and line breaks to fit are welcome. */
  readonly isTerminal: boolean;
  /** Width of the terminal in characters; of no meaning elsewhere. */
  readonly columns: number;
}

export interface CliIo {
  /** Arguments after the name of the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** The user's own folder. */
  readonly userDir: string;
  /** How this was started, as somebody would type it: `agentguard`, `npx agentguard`. Stands in suggestions. */
  readonly invokedAs: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that never goes back, for durations. */
  readonly elapsedMs: () => number;
  /** Random lowercase hex of so many bytes, for labels. */
  readonly randomHex: (bytes: number) => string;
  /** Aborted by Ctrl-C: commands stop at the next step and clean up. */
  readonly signal: AbortSignal;
}
