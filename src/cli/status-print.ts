/** Where caps stand, for people: one line of words and one of figures for each, the fullest first. */
import type { CapGauge } from '../core/dashboard.js';
import { ONE_USD, parseUsd } from '../core/money.js';
import { printScopeKey } from '../core/scope.js';
import { chooseDecimals, drawBar, shortCount, shortSpan, shortUsd } from '../core/short-text.js';
import { hintPolicy, type ScopeStatus } from './commands/status.js';
import type { CommandContext } from './context.js';
import { bold, dim, type Printer, paint, type Style, shorten } from './print.js';

const MAX_GAUGES = 50;
const BAR_WIDTH = 24;

/** Prints each ledger with its caps. */
export function printStatus(context: CommandContext, statuses: readonly ScopeStatus[], nowMs: number): void {
  const { out } = context;
  for (const [at, status] of statuses.entries()) {
    if (at > 0) out.blank();
    out.line([bold(shorten(status.scope)), dim(`  ${shortCount(status.rows)} rows  ${status.path}`)], 2);
    printControls(out, status, nowMs);
    for (const gauge of status.gauges.slice(0, MAX_GAUGES)) printGauge(out, gauge, nowMs);
    if (status.gauges.length > MAX_GAUGES)
      out.line(dim(`  … and ${shortCount(status.gauges.length - MAX_GAUGES)} counters that are less full`));
    printMissing(context, status);
  }
}

function printControls(out: Printer, { stop, grants }: ScopeStatus, nowMs: number): void {
  if (stop) {
    const why = stop.reason === undefined ? '' : `: ${shorten(stop.reason)}`;
    const who = stop.by === undefined ? '' : ` by ${shorten(stop.by)}`;
    out.line(['  ', paint('red', 'STOPPED'), ` ${shortSpan(nowMs - stop.sinceMs)} ago${who}${why}`], 4);
  }
  for (const { usd, untilMs, match, capPolicyId, by, reason } of grants) {
    const key = printScopeKey(match);
    const of = capPolicyId === undefined ? '' : ` under ${shorten(capPolicyId)}`;
    const words = [
      of,
      key === '' ? '' : ` for ${shorten(key)}`,
      by === undefined ? '' : ` by ${shorten(by)}`,
    ];
    const why = reason === undefined ? '' : `: ${shorten(reason)}`;
    const left = shortSpan(untilMs - nowMs);
    out.line(['  ', paint('cyan', 'grant'), ` ${shortUsd(usd)} more for ${left}${words.join('')}${why}`], 4);
  }
}

function printMissing(context: CommandContext, { gauges, unknownPolicies, rows }: ScopeStatus): void {
  const { out } = context;
  for (const hash of unknownPolicies)
    out.line(
      dim(`  The policy ${hash.slice(0, 12)}… is in force, and its text is not beside the ledger.`),
      2,
    );
  if (gauges.length > 0 || unknownPolicies.length > 0) return;
  out.line(dim(rows === 0 ? '  No rows yet.' : '  No cap with a window has counted a call yet.'));
  out.line(dim(`  ${hintPolicy(context)} shows the caps of a policy before it is used.`), 2);
}

function printGauge(out: Printer, gauge: CapGauge, nowMs: number): void {
  const { share } = gauge;
  const style: Style = share >= 1 ? 'red' : share >= 0.8 ? 'yellow' : 'green';
  const percent = `${Math.floor(share * 100)}%`.padStart(5);
  const limit = showOf(gauge, gauge.limit);
  const task = gauge.task === null ? '' : ` for task ${shorten(gauge.task)}`;
  const name = `${shorten(gauge.action, 20)} ${limit} ${describeWindow(gauge)}${task}`;
  out.line(
    [
      '  ',
      paint(style, drawBar(share, BAR_WIDTH)),
      `${percent}  `,
      bold(name),
      dim(`  ${shorten(gauge.key, 160)}`),
    ],
    4,
  );
  out.line(dim(`  ${' '.repeat(BAR_WIDTH)}       ${describeFigures(gauge, nowMs)}`), BAR_WIDTH + 9);
}

/** `$1.20 spent, $0.10 held, $3.70 left, resets in 5h 12m, full in 2h 3m`. */
export function describeFigures(gauge: CapGauge, nowMs: number): string {
  const { settled, held, left, granted, resetsAtMs, reachedAtMs, unit } = gauge;
  const figures = [
    unit === 'in_flight' ? '' : `${showOf(gauge, settled)} spent`,
    held === '0' ? '' : `${showOf(gauge, held)} held`,
    `${showOf(gauge, left)} left`,
    granted === '0' ? '' : `${showOf(gauge, granted)} of it granted`,
    resetsAtMs === null ? '' : `resets in ${shortSpan(resetsAtMs - nowMs)}`,
    reachedAtMs === null
      ? ''
      : reachedAtMs <= nowMs
        ? 'full now'
        : `full in ${shortSpan(reachedAtMs - nowMs)}`,
  ];
  return figures.filter((figure) => figure !== '').join(', ');
}

function describeWindow({ window, unit }: CapGauge): string {
  if (unit === 'in_flight') return 'in flight';
  return window === 'total' ? 'in total' : window.replace('_', ' ');
}

/** An amount in the unit of its cap. */
function showOf({ unit, limit }: CapGauge, amount: string): string {
  if (unit !== 'usd') return `${shortCount(amount)}${unit === 'in_flight' ? '' : ` ${unit}`}`;
  const decimals = chooseDecimals(parseUsd(limit) ?? ONE_USD);
  return shortUsd(parseUsd(amount) ?? 0n, decimals).replace(/(\.\d\d\d*?)0+$/, '$1');
}
