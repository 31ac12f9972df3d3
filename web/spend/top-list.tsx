/** Who or what cost most, with bars; a click shows those calls. */
import type { JSX } from 'preact';
import type { SummaryAnswer } from '../../src/core/dashboard.js';
import type { TextQueryField } from '../../src/core/query-ast.js';
import { addTerm, printTerm } from '../../src/core/query-printer.js';
import { shareOf, showAmount, showExact } from '../amount.js';
import { go, view } from '../state/view.js';
import { countOf, showCount, showText } from '../text.js';

export interface TopListProps {
  readonly title: string;
  readonly field: TextQueryField;
  readonly summary: SummaryAnswer;
  /** `blocked` lists what was not spent. */
  readonly of: 'settledUsd' | 'blockedUsd';
}

export function TopList({ title, field, summary, of }: TopListProps): JSX.Element {
  const groups = summary.groups.filter((group) => group[of] !== '0');
  const most = groups[0]?.[of] ?? '0';
  return (
    <section class="card top-list">
      <h3>{title}</h3>
      {groups.length === 0 && <p class="dim">Nothing.</p>}
      <ol>
        {groups.map((group) => {
          const value = group.key[0] ?? '';
          return (
            <li key={value}>
              <button
                type="button"
                disabled={value === ''}
                title={`${showExact(group[of])} in ${countOf(group.calls, 'call')}: show them`}
                onClick={() => go({ screen: 'live', q: addTerm(view.value.q, printTerm(field, value)) })}
              >
                <i class={`top-bar top-bar-${of}`} style={{ width: `${100 * shareOf(group[of], most)}%` }} />
                <bdi>{value === '' ? 'without' : showText(value, 80)}</bdi>
                <span class="dim num">{showCount(of === 'blockedUsd' ? group.blocked : group.calls)}</span>
                <span class="num">{showAmount(group[of])}</span>
              </button>
            </li>
          );
        })}
      </ol>
      {summary.omitted > 0 && <p class="dim">and {showCount(summary.omitted)} more</p>}
    </section>
  );
}
