/** What `verify` is asked to demand: verdicts and keys, read from its options. */
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { isHex } from '../core/bytes.js';
import { parseCheckpoint } from '../core/checkpoint.js';
import type { BroughtCheckpoint } from '../core/checkpoint-step.js';
import type { VerifyOptions } from '../core/ledger-verifier.js';
import { findNearest } from '../core/nearest.js';
import { nodeBackend } from '../store/node-crypto.js';
import { explainSystemError, unreadableError, usageError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { loadTrustFile } from './trust-file.js';
import { VERDICT_NAMES, type VerdictName } from './verify-print.js';

/** The verdicts that `--require` names. @throws CliError for a word that is none. */
export function readRequired(value: unknown): readonly VerdictName[] {
  if (value === undefined) return [];
  const names = String(value)
    .split(',')
    .map((name) => name.trim());
  return names.map((name) => {
    const found = VERDICT_NAMES.find((verdict) => verdict === name);
    if (found) return found;
    const [nearest] = findNearest(name, VERDICT_NAMES);
    throw usageError(
      `--require names no verdict ${JSON.stringify(name)}`,
      nearest ? `did you mean ${nearest}?` : `the verdicts are ${VERDICT_NAMES.join(', ')}`,
    );
  });
}

/** How to verify: what may be left out, and whether to go on. @throws CliError for options that exclude each other. */
export function readManner({ quick, follow, policy }: OptionValues): {
  readonly isQuick: boolean;
  readonly follows: boolean;
} {
  if (quick && follow) throw usageError('--quick and --follow exclude each other');
  if (quick && policy) throw usageError('--quick decides no call again, so --policy would be left out');
  return { isQuick: quick === true, follows: follow === true };
}

/** The keys to verify with, from `--public-key` and `--trust`. @throws CliError for anything that is no key. */
export async function readKeys({ io }: CommandContext, options: OptionValues): Promise<VerifyOptions> {
  const allowedKeys = options.publicKey as readonly string[] | undefined;
  for (const key of allowedKeys ?? []) {
    if (isHex(key, 32)) continue;
    const hint = isHex(key, 8)
      ? 'a fingerprint is only a label: give the full key'
      : 'verify --json prints the keys of a ledger; ask the owner which is theirs';
    throw usageError(
      `--public-key takes a full key, 64 lowercase hex digits, not ${JSON.stringify(key)}`,
      hint,
    );
  }
  const pinnedKeys = options.trust === undefined ? [] : await loadTrustFile(io.cwd, String(options.trust));
  return { backend: nodeBackend, pinnedKeys, ...(allowedKeys && { allowedKeys }) };
}

/** The checkpoints that `--checkpoint` names. @throws CliError for a file that holds none */
export async function readBrought(
  { io }: CommandContext,
  names: readonly string[] | undefined,
): Promise<readonly BroughtCheckpoint[]> {
  return Promise.all((names ?? []).map((name) => readCheckpointFile(resolve(io.cwd, name), name)));
}

async function readCheckpointFile(path: string, name: string): Promise<BroughtCheckpoint> {
  const bytes = await fs.readFile(path).catch((cause: Error) => {
    throw unreadableError(`the checkpoint ${name} ${explainSystemError(cause)}`);
  });
  const reading = parseCheckpoint(bytes);
  if (reading.ok) return { name, checkpoint: reading.value };
  throw unreadableError(
    `the checkpoint ${name} cannot be used: ${reading.message}`,
    'agentguard checkpoint writes them; ask for it again from where it was kept',
  );
}
