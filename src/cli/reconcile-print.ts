/** How a reconciliation reads: unguarded spend first, then what was compared, then what it cannot show. */
import type { ReconciledWindow } from '../core/key-windows.js';
import { ONE_USD, printUsd, showUsd, type Usd } from '../core/money.js';
import { measureRatio, type Prediction } from '../core/prediction.js';
import { type ReconciledLine, toleranceOf } from '../core/reconciliation.js';
import { count } from '../core/verdicts.js';
import { type CommandContext, suggest } from './context.js';
import { bold, dim, type Printer, paint, shorten } from './print.js';
import type { ReconcileReport } from './reconcile-ledgers.js';

const SINCE: Readonly<Record<ReconciledWindow['window'], string>> = {
  daily: 'today',
  weekly: 'since Monday',
  monthly: 'this month',
};

/** Prints for people: findings on standard output, what was not shown on standard error. */
export function printReport(context: CommandContext, report: ReconcileReport): void {
  const { out, quiet } = context;
  const lines = report.lines.filter((line) => line.status === 'unguarded');
  const windows = report.windows.filter((window) => isNews(window, lines));
  if (!report.ok) printUnguarded(out, lines, windows);
  else if (!quiet) out.line(paint('green', summarize(report)));
  printLimits(context, report);
  if (quiet) return;
  printSums(out, report);
  printPredictions(out, report.predictions);
}

/** Whether a window shows more than the lines that are named: what is not in the activity yet, as of today. */
function isNews({ from, unguardedUsd }: ReconciledWindow, lines: readonly ReconciledLine[]): boolean {
  const named = lines.filter(({ date }) => date >= from);
  const namedUsd = named.reduce((total, line) => total + line.unguardedAtMostUsd, 0n);
  return unguardedUsd > namedUsd + toleranceOf(namedUsd);
}

function summarize({ basis, range }: ReconcileReport): string {
  return basis === 'account'
    ? `No unguarded spend: all that OpenRouter charged from ${range.from} to ${range.to} is in the ledger.`
    : 'Nothing shows: this key was not charged for more than the ledger has.';
}

function printUnguarded(
  out: Printer,
  lines: readonly ReconciledLine[],
  windows: readonly ReconciledWindow[],
): void {
  out.line(paint('red', 'Spend that did not pass the guard:'));
  const longest = lines.reduce((most, { model }) => Math.max(most, shorten(model, 60).length), 0);
  const width = Math.min(48, longest);
  for (const line of lines)
    out.entry(`${line.date}  ${shorten(line.model, 60).padEnd(width)}`, width + 14, [
      bold(showRange(line.unguardedUsd, line.unguardedAtMostUsd)),
      `  ${describeRequests(line)}`,
    ]);
  for (const { window, from, unguardedUsd } of windows)
    out.line([
      `${from}  this key, ${SINCE[window]}: `,
      bold(`at least ${show(unguardedUsd)}`),
      ' more than all calls of the ledger',
    ]);
}

function showRange(atLeast: Usd, atMost: Usd): string {
  if (atLeast === atMost) return show(atLeast);
  return atLeast === 0n ? `up to ${show(atMost)}` : `${show(atLeast)} to ${show(atMost)}`;
}

function describeRequests({ requests, calls, providers }: ReconciledLine): string {
  const where = providers.length > 0 ? ` (${providers.map((name) => shorten(name, 40)).join(', ')})` : '';
  if (requests === undefined) return `${count(calls, 'call')} in the ledger${where}`;
  return `${count(requests, 'request')}, ${count(calls, 'call')} in the ledger${where}`;
}

/** What this result does not say. Never silent: a bare success would promise too much. */
function printLimits(context: CommandContext, report: ReconcileReport): void {
  const { notes } = context;
  const { basis, range, isCutShort, unreadableLines } = report;
  if (isCutShort)
    notes.line([paint('yellow', 'note'), `: OpenRouter no longer tells about days before ${range.from}.`]);
  if (basis === 'key')
    notes.line([
      paint('yellow', 'note'),
      ': only this key was looked at, and only in sum; other keys, models and days need a management key ' +
        '(--management-key-env).',
    ]);
  if (unreadableLines > 0)
    notes.line([
      paint('yellow', 'note'),
      `: ${count(unreadableLines, 'line')} of the ledgers could not be read; calls on them look unguarded. ` +
        `${suggest(context, 'verify')} names them.`,
    ]);
}

