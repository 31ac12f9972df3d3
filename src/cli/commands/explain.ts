/** `agentguard explain`: one decision in words, from its rows; it proves nothing (docs/cli.md, explain). */
import type { Receipt } from '../../core/receipt.js';
import { unreadableError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import {
  composeStory,
  type DecisionStory,
  describeCap,
  isDecision,
  objectAt,
  textAt,
  textsAt,
} from '../decision-story.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { type LedgerPlace, listHomeLedgers } from '../ledger-places.js';
import { type FoundRow, findNewestRow, isNewer, scanRows } from '../ledger-scan.js';
import { shorten } from '../print.js';
import { printStory } from '../story-print.js';

/** The shortest beginning of an id that is looked for. */
const MIN_PREFIX_LENGTH = 6;

/** Runs `explain`. @throws CliError when there is no such decision, or more than one. */
export async function runExplain(context: CommandContext, id = 'latest'): Promise<ExitCode> {
  const { places, faults } = await listHomeLedgers(context);
  const [fault] = faults;
  if (places.length === 0 && fault) throw unreadableError(`${fault.path} ${fault.message}`);
  const found = id === 'latest' ? await findLatest(context, places) : await findById(context, places, id);
  const rows: FoundRow[] = [];
  for await (const row of scanRows(found.path, [found.decisionId], context.io.signal))
    if (isAbout(row.receipt, found.decisionId)) rows.push(row);
  const story = composeStory(rows);
  if (!story) throw unreadableError(`the decision ${found.decisionId} is gone from ${found.path}`);
  if (context.json) context.out.json(describeStory(story, found.path));
  else printExplanation(context, story, found.path);
  return EXIT_CODES.ok;
}

interface Found {
  readonly path: string;
  readonly decisionId: string;
}

async function findLatest({ io }: CommandContext, places: readonly LedgerPlace[]): Promise<Found> {
  let newest: { readonly path: string; readonly row: FoundRow } | undefined;
  for (const { path } of places) {
    const row = await findNewestRow(path, io.signal, (receipt) => isDecision(receipt.decision));
    if (row && isNewer(row, newest?.row)) newest = { path, row };
  }
  if (!newest) throw unreadableError('no ledger here has a decision yet');
  const decisionId = textAt(newest.row.receipt.decision, 'decisionId') ?? '';
  return { path: newest.path, decisionId };
}

/** By id, by the beginning of one, or by the id of a settlement of it. */
async function findById(context: CommandContext, places: readonly LedgerPlace[], id: string): Promise<Found> {
  const isPrefix = id.length >= MIN_PREFIX_LENGTH;
  const found = new Map<string, Found>();
  for (const { path } of places) {
    for await (const { receipt } of scanRows(path, [id], context.io.signal)) {
      const decisionId = textAt(receipt.decision, 'decisionId') ?? '';
      const original = textAt(receipt.decision, 'originalDecisionId');
      if (decisionId === id) return { path, decisionId: original ?? decisionId };
      if (isPrefix && original === null && decisionId.startsWith(id))
        found.set(decisionId, { path, decisionId });
    }
  }
  const [only] = found.values();
  if (only && found.size === 1) return only;
  if (only) {
    const ids = [...found.keys()].slice(0, 3).map((one) => shorten(one));
    throw unreadableError(
      `${found.size} decisions start with ${JSON.stringify(id)}`,
      `such as ${ids.join(', ')}`,
    );
  }
  throw unreadableError(
    `no decision ${JSON.stringify(id)} is in the ledgers of ${context.home}`,
    `${suggest(context, 'explain latest')} tells the newest one`,
  );
}

function isAbout({ decision }: Receipt, decisionId: string): boolean {
  return (
    textAt(decision, 'originalDecisionId') === decisionId ||
    (isDecision(decision) && textAt(decision, 'decisionId') === decisionId)
  );
}

/** The stable JSON form. */
function describeStory({ row, caps, attempts, routes, settlements }: DecisionStory, path: string) {
  const { sequence, signerFingerprint, entryHash, decision } = row.receipt;
  const resets = caps.filter((cap) => cap.tripped).flatMap((cap) => cap.resetsAt ?? []);
  return {
    decision,
    receipt: { path, line: row.line, sequence, signerFingerprint, entryHash },
    caps: caps.map(describeCap),
    passes: {
      alternatives: textsAt(objectAt(decision, 'refusal'), 'alternatives'),
      resetsAt: resets.toSorted().at(-1) ?? null,
    },
    attempts,
    routes,
    settlements,
    verified: false,
  };
}

function printExplanation(context: CommandContext, story: DecisionStory, path: string): void {
  const { out } = context;
  const { line, receipt } = story.row;
  printStory(out, story);
  out.blank();
  out.line(`Line ${line} of ${path}, sequence ${receipt.sequence}, signer ${receipt.signerFingerprint}.`, 2);
  const id = shorten(textAt(receipt.decision, 'decisionId') ?? 'latest');
  out.line('This tells what the rows say. Whether they are genuine:');
  out.command(suggest(context, `verify --trace ${id}`));
}
