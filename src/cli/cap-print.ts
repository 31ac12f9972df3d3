/** The caps of a decision in words for people: the arithmetic line by line, and the room that they left. */
import { showUsd } from '../core/money.js';
import { CAP_UNITS, type CapUnit } from '../core/policy.js';
import { type CapStory, totalOf } from './decision-story.js';
import { bold, dim, type Printer, paint, shorten } from './print.js';

const MAX_CAPS = 50;
const WINDOWS: Readonly<Record<string, string>> = {
  per_call: 'per call',
  per_minute: 'per minute',
  per_hour: 'per hour',
  per_day: 'per day',
  per_week: 'per week',
  per_month: 'per month',
  per_run: 'per run',
  total: 'in total',
};

/** Each cap with its verdict and sum. */
export function printCaps(print: Printer, caps: readonly CapStory[]): void {
  print.blank();
  if (caps.length === 0) {
    print.line('No cap was looked at.');
    return;
  }
  print.line(bold(caps.length === 1 ? 'The cap' : `The ${caps.length} caps`));
  for (const cap of caps.slice(0, MAX_CAPS)) printCap(print, cap);
  if (caps.length > MAX_CAPS) print.line(dim(`  … and ${caps.length - MAX_CAPS} more`));
}

/** Room that was left under all caps that stood in the way, and when the last of them starts anew. */
export function listRoom(stood: readonly CapStory[]): readonly string[] {
  const resets = stood.map((one) => one.resetsAt);
  const last = resets
    .filter((one) => one !== null)
    .toSorted()
    .at(-1);
  const room = describeRoom(stood);
  if (last === undefined || resets.includes(null)) return room;
  return [...room, `the same request from ${shorten(last, 40)}, when the window starts anew`];
}

/** A call has to fit under all of them: in each unit the tightest counts, and one without room leaves none. */
function describeRoom(stood: readonly CapStory[]): readonly string[] {
  if (stood.length === 0 || stood.some((cap) => roomOf(cap) <= 0n)) return [];
  const tightest = CAP_UNITS.flatMap((unit) => {
    const [first, ...others] = stood.filter((cap) => cap.unit === unit);
    return first ? [others.reduce((best, one) => (roomOf(one) < roomOf(best) ? one : best), first)] : [];
  });
  const most = tightest.map((cap) => showAmount(cap.unit, roomOf(cap))).join(' and ');
  const adds = tightest.map((cap) => showAmount(cap.unit, cap.adds)).join(' and ');
  return [`a call of at most ${most}; this one: ${adds}`];
}

function roomOf({ limit, spent, held }: CapStory): bigint {
  return limit - spent - held;
}

function printCap(print: Printer, cap: CapStory): void {
  const span = WINDOWS[cap.window] ?? shorten(cap.window, 30);
  const window = cap.unit === 'in_flight' ? '' : ` ${span}`;
  const verdict = cap.tripped ? paint('red', 'no room') : paint('green', 'has room');
  const reason = cap.reason === null ? '' : ` "${shorten(cap.reason, 100)}"`;
  const granted = cap.granted > 0n ? ` (${showUsd(cap.granted)} of it granted)` : '';
  const limit = `${showAmount(cap.unit, cap.limit)}${granted}`;
  print.line([`  ${shorten(cap.action, 30)} ${limit}${window}${reason}: `, verdict], 4);
  if (cap.scopeKey !== '') print.line(dim(`    counts ${shorten(cap.scopeKey, 200)}`), 6);
  printSum(print, listSum(cap), cap.unit);
}

type SumLine = readonly [sign: string, label: string, amount: bigint];

function listSum(cap: CapStory): readonly SumLine[] {
  const { limit, spent, held, adds } = cap;
  const isCounted = cap.window !== 'per_call';
  const total = totalOf(cap);
  const before: readonly SumLine[] = [
    [' ', 'spent', spent],
    ['+', 'held by running calls', held],
  ];
  const running: readonly SumLine[] = [[' ', 'running calls', held]];
  return [
    ...(cap.unit === 'in_flight' ? running : isCounted ? before : []),
    [isCounted ? '+' : ' ', nameAddition(cap), adds],
    ...(isCounted ? ([['=', 'together', total]] as const) : []),
    total > limit ? ['>', 'over the cap by', total - limit] : ['≤', 'left', limit - total],
  ];
}

/** A call is one call: only the other units have a bound and an estimate. */
function nameAddition({ unit, action }: CapStory): string {
  if (unit === 'requests' || unit === 'in_flight') return 'this call';
  return action === 'block' ? 'this call, its upper bound' : 'this call, estimated';
}

/** Points, or the ends of whole numbers, stand below each other. */
function printSum(print: Printer, lines: readonly SumLine[], unit: CapUnit): void {
  const amounts = lines.map(([, , amount]) => (unit === 'usd' ? showUsd(amount) : group(amount)));
  const widths = amounts.map((amount) => (unit === 'usd' ? amount.indexOf('.') : amount.length));
  const widest = Math.max(...widths);
  for (const [i, [sign, label]] of lines.entries()) {
    const indent = ' '.repeat(widest - (widths[i] ?? widest));
    print.line(`    ${sign} ${label.padEnd(28)}${indent}${amounts[i] ?? ''}`);
  }
}

/** `$0.03`, `30 requests`, `5,000 tokens`, `4 in flight`. */
function showAmount(unit: CapUnit, amount: bigint): string {
  if (unit === 'usd') return showUsd(amount);
  if (unit === 'in_flight') return `${group(amount)} in flight`;
  return `${group(amount)} ${amount === 1n ? unit.slice(0, -1) : unit}`;
}

function group(amount: bigint): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, ',');
}