function printSums(out: Printer, report: ReconcileReport): void {
  const { lines, windows, credits, basis, range, today } = report;
  const sum = (of: (line: ReconciledLine) => Usd): Usd => lines.reduce((total, line) => total + of(line), 0n);
  out.blank();
  if (basis === 'account') {
    const byokUsd = sum((line) => line.byokUsd);
    out.entry('charged', 10, [
      show(sum((line) => line.usageUsd)),
      byokUsd > 0n ? `, and ${show(byokUsd)} by providers to keys of your own (BYOK)` : '',
      dim(`  all keys, ${range.from} to ${range.to} UTC`),
    ]);
    out.entry('ledger', 10, show(sum((line) => line.billedUsd)));
    printOpen(out, lines);
    if (range.to === today && !lines.some(({ date, requests }) => date === today && requests !== undefined))
      out.entry('today', 10, dim('is in the activity only when the day is over (UTC)'));
  }
  for (const { window, usageUsd, byokUsd, billedUsd } of windows)
    out.entry('this key', 10, [
      `${show(usageUsd + byokUsd)} ${SINCE[window]}`,
      dim(`  the ledger has ${show(billedUsd)} by all keys`),
    ]);
  if (credits)
    out.entry(
      'credits',
      10,
      `${show(credits.boughtUsd - credits.usedUsd)} left of ${show(credits.boughtUsd)}`,
    );
}

function printOpen(out: Printer, lines: readonly ReconciledLine[]): void {
  const calls = lines.reduce((total, line) => total + line.openCalls, 0);
  if (calls === 0) return;
  const known = lines.filter((line) => line.openCalls > 0);
  const hasBound = known.every((line) => line.openUsd !== undefined);
  const most = known.reduce((total, line) => total + (line.openUsd ?? 0n), 0n);
  out.entry('', 10, [
    `and ${count(calls, 'call')} whose cost is not known yet`,
    hasBound ? `, at most ${show(most)}` : ', without a bound',
  ]);
}

function printPredictions(out: Printer, predictions: readonly Prediction[]): void {
  if (predictions.length === 0) return;
  out.blank();
  const rows = predictions.map((one) => [
    shorten(one.model, 44),
    String(one.calls),
    show(one.expectedUsd),
    show(one.reservedUsd),
    show(one.billedUsd),
    printRatio(one, one.expectedUsd) ?? '-',
  ]);
  const head = ['predicted against billed', 'calls', 'expected', 'bound', 'billed', 'ratio'];
  const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]!.length)));
  const align = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  out.line(bold(align(head)));
  for (const row of rows) out.line(align(row));
}

/** Rounded to eight decimals, below which sums of floats are noise. `--json` has all digits. */
function show(amount: Usd): string {
  const unit = ONE_USD / 100_000_000n;
  return showUsd(((2n * amount + unit) / (2n * unit)) * unit);
}

function printRatio(prediction: Prediction, predictedUsd: Usd): string | null {
  const ratio = measureRatio(prediction, predictedUsd);
  return ratio === undefined ? null : printUsd(ratio);
}

/** The stable JSON form. Amounts are exact decimal text in US dollars. */
export function describeReport(report: ReconcileReport) {
  const { ok, basis, range, ledgers, unreadableLines, lines, windows, credits, predictions } = report;
  return {
    ok,
    basis,
    from: range.from,
    to: range.to,
    ledgers,
    unreadableLines,
    unguarded: lines.filter(({ status }) => status === 'unguarded').map(describeLine),
    lines: lines.map(describeLine),
    key: windows.map((window) => ({
      window: window.window,
      from: window.from,
      usageUsd: printUsd(window.usageUsd),
      byokUsd: printUsd(window.byokUsd),
      billedUsd: printUsd(window.billedUsd),
      openCalls: window.openCalls,
      openUsd: printOptional(window.openUsd),
      unguardedUsd: printUsd(window.unguardedUsd),
    })),
    credits: credits ? { boughtUsd: printUsd(credits.boughtUsd), usedUsd: printUsd(credits.usedUsd) } : null,
    predicted: predictions.map((one) => ({
      model: one.model,
      calls: one.calls,
      expectedUsd: printUsd(one.expectedUsd),
      reservedUsd: printUsd(one.reservedUsd),
      billedUsd: printUsd(one.billedUsd),
      billedToExpected: printRatio(one, one.expectedUsd),
      billedToReserved: printRatio(one, one.reservedUsd),
    })),
  };
}

function describeLine(line: ReconciledLine) {
  return {
    date: line.date,
    model: line.model,
    providers: line.providers,
    status: line.status,
    usageUsd: printUsd(line.usageUsd),
    byokUsd: printUsd(line.byokUsd),
    billedUsd: printUsd(line.billedUsd),
    openCalls: line.openCalls,
    openUsd: printOptional(line.openUsd),
    unguardedUsd: printUsd(line.unguardedUsd),
    unguardedAtMostUsd: printUsd(line.unguardedAtMostUsd),
    requests: line.requests ?? null,
    calls: line.calls,
  };
}

function printOptional(amount: Usd | undefined): string | null {
  return amount === undefined ? null : printUsd(amount);
}
