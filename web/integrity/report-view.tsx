/** What a verification found: four verdicts, and each problem with a way to its row. */
import type { JSX } from 'preact';
import type { Answer, FileReport, Problem, Verdict } from '../../src/core/report.js';
import { Icon, type IconName } from '../icons.js';
import { countOf, showCount, showText } from '../text.js';
import { showSpan } from '../time.js';

const ICONS: Readonly<Record<Answer, IconName>> = { yes: 'allow', no: 'close', unknown: 'unknown' };
const MAX_PROBLEMS = 50;

export interface ReportViewProps {
  readonly report: FileReport;
  readonly tookMs: number;
  /** Shows the call at a row, counted from 0. */
  readonly onRow: (row: number) => void;
}

export function ReportView({ report, tookMs, onRow }: ReportViewProps): JSX.Element {
  const verdicts = Object.entries(report.verdicts) as readonly (readonly [string, Verdict])[];
  const notes = report.problems.filter(({ severity }) => severity === 'note').length;
  return (
    <div class="report">
      <p class="dim num">
        {countOf(report.rows, 'row')} checked in{' '}
        {tookMs < 1000 ? `${Math.round(tookMs)} ms` : showSpan(tookMs)}
      </p>
      <dl class="verdicts">
        {verdicts.map(([name, verdict]) => (
          <div key={name} class={`answer answer-${verdict.answer}`}>
            <dt>
              <Icon name={ICONS[verdict.answer]} /> {name} <b>{verdict.answer}</b>
            </dt>
            <dd>{showText(verdict.because)}</dd>
          </div>
        ))}
      </dl>
      {report.problemCount > notes && (
        <ol class="problems">
          {report.problems
            .filter(({ severity }) => severity !== 'note')
            .slice(0, MAX_PROBLEMS)
            .map((problem) => (
              <ProblemLine key={`${problem.line} ${problem.code}`} problem={problem} onRow={onRow} />
            ))}
        </ol>
      )}
      {report.problemCount > MAX_PROBLEMS && (
        <p class="dim">and more: {showCount(report.problemCount)} in all</p>
      )}
    </div>
  );
}

interface ProblemLineProps {
  readonly problem: Problem;
  readonly onRow: ReportViewProps['onRow'];
}

function ProblemLine({ problem, onRow }: ProblemLineProps): JSX.Element {
  const { line, severity } = problem;
  return (
    <li class={`problem problem-${severity}`}>
      {line > 0 && (
        <button type="button" class="link num" onClick={() => onRow(line - 1)}>
          line {showCount(line)}
        </button>
      )}
      <code>{problem.code}</code> {showText(problem.message)}
    </li>
  );
}
