/** Runs a command line in this process, in a world made for the test. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CliIo, Output } from '../../src/cli/io.js';
import { run } from '../../src/cli/main.js';

export interface CliWorld {
  readonly home?: string;
  readonly cwd?: string;
  readonly userDir?: string;
  readonly stdin?: string | Uint8Array;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly nowMs?: number;
  /** Milliseconds that pass between two looks at the clock. */
  readonly tickMs?: number;
  readonly signal?: AbortSignal;
}

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `home` is given by the environment, so that suggestions stay short. Never rejects. */
export async function runCli(argv: readonly string[], world: CliWorld = {}): Promise<CliResult> {
  const out: string[] = [];
  const err: string[] = [];
  let elapsedMs = 0;
  const io: CliIo = {
    argv,
    env: { ...(world.home === undefined ? {} : { AGENTGUARD_HOME: world.home }), ...world.env },
    stdin: bytesOf(world.stdin ?? ''),
    stdout: collect(out, world),
    stderr: collect(err, world),
    cwd: world.cwd ?? '/',
    userDir: world.userDir ?? '/nobody',
    invokedAs: 'agentguard',
    now: () => world.nowMs ?? Date.now(),
    elapsedMs: () => {
      elapsedMs += world.tickMs ?? 1;
      return elapsedMs;
    },
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    signal: world.signal ?? new AbortController().signal,
  };
  const code = await run(io);
  return { code, out: out.join(''), err: err.join('') };
}

/** Writes a ledger into a home and returns its path. */
export async function putLedger(
  home: string,
  lines: readonly (string | Uint8Array)[],
  scope = 'acme',
): Promise<string> {
  const path = join(home, scope, 'decisions.ndjson');
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])), {
    mode: 0o600,
  });
  return path;
}

/** The text without our own colours. */
export function stripColors(text: string): string {
  return text.replace(/\u001b\[(?:0|1|2|31|32|33|36)m/g, '');
}

/** The controls that are left when line feeds and our own colours are taken out: there must be none. */
export function findControls(text: string): string[] {
  const plain = stripColors(text).replaceAll('\n', '');
  return plain.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu) ?? [];
}

function collect(into: string[], { isTerminal = false, columns = 80 }: CliWorld): Output {
  return { write: (text) => void into.push(text), isTerminal, columns };
}

async function* bytesOf(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  // In two pieces, as pipes bring them.
  yield bytes.subarray(0, 10);
  yield bytes.subarray(10);
}
