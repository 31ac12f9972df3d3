/** `agentguard keys`: whose keys sign the ledgers, a new key for one, a pin for an auditor (docs/cli.md, keys). */
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { createCheckpointKey } from '../../core/checkpoint.js';
import { MAX_OPERATOR_TEXT } from '../../core/control-row.js';
import { findNameFault } from '../../core/fields.js';
import { computeSignerFingerprint, ownValue, readReceipt } from '../../core/receipt.js';
import type { PinnedKey } from '../../core/report.js';
import { readRotation } from '../../core/rotation.js';
import { printNoteKey } from '../../core/signed-note.js';
import { rotateKey } from '../../store/key-rotation.js';
import { loadSeed } from '../../store/keys.js';
import { createNodeSigner } from '../../store/node-crypto.js';
import type { ScopePaths } from '../../store/paths.js';
import { readLines } from '../../store/tail.js';
import { explainSystemError, unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { chooseLedgerScope, chooseLedgerScopes } from '../one-scope.js';
import { bold, dim, shorten } from '../print.js';
import { loadTrustFile } from '../trust-file.js';

const ACTIONS = ['list', 'rotate', 'pin'] as const;

/** One key of a ledger, as its rows tell. */
interface SeenKey {
  readonly publicKeyHex: string;
  rows: number;
  readonly since: string | null;
  /** Time of the row with which it named a successor. */
  retired: string | null;
  successor: string | null;
  reason: string | null;
}

interface LedgerKeys {
  readonly paths: ScopePaths;
  readonly ledgerId: string | null;
  /** The ledger's own key now; `null` where there is none. */
  readonly own: string | null;
  readonly keys: readonly SeenKey[];
}

/** Runs `keys`. @throws CliError, AgentGuardError */
export async function runKeys(
  context: CommandContext,
  options: OptionValues,
  action: string | undefined,
): Promise<ExitCode> {
  const scope = options.scope as string | undefined;
  switch (ACTIONS.find((one) => one === (action ?? 'list'))) {
    case 'list':
      return listKeys(context, scope);
    case 'rotate':
      return rotate(context, scope, options.reason as string | undefined);
    case 'pin':
      return pinKey(context, scope, options);
    default:
      throw usageError(`keys knows no ${JSON.stringify(action)}`, `it knows ${ACTIONS.join(', ')}`);
  }
}

async function listKeys(context: CommandContext, scope: string | undefined): Promise<ExitCode> {
  const ledgers: LedgerKeys[] = [];
  for (const paths of await chooseLedgerScopes(context, scope)) ledgers.push(await readKeys(context, paths));
  if (context.json) context.out.json({ scopes: ledgers.map(describeLedger) });
  else for (const ledger of ledgers) printLedger(context, ledger);
  return EXIT_CODES.ok;
}

async function rotate(
  context: CommandContext,
  scope: string | undefined,
  reason: string | undefined,
): Promise<ExitCode> {
  const fault =
    reason === undefined
      ? 'is needed: it is signed with the change'
      : findNameFault(reason, MAX_OPERATOR_TEXT);
  if (reason === undefined || fault !== undefined)
    throw usageError(`--reason ${fault}`, "agentguard keys rotate --reason 'yearly'");
  const paths = await chooseLedgerScope(context, scope);
  const row = await rotateKey({ home: context.home, scope: paths.scope, nowMs: context.io.now(), reason });
  const rotation = readRotation(row);
  if (!rotation) throw new TypeError('a rotation row names two keys');
  const { retiredKeyHex, newKeyHex } = rotation;
  const { timestamp } = row.decision;
  if (context.json) context.out.json({ scope: paths.scope, retiredKeyHex, newKeyHex, reason, timestamp });
  else if (!context.quiet) {
    context.out.line([bold(shorten(paths.scope, 40)), ': from the next row on, this key signs:'], 2);
    context.out.line(`  ${newKeyHex}`);
    context.out.line(
      dim('Whoever pinned the old key trusts it by the row that names it. The old one is destroyed.'),
    );
  }
  return EXIT_CODES.ok;
}

/** Trust on first sight: whoever does this should compare the digits with the owner. */
async function pinKey(
  context: CommandContext,
  scope: string | undefined,
  options: OptionValues,
): Promise<ExitCode> {
  if (options.trust === undefined)
    throw usageError(
      'keys pin needs --trust, the file to add the key to',
      'agentguard keys pin --trust trust.json',
    );
  const name = String(options.trust);
  const paths = await chooseLedgerScope(context, scope);
  const { own } = await readKeys(context, paths);
  if (own === null) throw unreadableError(`${paths.folder} has no key of its own`);
  const path = resolve(context.io.cwd, name);
  const isThere = await fs.stat(path).then(
    () => true,
    () => false,
  );
  const known: readonly PinnedKey[] = isThere ? await loadTrustFile(context.io.cwd, name) : [];
  const isNew = !known.some(({ publicKeyHex }) => publicKeyHex === own);
  if (isNew)
    await writePins(path, name, [...known, { publicKeyHex: own, name: String(options.name ?? paths.scope) }]);
  if (context.json) context.out.json({ scope: paths.scope, publicKeyHex: own, trust: name, isNew });
  else if (!context.quiet) {
    context.out.line([bold(own), isNew ? ` is now in ${name}.` : ` was in ${name} before.`], 2);
    context.out.line(
      dim('It was read from this home: compare it with its owner by another way before you rely on it.'),
    );
  }
  return EXIT_CODES.ok;
}

async function writePins(path: string, name: string, keys: readonly PinnedKey[]): Promise<void> {
  try {
    await fs.writeFile(`${path}.tmp`, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o644 });
    await fs.rename(`${path}.tmp`, path);
  } catch (cause) {
    await fs.rm(`${path}.tmp`, { force: true });
    throw unreadableError(`the trust file ${name} ${explainSystemError(cause as Error)}`);
  }
}

