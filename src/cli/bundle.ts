/** Writes a ledger with everything that proves it beside the keys: policies and the newest checkpoint (core/bundle.ts). */
import { dirname, resolve } from 'node:path';
import { printBundleHead, printCheckpointLine, printPolicyLine } from '../core/bundle.js';
import { readReceipt } from '../core/receipt.js';
import { printNote } from '../core/signed-note.js';
import { readCheckpoints } from '../store/checkpoint-file.js';
import { readPolicies } from '../store/policy-folder.js';
import type { CommandContext } from './context.js';
import type { ExportTarget } from './export-target.js';
import type { RecordPlace } from './record-options.js';
import { readPlace } from './record-scan.js';

/** Writes every complete line of the ledger, receipts or not: whoever verifies must see what is there. */
export async function writeBundle({ io }: CommandContext, place: RecordPlace, target: ExportTarget) {
  const folder = dirname(resolve(io.cwd, place.path));
  let [calls, rows, unreadableLines] = [0, 0, 0];
  for await (const line of readPlace(place, io)) {
    const reading = readReceipt(line);
    if (rows === 0) {
      const ledgerId = reading.ok ? reading.value.decision.ledgerId : undefined;
      await writeHead(place, folder, typeof ledgerId === 'string' ? ledgerId : null, target);
    }
    rows++;
    if (!reading.ok) unreadableLines++;
    else if (reading.value.decision.entryType === undefined) calls++;
    await target.write(`${Buffer.from(line).toString('utf8')}\n`);
  }
  if (rows === 0) await writeHead(place, folder, null, target);
  return { calls, rows, unreadableLines };
}

async function writeHead(
  { scope }: RecordPlace,
  folder: string,
  ledgerId: string | null,
  target: ExportTarget,
): Promise<void> {
  const { policies } = await readPolicies(folder);
  // Taken after the first row was read: rows that were written meanwhile are read too, so it never says too much.
  const checkpoint = ledgerId === null ? undefined : (await readCheckpoints(folder, ledgerId)).at(-1);
  const lines = [
    ...[...policies.values()].map(printPolicyLine),
    ...(checkpoint ? [printCheckpointLine(printNote(checkpoint.note))] : []),
  ];
  await target.write(`${printBundleHead({ attachments: lines.length, ledgerId, scope })}\n`);
  for (const line of lines) await target.write(`${line}\n`);
}
