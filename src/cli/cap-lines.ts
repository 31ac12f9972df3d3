/** One line for each cap that a ledger was held to: `cap $200.00/day: highest $12.34, never exceeded`. */
import { judgeCap } from '../core/cap-verdict.js';
import { parseUsd, showUsd } from '../core/money.js';
import type { CapReport, FileReport } from '../core/report.js';
import { dim, type Printer, paint } from './print.js';

/** At most so many caps are printed of each file. */
const MAX_PRINTED = 20;

/** Prints the caps of one ledger. A cap that several versions of a policy share is one line. */
export function printCaps(print: Printer, { caps, verdicts }: Pick<FileReport, 'caps' | 'verdicts'>): void {
  if (caps.length === 0) return;
  const lines = new Map<string, CapReport>();
  for (const cap of caps) {
    const key = `${describeCap(cap)} ${cap.scopeKey}`;
    const known = lines.get(key);
    lines.set(key, known?.exceeded ? known : cap);
  }
  print.blank();
  for (const cap of [...lines.values()].slice(0, MAX_PRINTED)) {
    const verdict = judgeCap(cap, verdicts);
    print.line(['  ', describeCap(cap), paintVerdict(cap, verdict), dim(`  (${cap.scopeKey})`)], 4);
  }
  if (lines.size > MAX_PRINTED) print.line(dim(`  … and ${lines.size - MAX_PRINTED} more caps`));
}

function paintVerdict({ exceeded }: CapReport, verdict: string) {
  if (verdict === '') return '';
  return exceeded || verdict.startsWith('never')
    ? paint(exceeded ? 'red' : 'green', `, ${verdict}`)
    : `, ${verdict}`;
}

function describeCap({
  limitUsd,
  highestUsd,
  limit,
  highest,
  unit,
  window,
  action,
  mode,
}: CapReport): string {
  const soft = mode === 'shadow' ? 'shadow ' : action === 'block' ? '' : `${action} `;
  const amounts =
    limitUsd === undefined
      ? [`${limit} ${(unit ?? '').replace('_', ' ')}`, `${highest}`]
      : [showUsd(parseUsd(limitUsd) ?? 0n), showUsd(parseUsd(highestUsd ?? '') ?? 0n)];
  const span =
    unit === 'in_flight' ? '' : window === 'total' ? ' in total' : `/${window.replace(/^per_/, '')}`;
  return `${soft}cap ${amounts[0]}${span}: highest ${amounts[1]}`;
}