async function readKeys({ io }: CommandContext, paths: ScopePaths): Promise<LedgerKeys> {
  const seen = new Map<string, SeenKey>();
  let ledgerId: string | null = null;
  for await (const { lines } of readLines(paths.ledger)) {
    io.signal.throwIfAborted();
    for (const { bytes } of lines) {
      const reading = readReceipt(bytes);
      if (!reading.ok) continue;
      const { decision, publicKeyHex, signerFingerprint } = reading.value;
      const id = ownValue(decision, 'ledgerId');
      if (typeof id === 'string') ledgerId ??= id;
      const name = publicKeyHex ?? `fingerprint:${signerFingerprint}`;
      const since = textOf(ownValue(decision, 'timestamp'));
      const key = seen.get(name) ?? {
        publicKeyHex: name,
        rows: 0,
        since,
        retired: null,
        successor: null,
        reason: null,
      };
      seen.set(name, key);
      key.rows++;
      const rotation = readRotation(reading.value);
      if (!rotation) continue;
      key.retired = since;
      key.successor = rotation.newKeyHex;
      key.reason = textOf(ownValue(decision, 'reason'));
    }
  }
  const seed = await loadSeed(paths.key);
  return {
    paths,
    ledgerId,
    own: seed ? createNodeSigner(seed).publicKeyHex : null,
    keys: [...seen.values()],
  };
}

function describeLedger({ paths, ledgerId, own, keys }: LedgerKeys) {
  const verifierKey =
    ledgerId === null || own === null ? null : printNoteKey(createCheckpointKey(ledgerId, own));
  return { scope: paths.scope, ledgerId, publicKeyHex: own, verifierKey, keys };
}

function printLedger(context: CommandContext, ledger: LedgerKeys): void {
  const { out } = context;
  const { paths, own, keys } = ledger;
  out.line([bold(shorten(paths.scope, 60))]);
  if (own === null) out.line('  no key of its own yet');
  else {
    out.line(['  own key      ', bold(computeSignerFingerprint(own)), `  ${own}`], 4);
    const { verifierKey } = describeLedger(ledger);
    if (verifierKey !== null) out.line(`  verifier key ${verifierKey}`, 4);
  }
  for (const key of keys) {
    const state =
      key.successor === null ? '' : `, retired ${key.retired ?? ''}: ${key.reason ?? 'no reason'}`;
    out.line(`  ${key.publicKeyHex}  ${key.rows} rows since ${key.since ?? 'unknown'}${state}`, 4);
  }
  if (keys.length === 0) out.line(dim(`  no rows yet; ${suggest(context, 'demo')} makes some`));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
