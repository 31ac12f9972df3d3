/** `agentguard checkpoint`: signs how many rows a ledger has and their Merkle root, and brings that elsewhere (docs/cli.md). */
import type { OptionValues } from 'commander';
import { encodeBase64 } from '../../core/base64.js';
import { createCheckpointKey, readOrigin, type SignedCheckpoint } from '../../core/checkpoint.js';
import { printNote, printNoteKey } from '../../core/signed-note.js';
import { openLedger } from '../../store/ledger.js';
import type { ScopePaths } from '../../store/paths.js';
import { readSink, type Sink, sendCheckpoint } from '../checkpoint-sink.js';
import { CliError, unreadableError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { chooseLedgerScope } from '../one-scope.js';
import { shorten } from '../print.js';

/** Runs `checkpoint`. @throws CliError, AgentGuardError */
export async function runCheckpoint(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  const named = options.to as readonly string[] | undefined;
  const sinks = (named ?? (context.json ? [] : ['-'])).map(readSink);
  const paths = await chooseLedgerScope(context, options.scope as string | undefined);
  const { checkpoint, key } = await signRows(context, paths);
  const failure = await sendToAll(context, sinks, paths, checkpoint);
  if (context.json) context.out.json(describeCheckpoint(paths, checkpoint, key));
  else if (!context.quiet && !sinks.some(({ kind }) => kind === 'stdout'))
    context.out.line(
      `${shorten(paths.scope, 40)}: ${checkpoint.size} rows, root ${encodeBase64(checkpoint.root)}`,
    );
  if (failure) throw failure;
  return EXIT_CODES.ok;
}

async function signRows({ home }: CommandContext, { scope, ledger }: ScopePaths) {
  const store = await openLedger({ home, scope, durability: 'disk' });
  try {
    const checkpoint = await store.checkpoint();
    if (!checkpoint) throw unreadableError(`${ledger} has no rows that a checkpoint could count`);
    const key = printNoteKey(createCheckpointKey(readOrigin(checkpoint.origin) ?? '', store.publicKeyHex));
    return { checkpoint, key };
  } finally {
    await store.close();
  }
}

/** One place that cannot be reached does not keep the others from being tried. */
async function sendToAll(
  { io }: CommandContext,
  sinks: readonly Sink[],
  paths: ScopePaths,
  checkpoint: SignedCheckpoint,
): Promise<CliError | undefined> {
  let failure: CliError | undefined;
  for (const sink of sinks) {
    try {
      await sendCheckpoint(io, sink, paths, checkpoint);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failure ??= error;
    }
  }
  return failure;
}

function describeCheckpoint({ scope }: ScopePaths, checkpoint: SignedCheckpoint, verifierKey: string) {
  const { origin, size, root, note } = checkpoint;
  return { scope, origin, size, root: encodeBase64(root), verifierKey, checkpoint: printNote(note) };
}
