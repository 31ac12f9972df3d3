/** Where checkpoints are kept: a file, standard output, a command. A file never loses a checkpoint that tells of a rewriting. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import { equalBytes } from '../core/bytes.js';
import { parseCheckpoint, type SignedCheckpoint } from '../core/checkpoint.js';
import { computeRootAt } from '../core/merkle.js';
import { printNote } from '../core/signed-note.js';
import { nodeBackend } from '../store/node-crypto.js';
import type { ScopePaths } from '../store/paths.js';
import { openSubtrees } from '../store/tree.js';
import { CliError, explainSystemError, unreadableError, usageError } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';
import type { CliIo } from './io.js';
import { writeRaw } from './raw-output.js';

export type Sink =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'command'; readonly command: string };

const EXEC = 'exec:';

/** Reads a value of `--to`. @throws CliError */
export function readSink(text: string): Sink {
  if (text === '-') return { kind: 'stdout' };
  if (!text.startsWith(EXEC) && text !== '') return { kind: 'file', name: text };
  const command = text.slice(EXEC.length).trim();
  if (command === '')
    throw usageError('--to takes a file, - or exec: and a command', 'such as --to exec:"ssh vault cat > cp"');
  return { kind: 'command', command };
}

/**
 * Puts a checkpoint into a sink.
 *
 * @throws CliError 1 when a file holds a checkpoint that the ledger no longer extends, 3 when it cannot be written or is
 *   something else, 5 when a command failed
 */
export async function sendCheckpoint(
  io: CliIo,
  sink: Sink,
  { folder }: ScopePaths,
  checkpoint: SignedCheckpoint,
): Promise<void> {
  const text = printNote(checkpoint.note);
  if (sink.kind === 'stdout') writeRaw(io, text);
  else if (sink.kind === 'command') await runCommand(io, sink.command, text);
  else await replaceFile(io, sink.name, folder, checkpoint, text);
}

async function replaceFile(
  { cwd }: CliIo,
  name: string,
  folder: string,
  checkpoint: SignedCheckpoint,
  text: string,
): Promise<void> {
  const path = resolve(cwd, name);
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    const there = await fs.readFile(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
    });
    if (there) await requireExtension(name, there, folder, checkpoint);
    await fs.writeFile(draft, text, { flag: 'wx', flush: true });
    await fs.rename(draft, path);
  } catch (cause) {
    await fs.rm(draft, { force: true });
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
    throw unreadableError(`the checkpoint ${name} ${explainSystemError(cause)}`);
  }
}

/** What is there is the only witness of what it counts: it gives way only to a checkpoint of the same history. */
async function requireExtension(
  name: string,
  there: Uint8Array,
  folder: string,
  checkpoint: SignedCheckpoint,
): Promise<void> {
  const earlier = parseCheckpoint(there);
  if (!earlier.ok)
    throw unreadableError(
      `${name} is there and holds no checkpoint; it was not overwritten`,
      'name another file',
    );
  const { origin, size, root } = earlier.value;
  if (origin !== checkpoint.origin)
    throw unreadableError(`${name} holds a checkpoint of another ledger, ${origin}`, 'name another file');
  const source = await openSubtrees(folder, checkpoint.size, checkpoint.root, nodeBackend);
  const isEarlier = source && size <= checkpoint.size;
  if (isEarlier && equalBytes(computeRootAt(source, size, nodeBackend.sha256), root)) return;
  throw new CliError(
    EXIT_CODES.failed,
    `the ledger does not extend the checkpoint of ${size} rows in ${name}, which was left as it is`,
    `agentguard verify --checkpoint ${name} says what is wrong; keep that file`,
  );
}

/** The note goes to the command's standard input; its own output is not ours. */
async function runCommand(io: CliIo, command: string, text: string): Promise<void> {
  const child = spawn(command, { shell: true, cwd: io.cwd, stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<number | string | null>((resolveEnd) => {
    child.on('error', (cause) => resolveEnd(cause.message));
    child.on('close', (code, signal) => resolveEnd(signal ?? code));
  });
  // A command that reads nothing may still do what it should.
  child.stdin.on('error', () => {});
  child.stdin.end(text);
  const end = await ended;
  if (end !== 0)
    throw new CliError(
      EXIT_CODES.network,
      `the command of --to ended with ${end}: ${command}`,
      'the checkpoint is kept beside the ledger; try again',
    );
}
