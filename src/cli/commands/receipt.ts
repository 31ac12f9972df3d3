/** `agentguard receipt`: one row as it stands in its ledger, the proof that a checkpoint counts it, and both for somebody else (docs/cli.md). */
import type { OptionValues } from 'commander';
import { decodeUtf8 } from '../../core/bytes.js';
import type { SignedCheckpoint } from '../../core/checkpoint.js';
import { proveInclusion } from '../../core/merkle.js';
import { ownValue, readReceipt } from '../../core/receipt.js';
import { isIncluded, printTlogProof } from '../../core/tlog-proof.js';
import { readCheckpoints } from '../../store/checkpoint-file.js';
import { nodeBackend } from '../../store/node-crypto.js';
import type { ScopePaths } from '../../store/paths.js';
import { readLines } from '../../store/tail.js';
import { openSubtrees } from '../../store/tree.js';
import { CliError, unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { chooseLedgerScopes } from '../one-scope.js';
import { writeRaw } from '../raw-output.js';
import { printShareLink, type ShareableRow, writeShareFile } from '../receipt-share.js';

/** A row where it stands. */
export interface PlacedRow {
  readonly paths: ScopePaths;
  readonly ledgerId: string | undefined;
  /** From 0, over all parts. */
  readonly index: number;
  /** Without its line feed. */
  readonly line: Uint8Array;
}

/** Runs `receipt`. @throws CliError when there is no such row, or no checkpoint that counts it */
export async function runReceipt(
  context: CommandContext,
  options: OptionValues,
  id: string | undefined,
): Promise<ExitCode> {
  if (id === undefined)
    throw usageError('receipt takes the id of a row', 'agentguard explain latest names one');
  const ways = ['proof', 'link', 'html'].filter((way) => options[way] === true);
  if (ways.length > 1)
    throw usageError(`--${ways[0]} and --${ways[1]} are two forms of one receipt`, 'ask for one');
  if (options.out !== undefined && options.html !== true)
    throw usageError('--out is for the page of --html', 'agentguard receipt <id> --html --out receipt.html');
  const row = await findRow(context, id);
  if (options.proof === true) writeRaw(context.io, await proveRow(context, row));
  else if (options.link === true) await printShareLink(context, await makeShareable(context, id, row));
  else if (options.html === true)
    await writeShareFile(context, await makeShareable(context, id, row), options.out);
  else writeRaw(context.io, `${decodeUtf8(row.line) ?? ''}\n`);
  return EXIT_CODES.ok;
}

/** The row with that `decisionId`. @throws CliError when there is none */
export async function findRow(context: CommandContext, id: string): Promise<PlacedRow> {
  const needle = Buffer.from(JSON.stringify(id).slice(1, -1));
  for (const paths of await chooseLedgerScopes(context)) {
    let index = 0;
    for await (const { lines, tornTail } of readLines(paths.ledger)) {
      context.io.signal.throwIfAborted();
      for (const line of [...lines.map(({ bytes }) => bytes), ...(tornTail ? [tornTail] : [])]) {
        const found = Buffer.from(line.buffer, line.byteOffset, line.byteLength).includes(needle)
          ? readReceipt(line)
          : undefined;
        if (found?.ok && ownValue(found.value.decision, 'decisionId') === id) {
          const ledgerId = ownValue(found.value.decision, 'ledgerId');
          return { paths, index, line, ledgerId: typeof ledgerId === 'string' ? ledgerId : undefined };
        }
        index++;
      }
    }
  }
  throw unreadableError(
    `no row ${JSON.stringify(id)} is in the ledgers of ${context.home}`,
    `${suggest(context, 'explain latest')} names the newest decision`,
  );
}

/** The row, with its proof where a checkpoint counts it. @throws CliError when the ledger is not that of its checkpoint */
async function makeShareable(context: CommandContext, id: string, row: PlacedRow): Promise<ShareableRow> {
  const { paths, ledgerId, index, line } = row;
  const isCounted =
    ledgerId !== undefined && (await findCheckpoint(paths.folder, ledgerId, index)) !== undefined;
  return { id, line, proof: isCounted ? await proveRow(context, row) : undefined };
}

/** The row with its proof, as text. @throws CliError when no checkpoint counts it, or the ledger is not that of one */
export async function proveRow(context: CommandContext, row: PlacedRow): Promise<string> {
  const { paths, ledgerId, index, line } = row;
  const checkpoint = ledgerId === undefined ? undefined : await findCheckpoint(paths.folder, ledgerId, index);
  if (!checkpoint)
    throw unreadableError(
      `no checkpoint of ${paths.ledger} counts row ${index} yet`,
      `${suggest(context, 'checkpoint')} signs one`,
    );
  const { size, root } = checkpoint;
  const source = await openSubtrees(paths.folder, size, root, nodeBackend);
  const hashes = source && proveInclusion(source, index, size, nodeBackend.sha256);
  const proof = hashes && { index, hashes, checkpoint, extra: line };
  // The stored hashes may be older than the row that stands there now.
  if (proof && isIncluded(proof, line, nodeBackend.sha256)) return printTlogProof(proof);
  throw new CliError(
    EXIT_CODES.failed,
    `${paths.ledger} is not what its checkpoint of ${size} rows counted`,
    suggest(context, `verify ${paths.ledger}`),
  );
}

/** The newest one: it says the most about what came after the row. */
async function findCheckpoint(
  folder: string,
  ledgerId: string,
  index: number,
): Promise<SignedCheckpoint | undefined> {
  return (await readCheckpoints(folder, ledgerId)).findLast(({ size }) => size > index);
}
