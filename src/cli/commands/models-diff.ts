/** `agentguard models diff`: what the present price table changed against the one before it. */
import { comparePrices, listMoves, type PriceChanges, type PriceMove } from '../../core/price-changes.js';
import { measureTableAgeMs, type PriceTable } from '../../core/price-table.js';
import { PREVIOUS_PRICE_FILE, readPriceFile } from '../../store/price-file.js';
import { unreadableError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { describeChanges, describeHeld, describeTable, showAge, showMove } from '../price-print.js';
import { bold, dim, paint } from '../print.js';
import { loadTable } from './models-table.js';

/** Prints every model that is new, gone or costs something else. @throws CliError when a table is missing */
export async function runModelsDiff(context: CommandContext): Promise<ExitCode> {
  const table = await loadTable(context);
  const previous = await loadPrevious(context);
  const changes = comparePrices(previous.models, table.models);
  if (context.json) context.out.json(describeDiff(context, previous, table, changes));
  else printDiff(context, previous, table, changes);
  return EXIT_CODES.ok;
}

async function loadPrevious({ home }: CommandContext): Promise<PriceTable> {
  const reading = await readPriceFile(home, PREVIOUS_PRICE_FILE);
  if (reading?.table) return reading.table;
  if (reading) throw unreadableError(reading.problem ?? 'the previous price table is damaged');
  throw unreadableError(
    `there is no earlier price table in ${home}`,
    'the table before is kept from the first sync on that changes something',
  );
}

function printDiff(
  context: CommandContext,
  previous: PriceTable,
  table: PriceTable,
  { changed, added, gone }: PriceChanges,
): void {
  const { out, io } = context;
  const now = io.now();
  const [then, since] = [previous, table].map((each) => showAge(measureTableAgeMs(each, now)));
  out.line(dim(`between the table of ${then} ago and the one of ${since} ago`));
  for (const { id, moves } of changed) printModel(context, id, moves);
  for (const id of added) out.entry(paint('green', '+ new'), 8, id);
  for (const id of gone) out.entry(paint('red', '- gone'), 8, id);
  for (const [id, { was, now: fresh }] of table.heldBack) {
    printModel(context, `${id} (held back)`, listMoves(was.pricing, fresh.pricing));
    out.line(
      dim(`  the dearer price rules until ${suggest(context, `models --sync-pricing --accept ${id}`)}`),
      4,
    );
  }
  out.line(
    `${changed.length} changed, ${added.length} new, ${gone.length} gone, ${table.heldBack.size} held back`,
  );
}

function printModel({ out }: CommandContext, name: string, moves: readonly PriceMove[]): void {
  out.entry('~', 2, bold(name));
  if (moves.length === 0) out.line('  conditions or keys that this version does not know', 4);
  for (const move of moves) out.line(`  ${showMove(move)}`, 4);
}

/** The stable JSON form of the difference. */
function describeDiff(
  { io }: CommandContext,
  previous: PriceTable,
  table: PriceTable,
  changes: PriceChanges,
) {
  return {
    from: describeTable(previous, io.now()),
    to: describeTable(table, io.now()),
    ...describeChanges(changes),
    heldBack: describeHeld(table),
  };
}
