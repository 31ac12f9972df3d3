/** Every problem with its line and row, the sentence, and what its code means. */
import type { JSX } from 'preact';
import type { FileReport, Problem } from '../../src/core/report.js';
import { countOf, showCount, showText } from '../text.js';
import { PROBLEM_WORDS } from './problem-words.js';

const MAX_SHOWN = 200;
const RANK: Readonly<Record<Problem['severity'], number>> = { error: 0, warning: 1, note: 2 };

export function ProblemTable({ report }: { readonly report: FileReport }): JSX.Element {
  const { problems, problemCount } = report;
  const sorted = problems.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  if (problems.length === 0) return <p class="proof-clean">No problem was found in it.</p>;
  return (
    <div class="proof-problems">
      <h3>
        {errors > 0 ? countOf(problemCount, 'problem') : `${countOf(problemCount, 'remark')}, no error`}
      </h3>
      <ol>
        {sorted.slice(0, MAX_SHOWN).map((problem) => (
          <li
            key={`${problem.code} ${problem.line} ${problem.message}`}
            class={`proof-problem is-${problem.severity}`}
            data-code={problem.code}
            data-line={problem.line}
          >
            <p>
              <span class="proof-severity">{problem.severity}</span> <code>{problem.code}</code>{' '}
              <span class="dim num">{placeOf(problem)}</span>
            </p>
            <p>{showText(problem.message, 600)}</p>
            <p class="dim">{PROBLEM_WORDS[problem.code]}</p>
          </li>
        ))}
      </ol>
      {problemCount > Math.min(MAX_SHOWN, problems.length) && (
        <p class="dim">
          {showCount(problemCount - Math.min(MAX_SHOWN, problems.length))} more are counted and not listed.
        </p>
      )}
    </div>
  );
}

function placeOf({ line, sequence }: Problem): string {
  if (line === 0) return 'the whole of it';
  return `line ${showCount(line)}${sequence === null ? '' : `, row ${showCount(sequence)} of its signer`}`;
}
