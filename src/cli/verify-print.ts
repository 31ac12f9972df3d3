/** A verification for people: files, rows, signers, four verdicts with their reasons, problems. Never a bare "OK". */
import type { Answer, ChainReport, FileReport, Problem, Severity, Verdicts } from '../core/report.js';
import { count } from '../core/verdicts.js';
import { printCaps } from './cap-lines.js';
import { STANDARD_INPUT } from './ledger-places.js';
import { bold, dim, type Part, type Printer, paint, type Style } from './print.js';
import { printCount } from './progress.js';
import type { FileOutcome, Selection } from './verify-file.js';

/** At most so many problems, and so many signers, are printed of each file. */
const MAX_PRINTED = 20;

export const VERDICT_NAMES = ['authentic', 'contiguous', 'complete', 'lawful'] as const;
export type VerdictName = (typeof VERDICT_NAMES)[number];

const ANSWER_STYLES: Readonly<Record<Answer, Style>> = { yes: 'green', no: 'red', unknown: 'yellow' };
const SEVERITY_STYLES: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', note: 'cyan' };

/** One file in full. `selector` names what `selection` counts. */
export function printFile(print: Printer, outcome: FileOutcome, selector: string | undefined): void {
  const { report, selection } = outcome;
  print.line([bold(report.path === STANDARD_INPUT ? 'standard input' : report.path)], 2);
  print.line(['  ', describeRows(outcome)], 2);
  print.blank();
  printVerdicts(print, report.verdicts);
  printCaps(print, report);
  printSigners(print, report.chains);
  if (selection && selector !== undefined) printSelection(print, selector, selection, report.problems);
  printProblems(print, report);
  print.blank();
}

/** The answer in one line: what is proved, what is not, what failed. */
export function printHeadline(print: Printer, verdicts: Verdicts): void {
  const names = (answer: Answer): string =>
    VERDICT_NAMES.filter((name) => verdicts[name].answer === answer).join(', ');
  const failed = names('no');
  const proved = names('yes');
  const open = names('unknown');
  const notProved = open === '' ? [] : [` Not proved here: ${open}.`];
  if (failed !== '') {
    print.line([paint('red', 'FAILED'), `: not ${failed.replaceAll(', ', ', not ')}.`]);
  } else if (proved !== '') {
    print.line([paint('green', 'Verified'), `: ${proved}.`, ...notProved], 2);
  } else {
    print.line([paint('yellow', 'Nothing wrong found, nothing proved'), `: ${open} are unknown.`], 2);
  }
}

/** What a file holds: `3 rows by 2 signers, ledger 5f1c…`. */
export function describeRows({ kind, report }: FileOutcome): string {
  const rows = report.rows === 1 ? '1 row' : `${printCount(report.rows)} rows`;
  const what =
    kind === 'receipt'
      ? 'a single receipt'
      : kind === 'proof'
        ? 'a receipt inside its proof'
        : kind === 'array'
          ? `a list of ${rows}`
          : rows;
  const signers = report.chains.length > 0 ? ` by ${count(report.chains.length, 'signer')}` : '';
  const ledger = report.ledgerId === null ? '' : `, ledger ${report.ledgerId}`;
  return what + signers + ledger;
}

/** The line of a signer's key that fits beside others: `3f2c8a91…e4b7`. */
export function shortenKey(signer: string): string {
  return /^[0-9a-f]{64}$/.test(signer) ? `${signer.slice(0, 8)}…${signer.slice(-4)}` : 'not named';
}

function printVerdicts(print: Printer, verdicts: Verdicts): void {
  for (const name of VERDICT_NAMES) {
    const { answer, because } = verdicts[name];
    const label = `  ${name.padEnd(10)}  `;
    print.line([label, paint(ANSWER_STYLES[answer], answer.padEnd(7)), `  ${because}`], 23);
  }
}

function printSigners(print: Printer, chains: readonly ChainReport[]): void {
  if (chains.length === 0) return;
  print.blank();
  for (const chain of chains.slice(0, MAX_PRINTED)) {
    const { signer, fingerprint, rows, first, last } = chain;
    const place = first === last ? `row ${first}` : `rows ${first} to ${last}`;
    const missing = last - first + 1 === rows ? '' : `, ${rows} seen`;
    print.line(
      ['  signer ', bold(fingerprint), `  key ${shortenKey(signer)}  ${place}${missing}${whose(chain)}`],
      4,
    );
  }
  const more = chains.length - MAX_PRINTED;
  if (more > 0) print.line(dim(`  … and ${more} more`));
}

function whose({ verdicts }: ChainReport): string {
  const { answer } = verdicts.authentic;
  return answer === 'yes' ? '  (pinned)' : answer === 'no' ? '  (NOT AUTHENTIC)' : '';
}

function printSelection(
  print: Printer,
  selector: string,
  selection: Selection,
  problems: readonly Problem[],
): void {
  const lines = new Set(selection.lines);
  const bad = problems.filter((problem) => problem.severity === 'error' && lines.has(problem.line)).length;
  const shown = selection.lines.slice(0, MAX_PRINTED).join(', ');
  const more = selection.rows > MAX_PRINTED ? `, … and ${selection.rows - MAX_PRINTED} more` : '';
  const rows = selection.rows === 1 ? '1 row names it, line' : `${selection.rows} rows name it, lines`;
  print.blank();
  const state = bad === 0 ? 'no problem in them.' : `${count(bad, 'problem')} in them!`;
  print.line(['  trace ', bold(selector), `: ${rows} ${shown}${more}; ${state}`], 4);
}

function printProblems(print: Printer, { problems, problemCount }: FileReport): void {
  if (problems.length === 0) return;
  print.blank();
  // What decides comes first; within one weight, the order of the file.
  const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };
  const sorted = problems.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
  for (const problem of sorted.slice(0, MAX_PRINTED)) {
    print.line(['  ', ...describeProblem(problem)], 4);
  }
  const more = problemCount - Math.min(MAX_PRINTED, problems.length);
  if (more > 0) print.line(dim(`  … and ${printCount(more)} more`));
}

/** `error line 41, sequence 40, LINK_MISMATCH: …`. */
export function describeProblem({ severity, line, sequence, code, message }: Problem): readonly Part[] {
  const place = line > 0 ? ` line ${line}${sequence === null ? '' : `, sequence ${sequence}`},` : '';
  return [paint(SEVERITY_STYLES[severity], severity), `${place} ${code}: ${message}`];
}
